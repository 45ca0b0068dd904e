"""What the built-in server takes as HTTP: stricter than waitress, of which it
uses the parser, and bounded everywhere.

Whatever a proxy in front might read otherwise is refused, so that no part of a
request becomes the next one.
"""

import io
import re
import time

from waitress import adjustments, parser, rfc7230, utilities

#: Bytes of a chunk's size with its extensions, or of one trailer.
MAX_LINE = 1024
#: Bytes of all trailers.
MAX_TRAILERS = 8192
#: Bytes around chunks, their sizes above all, that a body of any size may
#: have.
MIN_FRAMING = 1024 * 1024
#: More digits than any length has, few enough for every use of them.
MAX_DIGITS = 18
#: Headers of a request: tiny ones take ten times their bytes in memory, and
#: time to understand.
MAX_FIELDS = 256
#: How many times the bytes of a head are kept: as a whole, by line, by name,
#: by part of the URL.
HEAD_COPIES = 4

_FIRST_LINE = re.compile(rb'[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ HTTP/1\.[01]')
_FRAMING = re.compile(
    rb'^(transfer-encoding|content-length|host):[ \t]*(.*?)[ \t]*\r?$',
    re.IGNORECASE | re.MULTILINE,
)
_USUAL_SIZE = re.compile(rb'(?!0+\r)([0-9a-fA-F]{1,8})\r\n')
_CHUNK = re.compile(rb'([0-9a-fA-F]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?')


class RequestTimeout(utilities.Error):
    """A request took too long to arrive."""

    code, reason = 408, 'Request Timeout'


class UriTooLong(utilities.Error):
    """The first line of a request is longer than all of its head may be."""

    code, reason = 414, 'URI Too Long'


class Busy(utilities.Error):
    """A request would have had to wait too long for a thread."""

    code, reason = 503, 'Service Unavailable'


class Settings(adjustments.Adjustments):
    """waitress's own settings and those of the classes in this module and in
    :mod:`freezer_api.cmd.serving`.
    """

    #: Whether a body is read only if a token comes along.
    needs_token = False
    #: Seconds until a request has arrived, and that a connection may stay
    #: without one.
    request_timeout = 60
    keep_alive_timeout = 60
    #: Seconds that requests have to finish in once the server is told to stop.
    grace = 10

    @property
    def max_body(self) -> int:
        """Bytes."""
        # waitress refuses bodies of its limit.
        return int(self.max_request_body_size) - 1


class Body:
    """Receives a body of a known length."""

    error: utilities.Error | None = None

    def __init__(self, length: int):
        self._left = length
        self.completed = False
        self.file = io.BytesIO()

    def __len__(self) -> int:
        return self.file.tell()

    def received(self, data: bytes) -> int:
        """Take what belongs to the body; how many bytes that were."""
        part = data[: self._left]
        self.file.write(part)
        self._left -= len(part)
        self.completed = not self._left
        return len(part)

    def getfile(self) -> io.BytesIO:
        """The body, from its beginning."""
        self.file.seek(0)
        return self.file

    def getbuf(self) -> io.BytesIO:
        """What is closed at the end."""
        return self.file


class ChunkedBody(Body):
    """Receives a body in chunks; :attr:`error` is set for one that is
    malformed or larger than ``limit``. Trailers are dropped.
    """

    def __init__(self, limit: int):
        super().__init__(0)
        self._limit = limit
        self._framing = max(limit, MIN_FRAMING)
        self._trailers = MAX_TRAILERS
        self._line = b''
        self._understand = self._size

    def received(self, data: bytes) -> int:
        """Take what belongs to the body; how many bytes that were."""
        at = 0
        while at < len(data) and not (self.completed or self.error):
            if not self._line and self._understand == self._size:
                at = self._small_chunks(data, at)
            if at < len(data):
                at = (
                    self._data(data, at)
                    if self._left
                    else self._control(data, at)
                )
        return at

    def _small_chunks(self, data: bytes, at: int) -> int:
        """Take the chunks that are here whole and are usual in every way;
        where the first one begins that isn't.

        Without this, a body in chunks of a byte would take the processor
        several times as long.
        """
        length = len(self)
        while (found := _USUAL_SIZE.match(data, at)) is not None:
            begin, size = found.end(), int(found[1], 16)
            end = begin + size
            self._framing -= begin - at + 2
            length += size
            if (
                data[end : end + 2] != b'\r\n'
                or length > self._limit
                or self._framing < 0
            ):
                self._framing += begin - at + 2
                break
            self.file.write(data[begin:end])
            at = end + 2
        return at

    def _data(self, data: bytes, at: int) -> int:
        part = data[at : at + self._left]
        self.file.write(part)
        self._left -= len(part)
        return at + len(part)

    def _control(self, data: bytes, at: int) -> int:
        """Take a line, or what there is of it."""
        end = data.find(b'\n', at, at + MAX_LINE) + 1
        stop = end or min(len(data), at + MAX_LINE)
        self._line += data[at:stop]
        self._framing -= stop - at
        if self._framing < 0:
            self.error = utilities.RequestEntityTooLarge(
                'the body has too many chunks'
            )
        elif len(self._line) > MAX_LINE:
            self._fail('a line between chunks is too long')
        elif end:
            line, self._line = self._line, b''
            if line.endswith(b'\r\n'):
                self._understand(line[:-2])
            else:
                self._fail('a line between chunks does not end with CR LF')
        return stop

    def _size(self, line: bytes) -> None:
        found = _CHUNK.fullmatch(line)
        if found is None:
            self._fail('the size of a chunk is malformed')
            return
        size = int(found[1], 16)
        if size > self._limit - len(self):
            self.error = utilities.RequestEntityTooLarge(
                f'body: is larger than {self._limit} bytes'
            )
        self._left = size
        self._understand = self._end if size else self._trailer

    def _end(self, line: bytes) -> None:
        if line:
            self._fail('a chunk is longer than its size')
        self._understand = self._size

    def _trailer(self, line: bytes) -> None:
        self._trailers -= len(line)
        if not line:
            self.completed = True
        elif self._trailers < 0 or not rfc7230.HEADER_FIELD_RE.match(line):
            self._fail('the trailers are malformed or too long')

    def _fail(self, text: str) -> None:
        self.error = utilities.BadRequest(text)


