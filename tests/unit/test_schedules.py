"""A job's schedule: what is always shown, how changes merge, and commands that are never lost."""

import unittest

import hypothesis
from hypothesis import strategies as st

from freezer_api.domain import documents, schedules, triggers
from tests import base

base.explore()

NOW = 1_700_000_000 * documents.SECOND
NEW = schedules.created({}, NOW)
DAILY = {**NEW, 'schedule_interval': '1 days', 'schedule_start_date': '2030-01-01'}
ALWAYS = {'event', 'status', 'result', 'time_created', 'time_started', 'time_ended'}


class Created(unittest.TestCase):
    def test_defaults_are_shown(self):
        self.assertEqual(
            {
                'event': '',
                'status': '',
                'result': '',
                'time_created': 1_700_000_000,
                'time_started': -1,
                'time_ended': -1,
            },
            schedules.created({}, NOW),
        )

    def test_event_and_status_are_kept_times_and_result_are_fresh(self):
        given = {
            'event': 'stop',
            'status': 'completed',
            'result': 'success',
            'time_created': 1,
            'time_started': 2,
            'time_ended': 3,
            'current_pid': 4,
            'schedule_interval': '1 days',
        }
        self.assertEqual(
            {**NEW, 'event': 'stop', 'status': 'completed', 'schedule_interval': '1 days'},
            schedules.created(given, NOW),
        )


class Patched(unittest.TestCase):
    def test_runtime_keys_merge_and_leave_the_timing(self):
        told = {
            'event': 'start',
            'status': 'running',
            'result': 'fail',
            'time_started': 5,
            'time_ended': 6,
            'current_pid': 7,
        }
        self.assertEqual({**DAILY, **told}, schedules.patched(DAILY, told, fixed=False))

    def test_one_key_of_the_timing_replaces_all_of_it(self):
        patched = schedules.patched(DAILY, {'schedule_hour': '5'}, fixed=False)
        self.assertEqual({**NEW, 'schedule_hour': '5'}, patched)

    def test_timing_and_runtime_keys_change_together(self):
        patched = schedules.patched(DAILY, {'schedule_hour': '5', 'status': 'stop'}, fixed=False)
        self.assertEqual({**NEW, 'schedule_hour': '5', 'status': 'stop'}, patched)

    def test_an_empty_schedule_means_that_there_is_no_timing(self):
        self.assertEqual(NEW, schedules.patched(DAILY, {}, fixed=False))

    def test_time_of_creation_cannot_be_changed(self):
        """It isn't one of the keys that are merged: alone it is as good as no key."""
        self.assertEqual(NEW, schedules.patched(DAILY, {'time_created': 5}, fixed=False))
        self.assertEqual(
            {**DAILY, 'status': 'stop'},
            schedules.patched(DAILY, {'time_created': 5, 'status': 'stop'}, fixed=False),
        )

    def test_a_fixed_timing_stays_and_the_rest_merges(self):
        for given in ({}, {'schedule_hour': '5'}):
            self.assertEqual(DAILY, schedules.patched(DAILY, given, fixed=True))
        given = {'schedule_hour': '5', 'status': 'stop'}
        self.assertEqual({**DAILY, 'status': 'stop'}, schedules.patched(DAILY, given, fixed=True))

    def test_pid_of_minus_one_removes_the_pid(self):
        running = {**DAILY, 'current_pid': 42}
        self.assertEqual(DAILY, schedules.patched(running, {'current_pid': -1}, fixed=False))
        self.assertEqual(DAILY, schedules.patched(DAILY, {'current_pid': -1}, fixed=False))

    def test_the_pid_of_an_aborted_job_outlives_who_is_not_shown_it(self):
        aborted = {**DAILY, 'event': 'abort', 'current_pid': 42}
        self.assertEqual(
            aborted,
            schedules.patched(aborted, schedules.shown(aborted, with_pid=False), fixed=False),
        )
        self.assertEqual(aborted, schedules.patched(aborted, {'current_pid': -1}, fixed=False))
        unknown = {**DAILY, 'event': 'abort'}
        self.assertEqual(unknown, schedules.patched(unknown, {'current_pid': -1}, fixed=False))
        self.assertEqual(
            {**aborted, 'current_pid': 7},
            schedules.patched(aborted, {'current_pid': 7}, fixed=False),
        )

    def test_a_whole_shown_schedule_sent_back_changes_nothing(self):
        for stored in (
            NEW,
            DAILY,
            {**DAILY, 'current_pid': 42},
            {**DAILY, 'event': 'abort'},
            {**NEW, 'event': 'stop'},
        ):
            self.assertEqual(
                stored, schedules.patched(stored, schedules.shown(stored), fixed=False)
            )


