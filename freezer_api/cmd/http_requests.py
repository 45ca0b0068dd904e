"""What the built-in server accepts as HTTP. It uses waitress's parser, is
stricter than that, and bounds everything.

A request that a proxy in front could understand differently is refused: what
the proxy takes for a body could otherwise be executed here as the next request
of the connection, which may be another user's (request smuggling).
"""

import re
import time

from waitress import adjustments, parser, utilities

from freezer_api.cmd import http_bodies

#: Maximum digits of a Content-Length: more than any length has, and few enough
#: for a fast conversion to an integer.
MAX_DIGITS = 18
#: Maximum headers of a request: tiny ones take ten times their bytes in
#: memory, and time to parse.
MAX_FIELDS = 256
#: How many copies of a head are in memory: as a whole, by line, by name, by
#: part of the URL.
HEAD_COPIES = 4

# One blank between the parts and no other version: what waitress accepts
# beyond that, others read differently.
_FIRST_LINE = re.compile(rb'[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ HTTP/1\.[01]')
_FRAMING = re.compile(
    rb'^(transfer-encoding|content-length|host):[ \t]*(.*?)[ \t]*\r?$',
    re.IGNORECASE | re.MULTILINE,
)


class RequestTimeout(utilities.Error):
    """A request did not arrive in time."""

    code, reason = 408, 'Request Timeout'


class UriTooLong(utilities.Error):
    """The request line alone is longer than the limit of the whole head."""

    code, reason = 414, 'URI Too Long'


class Busy(utilities.Error):
    """A request waited too long for a free thread."""

    code, reason = 503, 'Service Unavailable'


class Settings(adjustments.Adjustments):
    """waitress's own settings, and those of the classes in this module and in
    :mod:`freezer_api.cmd.serving`.
    """

    #: Whether bodies of requests without a token are left unread.
    needs_token = False
    #: Whether each request has a line in the log.
    log_requests = True
    #: Seconds within which a request must arrive.
    request_timeout = 60
    #: Seconds after which a connection without a request is closed.
    keep_alive_timeout = 60
    #: Seconds that requests have to finish after the server is told to stop.
    grace = 10

    @property
    def max_body(self) -> int:
        """Return the maximum size of a body, in bytes."""
        # waitress refuses bodies that are exactly of its limit.
        return int(self.max_request_body_size) - 1


