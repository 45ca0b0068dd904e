"""Permits: how many requests a process works on at a time.

Python runs one thread at a time. Where many requests come at one moment, each
takes longer the more threads work on them, and an agent's poll as long as all.
With permits few threads work, the others wait, and reads go first: so a process
may have many threads.

A permit belongs to a thread. A thread that has locks of the database never
waits for one: who has the permits may wait for the locks.
"""

import collections
import collections.abc
import contextlib
import enum
import threading
import time
import typing

from freezer_api import exceptions

#: Seconds after which a request that waits for a permit is refused.
DEADLINE = 30
#: Seconds after which a request goes before all that came later.
PATIENCE = 0.5


class Kind(enum.Enum):
    """What a request does, as far as it is known before it is read."""

    READ = enum.auto()
    #: Writes that one transaction may do together with others like them: on
    #: one session, on jobs, and to make backups.
    SESSION = enum.auto()
    JOB = enum.auto()
    BACKUP = enum.auto()
    OTHER = enum.auto()


class _Waiting(typing.NamedTuple):
    """A thread that waits for a permit."""

    kind: Kind
    since: float
    #: Released when it has the permit.
    called: threading.Lock


class Permits:
    """The permits of a process, of which there is a number. Safe in
    threads.
    """

    def __init__(self, number: int):
        self._number = number
        #: How many threads have one.
        self._taken = 0
        self._lock = threading.Lock()
        #: Who waits, each in the order in which they came.
        self._reads: collections.deque[_Waiting] = collections.deque()
        self._writes: collections.deque[_Waiting] = collections.deque()

    @contextlib.contextmanager
    def permit(self, kind: Kind) -> collections.abc.Iterator[None]:
        """Wait for a permit, and have it until the end or until the thread
        gives it up.
        """
        self.take(kind)
        _own.permits = self
        try:
            yield
        finally:
            give_up()

    def take(self, kind: Kind) -> None:
        """Wait for a permit; ``StorageUnavailable`` if none comes: it is the
        storage that others wait for.
        """
        with self._lock:
            if self._taken < self._number:
                self._taken += 1
                return
            waiting = _Waiting(kind, time.monotonic(), threading.Lock())
            waiting.called.acquire()
            self._queue(kind).append(waiting)
        # Who gives a permit away leaves it counted.
        if not waiting.called.acquire(timeout=DEADLINE):
            self._leave(waiting)

    def _queue(self, kind: Kind) -> collections.deque[_Waiting]:
        return self._reads if kind is Kind.READ else self._writes

    def _leave(self, waiting: _Waiting) -> None:
        """Wait no more, unless the permit has come just now."""
        queue = self._queue(waiting.kind)
        with self._lock:
            if waiting not in queue:
                return
            queue.remove(waiting)
        raise exceptions.StorageUnavailable() from TimeoutError(
            f'Others have been working for {DEADLINE} seconds.'
        )

    def take_at_once(self) -> None:
        """Take a permit even if there is none left."""
        with self._lock:
            self._taken += 1

    def give(self) -> None:
        """Give a permit to a thread that waits, or back."""
        with self._lock:
            # There may be too many of them.
            if self._taken <= self._number:
                waiting = self._next()
                if waiting is not None:
                    waiting.called.release()
                    return
            self._taken -= 1

    def is_awaited(self, kind: Kind) -> bool:
        """Tell whether a request of a kind waits for a permit."""
        with self._lock:
            return any(waiting.kind is kind for waiting in self._queue(kind))

    def _next(self) -> _Waiting | None:
        """Take out who goes first; None if nobody waits."""
        queues = [queue for queue in (self._reads, self._writes) if queue]
        if not queues:
            return None
        longest = min(queues, key=lambda queue: queue[0].since)
        is_overdue = time.monotonic() - longest[0].since > PATIENCE
        chosen = longest if is_overdue else queues[0]
        return chosen.popleft()


class _Own(threading.local):
    """What belongs to a thread."""

    #: What it has a permit of.
    permits: Permits | None = None


_own = _Own()


def give_up() -> None:
    """Give up the thread's permit, if it has one: another thread does its
    work, and what is left of it then is little.
    """
    permits = _own.permits
    if permits is not None:
        _own.permits = None
        permits.give()


def let_join(kind: Kind) -> None:
    """Let requests of a kind that wait go first, which can join the
    transaction that this thread is about to begin. It has no locks.
    """
    permits = _own.permits
    if permits is not None and permits.is_awaited(kind):
        give_up()
        # Behind all that wait now.
        permits.take(kind)
        _own.permits = permits


@contextlib.contextmanager
def paused() -> collections.abc.Iterator[None]:
    """Let another thread have the permit while this one waits for locks, or
    for another service. It goes on at once when it has them, without waiting
    for a permit.
    """
    permits = _own.permits
    if permits is None:
        yield
        return
    give_up()
    try:
        yield
    finally:
        permits.take_at_once()
        _own.permits = permits