class PendingCommands(unittest.TestCase):
    def test_a_status_that_knows_nothing_of_a_command_does_not_clear_it(self):
        for command in ('stop', 'abort'):
            for status in ('', 'scheduled', 'running', 'aborting'):
                for event in ('', 'start', 'abort', 'stop', 'remove'):
                    stored = {**DAILY, 'event': command}
                    patched = schedules.patched(
                        stored, {'status': status, 'event': event}, fixed=False
                    )
                    self.assertEqual(command, patched['event'])
                    self.assertEqual(status, patched['status'])

    def test_status_that_shows_obedience_clears_the_command(self):
        for command in ('stop', 'abort'):
            for status in ('stop', 'completed', 'removed'):
                patched = schedules.patched(
                    {**DAILY, 'event': command}, {'status': status, 'event': ''}, fixed=False
                )
                self.assertEqual('', patched['event'])
                self.assertEqual(status, patched['status'])

    def test_status_that_shows_its_arrival_clears_the_start(self):
        started = {**DAILY, 'event': 'start'}
        for status in ('running', 'scheduled', 'stop', 'removed'):
            patched = schedules.patched(started, {'status': status, 'event': ''}, fixed=False)
            self.assertEqual('', patched['event'])
            self.assertEqual(status, patched['status'])
        for status in ('', 'aborting'):
            for event in schedules.EVENTS:
                told = {'status': status, 'event': event}
                patched = schedules.patched(started, told, fixed=False)
                self.assertEqual('start', patched['event'])
                self.assertEqual(status, patched['status'])

    def test_run_that_ends_after_a_start_leaves_it_pending(self):
        started, _ = schedules.apply_command(
            {**DAILY, 'status': 'running', 'time_started': 5}, 'start'
        )
        told = {'status': 'completed', 'result': 'fail', 'time_ended': 9, 'event': ''}
        self.assertEqual(
            {**started, 'result': 'fail', 'time_ended': 9},
            schedules.patched(started, told, fixed=False),
        )
        self.assertEqual('start', started['event'])
        self.assertEqual('', started['status'])

    def test_a_patch_without_status_sets_the_event(self):
        patched = schedules.patched({**DAILY, 'event': 'stop'}, {'event': ''}, fixed=False)
        self.assertEqual('', patched['event'])


class Commanded(unittest.TestCase):
    def test_a_start_clears_what_was_before(self):
        stored = {**DAILY, 'status': 'completed', 'result': 'fail', 'time_started': 5}
        self.assertEqual(
            ({**DAILY, 'event': 'start', 'time_started': 5}, True),
            schedules.apply_command(stored, 'start'),
        )

    def test_stop_and_abort_leave_the_status(self):
        stored = {**DAILY, 'status': 'running', 'result': ''}
        for command in ('stop', 'abort'):
            self.assertEqual(
                ({**stored, 'event': command}, True), schedules.apply_command(stored, command)
            )

    def test_a_repeat_is_no_news_and_no_change(self):
        for command in schedules.COMMANDS:
            stored = {**DAILY, 'event': command, 'status': 'running'}
            self.assertEqual((stored, False), schedules.apply_command(stored, command))

    def test_one_command_takes_the_place_of_another(self):
        self.assertEqual(
            'abort', schedules.apply_command({**DAILY, 'event': 'stop'}, 'abort')[0]['event']
        )


