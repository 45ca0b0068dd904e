"""What jobs of the published service belong to, read for a page of them."""

import collections
import collections.abc

from freezer_api.domain.documents import JOBS, Body
from freezer_api.domain.session_state import Session
from freezer_api.importing import actions, clients, jobs, source, values
from freezer_api.importing.notes import Notes
from freezer_api.importing.source import Source
from freezer_api.importing.values import Row

#: Converts rows of sessions.
Convert = collections.abc.Callable[
    [list[Row]], collections.abc.Iterable[tuple[Session, Notes]]
]


class Around:
    """What a page of jobs belongs to, read by a few statements."""

    def __init__(self, origin: Source, convert: Convert, rows: list[Row]):
        ids = source.ids(rows, 'id')
        client_ids = source.ids(rows, 'client_id')
        self._linked = _by_job(
            origin.named(
                'job_actions',
                'job_id',
                ids,
            )
        )
        # Which actions they have must be known before these are read.
        self._given = {
            row['id']: jobs.entries_of(
                row,
                self._linked.get(row['id'], []),
                Notes(
                    JOBS,
                    row['project_id'],
                    row['id'],
                ),
            )
            for row in rows
        }
        self._actions = {
            row['id']: row
            for row in origin.named(
                'actions',
                'id',
                self._action_ids(),
            )
        }
        self._registrations = read_registrations(origin, client_ids)
        self._sessions = self._read_sessions(origin, convert, rows)
        self._credentials = origin.credentials(ids)

    def resolve(self, row: Row, notes: Notes) -> actions.Resolved:
        """Return the entries of a job, and the actions that they need."""
        linked = self._linked.get(row['id'], [])
        given = jobs.entries_of(row, linked, notes)
        return actions.resolve(row, given, self._actions, notes)

    def of(self, row: Row, entries: list[Body]) -> jobs.Surroundings:
        """Return what a job with these entries belongs to."""
        project_id = row['project_id']
        session = self._sessions.get((project_id, row['session_id']))
        if session is not None:
            # It may have been made since the import began.
            if values.convert_id(row['id']) not in session.members:
                session = None
        client = clients.find(
            self._registrations, project_id, row['client_id']
        )
        credentials: Body | None = None
        given = self._credentials.get(row['id'])
        if given is not None:
            credentials = {
                'trust_id': values.to_text(given['trust_id']),
                'trustor_user_id': values.to_text(given['trustor_user_id']),
            }
        return jobs.Surroundings(entries, session, client, credentials)

    def _action_ids(self) -> set[str]:
        found: set[str] = set()
        for entries in self._given.values():
            for entry in entries:
                if isinstance(entry.get('action_id'), str):
                    found.add(entry['action_id'])
        return found

    def _read_sessions(
        self, origin: Source, convert: Convert, rows: list[Row]
    ) -> dict[tuple[str, str], Session]:
        """Return the sessions of jobs by project and the id that the source
        has.
        """
        wanted = source.ids(rows, 'session_id')
        found = _live(
            origin.named(
                'sessions',
                'id',
                wanted,
            )
        )
        by_key: dict[tuple[str, str], Session] = {}
        converted = convert(found)
        for row, (session, _notes) in zip(
            found,
            converted,
            strict=True,
        ):
            by_key[row['project_id'], row['id']] = session
        return by_key


def read_registrations(
    origin: Source, client_ids: collections.abc.Iterable[str]
) -> clients.Registrations:
    """Return the registrations that count of clients with some ids."""
    rows = origin.named('clients', 'client_id', client_ids)
    return clients.choose(_live(rows))


# Rows of all ages are read by their ids, for jobs may need deleted actions.


def _live(rows: list[Row]) -> list[Row]:
    return [row for row in rows if values.is_live(row)]


def _by_job(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the live ones of rows, by the job that they belong to."""
    by_job: dict[str, list[Row]] = collections.defaultdict(list)
    for row in _live(rows):
        by_job[row['job_id']].append(row)
    return by_job
