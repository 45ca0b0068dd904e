"""Bringing the documents of the published service into a store.

The source is read kind by kind, in pages. What the store has already is
compared, not written again: so an import that broke off goes on, and a later
one brings what is new. Members' sessions come before their jobs, and actions
and trusts before the jobs that have them.
"""

import collections
import collections.abc
import contextlib
import typing

from freezer_api.db.base import Entry
from freezer_api.domain import documents, run_state
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    CREDENTIALS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)
from freezer_api.domain.session_state import Session
from freezer_api.importing import (
    actions,
    around,
    backups,
    clients,
    jobs,
    sessions,
    source,
)
from freezer_api.importing.keeping import Digests, Keeper, digests
from freezer_api.importing.notes import Note, Notes
from freezer_api.importing.source import Source
from freezer_api.importing.values import Row

#: The order in which kinds are imported.
KINDS = (CLIENTS, ACTIONS, SESSIONS, TRUSTS, JOBS, BACKUPS)
#: Called with each note, as soon as it is known.
Tell = collections.abc.Callable[[Note], object]
#: Called with the number of rows that were done since the last call.
Advance = collections.abc.Callable[[int], object]
#: Shows the progress of one step: given what is done, and of how many rows.
Progress = collections.abc.Callable[
    [str, int], contextlib.AbstractContextManager[Advance]
]


