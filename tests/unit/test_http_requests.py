"""What the built-in server understands of bytes, however they are cut; tests/live/test_server.py
has what it answers.
"""

import hypothesis
import testtools
from hypothesis import strategies

from freezer_api.cmd import http_requests

LIMIT = 1000
PARTS = strategies.lists(strategies.binary(min_size=1, max_size=60), max_size=8)
EXTENSIONS = strategies.sampled_from([b'', b' ', b';a', b';a="b"'])


def request(settings: http_requests.Settings | None = None) -> http_requests.Request:
    """One that nothing has arrived of."""
    return http_requests.Request(
        settings or http_requests.Settings(max_request_body_size=LIMIT + 1)
    )


def feed(one: http_requests.Request, data: bytes, cut: int) -> bytes:
    """Let it have data in pieces until it takes no more; what is left."""
    while data and not one.completed:
        taken = one.received(data[:cut])
        data = data[taken:]
    return data


class TestChunks(testtools.TestCase):
    """Bodies in chunks."""

    @hypothesis.given(
        PARTS, EXTENSIONS, strategies.integers(1, 200), strategies.sampled_from([b'', b'X: y\r\n'])
    )
    def test_chunks_make_the_body_that_was_sent(self, parts, extension, cut, trailers):
        """It arrives, and what stands behind it is left."""
        chunks = b''.join(b'%x%s\r\n%s\r\n' % (len(part), extension, part) for part in parts)
        one = request()
        left = feed(
            one,
            b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'
            + chunks
            + b'0\r\n'
            + trailers
            + b'\r\nGET /',
            cut,
        )
        self.assertIsNone(one.error)
        self.assertEqual(b''.join(parts), one.get_body_stream().read())
        self.assertEqual(str(len(b''.join(parts))), one.headers['CONTENT_LENGTH'])
        self.assertEqual(b'GET /', left)

    @hypothesis.given(strategies.integers(1, 2000), strategies.integers(1, 400))
    def test_chunked_body_beyond_the_limit_gets_413(self, size, cut):
        """In one chunk or in many: the limit is that of the body, which may have it exactly."""
        for part in (size, 7):
            body = b''.join(
                b'%x\r\n%s\r\n' % (len(piece), piece)
                for piece in (b'x' * min(part, size - at) for at in range(0, size, part))
            )
            one = request()
            feed(
                one,
                b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n' + body + b'0\r\n\r\n',
                cut,
            )
            self.assertEqual(413 if size > LIMIT else None, one.error and one.error.code)

    @hypothesis.given(strategies.binary(max_size=300), strategies.integers(1, 300))
    def test_any_chunks_are_a_body_or_an_error(self, data, cut):
        """Whatever bytes come: an error or a body, never an exception, and never more than was
        sent.
        """
        one = request()
        feed(one, b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n' + data, cut)
        self.assertLessEqual(len(one.body_rcv), len(data))


class TestHeads(testtools.TestCase):
    """Lines before the body."""

    @hypothesis.given(strategies.binary(max_size=300), strategies.integers(1, 300))
    def test_any_head_is_a_request_or_an_error(self, data, cut):
        """Whatever bytes come: an error or a request, never an exception."""
        one = request()
        feed(one, data + b'\r\n\r\n', cut)
        self.assertTrue(one.completed)

    def test_empty_lines_before_a_request_are_skipped(self):
        """However many stand before a request, they are taken at once."""
        one = request()
        self.assertEqual(60000, one.received(b'\r\n' * 30000))
        self.assertTrue(one.empty)
        for cut in (1, 3, 1000):
            one = request()
            left = b'\r\n' * 20 + b'GET / HTTP/1.1\r\n\r\nGET'
            while not one.completed or one.empty:
                one = request() if one.completed else one
                left = left[one.received(left[:cut]) :]
            self.assertEqual('GET', one.command)
            self.assertIsNone(one.error)
            self.assertEqual(b'GET', left)

    def test_size_counts_copies_of_the_head(self):
        """It is told of heads as well, of which there are several copies."""
        one = request()
        one.received(b'POST / HTTP/1.1\r\nContent-Length: 9\r\nX: %s\r\n\r\n' % (b'y' * 9000))
        self.assertLess(36000, one.size)

    def test_content_length_is_checked_without_parsing_it(self):
        """Numbers of any size are compared, and not made integers of."""
        for length, code in (
            (b'1000', None),
            (b'0' * 5000 + b'7', 400),
            (b'1001', 413),
            (b'9' * 5000, 413),
            (b'1e3', 400),
            (b'', 400),
        ):
            one = request()
            one.received(b'POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\n' % length)
            self.assertEqual(code, one.error and one.error.code, length[:20])

    def test_body_without_token_is_not_read(self):
        """Without one a body is left where it is, if there has to be one."""
        for needed, header, unread in (
            (True, b'', True),
            (True, b'X-Auth-Token: t\r\n', False),
            (True, b'X-Auth-Token:\r\n', True),
            (True, b'X-Storage-Token: t\r\n', False),
            (False, b'', False),
        ):
            settings = http_requests.Settings(max_request_body_size=LIMIT)
            settings.needs_token = needed
            one = request(settings)
            one.received(b'POST / HTTP/1.1\r\n%sContent-Length: 10\r\n\r\n' % header)
            self.assertEqual(unread, one.has_unread_body, header)
            self.assertEqual(unread, one.completed, header)
