"""Whole GET documents sent back: backups, and jobs that a central scheduler executes by a trust."""

import typing

from freezer_api.db.base import Scope, Store
from tests.functional import test_echo

METADATA = {
    'backup_name': 'nightly',
    'container': 'c',
    'hostname': 'host',
    'mode': 'fs',
    'level': 0,
    'ssh_key': None,
    'curr_backup_level': '0',
    'excluded_files': [],
    'client_version': None,
    'nova-inst-id': None,
    'time_stamp': 1_700_000_000,
}
CREDENTIALS = {'trust_id': 'trust', 'trustor_user_id': 'somebody'}


class TestBackups(test_echo.EchoTest):
    def setUp(self):
        super().setUp()
        self.backup_id = self.do(201, 'POST', '/backups', {**METADATA, 'status': 'creating'})[
            'backup_id'
        ]
        self.path = f'/backups/{self.backup_id}'

    def created(self, body: dict[str, typing.Any], **expected: typing.Any) -> None:
        """A new backup of a body is as the first one, but for its id and what is expected."""
        before = self.document(self.path)
        id = self.do(201, 'POST', '/backups', body)['backup_id']
        self.assertNotEqual(self.backup_id, id)
        self.assertEqual({**before, 'backup_id': id, **expected}, self.document(f'/backups/{id}'))
        self.assertEqual(before, self.document(self.path))

    def test_backup_sent_back_changes_nothing(self):
        document = self.document(self.path)
        self.assertEqual(
            {
                'backup_id': self.backup_id,
                'project_id': 'alpha',
                'user_id': 'user-member@alpha',
                'status': 'creating',
                'backup_metadata': METADATA,
            },
            document,
        )
        answer = self.do(200, 'PATCH', self.path, document)
        self.assertEqual(document, answer)
        claimed = {'project_id': 'beta', 'user_id': 'somebody', 'backup_id': 'another'}
        for body in (
            document,
            {**document, **claimed},
            document['backup_metadata'],
            {**document['backup_metadata'], **claimed},
            {**document['backup_metadata'], 'status': None},
            {},
        ):
            self.unmoved(self.path, body)
        for key in document:
            self.unmoved(self.path, {**document, key: None})
            self.unmoved(
                self.path, {name: value for name, value in document.items() if name != key}
            )
        self.unmoved(self.path, dict.fromkeys(document))

    def test_null_in_the_metadata_is_stored(self):
        """A null is a value there, but a backup has a name and a time."""
        document = self.document(self.path)
        for key in METADATA:
            self.unmoved(self.path, {'backup_metadata': {key: document['backup_metadata'][key]}})
            self.unmoved(self.path, {key: document['backup_metadata'][key]})
            if key in ('backup_name', 'time_stamp'):
                self.unmoved(
                    self.path,
                    {**document, 'backup_metadata': {**document['backup_metadata'], key: None}},
                )
                continue
            for body in (
                {**document, 'backup_metadata': {**document['backup_metadata'], key: None}},
                {key: None},
            ):
                self.do(200, 'PATCH', self.path, body)
                self.assertEqual(
                    {**METADATA, key: None}, self.document(self.path)['backup_metadata']
                )
                self.do(200, 'PATCH', self.path, document)
                self.assertEqual(document, self.document(self.path))

    def test_copied_backup_equals_the_first(self):
        document = self.document(self.path)
        self.created(document)
        self.created(
            {**document, 'project_id': 'beta', 'user_id': 'somebody', 'backup_id': 'another'}
        )
        self.created({**document, 'backup_id': None, 'project_id': None, 'user_id': None})
        self.created({**document['backup_metadata'], 'status': 'creating'})
        self.created({**document, 'status': None}, status='available')
        self.created(document['backup_metadata'], status='available')


class TestTrusts(test_echo.EchoTest):
    """A job on a central client has ``user_credentials``, which no caller can set, move or drop."""

    def setUp(self):
        super().setUp()
        self.use(centralized_scheduler__enabled=True)
        answer = self.call(
            'POST',
            '/v2/ops/clients',
            {'client_id': 'central', 'is_central': True},
            token='admin@ops',
        )
        self.assertEqual(201, answer.code)
        trust = {**CREDENTIALS, 'project_id': 'alpha'}
        self.service.storage.write(Scope('alpha'), 'trusts', 'trust', lambda *state: Store(trust))
        self.make_job('job')

        def given(current, stored, now):
            return Store(
                {
                    **current.body,
                    'client_id': 'central',
                    '_central': 'ops',
                    'user_credentials': CREDENTIALS,
                }
            )

        self.service.storage.write_job(Scope('alpha'), 'job', given)

    def test_no_patch_changes_the_trust(self):
        """Whoever sends it: a colleague, an administrator, the agent."""
        document = self.document('/jobs/job')
        self.assertEqual(CREDENTIALS, document['user_credentials'])
        other = {'trust_id': 'another', 'trustor_user_id': 'me'}
        for body in (
            document,
            {**document, 'user_credentials': other},
            {**document, 'user_credentials': None},
            {key: value for key, value in document.items() if key != 'user_credentials'},
            dict.fromkeys(document),
            {'user_credentials': other},
            {key: document[key] for key in ('job_schedule', 'session_id', 'session_tag')},
        ):
            self.unmoved('/jobs/job', body)
            before = self.document('/jobs/job')
            for token in ('member,reader@alpha', 'admin@ops'):
                self.do(200, 'PATCH', '/jobs/job', body, token=token)
                self.assertEqual(before, self.document('/jobs/job'))

    def test_no_patch_changes_the_trust_of_a_member(self):
        """A running member with a process id too."""
        self.make_session('session')
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        self.do(
            202, 'POST', '/sessions/session/action', {'start': {'job_id': 'job', 'current_tag': 0}}
        )
        report = {
            'job_schedule': {'status': 'running', 'current_pid': 42},
            'session_id': 'session',
            'session_tag': 1,
        }
        self.do(200, 'PATCH', '/jobs/job', report)
        for token, pid in (('admin@ops', 42), ('member@alpha', None)):
            document = self.do(200, 'GET', '/jobs/job', token=token)
            self.assertEqual(CREDENTIALS, document['user_credentials'])
            self.assertEqual(pid, document['job_schedule'].get('current_pid'))
            self.do(200, 'PATCH', '/jobs/job', document, token=token)
            self.assertEqual(document, self.do(200, 'GET', '/jobs/job', token=token))
            self.assertEqual(
                42,
                self.do(200, 'GET', '/jobs/job', token='service@services')['job_schedule'][
                    'current_pid'
                ],
            )
