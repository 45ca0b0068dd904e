"""Agents' reports, told as stories: what an agent with an old copy sends undoes nothing."""

import unittest

from freezer_api.domain import documents, jobs, membership, reports
from freezer_api.domain.session_state import Session

NOW = 1_700_000_000 * documents.SECOND


def job(**schedule):
    body = jobs.created(
        'j', 'p', 'u', {'client_id': 'c', 'job_schedule': {'schedule_interval': '1 days'}}, [], NOW
    )
    return {**body, 'job_schedule': {**body['job_schedule'], **schedule}}


def report(copy, **told):
    """What an agent sends that holds a copy of a job and has something to tell."""
    return {
        'job_schedule': {**copy['job_schedule'], **told},
        'session_id': copy['session_id'],
        'session_tag': copy['session_tag'],
    }


def taken(stored, body):
    return jobs.patched(stored, body, None, reports.session_of(body))


class Recognition(unittest.TestCase):
    def test_a_report_has_exactly_three_keys(self):
        self.assertEqual(
            's', reports.session_of({'job_schedule': {}, 'session_id': 's', 'session_tag': 1})
        )
        self.assertEqual(
            '', reports.session_of({'job_schedule': {}, 'session_id': None, 'session_tag': 1})
        )
        self.assertIsNone(reports.session_of({'job_schedule': {}}))
        self.assertIsNone(reports.session_of({'job_schedule': {}, 'session_id': 's'}))
        self.assertIsNone(
            reports.session_of(
                {'job_schedule': {}, 'session_id': 's', 'session_tag': 1, 'description': ''}
            )
        )


class Stories(unittest.TestCase):
    def test_the_progress_of_a_run_arrives(self):
        stored = job()
        stored = taken(stored, report(stored, status='running', time_started=5))
        stored = taken(stored, report(stored, current_pid=42))
        stored = taken(stored, report(stored, status='completed', result='success', time_ended=9))
        self.assertEqual(
            ('completed', 'success', 5, 9, 42),
            tuple(
                stored['job_schedule'][key]
                for key in ('status', 'result', 'time_started', 'time_ended', 'current_pid')
            ),
        )

    def test_a_schedule_that_was_changed_meanwhile_stays(self):
        copy = job()
        stored = jobs.patched(copy, {'job_schedule': {'schedule_interval': '2 hours'}}, None, None)
        stored = taken(stored, report(copy, status='scheduled'))
        self.assertEqual('2 hours', stored['job_schedule']['schedule_interval'])
        self.assertEqual('scheduled', stored['job_schedule']['status'])

    def test_a_schedule_that_was_removed_meanwhile_does_not_come_back(self):
        copy = job()
        stored = jobs.patched(copy, {'job_schedule': {}}, None, None)
        self.assertNotIn(
            'schedule_interval', taken(stored, report(copy, status='scheduled'))['job_schedule']
        )

    def test_a_report_without_anything_to_tell_changes_nothing(self):
        stored = job()
        for schedule in ({}, {'schedule_interval': '5 days'}, {'time_created': 4}):
            self.assertEqual(
                stored,
                taken(stored, {'job_schedule': schedule, 'session_id': '', 'session_tag': 0}),
            )
        self.assertEqual(stored, jobs.patched(stored, {}, None, ''))

    def test_stop_is_not_lost_to_an_older_report(self):
        copy = job()
        stored, _ = jobs.apply_command(copy, 'stop')
        stored = taken(stored, report(copy, status='running'))
        self.assertEqual('stop', stored['job_schedule']['event'])
        stored = taken(stored, report(copy, current_pid=42, status='running'))
        self.assertEqual('stop', stored['job_schedule']['event'])

    def test_a_stop_that_was_obeyed_is_cleared(self):
        stored, _ = jobs.apply_command(job(status='scheduled'), 'stop')
        stored = taken(stored, report(stored, event='', status='stop'))
        self.assertEqual('', stored['job_schedule']['event'])
        self.assertEqual('stop', stored['job_schedule']['status'])

    def test_a_start_outlives_the_end_of_the_run_before(self):
        copy = job(status='running')
        stored, _ = jobs.apply_command(copy, 'start')
        stored = taken(stored, report(copy, status='completed', result='success', time_ended=9))
        schedule = stored['job_schedule']
        self.assertEqual(
            ('start', '', 'success', 9),
            tuple(schedule[key] for key in ('event', 'status', 'result', 'time_ended')),
        )
        stored = taken(stored, report(stored, event='', status='scheduled'))
        self.assertEqual(
            ('', 'scheduled'), tuple(stored['job_schedule'][key] for key in ('event', 'status'))
        )

    def test_report_of_the_end_clears_the_command_it_repeats(
        self,
    ):
        for command in ('stop', 'abort'):
            stored, _ = jobs.apply_command(job(status='running'), command)
            stored = taken(stored, report(stored, status='running', current_pid=42))
            self.assertEqual(command, stored['job_schedule']['event'])
            stored = taken(stored, report(stored, status='completed', result='success'))
            self.assertEqual('', stored['job_schedule']['event'])
            self.assertEqual('completed', stored['job_schedule']['status'])

    def test_an_abort_outlives_an_older_stop_in_the_copy(self):
        copy, _ = jobs.apply_command(job(status='running'), 'stop')
        stored, _ = jobs.apply_command(copy, 'abort')
        self.assertEqual(
            'abort', taken(stored, report(copy, status='running'))['job_schedule']['event']
        )

    def test_cleared_event_is_not_brought_back_by_an_older_copy(self):
        copy = job(event='start')
        session, stored = membership.attach(Session('p', 's', 'u', schedule={'event': ''}), copy)
        self.assertEqual('', stored['job_schedule']['event'])
        stored = taken(stored, report(copy, status='scheduled'))
        self.assertEqual('', stored['job_schedule']['event'])
        self.assertEqual('scheduled', stored['job_schedule']['status'])

    def test_stop_of_a_detached_job_is_not_lost_to_older_reports(self):
        _, copy = membership.attach(
            Session('p', 's', 'u', schedule={'schedule_interval': '5 hours'}), job(status='running')
        )
        stored = membership.detach(copy)
        for status in ('running', 'completed', 'stop'):
            stored = taken(stored, report(copy, status=status))
            self.assertEqual('stop', stored['job_schedule']['event'])
            self.assertEqual('', stored['session_id'])
            self.assertEqual(0, stored['session_tag'])
        self.assertNotIn('schedule_interval', stored['job_schedule'])

    def test_detached_job_does_not_return_to_its_session(self):
        _, copy = membership.attach(Session('p', 's', 'u', tag=4), job())
        stored = membership.detach(copy)
        stored = taken(stored, report(copy, status='stop', event=''))
        self.assertEqual('', stored['session_id'])
        self.assertEqual(0, stored['session_tag'])

    def test_a_tag_in_a_report_is_no_tag_of_the_job(self):
        _, stored = membership.attach(Session('p', 's', 'u', tag=4), job())
        self.assertEqual(
            4, taken(stored, {**report(stored, status='running'), 'session_tag': 9})['session_tag']
        )

    def test_abort_without_a_pid_can_be_read_by_the_agent(self):
        stored, _ = jobs.apply_command(job(), 'abort')
        polled = jobs.shown(stored, 'p')
        self.assertEqual(-1, int(polled['job_schedule']['current_pid']))
        stored = taken(stored, report(polled, event='', status='stop'))
        self.assertNotIn('current_pid', stored['job_schedule'])
