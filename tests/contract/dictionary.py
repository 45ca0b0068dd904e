"""A whole storage driver in one module: a dictionary, kept in a file.

It shows what a driver has to do, without any database. All that write wait for one lock, and what
they write takes effect when a new file takes the place of the old one. It is slow where there is
much, and correct everywhere: it passes the contract's tests.
"""

import collections.abc
import contextlib
import dataclasses
import fcntl
import functools
import itertools
import os
import pickle
import typing

from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db import driver, refusals, unit
from freezer_api.db.base import RUNS, Entry, Page, Place, Scope, check_page
from freezer_api.db.operations import sessions
from freezer_api.db.steps import Step
from freezer_api.domain import (
    backups,
    documents,
    run_state,
    search_pairs,
    search_query,
)
from freezer_api.domain.documents import CLIENTS, JOBS, KINDS, SESSIONS, Document
from freezer_api.domain.session_state import Record, Session

OPTIONS = [cfg.StrOpt('folder', help='Where the file is.')]
#: A project and an id in it.
Name = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is kept under a name: its place in the order, the version by which it is indexed, and
    of a session the records of earlier runs by their tags.
    """

    seq: int
    content: Document | Session
    index_version: int
    records: dict[int, Record] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def document(self) -> Document:
        content = self.content
        return content.document() if isinstance(content, Session) else content


#: What is kept doesn't change, so the same bytes are the same.
load: collections.abc.Callable[[bytes], Kept] = functools.lru_cache(20)(pickle.loads)


class Documents:
    """All that there is: by kind and name, each by itself as bytes."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[Name, tuple[int, bytes]]] = {kind: {} for kind in KINDS}
        self.last = 0

    def copy(self) -> 'Documents':
        """The same, to be changed."""
        new = Documents()
        new.kinds = {kind: {**kept} for kind, kept in self.kinds.items()}
        new.last = self.last
        return new

    def get(self, kind: str, name: Name) -> Kept | None:
        kept = self.kinds[kind].get(name)
        return load(kept[1]) if kept else None

    def set(self, kind: str, name: Name, kept: Kept) -> None:
        self.kinds[kind][name] = kept.seq, pickle.dumps(kept)

    def ordered(self, kind: str, project_id: str | None = None) -> collections.abc.Iterator[Kept]:
        """Everything of a kind, or a project's of it, in the order of lists."""
        kept = self.kinds[kind].items()
        found = [one for name, one in kept if project_id in (None, name[0])]
        return (load(one) for _seq, one in sorted(found))

    def claimed(self, kind: str, id: str) -> Document | None:
        """The document of any project that has a claim."""
        names = [name for name in self.kinds[kind] if name[1] == id]
        found = [kept.document for name in names if (kept := self.get(kind, name))]
        return next((one for one in found if documents.claim(kind, id, one.body)), None)

    def put(self, kind: str, content: Document | Session) -> None:
        """Keep a document or session; ``Conflict`` if another one has its claim."""
        if isinstance(content, Session):
            name = content.project_id, content.session_id
        else:
            name = content.project_id, content.id
            holder = self.claimed(kind, content.id)
            claim = documents.claim(kind, content.id, content.body)
            if claim and holder and holder.project_id != content.project_id:
                raise refusals.id_taken(kind, content.id)
        there = self.get(kind, name)
        if there is None:
            self.last += 1
            there = Kept(self.last, content, search_pairs.INDEX_VERSION)
        version = search_pairs.INDEX_VERSION
        new = dataclasses.replace(there, content=content, index_version=version)
        self.set(kind, name, new)


