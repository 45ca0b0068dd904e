"""When bodies are read, and what is made of those that servers can't hand on as they were
announced.
"""

import io
import threading

import webob

from tests.functional import base, test_enforcement

SESSIONS = '/v2/alpha/sessions'
LIMIT = 1000
#: Seconds in which a thread does its part, on any machine.
LONG = 60


class Counted(io.BytesIO):
    """A body that knows how much of it has been read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        """As a file does."""
        part = super().read(size)
        self.count += len(part)
        return part


class ServerFailure(Exception):
    """What no other server's class is: gunicorn, for one, raises exceptions of its own."""


class Broken(Counted):
    """A body that ends in an exception."""

    def __init__(self, error: Exception):
        super().__init__(b'{"schedule"')
        self.error = error

    def read(self, size: int | None = -1) -> bytes:
        """The beginning, then the error."""
        part = super().read(size)
        if not part:
            raise self.error
        return part


class BodiesTest(base.FunctionalTest):
    """A service that takes small bodies."""

    def setUp(self):
        super().setUp()
        self.use(oslo_middleware__max_request_body_size=LIMIT)

    def send(
        self,
        stream: io.BytesIO,
        length: object = '',
        method: str = 'POST',
        path: str = SESSIONS,
        token: str | None = base.MEMBER,
        **extra: object,
    ) -> base.Answer:
        """A request whose body is a stream; without a length it ends by itself."""
        headers = {'X-Auth-Token': token} if token else {}
        environ = webob.Request.blank(path, method=method, headers=headers).environ
        environ |= {'wsgi.input': stream, 'CONTENT_LENGTH': str(length), **extra}
        if length == '':
            environ |= {'HTTP_TRANSFER_ENCODING': 'chunked', 'wsgi.input_terminated': True}
        return base.send(self.service.bare, environ)


class TestWhenTheyAreRead(BodiesTest):
    """Not before Keystone and policy have let the caller pass."""

    def test_no_body_is_read_without_a_token(self):
        for method, path in self.routes():
            stream = Counted(b'{"schedule": {}}')
            for length in (16, ''):
                answer = self.send(stream, length, method, path, token=None)
                self.assertEqual(401, answer.code, f'{method} {path}')
            self.assertEqual(0, stream.count, f'{method} {path}')

    def test_no_body_is_read_where_policy_refuses(self):
        for method, path in self.routes():
            for token in ('member@other', 'nobody@alpha', 'member!system'):
                stream = Counted(b'{"schedule": {}}')
                self.assertIn(self.send(stream, '', method, path, token=token).code, (401, 403))
                self.assertEqual(0, stream.count, f'{method} {path} {token}')

    def test_no_body_is_read_that_is_not_needed(self):
        for method, path in (
            ('GET', '/'),
            ('GET', '/v2'),
            ('GET', '/v2/openapi.json'),
            ('OPTIONS', SESSIONS),
            ('PUT', SESSIONS),
            ('GET', '/healthcheck'),
            ('POST', '/nothing'),
            ('GET', f'{SESSIONS}/x'),
        ):
            stream = Counted(b'{}')
            self.send(stream, 2, method, path)
            self.assertEqual(0, stream.count, f'{method} {path}')

    def routes(self) -> list[tuple[str, str]]:
        """Every verb and path that takes a token."""
        table = test_enforcement.routes.table(self.service.storage, 1000)
        return [
            (
                verb,
                pattern.replace('{project_id}', 'alpha')
                .replace('{session_tag}', '1')
                .replace('{', '')
                .replace('}', ''),
            )
            for pattern, verbs in table.items()
            for verb in verbs
            if pattern not in test_enforcement.PUBLIC and pattern
        ]


class TestMalformed(BodiesTest):
    """An error that says what is wrong, never 500."""

    def test_malformed_or_large_length_is_refused(self):
        for length, status in (
            ('9' * 5000, '413'),
            ('0' * 5000 + '2', '400'),
            ('1001', '413'),
            ('-2', '400'),
            ('+2', '400'),
            ('2.0', '400'),
            ('2, 2', '400'),
            ('x', '400'),
            ('²', '400'),
        ):
            self.assert_error(self.send(Counted(b'{}'), length), status)

    def test_zeros_before_a_length_are_accepted(self):
        raw = b'{"schedule": {}}'
        self.assertEqual(201, self.send(Counted(raw), '0' * 5000 + str(len(raw))).code)

    def test_length_beside_chunked_is_refused(self):
        answer = self.send(Counted(b'{"schedule": {}}'), 16, HTTP_TRANSFER_ENCODING='chunked')
        self.assert_error(answer, '400', 'Transfer-Encoding')

    def test_body_shorter_than_announced_is_refused(self):
        for raw in (b'', b'{"schedule": {}}', b'{"sched'):
            self.assert_error(self.send(Counted(raw), 100), '400', 'Content-Length')
            self.assert_error(self.send(Counted(raw), 100, 'GET'), '400', 'Content-Length')

    def test_broken_stream_of_a_server_gets_400(self):
        for error in (
            OSError('Apache'),
            ServerFailure(),
            ValueError('x'),
            EOFError(),
            StopIteration(),
        ):
            for length in (100, ''):
                answer = self.send(Broken(error), length)
                self.assert_error(answer, '400', 'body: could not be read to its end')

    def test_too_large_body_gets_413_once_read(self):
        """A body is read on, so that who sends all of it sees the answer; but not without end."""
        for length in (5000, ''):
            stream = Counted(b' ' * 5000)
            self.assert_error(self.send(stream, length), '413')
            self.assertEqual(5000, stream.count)
        stream = Counted(b' ' * 5000)
        self.assert_error(self.send(stream, 800 * 2**20), '413')
        self.assertEqual(0, stream.count)
        self.assert_error(self.send(Broken(ServerFailure()), 5000), '413')


class Slow(io.BytesIO):
    """A body that comes when it is allowed to."""

    def __init__(self, raw: bytes):
        super().__init__(raw)
        self.is_awaited, self.may_come = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        """What is left, once it may come."""
        self.is_awaited.set()
        self.may_come.wait(LONG)
        return super().read(size)


class TestPermitsOfTheProcess(BodiesTest):
    """A service that works on one request at a time."""

    def setUp(self):
        super().setUp()
        self.use(api__max_concurrent_requests=1, oslo_middleware__max_request_body_size=LIMIT)

    def test_others_are_answered_while_a_client_sends_slowly(self):
        for method, raw, code in (
            ('POST', b'{"schedule": {}}', 201),
            ('GET', b'{"match": [{"status": "x"}]}', 200),
        ):
            stream, answers = Slow(raw), []

            def ask(stream=stream, answers=answers, raw=raw, method=method):
                answers.append(self.send(stream, len(raw), method))

            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            self.assertTrue(stream.is_awaited.wait(LONG))
            self.assertEqual(200, self.call('GET', SESSIONS).code)
            self.assertEqual(201, self.call('POST', SESSIONS, {'schedule': {}}).code)
            stream.may_come.set()
            thread.join(LONG)
            self.assertEqual(code, answers[0].code)

    def test_refused_requests_give_their_permits_back(self):
        for _time in range(3):
            self.assertEqual(404, self.call('GET', f'{SESSIONS}/none').code)
            self.assertEqual(400, self.send(Counted(b'[]'), 2).code)
            self.assertEqual(413, self.send(Counted(b'x' * 2 * LIMIT), 2 * LIMIT).code)
            self.assertEqual(400, self.send(Counted(b'{"match": 1}'), 12, 'GET').code)
        self.assertEqual(200, self.call('GET', SESSIONS).code)
