"""When a schedule fires: whether it ever does, and how soon after one time the
next one can be.

Agents give schedules to APScheduler, which searches for the next time day by
day through all years. Here it is calculated, at a cost that no schedule can
raise: see :mod:`.calendars`.
"""

import collections.abc
import datetime
import functools
import typing

from freezer_api.domain import calendars, triggers

DAY = 86_400
ENDLESS = float('inf')
#: What APScheduler takes for the fields below the least one that is given; the
#: rest is ``*``.
LEAST = {'month': '1', 'day': '1', 'hour': '0', 'minute': '0', 'second': '0'}
Schedule = collections.abc.Mapping[str, typing.Any]
Texts = tuple[str, ...]


def period(schedule: Schedule) -> float:
    """The seconds between two moments at which a schedule fires where they are
    closest.

    They are counted as if clocks were never changed; endless if it fires once
    at most, or is none that an agent can read. Start and end don't matter.
    """
    if schedule.get('schedule_date'):
        return ENDLESS
    if schedule.get('schedule_interval'):
        return triggers.interval(str(schedule['schedule_interval'])) or ENDLESS
    texts = _texts(schedule)
    return ENDLESS if texts is None else _cron_period(texts)


def fires(schedule: Schedule) -> bool:
    """Whether a validated schedule fires at all, from its start until its end.

    In which zone an agent reads cron fields isn't known: it counts if it fires
    in one of them.
    """
    if schedule.get('schedule_date') or schedule.get('schedule_interval'):
        return True
    texts = _texts(schedule)
    if texts is None:
        return True
    due = functools.cache(
        functools.partial(calendars.days, wanted=_wanted(texts))
    )
    first, last = _window(schedule)
    return any(
        _within(year, due(calendars.kind(year)), first, last)
        for year in _numbers('year', texts)
        if first.year <= year <= last.year
    )


def _texts(schedule: Schedule) -> Texts | None:
    """The text of every cron field, as APScheduler completes them; None if
    there is none.
    """
    given = [schedule.get(f'schedule_{field}') for field in triggers.CRON]
    if given == [None] * len(given):
        return None
    least = max(place for place, text in enumerate(given) if text is not None)
    return tuple(
        (
            str(text)
            if text is not None
            else LEAST.get(field, '*')
            if place > least
            else '*'
        )
        for place, (field, text) in enumerate(
            zip(triggers.CRON, given, strict=True)
        )
    )


def _text(field: str, texts: Texts) -> str:
    return texts[[*triggers.CRON].index(field)]


def _wanted(texts: Texts) -> dict[str, frozenset[int | str]]:
    """The values of those fields that tell days from others."""
    told = {field: _text(field, texts) for field in calendars.FIELDS}
    return {
        field: triggers.cron_values(field, text)
        for field, text in told.items()
        if text != '*'
    }


def _numbers(field: str, texts: Texts) -> collections.abc.Sequence[int]:
    """The values of another field, in order."""
    text = _text(field, texts)
    if text == '*':
        low, high = triggers.CRON[field]
        return range(low, high + 1)
    return sorted(
        typing.cast(frozenset[int], triggers.cron_values(field, text))
    )


def _window(schedule: Schedule) -> tuple[datetime.date, datetime.date]:
    """The first and the last day, in any zone, between the start and the end
    of a schedule.

    The last day of all isn't among them: west of UTC an agent can't count it.
    """
    day, utc = datetime.timedelta(1), datetime.timezone.utc
    start = triggers.date(schedule.get('schedule_start_date', ''))
    end = triggers.date(schedule.get('schedule_end_date', ''))
    return (
        start.astimezone(utc).date() - day if start else datetime.date.min,
        end.astimezone(utc).date() + day if end else datetime.date.max - day,
    )


def _within(
    year: int, days: int, first: datetime.date, last: datetime.date
) -> bool:
    """Whether one of some days of a year lies in a window that begins and ends
    no other year.
    """
    if year == last.year:
        days &= (1 << last.timetuple().tm_yday) - 1
    if year == first.year:
        days >>= first.timetuple().tm_yday - 1
    return days != 0


@functools.lru_cache(maxsize=1024)
def _cron_period(texts: Texts) -> float:
    fields = zip(triggers.CRON, texts, strict=True)
    if not all(triggers.is_cron(field, text) for field, text in fields):
        return ENDLESS
    wanted = _wanted(texts)
    dues = {kind: calendars.days(kind, wanted) for kind in calendars.KINDS}
    candidates = _numbers('year', texts)
    if isinstance(candidates, range):
        # Of all years, two cycles show every pair that can follow each other.
        candidates = candidates[: 2 * calendars.CYCLE]
    years = [year for year in candidates if dues[calendars.kind(year)]]
    if not years:
        return ENDLESS
    shortest, span = ENDLESS, 0
    for field, unit in (('second', 1), ('minute', 60), ('hour', 3600)):
        values = _numbers(field, texts)
        shortest = min(shortest, _shortest_step(values) * unit - span)
        span += (values[-1] - values[0]) * unit
    if shortest <= DAY - span:
        return shortest
    return min(shortest, _day_gap(years, dues) * DAY - span)


def _shortest_step(values: collections.abc.Sequence[int]) -> float:
    return min(
        (
            after - before
            for before, after in zip(values, values[1:], strict=False)
        ),
        default=ENDLESS,
    )


def _day_gap(years: list[int], dues: dict[calendars.Kind, int]) -> float:
    """The fewest days between two due days of some years, in each of which
    there is one.
    """
    kinds = {calendars.kind(year) for year in years}
    shortest = min(calendars.shortest_gap(dues[kind]) for kind in kinds)
    if shortest == 1:
        return shortest
    before = None
    for year in years:
        days = dues[calendars.kind(year)]
        new_year = datetime.date(year, 1, 1).toordinal()
        if before is not None:
            first = (days & -days).bit_length() - 1
            shortest = min(shortest, new_year + first - before)
        before = new_year + days.bit_length() - 1
    return shortest
