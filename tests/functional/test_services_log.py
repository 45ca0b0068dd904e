"""What the log tells an operator of writes, over HTTP and by the real logging."""

import logging

from freezer_api import exceptions, identity
from freezer_api.domain import texts
from freezer_api.services import clients, effects, projects
from freezer_api.services.common import Caller
from tests.functional.base import FunctionalTest

START = {'job_schedule': {'event': 'start'}}
#: Everybody who may do anything.
ADMIN = 'admin@alpha'


class Lines(logging.Handler):
    """The records of a logger, each as the text that a file would have of it."""

    def __init__(self):
        super().__init__()
        self.setFormatter(logging.Formatter('%(levelname)s %(message)s'))
        self.texts = []

    def emit(self, record):
        """Keep a record."""
        self.texts.append(self.format(record))


class Logged(FunctionalTest):
    """What the services log at INFO or above."""

    def setUp(self):
        super().setUp()
        self.log = self.listen('freezer_api.services')

    def listen(self, name):
        """The lines of a logger from now on."""
        logger = logging.getLogger(name)
        lines = Lines()
        self.patch(logger, 'handlers', [lines])
        self.patch(logger, 'propagate', False)
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.INFO)
        return lines

    def lines(self):
        """The lines since the last call."""
        found, self.log.texts = self.log.texts, []
        return found

    def assert_logged(self, *messages):
        """Since the last call there were these lines at INFO, and no others."""
        self.assertEqual([f'INFO {message}' for message in messages], self.lines())

    def make_members(self, session_id, *job_ids):
        """Create a session with jobs as its members; forget what was logged."""
        self.make_session(session_id)
        for job_id in job_ids:
            self.make_job(job_id)
            self.do(204, 'PUT', f'/sessions/{session_id}/jobs/{job_id}')
        self.lines()


class Deletions(Logged):
    def test_delete_of_each_kind_is_logged(self):
        self.make_job('job', job_actions=[])
        self.do(201, 'POST', '/actions/action', {'freezer_action': {'action': 'info'}})
        self.make_session('session')
        backup = {'backup_name': 'b', 'container': 'c', 'hostname': 'h'}
        backup_id = self.do(201, 'POST', '/backups', backup)['backup_id']
        self.assert_logged()
        for kind, id in (
            ('action', 'action'),
            ('backup', backup_id),
            ('client', 'client'),
            ('job', 'job'),
            ('session', 'session'),
        ):
            path = f'/{kind}s/{id}'
            self.do(412, 'DELETE', path, If_Match='"0-0"')
            self.call('DELETE', f'/v2/beta{path}', token='admin@beta')
            self.assert_logged()
            self.do(204, 'DELETE', path)
            self.assert_logged(f"Deleted {kind} '{id}' of project 'alpha'.")
            self.do(404 if kind == 'backup' else 204, 'DELETE', path)
            self.assert_logged()

    def test_delete_of_a_session_names_the_jobs_that_left_it(self):
        self.make_members('session', 'b', 'a')
        self.do(204, 'DELETE', '/sessions/session')
        self.assert_logged(
            "Deleted session 'session' of project 'alpha'; jobs that left it and were told to"
            " stop: 'a', 'b'."
        )

    def test_delete_of_a_job_names_its_session(self):
        self.make_members('session', 'job')
        self.do(204, 'DELETE', '/jobs/job')
        self.assert_logged("Deleted job 'job' of project 'alpha'; it left session 'session'.")

    def test_delete_of_an_action_names_its_jobs(self):
        self.do(201, 'POST', '/actions/action', {'freezer_action': {'action': 'info'}})
        for number in range(effects.MAX_IDS + 2):
            self.make_job(f'job-{number:02}', job_actions=[{'action_id': 'action'}])
        self.lines()
        self.do(204, 'DELETE', '/actions/action')
        named = ', '.join(f"'job-{number:02}'" for number in range(effects.MAX_IDS))
        self.assert_logged(
            "Deleted action 'action' of project 'alpha'; jobs that it was removed from:"
            f' {named}, and 2 more.'
        )

    def test_purge_of_a_project_tells_counts(self):
        self.make_members('session', 'job')
        self.assertEqual(1, projects.purge(self.service.storage, 'alpha')['jobs'])
        self.assert_logged(
            "Purged project 'alpha': 1 sessions, 1 jobs, 1 actions, 1 clients, 0 backups, 0 trusts."
        )
        projects.purge(self.service.storage, 'alpha')
        self.assert_logged()

    def test_failed_delete_logs_nothing(self):
        """It may have deleted the session or not: nobody knows."""
        self.make_members('session', 'job')
        self.service.storage.write_session = unavailable
        self.do(503, 'DELETE', '/sessions/session')
        self.assert_logged()

    def test_an_id_never_makes_a_line_of_its_own(self):
        """Paths refuse such ids of projects; commands, and ids of users, do not."""
        text = 'a\nINFO Deleted \x1b[31m'
        clients.register(self.service.storage, Caller(text, 'ann'), {'client_id': 'client'})
        projects.purge(self.service.storage, text)
        effects.trust_ended('t', text, 'alpha')
        self.assert_logged(
            r"Purged project 'a\nINFO Deleted \x1b[31m': 0 sessions, 0 jobs, 0 actions, 1 clients,"
            ' 0 backups, 0 trusts.',
            r"Ended trust 't' of user 'a\nINFO Deleted \x1b[31m'; no job of project 'alpha' has it"
            ' any more.',
        )

    def test_errors_are_logged_without_control_characters(self):
        self.assertEqual(r'a\nb\x00 ä', texts.printable(exceptions.Conflict('a\nb\0 ä')))


