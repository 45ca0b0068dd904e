"""Locks of transactions (:mod:`.committing`): what they mean to whoever meets
them, and completing transactions whose owner didn't.

A lock names its transaction, the primary document and the point at which that
was read. What the primary document is now decides:

=====================  =========  ==================  ====================
The primary document   The lock   A reader sees       A writer
=====================  =========  ==================  ====================
lists the transaction  done       what the lock says  builds on that
was written otherwise  void       the part as it is   overwrites it
is as it was read      open       the part as it is   waits, then makes it
                                                      void
=====================  =========  ==================  ====================

A reader goes by what it reads. A writer proves it: see :mod:`.outcomes`.
"""

import collections.abc
import dataclasses
import logging
import time
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import outcomes, retries
from freezer_api.db.elasticsearch.commits.lines import Found, Write
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock
from freezer_api.db.elasticsearch.commits.outcomes import (
    Outcomes,
    State,
    has_committed,
    primary_key,
)
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.commits.store import Store

LOG = logging.getLogger(__name__)
#: Seconds between two looks at a lock, at most: its owner may take that long.
_MAX_PAUSE = 0.25
#: Seconds for taking away what others have left.
_TIDY_TIMEOUT = 1.0
#: Seconds until it is tried again after a failure.
_TIDY_AGAIN = 30.0