class Unit(unit.Unit):
    """A unit of work. Nobody else writes meanwhile, so it changes what there is."""

    def __init__(self, there: Documents, project_id: str, clock: collections.abc.Callable[[], int]):
        super().__init__(project_id, clock)
        self._there = there

    def get(self, kind: str, id: str) -> Document | None:
        kept = self._there.get(kind, (self.project_id, id))
        return kept.document if kept else None

    def having(self, kind: str, pair: search_pairs.Pair) -> list[str]:
        own = self._there.ordered(kind, self.project_id)
        found = (kept.document for kept in own)
        return [one.id for one in found if pair in search_pairs.index_pairs(kind, one.body)]

    def visible_clients(self, ids: collections.abc.Collection[str]) -> dict[str, Document]:
        found = {id: self.get(CLIENTS, id) or self._there.claimed(CLIENTS, id) for id in ids}
        return {id: client for id, client in found.items() if client}

    def put(self, document: Document) -> None:
        self._there.put(document.kind, document)

    def delete(self, kind: str, id: str) -> None:
        del self._there.kinds[kind][self.project_id, id]

    def get_session(self, id: str) -> Session | None:
        kept = self._there.get(SESSIONS, (self.project_id, id))
        return typing.cast(Session, kept.content) if kept else None

    def put_session(self, session: Session) -> None:
        self._there.put(SESSIONS, session)

    def delete_session(self, id: str) -> None:
        self.delete(SESSIONS, id)

    def get_record(self, session_id: str, tag: int) -> Record | None:
        return self._kept(session_id).records.get(tag)

    def put_record(self, session_id: str, record: Record, is_new: bool) -> bool:
        there = self._kept(session_id).records
        self._set_records(session_id, {**there, record.tag: record})
        return record.tag not in there

    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        there = self._kept(session_id).records
        oldest = [tag for tag in sorted(there) if tag != spared]
        gone = oldest[: max(0, len(there) - number)]
        self._set_records(session_id, {tag: there[tag] for tag in there if tag not in gone})

    def _kept(self, session_id: str) -> Kept:
        return typing.cast(Kept, self._there.get(SESSIONS, (self.project_id, session_id)))

    def _set_records(self, session_id: str, records: dict[int, Record]) -> None:
        kept = dataclasses.replace(self._kept(session_id), records=records)
        self._there.set(SESSIONS, (self.project_id, session_id), kept)


class Driver(driver.Driver):
    """Keeps everything in the folder that ``[dictionary] folder`` names."""

    def __init__(self, conf: typing.Any, *arguments: typing.Any, **named: typing.Any):
        super().__init__(conf, *arguments, **named)
        conf.register_opts(OPTIONS, group='dictionary')
        #: What was read last, and of which file.
        self._last: tuple[tuple[int, ...], Documents] | None = None

    def transact(
        self, project_id: str, name: unit.Name, step: unit.Step[typing.Any], member: str = ''
    ) -> typing.Any:
        with self._writing() as there:
            work = Unit(there, project_id, self.clock)
            result = step(work)
        work.log_effects()
        return result

    # Reading

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        there = self._settled(scope.project_id) if kind == SESSIONS else self._read()
        kept = there.get(kind, (scope.project_id, id))
        central = there.claimed(kind, id) if scope.central and kind == CLIENTS else None
        found = kept.document if kept else central
        if found is None:
            raise exceptions.NotFound(kind, id)
        return found

    def claimed(self, kind: str, id: str) -> Document | None:
        return self._read().claimed(kind, id)

    def find(self, scope: Scope, kind: str, query: search_query.Query) -> Page:
        there = self._settled(scope.project_id) if kind == SESSIONS else self._read()
        visible = _visible(there, scope, kind, query)
        found = (one for one in visible if _matches(query, one))
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
        return [found[tag] for tag in tags], more

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        found = self._runs(scope, session_id).get(tag)
        if found is None:
            raise exceptions.NotFound(RUNS, str(tag))
        return found

    def run_backups(self, scope: Scope, session_id: str, record: Record) -> tuple[str, ...]:
        own = self._read().ordered(documents.BACKUPS, scope.project_id)
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
        there, now = self._read(), self.clock()
        kept = [one.content for one in there.ordered(SESSIONS, project_id)]
        for session in typing.cast(list[Session], kept):
            if session.settle_at is not None and session.settle_at < now:
                id = session.session_id
                settle = functools.partial(sessions.settle, id=id)
                self.transact(project_id, (SESSIONS, id), settle)
                there = self._read()
        return there

    # Whole projects and stores

    def purge(self, project_id: str) -> dict[str, int]:
        gone = dict.fromkeys(KINDS, 0)
        with self._writing() as there:
            for kind, kept in there.kinds.items():
                for name in [name for name in kept if name[0] == project_id]:
                    del kept[name]
                    gone[kind] += 1
        return gone

    def count(self, kind: str) -> int:
        return len(self.entries(kind, (), 10**9))

    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        there, found = self._read(), list[Entry]()
        for kept in there.ordered(SESSIONS if kind == RUNS else kind):
            one = kept.document
            if kind != RUNS:
                found.append(Entry(kind, one.project_id, one.id, kept.content, (kept.seq,)))
                continue
            for tag, record in kept.records.items():
                place = one.project_id.encode().hex(), one.id, tag
                found.append(Entry(RUNS, one.project_id, one.id, record, place))
        found.sort(key=lambda entry: entry.place)
        return [entry for entry in found if entry.place > after][:limit]

    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[Entry]:
        found = self.entries(kind, (), 10**9)
        return [entry for entry in found if entry.project_id == project_id and entry.id in ids]

    def restore(self, entries: collections.abc.Sequence[Entry]) -> None:
        with self._writing() as there:
            for entry in entries:
                _restore(there, entry)

    def verify(self, kind: str, after: Place, limit: int, thorough: bool = True) -> Step:
        return self._walk(self._read(), kind, after, limit)[0]

    def reindex(self, kind: str, after: Place, limit: int, thorough: bool = False) -> Step:
        with self._writing() as there:
            step, outdated = self._walk(there, kind, after, limit)
            for kept in outdated:
                name = kept.document.project_id, kept.document.id
                new = dataclasses.replace(kept, index_version=search_pairs.INDEX_VERSION)
                there.set(kind, name, new)
        return step

    @staticmethod
    def _walk(there: Documents, kind: str, after: Place, limit: int) -> tuple[Step, list[Kept]]:
        """A step through what is kept, and what is outdated of it."""
        kept = there.ordered(kind) if kind in KINDS else iter(())
        found = [one for one in kept if (one.seq,) > after]
        outdated = [one for one in found[:limit] if one.index_version < search_pairs.INDEX_VERSION]
        place = (found[limit - 1].seq,) if len(found) > limit else None
        return Step(place, len(found[:limit]), outdated=len(outdated)), outdated

    # The file

    @property
    def _path(self) -> str:
        return os.path.join(self.conf.dictionary.folder, 'documents')

    def _read(self) -> Documents:
        """Everything, as the last one has written it. It is shared, and not to be changed."""
        try:
            with open(self._path, 'rb') as file:
                status = os.fstat(file.fileno())
                version = status.st_ino, status.st_mtime_ns, status.st_size
                last = self._last
                if last is None or last[0] != version:
                    self._last = last = version, pickle.load(file)
                return last[1]
        except OSError as error:
            raise exceptions.StorageUnavailable() from error

    @contextlib.contextmanager
    def _writing(self) -> collections.abc.Iterator[Documents]:
        """Everything, to be changed; it is written as a whole, unless an error is raised."""
        with self._locked():
            there = self._read().copy()
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


