"""What goes along with a write stays in its project, and so does every document: whoever writes it,
whatever the body says.
"""

import typing

from tests.functional import base, matrix

ALPHA, BETA = 'member@alpha', 'member@beta'
BACKUP = {'backup_name': 'nightly', 'container': 'c', 'hostname': 'h'}


class TestCascades(matrix.MatrixTest):
    """Two projects have the same ids; a write in one carries through its own documents, and the
    other's stay.
    """

    def setUp(self):
        super().setUp()
        for project in ('alpha', 'beta'):
            self.prepare(project)
        self.before = self.seen('beta')

    def job(self, job_id: str = 'job') -> dict[str, typing.Any]:
        """A job of the project alpha."""
        return self.do(200, 'GET', f'/jobs/{job_id}')

    def unmoved(self) -> None:
        """Nothing has changed in the project beta."""
        self.assertEqual(self.before, self.seen('beta'))

    def test_deleted_action_leaves_own_jobs_only(self):
        self.do(204, 'DELETE', '/actions/action')
        self.assertEqual(
            [1, 0], [len(self.job(job_id)['job_actions']) for job_id in ('job', 'other')]
        )
        self.unmoved()

    def test_changed_action_changes_own_jobs_only(self):
        for method, code, body in (
            ('PATCH', 200, {'freezer_action': {'mode': 'fs'}}),
            ('POST', 201, {'freezer_action': {'action': 'restore'}}),
        ):
            self.do(code, method, '/actions/action', body)
            definition = self.do(200, 'GET', '/actions/action')['freezer_action']
            self.assertNotEqual({'action': 'backup'}, definition)
            self.assertEqual(
                [definition] * 2,
                [self.job(id)['job_actions'][0]['freezer_action'] for id in ('job', 'other')],
            )
            self.unmoved()

    def test_deleted_client_keeps_own_jobs_from_new_actions(self):
        self.do(204, 'DELETE', '/clients/client')
        self.assertEqual('client', self.job()['client_id'])
        self.do(
            422, 'PATCH', '/jobs/job', {'job_actions': [{'freezer_action': {'action': 'backup'}}]}
        )
        self.do(200, 'PATCH', '/jobs/job', {'description': 'changed'})
        self.unmoved()

    def test_capabilities_bind_jobs_of_the_own_client_only(self):
        self.do(201, 'POST', '/clients', {'client_id': 'client', 'supported_actions': ['restore']})
        self.do(422, 'PATCH', '/actions/action', {'freezer_action': {'mode': 'fs'}})
        answer = self.call(
            'PATCH', '/v2/beta/actions/action', {'freezer_action': {'mode': 'fs'}}, token=BETA
        )
        self.assertEqual(200, answer.code, "another project's client of that id can")

    def test_deleted_session_releases_own_members_only(self):
        self.do(204, 'PUT', '/sessions/session/jobs/other')
        self.do(204, 'DELETE', '/sessions/session')
        for job_id in ('job', 'other'):
            job = self.job(job_id)
            self.assertEqual('', job['session_id'])
            self.assertEqual(0, job['session_tag'])
            self.assertEqual('stop', job['job_schedule']['event'])
        self.do(404, 'GET', '/sessions/session/runs')
        self.unmoved()

    def test_deleted_member_ends_the_own_run_only(self):
        self.do(204, 'DELETE', '/jobs/job')
        session = self.do(200, 'GET', '/sessions/session')
        self.assertEqual({}, session['jobs'])
        self.assertEqual('completed', session['status'])
        self.assertEqual('fail', session['result'])
        self.unmoved()

    def test_schedule_and_event_reach_own_members_only(self):
        self.do(204, 'PUT', '/sessions/session/jobs/other')
        self.do(
            200,
            'PATCH',
            '/sessions/session',
            {'schedule': {'schedule_interval': '2 days'}, 'event': 'abort'},
        )
        for job_id in ('job', 'other'):
            schedule = self.job(job_id)['job_schedule']
            self.assertEqual('2 days', schedule['schedule_interval'])
            self.assertEqual('abort', schedule['event'])
        self.unmoved()

    def test_new_run_begins_in_the_own_session_only(self):
        self.do(
            202, 'POST', '/sessions/session/action', {'start': {'job_id': 'job', 'current_tag': 1}}
        )
        self.assertEqual(2, self.job()['session_tag'])
        self.do(
            202,
            'POST',
            '/sessions/session/action',
            {'end': {'job_id': 'job', 'current_tag': 1, 'result': 'success'}},
        )
        self.assertEqual(
            [2, 1],
            [run['session_tag'] for run in self.do(200, 'GET', '/sessions/session/runs')['runs']],
        )
        self.unmoved()

    def test_moved_job_leaves_its_own_session_only(self):
        self.make_session('elsewhere')
        self.do(204, 'PUT', '/sessions/elsewhere/jobs/job')
        self.assertEqual({}, self.do(200, 'GET', '/sessions/session')['jobs'])
        self.do(204, 'DELETE', '/sessions/elsewhere/jobs/job')
        self.unmoved()

    def test_new_client_of_a_member_shows_in_the_own_session(self):
        self.make_client('another')
        self.do(200, 'PATCH', '/jobs/job', {'client_id': 'another'})
        self.assertEqual(
            'another', self.do(200, 'GET', '/sessions/session')['jobs']['job']['client_id']
        )
        self.unmoved()

    def test_deleting_everything_spares_the_other_project(self):
        for path in (
            '/actions/action',
            '/clients/client',
            '/sessions/session',
            '/sessions/past',
            '/jobs/job',
            '/jobs/other',
            '/jobs/past',
        ):
            self.do(204, 'DELETE', path)
        self.unmoved()
        for kind in ('sessions', 'jobs', 'clients'):
            self.assertEqual([], self.do(200, 'GET', f'/{kind}')[kind])

    def test_run_lists_own_backups_only(self):
        """Those of the project alone, whatever the metadata of others name."""
        run = self.do(200, 'GET', '/sessions/session/runs/1')
        self.assertEqual([self.ids['alpha']['backup']], run['backups'])
        for told in ({'job_id': 'job'}, {'session_id': 'session', 'session_tag': 1}):
            self.assertEqual(
                201, self.call('POST', '/v2/beta/backups', {**BACKUP, **told}, token=BETA).code
            )
        self.assertEqual(run, self.do(200, 'GET', '/sessions/session/runs/1'))
        there = self.call('GET', '/v2/beta/sessions/session/runs/1', token=BETA).json['backups']
        self.assertEqual(3, len(there))
        self.assertNotIn(self.ids['alpha']['backup'], there)
        self.assertEqual({}, run['backup_statuses'])
        (own,) = run['backups']
        self.do(200, 'PATCH', f'/backups/{own}', {'status': 'error'})
        run = self.do(200, 'GET', '/sessions/session/runs/1')
        self.assertEqual([own], run['backups'])
        self.assertEqual({own: 'error'}, run['backup_statuses'])


