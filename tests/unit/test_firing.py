"""When schedules fire, held against APScheduler, and against days that are counted one by one."""

import datetime
import itertools
import unittest

import hypothesis
from apscheduler.triggers import cron as apscheduler
from apscheduler.triggers import interval as intervals
from hypothesis import strategies as st

from freezer_api.domain import calendars, firing, triggers
from tests import base, cron_strategies

base.explore()

UTC = datetime.timezone.utc
DAY = firing.DAY
BEGINNING = datetime.datetime(1970, 1, 1, tzinfo=UTC)
WEEKDAYS = {
    'schedule_month': '1-6, 9-12',
    'schedule_day_of_week': 'mon, wed, fri',
    'schedule_hour': '03',
    'schedule_minute': '25',
}
LEAP_MONDAY = {'schedule_month': '2', 'schedule_day': '29', 'schedule_day_of_week': 'mon'}


NEVER = {
    'February 30': {'schedule_month': '2', 'schedule_day': '30'},
    'April 31': {'schedule_month': 'apr,jun', 'schedule_day': '31', 'schedule_hour': '*'},
    'week 53 in June': {'schedule_month': '6', 'schedule_week': '53'},
    'January 1 in week 2': {'schedule_month': '1', 'schedule_day': '1', 'schedule_week': '2'},
    'February 29 in no leap year': {**LEAP_MONDAY, 'schedule_year': '2029-2031'},
    'February 29 on other weekdays': {**LEAP_MONDAY, 'schedule_year': '2024, 2052'},
    'a year before the start': {
        'schedule_year': '2030',
        'schedule_start_date': '2031-01-03T00:00:00',
    },
    'a year after the end': {
        'schedule_year': '2031',
        'schedule_start_date': '2029-01-01T00:00:00',
        'schedule_end_date': '2030-12-30T00:00:00',
    },
    'the last day that calendars have': {
        'schedule_year': '9999',
        'schedule_month': '12',
        'schedule_day': '31',
    },
    'between two of them': {
        'schedule_month': '2',
        'schedule_day': '29',
        'schedule_start_date': '2028-03-02T00:00:00',
        'schedule_end_date': '2032-02-27T00:00:00',
    },
}
SELDOM = {
    'February 29': {'schedule_month': '2', 'schedule_day': '29'},
    'on a Monday': LEAP_MONDAY,
    'week 53': {'schedule_week': '53'},
    'week 53 in January': {'schedule_week': '53', 'schedule_month': '1'},
    'five Fridays in February': {'schedule_month': '2', 'schedule_day': '5th fri'},
    'the last year': {'schedule_day': '30', 'schedule_month': '12', 'schedule_year': '9999'},
    'the day of the start': {
        'schedule_year': '2030',
        'schedule_month': '12',
        'schedule_day': '31',
        'schedule_start_date': '2031-01-01T11:00:00+13:00',
    },
    'an interval beside fields': {
        'schedule_interval': '1 days',
        'schedule_month': '2',
        'schedule_day': '30',
    },
    'a date beside fields': {
        'schedule_date': '2001-01-01T00:00:00',
        'schedule_month': '2',
        'schedule_day': '30',
    },
    'nothing': {},
    'a command': {'event': 'start'},
}


def few_years(first, more):
    return f'{first}-{first + more}'


#: APScheduler looks at each day, so there are few.
STARTS = st.datetimes(datetime.datetime(1995, 1, 1), datetime.datetime(2100, 1, 1))
YEARS = st.builds(few_years, st.integers(1995, 2105), st.integers(0, 12))


def trigger(schedule, zone=UTC):
    """What an agent makes of cron fields, a start and an end."""
    fields = {key.removeprefix('schedule_'): value for key, value in schedule.items()}
    for key in ('start_date', 'end_date'):
        if key in fields:
            fields[key] = triggers.date(fields[key])
    return apscheduler.CronTrigger(**fields, timezone=zone)


def has(field, moment):
    """Whether a moment has one of the values of a field of APScheduler's."""
    return field.get_next_value(moment) == field.get_value(moment)


def days(fields, years):
    """The days that fit, one after the other; APScheduler tells of each whether it does."""
    day = datetime.datetime(years[0], 1, 1)
    while day.year <= years[-1]:
        if all(has(field, day) for field in fields[:5]):
            yield day
        day += datetime.timedelta(1)


