"""Groups of operations that one transaction does.

Where many agents start a session at one moment, each operation would wait for
the lock of its row, and then for a commit of its own. Instead, those that come
while another one of their process waits for the lock join it. Its transaction
does them all, in the order in which they came (a group commit). What agents
report of their jobs at one moment, and the backups that they record, is done in
the same way. An operation that meets no other one is a group by itself.
"""

import collections.abc
import concurrent.futures
import copy
import dataclasses
import threading
import typing

from freezer_api import permits
from freezer_api.db.unit import Done, Name
from freezer_api.domain.documents import BACKUPS, JOBS, SESSIONS

#: The requests whose operations may join a group, by what that is about.
REQUESTS = {
    SESSIONS: permits.Kind.SESSION,
    JOBS: permits.Kind.JOB,
    BACKUPS: permits.Kind.BACKUP,
}

#: Operations that one transaction does, at most. It bounds for how long the
#: transaction has its locks.
MAX_OPERATIONS = 32

S = typing.TypeVar('S')


class Inseparable(Exception):
    """An operation failed that has written already: it can't be undone without
    the others of its group.
    """


class Key(typing.NamedTuple):
    """What the operations of a group have in common: a project, and that they
    are about one session of it, or each about a document of one kind.
    """

    project_id: str
    kind: str
    #: '' if they aren't about a session.
    session_id: str = ''

    @property
    def sessions(self) -> list[str]:
        """Return the sessions that they need."""
        return [self.session_id] if self.session_id else []


class Operation(typing.Generic[S]):
    """An operation of a group: what it does (``step``), the jobs that it will
    most likely need, and the document that it makes, whose id is new.
    """

    def __init__(
        self,
        step: S,
        job_ids: collections.abc.Collection[str] = (),
        new: Name | None = None,
    ):
        self.step = step
        self.job_ids = job_ids
        self.new = new
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
    """The operations that one transaction does. The first one leads it: its
    thread runs the transaction.
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
        """Let an operation join the open group of a key; return the new group
        that it leads if there is none.
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
