"""Changes of several documents as one step, on a store that can compare and
set one document.

A transaction has one *primary* document; the others are its *parts*.

1. Each part gets a lock: the name of the transaction, the primary document and
   the point at which that was read, and what the part becomes.
2. The primary document is written, if it is still where it was read, and lists
   the transaction under ``done``. **By this write the transaction commits.**
3. The parts become what their locks say, and lose them. That is called
   applying the transaction.

The locks come first, so that nobody sees the primary document changed and a
part not: whoever meets a lock asks the primary document (:mod:`.locks`).

There is nothing to roll back after a crash, wherever it comes: the primary
document decides alone. It keeps a transaction under ``done`` until all parts
are known to be applied; its next writer applies it first.

A *tombstone* stands where a primary document was deleted, until its
transaction is applied: without it nothing would say that the locks are
committed.

A *placeholder*, an empty document, stands where a primary document is created.
Two things need it. A writer that gives up waiting needs a document to move on.
And a request that is sent again, long after the document was created and
deleted, must not create it once more: all that matters is written over the
placeholder, a point that never comes back.

Every write carries the name of its transaction, so a writer whose answer was
lost can find out that it was its own write that succeeded. That is why a
document without parts that is deleted becomes a tombstone first, too.
"""

import dataclasses
import typing
import uuid

from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import locks, store
from freezer_api.db.elasticsearch.commits.locks import Transactions
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock, Mark
from freezer_api.db.elasticsearch.commits.store import Found, Write

#: A document as it was read, and what it becomes (None: it is deleted).
Change = tuple[Found, Value | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A transaction: its primary document and what it becomes, the parts, and
    what is deleted afterwards because nobody looks for it any more.
    """

    name: str
    primary: Change
    parts: tuple[Change, ...] = ()
    delete_after: tuple[Key, ...] = ()


class WriteConflict(Exception):
    """A document was written by somebody else since it was read: read it
    again.
    """

    def __init__(self, key: Key):
        kind, id = key
        super().__init__(f'{kind} {id} was written by another operation')


def new_name() -> str:
    """Return a name that no transaction has yet."""
    return uuid.uuid4().hex


class Committer(Transactions):
    """Commits transactions."""

    def commit(self, plan: Plan) -> None:
        """Let a transaction take effect, or raise ``WriteConflict``.

        ``StorageUnavailable``: it has taken effect as a whole, will yet, or
        never does.
        """
        found, after = plan.primary
        if found.seq_no is None:
            # Nothing is there that a lock could name, or a commit compare.
            found = self._create_placeholder(plan, found)
        if after is not None and not plan.parts and not plan.delete_after:
            # Most writes are of one document, which needs no entry.
            self._write_all([store.put(found, after, {'write': plan.name})])
            return
        locked = self._lock_parts(plan, found)
        entry: Entry = {
            'name': plan.name,
            'parts': [list(part.key) for part in locked],
            'trash': [list(key) for key in plan.delete_after],
        }
        mark: Mark = {
            'write': plan.name,
            'done': [entry],
        }
        if after is None:
            mark['gone'] = True
        try:
            decided = self._write_all([store.put(found, after, mark)])[0]
        except WriteConflict:
            # The answer may have been lost, and the client has sent the write
            # again: then it is this transaction's own write that conflicts.
            decided = self.store.get(found.key)
            if not locks.has_committed(decided, plan.name):
                self._unlock(locked)
                raise
        self.apply_entry(entry, locked)
        if after is None and self.is_applied(plan.name):
            # Nobody needs the tombstone any more.
            self.best_effort(lambda: self.store.write([Write(decided, None)]))

    def _create_placeholder(self, plan: Plan, found: Found) -> Found:
        """Write an empty document where the primary document is to be; return
        it. Searches needn't see it.
        """
        write = store.put(found, None, {'write': plan.name})
        return self._write_all([write], shown=False)[0]

    def _lock_parts(self, plan: Plan, primary: Found) -> list[Found]:
        """Put locks on the parts; return these as they are then."""
        writes = []
        for found, after in plan.parts:
            lock: Lock = {
                'name': plan.name,
                'primary': list(primary.key),
                'at': primary.point,
                'after': after.dump() if after else None,
            }
            mark: Mark = {
                'write': plan.name,
                'lock': lock,
            }
            writes.append(store.put(found, found.value, mark))
        results = self.store.write(writes)
        locked = []
        conflict = None
        for write, result in zip(writes, results, strict=True):
            if result:
                locked.append(_as_written(write, result))
            elif conflict is None:
                conflict = write.found.key
        if conflict is not None:
            self._unlock(locked)
            raise WriteConflict(conflict)
        return locked

    def _unlock(self, locked: list[Found]) -> None:
        """Take away the locks of a transaction that didn't commit. If that
        fails nothing is wrong, for its locks are void.
        """
        writes = [locks.without_lock(part, part.value) for part in locked]
        self.best_effort(lambda: self.store.write(writes))

    def _write_all(
        self, writes: list[Write], shown: bool = True
    ) -> list[Found]:
        """Write documents; return them as they are then. ``WriteConflict`` if
        any was written by somebody else since it was read.
        """
        results = self.store.write(writes, shown)
        written = []
        for write, result in zip(writes, results, strict=True):
            if not result:
                raise WriteConflict(write.found.key)
            written.append(_as_written(write, result))
        return written


def _as_written(write: Write, written: tuple[int, int]) -> Found:
    """Return a document as it would be read after a write."""
    found = write.found
    value = None
    mark: Mark = {}
    if write.body is not None:
        mark = write.body['doc']['mark']
        state = write.body['doc'].get('state')
        if state is not None:
            value = Value(
                found.key[0],
                write.body['project'],
                write.body['id'],
                write.body['seq'],
                typing.cast(dict[str, typing.Any], state),
            )
    seq_no, primary_term = written
    return dataclasses.replace(
        found, seq_no=seq_no, primary_term=primary_term, value=value, mark=mark
    )
