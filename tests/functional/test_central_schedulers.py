"""The scheduler of a central client reports starts and ends of other projects' jobs, in its own
project.
"""

from tests.functional import base

AGENT = 'service@ops'


class TestCentralSchedulers(base.FunctionalTest):
    """The project ``ops`` has the client ``central``; ``alpha`` has the session ``session`` with
    the member ``job`` on it.
    """

    def setUp(self):
        super().setUp()
        self.ask('ops', 'POST', '/clients', {'client_id': 'central', 'is_central': True}, 201)
        self.make_session(hold_off=0)
        self.do(201, 'POST', '/jobs', {'job_id': 'job', 'client_id': 'central', 'job_actions': []})
        self.do(204, 'PUT', '/sessions/session/jobs/job')

    def ask(self, project, method, path, body, code, token=None):
        """A request of an administrator in a project, unless of somebody else."""
        answer = self.call(method, f'/v2/{project}{path}', body, token=token or f'admin@{project}')
        self.assertEqual(code, answer.code, answer.raw)
        return answer.json if answer.raw else None

    def act(self, action, project='ops', token=AGENT, session_id='session', **headers):
        """The answer to a report."""
        return self.call(
            'POST', f'/v2/{project}/sessions/{session_id}/action', action, token=token, **headers
        )

    @staticmethod
    def start(tag, job_id='job'):
        return {'start': {'job_id': job_id, 'current_tag': tag}}

    @staticmethod
    def end(tag, job_id='job', result='success'):
        return {'end': {'job_id': job_id, 'current_tag': tag, 'result': result}}

    def assert_missing(self, answer, session_id='session'):
        """It is answered as for a session that nobody has."""
        missing = self.call(
            'POST', f'/v2/gamma/sessions/{session_id}/action', self.start(0), token='member@gamma'
        )
        self.assertEqual(404, answer.code)
        self.assertEqual(missing.raw, answer.raw)

    def test_central_scheduler_starts_and_ends_a_run(self):
        answer = self.act(self.start(0))
        self.assertEqual(202, answer.code)
        self.assertEqual({'result': 'success', 'session_tag': 1}, answer.json)
        session = self.do(200, 'GET', '/sessions/session')
        self.assertEqual('running', session['status'])
        self.assertEqual('running', session['jobs']['job']['status'])
        self.assertEqual(1, session['session_tag'])
        self.assertEqual(1, self.do(200, 'GET', '/jobs/job')['session_tag'])
        answer = self.act(self.end(1), token='admin@ops')
        self.assertEqual(202, answer.code)
        self.assertEqual({'result': 'success', 'session_tag': 1}, answer.json)
        session = self.do(200, 'GET', '/sessions/session')
        self.assertEqual('completed', session['status'])
        self.assertEqual('success', session['result'])
        (run,) = self.do(200, 'GET', '/sessions/session/runs')['runs']
        self.assertEqual('success', run['jobs']['job']['result'])

    def test_late_ends_and_tags_are_answered_as_in_the_own_project(self):
        self.act(self.start(0))
        self.act(self.start(1))
        answer = self.act(self.end(1, result='fail'))
        self.assertEqual(202, answer.code)
        self.assertEqual(2, answer.json['session_tag'])
        self.assertEqual(
            'fail', self.do(200, 'GET', '/sessions/session/runs/1')['jobs']['job']['result']
        )
        self.assert_error(self.act(self.start(3)), '400', 'requested tag value too high')
        self.assertEqual(202, self.act({'end': {'job_id': 'job', 'result': 'success'}}).code)

    def test_unprivileged_report_finds_nothing_elsewhere(self):
        for token in ('member@ops', 'reader@ops', 'member@alpha'):
            answer = self.act(self.start(0), token=token)
            self.assertEqual(403 if token in ('reader@ops', 'member@alpha') else 404, answer.code)
        self.assert_missing(self.act(self.start(0), token='member@ops'))
        self.assertEqual('active', self.do(200, 'GET', '/sessions/session')['status'])

    def test_report_outside_the_client_s_project_finds_nothing(self):
        for project in ('beta', 'gamma'):
            for action in (self.start(0), self.end(0)):
                self.assert_missing(self.act(action, project=project, token=f'admin@{project}'))
        self.assertEqual('active', self.do(200, 'GET', '/sessions/session')['status'])

    def test_only_members_on_the_central_client_are_found(self):
        self.make_client('own')
        for job_id, client_id in (('plain', 'own'), ('apart', 'central')):
            self.do(
                201, 'POST', '/jobs', {'job_id': job_id, 'client_id': client_id, 'job_actions': []}
            )
        self.do(204, 'PUT', '/sessions/session/jobs/plain')
        for job_id in ('plain', 'apart', 'none'):
            for action in (self.start(0, job_id), self.end(0, job_id)):
                self.assert_missing(self.act(action))
        self.make_session('other')
        self.assert_missing(self.act(self.start(0), session_id='other'), 'other')
        self.assertEqual('active', self.do(200, 'GET', '/sessions/session')['status'])

    def test_malformed_reports_find_nothing_elsewhere(self):
        for action in (
            {'start': {}},
            {'start': {'job_id': 'job'}},
            {'end': {'job_id': 'job', 'result': 'late'}},
            {},
        ):
            self.assert_missing(self.act(action))
        self.assertEqual(405, self.act({'pause': {}}).code)

    def test_nothing_but_start_and_end_looks_elsewhere(self):
        for method, path, body, code in (
            ('GET', '', None, 404),
            ('PATCH', '', {'hold_off': 1}, 404),
            ('DELETE', '', None, 204),
            ('GET', '/runs', None, 404),
            ('PUT', '/jobs/job', None, 404),
            ('DELETE', '/jobs/job', None, 204),
        ):
            self.ask('ops', method, f'/sessions/session{path}', body, code)
        self.assertEqual(['job'], [*self.do(200, 'GET', '/sessions/session')['jobs']])

    def test_a_session_of_the_own_project_goes_first(self):
        self.ask('ops', 'POST', '/sessions/session', {'schedule': {}}, 201)
        self.assert_error(self.act(self.start(0)), '400', 'job_id')
        self.assertEqual('active', self.do(200, 'GET', '/sessions/session')['status'])

    def test_same_ids_in_another_project_stay_untouched(self):
        """Another project's job of that id is on a plain client, and its session has nothing to do
        with it.
        """
        self.ask('beta', 'POST', '/clients', {'client_id': 'central'}, 201)
        self.ask('beta', 'POST', '/sessions/session', {'schedule': {}}, 201)
        self.ask(
            'beta',
            'POST',
            '/jobs',
            {'job_id': 'job', 'client_id': 'central', 'job_actions': []},
            201,
        )
        self.ask('beta', 'PUT', '/sessions/session/jobs/job', None, 204)
        self.assertEqual(202, self.act(self.start(0)).code)
        self.assertEqual('running', self.do(200, 'GET', '/sessions/session')['status'])
        self.assertEqual(
            'active', self.ask('beta', 'GET', '/sessions/session', None, 200)['status']
        )

    def test_client_no_longer_central_finds_nothing(self):
        self.make_client('central')
        self.assert_missing(self.act(self.start(0)))
        self.do(204, 'DELETE', '/clients/central')
        self.assertEqual(202, self.act(self.start(0)).code)
        self.ask('ops', 'POST', '/clients', {'client_id': 'central', 'is_central': False}, 201)
        self.assert_missing(self.act(self.end(1)))
        self.ask('ops', 'DELETE', '/clients/central', None, 204)
        self.assert_missing(self.act(self.end(1)))
        self.ask('dev', 'POST', '/clients', {'client_id': 'central', 'is_central': True}, 201)
        self.assert_missing(self.act(self.end(1)))
        self.assertEqual(202, self.act(self.end(1), project='dev', token='service@dev').code)

    def test_job_is_found_once_its_own_client_is_deleted(self):
        self.make_client('late')
        self.do(201, 'POST', '/jobs', {'job_id': 'moved', 'client_id': 'late', 'job_actions': []})
        self.do(204, 'PUT', '/sessions/session/jobs/moved')
        self.ask('ops', 'POST', '/clients', {'client_id': 'late', 'is_central': True}, 201)
        self.assert_missing(self.act(self.start(0, 'moved')))
        self.do(204, 'DELETE', '/clients/late')
        self.assertEqual(202, self.act(self.start(0, 'moved')).code)

    def test_jobs_follow_their_client(self):
        """Whose agent a job is told the process of: that of the client that it is on."""
        self.do(
            200, 'PATCH', '/jobs/job', {'job_schedule': {'status': 'running', 'current_pid': 42}}
        )
        for _number in range(3):
            self.do(201, 'POST', '/jobs', {'client_id': 'central', 'job_actions': []})
        etag = self.call('GET', '/v2/alpha/jobs/job').headers['ETag']
        self.assertFalse(self.shows_the_process())
        self.make_client('central')
        self.assertTrue(self.shows_the_process())
        # Agents register whenever they begin.
        followed = self.call('GET', '/v2/alpha/jobs/job').headers['ETag']
        self.assertNotEqual(etag, followed)
        self.make_client('central')
        self.assertEqual(followed, self.call('GET', '/v2/alpha/jobs/job').headers['ETag'])
        self.do(204, 'DELETE', '/clients/central')
        self.assertFalse(self.shows_the_process())
        self.ask('ops', 'DELETE', '/clients/central', None, 204)
        self.assertFalse(self.shows_the_process())
        self.make_client('central')
        self.assertTrue(self.shows_the_process())

    def test_id_is_free_once_its_job_leaves_the_central_client(self):
        other = {'job_id': 'job', 'client_id': 'central', 'job_actions': []}
        self.ask('beta', 'POST', '/jobs', other, 409)
        self.make_client('central')
        self.ask('beta', 'POST', '/jobs', other, 201)
        # Of the two one can come back.
        with self.assertLogs('freezer_api.services.placing', 'WARNING') as logged:
            self.do(204, 'DELETE', '/clients/central')
        self.assertIn(
            "Job 'job' of project 'alpha' can not be executed by central client 'central'",
            logged.output[0],
        )
        self.do(204, 'DELETE', '/jobs/job')

    def shows_the_process(self):
        return 'current_pid' in self.do(200, 'GET', '/jobs/job')['job_schedule']

    def test_preconditions_are_held_against_the_session_that_is_found(self):
        etag = self.call('GET', '/v2/alpha/sessions/session').headers['ETag']
        self.assertEqual(412, self.act(self.start(0), If_Match='"0-0"').code)
        self.assertEqual(412, self.act(self.start(0), session_id='none', If_Match='*').code)
        self.assertEqual(202, self.act(self.start(0), If_Match=etag).code)
        self.assertEqual(412, self.act(self.start(1), If_Match=etag).code)

    def test_job_that_leaves_meanwhile_is_not_found(self):
        """Between the look at the job and the write of the session."""
        storage = self.service.storage
        claimed = storage.claimed
        self.make_client('own')
        for leave in (
            ('PATCH', '/jobs/job', {'client_id': 'own'}, 200),
            ('DELETE', '/sessions/session/jobs/job', None, 204),
            ('DELETE', '/sessions/session', None, 204),
        ):
            self.do(200, 'PATCH', '/jobs/job', {'client_id': 'central'})

            def and_then_leave(kind, id, leave=leave):
                found = claimed(kind, id)
                self.do(leave[3], *leave[:3])
                return found

            self.patch(storage, 'claimed', and_then_leave)
            self.assert_missing(self.act(self.start(0)))
            if leave[1] != '/sessions/session':
                self.assertEqual('active', self.do(200, 'GET', '/sessions/session')['status'])
                self.do(204, 'PUT', '/sessions/session/jobs/job')
