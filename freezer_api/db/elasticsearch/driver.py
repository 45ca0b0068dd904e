"""The storage driver for Elasticsearch."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import base
from freezer_api.db.base import Page, Scope
from freezer_api.db.elasticsearch import (
    client,
    codec,
    copying,
    finding,
    history,
    jobs,
    purging,
    schema,
    sessions,
    store,
    verifying,
)
from freezer_api.db.elasticsearch.commit import Committer
from freezer_api.db.elasticsearch.units import Unit, Units
from freezer_api.db.steps import Step
from freezer_api.domain import documents, search
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    CLIENTS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Document,
    Precondition,
)
from freezer_api.domain.sessions import Decision, Outcome, Record


class Driver(base.Storage):
    """What :class:`~freezer_api.db.base.Storage` promises, by compare-and-set
    of single documents: see :mod:`.commit`.
    """

    def __init__(
        self,
        conf: typing.Any,
        clock: collections.abc.Callable[[], int] = documents.now,
    ):
        super().__init__(conf, clock)
        self.client = client.Client(conf)
        self.units = Units(Committer(store.Store(self.client)))
        self.finder = finding.Finder(self.units, self._clock)

    # Every kind

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        if kind == SESSIONS:
            return codec.document(
                history.settled(self.finder, scope.project_id, id)
            )
        value = self.finder.stored(kind, scope.project_id, id)
        if value is None and scope.central and kind == CLIENTS:
            value = self.finder.claimed(kind, id)
        if value is None:
            raise exceptions.NotFound(kind, id)
        return codec.document(value)

    def find(self, scope: Scope, kind: str, query: search.Query) -> Page:
        return self.finder.page(scope, kind, query, self.bounds)

    def claimed(self, kind: str, id: str) -> Document | None:
        value = self.finder.claimed(kind, id)
        return codec.document(value) if value else None

    def write(
        self, scope: Scope, kind: str, id: str, change: base.Change
    ) -> Document | None:
        return self._run(
            kind,
            scope,
            id,
            lambda unit: jobs.write(
                unit, self.clock, kind, scope.project_id, id, change
            ),
        )

    def purge(self, project_id: str) -> dict[str, int]:
        return {
            kind: purging.purge(self.finder, kind, project_id)
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
        pair = 'action_id', search.canonical(id)
        return self._run(
            ACTIONS,
            scope,
            id,
            lambda unit: jobs.write_action(
                unit,
                self.clock,
                self.finder.having,
                self.finder.visible,
                scope.project_id,
                id,
                change,
                follow,
                pair,
                self.max_response_size,
            ),
        )

    def write_job(
        self,
        scope: Scope,
        id: str,
        change: base.JobChange,
        action_ids: collections.abc.Collection[str] = (),
    ) -> Document:
        return self._run(
            JOBS,
            scope,
            id,
            lambda unit: jobs.write_job(
                unit,
                self.clock,
                scope.project_id,
                id,
                change,
                frozenset(action_ids),
                self.max_document_size,
            ),
        )

    def delete_job(
        self, scope: Scope, id: str, check: base.Check = ANYTHING.check
    ) -> bool:
        return self._run(
            JOBS,
            scope,
            id,
            lambda unit: jobs.delete_job(
                unit, self.clock, scope.project_id, id, check
            ),
        )

    def end_trust(self, scope: Scope, id: str) -> bool:
        pair = search.trust_pair(id)
        return self._run(
            TRUSTS,
            scope,
            id,
            lambda unit: jobs.end_trust(
                unit, self.finder.having, scope.project_id, id, pair
            ),
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
        return self._run(
            SESSIONS,
            scope,
            id,
            lambda unit: sessions.decide(
                unit,
                self.clock,
                scope.project_id,
                id,
                decision,
                record,
                kept,
                self.max_response_size,
            ),
        )

    def attach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> None:
        self._run(
            SESSIONS,
            scope,
            session_id,
            lambda unit: sessions.attach(
                unit,
                self.clock,
                scope.project_id,
                session_id,
                job_id,
                precondition,
            ),
        )

    def detach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> None:
        self._run(
            SESSIONS,
            scope,
            session_id,
            lambda unit: sessions.detach(
                unit,
                self.clock,
                scope.project_id,
                session_id,
                job_id,
                precondition,
            ),
        )

    def runs(
        self,
        scope: Scope,
        session_id: str,
        limit: int,
        marker: int | None = None,
    ) -> tuple[list[Record], bool]:
        return history.list_runs(
            self.finder, scope.project_id, session_id, limit, marker
        )

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        return history.get_run(self.finder, scope.project_id, session_id, tag)

    def run_backups(
        self, scope: Scope, session_id: str, record: Record
    ) -> tuple[str, ...]:
        return self.finder.backups_of_run(scope.project_id, session_id, record)

    # Moving to another store

    def count(self, kind: str) -> int:
        return copying.count(self.finder, kind)

    def entries(
        self, kind: str, after: base.Place, limit: int
    ) -> list[base.Entry]:
        return copying.entries(self.finder, kind, after, limit)

    def restore(self, entries: collections.abc.Sequence[base.Entry]) -> None:
        copying.restore(self.finder, entries)

    # What is derived

    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[base.Entry]:
        return copying.named(self.finder, kind, project_id, ids)

    def verify(
        self, kind: str, after: base.Place, limit: int, thorough: bool = True
    ) -> Step:
        return verifying.walk(
            self.finder, kind, after, limit, thorough, mend=False
        )

    def reindex(
        self, kind: str, after: base.Place, limit: int, thorough: bool = False
    ) -> Step:
        return verifying.walk(
            self.finder, kind, after, limit, thorough, mend=True
        )

    # Operation

    def check(self) -> None:
        schema.check(self.client)

    def sync(self) -> None:
        schema.sync(self.client)

    def version(self) -> str | None:
        return schema.version(self.client)

    def where(self) -> str:
        return (
            'Elasticsearch at'
            f' {", ".join(client.addresses(self.conf.elasticsearch))}'
        )

    def close(self) -> None:
        self.client.close()

    def _clock(self) -> int:
        """The clock of this moment: tests replace it."""
        return self.clock()

    def _run(
        self,
        kind: str,
        scope: Scope,
        id: str,
        step: collections.abc.Callable[[Unit], typing.Any],
    ) -> typing.Any:
        return self.units.run(codec.key(kind, scope.project_id, id), step)