def _visible(
    there: Documents, scope: Scope, kind: str, query: search_query.Query
) -> collections.abc.Iterator[Document]:
    """What a scope sees behind the marker of a query, in its order."""
    found = [name for name in there.kinds[kind] if _is_visible(there, scope, kind, name)]
    found.sort(key=lambda name: there.kinds[kind][name][0], reverse=query.descending)
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


def _marked(names: list[Name], scope: Scope, query: search_query.Query) -> Name:
    """The name of the marker; the project's own comes first, if no project is named."""
    own = query.marker_project or scope.project_id, str(query.marker)
    others = [name for name in names if name[1] == query.marker]
    if own in others:
        return own
    if query.marker_project is not None or not others:
        raise refusals.no_such_marker(query.marker_given)
    return others[0]


def _matches(query: search_query.Query, document: Document) -> bool:
    """Whether a document is found, by pairs that it offers or that are indexed beside those."""
    pairs = search_pairs.index_pairs(document.kind, document.body)
    rest = dataclasses.replace(query, pairs=frozenset(), not_pairs=frozenset())
    is_found = query.pairs <= pairs and not query.not_pairs & pairs
    return is_found and search_query.matches(rest, document.kind, document.body)


def _restore(there: Documents, entry: Entry) -> None:
    """Keep an entry that another store has told."""
    content, name = entry.content, (entry.project_id, entry.id)
    if not isinstance(content, Record):
        kept = there.get(entry.kind, name)
        if kept is None:
            there.put(entry.kind, content)
        elif dataclasses.replace(entry, content=kept.content).dump() != entry.dump():
            raise exceptions.Conflict(f'{entry.kind} {entry.id}: there is another one.')
        return
    session = there.get(SESSIONS, name)
    if session is None or session.records.get(content.tag, content) != content:
        raise exceptions.Conflict(f'{entry.id}: there is no such session, or another run.')
    records = {**session.records, content.tag: content}
    there.set(SESSIONS, name, dataclasses.replace(session, records=records))
