"""Servers of ``freezer-api`` and the bytes that tests exchange with them."""

import contextlib
import pathlib
import re
import socket
import time
import typing

import fixtures
import requests
import testtools

from tests.live import programs

SESSIONS = '/v2/p/sessions'
MIB = 1024 * 1024
#: Nobody answers there: requests with a token wait for Keystone, and others need none.
NOBODY = """
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:9/v3
www_authenticate_uri = http://127.0.0.1:9/v3
username = freezer
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
"""


def head(*lines: str, first: str = f'POST {SESSIONS} HTTP/1.1') -> bytes:
    """The head of a request."""
    return '\r\n'.join([first, 'Host: localhost', *lines, '', '']).encode()


GET = head(first=f'GET {SESSIONS} HTTP/1.1')
CHUNKED = head('Transfer-Encoding: chunked')


class ServerTest(testtools.TestCase):
    """Servers of one's own, to which bytes are sent."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path

    def start(self, **options: int) -> programs.Server:
        """A standalone one with some options."""
        lines = [f'{name} = {value}' for name, value in options.items()]
        file = pathlib.Path(self.folder, 'server.conf')
        file.write_text(
            '\n'.join(
                ['[DEFAULT]', *lines, '[oslo_middleware]', 'max_request_body_size = 100000', '']
            )
        )
        self.server = self.useFixture(programs.standalone(self.folder, '--config-file', str(file)))
        return self.server

    def configured(self, *lines: str) -> programs.Server:
        """One that asks Keystone, with some options."""
        database = f'sqlite:///{self.folder}/freezer.sqlite'
        file = programs.configuration(self.folder, database, NOBODY)
        path = pathlib.Path(file)
        path.write_text(path.read_text().replace('[DEFAULT]', '\n'.join(['[DEFAULT]', *lines])))
        programs.run('freezer-manage', '--config-file', file, 'db', 'sync').check_returncode()
        self.server = self.useFixture(programs.api(file))
        return self.server

    def connect(self) -> socket.socket:
        """A connection, closed at the end."""
        host, port = self.server.url.removeprefix('http://').split(':')
        connection = socket.create_connection((host, int(port)), timeout=programs.SECONDS)
        self.addCleanup(connection.close)
        return connection

    def send(self, *parts: bytes) -> bytes:
        """All that comes back until the server closes the connection, though it may have closed it
        before all was sent.
        """
        connection = self.connect()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
        return receive(connection)

    def refused(self, status: int, code: str, *parts: bytes) -> None:
        """One answer, an error in the form that all have with a request id, and the end of the
        connection.
        """
        answer = self.send(*parts)
        self.assertEqual([str(status).encode()], statuses(answer), answer)
        self.assertIn(f'"code":"{code}"'.encode(), answer)
        self.assertRegex(answer.decode(), '(?i)x-openstack-request-id: req-[0-9a-f-]{36}')
        self.assertIn(b'Content-Type: application/json', answer)

    def works(self) -> None:
        """Others are answered."""
        answer = requests.get(f'{self.server.url}/', timeout=programs.SECONDS)
        self.assertEqual(300, answer.status_code)


def receive(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    received = b''
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return received


def statuses(answer: bytes) -> list[bytes]:
    """The status of each answer."""
    return re.findall(rb'HTTP/1\.[01] ([0-9]{3}) ', answer)


def wait_until(happened: typing.Callable[[], typing.Any]) -> typing.Any:
    """What happens in time."""
    deadline = time.monotonic() + programs.SECONDS
    while not (found := happened()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