class Locks(Outcomes):
    """Reads documents past the locks of the transactions of others, and
    applies these.
    """

    def __init__(self, documents: Store):
        super().__init__(documents)
        self._tidies_from = 0.0

    # Reading

    def read(self, keys: collections.abc.Collection[Key]) -> dict[Key, Found]:
        """Return documents as a reader sees them, each as it is at some time
        since the call.
        """
        result: dict[Key, Found] = {}
        attempts = Retries('Reading %d documents', len(keys))
        missing = list(keys)
        while missing:
            seen = self.see(self.store.get_all(missing))
            missing = []
            for key, found in seen.items():
                if found is None:
                    missing.append(key)
                else:
                    result[key] = found
            if missing:
                attempts.wait('a locked document was changed meanwhile')
        return result

    def see(self, founds: dict[Key, Found]) -> dict[Key, Found | None]:
        """Return each document as a reader sees it, without a lock: as it is,
        or as the lock says. None if it has to be read again.

        Nothing is written, so it goes by what is read, where it isn't known
        what came of a transaction.
        """
        states = self.look(founds)
        result: dict[Key, Found | None] = {}
        for key, found in founds.items():
            if key not in states:
                result[key] = found
                continue
            state = states[key]
            result[key] = as_decided(found, state) if state else None
        return result

    def look(self, founds: dict[Key, Found]) -> dict[Key, State | None]:
        """Return what came of the locks of documents: done, or else void,
        which may be open as well. None: the document has to be read again.
        """
        locks = locks_of(founds)
        if not locks:
            return {}
        states = self._read_states(locks)
        # The primary document lists a transaction until it is applied. If
        # that happened between reading the part and reading the primary, the
        # lock looks void and isn't. So the part is read once more: whoever
        # applied the transaction has changed it.
        doubtful = []
        for key, state in states.items():
            if state is None:
                doubtful.append(key)
        again = self.store.get_all(doubtful)
        for key in doubtful:
            if again[key].point == founds[key].point:
                states[key] = State.VOID
        return states

    def _read_states(self, locks: dict[Key, Lock]) -> dict[Key, State | None]:
        """Return what came of the transactions of locks, by what is known or
        else read; None: it seems that nothing did.
        """
        states: dict[Key, State | None] = {}
        unknown: dict[Key, Key] = {}
        for key, lock in locks.items():
            state = self.state(lock['name'])
            states[key] = state
            if state is None:
                unknown[key] = primary_key(lock)
        primaries = self.store.get_all(unknown.values())
        for key, deciding in unknown.items():
            name = locks[key]['name']
            if has_committed(primaries[deciding], name):
                states[key] = State.DONE
        return states

    def read_for_update(
        self, keys: collections.abc.Collection[Key], attempts: Retries
    ) -> dict[Key, Found]:
        """Return documents as a writer may build on them: it is proved what
        came of their locks.

        ``StorageUnavailable`` when ``attempts`` end.
        """
        result: dict[Key, Found] = {}
        missing = list(keys)
        while True:
            founds = self.store.get_all(missing)
            locks = locks_of(founds)
            states = self.resolve(locks.values(), attempts)
            missing = []
            for key, found in founds.items():
                if key not in locks:
                    result[key] = found
                    continue
                name = locks[key]['name']
                state = states[name]
                if state is State.OPEN:
                    missing.append(key)
                else:
                    result[key] = as_decided(found, state)
            if not missing:
                return result
            kind, id = min(missing)
            attempts.wait(
                f'{kind} {id} is locked by another transaction', _MAX_PAUSE
            )

    # Applying

    def apply_entry(
        self, entry: Entry, parts: list[Found], required: bool = False
    ) -> None:
        """Make the parts of a transaction that is done what their locks say,
        and remember that.

        A failure is raised only if ``required``: the transaction has taken
        effect, so that whoever comes next can complete it as well.
        """
        attempts = Retries('Applying transaction %s', entry['name'])
        try:
            self._apply({entry['name']}, parts, attempts)
            trash = _as_keys(entry['trash'])
            self.store.remove(list(trash))
        except exceptions.StorageUnavailable as error:
            if required:
                raise
            LOG.warning(
                'Transaction %s committed; applying it to %d documents failed'
                ' (%s). Whoever writes them next completes it.',
                entry['name'],
                len(entry['parts']),
                retries.reason_of(error),
            )
            return
        self.remember_applied(entry['name'])

    def apply_all(self, found: Found, attempts: Retries) -> None:
        """Apply all that a document has committed, which is proved."""
        entries = self.unapplied(found)
        if not entries:
            return
        keys: dict[Key, None] = {}
        trash: dict[Key, None] = {}
        for entry in entries:
            self.remember(entry['name'], State.DONE)
            keys |= _as_keys(entry['parts'])
            trash |= _as_keys(entry['trash'])
        parts = list(self.store.get_all(keys).values())
        names = {entry['name'] for entry in entries}
        self._apply(names, parts, attempts)
        self.store.remove(list(trash))
        for entry in entries:
            self.remember_applied(entry['name'])

    def _apply(
        self, names: set[str], parts: list[Found], attempts: Retries
    ) -> None:
        """Let no part have a lock of transactions that are done.

        That a part has none any more is proved as well: what doesn't show a
        lock may have been read before the lock was there.
        """
        while parts:
            locked: list[Found] = []
            others: list[Found] = []
            for part in parts:
                if part.lock and part.lock['name'] in names:
                    locked.append(part)
                else:
                    others.append(part)
            # The ones that show the lock are written by it, the others as they
            # are, so that the lock can't come to them any more.
            writes = []
            for part in locked:
                value = value_after(part)
                writes.append(self.without_lock(part, value))
            left = []
            results = self.store.write(writes)
            for part, result in zip(locked, results, strict=True):
                if not result:
                    left.append(part.key)
            proved = self.prove(others)
            for part in others:
                if part.key not in proved:
                    left.append(part.key)
            if not left:
                return
            attempts.wait('a part was written meanwhile')
            parts = list(self.store.get_all(left).values())

    # Removing what isn't needed any more

    def remove_tombstone(self, found: Found, attempts: Retries) -> bool:
        """Remove a tombstone, after what it committed is applied; False if it
        isn't as it was read any more.
        """
        proved = self.prove([found]).get(found.key)
        if proved is None:
            return False
        self.apply_all(proved, attempts)
        removal = Write(proved, None)
        (written,) = self.store.write([removal])
        return bool(written)

    def remove_placeholder(self, found: Found) -> None:
        """Remove a placeholder whose transaction didn't take effect."""
        removal = Write(found, None)
        self.best_effort(lambda: self.store.write([removal]))

    def tidy(self, founds: collections.abc.Sequence[Found]) -> None:
        """Take away locks and tombstones that a search has found, if their
        owners have had the time to do so: else each search would find them.
        Nothing depends on it.
        """
        old = [found for found in founds if self._is_old(found)]
        if not old or time.monotonic() < self._tidies_from:
            return
        is_done = self.best_effort(lambda: self._tidy(old))
        if not is_done:
            self._tidies_from = time.monotonic() + _TIDY_AGAIN

    def _is_old(self, found: Found) -> bool:
        """Tell whether the owner of a lock or a tombstone is most likely gone,
        for it was met here some time ago.
        """
        name = found.mark.get('write', '')
        if found.lock:
            name = found.lock['name']
        return self.waited(name) > outcomes.LOCK_TIMEOUT

    def _tidy(self, founds: list[Found]) -> None:
        attempts = Retries('Tidying', timeout=_TIDY_TIMEOUT, warns=False)
        locked, tombstones = [], []
        for found in founds:
            if found.lock:
                locked.append(found.key)
            else:
                tombstones.append(found)
        self.take_locks(locked, attempts)
        # One by one, for each has parts of its own. They are few.
        for found in tombstones:
            self.remove_tombstone(found, attempts)

    def take_locks(
        self, keys: collections.abc.Collection[Key], attempts: Retries
    ) -> None:
        """Let documents be what comes of their locks, without them, but for
        those whose transactions may yet be committed.
        """
        # They are read here: searches may have found their ids alone, and a
        # document without its value would be deleted.
        founds = self.store.get_all(keys)
        locks = locks_of(founds)
        states = self.resolve(locks.values(), attempts)
        writes = []
        for key, lock in locks.items():
            state = states[lock['name']]
            if state is State.OPEN:
                continue
            found = founds[key]
            decided = as_decided(found, state)
            write = self.without_lock(found, decided.value)
            writes.append(write)
        self.store.write(writes)

    def without_lock(self, part: Found, value: Value | None) -> Write:
        """Return the write that makes a part a value (None: deletes it) and
        takes its lock away.
        """
        if value is None:
            return Write(part, None)
        mark = part.mark.copy()
        mark.pop('lock', None)
        return self.store.put(part, value, mark)


def _as_keys(names: list[list[str]]) -> dict[Key, None]:
    """Return keys in their order, each once."""
    keys: dict[Key, None] = {}
    for kind, id in names:
        keys[kind, id] = None
    return keys


def locks_of(founds: collections.abc.Mapping[Key, Found]) -> dict[Key, Lock]:
    """Return the locks that lie on documents."""
    locks = {}
    for key, found in founds.items():
        if found.lock:
            locks[key] = found.lock
    return locks


def as_decided(found: Found, state: State) -> Found:
    """Return a part without its lock, by what came of the transaction."""
    # Void and open are one to whoever reads: the part as it is.
    value = found.value
    if state is State.DONE:
        value = value_after(found)
    mark = found.mark.copy()
    mark.pop('lock', None)
    return dataclasses.replace(found, value=value, mark=mark)


def value_after(part: Found) -> Value | None:
    """Return what a part becomes by its lock; None: it is deleted."""
    lock = typing.cast(Lock, part.lock)
    after = lock['after']
    if after is None:
        return None
    kind, _id = part.key
    return Value.load(kind, after)