def times(fields):
    """The seconds of a day that fit."""
    midnight = datetime.datetime(2000, 1, 1)
    values = [
        [value for value in range(high + 1) if has(field, midnight.replace(**{field.name: value}))]
        for field, high in zip(fields[5:], (23, 59, 59), strict=True)
    ]
    return [
        hour * 3600 + minute * 60 + second for hour, minute, second in itertools.product(*values)
    ]


def gaps(numbers):
    return [after - before for before, after in zip(numbers, numbers[1:], strict=False)]


def closest(schedule, years):
    """The fewest seconds between two moments of all that fit in some years."""
    fields = trigger(schedule).fields
    due, seconds = [day.toordinal() for day in days(fields, years)], times(fields)
    within = gaps(seconds) if due else []
    between = [gap * DAY - seconds[-1] + seconds[0] for gap in gaps(due)]
    return min(within + between, default=firing.ENDLESS)


class Expressions(unittest.TestCase):
    @hypothesis.given(
        st.sampled_from([*triggers.CRON]).flatmap(
            lambda field: st.tuples(st.just(field), cron_strategies.texts(field))
        )
    )
    def test_what_is_taken_is_what_apscheduler_reads(self, told):
        field, text = told
        try:
            apscheduler.CronTrigger(**{field: text}, timezone=UTC)
        except ValueError:
            self.assertFalse(triggers.is_cron(field, text), told)
        else:
            self.assertTrue(triggers.is_cron(field, text), told)

    @hypothesis.given(cron_strategies.accepted('day_of_week'))
    def test_names_of_weekdays_are_expressions_for_days_of_the_week(self, text):
        named = not any(character.isdigit() or character == '*' for character in text)
        self.assertEqual(named, triggers.are_weekdays(text))
        self.assertFalse(named and triggers.is_cron('day', text))


class Calendars(unittest.TestCase):
    def test_all_years_of_a_kind_have_the_same_days(self):
        by_kind = {}
        for year in range(1970, 1970 + 2 * calendars.CYCLE):
            dates = [datetime.date(year, *day) for day in ((1, 1), (1, 3), (3, 1), (12, 31))]
            found = [(day.isocalendar()[1:], day.timetuple().tm_yday) for day in dates]
            self.assertEqual(found, by_kind.setdefault(calendars.kind(year), found), year)
        self.assertEqual(calendars.KINDS, set(by_kind))

    @hypothesis.given(
        st.integers(1970, 2400),
        cron_strategies.accepted('day'),
        cron_strategies.accepted('week'),
        cron_strategies.accepted('month'),
        cron_strategies.accepted('day_of_week'),
    )
    def test_days_of_a_year_agree_with_apscheduler(self, year, day, week, month, day_of_week):
        texts = {'day': day, 'week': week, 'month': month, 'day_of_week': day_of_week}
        wanted = {field: triggers.cron_values(field, text) for field, text in texts.items()}
        found = calendars.days(calendars.kind(year), wanted)
        fields = apscheduler.CronTrigger(**texts, year=year, timezone=UTC).fields
        self.assertEqual(
            [day.timetuple().tm_yday - 1 for day in days(fields, [year])],
            [number for number in range(366) if found >> number & 1],
        )


class Fires(unittest.TestCase):
    def test_impossible_schedule_never_fires(self):
        for name, schedule in NEVER.items():
            with self.subTest(name):
                self.assertFalse(firing.fires(schedule))

    def test_rare_schedule_fires(self):
        for name, schedule in SELDOM.items():
            with self.subTest(name):
                self.assertTrue(firing.fires(schedule))

    @hypothesis.given(cron_strategies.fields(YEARS))
    def test_fires_agrees_with_apscheduler(self, schedule):
        found = trigger(schedule).get_next_fire_time(None, BEGINNING)
        self.assertEqual(found is not None, firing.fires(schedule), schedule)

    @hypothesis.given(
        cron_strategies.fields(YEARS), STARTS, st.integers(0, 800), st.integers(-12, 14)
    )
    def test_schedule_that_fires_in_any_zone_fires(self, schedule, start, length, hours):
        zone = datetime.timezone(datetime.timedelta(hours=hours))
        end = start + datetime.timedelta(length)
        schedule = {
            **schedule,
            'schedule_start_date': start.isoformat(timespec='seconds'),
            'schedule_end_date': end.isoformat(timespec='seconds'),
        }
        if trigger(schedule, zone).get_next_fire_time(None, BEGINNING):
            self.assertTrue(firing.fires(schedule), schedule)


