"""What tests of trusts need: people of a project of their own in the tests' Keystone, and a way to it that can be cut."""

import contextlib
import http.client
import http.server
import socket
import threading
import typing
import urllib.parse
import uuid

import fixtures
import requests

from tests import servers
from tests.servers import identity, keystone, process

MEMBERS = ('ann', 'bob')
#: To whom trusts are given, and who may end those of others.
TRUSTEE = 'scheduler'


class People(fixtures.Fixture):
    """A new project of the tests' Keystone, with :data:`MEMBERS`, and :data:`TRUSTEE`, who is its administrator.

    They are left behind in Keystone, which doesn't outlive the tests.
    """

    def _setUp(self) -> None:
        self.name = f'trusts-{uuid.uuid4().hex}'
        self._keystone = requests.Session()
        self._keystone.headers['X-Auth-Token'] = identity.token('admin').id
        self.address = servers.address(servers.KEYSTONE)
        self.roles = {role['name']: role['id'] for role in self.ask('GET', 'roles')['roles']}
        self.project_id = self._make('project', name=self.name)
        self.ids = {name: self.add(name, 'admin' if name == TRUSTEE else 'member') for name in (*MEMBERS, TRUSTEE)}

    def add(self, name: str, role: str) -> str:
        """A new user with a role in the project; its id."""
        user_id = self._make('user', name=f'{self.name}-{name}', password=keystone.PASSWORD)
        self.ask('PUT', f'projects/{self.project_id}/users/{user_id}/roles/{self.roles[role]}')
        return user_id

    def _make(self, kind: str, **body: str) -> str:
        return self.ask('POST', f'{kind}s', {kind: {'domain_id': 'default', **body}})[kind]['id']

    def token(self, name: str) -> str:
        """A new token of somebody in the project."""
        return identity.token(name, project=self.name).id

    def ask(self, method: str, path: str, body: typing.Any = None) -> typing.Any:
        """What Keystone answers to its administrator; None without content."""
        answer = self._keystone.request(method, f'{self.address}/{path}', json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def trusts(self) -> list[str]:
        """The ids of the trusts that the trustee has in Keystone."""
        return [trust['id'] for trust in self.ask('GET', f'OS-TRUST/trusts?trustee_user_id={self.ids[TRUSTEE]}')['trusts']]

    def trust(self, trust_id: str) -> dict[str, typing.Any]:
        """A trust as Keystone has it."""
        return self.ask('GET', f'OS-TRUST/trusts/{trust_id}')['trust']

    def trust_token(self, trust_id: str) -> str:
        """A token of the trustee by a trust."""
        body = keystone.authentication(f'{self.name}-{TRUSTEE}', None)
        body['auth']['scope'] = {'OS-TRUST:trust': {'id': trust_id}}
        answer = requests.post(f'{self.address}/auth/tokens', json=body)
        answer.raise_for_status()
        return answer.headers['X-Subject-Token']

    def application_token(self, name: str) -> str:
        """A token of somebody by an application credential."""
        made = requests.post(
            f'{self.address}/users/{self.ids[name]}/application_credentials', headers={'X-Auth-Token': self.token(name)},
            json={'application_credential': {'name': uuid.uuid4().hex}})
        made.raise_for_status()
        credential = {key: made.json()['application_credential'][key] for key in ('id', 'secret')}
        answer = requests.post(f'{self.address}/auth/tokens', json={
            'auth': {'identity': {'methods': ['application_credential'], 'application_credential': credential}}})
        answer.raise_for_status()
        return answer.headers['X-Subject-Token']

    def credentials(self, **others: str) -> dict[str, str]:
        """The options of a section that names the trustee."""
        return {**identity.service_options(), 'username': f'{self.name}-{TRUSTEE}', 'project_name': self.name, **others}


class Proxy(http.server.BaseHTTPRequestHandler):
    """One request, passed on to the tests' Keystone."""

    timeout = 10

    def forward(self) -> None:
        """Pass it on, and its answer back."""
        asked = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(servers.address(servers.KEYSTONE)).netloc)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, asked, dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
        self.send_response(answer.status)
        for name in ('Content-Type', 'X-Subject-Token'):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = forward

    def log_message(self, *args: object) -> None:
        """Nothing."""


class Way(fixtures.Fixture):
    """An address of the tests' Keystone, for one request at a time, until it is cut or jammed.

    At several at once, a Keystone on SQLite answers some writes 500, as the database is locked.
    """

    def _setUp(self) -> None:
        self._port = process.free_port()
        self.url = f'http://127.0.0.1:{self._port}/v3'
        self._close = contextlib.ExitStack()
        self.addCleanup(self.cut)
        self.mend()

    def mend(self) -> None:
        """Let requests pass."""
        self.cut()
        server = http.server.HTTPServer(('127.0.0.1', self._port), Proxy)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._close.callback(server.server_close)
        self._close.callback(server.shutdown)

    def cut(self) -> None:
        """Refuse connections."""
        self._close.close()

    def jam(self) -> None:
        """Accept connections, and never answer."""
        self.cut()
        self._close.enter_context(socket.create_server(('127.0.0.1', self._port)))


def section(name: str, options: dict[str, str]) -> str:
    """A section of a configuration file."""
    return '\n'.join([f'[{name}]', *(f'{option} = {value}' for option, value in options.items())])
