"""One request, as endpoints see it."""

import logging
import re
import typing
import urllib.parse

from freezer_api import context, exceptions
from freezer_api.controllers import bodies
from freezer_api.domain import documents
from freezer_api.middleware import responses
from freezer_api.services import common

LOG = logging.getLogger(__name__)
MAX_PARAMETERS = 100
#: Bytes of a refused body that are read all the same, and how many of them at
#: once.
MAX_DISCARDED = 64 * 1024 * 1024
READ_AT_ONCE = 64 * 1024
#: As many digits of a length are enough to tell that it is too great; Python
#: makes no integer of some thousands.
MAX_DIGITS = 18
_DIGITS = re.compile('[0-9]+')
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"|([^\s",]+)')


class Call:
    """A request, and who sends it (None: it needs no token)."""

    __slots__ = ('environ', 'identity', 'max_body_size')

    def __init__(
        self,
        environ: responses.Environ,
        identity: context.RequestContext | None,
        max_body_size: int,
    ):
        self.environ = environ
        self.identity = identity
        self.max_body_size = max_body_size

    @property
    def context(self) -> context.RequestContext:
        """Who sends it, or ``Unauthorized``."""
        if self.identity is None:
            raise exceptions.Unauthorized(
                'The request you have made requires authentication.'
            )
        return self.identity

    @property
    def caller(self) -> common.Caller:
        """Who sends it, for the services."""
        who = self.context
        if who.project_id is None or who.user_id is None:
            raise exceptions.Unauthorized(
                'The request you have made requires authentication.'
            )
        # The context is logged, so it doesn't know the token.
        return common.Caller(
            who.project_id,
            who.user_id,
            roles=frozenset(who.roles),
            token=self.environ.get('HTTP_X_AUTH_TOKEN', ''),
        )

    @property
    def precondition(self) -> documents.Precondition:
        """``If-Match`` and ``If-None-Match`` of a write."""
        match, none_match = (
            self.environ.get('HTTP_IF_MATCH'),
            self.environ.get('HTTP_IF_NONE_MATCH'),
        )
        if match is None and none_match is None:
            return documents.ANYTHING
        return documents.Precondition(
            entity_tags(match), entity_tags(none_match)
        )

    def is_known(self, etag: str) -> bool:
        """Whether ``If-None-Match`` of a GET or HEAD says that the caller has
        this version.
        """
        if 'HTTP_IF_NONE_MATCH' not in self.environ or self.environ[
            'REQUEST_METHOD'
        ] not in ('GET', 'HEAD'):
            return False
        tags = entity_tags(self.environ['HTTP_IF_NONE_MATCH']) or ()
        return '*' in tags or etag in tags

    def body(self) -> dict[str, typing.Any]:
        """The JSON object in the body; errors as :func:`bodies.parse_object`
        has them.
        """
        return bodies.parse_object(self.raw_body())

    def optional_body(self) -> dict[str, typing.Any]:
        """The JSON object in the body, an empty one if there is none."""
        raw = self.raw_body()
        return bodies.parse_object(raw) if raw.strip() else {}

    def raw_body(self) -> bytes:
        """The body, whatever its type; ``BodyTooLarge`` beyond the limit,
        however it is transferred.

        ``InvalidInput`` if there is more than one way to tell where it ends,
        or if it doesn't come as announced.
        """
        stream, limit = self.environ['wsgi.input'], self.max_body_size
        announced = self._announced_size()
        if announced == 0:
            return b''
        if announced is not None and announced > limit:
            _discard(stream, announced)
            raise _too_large(limit)
        wanted = limit + 1 if announced is None else announced
        body = _read(stream, wanted)
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
        chunked = bool(self.environ.get('HTTP_TRANSFER_ENCODING'))
        if length:
            if chunked:
                raise exceptions.InvalidInput(
                    'Content-Length: is given beside Transfer-Encoding.'
                )
            if not _DIGITS.fullmatch(length):
                raise exceptions.InvalidInput(
                    'Content-Length: must be a number of bytes.'
                )
            return int(length.lstrip('0')[:MAX_DIGITS] or 0)
        if self.environ.get('wsgi.input_terminated'):
            return None
        if chunked:
            raise exceptions.InvalidInput(
                'body: this server takes none without Content-Length.'
            )
        return 0

    def search(self, parameter: str | None) -> dict[str, typing.Any] | None:
        """The search in the body, or in the parameter ``search``; None if
        there is none, ``InvalidInput`` if both are given.
        """
        body = self.raw_body()
        if parameter is None:
            return bodies.parse_object(body) if body.strip() else None
        if body.strip():
            raise exceptions.InvalidInput(
                'search: is given both in the body and as a parameter.',
                'search.invalid',
            )
        return bodies.parse_search(parameter)

    def link(self, **parameters: typing.Any) -> str:
        """This path with the prefix, and other parameters; those that are None
        are left away.
        """
        given = {
            name: value
            for name, value in parameters.items()
            if value is not None
        }
        return f'{self.resource(responses.path_of(self.environ))}?{urllib.parse.urlencode(given)}'

    def resource(self, path: str) -> str:
        """A path below the prefix, as links have it."""
        return urllib.parse.quote(
            (responses.prefix_of(self.environ) + path).encode('latin-1')
        )


def query_parameters(query: str) -> dict[str, str]:
    """The parameters of a query string; ``InvalidInput`` if one is given
    twice, or isn't text.
    """
    if not query:
        return {}
    try:
        pairs = urllib.parse.parse_qsl(
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
    if any('\0' in text for pair in pairs for text in pair):
        raise exceptions.InvalidInput('query: contains the character NUL.')
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise exceptions.InvalidInput(f'{name[:64]}: is given twice.')
        found[name] = value
    return found


def entity_tags(header: str | None) -> tuple[str, ...] | None:
    """The bare tags of ``If-Match`` or ``If-None-Match``, without ``W/`` and
    the suffix of a proxy that compresses.
    """
    if header is None:
        return None
    return tuple(
        (quoted or bare).removesuffix('-gzip')
        for quoted, bare in _ENTITY_TAG.findall(header)
    )


def _read(stream: typing.Any, wanted: int) -> bytes:
    """Up to ``wanted`` bytes; a server's stream may give fewer at once."""
    parts = []
    try:
        while wanted > 0 and (part := stream.read(wanted)):
            parts.append(part)
            wanted -= len(part)
    except Exception as error:
        # Each server has exceptions of its own for chunks that are broken and
        # for clients that have gone.
        LOG.info('A body could not be read: %s', type(error).__name__)
        raise exceptions.InvalidInput(
            'body: could not be read to its end.'
        ) from None
    return b''.join(parts)


def _discard(stream: typing.Any, size: int) -> None:
    """Read and forget a body that is refused, if that isn't too much: a client
    that sends all of it first sees the answer then.
    """
    if size > MAX_DISCARDED:
        return
    try:
        while size > 0 and (part := stream.read(min(size, READ_AT_ONCE))):
            size -= len(part)
    except Exception as error:
        LOG.info('A body could not be read: %s', type(error).__name__)


def _too_large(limit: int) -> exceptions.BodyTooLarge:
    return exceptions.BodyTooLarge(f'body: is larger than {limit} bytes.')
