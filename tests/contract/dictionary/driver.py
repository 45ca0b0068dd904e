"""A whole storage driver: a dictionary, kept in a file.

It shows what a driver has to do, without any database. All that write wait for one lock, and what
they write takes effect when a new file takes the place of the old one. It is slow where there is
much, and correct everywhere: it passes the contract's tests.
"""

import contextlib
import dataclasses
import functools
import itertools
import os
import pickle
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db import driver, refusals, unit
from freezer_api.db.base import RUNS, Entry, Page, Place, Scope, check_page
from freezer_api.db.operations import sessions
from freezer_api.db.pages import runs_size
from freezer_api.db.walks import WalkStep
from freezer_api.domain import backups, documents, run_state, search_pairs, search_query
from freezer_api.domain.documents import CLIENTS, JOBS, KINDS, SESSIONS, Document
from freezer_api.domain.search_query import Query
from freezer_api.domain.session_state import Record, Session

from .file import File

T = typing.TypeVar('T')
#: A project and an id in it.
Name = tuple[str, str]


def shown(content: Document | Session) -> Document:
    """What callers see of a document or a session."""
    return content.document() if isinstance(content, Session) else content


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is kept under a name: its number in the order of creation, the version by which it is
    indexed, and of a session the records of earlier runs by their tags.
    """

    number: int
    content: Document | Session
    index_version: int = search_pairs.INDEX_VERSION
    records: dict[int, Record] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def document(self) -> Document:
        return shown(self.content)

    @property
    def name(self) -> Name:
        return self.document.project_id, self.document.id


#: What is kept doesn't change, so the same bytes are the same.
load: Callable[[bytes], Kept] = functools.lru_cache(20)(pickle.loads)


class Documents:
    """All that there is, as bytes, by kind and name. What is new comes last in its dictionary, so
    that they are in the order of creation.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, dict[Name, bytes]] = {kind: {} for kind in KINDS}
        self.stamps: dict[str, dict[Name, bytes]] = {kind: {} for kind in KINDS}
        self.last = 0

    def get(self, kind: str, name: Name) -> Kept | None:
        kept = self.kinds[kind].get(name)
        return load(kept) if kept else None

    def set(self, kept: Kept, **changes: typing.Any) -> None:
        """Keep something with changes."""
        changed = pickle.dumps(dataclasses.replace(kept, **changes))
        self.kinds[kept.document.kind][kept.name] = changed

    def all(self, kind: str, project_id: str | None = None) -> Iterator[Kept]:
        """Everything of a kind, or of a project."""
        kept = self.kinds[kind].items()
        return (load(one) for name, one in kept if project_id in (None, name[0]))

    def claimed(self, kind: str, id: str) -> Document | None:
        """The document of any project that has a claim."""
        names = [name for name in self.kinds[kind] if name[1] == id]
        found = [kept.document for name in names if (kept := self.get(kind, name))]
        return next((one for one in found if documents.claim(kind, id, one.body)), None)

    def put(self, content: Document | Session) -> None:
        """Keep a document or session; ``Conflict`` if another one has its claim."""
        document = shown(content)
        kind, id = document.kind, document.id
        if documents.claim(kind, id, document.body):
            holder = self.claimed(kind, id)
            if holder and holder.project_id != document.project_id:
                raise refusals.id_taken(kind, id)
        kept = self.get(kind, (document.project_id, id))
        if kept is None:
            self.last += 1
            kept = Kept(self.last, content)
        self.set(kept, content=content, index_version=search_pairs.INDEX_VERSION)


class Unit(unit.Unit):
    """A unit of work. Nobody else writes meanwhile, so it changes what there is."""

    def __init__(self, there: Documents, project_id: str, clock: Callable[[], int]):
        super().__init__(project_id, clock)
        self._there = there

    def get(self, kind: str, id: str) -> Document | None:
        kept = self._there.get(kind, (self.project_id, id))
        return kept.document if kept else None

    def having(self, kind: str, pair: search_pairs.Pair) -> list[str]:
        own = (kept.document for kept in self._there.all(kind, self.project_id))
        return [one.id for one in own if pair in search_pairs.index_pairs(kind, one.body)]

    def visible_clients(self, ids: Collection[str]) -> dict[str, Document]:
        found = {id: self.get(CLIENTS, id) or self._there.claimed(CLIENTS, id) for id in ids}
        return {id: client for id, client in found.items() if client}

    def put(self, document: Document) -> None:
        self._there.put(document)

    def delete(self, kind: str, id: str) -> None:
        del self._there.kinds[kind][self.project_id, id]

    def get_session(self, id: str) -> Session | None:
        kept = self._there.get(SESSIONS, (self.project_id, id))
        return typing.cast(Session, kept.content) if kept else None

    def put_session(self, session: Session) -> None:
        self._there.put(session)

    def get_record(self, session_id: str, tag: int) -> Record | None:
        return self._kept(session_id).records.get(tag)

    def put_record(self, session_id: str, record: Record, is_new: bool) -> bool:
        kept = self._kept(session_id)
        self._there.set(kept, records={**kept.records, record.tag: record})
        return record.tag not in kept.records

    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        kept = self._kept(session_id)
        oldest = [tag for tag in sorted(kept.records) if tag != spared]
        gone = oldest[: max(0, len(kept.records) - number)]
        left = {tag: record for tag, record in kept.records.items() if tag not in gone}
        self._there.set(kept, records=left)

    def _kept(self, session_id: str) -> Kept:
        return typing.cast(Kept, self._there.get(SESSIONS, (self.project_id, session_id)))


