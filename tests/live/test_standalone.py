"""``freezer-api --standalone``, as the person at the machine meets it."""

import pathlib
import shlex
import signal
import socket

import fixtures
import psutil
import requests
import testtools

from tests.live import programs
from tests.servers import process


class StandaloneTest(testtools.TestCase):
    """A folder of one's own for the data."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path

    def start(self, *arguments: str) -> programs.Server:
        """Start it."""
        return self.useFixture(programs.standalone(self.folder, *arguments))


class TestStart(StandaloneTest):
    """What it says and does on start."""

    def test_banner_has_a_call_that_works(self):
        """It tells the address, that nobody is asked who they are, and a call that works as it is
        printed.
        """
        server = self.start()
        said = server.said()
        self.assertIn(f'{server.url}/v2/', said)
        self.assertIn('no authentication', said)
        self.assertIn('loopback', said)
        create, look = (
            shlex.split(line) for line in said.splitlines() if line.strip().startswith('curl')
        )
        self.assertEqual('curl', create[0])
        self.assertEqual('-d', create[2])
        created = requests.post(create[1], data=create[3], timeout=programs.SECONDS)
        self.assertEqual(201, created.status_code, created.text)
        listed = requests.get(look[1], timeout=programs.SECONDS).json()['sessions']
        self.assertEqual(
            [created.json()['session_id']], [session['session_id'] for session in listed]
        )

    def test_only_the_loopback_is_listened_on(self):
        """No other machine can reach it."""
        server = self.start()
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(server.running.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        self.assertEqual(['127.0.0.1'], listening)

    def test_taken_port_is_one_line(self):
        """One clear line, exit code 1."""
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen()
            port = other.getsockname()[1]
            ended = programs.run(
                'freezer-api', '--standalone', '--state-dir', self.folder, '--port', str(port)
            )
        self.assertEqual(1, ended.returncode)
        self.assertEqual('', ended.stdout)
        self.assertEqual(
            f'freezer-api: cannot listen on 127.0.0.1 port {port}: Address already in use\n',
            ended.stderr,
        )

    def test_folder_that_cannot_be_created_is_one_line(self):
        """One clear line, exit code 1."""
        pathlib.Path(self.folder, 'file').touch()
        ended = programs.run(
            'freezer-api', '--standalone', '--state-dir', f'{self.folder}/file/below'
        )
        self.assertEqual(1, ended.returncode)
        self.assertEqual(1, len(ended.stderr.splitlines()), ended.stderr)
        self.assertIn(f'{self.folder}/file', ended.stderr)

    def test_folder_that_is_not_writable_is_one_line(self):
        """One clear line each, exit code 1: a file, and a folder that nothing can be written to."""
        pathlib.Path(self.folder, 'file').touch()
        for folder in (f'{self.folder}/file', '/proc'):
            ended = programs.run('freezer-api', '--standalone', '--state-dir', folder)
            self.assertEqual(1, ended.returncode)
            self.assertEqual('', ended.stdout)
            self.assertRegex(
                ended.stderr, f'^freezer-api: cannot store data in {folder}: [^\n]+\n$'
            )

    def test_relative_folder_is_below_the_current_one(self):
        """A relative one is in the folder from which the command is called, and its name may have
        anything in it.
        """
        name = "a?b %$#'c"
        command = shlex.join(
            [
                str(programs.FOLDER / 'freezer-api'),
                '--standalone',
                '--port',
                '0',
                '--state-dir',
                name,
            ]
        )
        server = self.useFixture(
            programs.Server(
                'sh',
                '-c',
                f'cd {self.folder} && exec {command}',
                announced=r'(http://[^/\s]+)/v2/',
                program_folder='/bin',
            )
        )
        programs.Project(server.url, 'p').call('POST', 'sessions', 201, {'schedule': {}})
        made = sorted(pathlib.Path(self.folder).rglob('*'))
        self.assertEqual(name, made[0].name)
        self.assertEqual({pathlib.Path(self.folder, name)}, {path.parent for path in made[1:]})
        self.assertEqual({0o600}, {path.stat().st_mode & 0o777 for path in made[1:]})

    def test_permissions_of_others_are_reported(self):
        """A database that others could read is theirs no more; who starts it is told."""
        pathlib.Path(self.folder).chmod(0o755)
        database = pathlib.Path(self.folder, 'freezer.sqlite')
        database.touch(0o644)
        said = self.start().said()
        self.assertIn(f'other users could read or write {database}', said)
        self.assertIn(f'chmod 700 {self.folder}', said)
        self.assertEqual(0o600, database.stat().st_mode & 0o777)

    def test_state_dir_without_standalone_is_refused(self):
        """Without --standalone a folder has no meaning."""
        config_file = programs.configuration(self.folder, 'sqlite://')
        ended = programs.run(
            'freezer-api', '--config-file', config_file, '--state-dir', self.folder
        )
        self.assertEqual(1, ended.returncode)
        self.assertEqual('freezer-api: --state-dir needs --standalone\n', ended.stderr)

    def test_port_can_be_set_and_address_cannot(self):
        """The port has the option's name as well; the address can't be another one."""
        port = process.free_port()
        server = self.useFixture(
            programs.Server(
                'freezer-api',
                '--standalone',
                '--state-dir',
                self.folder,
                '--bind-port',
                str(port),
                announced=r'(http://[^/\s]+)/v2/',
            )
        )
        self.assertEqual(f'http://127.0.0.1:{port}', server.url)
        ended = programs.run(
            'freezer-api', '--standalone', '--state-dir', self.folder, '--bind-host', '0.0.0.0'
        )
        self.assertEqual(1, ended.returncode)
        self.assertEqual(
            'freezer-api: --bind-host cannot be used with --standalone\n', ended.stderr
        )


class TestStop(StandaloneTest):
    """How it ends."""

    def test_signals_end_it_and_data_is_kept(self):
        """SIGTERM and SIGINT end it cleanly; the data are there when it comes back."""
        ids = []
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start()
            sessions = programs.Project(server.url, 'p')
            self.assertEqual(
                ids,
                [one['session_id'] for one in sessions.call('GET', 'sessions', 200)['sessions']],
            )
            ids.append(sessions.call('POST', 'sessions', 201, {'schedule': {}})['session_id'])
            self.assertEqual(0, server.end(number))
            self.assertNotIn('Traceback', server.said())

    def test_request_that_has_begun_is_answered_after_sigterm(self):
        """A request that has begun is answered before the end."""
        server = self.start()
        host, port = server.url.removeprefix('http://').split(':')
        body = b'{"schedule": {}, "description": "slow"}'
        with socket.create_connection((host, int(port)), timeout=programs.SECONDS) as caller:
            caller.sendall(
                b'POST /v2/p/sessions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n'
                b'Content-Length: %d\r\n\r\n' % len(body)
            )
            self.assertIn(b'100', caller.recv(1000))
            server.running.send_signal(signal.SIGTERM)
            caller.sendall(body)
            self.assertIn(b' 201 ', caller.recv(1000))
        self.assertEqual(0, server.running.wait(programs.SECONDS))


class TestWebPages(StandaloneTest):
    """No web page that the person visits may use it."""

    def test_foreign_origin_and_host_get_403(self):
        """A page's Origin, or its own name for the loopback address, is refused; local tools
        pass.
        """
        server = self.start()
        url = f'{server.url}/v2/p/sessions'
        port = server.url.rpartition(':')[2]
        for headers, status in (
            ({'Origin': 'https://evil.example'}, 403),
            ({'Origin': 'null'}, 403),
            ({'Host': f'evil.example:{port}'}, 403),
            ({'Host': f'127.0.0.1.evil.example:{port}'}, 403),
            ({'Sec-Fetch-Site': 'cross-site'}, 403),
            ({'Sec-Fetch-Site': 'same-site'}, 403),
            ({'Sec-Fetch-Site': 'Cross-Site', 'Origin': server.url}, 403),
            ({'Sec-Fetch-Site': 'same-origin'}, 201),
            ({'Sec-Fetch-Site': 'none'}, 201),
            ({'Host': f'localhost:{port}'}, 201),
            ({'Host': f'127.0.0.1:{port}'}, 201),
            ({}, 201),
        ):
            answer = requests.post(
                url, json={'schedule': {}}, headers=headers, timeout=programs.SECONDS
            )
            self.assertEqual(status, answer.status_code, f'{headers}: {answer.text}')
            if status == 403:
                self.assertEqual('request.forbidden-origin', answer.json()['code'])
        answer = requests.get(
            url, headers={'Sec-Fetch-Site': 'cross-site'}, timeout=programs.SECONDS
        )
        self.assertEqual(200, answer.status_code, 'a link that is followed')
        self.assertEqual(5, len(requests.get(url, timeout=programs.SECONDS).json()['sessions']))


class TestHTTP(StandaloneTest):
    """What passes through the server to the application."""

    def test_chunked_bodies_and_bodies_of_gets_are_read(self):
        """Chunked bodies, and bodies of GETs, as clients send their searches."""
        url = f'{self.start().url}/v2/p/sessions'
        parts = (part for part in (b'{"schedule": {}, "descr', b'iption": "in chunks"}'))
        created = requests.post(url, data=parts, timeout=programs.SECONDS)
        self.assertEqual(201, created.status_code, created.text)
        for description, found in (('in chunks', 1), ('in one', 0)):
            search = f'{{"match": [{{"description": "{description}"}}]}}'
            for body in (search, iter([search.encode()])):
                answer = requests.get(url, data=body, timeout=programs.SECONDS)
                self.assertEqual(found, len(answer.json()['sessions']), answer.text)

    def test_chunked_body_beyond_the_limit_gets_413(self):
        """A body without a length is refused as soon as it's longer than the operator allows."""
        url = f'{self.start().url}/v2/p/sessions'
        answer = requests.post(
            url, data=(b' ' * 65536 for _ in range(70)), timeout=programs.SECONDS
        )
        self.assertEqual(413, answer.status_code, answer.text)

    def test_malformed_json_gets_753(self):
        """Malformed JSON is answered by the API's own status, which no library knows."""
        answer = requests.post(
            f'{self.start().url}/v2/p/sessions', data='{', timeout=programs.SECONDS
        )
        self.assertEqual(753, answer.status_code)
        self.assertEqual('Syntax Error', answer.reason)
