"""A whole storage driver in one module: a dictionary, kept in a file.

It shows what a driver has to do, without any database: one lock for all that
write, everything read and written as a whole. So it is slow where there is
much, and correct everywhere: it passes the contract's tests.
"""

import collections.abc
import contextlib
import dataclasses
import fcntl
import functools
import os
import pickle
import typing

from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db import driver, operations, refusals, unit
from freezer_api.db.base import RUNS, Entry, Page, Place, Scope, check_page
from freezer_api.db.steps import Step
from freezer_api.domain import backups, documents, runs, search
from freezer_api.domain.documents import CLIENTS, JOBS, KINDS, SESSIONS, Document
from freezer_api.domain.sessions import Record, Session

OPTIONS = [cfg.StrOpt('folder', help='Where the file is.')]


@dataclasses.dataclass
class Kept:
    """What is kept under a project and an id: its place in the order, and the version of the index
    that it is found by.
    """

    seq: int
    content: Document | Session
    index_version: int
    records: dict[int, Record] = dataclasses.field(default_factory=dict)

    @property
    def document(self) -> Document:
        content = self.content
        return content.document() if isinstance(content, Session) else content


class Documents:
    """All that there is: by kind, then by project and id."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[tuple[str, str], Kept]] = {kind: {} for kind in KINDS}
        self.last = 0

    def ordered(self, kind: str) -> list[Kept]:
        """Everything of a kind in the order of lists."""
        return sorted(self.kinds[kind].values(), key=lambda kept: kept.seq)

    def claimed(self, kind: str, id: str) -> Document | None:
        """The document of any project that has a claim."""
        for kept in self.kinds[kind].values():
            if documents.claim(kind, kept.document.id, kept.document.body) == id:
                return kept.document
        return None

    def put(self, kind: str, project_id: str, id: str, content: Document | Session) -> Kept:
        """Keep a document or session, in place of the one that is there."""
        there = self.kinds[kind].get((project_id, id))
        if there is None:
            self.last += 1
            there = Kept(self.last, content, search.INDEX_VERSION)
            self.kinds[kind][project_id, id] = there
        there.content, there.index_version = content, search.INDEX_VERSION
        return there

    def put_document(self, document: Document) -> None:
        """Keep a document; ``Conflict`` if another one has its claim."""
        kind, id = document.kind, document.id
        claim = documents.claim(kind, id, document.body)
        holder = self.claimed(kind, claim) if claim is not None else None
        if holder is not None and holder.project_id != document.project_id:
            raise refusals.id_taken(kind, id)
        self.put(kind, document.project_id, id, document)


class Unit(unit.Unit):
    """A unit of work. Nobody else writes meanwhile, so it changes what there is."""

    def __init__(self, there: Documents, project_id: str, clock: collections.abc.Callable[[], int]):
        super().__init__(project_id, clock)
        self._there = there

    def lead(self, kind: str, id: str) -> None:
        pass

    def prefetch(self, names: collections.abc.Iterable[unit.Name]) -> None:
        pass

    def get(self, kind: str, id: str) -> Document | None:
        kept = self._kept(kind, id)
        return kept.document if kept else None

    def get_all(self, kind: str, ids: collections.abc.Collection[str]) -> dict[str, Document]:
        found = {id: self.get(kind, id) for id in ids}
        return {id: document for id, document in found.items() if document}

    guard = get_all

    def use(self, kind: str, ids: collections.abc.Collection[str]) -> int:
        return len(self.get_all(kind, ids))

    def has(self, kind: str, pair: search.Pair) -> bool:
        return bool(self.having(kind, pair))

    def having(self, kind: str, pair: search.Pair) -> list[str]:
        return [
            id
            for (project_id, id), kept in self._there.kinds[kind].items()
            if project_id == self.project_id
            and pair in search.index_pairs(kind, kept.document.body)
        ]

    def is_within(self, kind: str, ids: collections.abc.Collection[str], size: int) -> bool:
        found = self.get_all(kind, ids).values()
        return sum(documents.size(document.body) for document in found) <= size

    def visible_clients(self, ids: collections.abc.Collection[str]) -> dict[str, Document]:
        found = {id: self.get(CLIENTS, id) or self._there.claimed(CLIENTS, id) for id in ids}
        return {id: client for id, client in found.items() if client}

    def create(self, document: Document) -> None:
        if self.get(document.kind, document.id) is not None:
            raise refusals.exists(document.kind, document.id)
        self.put(document)

    def put(self, document: Document) -> None:
        self._there.put_document(document)

    def delete(self, kind: str, id: str) -> None:
        self._there.kinds[kind].pop((self.project_id, id), None)

    def get_session(self, id: str) -> Session | None:
        kept = self._kept(SESSIONS, id)
        return typing.cast(Session, kept.content) if kept else None

    def put_session(self, session: Session) -> None:
        self._there.put(SESSIONS, self.project_id, session.session_id, session)

    def delete_session(self, id: str) -> None:
        self.delete(SESSIONS, id)

    def get_record(self, session_id: str, tag: int) -> Record | None:
        return self._records(session_id).get(tag)

    def put_record(self, session_id: str, record: Record, is_new: bool) -> bool:
        records = self._records(session_id)
        added = record.tag not in records
        records[record.tag] = record
        return added

    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        records = self._records(session_id)
        oldest = [tag for tag in sorted(records) if tag != spared]
        for tag in oldest[: max(0, len(records) - number)]:
            del records[tag]

    def _kept(self, kind: str, id: str) -> Kept | None:
        return self._there.kinds[kind].get((self.project_id, id))

    def _records(self, session_id: str) -> dict[int, Record]:
        return self._there.kinds[SESSIONS][self.project_id, session_id].records


class Driver(driver.Driver):
    """Keeps everything in the folder that ``[dictionary] folder`` names."""

    def __init__(self, conf: typing.Any, *arguments: typing.Any, **named: typing.Any):
        super().__init__(conf, *arguments, **named)
        conf.register_opts(OPTIONS, group='dictionary')

    def transact(
        self, project_id: str, name: unit.Name, step: unit.Step[typing.Any], member: str = ''
    ) -> typing.Any:
        with self._writing() as there:
            return step(Unit(there, project_id, self.clock))

    # Reading

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        there = self._settled(scope.project_id, {id} if kind == SESSIONS else set())
        kept = there.kinds[kind].get((scope.project_id, id))
        if kept is not None:
            return kept.document
        central = there.claimed(kind, id) if scope.central and kind == CLIENTS else None
        if central is None:
            raise exceptions.NotFound(kind, id)
        return central

    def claimed(self, kind: str, id: str) -> Document | None:
        return self._read().claimed(kind, id)

    def find(self, scope: Scope, kind: str, query: search.Query) -> Page:
        there = self._settled(scope.project_id) if kind == SESSIONS else self._read()
        visible = _visible(there, scope, kind)
        if query.descending:
            visible.reverse()
        if query.marker is not None:
            visible = visible[_position(visible, scope, query) + 1 :]
        found = [one for one in visible if search.matches(query, kind, one.body)]
        found = found[query.offset :]
        page = tuple(found[: query.limit])
        size = sum(documents.size(document.body) for document in page)
        check_page(size, self.max_response_size)
        return Page(page, len(found) > query.limit)

    def runs(
        self, scope: Scope, session_id: str, limit: int, marker: int | None = None
    ) -> tuple[list[Record], bool]:
        found = self._runs(scope, session_id)
        tags, more = operations.page_of_tags(sorted(found, reverse=True), limit, marker)
        return [found[tag] for tag in tags], more

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        found = self._runs(scope, session_id).get(tag)
        if found is None:
            raise exceptions.NotFound('runs', str(tag))
        return found

    def run_backups(self, scope: Scope, session_id: str, record: Record) -> tuple[str, ...]:
        return tuple(
            kept.document.id
            for kept in self._read().ordered(documents.BACKUPS)
            if kept.document.project_id == scope.project_id
            and backups.belongs(kept.document, session_id, record)
        )

    def _runs(self, scope: Scope, session_id: str) -> dict[int, Record]:
        """All runs of a session by their tags."""
        there = self._settled(scope.project_id, {session_id})
        kept = there.kinds[SESSIONS].get((scope.project_id, session_id))
        if kept is None:
            raise exceptions.NotFound(SESSIONS, session_id)
        current = runs.current(typing.cast(Session, kept.content))
        return kept.records | ({current.tag: current} if current else {})

    def _settled(self, project_id: str, ids: collections.abc.Set[str] | None = None) -> Documents:
        """Everything, once no session of a project (or of those ids) has a run that has lapsed."""
        there, now = self._read(), self.clock()
        for (project, id), kept in there.kinds[SESSIONS].items():
            due = typing.cast(Session, kept.content).settle_at
            meant = project == project_id and (ids is None or id in ids)
            if meant and due is not None and due < now:
                settle = functools.partial(operations.settle, id=id)
                self.transact(project, (SESSIONS, id), settle)
        return self._read()

    # Whole projects and stores

    def purge(self, project_id: str) -> dict[str, int]:
        with self._writing() as there:
            gone = {
                kind: [name for name in kept if name[0] == project_id]
                for kind, kept in there.kinds.items()
            }
            for kind, names in gone.items():
                for name in names:
                    del there.kinds[kind][name]
        return {kind: len(names) for kind, names in gone.items()}

    def count(self, kind: str) -> int:
        return len(self._entries(kind))

    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        return [entry for entry in self._entries(kind) if entry.place > after][:limit]

    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[Entry]:
        found = self._entries(kind)
        return [entry for entry in found if entry.project_id == project_id and entry.id in ids]

    def _entries(self, kind: str) -> list[Entry]:
        """Everything of a kind, in the order of :meth:`entries`."""
        there = self._read()
        if kind != RUNS:
            return [
                Entry(kind, kept.document.project_id, kept.document.id, kept.content, (kept.seq,))
                for kept in there.ordered(kind)
            ]
        found = []
        for (project_id, id), kept in there.kinds[SESSIONS].items():
            for tag, record in kept.records.items():
                place = project_id.encode('utf-8', 'surrogatepass').hex(), id, tag
                found.append(Entry(RUNS, project_id, id, record, place))
        return sorted(found, key=lambda entry: entry.place)

    def restore(self, entries: collections.abc.Sequence[Entry]) -> None:
        with self._writing() as there:
            for entry in entries:
                _restore(there, entry)

    def verify(self, kind: str, after: Place, limit: int, thorough: bool = True) -> Step:
        return self._walk(self._read(), kind, after, limit)

    def reindex(self, kind: str, after: Place, limit: int, thorough: bool = False) -> Step:
        with self._writing() as there:
            step = self._walk(there, kind, after, limit)
            for kept in self._behind(there, kind, after)[:limit]:
                kept.index_version = max(kept.index_version, search.INDEX_VERSION)
        return step

    def _walk(self, there: Documents, kind: str, after: Place, limit: int) -> Step:
        found = self._behind(there, kind, after)
        some = found[:limit]
        outdated = [kept for kept in some if kept.index_version < search.INDEX_VERSION]
        place = (some[-1].seq,) if len(found) > limit else None
        return Step(place, len(some), outdated=len(outdated))

    @staticmethod
    def _behind(there: Documents, kind: str, after: Place) -> list[Kept]:
        found = there.ordered(kind) if kind in KINDS else []
        return [kept for kept in found if (kept.seq,) > after]

    # The file

    @property
    def _path(self) -> str:
        return os.path.join(self.conf.dictionary.folder, 'documents')

    def _read(self) -> Documents:
        """Everything, as the last one has written it."""
        try:
            with open(self._path, 'rb') as file:
                return typing.cast(Documents, pickle.load(file))
        except OSError as error:
            raise exceptions.StorageUnavailable() from error

    @contextlib.contextmanager
    def _writing(self) -> collections.abc.Iterator[Documents]:
        """Everything, to be changed; it is written as a whole, unless an error is raised."""
        with self._locked():
            there = self._read()
            yield there
            self._write(there)

    @contextlib.contextmanager
    def _locked(self) -> collections.abc.Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context(open(f'{self._path}.lock', 'w'))
            except OSError as error:
                raise exceptions.StorageUnavailable() from error
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, there: Documents) -> None:
        # Others go on reading the old file until the new one takes its place.
        with open(f'{self._path}.new', 'wb') as file:
            pickle.dump(there, file)
        os.replace(f'{self._path}.new', self._path)

    def check(self) -> None:
        self._read()

    def sync(self) -> None:
        with self._locked():
            if not os.path.exists(self._path):
                self._write(Documents())

    def version(self) -> str | None:
        return '1' if os.path.exists(self._path) else None

    def close(self) -> None:
        pass


def _visible(there: Documents, scope: Scope, kind: str) -> list[Document]:
    """What a scope sees, in the order of lists; of its own and a central client the own one."""
    found = [kept.document for kept in there.ordered(kind)]
    if scope.everywhere and kind == JOBS:
        return found
    own = [one for one in found if one.project_id == scope.project_id]
    if not (scope.central and kind == CLIENTS):
        return own
    shadowed = {client.id for client in own}
    return [
        one
        for one in found
        if one.project_id == scope.project_id
        or (one.id not in shadowed and documents.claim(kind, one.id, one.body) is not None)
    ]


def _position(visible: list[Document], scope: Scope, query: search.Query) -> int:
    """Where the marker stands in what is visible."""
    for project_id in (query.marker_project or scope.project_id, None):
        for index, one in enumerate(visible):
            in_project = project_id is None or one.project_id == project_id
            if one.id == query.marker and in_project:
                return index
        if query.marker_project is not None:
            break
    raise refusals.no_such_marker(query.marker_given)


def _restore(there: Documents, entry: Entry) -> None:
    """Keep an entry that another store has told."""
    content = entry.content
    if isinstance(content, Record):
        session = there.kinds[SESSIONS].get((entry.project_id, entry.id))
        if session is None or session.records.get(content.tag, content) != content:
            raise exceptions.Conflict(
                f'{entry.id}: its session is missing, or there is another run.'
            )
        session.records[content.tag] = content
        return
    kept = there.kinds[entry.kind].get((entry.project_id, entry.id))
    if kept is None and isinstance(content, Document):
        there.put_document(content)
    elif kept is None:
        there.put(entry.kind, entry.project_id, entry.id, content)
    elif dataclasses.replace(entry, content=kept.content).dump() != entry.dump():
        raise exceptions.Conflict(f'{entry.kind} {entry.id}: there is another one.')
