"""What came of a transaction (:mod:`.committing`): the one place that says
so.

Elasticsearch's reads prove nothing. A node that is cut off from its cluster
answers with what it had; a primary shard that is cut off shows a write that
will be lost. Its writes do: one that is acknowledged has been done by the copy
of the shard that the cluster follows, to a document that was as it had been
read. So whoever is to write on the strength of what a document says, writes
that document first, as it is (:meth:`Outcomes.prove`). If that succeeds, what
was read was so, and nothing that was built on an older point of the document
can be committed any more.

Readers, who change nothing, don't: :meth:`.locks.Locks.see`.
"""

import collections
import collections.abc
import enum
import logging
import threading
import time
import typing
import uuid

from freezer_api import exceptions
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import retries
from freezer_api.db.elasticsearch.commits.lines import Found, Write
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock, Mark
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.commits.store import Store

LOG = logging.getLogger(__name__)
#: Seconds that the owner of a lock, who may be about to commit, is waited for.
LOCK_TIMEOUT = 2.0
#: Transactions that are remembered.
_MAX_REMEMBERED = 10_000


class State(enum.Enum):
    """What came of a transaction: it has taken effect, it never will, or it
    may yet. The first two are final.
    """

    DONE = 'done'
    VOID = 'void'
    OPEN = 'open'


class Outcomes:
    """Finds out what came of transactions, and remembers what is final: no
    later read, however stale, makes that other.
    """

    def __init__(self, documents: Store):
        self.store = documents
        self._states = _Memory[State]()
        self._applied = _Memory[bool]()
        #: When each transaction was met first, by the monotonic clock.
        self._met = _Memory[float]()

    # What is known

    def state(self, name: str) -> State | None:
        """Return what is known to have come of a transaction."""
        return self._states.get(name)

    def remember(self, name: str, state: State) -> None:
        """Keep what came of a transaction. Who says so has proved it, or is
        the owner.
        """
        self._states.put(name, state)

    def is_applied(self, name: str) -> bool:
        """Tell whether a transaction is known to be applied to all of its
        parts.
        """
        return self._applied.get(name) is True

    def remember_applied(self, name: str) -> None:
        """Keep that a transaction is applied to all of its parts."""
        self._applied.put(name, True)

    def unapplied(self, found: Found) -> list[Entry]:
        """Return what a document has committed and isn't known to be
        applied.
        """
        entries = []
        for entry in found.done:
            has_more = entry['parts'] or entry['trash']
            if has_more and not self.is_applied(entry['name']):
                entries.append(entry)
        return entries

    def waited(self, name: str) -> float:
        """Return for how many seconds a transaction has been known here."""
        now = time.monotonic()
        return now - self._met.put_if_new(name, now)

    # What is found out

    def resolve(
        self, locks: collections.abc.Iterable[Lock], attempts: Retries
    ) -> dict[str, State]:
        """Return, by their names, what came of the transactions of locks,
        proved by a write of the document that decides.

        One that may yet be committed is open, and becomes void once it was
        known for :data:`LOCK_TIMEOUT`.
        """
        states: dict[str, State] = {}
        unknown: dict[str, Lock] = {}
        for lock in locks:
            known = self.state(lock['name'])
            if known is None:
                unknown[lock['name']] = lock
            else:
                states[lock['name']] = known
        while unknown:
            # Many locks may have one primary: an action that many jobs take.
            keys = {primary_key(lock) for lock in unknown.values()}
            primaries = self.store.get_all(keys)
            for name, lock in list(unknown.items()):
                primary = primaries[primary_key(lock)]
                if self._may_be_committed(lock, primary):
                    states[name] = State.OPEN
                    del unknown[name]
            asked = {primary_key(lock) for lock in unknown.values()}
            proved = self.prove([primaries[key] for key in asked])
            for name, lock in list(unknown.items()):
                decided = proved.get(primary_key(lock))
                if decided is not None:
                    states[name] = self._decided(name, decided)
                    del unknown[name]
            if unknown:
                attempts.wait(
                    'what decides about a lock was written meanwhile'
                )
        return states

    def prove(
        self, founds: collections.abc.Sequence[Found], keeps: bool = False
    ) -> dict[Key, Found]:
        """Write documents as they are; return those that still were as they
        had been read, as they are then.

        Empty ones that nobody needs are removed, unless it ``keeps`` them.
        """
        if not founds:
            return {}
        writes, needless = [], []
        for found in founds:
            # Who removes it proves as much as who writes it.
            is_needless = is_empty(found) and not keeps
            if is_needless and found.seq_no is not None:
                writes.append(Write(found, None))
                continue
            mark: Mark = {
                **found.mark,
                'moved': uuid.uuid4().hex,
            }
            write = self.store.put(found, found.value, mark)
            writes.append(write)
        proved: dict[Key, Found] = {}
        for write, result in zip(
            writes, self.store.write(writes), strict=True
        ):
            if not isinstance(result, tuple):
                continue
            found = as_written(write, result)
            proved[found.key] = found
            if is_empty(found) and write.body is not None and not keeps:
                needless.append(Write(found, None))
        if needless:
            self.best_effort(lambda: self.store.write(needless))
        return proved

    def best_effort(
        self, clean_up: collections.abc.Callable[[], object]
    ) -> bool:
        """Do what others do too if it fails here; return whether it was
        done.
        """
        try:
            clean_up()
        except exceptions.StorageUnavailable as error:
            LOG.debug(
                'Best-effort clean-up skipped: %s', retries.reason_of(error)
            )
            return False
        return True

    def _may_be_committed(self, lock: Lock, primary: Found) -> bool:
        """Tell whether the owner of a lock may be about to commit, by what was
        read of the document that decides.
        """
        name = lock['name']
        if has_committed(primary, name) or primary.point != lock['at']:
            return False
        # By this process's clock: clocks of others may say anything.
        waited = self.waited(name)
        if waited <= LOCK_TIMEOUT:
            return True
        LOG.debug(
            'Transaction %s was not committed within %.1f s; making its locks'
            ' void.',
            name,
            waited,
        )
        return False

    def _decided(self, name: str, primary: Found) -> State:
        """Return what came of a transaction, by the proved document that
        decides.
        """
        state = State.DONE if has_committed(primary, name) else State.VOID
        self.remember(name, state)
        return state