class Period(unittest.TestCase):
    def test_well_known_schedules_have_their_periods(self):
        for schedule, seconds in (
            ({'schedule_interval': '2 hours'}, 7200),
            ({'schedule_interval': 'continuous'}, 1),
            ({'schedule_interval': '1 weeks', 'schedule_hour': '*'}, 7 * DAY),
            ({'schedule_hour': '*'}, 3600),
            ({'schedule_hour': '3'}, DAY),
            ({'schedule_second': '*'}, 1),
            ({'schedule_minute': '*/7'}, 240),
            ({'schedule_hour': '0,22', 'schedule_minute': '5'}, 7200),
            ({'schedule_hour': '0-4/4', 'schedule_minute': '0,59'}, 3540),
            (WEEKDAYS, 2 * DAY),
            ({'schedule_week': '*'}, DAY),
            ({'schedule_day': 'last'}, 28 * DAY),
            ({'schedule_month': '1,12', 'schedule_day': '1,31'}, DAY),
            ({'schedule_month': '7'}, 365 * DAY),
            ({'schedule_day': '31', 'schedule_year': '2029'}, 31 * DAY),
            ({'schedule_month': '2', 'schedule_day': '29'}, 1461 * DAY),
            (LEAP_MONDAY, 4382 * DAY),
            ({'schedule_year': '*/400'}, 146097 * DAY),
        ):
            with self.subTest(schedule):
                self.assertEqual(seconds, firing.period(schedule))

    def test_schedule_without_a_second_firing_is_endless(self):
        for schedule in (
            {},
            {'event': 'start'},
            {'schedule_year': '2030'},
            {'schedule_date': '2030-01-01T00:00:00', 'schedule_hour': '*'},
            {'schedule_month': '2', 'schedule_day': '30', 'schedule_hour': '*'},
            {'schedule_year': '2030', 'schedule_month': '2', 'schedule_day': '5'},
            # What may be stored from before there were rules.
            {'schedule_interval': 'daily'},
            {'schedule_hour': 'noon'},
            {'schedule_hour': ''},
            {'schedule_day': 'mon, wed'},
            {'schedule_interval': 5},
        ):
            with self.subTest(schedule):
                self.assertEqual(firing.ENDLESS, firing.period(schedule))

    def test_stored_numbers_and_nulls_are_read(self):
        self.assertEqual(DAY, firing.period({'schedule_hour': 5, 'schedule_minute': None}))

    @hypothesis.given(cron_strategies.fields(YEARS))
    def test_period_is_the_shortest_distance_between_firings(self, schedule):
        years = sorted(triggers.cron_values('year', schedule['schedule_year']))
        self.assertEqual(closest(schedule, years), firing.period(schedule), schedule)

    @hypothesis.given(cron_strategies.fields().filter(bool))
    def test_apscheduler_never_fires_sooner(self, schedule):
        """It may search for long in later years, so it only looks at some days."""
        period = firing.period(schedule)
        fields = trigger(
            {
                **schedule,
                'schedule_start_date': '2020-01-01T00:00:00',
                'schedule_end_date': '2021-12-31T00:00:00',
            }
        )
        moment = fields.get_next_fire_time(None, BEGINNING)
        for _ in range(100):
            following = moment and fields.get_next_fire_time(moment, moment)
            if not following:
                break
            self.assertGreaterEqual((following - moment).total_seconds(), period, schedule)
            moment = following

    @hypothesis.given(st.integers(1, 10**6), st.sampled_from([*triggers.UNITS]))
    def test_period_of_an_interval_is_the_trigger_s(self, number, unit):
        hypothesis.assume(number * triggers.UNITS[unit] <= triggers.MAX_INTERVAL)
        expected = intervals.IntervalTrigger(**{unit: number}, timezone=UTC).interval_length
        self.assertEqual(expected, firing.period({'schedule_interval': f'{number} {unit}'}))

    def test_period_of_a_schedule_is_calculated_once(self):
        firing.period(WEEKDAYS)
        before = firing._cron_period.cache_info()
        started = {'event': 'start', 'schedule_start_date': '2030-01-01T00:00:00'}
        firing.period({**WEEKDAYS, **started})
        after = firing._cron_period.cache_info()
        self.assertEqual(before.hits + 1, after.hits)
        self.assertEqual(before.misses, after.misses)
        self.assertIsNotNone(after.maxsize)
