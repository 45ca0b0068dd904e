"""The id of each request, by which its answer and its log records are found."""

import collections.abc
import re
import typing

from oslo_context import context as oslo_context

from freezer_api import context
from freezer_api.middleware.responses import (
    Application,
    Environ,
    Headers,
    StartResponse,
)

#: As oslo.middleware has it: what one service hands on to the next.
REQUEST_ID = re.compile(
    r'req-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}'
)


def valid_request_id(given: str) -> str | None:
    """Return the id that a request came with, None if it isn't one.

    Anything else could be a text of the caller's choice in our log.
    """
    if REQUEST_ID.fullmatch(given):
        return given
    return None


def start_context(given: str) -> context.RequestContext:
    """Make a context with the id that a request came with, or a new id, the
    current one of this thread, and return it.

    oslo.log takes the request id of all records from the current context. It
    stays until the thread's next request replaces it.
    """
    valid = valid_request_id(given)
    return context.RequestContext(
        request_id=valid or oslo_context.generate_request_id(),
        global_request_id=valid,
    )


class RequestId:
    """Gives each request an id, which its log records and its answer bear. An
    id that comes in is kept.

    It is the outermost layer, so that every answer has the header.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        given = environ.get('HTTP_X_OPENSTACK_REQUEST_ID', '')
        current = start_context(given)
        environ[context.CONTEXT] = current
        request_id = current.request_id
        environ['openstack.request_id'] = request_id
        environ['openstack.global_request_id'] = current.global_request_id

        # The header is added last: no layer inside can change or drop it.
        def start(
            status: str, headers: Headers, exc_info: typing.Any = None
        ) -> typing.Any:
            with_id = [*headers, ('x-openstack-request-id', request_id)]
            return start_response(status, with_id, exc_info)

        return self._application(environ, start)