T = typing.TypeVar('T')


class _Memory(typing.Generic[T]):
    """What is known of transactions by their names, shared by threads; the
    oldest ones are forgotten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: collections.OrderedDict[str, T] = collections.OrderedDict()

    def get(self, name: str) -> T | None:
        return self._kept.get(name)

    def put(self, name: str, value: T) -> None:
        with self._lock:
            self._kept[name] = value
            while len(self._kept) > _MAX_REMEMBERED:
                self._kept.popitem(last=False)

    def put_if_new(self, name: str, value: T) -> T:
        """Keep a value unless there is one; return the one that is kept."""
        # Two threads may do so at once; either moment will do.
        kept = self._kept.get(name)
        if kept is None:
            self.put(name, value)
            return value
        return kept


def primary_key(lock: Lock) -> Key:
    """Return where the document is that decides about a lock."""
    kind, id = lock['primary']
    return kind, id


def has_committed(primary: Found, name: str) -> bool:
    """Tell whether a transaction has taken effect, by its primary document.

    False as well once it is applied and forgotten.
    """
    return any(entry['name'] == name for entry in primary.done)


def is_empty(found: Found) -> bool:
    """Tell whether neither a document is there nor a mark that others need."""
    needed = found.mark.keys() & {'done', 'gone', 'lock'}
    return found.value is None and not needed


def as_written(write: Write, written: tuple[int, int, int]) -> Found:
    """Return a document as it would be read after a write."""
    found = write.found
    seq_no, primary_term, version = written
    value = None
    mark: Mark = {}
    project, seq = found.project, found.seq
    if write.body is not None:
        project, seq = write.body['project'], write.body['seq']
        doc = write.body['doc']
        mark = doc['mark']
        if 'state' in doc:
            value = Value(
                found.key[0],
                project,
                write.body['id'],
                seq,
                doc['state'],
                doc.get('index'),
            )
    return Found(
        found.key,
        found.index,
        seq_no,
        primary_term,
        value,
        mark,
        project,
        seq,
        version,
    )
