"""No schedule that is accepted makes a published agent fail.

The agents are 19.0.0 and 18.0.0, which reads schedules by the same code as 16.0.0 and 17.0.0.
"""

import contextlib
import datetime
import json
import os
import pathlib
import subprocess

import fixtures
import hypothesis
import testtools
from hypothesis import strategies as st

from freezer_api import exceptions
from freezer_api.domain import triggers
from freezer_api.schemas import jobs
from tests import base, cron_strategies
from tests.live import programs

base.explore()

#: Where an agent's local time is far from UTC, and where clocks are changed.
ZONES = ('UTC', 'America/New_York', 'Pacific/Kiritimati')
NEAR = st.datetimes(datetime.datetime(2020, 1, 1), datetime.datetime(2060, 1, 1))
MOMENTS = st.datetimes() | NEAR
DATES = st.builds(
    lambda moment, zone: moment.isoformat(timespec='seconds') + zone,
    MOMENTS,
    st.sampled_from(('', '', 'Z', '+02:00', '-0930', '+14')),
)
#: Starts with ends behind them, mostly.
WINDOWS = st.lists(MOMENTS, max_size=2).map(
    lambda moments: {
        f'schedule_{which}_date': moment.isoformat(timespec='seconds')
        for which, moment in zip(('start', 'end'), sorted(moments), strict=False)
    }
)
INTERVALS = st.just('continuous') | st.builds(
    '{} {}'.format,
    st.integers(1, 10**6) | st.integers(1, 10**11),
    st.sampled_from([*triggers.UNITS]),
)
FIELDS = {f'schedule_{field}': cron_strategies.accepted(field) for field in triggers.CRON}
ANYTHING = st.fixed_dictionaries(
    {},
    optional={
        **FIELDS,
        'schedule_day': cron_strategies.accepted('day') | cron_strategies.accepted('day_of_week'),
        'schedule_interval': INTERVALS,
        'schedule_date': DATES,
        'schedule_start_date': DATES,
        'schedule_end_date': DATES,
    },
)
RECURRING = st.fixed_dictionaries({}, optional=FIELDS) | st.builds(
    lambda interval: {'schedule_interval': interval}, INTERVALS
)
SCHEDULES = ANYTHING | st.builds(lambda trigger, window: trigger | window, RECURRING, WINDOWS)
FAR = '2100-01-01T00:00:00'


class Reader(fixtures.Fixture):
    """An agent's way of reading schedules, in a process of its own that lives in some zone."""

    def __init__(self, zone, previous):
        super().__init__()
        self.zone, self.previous = zone, previous

    def _setUp(self):
        python = pathlib.Path(programs.environment('FREEZER_TEST_AGENT', 'python'))
        environment = {**os.environ, 'TZ': self.zone, 'PYTHONWARNINGS': 'ignore'}
        if self.previous:
            environment['PYTHONPATH'] = str(python.parent.parent / 'previous')
        script = pathlib.Path(__file__).with_name('reader.py')
        self._process = subprocess.Popen(
            [python, script],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(self._process.wait)
        self.addCleanup(self._process.stdout.close)
        self.addCleanup(self._process.stdin.close)

    def read(self, schedule):
        """The next time, None if there is none; an ``AssertionError`` if the agent fails."""
        self._process.stdin.write(json.dumps(schedule) + '\n')
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if 'error' in answer:
            raise AssertionError(f'{schedule} in {self.zone}: {answer["error"]}')
        return answer['next']


def accepted(schedule):
    """The schedule as a job gets it; None if it is refused."""
    with contextlib.suppress(exceptions.InvalidInput):
        return jobs.patch({'job_schedule': schedule}).get('job_schedule', {})
    return None


def has_zone(schedule):
    """Whether a start or end names a zone: agents before 19.0.0 can't read one."""
    return any(
        text[19:]
        for key, text in schedule.items()
        if key in ('schedule_start_date', 'schedule_end_date')
    )


class TestSchedules(testtools.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.readers = [
            (previous, programs.shared(cls, Reader(zone, previous)))
            for zone in ZONES
            for previous in (False, True)
        ]

    def read(self, schedule):
        """What each agent answers that can read the schedule at all."""
        return [
            reader.read(schedule)
            for previous, reader in self.readers
            if not (previous and has_zone(schedule))
        ]

    @hypothesis.settings(max_examples=20 * hypothesis.settings.default.max_examples)
    @hypothesis.given(SCHEDULES)
    def test_what_is_accepted_makes_no_agent_fail(self, schedule):
        taken = accepted(schedule)
        if taken is not None:
            self.read(taken)

    def test_weekday_names_fire_on_those_days(self):
        """As the published tests of the API send them."""
        schedule = {
            'schedule_month': '1-6, 9-12',
            'schedule_day': 'mon, wed, fri',
            'schedule_hour': '03',
            'schedule_minute': '25',
        }
        with testtools.ExpectedException(AssertionError, '(?s).*Unrecognized expression "mon"'):
            self.read(schedule)
        for next_time in self.read(accepted(schedule)):
            found = datetime.datetime.fromisoformat(next_time)
            self.assertIn(found.weekday(), (0, 2, 4))
            self.assertEqual(3, found.hour)
            self.assertEqual(25, found.minute)
            self.assertEqual(0, found.second)

    def test_what_is_refused_does_harm(self):
        """An agent would run at once, never end, never run, or fail."""
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        for schedule in (
            {'schedule_start_date': FAR},
            {'schedule_interval': '1 minutes', 'schedule_end_date': '2001-01-01T00:00:00'},
        ):
            self.assertIsNone(accepted(schedule))
            for next_time in self.read(schedule):
                self.assertLess(datetime.datetime.fromisoformat(next_time), soon)
        backwards = {
            'schedule_interval': '1 minutes',
            'schedule_start_date': FAR,
            'schedule_end_date': '2099-01-01T00:00:00',
        }
        self.assertIsNone(accepted(backwards))
        self.assertNotIn(None, self.read(backwards))
        never = {
            'schedule_month': '2',
            'schedule_day': '30',
            'schedule_start_date': FAR,
            'schedule_end_date': '2110-01-01T00:00:00',
        }
        self.assertIsNone(accepted(never))
        self.assertEqual({None}, set(self.read(never)))
        for schedule in (
            {'schedule_interval': '1 days', 'schedule_start_date': '2100-01-01'},
            {'schedule_interval': '1 days', 'schedule_start_date': FAR + '.5'},
        ):
            self.assertIsNone(accepted(schedule))
            previous = [reader for previous, reader in self.readers if previous]
            self.assertRaises(AssertionError, previous[0].read, schedule)
