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

#: A day in seconds.
DAY = 86_400
#: The period of what fires once at most.
ENDLESS = float('inf')
#: What APScheduler takes for a field below the least one that is given, where
#: that isn't ``*``.
LEAST = {'month': '1', 'day': '1', 'hour': '0', 'minute': '0', 'second': '0'}
Schedule = collections.abc.Mapping[str, typing.Any]
#: The text of every cron field, in the order of :data:`.triggers.CRON`.
Texts = tuple[str, ...]
_FIELDS: tuple[triggers.CronField, ...] = tuple(triggers.CRON)
# The fields within a day, and their units in seconds.
_UNITS: tuple[tuple[triggers.CronField, int], ...] = (
    ('second', 1),
    ('minute', 60),
    ('hour', 3600),
)
_UTC = datetime.timezone.utc


class _Window(typing.NamedTuple):
    """The first and the last day on which a schedule may fire."""

    first: datetime.date
    last: datetime.date


def period(schedule: Schedule) -> float:
    """Return the seconds between two times at which a schedule fires, where
    they are closest.

    Clocks are taken never to be changed, and start and end don't matter. The
    period is endless if the schedule fires once at most, or is none that an
    agent can read.
    """
    if schedule.get('schedule_date'):
        return ENDLESS
    interval = schedule.get('schedule_interval')
    if interval:
        return triggers.interval(str(interval)) or ENDLESS
    texts = _complete_fields(schedule)
    if texts is None:
        return ENDLESS
    return _cron_period(texts)


def fires(schedule: Schedule) -> bool:
    """Tell whether a validated schedule fires at all, from its start until its
    end.

    In which zone an agent reads cron fields isn't known: it is enough that it
    fires in one of them.
    """
    if schedule.get('schedule_date') or schedule.get('schedule_interval'):
        return True
    texts = _complete_fields(schedule)
    if texts is None:
        return True
    wanted = _wanted_days(texts)
    # The days are the same in all years of a kind.
    due_days: dict[calendars.Kind, int] = {}
    window = _window(schedule)
    first_year = window.first.year
    last_year = window.last.year
    for year in _numbers('year', texts):
        if not first_year <= year <= last_year:
            continue
        kind = calendars.kind(year)
        if kind not in due_days:
            due_days[kind] = calendars.days(kind, wanted)
        if _is_any_within(year, due_days[kind], window):
            return True
    return False


def _complete_fields(schedule: Schedule) -> Texts | None:
    """Return the text of every cron field, as APScheduler completes them; None
    if there is none.
    """
    given = [schedule.get(f'schedule_{field}') for field in _FIELDS]
    least = -1
    for place, value in enumerate(given):
        if value is not None:
            least = place
    if least == -1:
        return None
    texts: list[str] = []
    for place, value in enumerate(given):
        if value is not None:
            texts.append(str(value))
        elif place > least:
            texts.append(LEAST.get(_FIELDS[place], '*'))
        else:
            texts.append('*')
    return tuple(texts)


def _text(field: triggers.CronField, texts: Texts) -> str:
    return texts[_FIELDS.index(field)]


def _wanted_days(
    texts: Texts,
) -> dict[calendars.DayField, frozenset[int | str]]:
    """Return the values of the fields that tell days from others."""
    wanted: dict[calendars.DayField, frozenset[int | str]] = {}
    for field in calendars.FIELDS:
        text = _text(field, texts)
        if text != '*':
            wanted[field] = triggers.cron_values(field, text)
    return wanted


def _numbers(
    field: triggers.CronField, texts: Texts
) -> collections.abc.Sequence[int]:
    """Return the values of a field that has only numbers, in order."""
    text = _text(field, texts)
    if text == '*':
        low, high = triggers.CRON[field]
        return range(low, high + 1)
    values = triggers.cron_values(field, text)
    return sorted(typing.cast(frozenset[int], values))


def _window(schedule: Schedule) -> _Window:
    """Return the first and the last day, in any zone, between the start and
    the end of a schedule.

    The last day of all isn't among them: west of UTC an agent can't count it.
    """
    day = datetime.timedelta(days=1)
    first = datetime.date.min
    last = datetime.date.max - day
    start_text = schedule.get('schedule_start_date', '')
    start = triggers.date(start_text)
    if start is not None:
        first = start.astimezone(_UTC).date() - day
    end_text = schedule.get('schedule_end_date', '')
    end = triggers.date(end_text)
    if end is not None:
        last = end.astimezone(_UTC).date() + day
    return _Window(first, last)


def _is_any_within(year: int, days: int, window: _Window) -> bool:
    """Tell whether one of some days of a year is in a window. The year is
    neither before the window nor behind it.
    """
    first, last = window
    if year == last.year:
        days_until_last = last.timetuple().tm_yday
        days &= (1 << days_until_last) - 1
    if year == first.year:
        days_before_first = first.timetuple().tm_yday - 1
        days >>= days_before_first
    return days != 0


@functools.lru_cache(maxsize=1024)
def _cron_period(texts: Texts) -> float:
    for field, text in zip(_FIELDS, texts, strict=True):
        if not triggers.is_cron(field, text):
            return ENDLESS
    wanted = _wanted_days(texts)
    due_days: dict[calendars.Kind, int] = {}
    for kind in calendars.KINDS:
        due_days[kind] = calendars.days(kind, wanted)
    years = _years_with_due_days(texts, due_days)
    if not years:
        return ENDLESS
    # From the least unit up: the steps of a unit are shorter by what the units
    # below span, from their first to their last value.
    shortest = ENDLESS
    span = 0
    for field, unit in _UNITS:
        values = _numbers(field, texts)
        step = _shortest_step(values) * unit
        shortest = min(shortest, step - span)
        span += (values[-1] - values[0]) * unit
    # No gap between days is less than a day.
    # So what is shorter than the time from the last value of one day to the
    # first of the next needs no look at days.
    if shortest <= DAY - span:
        return shortest
    gap = _shortest_day_gap(years, due_days) * DAY
    return min(shortest, gap - span)


def _years_with_due_days(
    texts: Texts, due_days: dict[calendars.Kind, int]
) -> list[int]:
    candidates = _numbers('year', texts)
    if isinstance(candidates, range):
        # All years: two cycles have every pair of years that can follow each
        # other.
        candidates = candidates[: 2 * calendars.CYCLE]
    return [year for year in candidates if due_days[calendars.kind(year)]]


def _shortest_step(values: collections.abc.Sequence[int]) -> float:
    """Return the least difference between two neighbours; endless for a single
    value.
    """
    shortest = ENDLESS
    for before, after in zip(values, values[1:], strict=False):
        shortest = min(shortest, after - before)
    return shortest


def _shortest_day_gap(
    years: list[int], due_days: dict[calendars.Kind, int]
) -> float:
    """Return the least number of days between two due days, in the same year
    or in two that follow each other. Each of the years has a due day.
    """
    shortest = ENDLESS
    for kind in {calendars.kind(year) for year in years}:
        shortest = min(shortest, calendars.shortest_gap(due_days[kind]))
    if shortest == 1:
        return shortest
    last_before: int | None = None
    for year in years:
        days = due_days[calendars.kind(year)]
        new_year = datetime.date(year, 1, 1).toordinal()
        lowest_bit = days & -days
        first = new_year + lowest_bit.bit_length() - 1
        last = new_year + days.bit_length() - 1
        if last_before is not None:
            shortest = min(shortest, first - last_before)
        last_before = last
    return shortest
