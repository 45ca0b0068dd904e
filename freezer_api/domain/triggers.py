"""What agents can parse of a schedule: intervals, dates and cron fields, as
APScheduler 3 and iso8601 read them.

An agent that meets anything else stops polling, or never runs the job. So
these are checked before a schedule gets in.
"""

import collections.abc
import datetime
import re
import typing

CronField = typing.Literal[
    'year',
    'month',
    'day',
    'week',
    'day_of_week',
    'hour',
    'minute',
    'second',
]
#: Units of intervals, in seconds.
UNITS = {
    'weeks': 604_800,
    'days': 86_400,
    'hours': 3_600,
    'minutes': 60,
    'seconds': 1,
}
#: The longest interval, in seconds: a million days. A longer one carries an
#: agent's next run beyond the last date that it knows.
MAX_INTERVAL = 1_000_000 * UNITS['days']
#: Cron fields, from the greatest down, and the least and the greatest value of
#: each.
CRON: dict[CronField, tuple[int, int]] = {
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
#: Names of the values of a field, the least value first.
NAMES: dict[str, tuple[str, ...]] = {'month': MONTHS, 'day_of_week': WEEKDAYS}
# Bounds what it costs to parse a text.
_MAX_CRON_LENGTH = 255

_INTERVAL = re.compile(f'([0-9]{{1,11}}) ({"|".join(UNITS)})')
_SECOND = r'([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})'
# APScheduler reads this one, in agents of all releases.
_RUN_DATE = re.compile(
    _SECOND + r'(?:\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?'
)
# Agents up to 18 read these without a zone only, and never with fractions of
# seconds.
_DATE = re.compile(_SECOND + r'(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?')
# The expressions of a field: all values by steps; a value, or a range by
# steps; a name, or a range of names; for days a position in the month.
_STEPS = re.compile(r'\*(?:/([0-9]{1,4}))?')
_RANGE = re.compile(r'([0-9]{1,4})(?:-([0-9]{1,4}))?(?:/([0-9]{1,4}))?')
_NAMES = re.compile(r'([a-z]+)(?:-([a-z]+))?')
_DAY_NAMED = re.compile(
    f'last|(?:1st|2nd|3rd|4th|5th|last) +(?:{"|".join(WEEKDAYS)})'
)
_COMMA = re.compile(' *, *')


def is_interval(text: str) -> bool:
    """Tell whether a text is ``continuous``, or a count of at least 1, one
    space and a unit.
    """
    return interval(text) is not None


def interval(text: str) -> int | None:
    """Return the seconds of an interval, 1 for ``continuous`` as agents have
    it; None for any other text.
    """
    if text == 'continuous':
        return 1
    match = _INTERVAL.fullmatch(text)
    if match is None:
        return None
    count, unit = match.groups()
    seconds = int(count) * UNITS[unit]
    return seconds if 0 < seconds <= MAX_INTERVAL else None


def is_run_date(text: str) -> bool:
    """Tell whether a text is a time at which a job can run once."""
    return _parse_time(_RUN_DATE.fullmatch(text)) is not None


def is_date(text: str) -> bool:
    """Tell whether a text is a time at which a schedule can begin or end."""
    return date(text) is not None


def date(text: str) -> datetime.datetime | None:
    """Return the time at which a schedule begins or ends, which is UTC if the
    text names no zone; None for any other text.
    """
    return _parse_time(_DATE.fullmatch(text))


def is_cron(field: CronField, text: str) -> bool:
    """Tell whether a text is a comma-separated list of cron expressions for a
    field.
    """
    if len(text) > _MAX_CRON_LENGTH:
        return False
    for part in _parts(text):
        if _parse_expression(field, part) is None:
            return False
    return True


def cron_values(field: CronField, text: str) -> frozenset[int | str]:
    """Return what a text that :func:`is_cron` accepts means: numbers, and for
    days also ``last``, ``last fri`` or ``2nd mon``.
    """
    values: set[int | str] = set()
    for part in _parts(text):
        values.update(_parse_expression(field, part) or ())
    return frozenset(values)


def are_weekdays(text: str) -> bool:
    """Tell whether a text is a comma-separated list of names of weekdays and
    ranges of them.
    """
    if len(text) > _MAX_CRON_LENGTH:
        return False
    for part in _parts(text):
        if _parse_names(part, WEEKDAYS) is None:
            return False
    return True


def _parse_time(match: re.Match[str] | None) -> datetime.datetime | None:
    """Return the time that the groups of a match say, year to second and zone;
    None if there is no such time.
    """
    if match is None:
        return None
    *numbers, zone = match.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    # In the first and the last year, it could be out of range in other zones.
    if not datetime.MINYEAR < year < datetime.MAXYEAR:
        return None
    try:
        return datetime.datetime(
            year,
            month,
            day,
            hour,
            minute,
            second,
            tzinfo=_parse_zone(zone),
        )
    except ValueError:
        return None


def _parse_zone(text: str | None) -> datetime.timezone:
    """Return the zone of ``Z``, ``+hh``, ``+hhmm`` or ``+hh:mm``, UTC without
    any; ``ValueError`` if there is no such zone.
    """
    if text is None or text == 'Z':
        return datetime.timezone.utc
    sign, hours = text[0], int(text[1:3])
    minutes = 0
    if len(text) > len('+hh'):
        minutes = int(text[-2:])
    if minutes > 59:
        raise ValueError(text)
    offset = datetime.timedelta(hours=hours, minutes=minutes)
    if sign == '-':
        offset = -offset
    return datetime.timezone(offset)


def _parts(text: str) -> set[str]:
    """Return the different parts of a comma-separated list."""
    parts = _COMMA.split(text.strip())
    return {part.lower() for part in parts}


def _parse_expression(
    field: CronField, text: str
) -> collections.abc.Collection[int | str] | None:
    """Return what one expression of a field means; None if agents can't read
    it.
    """
    low, high = CRON[field]
    steps = _STEPS.fullmatch(text)
    if steps is not None:
        step = int(steps[1] or 1)
        if not 0 < step <= high - low:
            return None
        return range(low, high + 1, step)
    numbers = _RANGE.fullmatch(text)
    if numbers is not None:
        return _parse_range(numbers, low, high)
    if field == 'day':
        if _DAY_NAMED.fullmatch(text) is None:
            return None
        single_spaced = ' '.join(text.split())
        return (single_spaced,)
    places = _parse_names(text, NAMES.get(field, ()))
    if places is None:
        return None
    return range(low + places.start, low + places.stop)


def _parse_range(match: re.Match[str], low: int, high: int) -> range | None:
    """Return the values of ``first-last/step`` in a field from ``low`` to
    ``high``; None if agents can't read it.

    A first value alone is itself; with a step, it goes on to the greatest.
    """
    first = int(match[1])
    has_step = match[3] is not None
    step = int(match[3]) if has_step else 1
    if match[2] is not None:
        last = int(match[2])
    else:
        last = high if has_step else first
    if not low <= first <= last <= high:
        return None
    if has_step:
        # APScheduler takes a last value of 0 for none.
        greatest_step = (last or high) - first
        if not 0 < step <= greatest_step:
            return None
    return range(first, last + 1, step)


def _parse_names(
    text: str, names: collections.abc.Sequence[str]
) -> range | None:
    """Return the places, among names, of a name or of a range of names."""
    match = _NAMES.fullmatch(text)
    if match is None:
        return None
    first = match[1]
    last = match[2] or first
    if first not in names or last not in names:
        return None
    places = range(names.index(first), names.index(last) + 1)
    # A range from a later to an earlier name is none.
    return places or None
