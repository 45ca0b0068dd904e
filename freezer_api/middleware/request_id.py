"""The id of each request, by which its answer and its log records are found."""

import collections.abc
import os
import re
import typing

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
#: The digit of a UUID's variant, one of four, by any digit.
_VARIANTS = dict(zip('0123456789abcdef', 4 * '89ab', strict=True))


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
        request_id=valid or new_request_id(), global_request_id=valid
    )


def new_request_id() -> str:
    """Return a random request id, as oslo.context makes them: 'req-' and a
    UUID of version 4.

    An object for the UUID takes a tenth of all that a GET does here.
    """
    digits = os.urandom(16).hex()
    # The digits that tell the version and the variant aren't random.
    variant = _VARIANTS[digits[16]]
    return (
        f'req-{digits[:8]}-{digits[8:12]}-4{digits[13:16]}'
        f'-{variant}{digits[17:20]}-{digits[20:]}'
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