def unavailable(*_arguments, **_options):
    """Stand for an operation of a storage that can't be reached."""
    raise exceptions.StorageUnavailable()


class Members(Logged):
    def test_job_that_moves_or_leaves_is_logged(self):
        self.make_members('one', 'job')
        self.make_session('two')
        self.do(204, 'PUT', '/sessions/one/jobs/job')
        self.assert_logged()
        self.do(204, 'PUT', '/sessions/two/jobs/job')
        self.assert_logged(
            "Job 'job' of project 'alpha' joined session 'two', and is in no other one."
        )
        self.do(204, 'DELETE', '/sessions/one/jobs/job')
        self.do(412, 'DELETE', '/sessions/two/jobs/job', If_Match='"0-0"')
        self.assert_logged()
        self.do(204, 'DELETE', '/sessions/two/jobs/job')
        self.assert_logged("Job 'job' of project 'alpha' left session 'two' and was told to stop.")
        self.do(204, 'DELETE', '/sessions/two/jobs/job')
        self.do(404, 'PUT', '/sessions/three/jobs/job')
        self.assert_logged()


class Runs(Logged):
    def setUp(self):
        super().setUp()
        self.now = 1_700_000_000_000_000
        self.service.storage.clock = lambda: self.now
        self.make_members('session', 'a', 'b')

    def start(self, job_id, tag):
        """Report a start."""
        told = {'job_id': job_id, 'current_tag': tag}
        self.do(202, 'POST', '/sessions/session/action', {'start': told})

    def end(self, job_id, tag, result='success'):
        """Report an end."""
        told = {'job_id': job_id, 'current_tag': tag, 'result': result}
        self.do(202, 'POST', '/sessions/session/action', {'end': told})

    def test_start_and_end_of_a_run_are_logged(self):
        self.start('a', 0)
        self.assert_logged("Run 1 of session 'session' of project 'alpha' began with job 'a'.")
        self.start('b', 0)
        self.end('a', 1)
        self.assert_logged()
        self.end('b', 1, 'fail')
        self.assert_logged("Run 1 of session 'session' of project 'alpha' is over: fail.")
        self.end('b', 1)
        self.start('b', 1)
        self.assert_logged()

    def test_job_that_reopens_a_run_is_logged(self):
        self.start('a', 0)
        self.start('b', 0)
        self.end('a', 1)
        self.end('b', 1)
        self.make_job('c')
        self.do(204, 'PUT', '/sessions/session/jobs/c')
        self.lines()
        self.start('c', 1)
        self.assert_logged("Run 1 of session 'session' of project 'alpha' goes on with job 'c'.")
        self.end('c', 1)
        self.assert_logged("Run 1 of session 'session' of project 'alpha' is over: success.")

    def test_overtaken_run_and_late_end_are_logged(self):
        self.start('a', 0)
        self.now += 3600 * 1_000_000
        self.lines()
        self.start('b', 1)
        self.assert_logged(
            "Run 1 of session 'session' of project 'alpha' is over, because the next run began:"
            ' fail.',
            "Run 2 of session 'session' of project 'alpha' began with job 'b'.",
        )
        self.end('a', 1)
        self.assert_logged(
            "Job 'a' ended late in run 1 of session 'session' of project 'alpha'; the run is"
            ' over: fail.'
        )

    def test_refused_report_logs_nothing(self):
        told = {'job_id': 'a', 'current_tag': 9}
        self.do(400, 'POST', '/sessions/session/action', {'start': told})
        self.do(404, 'POST', '/sessions/other/action', {'start': told})
        self.assert_logged()

    def test_run_begun_from_another_project_is_logged(self):
        token = 'admin@beta'
        body = {'client_id': 'central', 'is_central': True}
        self.assertEqual(201, self.call('POST', '/v2/beta/clients', body, token).code)
        self.make_job('c', 'central')
        self.do(201, 'POST', '/jobs/c', {'client_id': 'central', 'job_actions': []})
        self.do(204, 'DELETE', '/clients/central')
        self.do(204, 'PUT', '/sessions/session/jobs/c')
        self.lines()
        report = {'start': {'job_id': 'c', 'current_tag': 0}}
        answer = self.call('POST', '/v2/beta/sessions/session/action', report, token)
        self.assertEqual(202, answer.code, answer.raw)
        self.assert_logged("Run 1 of session 'session' of project 'alpha' began with job 'c'.")


