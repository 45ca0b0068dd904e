"""How the built-in server hands answers on to connections."""

import tracemalloc
import types

import testtools

from freezer_api.cmd import http_answers, http_requests

SIZE = 20 * 1024 * 1024


class TestCopies(testtools.TestCase):
    """What an answer takes besides itself."""

    def written(self, body: bytes) -> list:
        """What a connection is given to send."""
        request = http_requests.Request(http_requests.Settings())
        request.received(b'GET / HTTP/1.1\r\n\r\n')
        parts: list = []
        server = types.SimpleNamespace(adj=request.adj)
        task = http_answers.Task(
            types.SimpleNamespace(server=server, write_soon=parts.append), request
        )
        task.complete, task.content_length = True, len(body)
        task.write(body)
        return parts

    def test_large_answer_is_not_copied(self):
        """No copy of a large answer is made, and a small one goes along with its head."""
        body = b'x' * SIZE
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        head, whole = self.written(body)
        self.assertLess(tracemalloc.get_traced_memory()[1], SIZE // 10)
        self.assertIn(b'200 OK', head)
        self.assertEqual(SIZE, len(whole))
        self.assertEqual(b'x' * 10, whole.get(10))
        (answer,) = self.written(b'y')
        self.assertTrue(answer.endswith(b'\r\n\r\ny'))
