"""Projects apart: what is done in one leaves all others as they are, and tells nothing of what they
have.
"""

import itertools
import typing
import urllib.parse
import uuid

from tests.functional import base, matrix

ALPHA, BETA = 'member@alpha', 'member@beta'
#: Ids of one length: the first is a document's in the project alpha, the other nobody's.
FOREIGN, MISSING = 'alphas-own', 'nobodys-id'
#: All bodies of the matrix, and some that are none.
BODIES = [
    None,
    b'{',
    {},
    *{repr(one.body): one.body for one in matrix.OPERATIONS if one.writes and one.body}.values(),
]
VERBS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')
PARTS = {
    'session_id': 'session',
    'job_id': 'job',
    'action_id': 'action',
    'client_id': 'client',
    'session_tag': '1',
}


class TestSameIds(matrix.MatrixTest):
    """Two projects have documents of every kind under the same ids."""

    def test_a_write_in_one_leaves_the_other_as_it_is(self):
        self.prepare('alpha')
        before = self.seen('alpha')
        for operation in matrix.OPERATIONS:
            token = BETA if operation.codes['member'] < 300 else 'admin@ops'
            if operation.writes:
                self.prepare('beta')
                own = self.seen('beta')
                self.assertLess(self.perform(operation, token, 'beta').code, 300, operation)
                self.assertNotEqual(own, self.seen('beta'), operation)
                self.assertEqual(before, self.seen('alpha'), operation)

    def test_what_is_refused_in_one_leaves_both_as_they_are(self):
        self.prepare('alpha')
        self.prepare('beta')
        before = self.seen('alpha'), self.seen('beta')
        for operation in matrix.OPERATIONS:
            if operation.writes:
                path = f'/v2/beta{operation.path.format(**self.ids["beta"])}'
                answer = self.call(
                    operation.method, path, operation.body, token=BETA, If_Match='"0-0"'
                )
                # A session's new members are told apart from the others by no precondition.
                self.assertIn(answer.code, (412, 403), operation)
        self.assertEqual(before, (self.seen('alpha'), self.seen('beta')))

    def test_each_sees_its_own_alone(self):
        for project in ('alpha', 'beta'):
            self.prepare(project)
        for project, token in (('alpha', ALPHA), ('beta', BETA)):
            for kind in matrix.KINDS:
                for body in (
                    None,
                    {'match': [{'_all': 'a'}]},
                    {'match_not': [{'project_id': project[::-1]}]},
                ):
                    found = self.call('GET', f'/v2/{project}/{kind}', body, token=token).json[kind]
                    self.assertEqual({project}, {one['project_id'] for one in found}, (kind, body))
                other = {'match': [{'project_id': 'beta' if project == 'alpha' else 'alpha'}]}
                self.assertEqual(
                    [], self.call('GET', f'/v2/{project}/{kind}', other, token=token).json[kind]
                )


