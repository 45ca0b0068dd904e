"""What the agent can parse of a schedule: intervals, dates and cron fields, as APScheduler 3 and iso8601 read them.

An agent that meets anything else stops polling or never runs the job; so these are checked before a schedule gets in.
"""

import collections.abc
import datetime
import re

UNITS = {'weeks': 604_800, 'days': 86_400, 'hours': 3_600, 'minutes': 60, 'seconds': 1}
#: Longer intervals, in seconds, carry the agent's next run beyond the last date that it can hold: a million days.
MAX_INTERVAL = 1_000_000 * UNITS['days']
#: Cron fields and the least and greatest value of each.
CRON = {'year': (1970, 9999), 'month': (1, 12), 'day': (1, 31), 'week': (1, 53), 'day_of_week': (0, 6),
        'hour': (0, 23), 'minute': (0, 59), 'second': (0, 59)}
MONTHS = ('jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec')
WEEKDAYS = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
NAMES = {'month': MONTHS, 'day_of_week': WEEKDAYS}

_INTERVAL = re.compile(f'([0-9]{{1,11}}) ({"|".join(UNITS)})')
_RUN_DATE = re.compile(r'([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,6})?'
                       r'(Z|[+-][0-9]{2}:[0-9]{2})?)?')
_DATE = re.compile(r'([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[ T]([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]{1,9})?)?)?'
                   r'(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?')
_STEPS = re.compile(r'\*(?:/([0-9]{1,4}))?')
_RANGE = re.compile(r'([0-9]{1,4})(?:-([0-9]{1,4}))?(?:/([0-9]{1,4}))?')
_NAMES = re.compile(r'([a-z]+)(?:-([a-z]+))?')
_DAY_NAMED = re.compile(f'last|(?:1st|2nd|3rd|4th|5th|last) +(?:{"|".join(WEEKDAYS)})')


def is_interval(text: str) -> bool:
    """Whether a text is ``continuous`` or a count of at least 1, one space and a unit."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        return text == 'continuous'
    return 0 < int(match[1]) * UNITS[match[2]] <= MAX_INTERVAL


def is_run_date(text: str) -> bool:
    """Whether a text is a moment at which a job can run once."""
    return _is_moment(_RUN_DATE.fullmatch(text))


def is_date(text: str) -> bool:
    """Whether a text is a moment at which a schedule can begin or end."""
    return _is_moment(_DATE.fullmatch(text))


def is_cron(field: str, text: str) -> bool:
    """Whether a text is a comma-separated list of cron expressions for one of the fields in :data:`CRON`."""
    return len(text) <= 255 and all(_is_expression(field, part.lower()) for part in re.split(' *, *', text.strip()))


def _is_moment(match: re.Match[str] | None) -> bool:
    """Whether year to second and zone, the groups of a match, are a date that stays one in every zone."""
    if match is None:
        return False
    *numbers, zone = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    try:
        datetime.datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
    except ValueError:
        return False
    return datetime.MINYEAR < year < datetime.MAXYEAR


def _zone(text: str | None) -> datetime.timezone:
    if text is None or text == 'Z':
        return datetime.timezone.utc
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    if minutes > 59:
        raise ValueError(text)
    offset = datetime.timedelta(hours=hours, minutes=minutes)
    return datetime.timezone(-offset if text[0] == '-' else offset)


def _is_expression(field: str, text: str) -> bool:
    low, high = CRON[field]
    if match := _STEPS.fullmatch(text):
        return match[1] is None or 0 < int(match[1]) <= high - low
    if match := _RANGE.fullmatch(text):
        return _is_range(match, low, high)
    if field == 'day':
        return _DAY_NAMED.fullmatch(text) is not None
    match = _NAMES.fullmatch(text)
    return match is not None and _are_names(match, NAMES.get(field, ()))


def _is_range(match: re.Match[str], low: int, high: int) -> bool:
    """Whether first, last and step of a match fit: without a last one, a stepped range ends at the greatest value."""
    first, step = int(match[1]), None if match[3] is None else int(match[3])
    last = int(match[2] or (first if step is None else high))
    return low <= first <= last <= high and (step is None or 0 < step <= (last or high) - first)


def _are_names(match: re.Match[str], names: collections.abc.Sequence[str]) -> bool:
    first, last = match[1], match[2] or match[1]
    return first in names and last in names and names.index(first) <= names.index(last)
