"""What the server of ``freezer-api`` does before it reads a body, and when it is sent signals."""

import contextlib
import os
import pathlib
import signal
import socket
import sqlite3
import time
import typing

import psutil

from tests.live import programs, raw_http
from tests.servers import process


class TestToken(raw_http.ServerTest):
    """Who needs a token."""

    def test_request_without_token_is_answered_before_its_body(self):
        """The answer comes before the body, which isn't asked for either."""
        self.configured()
        for lines in (
            ('Content-Length: 1000',),
            ('Transfer-Encoding: chunked',),
            ('Content-Length: 9', 'Expect: 100-continue'),
        ):
            answer = self.send(raw_http.head(*lines))
            self.assertEqual([b'401'], raw_http.statuses(answer), answer)
            self.assertIn(b'Connection: close', answer)


class TestSignals(raw_http.ServerTest):
    """What an operator's tools tell it."""

    @contextlib.contextmanager
    def hanging(self, database: str) -> typing.Iterator[socket.socket]:
        """A request that doesn't end, for somebody else has locked the database."""
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute('BEGIN IMMEDIATE')
            connection = self.connect()
            connection.sendall(
                raw_http.head('Content-Length: 16', 'Connection: close') + b'{"schedule": {}}'
            )
            time.sleep(0.5)
            yield connection
            other.execute('ROLLBACK')

    def test_sighup_reopens_logs_and_interrupts_nothing(self):
        """Log files are reopened, requests that run are answered, and it goes on."""
        log = pathlib.Path(self.folder, 'api.log')
        self.server = self.useFixture(
            programs.standalone(self.folder, '--log-file', str(log), '--debug')
        )
        self.send(b'nonsense\r\n\r\n')
        with self.hanging(f'{self.folder}/freezer.sqlite') as connection:
            log.rename(f'{log}.1')
            self.server.running.send_signal(signal.SIGHUP)
            raw_http.wait_until(log.exists)
            self.works()
        self.assertEqual([b'201'], raw_http.statuses(raw_http.receive(connection)))
        self.assertIn('were reopened', log.read_text())
        self.assertNotIn('were reopened', pathlib.Path(f'{log}.1').read_text())
        self.assertEqual(0, self.server.end())

    def test_sigterm_waits_for_requests_within_the_grace(self):
        """It waits as long as it is told to, and not for connections without a request."""
        self.start(graceful_shutdown_timeout=1)
        idle = self.connect()
        with self.hanging(f'{self.folder}/freezer.sqlite'):
            self.server.running.send_signal(signal.SIGTERM)
            self.assertEqual(b'', idle.recv(1))
            self.assertEqual(0, self.server.running.wait(10))
        self.assertIn('are aborted', self.server.said())

    def test_worker_that_dies_is_replaced(self):
        """One that dies is replaced; all of them end with the process that keeps them, however that
        ends.
        """
        self.configured('workers = 2', f'log_file = {self.folder}/api.log')
        parent = psutil.Process(self.server.running.pid)
        first = {child.pid for child in parent.children()}
        self.assertEqual(2, len(first))
        os.kill(min(first), signal.SIGKILL)
        raw_http.wait_until(
            lambda: len({child.pid for child in parent.children()} - {min(first)}) == 2
        )
        self.works()
        log = pathlib.Path(self.folder, 'api.log')
        log.rename(f'{log}.1')
        parent.send_signal(signal.SIGHUP)
        self.assertTrue(
            raw_http.wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
        )
        children = parent.children()
        self.assertEqual(0, self.server.end())
        self.assertEqual([], [child for child in children if child.is_running()])

    def test_workers_end_when_their_supervisor_is_killed(self):
        """They end, and the port is free."""
        server = self.configured('workers = 2')
        children = psutil.Process(server.running.pid).children()
        server.end(signal.SIGKILL)
        psutil.wait_procs(children, 10)
        self.assertEqual(
            [],
            [
                child
                for child in children
                if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
            ],
        )
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(('127.0.0.1', int(server.url.rpartition(':')[2])))

    def test_taken_port_is_one_line(self):
        """One clear line, exit code 1."""
        file = programs.configuration(
            self.folder, f'sqlite:///{self.folder}/freezer.sqlite', raw_http.NOBODY
        )
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            ended = programs.run(
                'freezer-api', '--config-file', file, '--port', str(other.getsockname()[1])
            )
        self.assertEqual(1, ended.returncode)
        self.assertIn('Address already in use', ended.stderr.splitlines()[-1])
        self.assertNotIn('Traceback', ended.stderr)

    def test_command_line_overrides_the_address(self):
        """The command line says it as the file does, and counts more."""
        self.configured()
        port = process.free_port()
        file = f'{self.folder}/freezer-api.conf'
        url = f'http://127.0.0.2:{port}'
        options = ('--config-file', file, '--bind-host', '127.0.0.2', '--bind-port', str(port))
        self.server = self.useFixture(programs.Server('freezer-api', *options, url=url))
        self.works()
        listening = psutil.Process(self.server.running.pid).net_connections()
        self.assertEqual({('127.0.0.2', port)}, {tuple(each.laddr) for each in listening})
