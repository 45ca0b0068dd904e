"""Keeping documents in a store that may have some of them already."""

import collections
import collections.abc
import contextlib
import dataclasses
import hashlib
import typing

from freezer_api import exceptions
from freezer_api.db.base import Entry, Scope, Storage
from freezer_api.db.batches import batches
from freezer_api.domain import run_state
from freezer_api.domain.documents import JOBS, SESSIONS, Document
from freezer_api.domain.session_state import Session
from freezer_api.importing.ledger import (
    DIGEST_SIZE,
    Ledger,
    Name,
    Stamp,
    Stamps,
    by_project,
)

#: How many documents are asked for by one call.
PAGE_SIZE = 500
#: What becomes of a document. ``imported``: it is new; ``present``: both sides
#: have it; ``changed-here``: it was changed in the store since it was
#: imported; ``changed-there``: in the source; ``changed-both``: in both, in
#: different ways; ``deleted-here`` and ``deleted-there``: it was deleted on
#: one side; ``refused``: the store has another document in its place.
Fate = typing.Literal[
    'imported',
    'present',
    'changed-here',
    'changed-there',
    'changed-both',
    'deleted-here',
    'deleted-there',
    'refused',
]
FATES: tuple[Fate, ...] = typing.get_args(Fate)
#: Called with each document that isn't simply imported, or there already.
TellFate = collections.abc.Callable[[Fate, Entry, str], object]
#: Digests of entries by project and id.
Digests = dict[Name, bytes]

#: The store has the last word, whatever differs.
_REASONS: dict[Fate, str] = {
    'changed-here': 'the store keeps its own',
    'changed-there': 'the store keeps what was imported before',
    'changed-both': 'the store keeps its own',
    'deleted-here': 'it stays deleted',
    'deleted-there': 'the store keeps it',
}
#: The digest of what isn't of the source.
_NOTHING = bytes(DIGEST_SIZE)
#: Later than every time at which a run lapses.
_END_OF_TIME = 2**63


