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
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Document,
)
from freezer_api.domain.session_state import Session
from freezer_api.importing import (
    actions,
    adapting,
    around,
    backups,
    clients,
    jobs,
    sessions,
    source,
)
from freezer_api.importing.adapting import (
    body_of,
    entry_of,
    entry_of_session,
)
from freezer_api.importing.keeping import Digests, Keeper, digests
from freezer_api.importing.ledger import Name
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
#: By kind what imports a page of rows.
Steps = dict[str, collections.abc.Callable[[list[Row]], None]]


class Importer:
    """Imports one source into the store of a keeper.

    ``now`` is the timestamp at which runs lapse. Each note is told by
    ``tell``, as soon as it is known.
    """

    def __init__(self, origin: Source, keeper: Keeper, now: int, tell: Tell):
        self._source = origin
        self._keeper = keeper
        self._adapter = adapting.Adapter(keeper, now)
        self._now = now
        self._tell = tell
        #: By rule, how often it decided.
        self.rules: collections.Counter[str] = collections.Counter()
        # Several jobs may need one action that isn't imported by itself.
        self._extra_actions: set[tuple[str, ...]] = set()

    def run(self, progress: Progress, verb: str = 'importing') -> None:
        """Import everything; the keeper has what came of it."""
        steps: Steps = {
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
        # Of a client's registrations some may be on other pages.
        registrations = around.read_registrations(
            self._source, source.ids(rows, 'client_id')
        )
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(
                CLIENTS,
                row,
                row['client_id'],
            )
            first = registrations.rows.get(clients.key_of(row), row)
            if first['id'] == row['id']:
                client = clients.convert(row, registrations, notes)
                entries.append(entry_of(client))
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
            notes = self._notes(
                ACTIONS,
                row,
                row['id'],
            )
            entries.append(entry_of(actions.convert(row, notes)))
            self._tell_all(notes)
        self._keeper.keep(ACTIONS, entries)

    def _import_sessions(self, rows: list[Row]) -> None:
        entries: list[Entry] = []
        for session, notes in self._convert_sessions(rows):
            entries.append(entry_of_session(session))
            self._tell_all(notes)
        # Digests are of what the source says, whatever the store makes of it.
        adapted = self._adapter.without_absent_members(entries)
        self._keeper.keep(
            SESSIONS,
            adapted,
            digests(entries),
        )

    def _import_trusts(self, rows: list[Row]) -> None:
        entries = [entry_of(backups.convert_trust(row)) for row in rows]
        self._keeper.keep(TRUSTS, entries)

    def _import_backups(self, rows: list[Row]) -> None:
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(
                BACKUPS,
                row,
                row['id'],
            )
            entries.append(entry_of(backups.convert(row, notes)))
            self._tell_all(notes)
        self._keeper.keep(BACKUPS, entries)

    def _import_jobs(self, rows: list[Row]) -> None:
        rows = self._as_indexed(rows)
        # All that the jobs of the page belong to, by a few statements.
        surroundings = around.Around(
            self._source, self._convert_sessions, rows
        )
        extra: dict[Name, Entry] = {}
        entries: list[Entry] = []
        for row in rows:
            notes = self._notes(
                JOBS,
                row,
                row['id'],
            )
            resolved = surroundings.resolve(row, notes)
            for action in resolved.extra_actions:
                name = action.project_id, action.id
                extra.setdefault(name, entry_of(action))
            of_job = surroundings.of(row, resolved.entries)
            job = jobs.convert(row, of_job, notes)
            entries.append(entry_of(job))
            self._tell_all(notes)
        # Before the jobs: a job is never without its actions.
        self._keep_extra_actions(list(extra.values()))
        # What follows changes their bodies.
        sources = digests(entries)
        own_actions = self._adapter.follow_definitions(entries)
        # They are of no action of the source.
        self._keep_extra_actions(own_actions, {})
        self._adapter.drop_trusts(entries)
        self._keep_jobs(entries, sources)

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
        # A second one would be counted as there before.
        unseen: list[Entry] = []
        for entry in entries:
            if entry.key not in self._extra_actions:
                self._extra_actions.add(entry.key)
                unseen.append(entry)
        self._keeper.keep(ACTIONS, unseen, sources)

    def _convert_sessions(
        self, rows: list[Row]
    ) -> collections.abc.Iterator[tuple[Session, Notes]]:
        # Members are listed by their session, or name it, or both.
        job_ids: set[str] = set()
        for row in rows:
            job_ids.update(sessions.listed(row))
        links = self._source.links(source.ids(rows, 'id'), job_ids)
        by_session: adapting.Ids = collections.defaultdict(set)
        for job_id, link in links.items():
            by_session[link.session_id].add(job_id)
        for row in rows:
            own_ids = {
                *sessions.listed(row),
                *by_session[row['id']],
            }
            own: dict[str, sessions.Link] = {}
            for id in own_ids & links.keys():
                own[id] = links[id]
            notes = self._notes(
                SESSIONS,
                row,
                row['id'],
            )
            yield (
                sessions.convert(
                    row,
                    own,
                    self._now,
                    notes,
                ),
                notes,
            )

    def _keep_jobs(self, entries: list[Entry], sources: Digests) -> None:
        """Keep jobs. A new member of a session that an earlier import has
        brought joins that as any job does; it is free if the session was
        deleted since.
        """
        present = self._keeper.present(JOBS, entries)
        attached: list[tuple[Entry, str]] = []
        adapted: list[Entry] = []
        wanted = adapting.session_ids(entries)
        members = self._adapter.stored_members(wanted)
        deleted = self._adapter.deleted(SESSIONS, wanted)
        for entry in entries:
            session_id = body_of(entry)['session_id']
            key = entry.project_id, session_id
            is_listed = entry.id in members.get(key, {entry.id})
            is_listed &= key not in deleted
            if session_id and not is_listed:
                member = typing.cast(Document, entry.content)
                free = entry_of(jobs.free(member))
                stored = present.get(entry.key)
                # An import that broke off has left it so.
                if stored is None or stored.dump() == free.dump():
                    attached.append((entry, session_id))
                    entry = free
            adapted.append(entry)
        self._keeper.keep(JOBS, adapted, sources)
        for entry, session_id in attached:
            self._keeper.attach(entry, session_id)

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
