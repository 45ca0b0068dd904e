"""Which days of a year fit some values of cron fields, for all of its days at
once.

A set of days of a year is an integer: bit 0 stands for January 1. What the
fields say of a day depends on the kind of its year alone, and there are 21
kinds: nothing here goes through centuries.
"""

import calendar
import collections
import collections.abc
import datetime
import functools
import typing

from freezer_api.domain import triggers

#: The calendar, weekdays included, is the same every 400 years.
CYCLE = 400
POSITIONS = ('1st', '2nd', '3rd', '4th', '5th')
#: The cron fields that tell days.
FIELDS = ('month', 'day', 'week', 'day_of_week')
Values = collections.abc.Iterable[int | str]


class Kind(typing.NamedTuple):
    """All that the days of a year depend on; its first week may be one of the
    year before.
    """

    weekday: int
    leap: bool
    after_leap: bool


def _kind_of(year: int) -> Kind:
    weekday = datetime.date(year, 1, 1).weekday()
    return Kind(weekday, calendar.isleap(year), calendar.isleap(year - 1))


_KINDS = tuple(_kind_of(year or CYCLE) for year in range(CYCLE))
_EXAMPLES = {_kind_of(year): year for year in range(1, CYCLE + 1)}
KINDS = frozenset(_EXAMPLES)


def kind(year: int) -> Kind:
    """The kind of a year."""
    return _KINDS[year % CYCLE]


def days(kind: Kind, wanted: collections.abc.Mapping[str, Values]) -> int:
    """The days of such a year that have a wanted value in each of some of
    :data:`FIELDS`.
    """
    sets = _sets(kind)
    common = (1 << (366 if kind.leap else 365)) - 1
    for field, values in wanted.items():
        fitting = 0
        for value in values:
            fitting |= sets[field].get(value, 0)
        common &= fitting
    return common


def shortest_gap(days: int) -> float:
    """The fewest days from one of a set of days to the next; endless if there
    is no next one.
    """
    for distance in range(1, days.bit_length()):
        if days & days >> distance:
            return distance
    return float('inf')


@functools.cache
def _sets(kind: Kind) -> dict[str, dict[int | str, int]]:
    """For each field, the days of a year that have each value."""
    sets: dict[str, dict[int | str, int]] = {
        field: collections.defaultdict(int) for field in FIELDS
    }
    new_year = datetime.date(_EXAMPLES[kind], 1, 1)
    for number in range(366 if kind.leap else 365):
        day = new_year + datetime.timedelta(number)
        for field, value in _values(day):
            sets[field][value] |= 1 << number
    return {field: dict(values) for field, values in sets.items()}


def _values(
    day: datetime.date,
) -> collections.abc.Iterator[tuple[str, int | str]]:
    """What is true of a day, as :func:`.triggers.cron_values` has it."""
    weekday = triggers.WEEKDAYS[day.weekday()]
    length = calendar.monthrange(day.year, day.month)[1]
    yield 'month', day.month
    yield 'week', day.isocalendar().week
    yield 'day_of_week', day.weekday()
    yield 'day', day.day
    yield 'day', f'{POSITIONS[(day.day - 1) // 7]} {weekday}'
    if day.day + 7 > length:
        yield 'day', f'last {weekday}'
    if day.day == length:
        yield 'day', 'last'