class Events(Logged):
    def test_event_of_a_job_is_logged_once(self):
        self.make_job('job')
        delivered = "Event stop was delivered to job 'job' of project 'alpha'."
        self.do(202, 'POST', '/jobs/job/event', {'stop': None})
        self.assert_logged(delivered)
        self.do(202, 'POST', '/jobs/job/event', {'stop': None})
        self.do(404, 'POST', '/jobs/other/event', {'stop': None})
        self.assert_logged()
        self.do(200, 'PATCH', '/jobs/job', START)
        self.assert_logged(delivered.replace('stop', 'start'))
        self.do(200, 'PATCH', '/jobs/job', START)
        self.do(200, 'PATCH', '/jobs/job', {'job_schedule': {'status': 'running', 'event': ''}})
        self.assert_logged()

    def test_event_of_a_session_counts_jobs_without_it(self):
        self.make_members('session', 'a', 'b', 'c')
        self.do(202, 'POST', '/jobs/b/event', {'start': None})
        self.lines()
        self.do(200, 'PATCH', '/sessions/session', {'event': 'start'})
        self.assert_logged(
            "Event start of session 'session' of project 'alpha' was delivered to 2 of its jobs:"
            " 'a', 'c'."
        )
        self.do(200, 'PATCH', '/sessions/session', {'event': 'start'})
        self.do(200, 'PATCH', '/sessions/session', {'schedule': {'schedule_interval': '1 days'}})
        self.assert_logged()


class Clients(Logged):
    def test_jobs_that_move_to_a_central_client_are_counted(self):
        self.make_client('central')
        central = {'client_id': 'central', 'is_central': True}
        self.assertEqual(201, self.call('POST', '/v2/beta/clients', central, 'admin@beta').code)
        self.make_job('job', 'central')
        self.assert_logged()
        self.do(204, 'DELETE', '/clients/central')
        moved = "Client 'central' of project '%s' was %s; jobs that moved to it or away from it: 1."
        self.assert_logged(
            "Deleted client 'central' of project 'alpha'.", moved % ('alpha', 'deleted')
        )
        self.make_client('central')
        self.assert_logged(moved % ('alpha', 'registered'))
        self.do(204, 'DELETE', '/clients/central')
        self.lines()
        plain = {'client_id': 'central', 'is_central': False}
        self.assertEqual(201, self.call('POST', '/v2/beta/clients', plain, 'admin@beta').code)
        self.assert_logged()

    def test_client_made_central_or_plain_is_logged(self):
        self.make_job('job')
        for is_central, change in ((True, 'made central'), (False, 'made plain')):
            body = {'client_id': 'client', 'is_central': is_central}
            self.do(201, 'POST', '/clients', body, token=ADMIN)
            self.assert_logged(
                f"Client 'client' of project 'alpha' was {change}; jobs that moved to it or away"
                ' from it: 1.'
            )
            self.do(201, 'POST', '/clients', body, token=ADMIN)
            self.assert_logged()


class Pruning(Logged):
    PLACE = {'storage': 'local', 'container': '/b', 'engine_name': 'tar', 'backup_name': 'etc'}

    def test_pruned_backups_are_counted(self):
        self.make_client('client', hostname='host')
        action = {'action': 'admin', 'mode': 'fs', **self.PLACE, 'remove_older_than': 1}
        self.do(
            201,
            'POST',
            '/jobs/job',
            {'client_id': 'client', 'job_actions': [{'freezer_action': action}]},
        )
        for second in (1, 2):
            told = {**self.PLACE, 'hostname': 'host', 'time_stamp': second}
            self.do(201, 'POST', '/backups', told)
        self.lines()
        for ended, messages in (
            (
                10**9 + 1,
                [
                    "Job 'job' of project 'alpha' pruned its storage; backups that are marked as"
                    ' deleted now: 2.'
                ],
            ),
            (10**9 + 2, []),
        ):
            schedule = {
                'status': 'completed',
                'result': 'success',
                'time_started': 10**9,
                'time_ended': ended,
            }
            self.do(200, 'PATCH', '/jobs/job', {'job_schedule': schedule})
            self.assert_logged(*messages)


class Keystone(Logged):
    def test_a_trust_that_can_not_be_deleted_names_the_command(self):
        """There are no credentials by which to ask for it."""
        log = self.listen('freezer_api.identity')
        keystone = identity.Identity(self.service.conf)
        self.assertFalse(keystone.end_trust('t\n1', ('token', None)))
        (line,) = log.texts
        self.assertRegex(
            line,
            r"\AWARNING Unused trust 't\\n1' could not be deleted in Keystone: .+\."
            r" Run: openstack trust delete 't\\n1'\Z",
        )