class Request(parser.HTTPRequestParser):
    """One request while it arrives."""

    adj: Settings
    body_rcv: http_bodies.Body | None
    error: utilities.Error | None
    completed: bool
    headers_finished: bool
    expect_continue: bool
    chunked: bool
    content_length: int
    headers: dict[str, str]
    #: Whether a body follows that is not read.
    has_unread_body = False
    #: When its last byte arrived, in seconds of ``time.time``.
    arrived = 0.0

    def __init__(self, adj: Settings):
        super().__init__(adj)
        self.began = time.time()

    @property
    def size(self) -> int:
        """Estimate the bytes of memory that it takes: its head, and what has
        arrived of its body.
        """
        head = self.header_bytes_received * HEAD_COPIES
        if self.body_rcv is None or self.body_rcv.file.closed:
            return head
        return head + self.body_rcv.file.getbuffer().nbytes

    def received(self, data: bytes) -> int:
        """Take the bytes that belong to this request; return their number."""
        if self.completed:
            return 0
        body = self.body_rcv
        if body is None:
            taken = self._receive_head(data)
        else:
            taken = body.received(data)
            if body.error:
                self.fail(body.error)
            elif body.completed:
                # The application gets every body with its length, so that it
                # never has to know about chunks.
                self.headers['CONTENT_LENGTH'] = str(len(body))
                self.completed = True
        if self.completed:
            self.arrived = time.time()
        return int(taken)

    def fail(self, error: utilities.Error) -> None:
        """Have it answered with an error; nothing more of it is read."""
        self.error = error
        self.completed = True
        self.headers_finished = True
        # The client must not be asked for a body.
        self.expect_continue = False

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head of the request; ``ParsingError`` if a proxy could
        understand it differently.
        """
        first_line, _end, fields = header_plus.partition(b'\r\n')
        if not _FIRST_LINE.fullmatch(first_line):
            raise parser.ParsingError('the first line is malformed')
        # Some join folded lines, some take the second one for a header.
        if b'\r\n ' in header_plus or b'\r\n\t' in header_plus:
            raise parser.ParsingError('a header is folded')
        if fields.count(b'\r\n') > MAX_FIELDS + 1:
            raise _TooManyFields
        found = _FRAMING.findall(fields)
        framing = {name.lower(): value for name, value in found}
        if len(framing) != len(found):
            raise parser.ParsingError(
                'Host, Content-Length or Transfer-Encoding is given twice'
            )
        self._check_framing(framing, first_line)
        super().parse_header(header_plus)
        if self.chunked:
            self.body_rcv = http_bodies.ChunkedBody(self.adj.max_body)
        elif self.content_length:
            self.body_rcv = http_bodies.Body(self.content_length)

    def _check_framing(
        self, fields: dict[bytes, bytes], first_line: bytes
    ) -> None:
        """Require that there is only one way to tell where the request ends:
        a length or chunks, and chunks only where every proxy knows them.
        """
        coding = fields.get(b'transfer-encoding')
        if coding is not None:
            if b'content-length' in fields:
                raise parser.ParsingError(
                    'Content-Length is given beside Transfer-Encoding'
                )
            if first_line.endswith(b'0'):
                raise parser.ParsingError('HTTP/1.0 has no Transfer-Encoding')
            if coding.lower() != b'chunked':
                raise parser.TransferEncodingNotImplemented(
                    'only chunked is known as Transfer-Encoding'
                )
        length = fields.get(b'content-length', b'')
        if length.isdigit() and len(length.lstrip(b'0')) > MAX_DIGITS:
            raise _TooLarge

    def _receive_head(self, data: bytes) -> int:
        blank = 0
        if not self.header_plus:
            # Empty lines before a request are allowed. All of them are taken
            # at once, so that many of them cost nothing.
            blank = len(data) - len(data.lstrip(b'\r\n'))
            if blank == len(data):
                self.empty = self.completed = True
                return blank
        return blank + self._receive_fields(data[blank:])

    def _receive_fields(self, data: bytes) -> int:
        error: utilities.Error | None = None
        try:
            taken = super().received(data)
        except _TooLarge:
            error = utilities.RequestEntityTooLarge('')
        except _TooManyFields:
            error = utilities.RequestHeaderFieldsTooLarge(
                f'there are more than {MAX_FIELDS} headers'
            )
        except ValueError:
            # Raised by urllib for a URL with half an IPv6 address.
            error = utilities.BadRequest('the URL is malformed')
        if error is not None:
            taken = len(data)
            self.fail(error)
        if isinstance(self.error, utilities.RequestEntityTooLarge):
            # waitress finds it too, with a text of its own.
            self.fail(
                utilities.RequestEntityTooLarge(
                    f'body: is larger than {self.adj.max_body} bytes'
                )
            )
        elif self.header_bytes_received >= self.adj.max_request_header_size:
            self.fail(self._head_too_large(data))
        if self.error or self.body_rcv is None:
            self.expect_continue = False
        elif (
            self.adj.needs_token
            and not self.headers.get('X_AUTH_TOKEN')
            and not self.headers.get('X_STORAGE_TOKEN')
        ):
            self._leave_body()
        return int(taken)

    def _head_too_large(self, data: bytes) -> utilities.Error:
        limit = self.adj.max_request_header_size
        # With its end within the limit it is not the request line that is too
        # long.
        if b'\r\n' in (self.header_plus + data)[:limit]:
            return utilities.RequestHeaderFieldsTooLarge(
                f'the headers are longer than {limit} bytes'
            )
        return UriTooLong(f'the URL is longer than {limit} bytes')

    def _leave_body(self) -> None:
        """Complete the request without its body: the application will answer
        that the token is missing, and callers without one must not fill the
        memory.
        """
        self.body_rcv = None
        self.chunked = False
        self.expect_continue = False
        self.headers.pop('CONTENT_LENGTH', None)
        # The body that follows must not be taken for the next request.
        self.headers['CONNECTION'] = 'close'
        self.has_unread_body = True
        self.completed = True


class _TooLarge(Exception):
    """A Content-Length has too many digits."""


class _TooManyFields(Exception):
    """A request has more headers than :data:`MAX_FIELDS`."""
