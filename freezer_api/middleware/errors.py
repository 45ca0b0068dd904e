"""The one table from errors to HTTP, and what the log says of them."""

import collections.abc
import logging

from freezer_api import exceptions
from freezer_api.middleware import log_texts
from freezer_api.middleware.responses import (
    Application,
    Environ,
    Headers,
    Response,
    StartResponse,
)

LOG = logging.getLogger(__name__)


class UnknownPath(exceptions.FreezerError):
    """No route has this path."""

    code = 'request.path-not-found'

    def __init__(self) -> None:
        super().__init__('The resource could not be found.')


class MethodNotAllowed(exceptions.FreezerError):
    """The path's route doesn't have this method."""

    code = 'request.method-not-allowed'

    def __init__(self, method: str):
        super().__init__(
            f'The method {method[:32]} is not allowed for this resource.'
        )


class NotAcceptable(exceptions.FreezerError):
    """The caller does not accept JSON."""

    code = 'request.not-acceptable'

    def __init__(self) -> None:
        super().__init__(
            'Accept: only application/json responses are available.'
        )


#: The status of each class of errors, and of those derived from it. The text
#: behind the number is the title in the answer.
STATUSES: dict[type, str] = {
    exceptions.InvalidInput: '400 Bad Request',
    exceptions.Unauthorized: '401 Unauthorized',
    exceptions.Forbidden: '403 Forbidden',
    exceptions.NotFound: '404 Not Found',
    UnknownPath: '404 Not Found',
    exceptions.UnknownAction: '405 Method Not Allowed',
    MethodNotAllowed: '405 Method Not Allowed',
    NotAcceptable: '406 Not Acceptable',
    exceptions.Conflict: '409 Conflict',
    exceptions.PreconditionFailed: '412 Precondition Failed',
    exceptions.BodyTooLarge: '413 Request Entity Too Large',
    exceptions.Unprocessable: '422 Unprocessable Entity',
    exceptions.Unavailable: '503 Service Unavailable',
    # Not a status of HTTP: the API has had this one from its beginning, and
    # callers look for it.
    exceptions.MalformedBody: '753 Syntax Error',
}
INTERNAL = '500 Internal Server Error'


class Errors:
    """Answers the errors that come out of the layers inside of it."""

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        try:
            return self._application(environ, start_response)
        except Exception as error:
            response = respond(error, environ)
            return response(environ, start_response)


def respond(error: Exception, environ: Environ, allow: str = '') -> Response:
    """Log an error, and return the answer to it. ``allow`` lists the methods
    of the resource, for 405.

    An error that isn't one of ours is logged as a whole, and the caller is
    told nothing of it: its text may have parts of the configuration or of
    other callers' data.
    """
    status = _status_of(error)
    request = log_texts.shown_request(environ)
    if status is INTERNAL or not isinstance(error, exceptions.FreezerError):
        LOG.error('Unexpected error in %s', request, exc_info=error)
        return error_response(
            INTERNAL,
            'internal',
            'Unexpected error; see the log of the server.',
        )
    _log(error, request, status[:3])
    headers: Headers = []
    if isinstance(error, exceptions.Unavailable):
        headers.append(('Retry-After', str(error.retry_after)))
    # HTTP requires it.
    if status.startswith('405'):
        headers.append(('Allow', allow))
    return error_response(status, error.code, str(error), headers)


def _log(error: exceptions.FreezerError, request: str, status: str) -> None:
    code = error.code
    if isinstance(error, exceptions.Unavailable):
        LOG.warning(
            '%s is answered %s (%s): %s',
            request,
            status,
            code,
            reason_of(error),
        )
        return
    # Not higher than DEBUG: callers cause as many of these as they like.
    LOG.debug(
        '%s is refused with %s (%s): %s',
        request,
        status,
        code,
        log_texts.one_line(str(error)),
    )


def error_response(
    status: str,
    code: str,
    description: str,
    headers: collections.abc.Iterable[tuple[str, str]] = (),
) -> Response:
    """Return an answer in the form that all errors have; ``code`` is one of
    :data:`freezer_api.error_codes.MEANINGS`.
    """
    title = status[4:]
    body = {'title': title, 'description': description, 'code': code}
    return Response.of_json(status, body, headers)


def _status_of(error: Exception) -> str:
    # The nearest base counts, so that a class derived from another one may
    # have a status of its own.
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return INTERNAL


def reason_of(error: Exception) -> str:
    """Return why something is unavailable, on one line for the operator alone:
    the cause in the words of the database or of Keystone.

    SQLAlchemy's own text has the statement and its values besides, which are
    callers' data.
    """
    cause = error.__cause__
    if cause is None:
        return log_texts.one_line(str(error))
    # oslo.db's errors stand for SQLAlchemy's, and those for the driver's.
    inner = _wrapped(cause)
    while inner is not None:
        cause = inner
        inner = _wrapped(cause)
    text = ' '.join(str(cause).split())
    return log_texts.one_line(f'{type(cause).__name__}: {text}')


def _wrapped(error: BaseException) -> BaseException | None:
    """The error that one of SQLAlchemy or of oslo.db stands for."""
    for attribute in ('inner_exception', 'orig'):
        inner = getattr(error, attribute, None)
        if isinstance(inner, BaseException) and inner is not error:
            return inner
    return None
