"""Who may do what: ``rbac.yaml``, line by line."""

import pathlib
import re

import yaml

from freezer_api.controllers import routes, routing
from tests.functional import base

MATRIX = yaml.safe_load(pathlib.Path(__file__).with_name('rbac.yaml').read_text())
TOKENS = MATRIX['tokens']


class TestMatrix(base.FunctionalTest):

    def prepare(self) -> None:
        """What the operations work on, as if nothing had happened."""
        for kind in ('sessions', 'jobs', 'actions', 'clients'):
            for document in self.do(200, 'GET', f'/{kind}', token=TOKENS['admin'])[kind]:
                key = f'{kind[:-1]}_id'
                self.do(204, 'DELETE', f'/{kind}/{document.get("client", document)[key]}', token=TOKENS['admin'])
        for method, path, *body in MATRIX['prepared']:
            self.assertLess(self.call(method, f'/v2/alpha{path}', *body, token=TOKENS['admin']).code, 300, path)

    def test_every_operation_for_every_caller(self):
        for method, path, body, *codes in MATRIX['operations']:
            for caller, code in zip(MATRIX['callers'], codes, strict=True):
                if code < 400:
                    self.prepare()
                answer = self.call(method, f'/v2/alpha{path}', body, token=TOKENS[caller])
                self.assertEqual(code, answer.code, f'{caller}: {method} {path}: {answer.raw!r}')

    def test_the_matrix_is_complete(self):
        paths = [f'/v2/alpha{path}' for _method, path, *_others in MATRIX['operations']]
        lines = {(method, path) for (method, *_others), path in zip(MATRIX['operations'], paths, strict=True)}
        for route in routing.Router(routes.table(self.service.storage, 1000)).routes[2:]:
            pattern = re.compile(re.sub(r'{\w+}', '[^/]+', route.pattern))
            for verb in route.endpoints:
                self.assertTrue(any(method == verb and pattern.fullmatch(path) for method, path in lines), (verb, route.pattern))

    def test_scopes(self):
        for token in ('admin!system', 'admin!domain'):
            self.assert_error(self.call('GET', '/v2/alpha/sessions', token=token), '403', 'sessions:get_all')

    def test_what_is_denied_changes_nothing(self):
        self.prepare()
        paths = ['/sessions', '/jobs', '/actions', '/clients', '/sessions/session/runs']
        before = [self.do(200, 'GET', path) for path in paths]
        for method, path, body, *codes in MATRIX['operations']:
            for caller, code in zip(MATRIX['callers'], codes, strict=True):
                if code > 400:
                    self.call(method, f'/v2/alpha{path}', body, token=TOKENS[caller])
        self.assertEqual(before, [self.do(200, 'GET', path) for path in paths])

    def test_a_foreign_id_looks_like_a_missing_one(self):
        self.prepare()
        runs = ['/sessions/session/runs', '/sessions/session/runs/1']
        for path in ['/sessions/session', '/jobs/job', '/actions/action', '/clients/client', *runs]:
            foreign = self.call('GET', f'/v2/beta{path}', token='member@beta')
            missing = self.call('GET', f'/v2/gamma{path}', token='member@gamma')
            self.assertEqual((404, missing.raw), (foreign.code, foreign.raw))
            self.assertEqual(405 if path in runs else 204, self.call('DELETE', f'/v2/beta{path}', token='member@beta').code)
            self.assertEqual(200, self.call('GET', f'/v2/alpha{path}').code)

    def test_whom_a_process_id_is_shown(self):
        self.call('POST', '/v2/ops/clients', {'client_id': 'central', 'is_central': True}, token='admin@ops')
        self.do(201, 'POST', '/jobs', {'job_id': 'job', 'client_id': 'central', 'job_actions': []})
        self.do(200, 'PATCH', '/jobs/job', {'job_schedule': {'status': 'running', 'current_pid': 42}})
        for token, pid in (('member@alpha', None), ('reader@alpha', None), ('admin@ops', 42), ('service@services', 42)):
            one, = self.do(200, 'GET', '/jobs', token=token)['jobs']
            self.assertEqual(one, self.do(200, 'GET', '/jobs/job', token=token))
            self.assertEqual(pid, one['job_schedule'].get('current_pid'), token)
