"""WSGI in types, and an answer that is ready to be sent."""

import collections.abc
import typing

import orjson

Environ = dict[str, typing.Any]
Headers = list[tuple[str, str]]
StartResponse = collections.abc.Callable[..., typing.Any]
Application = collections.abc.Callable[
    [Environ, StartResponse], collections.abc.Iterable[bytes]
]


class Response:
    """An answer, as a WSGI application; HEAD gets it without its body."""

    # One is made for each request: slots save its dictionary.
    __slots__ = ('body', 'headers', 'status')

    def __init__(
        self,
        status: str,
        headers: collections.abc.Iterable[tuple[str, str]] = (),
        body: bytes = b'',
    ):
        self.status = status
        self.headers = list(headers)
        self.body = body

    @classmethod
    def of_json(
        cls,
        status: str,
        value: typing.Any,
        headers: collections.abc.Iterable[tuple[str, str]] = (),
        content_type: str = 'application/json',
    ) -> 'Response':
        """Return an answer whose body is a value in JSON."""
        body = orjson.dumps(value)
        length = str(len(body))
        return cls(
            status,
            (
                *headers,
                ('Content-Type', content_type),
                ('Content-Length', length),
            ),
            body,
        )

    @classmethod
    def of_methods(cls, allow: str) -> 'Response':
        """Return the answer to OPTIONS; ``allow`` lists the methods."""
        headers = [
            ('Allow', allow),
            ('Content-Type', 'text/plain'),
            ('Content-Length', '0'),
        ]
        return cls('200 OK', headers)

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> list[bytes]:
        start_response(self.status, self.headers)
        # HEAD has the headers of GET, its Content-Length too.
        if environ['REQUEST_METHOD'] == 'HEAD' or not self.body:
            return []
        return [self.body]


def path_of(environ: Environ) -> str:
    """Return the path below the prefix, without a trailing slash: with one it
    means the same.
    """
    path: str = environ.get('PATH_INFO', '')
    return path.removesuffix('/')


def prefix_of(environ: Environ) -> str:
    """Return the path that the service lives under, without a trailing slash;
    '' if it has a host of its own.
    """
    prefix: str = environ.get('SCRIPT_NAME', '')
    return prefix.rstrip('/')
