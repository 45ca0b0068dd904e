"""The storage driver for Elasticsearch."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import base, driver, steps
from freezer_api.db.base import Page, Scope
from freezer_api.db.elasticsearch import (
    client,
    codec,
    copying,
    finding,
    history,
    purging,
    schema,
    store,
    verifying,
)
from freezer_api.db.elasticsearch import documents as own
from freezer_api.db.elasticsearch.commit import Committer
from freezer_api.db.elasticsearch.units import Units
from freezer_api.db.unit import Name, Step
from freezer_api.domain import documents, search
from freezer_api.domain.documents import CLIENTS, SESSIONS, Document
from freezer_api.domain.sessions import Record

T = typing.TypeVar('T')


class Driver(driver.Driver):
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

    def purge(self, project_id: str) -> dict[str, int]:
        return {
            kind: purging.purge(self.finder, kind, project_id)
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
    ) -> steps.Step:
        return verifying.walk(
            self.finder, kind, after, limit, thorough, mend=False
        )

    def reindex(
        self, kind: str, after: base.Place, limit: int, thorough: bool = False
    ) -> steps.Step:
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

    def transact(
        self, project_id: str, name: Name, step: Step[T], member: str = ''
    ) -> T:
        return own.transact(
            self.units, self.finder, self.clock, project_id, name, step
        )
