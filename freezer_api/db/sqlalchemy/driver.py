"""The storage driver for SQLite, MariaDB, MySQL and PostgreSQL."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import driver, walks
from freezer_api.db.base import Entry, Page, Place, Scope
from freezer_api.db.sqlalchemy import migration, transactions
from freezer_api.db.sqlalchemy.connections import database, engines
from freezer_api.db.sqlalchemy.connections.groups import Key, Operation
from freezer_api.db.sqlalchemy.documents import rows, run_backups
from freezer_api.db.sqlalchemy.maintenance import (
    copying,
    purging,
    restoring,
    safety,
    stamps,
    verifying,
)
from freezer_api.db.sqlalchemy.search import finding
from freezer_api.db.sqlalchemy.sessions import settling
from freezer_api.db.unit import Name, Step
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Record

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
        self.transactions = transactions.Transactions(
            self.database,
            lambda: self.clock(),
        )

    # Every kind

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        """Read a document by one statement; a session whose run has lapsed
        is settled first.
        """
        if kind == documents.SESSIONS:
            return settling.get(
                self.database, self.clock, scope.project_id, id
            )
        central = scope.sees_central(kind)
        document = self.database.read(
            lambda connection: rows.get(
                connection,
                kind,
                scope.project_id,
                id,
                central,
            )
        )
        if document is None:
            raise exceptions.NotFound(kind, id)
        return document

    def find(self, scope: Scope, kind: str, query: search_query.Query) -> Page:
        """Read a page by one statement, after those that it may need: for the
        marker, the order of terms, the bytes, the counts of a list.
        """
        finding.prepare(self.database, scope, kind, query)
        if kind == documents.SESSIONS:
            return settling.find(
                self.database,
                self.clock,
                scope,
                query,
                self.bounds,
            )
        return self.database.read(
            lambda connection: finding.page(
                connection,
                scope,
                kind,
                query,
                self.bounds,
            )
        )

    def claimed(self, kind: str, id: str) -> Document | None:
        """Look a claim up by its key."""
        return self.database.read(
            lambda connection: rows.claimed(connection, kind, id)
        )

    def purge(self, project_id: str) -> dict[str, int]:
        """Erase a project kind by kind, in transactions of some documents
        each.
        """
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
        """Read a page of runs and their session by one statement."""
        return settling.list_runs(
            self.database,
            self.clock,
            scope.project_id,
            session_id,
            limit,
            marker,
            self.max_response_size,
        )

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        """Read a run and its session by one statement."""
        return settling.get_run(
            self.database,
            self.clock,
            scope.project_id,
            session_id,
            tag,
        )

    def run_backups(
        self, scope: Scope, session_id: str, record: Record
    ) -> tuple[str, ...]:
        """Find the backups of a run by its term and its jobs' times."""
        return self.database.read(
            lambda connection: run_backups.of_run(
                connection, scope.project_id, session_id, record
            )
        )

    # Moving to another store

    def count(self, kind: str) -> int:
        """Count the rows of a kind."""
        return self.database.read(
            lambda connection: copying.count(connection, kind)
        )

    def entries(self, kind: str, after: Place, limit: int) -> list[Entry]:
        """Read the rows behind a place, which is a key."""
        return self.database.read(
            lambda connection: copying.entries(
                connection,
                kind,
                after,
                limit,
            )
        )

    def restore(self, entries: collections.abc.Sequence[Entry]) -> None:
        """Store entries in one transaction, and count them in their lists."""
        self.database.write(
            lambda connection: restoring.restore(connection, entries)
        )
        restoring.count(self.database, entries)

    # What was imported

    def read_stamps(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> dict[str, bytes]:
        """Read stamps by their key."""
        return self.database.read(
            lambda connection: stamps.read(connection, kind, project_id, ids)
        )

    def write_stamps(
        self,
        kind: str,
        project_id: str,
        stamps_by_id: collections.abc.Mapping[str, bytes],
    ) -> None:
        """Store stamps in one transaction, once there is a table for them."""
        # By itself: in MySQL it would end the transaction.
        self.database.write(stamps.prepare)
        self.database.write(
            lambda connection: stamps.write(
                connection, kind, project_id, stamps_by_id
            )
        )

    def stamped(
        self, kind: str, after: tuple[str, str], limit: int
    ) -> list[tuple[str, str]]:
        """Read the keys of stamps behind one."""
        return self.database.read(
            lambda connection: stamps.names(connection, kind, after, limit)
        )

    # What is derived

    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[Entry]:
        """Read documents by their key."""
        return self.database.read(
            lambda connection: copying.named(
                connection,
                kind,
                project_id,
                ids,
            )
        )

    def verify(
        self, kind: str, after: Place, limit: int, thorough: bool = True
    ) -> walks.WalkStep:
        """Compare the next rows with what is derived of them."""
        return verifying.walk(
            self.database,
            kind,
            after,
            limit,
            thorough,
            mend=False,
        )

    def reindex(
        self, kind: str, after: Place, limit: int, thorough: bool = False
    ) -> walks.WalkStep:
        """Correct what is derived of the next rows."""
        return verifying.walk(
            self.database,
            kind,
            after,
            limit,
            thorough,
            mend=True,
        )

    # Administration

    def check(self) -> None:
        """Check the schema by one statement, see :meth:`Database.check`."""
        self.database.check()

    def sync(self) -> None:
        """Expand the schema to this release's, see
        :func:`migration.upgrade`.
        """
        migration.upgrade(self.conf)

    def contract_schema(self) -> None:
        """Contract the schema, see :func:`migration.contract`."""
        migration.contract(self.conf)

    def uncontracted(self) -> list[str]:
        """Return the revisions that contract the schema and haven't run."""
        return self.database.look(migration.uncontracted)

    def unsafe_settings(self) -> list[str]:
        """Ask the database, see :mod:`.maintenance.safety`."""
        return self.database.look(safety.unsafe_settings)

    def version(self) -> str | None:
        """Return the schema's revision."""
        return self.database.look(migration.current)

    def where(self) -> str:
        """Return the database's URL, without a password."""
        return engines.address(self.conf)

    def close(self) -> None:
        """Close the connections of this process."""
        self.database.close()

    def transact(
        self,
        project_id: str,
        name: Name,
        step: Step[T],
        member: str = '',
        needs: collections.abc.Iterable[Name] = (),
    ) -> T:
        """Run an operation as one transaction, which begins with the sessions
        that it needs; with others, if that is the one that it is about.
        """
        kind, id = name
        sessions = {id} if kind == documents.SESSIONS else set()
        if member:
            # It may have moved by then: then the transaction begins again with
            # the session that it is in now.
            sessions |= self._session_of(project_id, member)
        if kind == documents.SESSIONS and sessions == {id}:
            jobs = [need for of, need in needs if of == documents.JOBS]
            key = Key(project_id, kind, id)
            return self.transactions.run_grouped(key, Operation(step, jobs))
        return self.transactions.run(project_id, step, sessions)

    def transact_new(self, project_id: str, name: Name, step: Step[T]) -> T:
        """Run an operation as a transaction that begins without a lock, of a
        backup with others; a row that has the id all the same makes it run
        again.
        """
        kind, _id = name
        if kind != documents.BACKUPS:
            return self.transactions.run(project_id, step, new=name)
        operation = Operation(step, new=name)
        return self.transactions.run_grouped(Key(project_id, kind), operation)

    def transact_existing(
        self, project_id: str, name: Name, step: Step[T]
    ) -> T:
        """Run an operation as one transaction, of a job with others."""
        kind, id = name
        if kind != documents.JOBS:
            return self.transact(project_id, name, step)
        operation = Operation(step, [id])
        return self.transactions.run_grouped(Key(project_id, kind), operation)

    def _session_of(self, project_id: str, job_id: str) -> set[str]:
        """Return the session that a job is in, if it is in one."""
        job = self.database.read(
            lambda connection: rows.get(
                connection, documents.JOBS, project_id, job_id
            )
        )
        session_id = job.body['session_id'] if job else ''
        return {session_id} if session_id else set()
