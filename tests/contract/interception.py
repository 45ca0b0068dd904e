"""What stands between a driver and Elasticsearch in the tests: counters, recorders and faults.

All of them see the same thing, a :class:`Request`, and answer it: usually by sending it.
"""

import collections.abc
import contextlib
import dataclasses
import functools
import typing

from freezer_api.db.elasticsearch.connections import client

Answer = client.Answer


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request that a driver is about to send; calling it sends it, and returns the answer. It
    can be sent again, and with another body in place of its own.
    """

    method: str
    path: str
    body: typing.Any
    send: collections.abc.Callable[[typing.Any], Answer]

    def __call__(self) -> Answer:
        return self.send(self.body)

    @property
    def writes(self) -> bool:
        """Whether it changes documents."""
        return self.path == '/_bulk'


Handler = collections.abc.Callable[[Request], typing.Any]


def intercept(storage: typing.Any, handler: Handler) -> None:
    """Let ``handler`` answer each request of a driver from now on, in front of what does already.

    ``storage`` is a driver's object, of which nobody else has the client; it is never undone.
    """
    storage.client.call = _intercepted(storage.client.call, handler)


@contextlib.contextmanager
def intercepting_all(handler: Handler) -> collections.abc.Iterator[None]:
    """Let ``handler`` answer the requests of all drivers of this process meanwhile."""
    original = client.Client.call

    def call(self: client.Client, *arguments: typing.Any, **named: typing.Any) -> Answer:
        return _intercepted(functools.partial(original, self), handler)(*arguments, **named)

    client.Client.call = call  # type: ignore[method-assign]
    try:
        yield
    finally:
        client.Client.call = original  # type: ignore[method-assign]


def _intercepted(
    call: collections.abc.Callable[..., Answer], handler: Handler
) -> collections.abc.Callable[..., Answer]:
    def intercepted(
        method: str,
        path: str,
        body: typing.Any = None,
        params: collections.abc.Mapping[str, typing.Any] | None = None,
    ) -> Answer:
        def send(body: typing.Any) -> Answer:
            return call(method, path, body, params)

        return handler(Request(method, path, body, send))

    return intercepted
