"""A file that holds one object, for all processes that know its path."""

import collections.abc
import contextlib
import fcntl
import os
import pickle
import typing

T = typing.TypeVar('T')


class File(typing.Generic[T]):
    """The object in a file. ``OSError`` where the file can't be read or written."""

    def __init__(self, path: str):
        self._path = path
        #: What was read last, and of which file.
        self._last: tuple[tuple[int, ...], T] | None = None

    def exists(self) -> bool:
        """Tell whether there is an object."""
        return os.path.exists(self._path)

    def read(self) -> T:
        """Return the object as it was written last. It is shared, and not to be changed."""
        with open(self._path, 'rb') as file:
            status = os.fstat(file.fileno())
            version = status.st_ino, status.st_mtime_ns, status.st_size
            last = self._last
            if last is None or last[0] != version:
                self._last = last = version, pickle.load(file)
            return last[1]

    def write(self, content: T) -> None:
        """Put another object in its place, at one moment."""
        with open(f'{self._path}.new', 'wb') as file:
            pickle.dump(content, file)
        os.replace(f'{self._path}.new', self._path)

    @contextlib.contextmanager
    def locked(self) -> collections.abc.Iterator[None]:
        """Keep all others out that ask for this."""
        with open(f'{self._path}.lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def changed(self) -> collections.abc.Iterator[T]:
        """Yield the object, for nobody else to change meanwhile; it is written, unless an error is
        raised.
        """
        with self.locked():
            with open(self._path, 'rb') as file:
                content = pickle.load(file)
            yield content
            self.write(content)