class TestOwnership(base.FunctionalTest):
    """Whose a document is, the path and the token of its creation say."""

    #: What would have to come true.
    TOLD: typing.ClassVar = {
        'project_id': 'beta',
        'user_id': 'somebody',
        '_version': 77,
        '_central': True,
    }
    ACTION: typing.ClassVar = {'freezer_action': {'action': 'backup'}}
    WRITES: typing.ClassVar = {
        'sessions': [
            ('POST', '/sessions', {'schedule': {}}),
            ('POST', '/sessions/x', {'schedule': {}}),
            ('POST', '/sessions/{id}', {'schedule': {}}),
            ('PATCH', '/sessions/{id}', {'hold_off': 1}),
            ('PATCH', '/sessions', {'session_id': '{id}', 'hold_off': 2}),
        ],
        'jobs': [
            ('POST', '/jobs', {'client_id': 'client', 'job_actions': [ACTION]}),
            ('POST', '/jobs/x', {'client_id': 'client', 'job_actions': [ACTION]}),
            ('POST', '/jobs/{id}', {'client_id': 'client', 'job_actions': []}),
            ('PATCH', '/jobs/{id}', {'description': 'x'}),
        ],
        'actions': [
            ('POST', '/actions', ACTION),
            ('POST', '/actions/x', ACTION),
            ('POST', '/actions/{id}', ACTION),
            ('PATCH', '/actions/{id}', {'max_retries': 1}),
        ],
        'clients': [
            ('POST', '/clients', {'client_id': 'x'}),
            ('POST', '/clients', {'client_id': 'x', 'hostname': 'y'}),
        ],
        'backups': [
            ('POST', '/backups', BACKUP),
            ('PATCH', '/backups/{id}', {'status': 'error'}),
            ('PATCH', '/backups/{id}', {'backup_metadata': {'level': 1}}),
        ],
    }

    def setUp(self):
        super().setUp()
        self.make_client()

    def write(
        self, kind: str, write: tuple[str, str, dict], id: str, token: str, **told: typing.Any
    ) -> str:
        """Write a document, ``id`` if it is there already; it must be the project's and its maker's
        afterwards. Its id.
        """
        method, path, body = write
        body = {
            key: value.replace('{id}', id) if key == 'session_id' else value
            for key, value in body.items()
        }
        answer = self.call(method, f'/v2/alpha{path.format(id=id)}', {**body, **told}, token=token)
        self.assertLess(answer.code, 300, (write, answer.raw))
        written = answer.json[f'{kind[:-1]}_id']
        document = self.do(200, 'GET', f'/{kind}/{written}')
        self.assertEqual('alpha', document['project_id'], write)
        self.assertEqual(f'user-{ALPHA}', document['user_id'], write)
        self.assertNotIn('_central', document)
        self.assertNotEqual(77, document.get('_version'))
        return written

    def told(self, kind: str) -> dict[str, typing.Any]:
        """What a body of a kind may say: keys that a job doesn't know are refused, elsewhere they
        are dropped.
        """
        return {
            key: value for key, value in self.TOLD.items() if kind != 'jobs' or key != '_central'
        }

    def test_owner_in_a_body_is_ignored(self):
        for kind in matrix.KINDS:
            id = ''
            for write in self.WRITES[kind]:
                id = self.write(kind, write, id, ALPHA, **self.told(kind))
        for kind in matrix.KINDS:
            self.assertEqual([], self.call('GET', f'/v2/beta/{kind}', token=BETA).json[kind])

    def test_later_writer_is_no_owner(self):
        for kind in matrix.KINDS:
            first, *others = self.WRITES[kind]
            id = self.write(kind, first, '', ALPHA)
            for write in others:
                if '{id}' in str(write) or kind == 'clients':
                    self.assertEqual(id, self.write(kind, write, id, 'admin@ops'))

    def test_search_for_another_project_finds_nothing(self):
        for kind in matrix.KINDS:
            method, path, body = self.WRITES[kind][0]
            self.do(201, method, path, {**body, **self.told(kind)})
            self.assertEqual(
                [], self.do(200, 'GET', f'/{kind}', {'match': [{'project_id': 'beta'}]})[kind]
            )
            self.assertNotEqual(
                [], self.do(200, 'GET', f'/{kind}', {'match': [{'project_id': 'alpha'}]})[kind]
            )
            self.assertEqual(
                [], self.do(200, 'GET', f'/{kind}', {'match': [{'user_id': 'somebody'}]})[kind]
            )

    def test_an_administrator_writes_into_the_project_of_the_path(self):
        session_id = self.do(201, 'POST', '/sessions', {'schedule': {}}, token='admin@ops')[
            'session_id'
        ]
        session = self.do(200, 'GET', f'/sessions/{session_id}')
        self.assertEqual('alpha', session['project_id'])
        self.assertEqual('user-admin@ops', session['user_id'])
        self.assertEqual(
            [], self.call('GET', '/v2/ops/sessions', token='admin@ops').json['sessions']
        )

    def test_projects_in_another_letter_case_are_others(self):
        """Projects, like documents, are told apart letter by letter, whatever the database takes
        for equal.
        """
        self.make_session('Case')
        for project in ('Alpha', 'ALPHA', 'alphA'):
            self.assertEqual(
                [],
                self.call('GET', f'/v2/{project}/sessions', token=f'member@{project}').json[
                    'sessions'
                ],
            )
            self.assertEqual(403, self.call('GET', f'/v2/{project}/sessions').code)
        self.do(404, 'GET', '/sessions/case')
