"""Storages whose process dies between two of its writes, those that fail at one of them, and those
that count.
"""

import collections.abc
import functools
import typing

from freezer_api import exceptions
from freezer_api.db.base import Storage

#: What writes.
WRITES = frozenset(
    (
        'write',
        'write_session',
        'write_job',
        'write_action',
        'attach',
        'detach',
        'delete_job',
        'end_trust',
    )
)


class FailsAfterWrites:
    """Does as a storage does until it has written so often; ``written`` are the names of what it
    did.
    """

    def __init__(self, storage: Storage, writes: int):
        self._storage, self._left = storage, writes
        self.written: list[str] = []

    def __getattr__(self, name: str) -> typing.Any:
        found = getattr(self._storage, name)
        return functools.partial(self._write, name, found) if name in WRITES else found

    def _write(
        self, name: str, method: typing.Any, *args: typing.Any, **kwargs: typing.Any
    ) -> typing.Any:
        if len(self.written) == self._left:
            raise exceptions.StorageUnavailable()
        self.written.append(name)
        return method(*args, **kwargs)


class InterceptedCall:
    """Does as a storage does, but for one call: the one of that number to a method of this name.

    It is left to ``meddle``, which is told the call, with nothing to be given to it.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        number: int,
        meddle: collections.abc.Callable[[collections.abc.Callable[[], typing.Any]], typing.Any],
    ):
        self._storage, self._name, self._left, self._meddle = storage, name, number, meddle

    def __getattr__(self, name: str) -> typing.Any:
        found = getattr(self._storage, name)
        return functools.partial(self._call, found) if name == self._name else found

    def _call(self, method: typing.Any, *args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        self._left -= 1
        call = functools.partial(method, *args, **kwargs)
        return call() if self._left else self._meddle(call)


class CountedCalls:
    """Does as a storage does, and counts the calls to a method of this name."""

    def __init__(self, storage: Storage, name: str):
        self._storage, self._name = storage, name
        self.count = 0

    def __getattr__(self, name: str) -> typing.Any:
        if name == self._name:
            self.count += 1
        return getattr(self._storage, name)
