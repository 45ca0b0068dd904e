"""What the service makes of malformed and too large bodies that other servers hand on."""

import http.client
import json
import os
import subprocess

import requests
import testscenarios
import testtools

from tests.live import programs, raw_http
from tests.servers import identity

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios


class TestBodies(testtools.TestCase):
    """Each server has its own way to fail; the caller sees one."""

    scenarios = [
        ('gunicorn', {'start': staticmethod(programs.gunicorn)}),
        ('uwsgi', {'start': staticmethod(programs.uwsgi)}),
    ]

    def setUp(self):
        super().setUp()
        deployment = self.useFixture(programs.Deployment(programs.SQLITE))
        self.server = self.useFixture(self.start(deployment.config_file, 1))
        self.member = identity.token('member')
        self.path = f'/v2/{self.member.project_id}/sessions'

    def send(self, *lines: str, body: bytes = b'') -> tuple[int, bytes]:
        """The status and body of the answer, as a client that ends its side sees it."""
        server = self.server.url.removeprefix('http://')
        connection = http.client.HTTPConnection(server, timeout=programs.SECONDS)
        self.addCleanup(connection.close)
        connection.connect()
        first = f'POST {self.path} HTTP/1.1'
        sent = raw_http.head(
            f'X-Auth-Token: {self.member.id}', 'Connection: close', *lines, first=first
        )
        connection.sock.sendall(sent + body)
        connection.sock.shutdown(1)
        answer = http.client.HTTPResponse(connection.sock)
        answer.begin()
        return answer.status, answer.read()

    def test_malformed_body_gets_400(self):
        """400, whether the server says so or the service; nothing of it is in the log as a
        failure.
        """
        for lines, body in (
            (('Transfer-Encoding: chunked',), b'zz\r\n{}\r\n0\r\n\r\n'),
            (('Transfer-Encoding: chunked',), b'2\r\n{}}\r\n0\r\n\r\n'),
            (('Transfer-Encoding: chunked',), b'10\r\n{"schedule"'),
            (('Content-Length: 100',), b'{"schedule": {}}'),
        ):
            status, told = self.send(*lines, body=body)
            self.assertEqual(400, status, (lines, body, told))
        self.assertEqual([], self.found())
        self.assertNotIn('Traceback', self.server.said())

    def test_too_large_body_gets_413(self):
        """413, also to a client that sends all of it before it looks, and for lengths beyond all
        numbers.
        """
        url, headers = self.server.url + self.path, {'X-Auth-Token': self.member.id}
        for body in (b'x' * 2**24, iter([b'x' * 2**16] * 2**8)):
            answer = requests.post(url, data=body, headers=headers, timeout=programs.SECONDS)
            self.assertEqual(413, answer.status_code, answer.text)
        status, told = self.send(f'Content-Length: {"9" * 5000}')
        self.assertIn(status, (400, 413), told)
        self.assertNotIn('Traceback', self.server.said())

    def found(self) -> list[dict]:
        """The sessions that there are."""
        answer = requests.get(
            self.server.url + self.path,
            headers={'X-Auth-Token': self.member.id},
            timeout=programs.SECONDS,
        )
        return json.loads(answer.text)['sessions']


class TestMistakes(testtools.TestCase):
    """A server that loads the entry says in one line what its configuration lacks, and ends."""

    scenarios = [
        (
            'gunicorn',
            {
                'arguments': (
                    'gunicorn',
                    '--no-control-socket',
                    '--bind',
                    '127.0.0.1:0',
                    'freezer_api.wsgi:application',
                )
            },
        ),
        (
            'uwsgi',
            {
                'arguments': (
                    'uwsgi',
                    '--master',
                    '--lazy-apps',
                    '--need-app',
                    '--http-socket',
                    '127.0.0.1:0',
                    '--virtualenv',
                    str(programs.FOLDER.parent),
                    '--module',
                    'freezer_api.wsgi:application',
                )
            },
        ),
    ]

    def test_wrong_configuration_is_one_line(self):
        program, *arguments = self.arguments
        done = subprocess.run(
            [str(programs.FOLDER / program), *arguments],
            timeout=programs.SECONDS,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, 'OS_FREEZER_CONFIG_FILES': '/nowhere/freezer-api.conf'},
        )
        told = [line for line in done.stdout.splitlines() if line.startswith('freezer-api: ')]
        line = 'freezer-api: Failed to find some config files: /nowhere/freezer-api.conf'
        self.assertEqual({line}, {*told}, done.stdout)
        self.assertNotIn('Traceback', done.stdout)
        self.assertNotEqual(0, done.returncode)
