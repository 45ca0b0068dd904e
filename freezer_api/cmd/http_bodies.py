"""How the built-in server receives bodies: into memory, within bounds, and in
chunks only if these are well-formed.
"""

import io
import re

from waitress import rfc7230, utilities

#: Maximum bytes of the line with a chunk's size, and of one trailer.
MAX_LINE = 1024
#: Maximum bytes of all trailers.
MAX_TRAILERS = 8192
#: Bytes that a body may have around its chunks, mainly their sizes, if bodies
#: may not be larger than this; otherwise as many as a body may have. Without
#: a bound, sizes with long extensions would never end.
MIN_FRAMING = 1024 * 1024

# The size of a chunk that is not the last one and has no extension.
_USUAL_SIZE = re.compile(rb'(?!0+\r)([0-9a-fA-F]{1,8})\r\n')
_SIZE = re.compile(rb'([0-9a-fA-F]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?')


class Body:
    """Receives a body of a known length into memory.

    waitress would write large ones to temporary files; the limit of bodies
    and :data:`freezer_api.cmd.serving.MAX_BUFFERED` bound the memory instead.
    """

    error: utilities.Error | None = None

    def __init__(self, length: int):
        #: Bytes that are still to come: of the body, or of the current chunk.
        self._left = length
        self.completed = False
        self.file = io.BytesIO()

    def __len__(self) -> int:
        return self.file.tell()

    def received(self, data: bytes) -> int:
        """Take the bytes that belong to the body; return their number."""
        part = data[: self._left]
        self.file.write(part)
        self._left -= len(part)
        self.completed = not self._left
        return len(part)

    def getfile(self) -> io.BytesIO:
        """Return the body as a file, at its beginning."""
        self.file.seek(0)
        return self.file

    def getbuf(self) -> io.BytesIO:
        """Return what waitress closes at the end."""
        return self.file


class ChunkedBody(Body):
    """Receives a body in chunks; :attr:`error` is set for one that is
    malformed or larger than ``limit``. Trailers are dropped.
    """

    def __init__(self, limit: int):
        super().__init__(0)
        self._limit = limit
        self._framing_left = max(limit, MIN_FRAMING)
        self._trailers_left = MAX_TRAILERS
        #: What has arrived of a line between chunks.
        self._line = b''
        #: What parses the next line: a size, the end of a chunk, a trailer.
        self._parse_line = self._parse_size

    def received(self, data: bytes) -> int:
        """Take the bytes that belong to the body; return their number."""
        at = 0
        while at < len(data) and not (self.completed or self.error):
            if not self._line and self._parse_line == self._parse_size:
                at = self._receive_whole_chunks(data, at)
            if at == len(data):
                break
            receive = self._receive_data if self._left else self._receive_line
            at = receive(data, at)
        return at

    def _receive_whole_chunks(self, data: bytes, at: int) -> int:
        """Take the chunks from ``at`` that have arrived as a whole and are
        ordinary in every way; return where the first other one begins.

        A short cut: without it a body in chunks of one byte would take the
        processor several times as long. Any doubt is left to the slow way,
        which finds the error.
        """
        length = len(self)
        while found := _USUAL_SIZE.match(data, at):
            size = int(found[1], 16)
            begin = found.end()
            end = begin + size
            framing = begin - at + 2
            length += size
            if (
                data[end : end + 2] != b'\r\n'
                or length > self._limit
                or framing > self._framing_left
            ):
                break
            self._framing_left -= framing
            self.file.write(data[begin:end])
            at = end + 2
        return at

    def _receive_data(self, data: bytes, at: int) -> int:
        part = data[at : at + self._left]
        self.file.write(part)
        self._left -= len(part)
        return at + len(part)

    def _receive_line(self, data: bytes, at: int) -> int:
        """Take a line between chunks, or the part of it that has arrived."""
        end = data.find(b'\n', at, at + MAX_LINE) + 1
        stop = end or min(len(data), at + MAX_LINE)
        self._line += data[at:stop]
        self._framing_left -= stop - at
        if self._framing_left < 0:
            self.error = utilities.RequestEntityTooLarge(
                'the body has too many chunks'
            )
        elif len(self._line) > MAX_LINE:
            self._fail('a line between chunks is too long')
        elif end:
            line, self._line = self._line, b''
            # Where a line ends with LF alone, proxies disagree on where it
            # ends.
            if line.endswith(b'\r\n'):
                self._parse_line(line[:-2])
            else:
                self._fail('a line between chunks does not end with CR LF')
        return stop

    def _parse_size(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            self._fail('the size of a chunk is malformed')
            return
        size = int(found[1], 16)
        if size > self._limit - len(self):
            self.error = utilities.RequestEntityTooLarge(
                f'body: is larger than {self._limit} bytes'
            )
        self._left = size
        # A chunk of size 0 is the last one; trailers may follow it.
        self._parse_line = self._parse_end if size else self._parse_trailer

    def _parse_end(self, line: bytes) -> None:
        if line:
            self._fail('a chunk is longer than its size')
        self._parse_line = self._parse_size

    def _parse_trailer(self, line: bytes) -> None:
        self._trailers_left -= len(line)
        if not line:
            self.completed = True
        elif self._trailers_left < 0 or not rfc7230.HEADER_FIELD_RE.match(
            line
        ):
            self._fail('the trailers are malformed or too long')

    def _fail(self, text: str) -> None:
        self.error = utilities.BadRequest(text)
