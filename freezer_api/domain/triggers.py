"""What the agent can parse of a schedule: intervals, dates and cron fields, as
APScheduler 3 and iso8601 read them.

An agent that meets anything else stops polling or never runs the job; so these
are checked before a schedule gets in.
"""

import collections.abc
import datetime
import re

UNITS = {
    'weeks': 604_800,
    'days': 86_400,
    'hours': 3_600,
    'minutes': 60,
    'seconds': 1,
}
#: Longer intervals, in seconds, carry the agent's next run beyond the last
#: date that it can hold: a million days.
MAX_INTERVAL = 1_000_000 * UNITS['days']
#: Cron fields and the least and greatest value of each.
CRON = {
    'year': (1970, 9999),
    'month': (1, 12),
    'day': (1, 31),
    'week': (1, 53),
    'day_of_week': (0, 6),
    'hour': (0, 23),
    'minute': (0, 59),
    'second': (0, 59),
}
MONTHS = (
    'jan',
    'feb',
    'mar',
    'apr',
    'may',
    'jun',
    'jul',
    'aug',
    'sep',
    'oct',
    'nov',
    'dec',
)
WEEKDAYS = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
NAMES = {'month': MONTHS, 'day_of_week': WEEKDAYS}

_INTERVAL = re.compile(f'([0-9]{{1,11}}) ({"|".join(UNITS)})')
_SECOND = r'([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})'
# APScheduler reads this one, in agents of all releases.
_RUN_DATE = re.compile(
    _SECOND + r'(?:\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?'
)
# Agents up to 18 read these without a zone only, and never with fractions of
# seconds.
_DATE = re.compile(_SECOND + r'(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?')
_STEPS = re.compile(r'\*(?:/([0-9]{1,4}))?')
_RANGE = re.compile(r'([0-9]{1,4})(?:-([0-9]{1,4}))?(?:/([0-9]{1,4}))?')
_NAMES = re.compile(r'([a-z]+)(?:-([a-z]+))?')
_DAY_NAMED = re.compile(
    f'last|(?:1st|2nd|3rd|4th|5th|last) +(?:{"|".join(WEEKDAYS)})'
)


def is_interval(text: str) -> bool:
    """Whether a text is ``continuous`` or a count of at least 1, one space and
    a unit.
    """
    return interval(text) is not None


def interval(text: str) -> int | None:
    """The seconds of an interval, 1 for ``continuous`` as agents have it; None
    for another text.
    """
    if text == 'continuous':
        return 1
    match = _INTERVAL.fullmatch(text)
    seconds = int(match[1]) * UNITS[match[2]] if match else 0
    return seconds if 0 < seconds <= MAX_INTERVAL else None


def is_run_date(text: str) -> bool:
    """Whether a text is a moment at which a job can run once."""
    return _moment(_RUN_DATE.fullmatch(text)) is not None


def is_date(text: str) -> bool:
    """Whether a text is a moment at which a schedule can begin or end."""
    return date(text) is not None


def date(text: str) -> datetime.datetime | None:
    """The moment of such a text, which is UTC if it names no zone; None for
    any other text.
    """
    return _moment(_DATE.fullmatch(text))


def is_cron(field: str, text: str) -> bool:
    """Whether a text is a comma-separated list of cron expressions for one of
    the fields in :data:`CRON`.
    """
    return len(text) <= 255 and all(
        _expression(field, part) is not None for part in _parts(text)
    )


def cron_values(field: str, text: str) -> frozenset[int | str]:
    """What an accepted text means: numbers, for days also ``last``, ``last
    fri`` or ``2nd mon``.
    """
    values: set[int | str] = set()
    for part in _parts(text):
        values.update(_expression(field, part) or ())
    return frozenset(values)


def are_weekdays(text: str) -> bool:
    """Whether a text is a comma-separated list of names of weekdays and ranges
    of them.
    """
    return len(text) <= 255 and all(
        _named(part, WEEKDAYS) is not None for part in _parts(text)
    )


def _moment(match: re.Match[str] | None) -> datetime.datetime | None:
    """The moment of year to second and zone, the groups of a match, if it is
    one in every zone.
    """
    if match is None:
        return None
    *numbers, zone = match.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    try:
        moment = datetime.datetime(
            year, month, day, hour, minute, second, tzinfo=_zone(zone)
        )
    except ValueError:
        return None
    return moment if datetime.MINYEAR < year < datetime.MAXYEAR else None


def _zone(text: str | None) -> datetime.timezone:
    if text is None or text == 'Z':
        return datetime.timezone.utc
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    if minutes > 59:
        raise ValueError(text)
    offset = datetime.timedelta(hours=hours, minutes=minutes)
    return datetime.timezone(-offset if text[0] == '-' else offset)


def _parts(text: str) -> set[str]:
    return {part.lower() for part in re.split(' *, *', text.strip())}


def _expression(
    field: str, text: str
) -> collections.abc.Collection[int | str] | None:
    """What one expression of a field means, None if the agent can't read
    it.
    """
    low, high = CRON[field]
    if match := _STEPS.fullmatch(text):
        step = int(match[1] or 1)
        return range(low, high + 1, step) if 0 < step <= high - low else None
    if match := _RANGE.fullmatch(text):
        return _range(match, low, high)
    if field == 'day':
        return (
            (' '.join(text.split()),) if _DAY_NAMED.fullmatch(text) else None
        )
    named = _named(text, NAMES.get(field, ()))
    return (
        None if named is None else range(low + named.start, low + named.stop)
    )


def _range(match: re.Match[str], low: int, high: int) -> range | None:
    """The values from first to last by step; without a last, a stepped range
    has the greatest.
    """
    first, step = int(match[1]), None if match[3] is None else int(match[3])
    last = int(match[2] or (first if step is None else high))
    fits = low <= first <= last <= high and (
        step is None or 0 < step <= (last or high) - first
    )
    return range(first, last + 1, step or 1) if fits else None


def _named(text: str, names: collections.abc.Sequence[str]) -> range | None:
    """The places of a name, or of a range of names, among names."""
    match = _NAMES.fullmatch(text)
    if (
        match is None
        or match[1] not in names
        or (match[2] or match[1]) not in names
    ):
        return None
    places = range(
        names.index(match[1]), names.index(match[2] or match[1]) + 1
    )
    return places or None