class Shown(unittest.TestCase):
    def test_an_abort_without_a_pid_shows_one_that_nothing_has(self):
        stored = {**DAILY, 'event': 'abort'}
        self.assertEqual({**stored, 'current_pid': -1}, schedules.shown(stored))
        self.assertNotIn('current_pid', stored)

    def test_an_abort_with_a_pid_shows_it(self):
        self.assertEqual(
            42, schedules.shown({**DAILY, 'event': 'abort', 'current_pid': 42})['current_pid']
        )

    def test_no_pid_is_shown_for_other_events(self):
        for event in ('', 'start', 'stop', 'remove'):
            self.assertNotIn('current_pid', schedules.shown({**DAILY, 'event': event}))

    def test_a_hidden_pid_is_not_shown(self):
        stored = {**DAILY, 'current_pid': 42}
        self.assertEqual(DAILY, schedules.shown(stored, with_pid=False))
        self.assertEqual(
            -1, schedules.shown({**stored, 'event': 'abort'}, with_pid=False)['current_pid']
        )


TIMING = st.dictionaries(
    st.sampled_from(('schedule_interval', 'schedule_hour', 'schedule_date')),
    st.text(max_size=3),
    max_size=3,
)
RUNTIME = st.fixed_dictionaries(
    {},
    optional={
        'event': st.sampled_from(schedules.EVENTS),
        'status': st.sampled_from(schedules.STATUSES),
        'result': st.sampled_from(schedules.RESULTS),
        'time_created': st.integers(),
        'time_started': st.integers(),
        'time_ended': st.integers(),
        'current_pid': st.integers(-1, 9),
    },
)
CHANGES = st.lists(
    st.tuples(TIMING, RUNTIME, st.booleans(), st.sampled_from((None, *schedules.COMMANDS))),
    max_size=8,
)


class Properties(unittest.TestCase):
    @hypothesis.given(TIMING, RUNTIME, CHANGES)
    def test_whatever_happens_an_agent_finds_what_it_needs(self, timing, runtime, changes):
        stored = schedules.created({**timing, **runtime}, NOW)
        for new_timing, new_runtime, fixed, command in changes:
            before = stored
            if command is None:
                stored = schedules.patched(stored, {**new_timing, **new_runtime}, fixed)
            else:
                stored = schedules.apply_command(stored, command)[0]
            shown = schedules.shown(stored)
            self.assertLessEqual(ALWAYS, shown.keys())
            self.assertEqual(1_700_000_000, shown['time_created'])
            self.assertTrue(shown['event'] != 'abort' or isinstance(shown['current_pid'], int))
            if fixed or command:
                self.assertEqual(schedules.timing(before), schedules.timing(stored))
            self.assertEqual(stored, schedules.patched(stored, shown, fixed=False))

    @hypothesis.given(TIMING, TIMING, RUNTIME)
    def test_timing_is_replaced_as_one_group(self, old, new, runtime):
        stored = schedules.created(old, NOW)
        timing = schedules.timing(schedules.patched(stored, {**new, **runtime}, fixed=False))
        self.assertIn(timing, (old, new))
        self.assertEqual(new or (old if runtime else {}), timing)


class Room(unittest.TestCase):
    """What a schedule takes at most, whoever it comes from."""

    def test_what_a_caller_can_say_leaves_room_for_what_an_agent_tells(self):
        longest = {
            'event': 'remove',
            'status': 'completed',
            'result': 'aborted',
            'current_pid': -(2**63),
            **dict.fromkeys(schedules.TIMES, -(2**63)),
        }
        self.assertLessEqual(schedules.MAX_SIZE + documents.size(longest), schedules.ROOM)

    def test_every_schedule_of_plain_characters_fits(self):
        fields = {f'schedule_{field}': '1' * 255 for field in triggers.CRON}
        dates = dict.fromkeys(
            ('schedule_date', 'schedule_start_date', 'schedule_end_date'),
            '2030-01-31T22:30:00.123456789+02:00',
        )
        whole = {**fields, **dates, 'schedule_interval': '1' * 11 + ' seconds'}
        self.assertLessEqual(documents.size(whole), schedules.MAX_SIZE)
