"""Entity tags: what is known isn't sent again, and what has changed isn't overwritten."""

from tests.functional import base


class TestReads(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.make_job()
        self.make_session()
        self.action_id = self.do(201, 'POST', '/actions', {'freezer_action': {'action': 'backup'}})[
            'action_id'
        ]
        self.backup_id = self.do(
            201, 'POST', '/backups', {'backup_name': 'b', 'status': 'creating'}
        )['backup_id']
        paths = (
            'sessions/session',
            'jobs/job',
            f'actions/{self.action_id}',
            f'backups/{self.backup_id}',
            'clients/client',
        )
        self.paths = [f'/v2/alpha/{path}' for path in paths]

    def test_known_document_gets_304(self):
        for path in self.paths:
            etag = self.call('GET', path).headers['ETag']
            self.assertRegex(etag, r'^"[0-9a-f]+-[0-9]+"$')
            zipped = f'{etag[:-1]}-gzip"'
            for known in (
                etag,
                f'W/{etag}',
                zipped,
                f'W/{zipped}',
                f'"other", {etag}',
                '*',
                etag.strip('"'),
            ):
                for method in ('GET', 'HEAD'):
                    answer = self.call(method, path, If_None_Match=known)
                    self.assertEqual('304 Not Modified', answer.status)
                    self.assertEqual(b'', answer.raw)
                    self.assertEqual(etag, answer.headers['ETag'])
                    self.assertNotIn('Content-Type', answer.headers)
            for other in ('"other"', '""', ''):
                self.assertEqual(200, self.call('GET', path, If_None_Match=other).code)

    def test_a_change_changes_the_tag(self):
        changes = ({'hold_off': 1}, {'description': 'x'}, {'max_retries': 1}, {'status': 'error'})
        for path, change in zip(self.paths, changes, strict=False):
            before = self.call('GET', path).headers['ETag']
            written = self.call('PATCH', path, change)
            after = self.call('GET', path)
            self.assertNotEqual(before, after.headers['ETag'])
            self.assertEqual(after.headers['ETag'], written.headers['ETag'])
            self.assertEqual(after.json.get('_version'), written.json.get('version'))
            self.assertEqual(200, self.call('GET', path, If_None_Match=before).code)

    def test_an_id_used_again_has_another_tag(self):
        before = self.call('GET', self.paths[0]).headers['ETag']
        self.do(204, 'DELETE', '/sessions/session')
        self.make_session()
        self.assertNotEqual(before, self.call('GET', self.paths[0]).headers['ETag'])


class TestWrites(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.make_job()
        self.make_session()
        self.action_id = self.do(201, 'POST', '/actions', {'freezer_action': {'action': 'backup'}})[
            'action_id'
        ]
        self.backup_id = self.do(
            201, 'POST', '/backups', {'backup_name': 'b', 'status': 'creating'}
        )['backup_id']
        job = {'client_id': 'client', 'job_actions': [{'freezer_action': {'action': 'backup'}}]}
        self.writes = [
            ('sessions/session', 'PATCH', '', {'hold_off': 1}),
            ('sessions/session', 'POST', '', {'schedule': {}}),
            ('sessions/session', 'PUT', '/jobs/job', None),
            ('sessions/session', 'POST', '/action', {'start': {'job_id': 'job', 'current_tag': 0}}),
            ('sessions/session', 'DELETE', '/jobs/job', None),
            ('sessions/session', 'DELETE', '', None),
            ('jobs/job', 'PATCH', '', {'description': 'x'}),
            ('jobs/job', 'POST', '', job),
            ('jobs/job', 'POST', '/event', {'start': None}),
            ('jobs/job', 'DELETE', '', None),
            (f'actions/{self.action_id}', 'PATCH', '', {'max_retries': 2}),
            (f'actions/{self.action_id}', 'POST', '', {'freezer_action': {'action': 'restore'}}),
            (f'actions/{self.action_id}', 'DELETE', '', None),
            (f'backups/{self.backup_id}', 'PATCH', '', {'status': 'error'}),
            (f'backups/{self.backup_id}', 'DELETE', '', None),
            ('clients/client', 'DELETE', '', None),
        ]

    def test_stale_if_match_gets_412(self):
        for path, method, below, body in self.writes:
            path = f'/v2/alpha/{path}'
            etag = self.call('GET', path).headers['ETag']
            for stale in ('"other"', f'{etag[:-1]}x"', ''):
                self.assert_error(
                    self.call(method, path + below, body, If_Match=stale),
                    '412 Precondition Failed',
                    'If-Match',
                )
            self.assertEqual(etag, self.call('GET', path).headers['ETag'], 'nothing has changed')
            answer = self.call(method, path + below, body, If_Match=f'"other", W/{etag[:-1]}-gzip"')
            self.assertIn(answer.code, (200, 201, 202, 204), answer.raw)

    def test_if_match_of_a_missing_document_gets_412(self):
        for path, method, below, body in self.writes:
            missing = f'/v2/alpha/{path.partition("/")[0]}/missing{below}'
            for match in ('*', '"x"'):
                self.assert_error(self.call(method, missing, body, If_Match=match), '412')

    def test_asterisk_matches_any_existing_document(self):
        for path, method, below, body in self.writes:
            if method == 'DELETE':
                continue
            path = f'/v2/alpha/{path}'
            self.assert_error(
                self.call(method, path + below, body, If_None_Match='*'), '412', 'If-None-Match'
            )
            self.assertIn(
                self.call(method, path + below, body, If_Match='*').code, (200, 201, 202, 204)
            )

    def test_if_none_match_creates_only_once(self):
        created = self.call('POST', '/v2/alpha/sessions/new', {'schedule': {}}, If_None_Match='*')
        self.assertEqual(201, created.code)
        self.assertEqual(
            412,
            self.call('POST', '/v2/alpha/sessions/new', {'schedule': {}}, If_None_Match='*').code,
        )
        self.assertEqual(
            412,
            self.call('POST', '/v2/alpha/clients', {'client_id': 'client'}, If_None_Match='*').code,
        )

    def test_a_new_document_matches_nothing(self):
        for kind, body in (
            ('sessions', {'schedule': {}}),
            ('actions', {'freezer_action': {'action': 'backup'}}),
            ('jobs', {'client_id': 'client', 'job_actions': []}),
            ('clients', {'client_id': 'another'}),
            ('backups', {'backup_name': 'b', 'status': 'creating'}),
        ):
            self.assert_error(self.call('POST', f'/v2/alpha/{kind}', body, If_Match='*'), '412')

    def test_session_named_by_the_body_is_matched(self):
        body = {'session_id': 'session', 'hold_off': 2}
        self.assertEqual(412, self.call('PATCH', '/v2/alpha/sessions', body, If_Match='"x"').code)
        etag = self.call('GET', '/v2/alpha/sessions/session').headers['ETag']
        self.assertEqual(200, self.call('PATCH', '/v2/alpha/sessions', body, If_Match=etag).code)
