"""The storage driver for SQLite, MariaDB, MySQL and PostgreSQL."""

import collections.abc
import typing

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db import base
from freezer_api.db.base import Entry, Page, Place, Scope
from freezer_api.db.sqlalchemy import (
    backups,
    copying,
    database,
    engines,
    errors,
    finding,
    jobs,
    migrate,
    purging,
    rows,
    sessions,
    settling,
    verifying,
)
from freezer_api.db.steps import Step
from freezer_api.domain import documents, search
from freezer_api.domain.documents import ANYTHING, Document, Precondition
from freezer_api.domain.sessions import Decision, Outcome, Record

Connection = sqlalchemy.Connection


class Driver(base.Storage):
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

    def write(
        self, scope: Scope, kind: str, id: str, change: base.Change
    ) -> Document | None:
        return self.database.write(
            lambda connection: rows.write(
                connection, self.clock, kind, scope.project_id, id, change
            )
        )

    def purge(self, project_id: str) -> dict[str, int]:
        return {
            kind: purging.purge(self.database, kind, project_id)
            for kind in documents.KINDS
        }

    # Actions and jobs

    def write_action(
        self,
        scope: Scope,
        id: str,
        change: base.ActionChange,
        follow: base.Follow | None = None,
    ) -> Document | None:
        return self.database.write(
            lambda connection: jobs.write_action(
                connection,
                self.clock,
                scope.project_id,
                id,
                change,
                follow,
                self.max_response_size,
            )
        )

    def write_job(
        self,
        scope: Scope,
        id: str,
        change: base.JobChange,
        action_ids: collections.abc.Collection[str] = (),
    ) -> Document:
        def work(connection: Connection, hold: str) -> Document:
            return jobs.write(
                connection,
                self.clock,
                scope.project_id,
                id,
                change,
                action_ids,
                hold,
                self.max_document_size,
            )

        return self._holding('', work)

    def delete_job(
        self, scope: Scope, id: str, check: base.Check = ANYTHING.check
    ) -> bool:
        def work(connection: Connection, hold: str) -> bool:
            return jobs.delete(
                connection, self.clock, scope.project_id, id, check, hold
            )

        return self._holding(self._session_of(scope, id), work)

    def end_trust(self, scope: Scope, id: str) -> bool:
        return self.database.write(
            lambda connection: jobs.end_trust(connection, scope.project_id, id)
        )

    # Sessions

    def write_session(
        self,
        scope: Scope,
        id: str,
        decision: Decision,
        record: int | None = None,
    ) -> Outcome:
        kept = self.conf.sessions.runs_kept
        return self.database.write(
            lambda connection: sessions.decide(
                connection,
                self.clock,
                scope.project_id,
                id,
                decision,
                record,
                kept,
                self.bounds,
            )
        )

    def attach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> None:
        def work(connection: Connection, hold: str) -> None:
            sessions.attach(
                connection,
                self.clock,
                scope.project_id,
                session_id,
                job_id,
                hold,
                precondition,
            )

        self._holding(self._session_of(scope, job_id), work)

    def detach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> None:
        self.database.write(
            lambda connection: sessions.detach(
                connection,
                self.clock,
                scope.project_id,
                session_id,
                job_id,
                precondition,
            )
        )

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
    ) -> Step:
        return verifying.walk(
            self.database, kind, after, limit, thorough, mend=False
        )

    def reindex(
        self, kind: str, after: Place, limit: int, thorough: bool = False
    ) -> Step:
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

    def _session_of(self, scope: Scope, job_id: str) -> str:
        """The session that a job was in a moment ago ('': none): it has to be
        held before the job is.
        """
        job = self.database.read(
            lambda connection: rows.get(
                connection, documents.JOBS, scope.project_id, job_id
            )
        )
        return job.body['session_id'] if job else ''

    def _holding(
        self,
        hold: str,
        work: collections.abc.Callable[[Connection, str], typing.Any],
    ) -> typing.Any:
        """Run work as one transaction that holds a session, or another one
        once the job turns out to be in that.
        """
        held = [hold]

        def attempt(connection: Connection) -> typing.Any:
            try:
                return work(connection, held[0])
            except errors.HoldSession as other:
                held[0] = other.session_id
                raise

        return self.database.write(attempt)
