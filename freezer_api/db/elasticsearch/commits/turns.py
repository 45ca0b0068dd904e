"""Turns of the operations of one process that need one document.

An operation locks what it needs. Where many need one document at once, such as
an action that many jobs are given, all but one would fail each time, and try
again at random times. So those that have met each other wait for their turn.
It is a matter of speed alone: operations of other processes don't wait.
"""

import collections.abc
import contextlib
import threading

from freezer_api.db.elasticsearch.codec import Key
from freezer_api.db.elasticsearch.commits import retries


class _Queue:
    """Those who wait for a document, and the one whose turn it is."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.waiting = 0


class Turns:
    """The turns of one process, at those documents that many need at this
    moment.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[Key, _Queue] = {}

    @contextlib.contextmanager
    def take_part(
        self, keys: collections.abc.Iterable[Key] = ()
    ) -> collections.abc.Iterator['Turn']:
        """Let an operation have turns; the first one at that document of
        ``keys`` for which others wait already, if there is one.
        """
        turn = Turn(self)
        try:
            with self._lock:
                wanted = [key for key in keys if key in self._queues]
            if wanted:
                turn.wait_for(min(wanted))
            yield turn
        finally:
            turn.end()

    def enter(self, key: Key) -> _Queue:
        """Join the queue of a document, which is there from then on."""
        with self._lock:
            queue = self._queues.setdefault(key, _Queue())
            queue.waiting += 1
            return queue

    def leave(self, key: Key, queue: _Queue) -> None:
        """Leave a queue; the last one removes it."""
        with self._lock:
            queue.waiting -= 1
            if not queue.waiting:
                del self._queues[key]


class Turn:
    """The turn of an operation. It is at one document at most, so that no two
    operations wait for each other.
    """

    def __init__(self, turns: Turns):
        self._turns = turns
        self._key: Key | None = None
        self._queue: _Queue | None = None
        self._has_turn = False

    def wait_for(self, key: Key) -> None:
        """Wait for the turn at a document; not beyond the deadline of the
        operation, which goes on without it then.
        """
        if self._key == key:
            return
        self.end()
        self._key, self._queue = key, self._turns.enter(key)
        seconds = retries.seconds_left()
        self._has_turn = self._queue.turn.acquire(timeout=seconds)

    def end(self) -> None:
        """Let the next one have its turn."""
        if self._key is None or self._queue is None:
            return
        if self._has_turn:
            self._queue.turn.release()
        self._turns.leave(self._key, self._queue)
        self._key, self._queue, self._has_turn = None, None, False
