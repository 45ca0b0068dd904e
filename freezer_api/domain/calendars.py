"""Which days of a year fit some values of cron fields, for all days of a year
at once.

A set of days of a year is an integer: bit 0 stands for January 1. Which days
fit depends on nothing of the year but its :class:`Kind`, and there are 21
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
DayField = typing.Literal['month', 'day', 'week', 'day_of_week']
#: The cron fields that tell days.
FIELDS: tuple[DayField, ...] = ('month', 'day', 'week', 'day_of_week')
Values = collections.abc.Iterable[int | str]


class Kind(typing.NamedTuple):
    """All that the days of a year depend on.

    The first days of a year may be in the last week of the year before, whose
    number depends on whether that is a leap year.
    """

    weekday: int
    leap: bool
    after_leap: bool

    @property
    def length(self) -> int:
        """Return the number of days."""
        return 366 if self.leap else 365


def _kind_of(year: int) -> Kind:
    return Kind(
        weekday=datetime.date(year, 1, 1).weekday(),
        leap=calendar.isleap(year),
        after_leap=calendar.isleap(year - 1),
    )


# The kind of each year of a cycle; the year 400 stands for the year 0, which
# datetime doesn't have.
_KINDS = tuple(_kind_of(year or CYCLE) for year in range(CYCLE))
# A year of each kind.
_EXAMPLES = {_kind_of(year): year for year in range(1, CYCLE + 1)}
KINDS = frozenset(_EXAMPLES)


def kind(year: int) -> Kind:
    """Return the kind of a year."""
    return _KINDS[year % CYCLE]


def days(kind: Kind, wanted: collections.abc.Mapping[DayField, Values]) -> int:
    """Return the days of such a year that have, in each of some cron fields,
    one of the wanted values.
    """
    sets = _sets(kind)
    common = (1 << kind.length) - 1
    for field, values in wanted.items():
        days_of_value = sets[field]
        fitting = 0
        for value in values:
            fitting |= days_of_value.get(value, 0)
        common &= fitting
    return common


def shortest_gap(days: int) -> float:
    """Return the least number of days from one of a set of days to the next;
    infinite if there are fewer than two.
    """
    for distance in range(1, days.bit_length()):
        if days & days >> distance:
            return distance
    return float('inf')


@functools.cache
def _sets(kind: Kind) -> dict[DayField, dict[int | str, int]]:
    """Return for each field the days of a year that have each value."""
    sets: dict[DayField, dict[int | str, int]] = {}
    for field in FIELDS:
        sets[field] = {}
    new_year = datetime.date(_EXAMPLES[kind], 1, 1)
    for number in range(kind.length):
        day = new_year + datetime.timedelta(days=number)
        bit = 1 << number
        for field, value in _values(day):
            days_of_value = sets[field]
            days_of_value[value] = days_of_value.get(value, 0) | bit
    return sets


def _values(
    day: datetime.date,
) -> collections.abc.Iterator[tuple[DayField, int | str]]:
    """Yield the values of a day, spelt as :func:`.triggers.cron_values` does:
    a day of a month has several.
    """
    number = day.day
    weekday = day.weekday()
    yield 'month', day.month
    yield 'week', day.isocalendar().week
    yield 'day_of_week', weekday
    yield 'day', number
    name = triggers.WEEKDAYS[weekday]
    weeks_before = (number - 1) // 7
    yield 'day', f'{POSITIONS[weeks_before]} {name}'
    _, days_in_month = calendar.monthrange(day.year, day.month)
    if number + 7 > days_in_month:
        yield 'day', f'last {name}'
    if number == days_in_month:
        yield 'day', 'last'
