"""A storage whose process dies between two of its writes."""

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


class Dying:
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
