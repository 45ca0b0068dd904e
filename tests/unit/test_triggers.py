"""What agents can parse, and nothing else, is an interval, a date or a cron field."""

import datetime
import unittest

from freezer_api.domain import triggers


class Intervals(unittest.TestCase):
    def test_count_and_unit_are_an_interval(self):
        for text in (
            'continuous',
            '1 weeks',
            '10 days',
            '24 hours',
            '90 minutes',
            '1 seconds',
            '86400000000 seconds',
        ):
            self.assertTrue(triggers.is_interval(text), text)

    def test_other_texts_are_no_interval(self):
        for text in (
            '',
            'Continuous',
            '10',
            'days',
            '10  days',
            '10days',
            ' 10 days',
            '10 days ',
            '10 days\n',
            '1 day',
            '5 months',
            '-1 days',
            '+1 days',
            '1.5 days',
            '0 days',
            '٣ days',
            'None days',
            '10 Days',
            '9' * 5000 + ' days',
        ):
            self.assertFalse(triggers.is_interval(text), text[:20])

    def test_interval_beyond_a_million_days_is_none(self):
        self.assertTrue(triggers.is_interval('1000000 days'))
        self.assertFalse(triggers.is_interval('1000001 days'))
        self.assertFalse(triggers.is_interval('99999999999 weeks'))


class Dates(unittest.TestCase):
    def test_dates_with_and_without_zone_are_accepted(self):
        for text in (
            '2030-01-31T22:30:00',
            '2030-01-31T22:30:00Z',
            '2030-01-31T22:30:00+02:00',
            '2030-01-31T22:30:00-11:30',
            '2028-02-29T00:00:00',
        ):
            self.assertTrue(triggers.is_date(text), text)
            self.assertTrue(triggers.is_run_date(text), text)

    def test_short_zone_is_refused_in_a_run_date_only(self):
        for text in ('2030-01-31T22:30:00+0200', '2030-01-31T22:30:00+02'):
            self.assertTrue(triggers.is_date(text), text)
            self.assertFalse(triggers.is_run_date(text), text)

    def test_fraction_is_accepted_in_a_run_date_only(self):
        for text in ('2030-01-31T22:30:00.123456', '2030-01-31T22:30:00.5Z'):
            self.assertTrue(triggers.is_run_date(text), text)
            self.assertFalse(triggers.is_date(text), text)

    def test_date_is_read_in_its_zone(self):
        for text, zone in (('2030-01-31T22:30:00', 0), ('2030-01-31T20:30:00-02', -2)):
            expected = datetime.datetime(2030, 1, 31, 22, 30, tzinfo=datetime.timezone.utc)
            found = triggers.date(text)
            self.assertEqual(expected, found)
            self.assertEqual(datetime.timedelta(hours=zone), found.utcoffset())

    def test_shortened_dates_are_refused(self):
        for text in (
            '2030-01-31',
            '2030-01-31 22:30:00',
            '2030-01-31T22:30',
            '2030-01-31T22',
            '20300131T223000Z',
            '2030-01-31T22:30:00,5',
        ):
            self.assertFalse(triggers.is_date(text), text)
            self.assertFalse(triggers.is_run_date(text), text)

    def test_impossible_dates_are_refused(self):
        for text in (
            '',
            'tomorrow',
            '2030',
            '2030-01',
            '2030-13-01T00:00:00',
            '2030-02-30T00:00:00',
            '2029-02-29T00:00:00',
            '2030-01-31T24:00:00',
            '2030-01-31T22:60:00',
            '2030-01-31T22:30:60',
            '2030-01-31T22:30:00+24:00',
            '2030-01-31T22:30:00+02:60',
            '2030-01-31t22:30:00',
            '2030-01-31T22:30:00z',
            '2030-01-31T22:30:00 Z',
            '2030-01-31T',
            '31.01.2030',
            '2030-01-31T22:30:00\n',
            '२०३०-01-31',
            '2030-W05-1',
            '1893456000',
        ):
            self.assertFalse(triggers.is_date(text), text)
            self.assertFalse(triggers.is_run_date(text), text)

    def test_date_outside_the_calendar_of_a_zone_is_refused(self):
        for text in (
            '0001-01-01T00:00:00+02:00',
            '9999-12-31T23:59:59-02:00',
            '0000-01-01T00:00:00',
        ):
            self.assertFalse(triggers.is_date(text), text)
            self.assertFalse(triggers.is_run_date(text), text)


