"""What tests of trusts need: people of a project of their own in the tests' Keystone, and a way to
it that can be cut.
"""

import contextlib
import http.client
import http.server
import socket
import threading
import typing
import urllib.parse
import uuid

import fixtures

from tests import servers
from tests.servers import identity, keystone

MEMBERS = ('ann', 'bob')
#: To whom trusts are given, and who may end those of others.
TRUSTEE = 'scheduler'


class People(fixtures.Fixture):
    """A new project of the tests' Keystone, with :data:`MEMBERS`, and :data:`TRUSTEE`, who is its
    administrator.

    They are left behind in Keystone, which doesn't outlive the tests.
    """

    def _setUp(self) -> None:
        self.name = f'trusts-{uuid.uuid4().hex}'
        self._administrator = identity.Administrator()
        self.ask = self._administrator.ask
        self.project_id = self._administrator.add('project', name=self.name, domain_id='default')
        self.ids = {
            name: self.add(name, 'admin' if name == TRUSTEE else 'member')
            for name in (*MEMBERS, TRUSTEE)
        }

    def add(self, name: str, role: str) -> str:
        """A new user with a role in the project; its id."""
        user_id = self._administrator.add(
            'user', name=f'{self.name}-{name}', domain_id='default', password=keystone.PASSWORD
        )
        self._administrator.grant(role, user_id, self.project_id)
        return user_id

    def token(self, name: str) -> str:
        """A new token of somebody in the project."""
        return identity.token(name, project=self.name).id

    def trusts(self) -> list[str]:
        """The ids of the trusts that the trustee has in Keystone."""
        return [
            trust['id']
            for trust in self.ask('GET', f'OS-TRUST/trusts?trustee_user_id={self.ids[TRUSTEE]}')[
                'trusts'
            ]
        ]

    def trust(self, trust_id: str) -> dict[str, typing.Any]:
        """A trust as Keystone has it."""
        return self.ask('GET', f'OS-TRUST/trusts/{trust_id}')['trust']

    def trust_token(self, trust_id: str) -> str:
        """A token of the trustee by a trust."""
        body = keystone.authentication(f'{self.name}-{TRUSTEE}', None)
        body['auth']['scope'] = {'OS-TRUST:trust': {'id': trust_id}}
        return identity.issue(body).id

    def application_token(self, name: str) -> str:
        """A token of somebody by an application credential."""
        return identity.application_token(identity.token_of(f'{self.name}-{name}', self.name)).id

    def credentials(self, **others: str) -> dict[str, str]:
        """The options of a section that names the trustee."""
        return {
            **identity.service_options(),
            'username': f'{self.name}-{TRUSTEE}',
            'project_name': self.name,
            **others,
        }


class Proxy(http.server.BaseHTTPRequestHandler):
    """One request, passed on to the tests' Keystone."""

    timeout = 10

    def forward(self) -> None:
        """Pass it on, and its answer back."""
        asked = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        address = urllib.parse.urlsplit(servers.address(servers.KEYSTONE)).netloc
        connection = http.client.HTTPConnection(address, timeout=keystone.SECONDS)
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
    """An address of the tests' Keystone, for one request at a time as Keystone answers them, until
    it is cut or jammed.
    """

    def _setUp(self) -> None:
        # It listens to nobody, and keeps the port from others also while the way is cut.
        reserved = socket.socket()
        self.addCleanup(reserved.close)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(('127.0.0.1', 0))
        self._address = reserved.getsockname()
        self.url = f'http://127.0.0.1:{self._address[1]}/v3'
        self._close = contextlib.ExitStack()
        self.addCleanup(self.cut)
        self.mend()

    def mend(self) -> None:
        """Let requests pass."""
        self.cut()
        server = http.server.HTTPServer(self._address, Proxy, bind_and_activate=False)
        server.server_close()
        server.socket = socket.create_server(self._address, reuse_port=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._close.callback(server.server_close)
        self._close.callback(server.shutdown)

    def cut(self) -> None:
        """Refuse connections."""
        self._close.close()

    def jam(self) -> None:
        """Accept connections, and never answer."""
        self.cut()
        self._close.enter_context(socket.create_server(self._address, reuse_port=True))


def section(name: str, options: dict[str, str]) -> str:
    """A section of a configuration file."""
    return '\n'.join([f'[{name}]', *(f'{option} = {value}' for option, value in options.items())])
