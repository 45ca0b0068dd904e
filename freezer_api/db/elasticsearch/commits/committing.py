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
part not: whoever meets a lock asks the primary document (:mod:`.outcomes`).

There is nothing to roll back after a crash, wherever it comes: the primary
document decides alone. It keeps a transaction under ``done`` until all parts
are known to be applied. Who was told so knows it: the owner, mostly. Others
who write the document carry its entry on, and apply it, with proof, when there
come to be many.

A *tombstone* stands where a primary document was deleted, until its
transaction is applied: without it nothing would say that the locks are
committed.

A *placeholder*, an empty document, stands where a primary document is created.
Two things need it. A writer that gives up waiting needs a document to move on.
And a request that is sent again, long after the document was created and
deleted, must not create it once more: all that matters is written over the
placeholder, a point that never comes back.

Every write carries the name of its transaction, and those of some before it.
So a writer whose answer was lost can find out that it was its own write that
succeeded, also when others have written since. That is why a document without
parts that is deleted becomes a tombstone first, too.
"""

import dataclasses

from freezer_api import exceptions
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import marks, retries, store
from freezer_api.db.elasticsearch.commits.lines import Found, Write
from freezer_api.db.elasticsearch.commits.locks import Locks
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock, Mark
from freezer_api.db.elasticsearch.commits.outcomes import State, as_written
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.commits.store import Unwritten, Written

#: Transactions that a document says to have committed without anybody knowing
#: that they are applied, and parts of theirs, before its next writer has to
#: find that out.
MAX_CARRIED = 8
MAX_CARRIED_PARTS = 100

#: Writes that it takes at least to write a document and to delete it: before it
#: is removed it becomes a tombstone, or gets a lock.
_WRITE_AND_DELETION = 3

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
        self.key = key


def placeholder_name(name: str) -> str:
    """Return the name under which a transaction writes a placeholder."""
    return f'{name}-placeholder'


class Committer(Locks):
    """Commits transactions."""

    def commit(self, plan: Plan, attempts: Retries) -> None:
        """Let a transaction take effect, or raise ``WriteConflict``.

        ``StorageUnavailable``: it has taken effect as a whole, will yet, or
        never does.
        """
        self._make_room(plan, attempts)
        found, after = plan.primary
        if found.seq_no is None:
            # Nothing is there that a lock could name, or a commit compare.
            found = self._create_placeholder(plan, found, attempts)
        earlier = self.unapplied(found)
        if after is not None and not plan.parts and not plan.delete_after:
            # Most writes are of one document, which needs no entry.
            self._commit_alone(plan, found, earlier, attempts)
            return
        locked = self._lock_parts(plan, found)
        entry: Entry = {
            'name': plan.name,
            'parts': [list(part.key) for part in locked],
            'trash': [list(key) for key in plan.delete_after],
        }
        done = [*earlier, entry]
        mark = marks.written(found.mark, plan.name, done)
        if after is None:
            mark['gone'] = True
        try:
            write = self.store.put(found, after, mark)
            decided = self._decide(plan.name, write, attempts)
        except WriteConflict:
            self._unlock(locked)
            raise
        except store.PartlyWritten as error:
            if error.is_refused:
                self._unlock(locked)
            raise
        self.remember(plan.name, State.DONE)
        self.apply_entry(entry, locked)
        if after is None:
            self._remove_own_tombstone(plan, decided, attempts)

    def _commit_alone(
        self,
        plan: Plan,
        found: Found,
        earlier: list[Entry],
        attempts: Retries,
    ) -> None:
        """Write the only document of a transaction."""
        _before, after = plan.primary
        mark = marks.written(found.mark, plan.name, earlier)
        write = self.store.put(found, after, mark)
        self._decide(plan.name, write, attempts)

    def _make_room(self, plan: Plan, attempts: Retries) -> None:
        """Apply what documents have committed before, where they can't go on
        saying so: they would say too much, or are to be deleted by their
        locks.

        ``WriteConflict`` if there was anything to do: they have changed.
        """
        primary, _after = plan.primary
        for found, after in (plan.primary, *plan.parts):
            entries = self.unapplied(found)
            is_part = found.key != primary.key
            is_going = after is None and is_part
            if not entries:
                continue
            if is_going or _are_many(entries):
                proved = self.prove([found]).get(found.key)
                if proved is not None:
                    self.apply_all(proved, attempts)
                raise WriteConflict(found.key)

    def _create_placeholder(
        self, plan: Plan, found: Found, attempts: Retries
    ) -> Found:
        """Write an empty document where the primary document is to be; return
        it. Searches needn't see it.
        """
        after = plan.primary[1]
        if after is not None:
            # Whoever erases the project finds it, should it be left.
            found = dataclasses.replace(
                found, project=after.project_id, seq=after.seq
            )
        # A name of its own: whoever meets it must not take it for the write
        # that decides.
        name = placeholder_name(plan.name)
        mark: Mark = {'write': name}
        write = self.store.put(found, None, mark)
        return self._decide(name, write, attempts, shown=False)

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
            earlier = self.unapplied(found)
            mark = marks.written(found.mark, plan.name, earlier)
            mark['lock'] = lock
            writes.append(self.store.put(found, found.value, mark))
        failure: Exception | None = None
        results: list[Written] = []
        try:
            results = self.store.write(writes)
        except store.PartlyWritten as error:
            results, failure = error.results, error
        except BaseException:
            # The commit, which would make it otherwise, isn't sent any more.
            self.remember(plan.name, State.VOID)
            raise
        locked, conflict = self._locked(plan.name, writes, results)
        failure = failure or conflict
        if failure is not None:
            self.remember(plan.name, State.VOID)
            self._unlock(locked)
            raise failure
        return locked

    def _locked(
        self, name: str, writes: list[Write], results: list[Written]
    ) -> tuple[list[Found], WriteConflict | None]:
        """Return the parts that have got their locks, as they are then, and
        why others haven't, if any.
        """
        locked, doubtful = [], []
        missing: list[Key] = []
        for write, result in zip(writes, results, strict=True):
            key = write.found.key
            if isinstance(result, tuple):
                part = as_written(write, result)
                locked.append(part)
            elif isinstance(result, Unwritten) and result.is_resent:
                doubtful.append(key)
            else:
                missing.append(key)
        if not missing:
            own = self._own_locks(name, doubtful)
            locked += own.values()
            missing = [key for key in doubtful if key not in own]
        if not missing:
            return locked, None
        return locked, WriteConflict(missing[0])

    def _own_locks(self, name: str, keys: list[Key]) -> dict[Key, Found]:
        """Return those of the documents that have the lock of a transaction,
        proved: the answer that said so was lost.
        """
        if not keys:
            return {}
        own = []
        founds = self.store.get_all(keys)
        for found in founds.values():
            lock = found.lock
            if lock and lock['name'] == name:
                own.append(found)
        return self.prove(own)

    def _unlock(self, locked: list[Found]) -> None:
        """Take away the locks of a transaction that didn't commit. If that
        fails nothing is wrong, for its locks are void.
        """
        writes = []
        for part in locked:
            write = self.without_lock(part, part.value)
            writes.append(write)
        self.best_effort(lambda: self.store.write(writes))

    def _remove_own_tombstone(
        self, plan: Plan, decided: Found, attempts: Retries
    ) -> None:
        """Remove the tombstone that a transaction has left, once nobody needs
        it any more.
        """
        # An empty document that somebody has written since is theirs.
        writer = decided.mark.get('write')
        is_own = writer == plan.name
        if not is_own or not self.is_applied(plan.name):
            return

        def remove() -> None:
            self.apply_all(decided, attempts)
            removal = Write(decided, None)
            self.store.write([removal])

        self.best_effort(remove)

    # The write that decides

    def _decide(
        self, name: str, write: Write, attempts: Retries, shown: bool = True
    ) -> Found:
        """Write the primary document, under a name; return it as it is then.

        ``WriteConflict``: it wasn't as it had been read any more, and the
        write wasn't done and never will be.
        """
        (result,) = self.store.write([write], shown)
        if isinstance(result, tuple):
            return as_written(write, result)
        is_resent = isinstance(result, Unwritten) and result.is_resent
        before = write.found
        while True:
            now = self.store.get(before.key)
            if name in marks.names(now.mark):
                # The answer was lost, and the request sent again, by the
                # client or within the cluster: so it conflicts with itself.
                proved = self.prove([now], keeps=True).get(now.key)
                if proved is not None:
                    return proved
            elif before.seq_no is None:
                # A placeholder, on which nothing depends yet.
                break
            elif self._is_undone(before, now, is_resent):
                break
            attempts.wait('the answer to a write was lost')
        self.remember(name, State.VOID)
        raise WriteConflict(before.key)

    def _is_undone(self, before: Found, now: Found, is_resent: bool) -> bool:
        """Tell whether a write of a document, which doesn't name it now, was
        never done; ``StorageUnavailable`` if that can't be told any more.

        Once all that wrote the document since are named, one of them was the
        first, and no other write was done where that one was.
        """
        # In one history of a shard each point is written over once. So a read
        # that names who did it tells that nobody else did, however old it is.
        is_sent_once = not is_resent
        are_all_known = marks.are_all_known(before.mark, now.mark)
        if is_sent_once and are_all_known and _is_later(now, before):
            return True
        proved = self.prove([now]).get(now.key)
        if proved is None:
            return False
        if marks.are_all_known(before.mark, proved.mark):
            return True
        if not marks.may_lack_names(now.mark):
            # It was deleted meanwhile, and what named its writes is gone.
            unnamed = _unnamed_writes(before, now, proved)
            if 0 < unnamed < _WRITE_AND_DELETION:
                return True
        name = ' '.join(before.key)
        raise exceptions.StorageUnavailable() from retries.GaveUp(
            f'the answer to a write of {name} was lost, and it was written'
            ' too often since, or deleted, to tell whether that was done'
        )


def _unnamed_writes(before: Found, now: Found, proved: Found) -> int:
    """Return how many writes of a document between two readings nobody is
    named for; 0 if that can't be told. ``proved``: as ``now``, after the write
    that proves it.
    """
    is_same_index = proved.index == before.index
    is_same_copy = proved.primary_term == before.primary_term
    if not is_same_index or not is_same_copy:
        return 0
    writes = proved.version - 1 - before.version
    return max(0, writes - len(marks.names(now.mark)))


def _is_later(now: Found, before: Found) -> bool:
    """Tell whether a document that is there was written or moved since it was
    read, and not by another copy of its shard: where that took over, the
    cluster itself may have sent a request twice.
    """
    if now.index != before.index:
        # An index that is replaced takes no writes.
        return True
    if now.seq_no is None or before.seq_no is None:
        return False
    is_same_copy = now.primary_term == before.primary_term
    return is_same_copy and now.seq_no > before.seq_no


def _are_many(entries: list[Entry]) -> bool:
    """Tell whether a document has committed more than it should carry on."""
    parts = 0
    for entry in entries:
        parts += len(entry['parts'])
    return len(entries) > MAX_CARRIED or parts > MAX_CARRIED_PARTS