class CronFields(unittest.TestCase):
    def test_valid_expressions_are_accepted(self):
        for field, text in (
            ('hour', '*'),
            ('hour', '*/6'),
            ('hour', '0'),
            ('hour', '23'),
            ('hour', '8-18'),
            ('hour', '8-18/2'),
            ('minute', '0,15, 30 ,45'),
            ('second', '5/10'),
            ('year', '2030'),
            ('year', '2030-2040'),
            ('month', 'jan'),
            ('month', 'jan-MAR'),
            ('month', '1,jun,12'),
            ('week', '53'),
            ('day', 'last'),
            ('day', '1st mon'),
            ('day', 'last  Fri,15'),
            ('day_of_week', 'mon-fri'),
            ('day_of_week', '0,2,sun'),
        ):
            self.assertTrue(triggers.is_cron(field, text), (field, text))

    def test_expressions_mean_their_values(self):
        for field, text, values in (
            ('hour', '03', {3}),
            ('hour', '*/6', {0, 6, 12, 18}),
            ('hour', '20/2, 8-12/4', {20, 22, 8, 12}),
            ('month', '1-3, OCT', {1, 2, 3, 10}),
            ('day_of_week', 'mon, wed-fri', {0, 2, 3, 4}),
            ('week', '53', {53}),
            ('day', '1,last, LAST  Fri , 2nd mon', {1, 'last', 'last fri', '2nd mon'}),
            ('second', '55/5', set()),
            ('year', '2030', {2030}),
        ):
            self.assertEqual(values, triggers.cron_values(field, text), text)

    def test_weekday_names_are_told_from_other_texts(self):
        for text in ('mon', 'mon, wed, fri', 'MON-Fri', ' sat ,sun', 'mon-wed,fri'):
            self.assertTrue(triggers.are_weekdays(text), text)
        for text in (
            '',
            '1',
            '*',
            'mon, 15',
            'last',
            '1st mon',
            'fri-mon',
            'monday',
            'mon,',
            'jan',
            'mon-5',
        ):
            self.assertFalse(triggers.are_weekdays(text), text)

    def test_values_and_steps_beyond_the_field_are_refused(self):
        for field, text in (
            ('hour', '24'),
            ('minute', '60'),
            ('second', '60'),
            ('day', '0'),
            ('day', '32'),
            ('month', '13'),
            ('month', '0'),
            ('week', '54'),
            ('day_of_week', '7'),
            ('year', '1969'),
            ('hour', '18-8'),
            ('hour', '*/0'),
            ('hour', '*/24'),
            ('hour', '20/4'),
            ('hour', '8-10/3'),
            ('day_of_week', 'fri-mon'),
        ):
            self.assertFalse(triggers.is_cron(field, text), (field, text))

    def test_malformed_expressions_are_refused(self):
        for field, text in (
            ('hour', ''),
            ('hour', ','),
            ('hour', '1,'),
            ('hour', 'noon'),
            ('hour', 'mon'),
            ('month', 'mon'),
            ('day_of_week', 'jan'),
            ('day_of_week', 'monday'),
            ('day_of_week', 'last mon'),
            ('day', '6th mon'),
            ('day', '1st'),
            ('day', 'last xyz'),
            ('hour', '-1'),
            ('hour', '1.5'),
            ('hour', '٣'),
            ('month', 'jan!'),
            ('hour', ','.join(['1'] * 200)),
        ):
            self.assertFalse(triggers.is_cron(field, text), (field, text))
