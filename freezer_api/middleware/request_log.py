"""One line in the log for each request, and who its caller is in it."""

import collections.abc
import logging
import time
import typing

from freezer_api.middleware import log_texts
from freezer_api.middleware.responses import (
    Application,
    Environ,
    Headers,
    StartResponse,
)

LOG = logging.getLogger(__name__)
#: In the environment: the project and the user of a valid token.
CALLER = 'freezer.caller'
#: In place of what isn't known.
UNKNOWN = '-'


class RequestLog:
    """Writes a line at INFO when the answer to a request is complete, whatever
    the answer is.

    It has to stand outside of every layer that answers, and inside of the one
    that gives the request its id.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        if not LOG.isEnabledFor(logging.INFO):
            return self._application(environ, start_response)
        line = _Line(environ)

        def start(
            status: str, headers: Headers, exc_info: typing.Any = None
        ) -> typing.Any:
            line.status = status[:3]
            return start_response(status, headers, exc_info)

        body = self._application(environ, start)
        if isinstance(body, list):
            # Servers send a list of one part at once, with its length: it
            # must stay one.
            line.write(sum(map(len, body)))
            return body
        return _CountedBody(body, line)


def log_refused(
    environ: Environ, status: str, size: int, seconds: float
) -> None:
    """Write the line of a request that a server refuses by itself.

    ``environ`` has its id, and method, path and query as far as the server
    knows them; ``size`` is that of the answer's body in bytes.
    """
    if LOG.isEnabledFor(logging.INFO):
        request = log_texts.shown_request(environ)
        _write(environ, request, status[:3], size, seconds)


class CallerOfToken:
    """Notes for the log to whom a valid token belongs.

    It stands behind the validation of tokens, and nowhere else: elsewhere the
    headers of the identity may be the caller's own invention.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        if environ.get('HTTP_X_IDENTITY_STATUS') == 'Confirmed':
            project_id = environ.get('HTTP_X_PROJECT_ID')
            environ[CALLER] = (project_id, environ.get('HTTP_X_USER_ID'))
        return self._application(environ, start_response)


class _Line:
    """The line of one request, written once."""

    def __init__(self, environ: Environ):
        self.status = UNKNOWN
        self._environ = environ
        # Taken now: layers further in change paths in the environment.
        self._request = log_texts.shown_request(environ)
        self._began = time.monotonic()

    def write(self, size: int) -> None:
        """Write the line; ``size`` is that of the body in bytes."""
        seconds = time.monotonic() - self._began
        _write(self._environ, self._request, self.status, size, seconds)


class _CountedBody:
    """A body that comes in parts; the line is written when it is closed,
    which servers do also for clients that have gone.
    """

    def __init__(self, body: collections.abc.Iterable[bytes], line: _Line):
        self._body = body
        self._line = line
        self._size = 0

    def __iter__(self) -> collections.abc.Iterator[bytes]:
        for part in self._body:
            self._size += len(part)
            yield part

    def close(self) -> None:
        """Close the body, and write the line."""
        close = getattr(self._body, 'close', None)
        try:
            if close is not None:
                close()
        finally:
            self._line.write(self._size)


def _write(
    environ: Environ, request: str, status: str, size: int, seconds: float
) -> None:
    project_id, user_id = environ.get(CALLER, (None, None))
    LOG.info(
        '%s status=%s bytes=%d seconds=%.4f project_id=%s user_id=%s'
        ' request_id=%s',
        request,
        status,
        size,
        seconds,
        _shown_id(project_id),
        _shown_id(user_id),
        environ['openstack.request_id'],
    )


def _shown_id(value: str | None) -> str:
    if not value:
        return UNKNOWN
    return log_texts.shown_id(value)