class Driver(driver.Driver):
    """Keeps everything in the folder that ``[dictionary] folder`` names."""

    def __init__(self, conf: cfg.ConfigOpts, *clock: Callable[[], int]):
        super().__init__(conf, *clock)
        conf.register_opt(cfg.StrOpt('folder', help='Where the file is.'), 'dictionary')
        self._file = File[Documents](os.path.join(conf.dictionary.folder, 'documents'))

    def transact(self, project_id: str, name: unit.Name, step: unit.Step[T], **_hints) -> T:
        with self._writing() as there:
            work = Unit(there, project_id, self.clock)
            result = step(work)
        work.log_effects()
        return result

    # Reading

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        there = self._settled(scope.project_id)
        kept = there.get(kind, (scope.project_id, id))
        is_central = scope.central and kind == CLIENTS
        found = kept.document if kept else is_central and there.claimed(kind, id)
        if not found:
            raise exceptions.NotFound(kind, id)
        return found

    def claimed(self, kind: str, id: str) -> Document | None:
        return self._read().claimed(kind, id)

    def find(self, scope: Scope, kind: str, query: Query) -> Page:
        visible = _visible(self._settled(scope.project_id), scope, kind, query)
        found = (one for one in visible if search_query.matches(query, kind, one.body))
        page, size = list[Document](), 0
        for one in itertools.islice(found, query.offset, None):
            if len(page) == query.limit:
                return Page(tuple(page), True)
            size += documents.size(one.body)
            check_page(size, self.max_response_size)
            page.append(one)
        return Page(tuple(page), False)

    def runs(
        self, scope: Scope, session_id: str, limit: int, marker: int | None = None
    ) -> tuple[list[Record], bool]:
        found = self._runs(scope, session_id)
        tags, more = sessions.page_of_tags(sorted(found, reverse=True), limit, marker)
        check_page(runs_size(session_id, map(found.get, tags)), self.max_response_size)
        return [found[tag] for tag in tags], more

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        found = self._runs(scope, session_id)
        if tag not in found:
            raise exceptions.NotFound(RUNS, str(tag))
        return found[tag]

    def run_backups(self, scope: Scope, session_id: str, record: Record) -> tuple[str, ...]:
        own = self._read().all(documents.BACKUPS, scope.project_id)
        found = (kept.document for kept in own)
        return tuple(one.id for one in found if backups.belongs(one, session_id, record))

    def _runs(self, scope: Scope, session_id: str) -> dict[int, Record]:
        """All runs of a session by their tags."""
        kept = self._settled(scope.project_id).get(SESSIONS, (scope.project_id, session_id))
        if kept is None:
            raise exceptions.NotFound(SESSIONS, session_id)
        current = run_state.current(typing.cast(Session, kept.content))
        return kept.records | ({current.tag: current} if current else {})

    def _settled(self, project_id: str) -> Documents:
        """Everything, once no run of the project has lapsed without having been completed."""
        now = self.clock()
        for kept in self._read().all(SESSIONS, project_id):
            session = typing.cast(Session, kept.content)
            if session.settle_at is not None and session.settle_at < now:
                settle = functools.partial(sessions.settle, id=session.session_id)
                self.transact(project_id, (SESSIONS, session.session_id), settle)
        return self._read()

    # Whole projects and stores

    def purge(self, project_id: str) -> dict[str, int]:
        with self._writing() as there:
            own = {kind: [*there.all(kind, project_id)] for kind in KINDS}
            for kind, found in own.items():
                for kept in found:
                    del there.kinds[kind][kept.name]
            return {kind: len(found) for kind, found in own.items()}

    def count(self, kind: str) -> int:
        return len(self.entries(kind, (), 10**9))

    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        found = list[Entry]()
        for kept in self._read().all(SESSIONS if kind == RUNS else kind):
            if kind != RUNS:
                found.append(Entry(kind, *kept.name, kept.content, (kept.number,)))
                continue
            for tag, record in kept.records.items():
                found.append(Entry(RUNS, *kept.name, record, (*kept.name, tag)))
        behind = (entry for entry in found if entry.place > after)
        return sorted(behind, key=lambda entry: entry.place)[:limit]

    def named(self, kind: str, project_id: str, ids: Collection[str]) -> list[Entry]:
        found = self.entries(kind, (), 10**9)
        return [entry for entry in found if entry.project_id == project_id and entry.id in ids]

    def restore(self, entries: Sequence[Entry]) -> None:
        with self._writing() as there:
            for entry in entries:
                _restore(there, entry)

    def read_stamps(self, kind: str, project_id: str, ids: Collection[str]) -> dict[str, bytes]:
        stamps = self._read().stamps[kind]
        return {id: stamps[project_id, id] for id in ids if (project_id, id) in stamps}

    def write_stamps(self, kind: str, project_id: str, stamps_by_id: Mapping[str, bytes]) -> None:
        with self._writing() as there:
            for id, stamp in stamps_by_id.items():
                there.stamps[kind][project_id, id] = stamp

    def stamped(self, kind: str, after: Name, limit: int) -> list[Name]:
        names = sorted(self._read().stamps[kind])
        return [name for name in names if name > after][:limit]

    def verify(self, kind: str, after: Place, limit: int, thorough: bool = True) -> WalkStep:
        return _walk(self._read(), kind, after, limit)[0]

    def reindex(self, kind: str, after: Place, limit: int, thorough: bool = False) -> WalkStep:
        with self._writing() as there:
            step, outdated = _walk(there, kind, after, limit)
            for kept in outdated:
                there.set(kept, index_version=search_pairs.INDEX_VERSION)
        return step

    def _read(self) -> Documents:
        try:
            return self._file.read()
        except OSError as error:
            raise exceptions.StorageUnavailable() from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Documents]:
        """Everything, to be changed; it is written as a whole, unless an error is raised."""
        try:
            with self._file.changed() as there:
                yield there
        except OSError as error:
            raise exceptions.StorageUnavailable() from error

    def check(self) -> None:
        self._read()

    def sync(self) -> None:
        with self._file.locked():
            if not self._file.exists():
                self._file.write(Documents())

    def version(self) -> str | None:
        return '1' if self._file.exists() else None


