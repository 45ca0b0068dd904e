"""What is stored can be sent back: no document grows beyond what a body may have."""

from tests.functional import base

LIMIT = 20_000
LARGE = {'action': 'exec', 'command': 'x' * 9_000}


class TestSizes(base.FunctionalTest):

    def setUp(self):
        super().setUp()
        self.use(oslo_middleware__max_request_body_size=LIMIT)
        self.make_client('c')

    def refused(self, method, path, body, place):
        """A request is answered 400, and changes nothing."""
        kinds = [f'/{kind}' for kind in ('jobs', 'actions', 'clients', 'backups')]
        before = [self.do(200, 'GET', kind) for kind in kinds]
        answer = self.call(method, f'/v2/alpha{path}', body)
        self.assert_error(answer, '400', f'{place}: makes a document of more than 18976 bytes.')
        self.assertEqual(before, [self.do(200, 'GET', kind) for kind in kinds])

    def test_many_entries_of_one_action(self):
        self.do(201, 'POST', '/actions/large', {'freezer_action': LARGE})
        self.do(201, 'POST', '/jobs/two', {'client_id': 'c', 'job_actions': [{'action_id': 'large'}] * 2})
        self.do(200, 'PATCH', '/jobs/two', self.do(200, 'GET', '/jobs/two'))
        for path in ('/jobs', '/jobs/two', '/jobs/new'):
            self.refused('POST', path, {'client_id': 'c', 'job_actions': [{'action_id': 'large'}] * 3}, 'job_actions')
        self.refused('PATCH', '/jobs/two', {'job_actions': [{'action_id': 'large'}] * 250}, 'job_actions')

    def test_an_action_that_grows(self):
        self.do(201, 'POST', '/actions/large', {'freezer_action': LARGE})
        grown = {'freezer_action': {'action': 'exec', 'more': 'x' * 8_000}}
        self.do(200, 'PATCH', '/actions/large', {'freezer_action': {'more': 'x' * 7_000}})
        self.do(201, 'POST', '/jobs/one', {'client_id': 'c', 'job_actions': [{'action_id': 'large'}]})
        self.refused('PATCH', '/actions/large', {'freezer_action': {'even_more': 'x' * 8_000}}, 'freezer_action: in job one')
        self.do(201, 'POST', '/actions/small', {'freezer_action': {'action': 'exec'}})
        self.do(201, 'POST', '/jobs/three', {'client_id': 'c', 'job_actions': [{'action_id': 'small'}] * 3})
        for method in ('PATCH', 'POST'):
            self.refused(method, '/actions/small', grown, 'freezer_action: in job three')
        self.refused('POST', '/actions', {'freezer_action': {**LARGE, 'more': 'x' * 10_000}}, 'freezer_action')

    def test_a_backup_that_grows(self):
        metadata = {'backup_name': 'b', 'container': 'c', 'hostname': 'h'}
        path = f'/backups/{self.do(201, "POST", "/backups", metadata)["backup_id"]}'
        self.do(200, 'PATCH', path, {'one': 'x' * 9_000})
        self.do(200, 'PATCH', path, self.do(200, 'GET', path))
        self.refused('PATCH', path, {'two': 'x' * 10_000}, 'backup_metadata')
        self.refused('POST', '/backups', {**metadata, 'one': 'x' * 19_000}, 'backup_metadata')

    def test_a_client_that_grows(self):
        self.do(201, 'POST', '/clients', {'client_id': 'c', 'supported_modes': ['x' * 255] * 40})
        self.refused('POST', '/clients', {'client_id': 'c', 'supported_engines': ['x' * 255] * 40}, 'client')
