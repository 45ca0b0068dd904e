"""Locks of transactions (:mod:`.transactions`): what they mean to whoever meets
them, and completing transactions whose owner didn't.

A lock names its transaction, the primary document and the point at which that
was read. What the primary document is now decides:

=====================  =========  ==================  ====================
The primary document   The lock   A reader sees       A writer
=====================  =========  ==================  ====================
lists the transaction  committed  what the lock says  applies it first
was written otherwise  void       the part as it is   overwrites it
is as it was read      undecided  the part as it is   waits, then makes it
                                                      void
=====================  =========  ==================  ====================

A writer makes a lock void by moving the primary document on: it writes it as
it is. Then the commit of the transaction, a compare-and-set from the point
that the lock names, fails whenever it comes.
"""

import collections
import collections.abc
import dataclasses
import logging
import threading
import time
import typing
import uuid

from freezer_api import exceptions
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import retries, store
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock, Mark
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.commits.store import Found, Store, Write

LOG = logging.getLogger(__name__)
#: Seconds that a writer waits for the owner of a lock, who may be about to
#: commit.
LOCK_TIMEOUT = 2.0
#: Transactions that are remembered as applied.
_MAX_REMEMBERED = 10_000


class Transactions:
    """Finds out what came of the transactions of others, and applies them."""

    def __init__(self, documents: Store):
        self.store = documents
        self._lock = threading.Lock()
        #: As an ordered set: the oldest ones are forgotten.
        self._applied: collections.OrderedDict[str, None] = (
            collections.OrderedDict()
        )

    # Reading

    def read(self, keys: collections.abc.Collection[Key]) -> dict[Key, Found]:
        """Return documents as a reader sees them, each as it is at some time
        since the call.
        """
        result: dict[Key, Found] = {}
        attempts = Retries('Reading %d documents', len(keys))
        missing = list(keys)
        while missing:
            resolved = self.resolve(self.store.get_all(missing))
            missing = []
            for key, found in resolved.items():
                if found is None:
                    missing.append(key)
                else:
                    result[key] = found
            if missing:
                attempts.wait('a locked document was changed meanwhile')
        return result

    def read_for_update(
        self, keys: collections.abc.Collection[Key], attempts: Retries
    ) -> dict[Key, Found]:
        """Return documents as a writer may build on them: none has a lock that
        is undecided, and what they have committed has been applied.

        ``StorageUnavailable`` when ``attempts`` end.
        """
        result: dict[Key, Found] = {}
        missing = list(keys)
        waiting_since: dict[str, float] = {}
        while True:
            founds = self.store.get_all(missing)
            undecided = self._find_undecided(founds, waiting_since)
            decided = {
                key: found
                for key, found in founds.items()
                if key not in undecided
            }
            for key, found in self.resolve(decided).items():
                if found is not None:
                    # The writer replaces the marks: what is in them has to be
                    # applied before.
                    self.apply_committed(founds[key])
                    result[key] = found
            missing = [key for key in missing if key not in result]
            if not missing:
                return result
            if undecided:
                kind, id = min(undecided)
                attempts.wait(f'{kind} {id} is locked by another transaction')
            else:
                attempts.wait('a locked document was changed meanwhile')

    def resolve(self, founds: dict[Key, Found]) -> dict[Key, Found | None]:
        """Return each document as a reader sees it, without a lock: as it is,
        or as the lock says. None if it has to be read again.
        """
        locks = _locks_of(founds)
        if not locks:
            return dict(founds)
        primaries = self._read_primaries(locks)
        uncommitted = set()
        for key, lock in locks.items():
            if not has_committed(primaries[primary_key(lock)], lock['name']):
                uncommitted.add(key)
        # The primary document lists a transaction until it is applied. If
        # that happened between reading the part and reading the primary, the
        # lock looks void and isn't. So the part is read once more: whoever
        # applied the transaction has changed it.
        again = self.store.get_all(uncommitted)
        result: dict[Key, Found | None] = {}
        for key, found in founds.items():
            if key not in locks:
                result[key] = found
            elif key not in uncommitted:
                after = value_after(found)
                result[key] = dataclasses.replace(found, value=after, mark={})
            elif again[key].point == found.point:
                result[key] = dataclasses.replace(found, mark={})
            else:
                result[key] = None
        return result

    # Applying

    def is_applied(self, name: str) -> bool:
        """Tell whether a transaction is known to be applied to all of its
        parts.
        """
        return name in self._applied

    def apply_committed(self, found: Found) -> None:
        """Apply the transactions that a document has committed."""
        for entry in found.done:
            if not self.is_applied(entry['name']):
                keys = [(kind, id) for kind, id in entry['parts']]
                parts = self.store.get_all(keys)
                self.apply_entry(entry, list(parts.values()), required=True)

    def apply(self, found: Found) -> None:
        """Apply the transaction whose lock lies on a document, if it is
        committed.
        """
        if found.lock:
            primary = self.store.get(primary_key(found.lock))
            self.apply_committed(primary)

    def apply_entry(
        self, entry: Entry, parts: list[Found], required: bool = False
    ) -> None:
        """Make the parts of a committed transaction what their locks say, and
        remember that.

        A failure is raised only if ``required``: the transaction has taken
        effect, so that whoever reads next can complete it as well.
        """
        try:
            self._apply_to_parts(entry['name'], parts)
            self.store.remove([(kind, id) for kind, id in entry['trash']])
        except exceptions.StorageUnavailable as error:
            if required:
                raise
            LOG.warning(
                'Transaction %s committed; applying it to %d documents failed'
                ' (%s). The next reader completes it.',
                entry['name'],
                len(entry['parts']),
                retries.reason_of(error),
            )
            return
        self._remember_applied(entry['name'])

    def _apply_to_parts(self, name: str, parts: list[Found]) -> None:
        while True:
            locked = []
            for part in parts:
                if part.lock and part.lock['name'] == name:
                    locked.append(part)
            writes = [without_lock(part, value_after(part)) for part in locked]
            results = self.store.write(writes)
            conflicts = []
            for part, result in zip(locked, results, strict=True):
                if not result:
                    conflicts.append(part.key)
            if not conflicts:
                return
            # Somebody has applied it meanwhile. Or has moved the part on, as
            # the primary document of another transaction: then the lock still
            # lies on it.
            parts = list(self.store.get_all(conflicts).values())

    def _remember_applied(self, name: str) -> None:
        with self._lock:
            self._applied[name] = None
            while len(self._applied) > _MAX_REMEMBERED:
                self._applied.popitem(last=False)

    # Removing what isn't needed any more

    def remove_tombstone(self, found: Found) -> None:
        """Remove a tombstone, after what it committed is applied."""
        self.apply_committed(found)
        self.store.write([Write(found, None)])

    def remove_placeholder(self, found: Found) -> None:
        """Remove a placeholder whose transaction didn't take effect."""
        self.best_effort(lambda: self.store.write([Write(found, None)]))

    def best_effort(
        self, clean_up: collections.abc.Callable[[], object]
    ) -> None:
        """Do what others do too if it fails here."""
        try:
            clean_up()
        except exceptions.StorageUnavailable as error:
            LOG.debug(
                'Best-effort clean-up skipped: %s', retries.reason_of(error)
            )

    # Locks that are undecided

    def _find_undecided(
        self, founds: dict[Key, Found], waiting_since: dict[str, float]
    ) -> set[Key]:
        """Return the documents with a lock that is undecided; make those void
        that were waited for long enough.

        ``waiting_since``: when each transaction was met first, by the
        monotonic clock.
        """
        locks = _locks_of(founds)
        if not locks:
            return set()
        primaries = self._read_primaries(locks)
        undecided = set()
        for key, lock in locks.items():
            primary = primaries[primary_key(lock)]
            if has_committed(primary, lock['name']):
                continue
            if primary.point != lock['at']:
                continue
            undecided.add(key)
            now = time.monotonic()
            waited = now - waiting_since.setdefault(lock['name'], now)
            if waited > LOCK_TIMEOUT:
                LOG.debug(
                    'Transaction %s was not committed within %.1f s; making'
                    ' its locks void.',
                    lock['name'],
                    waited,
                )
                self._move_on(primary)
        return undecided

    def _move_on(self, primary: Found) -> None:
        """Let a document be at another point, with all that it has, so that
        nothing is committed any more that was built on the old one.
        """
        needed = primary.mark.keys() & {'done', 'gone', 'lock'}
        if primary.value is None and not needed:
            # A placeholder: nobody needs it any more.
            self.store.write([Write(primary, None)])
            return
        mark: Mark = {
            **primary.mark,
            'moved': uuid.uuid4().hex,
        }
        self.store.write([store.put(primary, primary.value, mark)])

    def _read_primaries(self, locks: dict[Key, Lock]) -> dict[Key, Found]:
        return self.store.get_all(
            [primary_key(lock) for lock in locks.values()]
        )


def _locks_of(founds: dict[Key, Found]) -> dict[Key, Lock]:
    """Return the locks that lie on documents."""
    locks = {}
    for key, found in founds.items():
        if found.lock:
            locks[key] = found.lock
    return locks


def primary_key(lock: Lock) -> Key:
    """Return where the document is that decides about a lock."""
    kind, id = lock['primary']
    return kind, id


def has_committed(primary: Found, name: str) -> bool:
    """Tell whether a transaction has taken effect, by its primary document.

    False as well once it is applied and forgotten.
    """
    return any(entry['name'] == name for entry in primary.done)


def value_after(part: Found) -> Value | None:
    """Return what a part becomes by its lock; None: it is deleted."""
    lock = typing.cast(Lock, part.lock)
    if lock['after'] is None:
        return None
    return Value.load(part.key[0], lock['after'])


def without_lock(part: Found, value: Value | None) -> Write:
    """Return the write that makes a part a value (None: deletes it) and takes
    its lock away.
    """
    if value is None:
        return Write(part, None)
    mark = part.mark.copy()
    mark.pop('lock', None)
    return store.put(part, value, mark)