def _visible(there: Documents, scope: Scope, kind: str, query: Query) -> Iterator[Document]:
    """What a scope sees behind the marker of a query, in its order."""
    found = [name for name in there.kinds[kind] if _is_visible(there, scope, kind, name)]
    if query.descending:
        found.reverse()
    if query.marker is not None:
        found = found[found.index(_marked(found, scope, query)) + 1 :]
    return (kept.document for name in found if (kept := there.get(kind, name)))


def _is_visible(there: Documents, scope: Scope, kind: str, name: Name) -> bool:
    """Whether a scope sees a document; of its own and a central client it sees the own one."""
    own = scope.project_id, name[1]
    if name == own or (scope.everywhere and kind == JOBS):
        return True
    may_be_central = scope.central and kind == CLIENTS and own not in there.kinds[kind]
    central = there.claimed(kind, name[1]) if may_be_central else None
    return central is not None and central.project_id == name[0]


def _marked(names: list[Name], scope: Scope, query: Query) -> Name:
    """The name of the marker; the project's own comes first, if no project is named."""
    own = query.marker_project or scope.project_id, str(query.marker)
    others = [name for name in names if name[1] == query.marker]
    if own in others:
        return own
    if query.marker_project is not None or not others:
        raise refusals.no_such_marker(query.marker_given)
    return others[0]


def _walk(there: Documents, kind: str, after: Place, limit: int) -> tuple[WalkStep, list[Kept]]:
    """A step through what is kept, and what is outdated of it."""
    kept = there.all(kind) if kind in KINDS else iter(())
    found = [one for one in kept if (one.number,) > after]
    outdated = [one for one in found[:limit] if one.index_version < search_pairs.INDEX_VERSION]
    place = (found[limit - 1].number,) if len(found) > limit else None
    return WalkStep(place, len(found[:limit]), outdated=len(outdated)), outdated


def _restore(there: Documents, entry: Entry) -> None:
    """Keep an entry that another store has told."""
    content, name = entry.content, (entry.project_id, entry.id)
    if not isinstance(content, Record):
        kept = there.get(entry.kind, name)
        if kept is None:
            there.put(content)
        elif dataclasses.replace(entry, content=kept.content).dump() != entry.dump():
            raise exceptions.Conflict(f'{entry.kind} {entry.id}: there is another one.')
        return
    session = there.get(SESSIONS, name)
    if session is None or session.records.get(content.tag, content) != content:
        raise exceptions.Conflict(f'{entry.id}: there is no such session, or another run.')
    there.set(session, records={**session.records, content.tag: content})
