"""One request, as endpoints see it."""

import logging
import re
import typing
import urllib.parse

from freezer_api import context, exceptions, permits
from freezer_api.controllers import bodies
from freezer_api.domain import documents
from freezer_api.middleware import responses
from freezer_api.services import common

LOG = logging.getLogger(__name__)
MAX_PARAMETERS = 100
#: Bytes of a refused body that are read and thrown away, and how many of them
#: at once.
MAX_DISCARDED = 64 * 1024 * 1024
READ_SIZE = 64 * 1024
#: As many digits of a length are enough to tell that it is too great; Python
#: refuses to make an integer of some thousands.
MAX_DIGITS = 18
_DIGITS = re.compile('[0-9]+')
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"|([^\s",]+)')


class Call:
    """A request, and who sends it (None: it needs no token).

    ``of_process``: the permits of the process, None if it has none.
    """

    # One is made for each request: slots save its dictionary.
    __slots__ = ('_body', 'environ', 'identity', 'max_body_size', 'permits')

    def __init__(
        self,
        environ: responses.Environ,
        identity: context.RequestContext | None,
        max_body_size: int,
        of_process: permits.Permits | None = None,
    ):
        self.environ = environ
        self.identity = identity
        self.max_body_size = max_body_size
        self.permits = of_process
        #: The body, or why there is none; None until it is received.
        self._body: bytes | exceptions.FreezerError | None = None

    @property
    def context(self) -> context.RequestContext:
        """Return who sends it, or raise ``Unauthorized``."""
        if self.identity is None:
            raise context.unauthorized()
        return self.identity

    @property
    def caller(self) -> common.Caller:
        """Return who sends it, as the services take it."""
        identity = self.context
        if identity.project_id is None or identity.user_id is None:
            raise context.unauthorized()
        # The context may be logged, so it doesn't have the token.
        return common.Caller(
            identity.project_id,
            identity.user_id,
            roles=frozenset(identity.roles),
            token=self.environ.get('HTTP_X_AUTH_TOKEN', ''),
        )

    @property
    def precondition(self) -> documents.Precondition:
        """Return ``If-Match`` and ``If-None-Match`` of a write."""
        match = self.environ.get('HTTP_IF_MATCH')
        none_match = self.environ.get('HTTP_IF_NONE_MATCH')
        if match is None and none_match is None:
            return documents.ANYTHING
        return documents.Precondition(
            entity_tags(match), entity_tags(none_match)
        )

    def is_known(self, etag: str) -> bool:
        """Return whether ``If-None-Match`` of a GET or HEAD says that the
        caller has this version.
        """
        header = self.environ.get('HTTP_IF_NONE_MATCH')
        if header is None:
            return False
        if self.environ['REQUEST_METHOD'] not in ('GET', 'HEAD'):
            return False
        tags = entity_tags(header) or ()
        return '*' in tags or etag in tags

    def raw_body(self) -> bytes:
        """Return the body, whatever its type; ``BodyTooLarge`` beyond the
        limit, however it is transferred.

        ``InvalidInput`` if its length is ambiguous, or if it doesn't come as
        announced.
        """
        self.receive()
        if isinstance(self._body, bytes):
            return self._body
        raise typing.cast(Exception, self._body)

    def receive(self) -> None:
        """Wait until the body has come; :meth:`raw_body` tells of failures."""
        if self._body is not None:
            return
        try:
            self._body = self._receive()
        except exceptions.FreezerError as error:
            self._body = error

    def _receive(self) -> bytes:
        """Read the body."""
        stream = self.environ['wsgi.input']
        limit = self.max_body_size
        announced = self._announced_size()
        if announced == 0:
            return b''
        if announced is None:
            # One byte more tells that it is too large.
            body = _read(stream, limit + 1)
        elif announced > limit:
            _discard(stream, announced)
            raise _too_large(limit)
        else:
            body = _read(stream, announced)
        if len(body) > limit:
            _discard(stream, MAX_DISCARDED)
            raise _too_large(limit)
        if announced is not None and len(body) < announced:
            raise exceptions.InvalidInput(
                'body: is shorter than Content-Length.'
            )
        return body

    def _announced_size(self) -> int | None:
        """How long the body is going to be, None for one that ends by itself;
        more than it can be for a very great number.
        """
        length = self.environ.get('CONTENT_LENGTH') or ''
        is_chunked = bool(self.environ.get('HTTP_TRANSFER_ENCODING'))
        if length:
            # A proxy in front may have decided otherwise which of the two
            # counts, and what follows would be another request to it.
            if is_chunked:
                raise exceptions.InvalidInput(
                    'Content-Length: must not be given with Transfer-Encoding.'
                )
            if not _DIGITS.fullmatch(length):
                raise exceptions.InvalidInput(
                    'Content-Length: must be a number of bytes.'
                )
            return int(length.lstrip('0')[:MAX_DIGITS] or 0)
        if self.environ.get('wsgi.input_terminated'):
            return None
        if is_chunked:
            # Reading from such a stream would wait for more for ever.
            raise exceptions.InvalidInput(
                'body: needs a Content-Length; this server does not support'
                ' chunked bodies.'
            )
        return 0

    def search(self, parameter: str | None) -> dict[str, typing.Any] | None:
        """Return the search in the body, or in the parameter ``search``; None
        if there is none, ``InvalidInput`` if both are given.
        """
        body = self.raw_body()
        is_empty = not body.strip()
        if parameter is None:
            return None if is_empty else bodies.parse_object(body)
        if not is_empty:
            raise exceptions.InvalidInput(
                'search: must not be given both in the body and as a'
                ' parameter.',
                'search.invalid',
            )
        return bodies.parse_search(parameter)

    def link(self, **parameters: typing.Any) -> str:
        """Return this path with the prefix, and with other parameters; those
        that are None are left out.
        """
        given = {}
        for name, value in parameters.items():
            if value is not None:
                given[name] = value
        path = self.resource(responses.path_of(self.environ))
        return f'{path}?{urllib.parse.urlencode(given)}'

    def resource(self, path: str) -> str:
        """Return a path below the prefix, as links have it."""
        whole = responses.prefix_of(self.environ) + path
        # WSGI decodes the bytes of paths as Latin-1.
        return urllib.parse.quote(whole.encode('latin-1'))


