"""How the built-in server answers: by the application, or by an error in the
form that all have.
"""

import io
import logging
import typing

from oslo_context import context
from waitress import buffers, task

from freezer_api import middleware
from freezer_api.cmd import http_requests

LOG = logging.getLogger(__name__)

#: Seconds after which a client may come again that no thread was free for.
RETRY_AFTER = 5
#: Bytes of an answer that is sent from where it is.
LARGE = 256 * 1024
#: Status to code, of the answers that the application doesn't give.
CODES = {
    408: 'request.timeout',
    413: 'request.too-large',
    414: 'request.uri-too-long',
    431: 'request.header-too-large',
    500: 'internal',
    503: 'server.busy',
}
TEXTS = {
    500: 'The server failed to answer; its log tells why.',
    503: 'The server has too many requests. Please try again.',
}


class Task(task.WSGITask):
    """Runs the application for a request."""

    wrote_header: bool
    content_bytes_written: int
    request: http_requests.Request

    def execute(self) -> None:
        """Answer the request, and tell a client that sends more that the
        connection ends.
        """
        if self.request.unread:
            self.channel.drains = True
        if self.channel.server.stopping:
            self.set_close_on_finish()
        super().execute()

    def get_environment(self) -> dict[str, typing.Any]:
        """The WSGI environment."""
        environ = super().get_environment()
        environ['SERVER_SOFTWARE'] = 'freezer-api'
        return typing.cast(dict[str, typing.Any], environ)

    def write(self, data: bytes) -> None:
        """Send a part of the answer; its head goes along with the first
        one.
        """
        if self.wrote_header or not self.complete or not data:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        if self.content_length == len(data) and self.has_body:
            self.content_bytes_written = len(data)
            self._write_whole(head, data)
        else:
            self.channel.write_soon(head)
            super().write(data)

    def _write_whole(self, head: bytes, data: bytes) -> None:
        if len(data) < LARGE:
            self.channel.write_soon(head + data)
            return
        # Neither this nor the connection's own buffer makes a copy of it.
        answer = buffers.ReadOnlyFileBasedBuffer(io.BytesIO(data))
        answer.prepare()
        self.channel.write_soon(head)
        self.channel.write_soon(answer)


class Refusal(task.ErrorTask):
    """Answers what the application doesn't get to see, in the form that all
    errors have.
    """

    def execute(self) -> None:
        """Say what was wrong, and close the connection once the client has had
        time to read it.
        """
        error, request = self.request.error, self.request
        text = (
            TEXTS.get(error.code, '')
            or ' '.join(str(error.body).split())[:200] + '.'
        )
        code = CODES.get(error.code, 'request.malformed-http')
        kept = middleware.kept_request_id(
            request.headers.get('X_OPENSTACK_REQUEST_ID', '')
        )
        request_id = kept or context.generate_request_id()
        answer = middleware.refusal(
            f'{error.code} {error.reason}',
            code,
            text,
            [('x-openstack-request-id', request_id)],
        )
        LOG.debug(
            '%s: refused a request from %s: %s',
            request_id,
            self.channel.addr[0],
            text,
        )
        self.status = answer.status
        self.response_headers.extend(answer.headers)
        if error.code == http_requests.Busy.code:
            self.response_headers.append(('Retry-After', str(RETRY_AFTER)))
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.channel.drains = True
        self.write(
            b'' if getattr(request, 'command', '') == 'HEAD' else answer.body
        )


class Dispatcher(task.ThreadedTaskDispatcher):
    """The threads. What waits for one is told to its client, not to the
    log.
    """

    def add_task(self, task: typing.Any) -> None:
        """Have a connection's next request run."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
