"""Jobs: what is made of a request, what stays when one is changed, and who sees what."""

import unittest

from freezer_api.domain import clients, documents, jobs, membership
from freezer_api.domain.session_state import Session

NOW = 1_700_000_000 * documents.SECOND
LATER = NOW + 60 * documents.SECOND
ENTRIES = [
    {
        'action_id': 'a',
        'freezer_action': {'action': 'exec'},
        'max_retries': 5,
        'max_retries_interval': 6,
        'mandatory': False,
    }
]
GIVEN = {
    'client_id': 'c',
    'description': 'd',
    'job_schedule': {'schedule_interval': '1 days', 'status': 'scheduled'},
}
JOB = jobs.created('j', 'p', 'u', GIVEN, ENTRIES, NOW)
_, MEMBER = membership.attach(
    Session('p', 's', 'x', tag=3, schedule={'schedule_interval': '5 hours', 'event': 'start'}), JOB
)


def client(project_id, central):
    body = clients.registered(None, project_id, 'u', {'client_id': 'c', 'is_central': central}, 'x')
    return documents.Document(documents.CLIENTS, project_id, 'c', 1, 0, body)


class Created(unittest.TestCase):
    def test_least_body_makes_a_whole_job(self):
        self.assertEqual(
            {
                'job_id': 'j',
                'project_id': 'p',
                'user_id': 'u',
                'client_id': 'c',
                'description': '',
                'job_actions': [],
                'session_id': '',
                'session_tag': 0,
                'job_schedule': {
                    'event': '',
                    'status': '',
                    'result': '',
                    'time_created': 1_700_000_000,
                    'time_started': -1,
                    'time_ended': -1,
                },
            },
            jobs.created('j', 'p', 'u', {'client_id': 'c'}, [], NOW),
        )

    def test_created_job_keeps_what_the_body_says(self):
        self.assertEqual('d', JOB['description'])
        self.assertEqual('1 days', JOB['job_schedule']['schedule_interval'])
        self.assertEqual('scheduled', JOB['job_schedule']['status'])
        self.assertEqual(ENTRIES, JOB['job_actions'])


class Replaced(unittest.TestCase):
    def test_replaced_job_keeps_its_identity_alone(self):
        new = jobs.replaced(
            JOB, {'client_id': 'other', 'job_schedule': {'event': 'stop'}}, [], LATER
        )
        self.assertEqual(
            {
                **jobs.created(
                    'j',
                    'p',
                    'u',
                    {'client_id': 'other', 'job_schedule': {'event': 'stop'}},
                    [],
                    NOW,
                )
            },
            new,
        )

    def test_what_the_run_before_left_is_gone(self):
        left = {'status': 'completed', 'result': 'fail', 'time_ended': 9, 'current_pid': 4}
        ran = jobs.patched(JOB, {'job_schedule': left}, None, None)
        self.assertEqual(JOB, jobs.replaced(ran, GIVEN, ENTRIES, LATER))

    def test_a_member_keeps_session_tag_and_schedule(self):
        new = jobs.replaced(
            MEMBER,
            {'client_id': 'c', 'job_schedule': {'schedule_hour': '5', 'status': 'stop'}},
            [],
            LATER,
        )
        self.assertEqual('s', new['session_id'])
        self.assertEqual(3, new['session_tag'])
        self.assertEqual(
            {
                'schedule_interval': '5 hours',
                'event': '',
                'status': 'stop',
                'result': '',
                'time_created': 1_700_000_000,
                'time_started': -1,
                'time_ended': -1,
            },
            new['job_schedule'],
        )

    def test_replacing_with_the_same_is_no_change(self):
        self.assertEqual(JOB, jobs.replaced(JOB, GIVEN, ENTRIES, LATER))


class Patched(unittest.TestCase):
    def test_named_keys_change_and_the_others_stay(self):
        self.assertEqual(JOB, jobs.patched(JOB, {}, None, None))
        self.assertEqual(
            {**JOB, 'description': 'x', 'client_id': 'y', 'job_actions': []},
            jobs.patched(JOB, {'description': 'x', 'client_id': 'y'}, [], None),
        )

    def test_an_absent_schedule_is_untouched_and_an_empty_one_removes_the_timing(self):
        self.assertEqual(
            '1 days',
            jobs.patched(JOB, {'description': ''}, None, None)['job_schedule']['schedule_interval'],
        )
        self.assertNotIn(
            'schedule_interval', jobs.patched(JOB, {'job_schedule': {}}, None, None)['job_schedule']
        )

    def test_a_member_keeps_the_session_s_schedule(self):
        for schedule in ({}, {'schedule_hour': '5'}, {'schedule_hour': '5', 'status': 'stop'}):
            timing = jobs.patched(MEMBER, {'job_schedule': schedule}, None, None)['job_schedule']
            self.assertEqual('5 hours', timing['schedule_interval'])
            self.assertIsNone(timing.get('schedule_hour'))

    def test_the_whole_shown_document_sent_back_is_no_change(self):
        for stored in (
            JOB,
            MEMBER,
            jobs.apply_command(JOB, 'abort')[0],
            jobs.apply_command(MEMBER, 'stop')[0],
        ):
            shown = jobs.shown(stored, 'p')
            self.assertEqual(stored, jobs.patched(stored, shown, shown['job_actions'], None))


class Commands(unittest.TestCase):
    def test_repeated_command_is_no_news(self):
        told, news = jobs.apply_command(JOB, 'start')
        self.assertEqual('start', told['job_schedule']['event'])
        self.assertEqual('', told['job_schedule']['status'])
        self.assertIs(True, news)
        self.assertEqual((told, False), jobs.apply_command(told, 'start'))


class CentralClients(unittest.TestCase):
    def test_a_job_on_a_central_client_is_marked_and_loses_the_mark(self):
        marked = jobs.on_client(JOB, client('q', True))
        self.assertEqual({**JOB, '_central': 'q'}, marked)
        self.assertEqual('j', documents.claim(documents.JOBS, 'j', marked))
        self.assertEqual(JOB, jobs.on_client(marked, client('p', False)))

    def test_central_mark_is_not_shown(self):
        self.assertEqual(JOB, jobs.shown(jobs.on_client(JOB, client('q', True)), 'p'))

    def test_pid_is_shown_to_the_client_s_project_and_all_projects(self):
        running = {**JOB, 'job_schedule': {**JOB['job_schedule'], 'current_pid': 42}}
        foreign = jobs.on_client(running, client('q', True))
        own = jobs.on_client(running, client('p', True))
        for stored, project_id, all_projects, pid in (
            (running, 'p', False, 42),
            (own, 'p', False, 42),
            (foreign, 'p', False, None),
            (foreign, 'q', False, 42),
            (foreign, 'p', True, 42),
        ):
            self.assertEqual(
                pid, jobs.shown(stored, project_id, all_projects)['job_schedule'].get('current_pid')
            )

    def test_a_hidden_pid_of_an_aborted_job_is_shown_as_none(self):
        stored = jobs.on_client(
            jobs.apply_command(
                {**JOB, 'job_schedule': {**JOB['job_schedule'], 'current_pid': 42}}, 'abort'
            )[0],
            client('q', True),
        )
        self.assertEqual(-1, jobs.shown(stored, 'p')['job_schedule']['current_pid'])
