"""Who may do what: ``rbac.yaml``, line by line, and what some see that others don't."""

import typing

from tests.functional import base, matrix

#: Who may look beyond one project.
WIDE = ('admin@ops', 'admin@alpha', 'service@services', 'service@alpha')


class TestMatrix(matrix.MatrixTest):
    def test_every_operation_is_answered_as_in_the_matrix(self):
        self.prepare()
        for operation in matrix.OPERATIONS:
            for group, code in operation.codes.items():
                for token in matrix.TOKENS[group]:
                    answer = self.perform(operation, token)
                    self.assertEqual(
                        code,
                        answer.code,
                        f'{token}: {operation.method} {operation.path}: {answer.raw!r}',
                    )
                    if operation.writes and code < 300:
                        self.prepare()

    def test_the_matrix_is_complete(self):
        for route in matrix.project_routes():
            for verb in route.endpoints:
                self.assertTrue(
                    any(one.matches(route.pattern, verb) for one in matrix.OPERATIONS),
                    (verb, route.pattern),
                )

    def test_what_is_denied_changes_nothing(self):
        self.prepare()
        before = self.seen()
        for operation in matrix.OPERATIONS:
            for group, code in operation.codes.items():
                for token in matrix.TOKENS[group] if code > 400 else ():
                    self.perform(operation, token)
        self.assertEqual(before, self.seen())

    def test_denial_does_not_tell_what_is_there(self):
        self.prepare()
        there = self.denials()
        for kind in matrix.KINDS:
            for path in [
                path for path in self.seen() if path.startswith(f'{kind}/') and path.count('/') == 1
            ]:
                self.do(204, 'DELETE', f'/{path}')
        self.assertEqual(there, self.denials())

    def denials(self) -> list[tuple[str, bytes]]:
        """What everybody who may not is told, operation by operation."""
        return [
            self.perform(operation, token)[::2]
            for operation in matrix.OPERATIONS
            for group, code in operation.codes.items()
            if code > 400
            for token in matrix.TOKENS[group]
        ]

    def test_token_without_project_is_denied(self):
        """Nor is the project that is called so anybody's."""
        for method, path, body in (
            ('GET', 'jobs', None),
            ('GET', 'sessions', None),
            ('GET', 'backups', None),
            ('POST', 'clients', {'client_id': 'c'}),
            ('POST', 'sessions', {'schedule': {}}),
            ('DELETE', 'jobs/j', None),
            ('GET', 'jobs?all_projects=True', None),
        ):
            for token in ('member', 'reader,member', 'member@alpha', 'member!domain'):
                self.assertEqual(
                    403,
                    self.call(method, f'/v2/None/{path}', body, token=token).code,
                    (path, token),
                )
        self.assertEqual(
            201, self.call('POST', '/v2/None/clients', {'client_id': 'd'}, token='member@None').code
        )

    def test_token_without_user_gets_401(self):
        """Without a user nothing is answered, and nothing is anybody's called ``None``."""

        def nobody(application):
            return lambda environ, start: application(
                {
                    **environ,
                    'HTTP_X_IDENTITY_STATUS': 'Confirmed',
                    'HTTP_X_ROLES': 'admin',
                    'HTTP_X_PROJECT_ID': 'alpha',
                },
                start,
            )

        self.use(authenticate=nobody)
        for method, body in (('GET', None), ('POST', {'schedule': {}})):
            self.assert_error(self.call(method, '/v2/alpha/sessions', body), '401')

    def test_a_denial_names_the_rule(self):
        self.assert_error(
            self.call('POST', '/v2/alpha/sessions', {'schedule': {}}, token='reader@alpha'),
            '403',
            'sessions:create',
        )
        self.assert_error(
            self.call('GET', '/v2/alpha/sessions', token='admin!system'), '403', 'sessions:get_all'
        )


