"""The answers of the built-in server: those of the application, and errors in
the form that all errors of the API have.
"""

import io
import logging
import time
import typing

from waitress import buffers, task

from freezer_api import middleware
from freezer_api.cmd import http_requests

LOG = logging.getLogger(__name__)

#: Seconds after which a client should try again if no thread was free.
RETRY_AFTER = 5
#: Bytes from which on an answer is sent without being copied.
LARGE = 256 * 1024
#: Bytes of an error's text: it may quote what the client sent.
MAX_TEXT = 200
#: Status to code, for errors that are found before the application is called.
CODES = {
    408: 'request.timeout',
    413: 'request.too-large',
    414: 'request.uri-too-long',
    431: 'request.header-too-large',
    500: 'internal',
    503: 'server.busy',
}
#: Status to text, in place of waitress's own, which would show a traceback.
TEXTS = {
    500: 'Unexpected error; see the log of the server.',
    503: 'The server has too many requests. Please try again.',
}


class Task(task.WSGITask):
    """Calls the application for a request."""

    wrote_header: bool
    content_bytes_written: int
    request: http_requests.Request

    def execute(self) -> None:
        """Answer the request."""
        if self.request.has_unread_body:
            # The client is still sending. If the connection were closed at
            # once, its system would drop the answer.
            self.channel.drains = True
        if self.channel.server.stopping:
            self.set_close_on_finish()
        super().execute()

    def get_environment(self) -> dict[str, typing.Any]:
        """Return the WSGI environment."""
        environ = super().get_environment()
        environ['SERVER_SOFTWARE'] = 'freezer-api'
        return typing.cast(dict[str, typing.Any], environ)

    def write(self, data: bytes) -> None:
        """Send a part of the answer. The head is sent together with the first
        part: two packets would cost as much again.
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
        # waitress's own buffer would copy the bytes; this one is sent from
        # where they are.
        answer = buffers.ReadOnlyFileBasedBuffer(io.BytesIO(data))
        answer.prepare()
        self.channel.write_soon(head)
        self.channel.write_soon(answer)


class Refusal(task.ErrorTask):
    """Answers a request that the application does not get to see."""

    def execute(self) -> None:
        """Answer with the error, and close the connection once the client has
        had time to read it.
        """
        request = self.request
        error = request.error
        text = _describe(error)
        code = CODES.get(error.code, 'request.malformed-http')
        sent_id = request.headers.get('X_OPENSTACK_REQUEST_ID', '')
        # The id of this thread's log records from now on, in place of that of
        # the request before.
        request_id = middleware.start_context(sent_id).request_id
        answer = middleware.error_response(
            f'{error.code} {error.reason}',
            code,
            text,
            [('x-openstack-request-id', request_id)],
        )
        is_busy = error.code == http_requests.Busy.code
        LOG.log(
            logging.WARNING if is_busy else logging.DEBUG,
            'Refused a request from %s with %d: %s',
            self.channel.addr[0],
            error.code,
            text,
        )
        self.status = answer.status
        self.response_headers.extend(answer.headers)
        if is_busy:
            self.response_headers.append(('Retry-After', str(RETRY_AFTER)))
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.channel.drains = True
        # A request that is refused for its first line has no command.
        method = getattr(request, 'command', '')
        body = b'' if method == 'HEAD' else answer.body
        self.write(body)
        if self.channel.adj.log_requests:
            self._log_request(method, request_id, answer.status, len(body))

    def _log_request(
        self, method: str, request_id: str, status: str, size: int
    ) -> None:
        """Write the request's line, as for those that the application gets."""
        request = self.request
        refused = {
            'REQUEST_METHOD': method,
            'PATH_INFO': getattr(request, 'path', ''),
            'QUERY_STRING': getattr(request, 'query', ''),
            'openstack.request_id': request_id,
        }
        seconds = time.time() - request.began
        middleware.log_refused(refused, status, size, seconds)


def _describe(error: typing.Any) -> str:
    """Describe an error in one short sentence."""
    if error.code in TEXTS:
        return TEXTS[error.code]
    one_line = ' '.join(str(error.body).split())
    return f'{one_line[:MAX_TEXT]}.'


class Dispatcher(task.ThreadedTaskDispatcher):
    """The threads that call the application.

    waitress logs a warning for each request that has to wait for a thread,
    which adds to the load just when there is too much of it; here the client
    is told instead (:class:`http_requests.Busy`).
    """

    def add_task(self, task: typing.Any) -> None:
        """Have a connection's next request answered by the next thread."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
