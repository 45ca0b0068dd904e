"""``freezer-api`` with MariaDB behind a real Keystone: tokens, projects and roles."""

import requests
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity


class TestTokens(testtools.TestCase):
    """Who may do what with which token, in a project ``alpha`` that has a session."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        deployment = programs.shared(cls, programs.Deployment(servers.MYSQL))
        cls.server = programs.shared(cls, programs.api(deployment.config_file))
        member = identity.token('member')
        cls.project = programs.Project(cls.server.url, member.project_id, member.id)
        cls.session_id = cls.project.session(['one'])

    def status(
        self,
        method: str,
        project_id: str,
        token: str | None,
        path: str = 'sessions',
        body: object = None,
    ) -> int:
        """The status of a call."""
        headers = {} if token is None else {'X-Auth-Token': token}
        url = f'{self.server.url}/v2/{project_id}/{path}'
        return requests.request(
            method, url, json=body, headers=headers, timeout=programs.SECONDS
        ).status_code

    def test_invalid_tokens_are_refused(self):
        """Missing, made-up, expired and unscoped tokens; none is needed to learn the versions."""
        member = identity.token('member')
        self.assertEqual(200, self.status('GET', member.project_id, member.id))
        expired = identity.expired_token('member')
        for token in (None, '', 'made-up', expired.id):
            self.assertEqual(401, self.status('GET', member.project_id, token), token)
        self.assertEqual(403, self.status('GET', member.project_id, identity.unscoped_token().id))
        self.assertEqual(
            300, requests.get(f'{self.server.url}/', timeout=programs.SECONDS).status_code
        )
        self.assertEqual(
            200,
            requests.get(f'{self.server.url}/healthcheck', timeout=programs.SECONDS).status_code,
        )

    def test_identity_cannot_be_claimed(self):
        """Headers in which the service is told who calls are ignored when the caller sends
        them.
        """
        project_id = identity.token('member').project_id
        claimed = {
            'X-Identity-Status': 'Confirmed',
            'X-Project-Id': project_id,
            'X-Roles': 'admin',
            'X-User-Id': 'me',
        }
        for headers in (
            claimed,
            {name.replace('-', '_'): value for name, value in claimed.items()},
        ):
            answer = requests.get(
                f'{self.server.url}/v2/{project_id}/sessions',
                headers=headers,
                timeout=programs.SECONDS,
            )
            self.assertEqual(401, answer.status_code)

    def test_role_decides_reads_writes_and_actions(self):
        path = f'sessions/{self.session_id}'
        start = {'start': {'job_id': 'one', 'current_tag': 0}}
        for role, read, write, act in (
            ('admin', 200, 201, 202),
            ('member', 200, 201, 202),
            ('reader', 200, 403, 403),
            ('service', 200, 403, 202),
            ('stranger', 403, 403, 403),
        ):
            token = identity.token(role)
            self.assertEqual(read, self.status('GET', token.project_id, token.id, path), role)
            self.assertEqual(
                write, self.status('POST', token.project_id, token.id, body={'schedule': {}}), role
            )
            self.assertEqual(
                act, self.status('POST', token.project_id, token.id, f'{path}/action', start), role
            )

    def test_only_an_admin_reads_a_foreign_project(self):
        project_id = identity.token('member').project_id
        for role, expected in (('member', 403), ('reader', 403), ('admin', 200)):
            token = identity.token(role, 'beta')
            self.assertNotEqual(project_id, token.project_id)
            self.assertEqual(
                expected,
                self.status('GET', project_id, token.id, f'sessions/{self.session_id}'),
                role,
            )

    def test_owner_is_that_of_token_and_path(self):
        member = identity.token('member')
        session = self.project.call('GET', f'sessions/{self.session_id}', 200)
        self.assertEqual(member.user_id, session['user_id'])
        self.assertEqual(member.project_id, session['project_id'])
