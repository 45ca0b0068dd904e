"""The storage driver for SQLite, MariaDB, MySQL and PostgreSQL."""

import collections.abc
import typing

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db import driver, steps
from freezer_api.db.base import Entry, Page, Place, Scope
from freezer_api.db.sqlalchemy import (
    backups,
    copying,
    database,
    engines,
    errors,
    finding,
    migrate,
    purging,
    rows,
    settling,
    verifying,
)
from freezer_api.db.sqlalchemy.unit_of_work import Unit
from freezer_api.db.unit import Name, Step
from freezer_api.domain import documents, search
from freezer_api.domain.documents import Document
from freezer_api.domain.sessions import Record

T = typing.TypeVar('T')


class Driver(driver.Driver):
    """What :class:`~freezer_api.db.base.Storage` promises, by transactions and
    row locks.
    """

    def __init__(
        self,
        conf: typing.Any,
        clock: collections.abc.Callable[[], int] = documents.now,
    ):
        super().__init__(conf, clock)
        self.database = database.Database(conf)

    # Every kind

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        if kind == documents.SESSIONS:
            return settling.get(
                self.database, self.clock, scope.project_id, id
            ).document()
        central = finding.central(scope, kind)
        document = self.database.read(
            lambda connection: rows.get(
                connection, kind, scope.project_id, id, central
            )
        )
        if document is None:
            raise exceptions.NotFound(kind, id)
        return document

    def find(self, scope: Scope, kind: str, query: search.Query) -> Page:
        if kind == documents.SESSIONS:
            return settling.find(
                self.database, self.clock, scope, query, self.bounds
            )
        return self.database.read(
            lambda connection: finding.page(
                connection, scope, kind, query, self.bounds
            )
        )

    def claimed(self, kind: str, id: str) -> Document | None:
        return self.database.read(
            lambda connection: rows.claimed(connection, kind, id)
        )

    def purge(self, project_id: str) -> dict[str, int]:
        return {
            kind: purging.purge(self.database, kind, project_id)
            for kind in documents.KINDS
        }

    # Sessions

    def runs(
        self,
        scope: Scope,
        session_id: str,
        limit: int,
        marker: int | None = None,
    ) -> tuple[list[Record], bool]:
        return settling.list_runs(
            self.database,
            self.clock,
            scope.project_id,
            session_id,
            limit,
            marker,
        )

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        return settling.get_run(
            self.database, self.clock, scope.project_id, session_id, tag
        )

    def run_backups(
        self, scope: Scope, session_id: str, record: Record
    ) -> tuple[str, ...]:
        return self.database.read(
            lambda connection: backups.of_run(
                connection, scope.project_id, session_id, record
            )
        )

    # Moving to another store

    def count(self, kind: str) -> int:
        return self.database.read(
            lambda connection: copying.count(connection, kind)
        )

    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        return self.database.read(
            lambda connection: copying.entries(connection, kind, after, limit)
        )

    def restore(self, entries: collections.abc.Sequence[Entry]) -> None:
        self.database.write(
            lambda connection: copying.restore(connection, entries)
        )

    # What is derived

    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[Entry]:
        return self.database.read(
            lambda connection: copying.named(connection, kind, project_id, ids)
        )

    def verify(
        self, kind: str, after: Place, limit: int, thorough: bool = True
    ) -> steps.Step:
        return verifying.walk(
            self.database, kind, after, limit, thorough, mend=False
        )

    def reindex(
        self, kind: str, after: Place, limit: int, thorough: bool = False
    ) -> steps.Step:
        return verifying.walk(
            self.database, kind, after, limit, thorough, mend=True
        )

    # Operation

    def check(self) -> None:
        self.database.check()

    def sync(self) -> None:
        migrate.upgrade(self.conf)

    def version(self) -> str | None:
        return self.database.look(migrate.current)

    def where(self) -> str:
        return engines.address(self.conf)

    def close(self) -> None:
        self.database.close()

    def transact(
        self, project_id: str, name: Name, step: Step[T], member: str = ''
    ) -> T:
        kind, id = name
        sessions = {id} if kind == documents.SESSIONS else set()
        if member:
            # Seen a moment ago, so perhaps no longer so: then the transaction
            # begins again with the one that it is in now.
            sessions |= self._session_of(project_id, member)

        def attempt(connection: sqlalchemy.Connection) -> T:
            unit = Unit(connection, project_id, self.clock, sessions)
            try:
                result = step(unit)
            except errors.SessionLockRequired as error:
                sessions.add(error.session_id)
                raise
            unit.flush()
            return result

        return self.database.write(attempt)

    def _session_of(self, project_id: str, job_id: str) -> set[str]:
        """Return the session that a job is in, if it is in one."""
        job = self.database.read(
            lambda connection: rows.get(
                connection, documents.JOBS, project_id, job_id
            )
        )
        session_id = job.body['session_id'] if job else ''
        return {session_id} if session_id else set()
