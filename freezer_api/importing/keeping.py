"""Keeping documents in a store that may have some of them already."""

import collections
import collections.abc
import contextlib
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.base import Entry, Scope, Storage
from freezer_api.domain import run_state
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Session

#: How many documents are asked for by one call.
PAGE_SIZE = 500
#: What becomes of a document. ``imported``: it is new; ``present``: the store
#: has it already; ``changed-here``: the store has it and it was changed there
#: since; ``changed-there``: it was changed in the source since; ``refused``:
#: the store has another document in its place.
Fate = typing.Literal[
    'imported', 'present', 'changed-here', 'changed-there', 'refused'
]
FATES: tuple[Fate, ...] = typing.get_args(Fate)
#: Called with each document that isn't simply imported, or there already.
TellFate = collections.abc.Callable[[Fate, Entry, str], object]


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

    def keep(self, kind: str, entries: list[Entry]) -> None:
        """Store those entries that the store hasn't; count what becomes of
        each.
        """
        present = self.present(kind, entries)
        missing: list[Entry] = []
        for entry in entries:
            stored = present.get(entry.key)
            if stored is None:
                missing.append(entry)
            else:
                self._compare(stored, entry)
        if self.is_dry or self.storage is None:
            self.fates[kind]['imported'] += len(missing)
            return
        self._restore(self.storage, missing)

    def count(self, fate: Fate) -> int:
        """Return how many documents of all kinds met a fate."""
        return sum(counter[fate] for counter in self.fates.values())

    def attach(self, entry: Entry, session_id: str) -> None:
        """Make a kept job a member of a session that was there before, unless
        either is gone.
        """
        if self.is_dry or self.storage is None:
            return
        with contextlib.suppress(exceptions.NotFound):
            scope = Scope(entry.project_id)
            self.storage.attach(scope, session_id, entry.id)

    def _compare(self, stored: Entry, entry: Entry) -> None:
        if self._is_equal(stored, entry):
            self.fates[entry.kind]['present'] += 1
            return
        # An import stores version 1, and each change raises it.
        if typing.cast(Document, stored.content).version > 1:
            self._meet('changed-here', entry, 'the store keeps its own')
        else:
            self._meet(
                'changed-there',
                entry,
                'the store keeps what was imported before',
            )

    def _is_equal(self, stored: Entry, entry: Entry) -> bool:
        """Tell whether two entries say the same, whatever their versions."""
        content = stored.content
        if isinstance(content, Session):
            content = run_state.lapse(content, self._now)
        plain = dataclasses.replace(
            typing.cast(typing.Any, content), version=1
        )
        as_imported = dataclasses.replace(stored, content=plain)
        return as_imported.dump() == entry.dump()

    def _restore(self, storage: Storage, entries: list[Entry]) -> None:
        if not entries:
            return
        try:
            storage.restore(entries)
        except exceptions.Conflict as error:
            if len(entries) == 1:
                self._meet('refused', entries[0], str(error))
                return
            # One conflict refuses all: which one it is shows one by one.
            for entry in entries:
                self._restore(storage, [entry])
            return
        self.fates[entries[0].kind]['imported'] += len(entries)

    def _meet(self, fate: Fate, entry: Entry, why: str) -> None:
        self.fates[entry.kind][fate] += 1
        self._tell_fate(fate, entry, why)

    def present(
        self, kind: str, entries: collections.abc.Iterable[Entry]
    ) -> dict[tuple[str, ...], Entry]:
        """Return what the store has under the keys of entries, by key."""
        ids: dict[str, list[str]] = collections.defaultdict(list)
        for entry in entries:
            ids[entry.project_id].append(entry.id)
        present: dict[tuple[str, ...], Entry] = {}
        for project_id, ids_of_project in ids.items():
            for stored in self.named(kind, project_id, ids_of_project):
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
        for first in range(0, len(ordered), PAGE_SIZE):
            page = ordered[first : first + PAGE_SIZE]
            yield from self.storage.named(kind, project_id, page)