class Keeper:
    """Keeps entries of any kind in one store.

    ``storage`` is None if there is none yet, in a dry run. With ``is_dry`` the
    store is compared, and nothing is written. ``now`` is the timestamp at
    which runs lapse.
    """

    def __init__(
        self,
        storage: Storage | None,
        now: int,
        tell_fate: TellFate,
        is_dry: bool = False,
    ):
        self.is_dry = is_dry or storage is None
        #: By kind how many documents met which fate.
        self.fates: dict[str, collections.Counter[str]] = (
            collections.defaultdict(collections.Counter)
        )
        self.storage = storage
        self._now = now
        self._tell_fate = tell_fate
        self._ledger = Ledger(storage)

    def keep(
        self,
        kind: str,
        entries: list[Entry],
        sources: Digests | None = None,
    ) -> None:
        """Store those entries that are new; count what becomes of each.

        ``sources`` has the digests of entries that were adapted to the store,
        as they were before. Those that it lacks are no documents of the
        source, and aren't compared with it later.
        """
        sources = digests(entries) if sources is None else sources
        missing, known = self._sort_out(kind, entries, sources)
        if self.is_dry or self.storage is None:
            self.fates[kind]['imported'] += len(missing)
            return
        for entry in self._restore(self.storage, missing):
            name = _name(entry)
            known[name] = _stamp(sources, name, entry)
        # Only now: what is noted is there, whenever this breaks off.
        self._ledger.write(kind, _of(known, sources))

    def _sort_out(
        self,
        kind: str,
        entries: list[Entry],
        sources: Digests,
    ) -> tuple[list[Entry], Stamps]:
        """Return which entries are new, and the stamps of those that are
        there and equal; count the others.
        """
        present = self.present(kind, entries)
        stamps = self._ledger.read(kind, map(_name, entries))
        self._ledger.see(kind, map(_name, entries))
        missing: list[Entry] = []
        # What is there and equal counts as brought, whoever brought it: an
        # import that broke off may not have noted it.
        known: Stamps = {}
        for entry in entries:
            name = _name(entry)
            stored = present.get(entry.key)
            if stored is not None:
                stamp = _stamp(sources, name, stored)
                before = stamps.get(name)
                if self._compare(stored, entry, stamp, before):
                    known[name] = stamp
            elif name in stamps:
                # It was here once, so somebody has deleted it.
                self._meet('deleted-here', entry)
            else:
                missing.append(entry)
        return missing, known

    def close(self) -> None:
        """Remove temporary files."""
        self._ledger.close()

    def count(self, fate: Fate) -> int:
        """Return how many documents of all kinds met a fate."""
        return sum(counter[fate] for counter in self.fates.values())

    def deleted(
        self,
        kind: str,
        project_id: str,
        ids: collections.abc.Iterable[str],
    ) -> set[str]:
        """Return those ids that an earlier import has brought, and that were
        deleted in the store since.
        """
        names = [(project_id, id) for id in ids]
        stamped = {id for _, id in self._ledger.read(kind, names)}
        there = self.named(kind, project_id, stamped)
        return stamped - {entry.id for entry in there}

    def attach(self, entry: Entry, session_id: str) -> None:
        """Make a kept job a member of a session that was there before, unless
        either is gone.
        """
        if self.is_dry or self.storage is None:
            return
        names = {
            JOBS: _name(entry),
            SESSIONS: (entry.project_id, session_id),
        }
        intact = self._intact(names)
        with contextlib.suppress(exceptions.NotFound):
            scope = Scope(entry.project_id)
            self.storage.attach(scope, session_id, entry.id)
        # This is no change that anybody else has made.
        for kind, stamp in intact.items():
            project_id, id = names[kind]
            for stored in self.named(kind, project_id, [id]):
                kept = stamp._replace(kept=digest(stored))
                self._ledger.write(kind, {names[kind]: kept})

    def unseen(self, kind: str) -> collections.abc.Iterator[list[Name]]:
        """Yield the names of documents that an earlier import has brought, and
        this one hasn't met.
        """
        return self._ledger.unseen(kind)

    def tell_deleted(self, kind: str, names: list[Name]) -> None:
        """Tell which of some documents the store has, though they were deleted
        in the source.
        """
        for project_id, ids in by_project(names).items():
            for entry in self.named(kind, project_id, ids):
                self._meet('deleted-there', entry)

    def _intact(self, names: dict[str, Name]) -> dict[str, Stamp]:
        """Return the stamps of those documents that nobody has changed, by
        kind.
        """
        intact: dict[str, Stamp] = {}
        for kind, name in names.items():
            stamp = self._ledger.read(kind, [name]).get(name)
            for stored in self.named(
                kind,
                name[0],
                [name[1]],
            ):
                if stamp is not None and stamp.kept == digest(stored):
                    intact[kind] = stamp
        return intact

    def _compare(
        self, stored: Entry, entry: Entry, found: Stamp, stamp: Stamp | None
    ) -> bool:
        """Compare a stored document with that of the source; return whether
        both are the same now.
        """
        if self._is_equal(stored, entry):
            self.fates[entry.kind]['present'] += 1
            return True
        fate = _fate(stored, found, stamp)
        if fate == 'present':
            self.fates[entry.kind]['present'] += 1
        else:
            self._meet(fate, entry)
        return False

    def _is_equal(self, stored: Entry, entry: Entry) -> bool:
        """Tell whether two entries say the same, whatever their versions."""
        return _dump(stored, self._now) == _dump(entry, self._now)

    def _restore(
        self, storage: Storage, entries: list[Entry]
    ) -> collections.abc.Iterator[Entry]:
        """Store entries; yield those that are kept now."""
        if not entries:
            return
        try:
            storage.restore(entries)
        except exceptions.Conflict as error:
            if len(entries) == 1:
                self._meet(
                    'refused',
                    entries[0],
                    str(error),
                )
                return
            # One conflict refuses all: which one it is shows one by one.
            for entry in entries:
                yield from self._restore(storage, [entry])
            return
        self.fates[entries[0].kind]['imported'] += len(entries)
        yield from entries

    def _meet(self, fate: Fate, entry: Entry, why: str = '') -> None:
        self.fates[entry.kind][fate] += 1
        self._tell_fate(
            fate,
            entry,
            why or _REASONS[fate],
        )

    def present(
        self, kind: str, entries: collections.abc.Iterable[Entry]
    ) -> dict[tuple[str, ...], Entry]:
        """Return what the store has under the keys of entries, by key."""
        present: dict[tuple[str, ...], Entry] = {}
        for project_id, ids in by_project(map(_name, entries)).items():
            for stored in self.named(kind, project_id, ids):
                present[stored.key] = stored
        return present

    def named(
        self,
        kind: str,
        project_id: str,
        ids: collections.abc.Iterable[str],
    ) -> collections.abc.Iterator[Entry]:
        """Yield what the store has of a project under some ids."""
        if self.storage is None:
            return
        ordered = sorted(set(ids))
        for page in batches(ordered, PAGE_SIZE):
            yield from self.storage.named(kind, project_id, page)


def digests(entries: collections.abc.Iterable[Entry]) -> Digests:
    """Return the digests of entries by their names."""
    return {_name(entry): digest(entry) for entry in entries}


def digest(entry: Entry) -> bytes:
    """Return a digest of what an entry says, whatever its version. It doesn't
    change by the mere passing of time.
    """
    said = _dump(entry, _END_OF_TIME)
    return hashlib.blake2b(said, digest_size=DIGEST_SIZE).digest()


def _dump(entry: Entry, now: int) -> bytes:
    """Return what an entry says at a timestamp, as bytes without version."""
    content = entry.content
    if isinstance(content, Session):
        content = run_state.lapse(content, now)
    plain = dataclasses.replace(typing.cast(typing.Any, content), version=1)
    return dataclasses.replace(entry, content=plain).dump()


def _stamp(sources: Digests, name: Name, kept: Entry) -> Stamp:
    source = sources.get(name, _NOTHING)
    return Stamp(source, digest(kept))


def _of(stamps: Stamps, names: collections.abc.Container[Name]) -> Stamps:
    return {name: stamp for name, stamp in stamps.items() if name in names}


def _name(entry: Entry) -> Name:
    return entry.project_id, entry.id


def _fate(stored: Entry, found: Stamp, stamp: Stamp | None) -> Fate:
    """Return which side has changed a document that differs."""
    if stamp is None:
        # An import stores version 1, and each change raises it.
        is_first = typing.cast(Document, stored.content).version == 1
        return 'changed-there' if is_first else 'changed-here'
    is_changed_here = found.kept != stamp.kept
    is_changed_there = found.source != stamp.source
    if is_changed_here and is_changed_there:
        return 'changed-both'
    if is_changed_here:
        return 'changed-here'
    return 'changed-there' if is_changed_there else 'present'