def query_parameters(query: str) -> dict[str, str]:
    """Return the parameters of a query string; ``InvalidInput`` if one is
    given twice, or isn't text.
    """
    if not query:
        return {}
    found: dict[str, str] = {}
    for name, value in _parse_query(query):
        if '\0' in name or '\0' in value:
            raise exceptions.InvalidInput('query: contains the character NUL.')
        if name in found:
            raise exceptions.InvalidInput(f'{name[:64]}: is given twice.')
        found[name] = value
    return found


def entity_tags(header: str | None) -> tuple[str, ...] | None:
    """Return the bare tags of ``If-Match`` or ``If-None-Match``, without
    ``W/`` and the suffix of a proxy that compresses; None without a header.
    """
    if header is None:
        return None
    tags = []
    for quoted, bare in _ENTITY_TAG.findall(header):
        tags.append((quoted or bare).removesuffix('-gzip'))
    return tuple(tags)


def _parse_query(query: str) -> list[tuple[str, str]]:
    try:
        return urllib.parse.parse_qsl(
            query.encode('latin-1').decode(),
            keep_blank_values=True,
            errors='strict',
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeError:
        raise exceptions.InvalidInput('query: is not UTF-8.') from None
    except ValueError:
        raise exceptions.InvalidInput(
            f'query: has more than {MAX_PARAMETERS} parameters.'
        ) from None


def _read(stream: typing.Any, size: int) -> bytes:
    """Up to ``size`` bytes; a server's stream may give fewer at once."""
    parts = []
    try:
        while size > 0:
            part = stream.read(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
    except Exception as error:
        _log_failure(error)
        raise exceptions.InvalidInput(
            'body: could not be read to its end.'
        ) from None
    return b''.join(parts)


def _discard(stream: typing.Any, size: int) -> None:
    """Read and forget a body that is refused, unless it is very large: clients
    that send all of it before they read would not see the answer.
    """
    if size > MAX_DISCARDED:
        return
    try:
        while size > 0:
            part = stream.read(min(size, READ_SIZE))
            if not part:
                return
            size -= len(part)
    except Exception as error:
        _log_failure(error)


def _log_failure(error: Exception) -> None:
    # Each server has exceptions of its own for chunks that are broken and for
    # clients that have gone.
    LOG.info(
        'The body of the request could not be read: %s', type(error).__name__
    )


def _too_large(limit: int) -> exceptions.BodyTooLarge:
    return exceptions.BodyTooLarge(f'body: is larger than {limit} bytes.')