class TestForeignIds(matrix.MatrixTest):
    """What another project has looks like what nobody has: compared answer by answer, for whatever
    there is a route for.
    """

    def setUp(self):
        super().setUp()
        # Entity tags bear the moment of creation.
        now = self.service.storage.clock()
        self.patch(self.service.storage, 'clock', lambda: now)
        self.prepare('beta')
        self.foreign()
        self.before = self.seen('alpha')

    def foreign(self) -> None:
        """A document of each kind in the project alpha."""
        for path, body in (
            ('/clients', {'client_id': FOREIGN}),
            (f'/actions/{FOREIGN}', {'freezer_action': {'action': 'backup'}}),
            (f'/jobs/{FOREIGN}', {'client_id': FOREIGN, 'job_actions': [{'action_id': FOREIGN}]}),
            (f'/sessions/{FOREIGN}', {'schedule': {}, 'hold_off': 0}),
        ):
            self.do(201, 'POST', path, body)
        self.do(204, 'PUT', f'/sessions/{FOREIGN}/jobs/{FOREIGN}')
        self.do(
            202,
            'POST',
            f'/sessions/{FOREIGN}/action',
            {'start': {'job_id': FOREIGN, 'current_tag': 0}},
        )
        self.strange = dict.fromkeys(PARTS, (FOREIGN, MISSING))
        self.own = dict(PARTS)
        body = {'backup_name': 'b', 'container': 'c', 'hostname': 'h', 'job_id': FOREIGN}
        self.strange['backup_id'] = (
            self.do(201, 'POST', '/backups', body)['backup_id'],
            uuid.uuid4().hex,
        )
        self.own['backup_id'] = self.ids['beta']['backup']

    def alike(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        ids: tuple[str, str] = (FOREIGN, MISSING),
        **headers: str,
    ) -> base.Answer:
        """Ask for both ids in the project beta; the answers must be the same but for the id. Clears
        what was written.
        """
        path = f'/v2/beta{path}'
        answers = []
        for id in ids:
            answer = self.call(
                method, path.replace('STRANGE', id), _with_id(body, id), token=BETA, **headers
            )
            told = [
                (name, value.replace(id, ''))
                for name, value in answer.headers.items()
                if name != 'x-openstack-request-id'
            ]
            answers.append((answer.status, told, answer.raw.replace(id.encode(), b'')))
            # A deletion of what isn't there, 204, has written nothing.
            if method not in matrix.READS and answer.code in (200, 201, 202):
                self.prepare('beta')
                self.own['backup_id'] = self.ids['beta']['backup']
        self.assertEqual(answers[1], answers[0], (method, path, body, headers))
        return answer

    def variants(self, names: list[str]) -> typing.Iterator[dict[str, str]]:
        """Values of the parts of a path, with ids that are strange in some of them."""
        strange = [[False, True] if name != 'session_tag' else [False] for name in names]
        for choice in itertools.product(*strange):
            if any(choice):
                yield {
                    name: 'STRANGE' if is_strange else self.own[name]
                    for name, is_strange in zip(names, choice, strict=True)
                }

    def test_foreign_ids_in_paths_look_missing(self):
        for route in matrix.project_routes():
            names = [part[1:-1] for part in route.pattern.split('/')[3:] if part.startswith('{')]
            for verb, parts in itertools.product(VERBS, self.variants(names)):
                ids = self.strange['backup_id' if 'backup_id' in names else 'job_id']
                path = route.pattern.format(project_id='', **parts).removeprefix('/v2/')
                for body in (
                    BODIES
                    if verb in route.endpoints and verb not in (*matrix.READS, 'DELETE')
                    else (None,)
                ):
                    self.alike(verb, path, body, ids)
                fitting = [
                    one.body for one in matrix.OPERATIONS if one.matches(route.pattern, verb)
                ]
                for body, headers in itertools.product(
                    fitting, ({'If_Match': '*'}, {'If_None_Match': '*'})
                ):
                    self.alike(verb, path, body, ids, **headers)
        self.assertEqual(self.before, self.seen('alpha'))

    def test_foreign_ids_are_found_in_their_own_project(self):
        for kind in matrix.KINDS:
            foreign, missing = self.strange[f'{kind[:-1]}_id']
            self.do(200, 'GET', f'/{kind}/{foreign}')
            self.do(404, 'GET', f'/{kind}/{missing}')

    def test_foreign_etags_look_unknown(self):
        for kind in matrix.KINDS:
            ids = self.strange[f'{kind[:-1]}_id']
            etag = self.call('GET', f'/v2/alpha/{kind}/{ids[0]}').headers['ETag']
            for verb in ('GET', 'PATCH', 'POST', 'DELETE'):
                self.alike(verb, f'/{kind}/STRANGE', {'schedule': {}}, ids, If_Match=etag)
                self.alike(verb, f'/{kind}/STRANGE', {'schedule': {}}, ids, If_None_Match=etag)
        self.assertEqual(self.before, self.seen('alpha'))

    def test_foreign_ids_in_queries_look_missing(self):
        for route in matrix.project_routes():
            endpoint = route.endpoints.get('GET')
            parts = {
                name: value for name, value in self.own.items() if f'{{{name}}}' in route.pattern
            }
            path = route.pattern.format(project_id='', **parts).removeprefix('/v2/')
            for ids in self.strange.values() if endpoint else ():
                for name in sorted(endpoint.parameters - {'search'}):
                    self.alike('GET', f'{path}?{name}=STRANGE', ids=ids)
                search = urllib.parse.quote('{"match": [{"_all": "STRANGE"}]}')
                self.alike('GET', f'{path}?search={search}', ids=ids)

    def test_foreign_ids_in_searches_look_missing(self):
        for kind in matrix.KINDS:
            for key, ids in {**self.strange, 'project_id': ('alpha', 'gamma')}.items():
                for body in (
                    {'match': [{key: 'STRANGE'}]},
                    {'match_not': [{key: 'STRANGE'}]},
                    {'match': [{'_all': 'STRANGE'}]},
                    {'match_not': [{'_all': f'[{{"{key}": "STRANGE"}}]'}]},
                ):
                    self.alike('GET', f'/{kind}', body, ids)

    def test_foreign_ids_in_bodies_look_missing(self):
        backup = {'action': 'backup'}
        for method, path in (
            ('POST', '/jobs'),
            ('POST', '/jobs/job'),
            ('POST', '/jobs/new'),
            ('PATCH', '/jobs/job'),
        ):
            answer = self.alike(
                method, path, {'client_id': 'client', 'job_actions': [{'action_id': 'STRANGE'}]}
            )
            self.assert_error(answer, '422', 'action_id')
        for entry in (
            {'action_id': 'STRANGE', 'freezer_action': backup},
            {'action_id': 'STRANGE', 'freezer_action': {'action': 'restore'}},
            {'freezer_action': {**backup, 'action_id': 'STRANGE'}},
        ):
            for method, path in (
                ('POST', '/jobs/job'),
                ('POST', '/jobs/new'),
                ('PATCH', '/jobs/job'),
            ):
                self.assertIn(
                    self.alike(method, path, {'client_id': 'client', 'job_actions': [entry]}).code,
                    (200, 201),
                )
        for method, path in (
            ('POST', '/jobs'),
            ('POST', '/jobs/job'),
            ('POST', '/jobs/new'),
            ('PATCH', '/jobs/job'),
        ):
            answer = self.alike(
                method, path, {'client_id': 'STRANGE', 'job_actions': [{'freezer_action': backup}]}
            )
            self.assert_error(answer, '422', 'client_id')
        self.assert_error(
            self.alike('PATCH', '/jobs/job', {'client_id': 'STRANGE'}), '422', 'client_id'
        )
        self.assert_error(
            self.alike('PATCH', '/sessions', {'session_id': 'STRANGE', 'hold_off': 7}), '404'
        )
        for told, code in (
            ({'start': {'job_id': 'STRANGE', 'current_tag': 1}}, 400),
            ({'end': {'job_id': 'STRANGE', 'current_tag': 1, 'result': 'success'}}, 202),
        ):
            for path in ('/sessions/session/action', '/sessions/session/actions'):
                self.assertEqual(code, self.alike('POST', path, told).code)
        self.assertEqual(self.before, self.seen('alpha'))

    def test_foreign_ids_are_free_for_new_documents(self):
        job = {'client_id': 'client', 'job_actions': [{'freezer_action': {'action': 'backup'}}]}
        for path, body in (
            ('/jobs', {**job, 'job_id': 'STRANGE'}),
            ('/jobs/STRANGE', job),
            ('/clients', {'client_id': 'STRANGE'}),
            ('/actions', {'action_id': 'STRANGE', 'freezer_action': {'action': 'info'}}),
            ('/actions/STRANGE', {'freezer_action': {'action': 'info'}}),
            ('/sessions/STRANGE', {'schedule': {}}),
        ):
            self.assertEqual(201, self.alike('POST', path, body).code, path)
        self.assertEqual(self.before, self.seen('alpha'))

    def test_foreign_ids_in_ignored_keys_change_nothing(self):
        keys = dict.fromkeys(('session_id', 'project_id', 'user_id', 'session_name'), 'STRANGE')
        report = {'job_schedule': {'status': 'running'}, 'session_id': 'STRANGE', 'session_tag': 1}
        for path, body in (
            ('/jobs/job', {**keys, 'job_id': 'STRANGE'}),
            ('/jobs/job', report),
            ('/actions/action', keys),
            ('/sessions/session', {**keys, 'hold_off': 7, 'jobs': {'STRANGE': {}}}),
        ):
            self.assertEqual(200, self.alike('PATCH', path, body).code, path)
        self.assertEqual(self.before, self.seen('alpha'))


def _with_id(value: typing.Any, id: str) -> typing.Any:
    """A body with an id in the places meant for it."""
    if isinstance(value, dict):
        return {key.replace('STRANGE', id): _with_id(inner, id) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_id(inner, id) for inner in value]
    return value.replace('STRANGE', id) if isinstance(value, str) else value
