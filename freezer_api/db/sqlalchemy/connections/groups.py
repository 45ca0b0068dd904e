"""Groups of operations on one session that one transaction does.

Where many agents start a session at one moment, each operation would wait for
the lock of its row, and then for a commit of its own. Instead, those that come
while another one of their process waits for the lock join it. Its transaction
does them all, in the order in which they came (a group commit). An operation
that meets no other one is a group by itself.
"""

import collections.abc
import concurrent.futures
import copy
import dataclasses
import threading
import typing

from freezer_api.db.unit import Done

#: A project and a session of it.
Key = tuple[str, str]

#: Operations that one transaction does, at most. It bounds for how long the
#: transaction has its locks.
MAX_OPERATIONS = 32

S = typing.TypeVar('S')


class Inseparable(Exception):
    """An operation failed that has written already: it can't be undone without
    the others of its group.
    """


class Operation(typing.Generic[S]):
    """An operation of a group: what it does (``step``), and the jobs that it
    will most likely need.
    """

    def __init__(self, step: S, job_ids: collections.abc.Collection[str] = ()):
        self.step = step
        self.job_ids = job_ids
        #: What came of it, once that is committed; cancelled if the operation
        #: has to run by itself.
        self.future: concurrent.futures.Future[Outcome] = (
            concurrent.futures.Future()
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Done[typing.Any]):
    """What came of an operation, and what it has to log."""

    effects: collections.abc.Sequence[collections.abc.Callable[[], None]] = ()


class Group(typing.Generic[S]):
    """The operations on a session that one transaction does. The first one
    leads it: its thread runs the transaction.
    """

    def __init__(self, key: Key, leader: Operation[S]):
        self.key = key
        self.operations = [leader]

    def end(self, outcomes: collections.abc.Iterable[Outcome | None]) -> None:
        """Tell the operations what came of each; None: it has to run by
        itself.
        """
        for operation, outcome in zip(self.operations, outcomes, strict=True):
            if outcome is None:
                operation.future.cancel()
            else:
                operation.future.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Tell the operations what none of them could be done for."""
        for operation in self.operations:
            # Each thread adds its own traceback to what it raises.
            own = copy.copy(error)
            own.__cause__ = error.__cause__
            operation.future.set_exception(own)

    def dissolve(self) -> None:
        """Let each operation run by itself."""
        self.end([None] * len(self.operations))


class Groups(typing.Generic[S]):
    """The groups of a process that operations may still join. Safe in
    threads; after a fork the child needs an object of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Key, Group[S]] = {}

    def join(self, key: Key, operation: Operation[S]) -> Group[S] | None:
        """Let an operation join the open group of a session; return the new
        group that it leads if there is none.
        """
        with self._lock:
            group = self._open.get(key)
            if group is not None and len(group.operations) < MAX_OPERATIONS:
                group.operations.append(operation)
                return None
            self._open[key] = group = Group(key, operation)
            return group

    def close(self, group: Group[S]) -> list[Operation[S]]:
        """Let nobody join a group any more; return its operations."""
        with self._lock:
            # When it became full another one may have taken its place.
            if self._open.get(group.key) is group:
                del self._open[group.key]
        return group.operations