class Importer:
    """Imports one source into the store of a keeper.

    ``now`` is the timestamp at which runs lapse. Each note is told by
    ``tell``, as soon as it is known.
    """

    def __init__(self, origin: Source, keeper: Keeper, now: int, tell: Tell):
        self._source = origin
        self._keeper = keeper
        self._now = now
        self._tell = tell
        #: By rule, how often it decided.
        self.rules: collections.Counter[str] = collections.Counter()
        # Several jobs may need one action that isn't imported by itself.
        self._extra_actions: set[tuple[str, ...]] = set()

    def run(self, progress: Progress, verb: str = 'importing') -> None:
        """Import everything; the keeper has what came of it."""
        steps: dict[str, collections.abc.Callable[[list[Row]], None]] = {
            CLIENTS: self._import_clients,
            ACTIONS: self._import_actions,
            SESSIONS: self._import_sessions,
            TRUSTS: self._import_trusts,
            JOBS: self._import_jobs,
            BACKUPS: self._import_backups,
        }
        for kind, import_page in steps.items():
            if kind == TRUSTS:
                for page in self._source.trusts():
                    import_page(page)
                continue
            total = self._source.count(kind)
            with progress(f'{verb} {kind}', total) as advance:
                for page in self._source.pages(kind):
                    import_page(page)
                    advance(len(page))

    def tell_deleted(self) -> None:
        """Tell what was deleted in the source since an earlier import, once
        everything was imported.
        """
        for kind in KINDS:
            for names in self._keeper.unseen(kind):
                # What it never had has come from another source.
                known = self._source.known(kind, names)
                self._keeper.tell_deleted(kind, known)

    # Kinds

    def _import_clients(self, rows: list[Row]) -> None:
        registrations = around.read_registrations(
            self._source, source.ids(rows, 'client_id')
        )
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(CLIENTS, row, row['client_id'])
            first = registrations.rows.get(clients.key_of(row), row)
            if first['id'] == row['id']:
                client = clients.convert(row, registrations, notes)
                entries.append(_entry(client))
            else:
                notes.add(
                    'client-registered-twice',
                    f'uuid {row["uuid"]} of user {row["user_id"]} is left'
                    f' out, uuid {first["uuid"]} is kept',
                )
            self._tell_all(notes)
        self._keeper.keep(CLIENTS, entries)

    def _import_actions(self, rows: list[Row]) -> None:
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(ACTIONS, row, row['id'])
            entries.append(_entry(actions.convert(row, notes)))
            self._tell_all(notes)
        self._keeper.keep(ACTIONS, entries)

    def _import_sessions(self, rows: list[Row]) -> None:
        entries: list[Entry] = []
        for session, notes in self._convert_sessions(rows):
            entries.append(_session_entry(session))
            self._tell_all(notes)
        adapted = self._without_absent_members(entries)
        self._keeper.keep(SESSIONS, adapted, digests(entries))

    def _import_trusts(self, rows: list[Row]) -> None:
        entries = [_entry(backups.convert_trust(row)) for row in rows]
        self._keeper.keep(TRUSTS, entries)

    def _import_backups(self, rows: list[Row]) -> None:
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(BACKUPS, row, row['id'])
            entries.append(_entry(backups.convert(row, notes)))
            self._tell_all(notes)
        self._keeper.keep(BACKUPS, entries)

    def _import_jobs(self, rows: list[Row]) -> None:
        rows = self._as_indexed(rows)
        surroundings = around.Around(
            self._source, self._convert_sessions, rows
        )
        extra: dict[tuple[str, str], Entry] = {}
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(JOBS, row, row['id'])
            resolved = surroundings.resolve(row, notes)
            for action in resolved.extra_actions:
                extra.setdefault(
                    (action.project_id, action.id), _entry(action)
                )
            of_job = surroundings.of(row, resolved.entries)
            entries.append(_entry(jobs.convert(row, of_job, notes)))
            self._tell_all(notes)
        self._keep_extra_actions(list(extra.values()))
        # What follows changes their bodies.
        sources = digests(entries)
        adapted = self._with_stored_definitions(entries)
        self._keep_jobs(self._with_stored_trusts(adapted), sources)

    def _as_indexed(self, rows: list[Row]) -> list[Row]:
        """Return jobs as they were when the import began: their sessions were
        imported by that. Those that were made since are left to a later
        import.
        """
        links = self._source.links((), source.ids(rows, 'id'))
        indexed: list[Row] = []
        for row in rows:
            link = links.get(row['id'])
            if link is not None:
                indexed.append({**row, **link._asdict()})
        return indexed

    def _keep_extra_actions(
        self, entries: list[Entry], sources: Digests | None = None
    ) -> None:
        unseen: list[Entry] = []
        for entry in entries:
            if entry.key not in self._extra_actions:
                self._extra_actions.add(entry.key)
                unseen.append(entry)
        self._keeper.keep(ACTIONS, unseen, sources)

    def _convert_sessions(
        self, rows: list[Row]
    ) -> collections.abc.Iterator[tuple[Session, Notes]]:
        job_ids: set[str] = set()
        for row in rows:
            job_ids.update(sessions.listed(row))
        links = self._source.links(source.ids(rows, 'id'), job_ids)
        by_session: dict[str, set[str]] = collections.defaultdict(set)
        for job_id, link in links.items():
            by_session[link.session_id].add(job_id)
        for row in rows:
            own_ids = {*sessions.listed(row), *by_session[row['id']]}
            own = {id: links[id] for id in own_ids if id in links}
            notes = self._notes(SESSIONS, row, row['id'])
            yield sessions.convert(row, own, self._now, notes), notes

    # What an earlier import has brought

    def _without_absent_members(self, entries: list[Entry]) -> list[Entry]:
        """Return new sessions without those members that the store has in
        another session, in none, or no longer, since an earlier import.
        """
        present = self._keeper.present(SESSIONS, entries)
        adapted: list[Entry] = []
        for entry in entries:
            session = typing.cast(Session, entry.content)
            if entry.key in present or not session.members:
                adapted.append(entry)
                continue
            for job in self._keeper.named(
                JOBS, entry.project_id, session.members
            ):
                body = _body(job)
                if body['session_id'] != entry.id:
                    session = run_state.left(session, job.id, self._now)
            for id in self._keeper.deleted(
                JOBS, entry.project_id, session.members
            ):
                session = run_state.left(session, id, self._now)
            adapted.append(_session_entry(session))
        return adapted

    def _with_stored_definitions(self, entries: list[Entry]) -> list[Entry]:
        """Return jobs whose definitions are those of the store's actions.

        Where an action was changed in the store since an earlier import, a new
        job gets what it is now. Where it was deleted, or is another one from
        the beginning, the job gets an action of its own.
        """
        stored = self._stored_actions(entries)
        deleted = self._deleted(ACTIONS, _action_ids(entries))
        present = self._keeper.present(JOBS, entries)
        own_actions: list[Entry] = []
        for entry in entries:
            for position, item in enumerate(_body(entry)['job_actions']):
                name = entry.project_id, item['action_id']
                action = stored.get(name)
                if action is None and name not in deleted:
                    continue
                is_followed = entry.key in present
                if action is not None:
                    is_followed |= action.version > 1
                    is_followed |= actions.is_equal(action, item)
                if is_followed and action is not None:
                    item['freezer_action'] = action.body['freezer_action']
                elif not is_followed:
                    own = actions.make(entry, position, item)
                    own_actions.append(_entry(own))
                    item['action_id'] = own.id
        # They are of no action of the source.
        self._keep_extra_actions(own_actions, {})
        return entries

    def _stored_actions(
        self, entries: list[Entry]
    ) -> dict[tuple[str, str], Document]:
        """Return the store's actions that jobs name, by project and id."""
        stored: dict[tuple[str, str], Document] = {}
        for project_id, ids in _action_ids(entries).items():
            for found in self._keeper.named(ACTIONS, project_id, ids):
                action = typing.cast(Document, found.content)
                stored[project_id, found.id] = action
        return stored

    def _with_stored_trusts(self, entries: list[Entry]) -> list[Entry]:
        """Return jobs without trusts that were ended since an earlier
        import.
        """
        wanted: dict[str, set[str]] = collections.defaultdict(set)
        for entry in entries:
            trust_id = documents.trust(_body(entry))
            if trust_id:
                wanted[entry.project_id].add(trust_id)
        deleted = self._deleted(TRUSTS, wanted)
        for entry in entries:
            name = entry.project_id, documents.trust(_body(entry))
            if name in deleted:
                del _body(entry)[CREDENTIALS]
        return entries

    def _deleted(
        self, kind: str, wanted: collections.abc.Mapping[str, set[str]]
    ) -> set[tuple[str, str]]:
        """Return those of some ids of projects that were deleted in the store
        since an earlier import.
        """
        deleted: set[tuple[str, str]] = set()
        for project_id, ids in wanted.items():
            for id in self._keeper.deleted(kind, project_id, ids):
                deleted.add((project_id, id))
        return deleted

    def _keep_jobs(self, entries: list[Entry], sources: Digests) -> None:
        """Keep jobs. A new member of a session that an earlier import has
        brought joins that as any job does; it is free if the session was
        deleted since.
        """
        present = self._keeper.present(JOBS, entries)
        attached: list[tuple[Entry, str]] = []
        adapted: list[Entry] = []
        wanted = _session_ids(entries)
        members = self._stored_members(wanted)
        deleted = self._deleted(SESSIONS, wanted)
        for entry in entries:
            session_id = _body(entry)['session_id']
            key = entry.project_id, session_id
            is_listed = entry.id in members.get(key, {entry.id})
            is_listed &= key not in deleted
            if session_id and not is_listed:
                free = _entry(jobs.free(typing.cast(Document, entry.content)))
                stored = present.get(entry.key)
                # An import that broke off has left it so.
                if stored is None or stored.dump() == free.dump():
                    attached.append((entry, session_id))
                    entry = free
            adapted.append(entry)
        self._keeper.keep(JOBS, adapted, sources)
        for entry, session_id in attached:
            self._keeper.attach(entry, session_id)

    def _stored_members(
        self, wanted: collections.abc.Mapping[str, set[str]]
    ) -> dict[tuple[str, str], collections.abc.Container[str]]:
        """Return the ids of the members that stored sessions have."""
        members: dict[tuple[str, str], collections.abc.Container[str]] = {}
        for project_id, ids in wanted.items():
            for found in self._keeper.named(SESSIONS, project_id, ids):
                session = typing.cast(Session, found.content)
                members[project_id, found.id] = frozenset(session.members)
        return members

    # Notes

    def _notes(self, kind: str, row: Row, id: str) -> Notes:
        notes = Notes(kind, row['project_id'], id)
        if not source.assigned(row):
            notes.add('project-assigned', f'user {row["user_id"]}')
        return notes

    def _tell_all(self, notes: Notes) -> None:
        for note in notes.found:
            self.rules[note.rule] += 1
            self._tell(note)


def _entry(document: Document) -> Entry:
    return Entry(document.kind, document.project_id, document.id, document)


def _session_entry(session: Session) -> Entry:
    return Entry(SESSIONS, session.project_id, session.session_id, session)


def _body(entry: Entry) -> Body:
    return typing.cast(Document, entry.content).body


def _action_ids(entries: list[Entry]) -> dict[str, set[str]]:
    """Return the ids of the actions that jobs name, by project."""
    ids: dict[str, set[str]] = collections.defaultdict(set)
    for entry in entries:
        for item in _body(entry)['job_actions']:
            ids[entry.project_id].add(item['action_id'])
    return ids


def _session_ids(entries: list[Entry]) -> dict[str, set[str]]:
    """Return the ids of the sessions that jobs are in, by project."""
    ids: dict[str, set[str]] = collections.defaultdict(set)
    for entry in entries:
        session_id = _body(entry)['session_id']
        if session_id:
            ids[entry.project_id].add(session_id)
    return ids
