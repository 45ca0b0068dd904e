"""The server of ``freezer-api``: what hostile, careless and slow clients make of it."""

import contextlib
import pathlib
import re

import psutil
import requests

from tests.live import programs, raw_http

FEW_FILES = (
    'import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); '
    'from freezer_api.cmd import api; sys.exit(api.main(sys.argv[1:]))'
)


class TestMalformed(raw_http.ServerTest):
    """What isn't HTTP, or could be taken for something else by a proxy."""

    def test_malformed_request_gets_400_and_nothing_behind_it(self):
        """One answer each, and none to what stands behind it."""
        self.start()
        for lines, body in (
            (
                ('Transfer-Encoding: chunked', f'Content-Length: {len(raw_http.GET) + 5}'),
                b'0\r\n\r\n',
            ),
            (('Content-Length: 2', 'Content-Length: 40'), b'{}'),
            (('Content-Length: 2', 'Content-Length: 2'), b'{}'),
            (('Content-Length: +2',), b'{}'),
            (('Content-Length: -2',), b'{}'),
            (('Content-Length: 2, 2',), b'{}'),
            (('Content-Length : 2',), b'{}'),
            (('X: y', ' folded'), b''),
            (('X: a\0b',), b''),
            (('Host: other',), b''),
            (('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), b'0\r\n\r\n'),
            (('no colon',), b''),
        ):
            self.refused(400, 'request.malformed-http', raw_http.head(*lines), body, raw_http.GET)
        end = b'\r\n0\r\n\r\n'
        for body in (
            b'zz\r\n{}' + end,
            b'2\n{}' + end,
            b'2\r\n{}}' + end,
            b'\r\n2\r\n{}' + end,
            b'-2\r\n{}' + end,
            b'2;' + b'x' * 2000 + b'\r\n{}' + end,
            b'2\r\n{}\r\n0\r\nX: y\r\n',
            b'2\r\n{}\r\n0\r\n' + b'X: y\r\n' * 2000,
        ):
            self.refused(400, 'request.malformed-http', raw_http.CHUNKED, body, raw_http.GET)
        for first in (
            'GET / HTTP/2.0',
            'GET / HTTP/1.2',
            'GET  / HTTP/1.1',
            'get / HTTP/1.1',
            'GET /\x01 HTTP/1.1',
            'GET /',
            'GET http://[::1/ HTTP/1.1',
            'GET / HTTP/1.1 ',
        ):
            self.refused(400, 'request.malformed-http', raw_http.head(first=first))
        self.refused(
            501,
            'request.malformed-http',
            raw_http.head('Transfer-Encoding: gzip, chunked'),
            raw_http.GET,
        )
        old = raw_http.head(
            'Transfer-Encoding: chunked',
            'Connection: keep-alive',
            first=f'POST {raw_http.SESSIONS} HTTP/1.0',
        )
        self.refused(400, 'request.malformed-http', old, b'2\r\n{}\r\n0\r\n\r\n')
        self.works()

    def test_bodies_do_not_become_requests(self):
        """Those of requests that need none, in chunks and with trailers too; what stands behind
        them is answered next.
        """
        self.start()
        chunks = b'%x\r\n%s\r\n0\r\nX: y\r\n\r\n' % (len(raw_http.GET), raw_http.GET)
        last = raw_http.head('Connection: close', first='GET / HTTP/1.1')
        for verb, path, status in (
            ('GET', '/nothing', b'404'),
            ('GET', f'{raw_http.SESSIONS}/x', b'404'),
            ('PUT', raw_http.SESSIONS, b'405'),
            ('OPTIONS', raw_http.SESSIONS, b'200'),
            ('GET', '/v2', b'200'),
        ):
            first = f'{verb} {path} HTTP/1.1'
            for request in (
                raw_http.head('Transfer-Encoding: chunked', first=first) + chunks,
                raw_http.head(f'Content-Length: {len(raw_http.GET)}', first=first) + raw_http.GET,
            ):
                self.assertEqual([status, b'300'], raw_http.statuses(self.send(request, last)))

    def test_request_id_is_kept(self):
        """Also where the application isn't asked."""
        self.start()
        request_id = 'req-01234567-89ab-cdef-0123-456789abcdef'
        answer = self.send(
            raw_http.head('Transfer-Encoding: chunked', f'X-OpenStack-Request-Id: {request_id}'),
            b'x\r\n',
        )
        self.assertIn(request_id.encode(), answer)

    def test_expect_is_answered_before_the_body(self):
        """A client is told to go on only where its body is wanted."""
        self.start()
        self.refused(
            413,
            'request.too-large',
            raw_http.head('Expect: 100-continue', 'Content-Length: 100001'),
        )
        bodyless = raw_http.head(
            'Expect: 100-continue', 'Connection: close', first='GET / HTTP/1.1'
        )
        self.assertEqual([b'300'], raw_http.statuses(self.send(bodyless)))
        connection = self.connect()
        connection.sendall(
            raw_http.head('Expect: 100-continue', 'Content-Length: 16', 'Connection: close')
        )
        self.assertEqual([b'100'], raw_http.statuses(connection.recv(1000)))
        connection.sendall(b'{"schedule": {}}')
        self.assertEqual([b'201'], raw_http.statuses(raw_http.receive(connection)))

    def test_disconnecting_client_leaves_nothing_behind(self):
        """Within their heads, their bodies, and before their answers: nothing is logged, and
        nothing is done by halves.
        """
        self.start()
        for sent in (
            b'GET',
            raw_http.head('Content-Length: 100') + b'{"schedule": {}',
            raw_http.CHUNKED + b'10\r\n{"schedule": {}}',
            raw_http.GET,
        ):
            self.connect().sendall(sent)
        self.works()
        self.assertEqual(
            [],
            requests.get(self.server.url + raw_http.SESSIONS, timeout=programs.SECONDS).json()[
                'sessions'
            ],
        )
        self.assertNotIn('Traceback', self.server.said())


class TestTooMuch(raw_http.ServerTest):
    """What is larger than it may be."""

    def setUp(self):
        super().setUp()
        self.start()
        self.memory = psutil.Process(self.server.running.pid).memory_info().rss

    def assert_no_memory(self) -> None:
        """The process has not grown by what it was sent."""
        peak = re.search(
            r'VmHWM:\s+([0-9]+) kB',
            pathlib.Path(f'/proc/{self.server.running.pid}/status').read_text(),
        )
        self.assertLess(int(peak[1]) * 1024 - self.memory, 30 * raw_http.MIB)

    def test_large_heads_are_refused(self):
        """A line or headers without an end are refused early, and what follows is kept nowhere."""
        much = [b'x' * raw_http.MIB] * 100
        self.refused(414, 'request.uri-too-long', b'GET /', *much)
        self.refused(431, 'request.header-too-large', raw_http.GET[:-2] + b'X: ', *much)
        self.refused(
            431, 'request.header-too-large', raw_http.GET[:-2], *[b'X: y\r\n' * 20000] * 100
        )
        self.assert_no_memory()
        fields = [f'x{number}: y' for number in range(256)]
        self.refused(431, 'request.header-too-large', raw_http.head(*fields))
        request = raw_http.head(*fields[2:], 'Connection: close', first='GET / HTTP/1.1')
        self.assertEqual([b'300'], raw_http.statuses(self.send(request)))

    def test_requests_sent_ahead_do_not_fill_the_memory(self):
        """Those that come before the answer to the one before them stay the bytes that they are,
        and are answered in their order.
        """
        tiny = b'GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n'
        ahead = [self.connect() for _ in range(60)]
        for each in ahead:
            each.sendall(tiny * 1700)
        self.works()
        self.assert_no_memory()
        last = raw_http.head('Connection: close', first='GET /nothing HTTP/1.1')
        found = raw_http.statuses(self.send(tiny * 3000, b'\r\n' * 100000, tiny, last))
        self.assertEqual([b'200'] * 3001 + [b'404'], found)

    def test_large_bodies_are_refused(self):
        """Announced, in one chunk, and in many: the answer doesn't wait for them."""
        size = 800 * raw_http.MIB
        much = [b'x' * raw_http.MIB] * 100
        self.refused(413, 'request.too-large', raw_http.head(f'Content-Length: {size}'))
        self.refused(413, 'request.too-large', raw_http.head(f'Content-Length: {size}'), *much)
        self.refused(413, 'request.too-large', raw_http.head(f'Content-Length: {"9" * 5000}'))
        self.refused(413, 'request.too-large', raw_http.CHUNKED, b'%x\r\n' % size)
        self.refused(413, 'request.too-large', raw_http.CHUNKED, b'%x\r\n' % size, *much)
        self.refused(413, 'request.too-large', raw_http.CHUNKED, b'ffffffffffffffff\r\n')
        self.refused(
            413,
            'request.too-large',
            raw_http.CHUNKED,
            *[b'1000\r\n' + b'x' * 0x1000 + b'\r\n'] * 25600,
        )
        self.assert_no_memory()
        answer = self.send(
            raw_http.CHUNKED,
            b'1\r\n \r\n' * 50000 + b'0\r\n\r\n',
            raw_http.head('Connection: close', first='GET / HTTP/1.1'),
        )
        self.assertEqual([b'400', b'300'], raw_http.statuses(answer))

    def test_client_that_sends_all_first_sees_the_answer(self):
        """They see the answer, if what they send isn't beyond all measure."""
        url = self.server.url + raw_http.SESSIONS
        for body in (b'x' * 20 * raw_http.MIB, iter([b'x' * raw_http.MIB] * 20)):
            self.assertEqual(
                413, requests.post(url, data=body, timeout=programs.SECONDS).status_code
            )


class TestSlow(raw_http.ServerTest):
    """Clients that send or take a little now and then, or nothing."""

    def test_slow_clients_do_not_delay_others(self):
        """However many there are: they hold no thread, and the oldest make room."""
        self.start(threads=2, max_connections=100)
        for first in (
            b'',
            b'GET / HTTP/1.1\r\nX: ',
            raw_http.head('Content-Length: 1000'),
            raw_http.CHUNKED + b'10',
        ):
            connections = [self.connect() for _ in range(200)]
            for each in connections:
                with contextlib.suppress(OSError):
                    each.sendall(first)
            self.works()

    def test_slow_readers_do_not_delay_others(self):
        """Answers that are not taken hold no thread, nor do further requests behind them."""
        self.start(threads=2)
        for number in range(60):
            body = {'schedule': {}, 'description': 'x' * 1000, 'session_id': f's{number}'}
            requests.post(self.server.url + raw_http.SESSIONS, json=body, timeout=programs.SECONDS)
        page = raw_http.head(first=f'GET {raw_http.SESSIONS}?limit=1000 HTTP/1.1')
        for _ in range(10):
            self.connect().sendall(page * 200)
        self.works()

    def test_few_files_reduce_connections(self):
        """400 idle connections where 256 files may be open: others are answered, and there is one
        warning at the start and one at most later.
        """
        self.server = self.useFixture(
            programs.Server(
                'python',
                '-c',
                FEW_FILES,
                '--standalone',
                '--port',
                '0',
                '--state-dir',
                self.folder,
                announced=r'(http://[^/\s]+)/v2/',
            )
        )
        held = []
        for _ in range(400):
            held.append(self.connect())
            if not len(held) % 100:
                self.works()
        self.assertLess(psutil.Process(self.server.running.pid).num_fds(), 256)
        faults = re.findall(' (?:WARNING|ERROR) |Traceback', self.server.said())
        self.assertLess(len(faults), 3, self.server.said())

    def test_slow_request_gets_408(self):
        """A request that doesn't arrive in time is answered 408; a connection without one is
        closed, and says nothing.
        """
        self.start(request_timeout=1, keep_alive_timeout=2)
        for sent in (
            b'GET / HTTP/1.1\r\nX: ',
            raw_http.head('Content-Length: 1000') + b'{',
            raw_http.CHUNKED + b'10\r\n{',
        ):
            self.refused(408, 'request.timeout', sent)
        self.assertEqual(b'', self.send())
        self.assertEqual(
            [b'300'], raw_http.statuses(self.send(raw_http.head(first='GET / HTTP/1.1')))
        )