class Request(parser.HTTPRequestParser):
    """One request as it arrives. Its body, if it has one, is kept in
    memory.
    """

    adj: Settings
    body_rcv: Body | None
    error: utilities.Error | None
    completed: bool
    headers_finished: bool
    expect_continue: bool
    chunked: bool
    content_length: int
    headers: dict[str, str]
    #: Whether a body follows that nobody is going to read.
    unread = False
    #: When it had arrived, by ``time.time``.
    arrived = 0.0

    def __init__(self, adj: Settings):
        super().__init__(adj)
        self.began = time.time()

    @property
    def size(self) -> int:
        """Bytes of memory that it takes, nearly: its head and what is here of
        its body.
        """
        head = self.header_bytes_received * HEAD_COPIES
        if self.body_rcv is None or self.body_rcv.file.closed:
            return head
        return head + self.body_rcv.file.getbuffer().nbytes

    def received(self, data: bytes) -> int:
        """Take the bytes that belong to this request; how many those were."""
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
                self.headers['CONTENT_LENGTH'] = str(len(body))
                self.completed = True
        if self.completed:
            self.arrived = time.time()
        return int(taken)

    def fail(self, error: utilities.Error) -> None:
        """Have it answered with an error; nothing more of it is read."""
        self.error = error
        self.completed = self.headers_finished = True
        self.expect_continue = False

    def parse_header(self, header_plus: bytes) -> None:
        """Understand the head of the request; ``ParsingError`` if others might
        understand it otherwise.
        """
        first_line, _end, fields = header_plus.partition(b'\r\n')
        if not _FIRST_LINE.fullmatch(first_line):
            raise parser.ParsingError('the first line is malformed')
        if b'\r\n ' in header_plus or b'\r\n\t' in header_plus:
            raise parser.ParsingError('a header is folded')
        if fields.count(b'\r\n') > MAX_FIELDS + 1:
            raise _TooManyFields
        framing = [
            (name.lower(), value) for name, value in _FRAMING.findall(fields)
        ]
        self._check_framing(dict(framing), len(framing), first_line)
        super().parse_header(header_plus)
        if self.chunked:
            self.body_rcv = ChunkedBody(self.adj.max_body)
        elif self.content_length:
            self.body_rcv = Body(self.content_length)

    def _check_framing(
        self, fields: dict[bytes, bytes], count: int, first_line: bytes
    ) -> None:
        """Whether there is one way only to tell where the request ends and
        whom it is for.
        """
        if len(fields) != count:
            raise parser.ParsingError(
                'Host, Content-Length or Transfer-Encoding is given twice'
            )
        coding, length = (
            fields.get(b'transfer-encoding'),
            fields.get(b'content-length', b''),
        )
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
        if length.isdigit() and len(length.lstrip(b'0')) > MAX_DIGITS:
            raise _TooLarge

    def _receive_head(self, data: bytes) -> int:
        blank = 0
        if not self.header_plus:
            # Any number of empty lines before a request are nothing, and cost
            # as much.
            blank = len(data) - len(data.lstrip(b'\r\n'))
            if blank == len(data):
                self.empty = self.completed = True
                return blank
        return blank + self._receive_fields(data[blank:])

    def _receive_fields(self, data: bytes) -> int:
        try:
            taken = super().received(data)
        except _TooLarge:
            taken = len(data)
            self.fail(utilities.RequestEntityTooLarge(''))
        except _TooManyFields:
            taken = len(data)
            self.fail(
                utilities.RequestHeaderFieldsTooLarge(
                    f'there are more than {MAX_FIELDS} headers'
                )
            )
        except ValueError:
            # What urllib makes of a URL with half an IPv6 address.
            taken = len(data)
            self.fail(utilities.BadRequest('the URL is malformed'))
        if isinstance(self.error, utilities.RequestEntityTooLarge):
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
        if b'\r\n' in (self.header_plus + data)[:limit]:
            return utilities.RequestHeaderFieldsTooLarge(
                f'the headers are longer than {limit} bytes'
            )
        return UriTooLong(f'the URL is longer than {limit} bytes')

    def _leave_body(self) -> None:
        """Let the application say that a token is missing, and read no body
        for that.
        """
        self.body_rcv, self.chunked, self.expect_continue = None, False, False
        self.headers.pop('CONTENT_LENGTH', None)
        self.headers['CONNECTION'] = 'close'
        self.unread = self.completed = True


class _TooLarge(Exception):
    """A length that no integer is made of."""


class _TooManyFields(Exception):
    """More headers than a request may have."""
