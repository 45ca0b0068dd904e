"""One request by a connection of its own, as agents make them, at hardly any
cost for who makes thousands of them.
"""

import asyncio
import typing

import orjson

#: Between the head and the body there are two of it.
_LINE_END = b'\r\n'
#: By a connection that isn't kept, as the published agent does it.
_HEAD = (
    '{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n'
    'Accept: application/json\r\nContent-Type: application/json\r\n'
    'Content-Length: {length}\r\n\r\n'
)


class Answer(typing.NamedTuple):
    """A status and the JSON of a body, None if there is none."""

    status: int
    body: typing.Any

    @property
    def is_success(self) -> bool:
        """Return whether the request was done."""
        return 200 <= self.status < 300


class _Exchange(asyncio.Protocol):
    """Sends what it is made of, and has the answer when the server closes."""

    def __init__(self, request: bytes):
        self._request = request
        self._parts: list[bytes] = []
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[bytes] = loop.create_future()

    def connection_made(self, transport: typing.Any) -> None:
        """Send the request."""
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep a part of the answer."""
        self._parts.append(data)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits for the answer."""
        if self.answer.done():
            # Who waited has given up.
            return
        if error is None:
            self.answer.set_result(b''.join(self._parts))
        else:
            self.answer.set_exception(error)


def compose(host: str, method: str, path: str, body: typing.Any) -> bytes:
    """Return a request."""
    content = orjson.dumps(body)
    head = _HEAD.format(
        method=method,
        path=path,
        host=host,
        length=len(content),
    )
    return head.encode() + content


async def send(host: str, port: int, request: bytes) -> bytes:
    """Return the answer to a request, or raise ``OSError``."""
    loop = asyncio.get_running_loop()
    _transport, exchange = await loop.create_connection(
        lambda: _Exchange(request),
        host,
        port,
    )
    return await exchange.answer


def parse(answer: bytes) -> Answer:
    """Return what an answer says; status 0 if it isn't one."""
    head, _, content = answer.partition(2 * _LINE_END)
    # HTTP/1.1 200 OK
    _version, _, rest = head.partition(b' ')
    status, _, _reason = rest.partition(b' ')
    if not status.isdigit():
        return Answer(0, None)
    body = None
    if content:
        body = orjson.loads(content)
    return Answer(int(status), body)