class TestCentral(base.FunctionalTest):
    """What belongs to a central client is seen by more than its project."""

    def setUp(self):
        super().setUp()
        self.assertEqual(
            201, self.register('ops', 'admin@ops', client_id='central', is_central=True).code
        )

    def register(self, project: str, token: str, **body: typing.Any) -> base.Answer:
        """Register a client in a project."""
        return self.call('POST', f'/v2/{project}/clients', body, token=token)

    def test_only_privileged_callers_register_a_central_client(self):
        for number, (token, code) in enumerate(
            (
                ('admin@alpha', 201),
                ('admin@ops', 201),
                ('member,service@alpha', 201),
                ('member@alpha', 403),
                ('service@alpha', 403),
                ('reader@alpha', 403),
            )
        ):
            answer = self.register('alpha', token, client_id=f'c{number}', is_central=True)
            self.assertEqual(code, answer.code, token)
            if token == 'member@alpha':
                self.assert_error(answer, '403', 'clients:create_central')
            shown = self.call('GET', f'/v2/beta/clients/c{number}', token='reader@beta')
            self.assertEqual(200 if code == 201 else 404, shown.code, token)

    def test_central_client_is_seen_by_all_and_changed_by_its_project(self):
        for token, project in (
            ('member@alpha', 'alpha'),
            ('reader@beta', 'beta'),
            ('service@alpha', 'alpha'),
        ):
            shown = self.call('GET', f'/v2/{project}/clients/central', token=token)
            self.assertEqual('ops', shown.json['project_id'])
            self.assertIs(True, shown.json['client']['is_central'])
            listed = self.call('GET', f'/v2/{project}/clients', token=token).json['clients']
            self.assertEqual([shown.json], listed)
        before = self.call('GET', '/v2/ops/clients/central', token='member@ops')
        for token in ('member@alpha', 'admin@alpha'):
            self.assertEqual(
                403, self.call('DELETE', '/v2/alpha/clients/central', token=token).code
            )
        taken = self.register(
            'alpha', 'admin@alpha', client_id='central', is_central=True, hostname='taken'
        )
        self.assert_error(taken, '409')
        self.assertEqual(
            201, self.register('alpha', 'member@alpha', client_id='central', hostname='plain').code
        )
        self.assertEqual('plain', self.do(200, 'GET', '/clients/central')['client']['hostname'])
        self.assertEqual(204, self.call('DELETE', '/v2/alpha/clients/central').code)
        after = self.call('GET', '/v2/ops/clients/central', token='member@ops')
        self.assertEqual(before.raw, after.raw)
        self.assertEqual(before.headers['ETag'], after.headers['ETag'])
        self.assertEqual(
            204, self.call('DELETE', '/v2/ops/clients/central', token='member@ops').code
        )

    def test_process_id_on_a_central_client_is_hidden_from_members(self):
        self.do(201, 'POST', '/jobs', {'job_id': 'job', 'client_id': 'central', 'job_actions': []})
        self.do(
            200, 'PATCH', '/jobs/job', {'job_schedule': {'status': 'running', 'current_pid': 42}}
        )
        for token in ('member@alpha', 'reader@alpha', *WIDE):
            (one,) = self.do(200, 'GET', '/jobs', token=token)['jobs']
            self.assertEqual(one, self.do(200, 'GET', '/jobs/job', token=token))
            self.assertEqual(
                42 if token in WIDE else None, one['job_schedule'].get('current_pid'), token
            )
        self.make_job('own')
        self.do(
            200, 'PATCH', '/jobs/own', {'job_schedule': {'status': 'running', 'current_pid': 43}}
        )
        for token in ('member@alpha', 'reader@alpha', *WIDE):
            self.assertEqual(
                43, self.do(200, 'GET', '/jobs/own', token=token)['job_schedule']['current_pid']
            )

    def test_job_id_on_a_central_client_is_taken_everywhere(self):
        body = {'job_id': 'job', 'client_id': 'central', 'job_actions': []}
        self.do(201, 'POST', '/jobs', body)
        self.assertEqual(409, self.call('POST', '/v2/beta/jobs', body, token='member@beta').code)
        self.assertEqual(
            409, self.call('POST', '/v2/beta/jobs/job', body, token='member@beta').code
        )
        self.register('beta', 'member@beta', client_id='plain')
        self.assertEqual(
            201,
            self.call(
                'POST', '/v2/beta/jobs', {**body, 'client_id': 'plain'}, token='member@beta'
            ).code,
        )
