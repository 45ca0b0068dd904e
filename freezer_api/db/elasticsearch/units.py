"""Units of work: documents are read, changed in memory and committed together,
again from the start if any has moved.

Operations of one process that have the same primary document wait for each
other, and whoever comes to work takes all that wait along, one after the other
in memory and in one commit. So many who report to one session don't get in
each other's way.
"""

import collections.abc
import dataclasses
import threading
import time
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch import commit
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commit import Committer, Moved, Plan
from freezer_api.db.elasticsearch.store import Found
from freezer_api.domain import documents

#: Seconds after which an operation that is always overtaken gives up.
DEADLINE = 30.0
#: Operations that one commit takes along.
MOST = 64
#: Documents of any size that are read at once.
AT_ONCE = 16


class Elsewhere(Exception):
    """The operation has to be one on another primary document."""

    def __init__(self, key: Key):
        super().__init__(key)
        self.key = key


class Unit:
    """The documents of one attempt: as they were read, and as they are to
    become.
    """

    def __init__(self, committer: Committer, primary: Key, deadline: float):
        self._committer = committer
        self._deadline = deadline
        self.primary = primary
        self.found: dict[Key, Found] = {}
        self._now: dict[Key, Value | None] = {}
        self._guarded: frozenset[Key] = frozenset()
        self._trash: tuple[Key, ...] = ()
        self.load((primary,))

    def load(self, keys: collections.abc.Iterable[Key]) -> None:
        """Read documents, those that haven't been yet, in one request."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.found]
        if missing:
            read = self._committer.hold(missing, self._deadline)
            self.found |= read
            self._now |= {key: found.value for key, found in read.items()}

    def load_within(
        self, keys: collections.abc.Iterable[Key], most: int
    ) -> bool:
        """Read documents bit by bit; False once they are more than ``most``
        bytes of JSON.
        """
        left = most
        wanted = list(keys)
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            self.load(some)
            values = [value for key in some if (value := self.get(key))]
            left -= sum(
                documents.size(value.state['body']) for value in values
            )
            if left < 0:
                return False
        return True

    def get(self, key: Key) -> Value | None:
        """A document as it is now, with what this unit has changed."""
        self.load((key,))
        return self._now[key]

    def put(self, value: Value) -> None:
        """Store a document that was read before, or is not there."""
        self.load((value.key,))
        self._now[value.key] = value

    def drop(self, key: Key) -> None:
        """Delete a document, if it is there."""
        self.load((key,))
        self._now[key] = None

    def guard(self, keys: collections.abc.Iterable[Key]) -> None:
        """Let documents be as they were read when the unit takes effect."""
        self._guarded |= frozenset(keys)

    def discard(self, keys: collections.abc.Iterable[Key]) -> None:
        """Remove afterwards what nobody looks for any more once the unit has
        taken effect.
        """
        self._trash += tuple(keys)

    def attempt(
        self, step: collections.abc.Callable[['Unit'], typing.Any]
    ) -> typing.Any:
        """Do a step; one that raises a domain error, which is returned, leaves
        everything as it was.
        """
        before = dict(self._now), self._guarded, self._trash
        try:
            return _Done(step(self))
        except (exceptions.FreezerError, Elsewhere) as error:
            if isinstance(error, exceptions.StorageUnavailable):
                raise
            # What was read in the meantime stays read, and as it was.
            self._now = {
                key: before[0].get(key, self.found[key].value)
                for key in self._now
            }
            _, self._guarded, self._trash = before
            return _Done(error=error)

    def plan(self, name: str) -> Plan | None:
        """The transaction that this unit comes to; None if it changes
        nothing.
        """
        changed = {
            key
            for key, value in self._now.items()
            if value is not self.found[key].value
        }
        if not changed and not self._trash:
            return None
        guarded = {
            key for key in self._guarded if self.found[key].value is not None
        }
        parts = sorted((changed | guarded) - {self.primary})
        return Plan(
            name,
            (self.found[self.primary], self._now[self.primary]),
            tuple((self.found[key], self._now[key]) for key in parts),
            self._trash,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Done:
    """What came of a step."""

    result: typing.Any = None
    error: BaseException | None = None

    def unwrap(self) -> typing.Any:
        """The result, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.result


Step = collections.abc.Callable[[Unit], typing.Any]


class _Waiting:
    """A step that waits for its turn."""

    def __init__(self, step: Step):
        self.step = step
        self.done: _Done | None = None
        self.woken = threading.Event()


class Units:
    """Runs steps as units of work."""

    def __init__(self, committer: Committer):
        self.committer = committer
        self._lock = threading.Lock()
        self._queues: dict[Key, list[_Waiting]] = {}

    def run(self, primary: Key, step: Step) -> typing.Any:
        """Do a step as one that takes effect at one moment; its result, or its
        error.

        A step reads and changes documents through the unit that it is given
        alone, and may be done several times.
        """
        while True:
            try:
                return self._queued(primary, step).unwrap()
            except Elsewhere as other:
                primary = other.key

    def _queued(self, primary: Key, step: Step) -> _Done:
        own = _Waiting(step)
        with self._lock:
            queue = self._queues.setdefault(primary, [])
            queue.append(own)
            first = len(queue) == 1
        if not first:
            own.woken.wait()
        if own.done is None:
            self._lead(primary, queue)
        return typing.cast(_Done, own.done)

    def _lead(self, primary: Key, queue: list[_Waiting]) -> None:
        """Do all that waits, oneself first, and wake the others; who comes
        after them leads next.
        """
        with self._lock:
            batch = queue[:MOST]
        try:
            results = self._commit(primary, [one.step for one in batch])
        except BaseException as error:
            # Whoever waits must not wait for ever, also where this thread is
            # being ended.
            results = [_Done(error=error)] * len(batch)
        for one, done in zip(batch, results, strict=True):
            one.done = done
        with self._lock:
            del queue[: len(batch)]
            if not queue:
                del self._queues[primary]
            following = queue[:1]
        for one in batch + following:
            one.woken.set()

    def _commit(self, primary: Key, steps: list[Step]) -> list[_Done]:
        deadline = time.monotonic() + DEADLINE
        earlier: dict[str, list[_Done]] = {}
        attempt = 0
        while True:
            unit = Unit(self.committer, primary, deadline)
            found = unit.found[primary]
            # The answer of a write may have been lost, and the write been sent
            # again.
            written = found.mark.get('write')
            if written in earlier and found.value is not None:
                return earlier[written]
            results = [unit.attempt(step) for step in steps]
            name = commit.new_name()
            plan = unit.plan(name)
            if plan is None:
                self._tidy(found, earlier)
                return results
            earlier[name] = results
            try:
                self.committer.commit(plan)
                return results
            except Moved:
                if time.monotonic() > deadline:
                    raise exceptions.StorageUnavailable() from None
                commit.pause(attempt)
                attempt += 1

    def _tidy(
        self, found: Found, earlier: collections.abc.Container[str]
    ) -> None:
        """Remove the empty document that an attempt of one's own has left."""
        if (
            found.value is None
            and found.seq_no is not None
            and found.mark.get('write') in earlier
        ):
            self.committer.abandon(found)
