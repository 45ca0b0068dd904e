"""The storage drivers for Elasticsearch and for OpenSearch."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import base, driver, forks, walks
from freezer_api.db.base import Page, Scope
from freezer_api.db.elasticsearch import codec, unit_of_work
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.commits.committing import Committer
from freezer_api.db.elasticsearch.connections import client, hosts, products
from freezer_api.db.elasticsearch.indices import migration
from freezer_api.db.elasticsearch.maintenance import (
    copying,
    purging,
    restoring,
    safety,
    stamps,
    verifying,
)
from freezer_api.db.elasticsearch.search import finding
from freezer_api.db.elasticsearch.sessions import settling
from freezer_api.db.elasticsearch.transactions import Transactions
from freezer_api.db.unit import Name, Step
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import (
    SESSIONS,
    Document,
)
from freezer_api.domain.session_state import Record

T = typing.TypeVar('T')


class Driver(driver.Driver):
    """Keeps what :class:`~freezer_api.db.base.Storage` promises, by
    compare-and-set of single documents: see
    :mod:`freezer_api.db.elasticsearch.commits.committing`.
    """

    product: typing.ClassVar[products.Product] = products.ELASTICSEARCH

    def __init__(
        self,
        conf: typing.Any,
        clock: collections.abc.Callable[[], int] = documents.now,
    ):
        super().__init__(conf, clock)
        # Nothing connects yet: an API process starts while its store is down.
        self.client = client.Client(conf, self.product)
        self._forget()
        forks.call_after_fork(self._reset_after_fork)

    # Every kind

    def get(self, scope: Scope, kind: str, id: str) -> Document:
        """Return a document. A session whose run has lapsed is settled
        first.
        """
        project_id = scope.project_id
        if kind == SESSIONS:
            session = settling.get(self.finder, project_id, id)
            return codec.document(session)
        value = self.finder.get_or_none(kind, project_id, id)
        if value is None and scope.sees_central(kind):
            value = self.finder.claimed(kind, id)
        if value is None:
            raise exceptions.NotFound(kind, id)
        return codec.document(value)

    def find(self, scope: Scope, kind: str, query: search_query.Query) -> Page:
        """Return a page of what searches find."""
        return self.finder.page(scope, kind, query, self.bounds)

    def claimed(self, kind: str, id: str) -> Document | None:
        """Return the document that a claim names."""
        value = self.finder.claimed(kind, id)
        return codec.document(value) if value else None

    def purge(self, project_id: str) -> dict[str, int]:
        """Erase the documents of a project, each by itself."""
        counts = {}
        for kind in documents.KINDS:
            count = purging.purge(self.finder, kind, project_id)
            counts[kind] = count
        purging.purge_own(self.finder, project_id)
        return counts

    # Sessions

    def runs(
        self,
        scope: Scope,
        session_id: str,
        limit: int,
        marker: int | None = None,
    ) -> tuple[list[Record], bool]:
        """Return the runs whose records a session says to have."""
        return settling.list_runs(
            self.finder,
            scope.project_id,
            session_id,
            limit,
            marker,
            self.max_response_size,
        )

    def run(self, scope: Scope, session_id: str, tag: int) -> Record:
        """Return a run whose record a session says to have."""
        project_id = scope.project_id
        return settling.get_run(self.finder, project_id, session_id, tag)

    def run_backups(
        self, scope: Scope, session_id: str, record: Record
    ) -> tuple[str, ...]:
        """Return the backups that searches by run and by job find."""
        project_id = scope.project_id
        return self.finder.backups_of_run(project_id, session_id, record)

    # Moving to another store

    def count(self, kind: str) -> int:
        """Return how many documents a search finds."""
        return copying.count(self.finder, kind)

    def entries(
        self, kind: str, after: base.Place, limit: int
    ) -> list[base.Entry]:
        """Return entries in the order of their numbers."""
        return copying.entries(self.finder, kind, after, limit)

    def restore(self, entries: collections.abc.Sequence[base.Entry]) -> None:
        """Store entries, each where its id says."""
        restoring.restore(self.finder, entries)

    # What was imported

    def read_stamps(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> dict[str, bytes]:
        """Return stamps by their ids."""
        return stamps.read(self.client, kind, project_id, ids)

    def write_stamps(
        self,
        kind: str,
        project_id: str,
        stamps_by_id: collections.abc.Mapping[str, bytes],
    ) -> None:
        """Write stamps, once there is an index for them."""
        stamps.prepare(self.client)
        stamps.write(self.client, kind, project_id, stamps_by_id)

    def stamped(
        self, kind: str, after: tuple[str, str], limit: int
    ) -> list[tuple[str, str]]:
        """Return what a search finds behind a stamp."""
        return stamps.names(self.client, kind, after, limit)

    # What is derived

    def named(
        self, kind: str, project_id: str, ids: collections.abc.Collection[str]
    ) -> list[base.Entry]:
        """Return entries by their ids."""
        return copying.named(self.finder, kind, project_id, ids)

    def verify(
        self, kind: str, after: base.Place, limit: int, thorough: bool = True
    ) -> walks.WalkStep:
        """Compare what is indexed of documents with them."""
        return verifying.walk(
            self.finder,
            kind,
            after,
            limit,
            thorough,
            mend=False,
        )

    def reindex(
        self, kind: str, after: base.Place, limit: int, thorough: bool = False
    ) -> walks.WalkStep:
        """Write documents again, as they are."""
        return verifying.walk(
            self.finder,
            kind,
            after,
            limit,
            thorough,
            mend=True,
        )

    # Operation

    def check(self) -> None:
        """Return if the indices are this release's, and take writes."""
        migration.check(self.client)
        store = self.transactions.committer.store
        store.check_cluster()

    def sync(self) -> None:
        """Create the indices, or upgrade them."""
        migration.sync(self.client)

    def unsafe_settings(self) -> list[str]:
        """Ask the cluster, see :mod:`.maintenance.safety`."""
        return safety.unsafe_settings(self.client)

    def version(self) -> str | None:
        """Return the version of the oldest index."""
        return migration.version(self.client)

    def where(self) -> str:
        """Return the addresses of the hosts."""
        names = hosts.addresses(self.client.conf)
        addresses = ', '.join(names)
        return f'{self.product.name} at {addresses}'

    def close(self) -> None:
        """Give up the connections."""
        self.client.close()

    def _forget(self) -> None:
        """Know nothing yet of what is stored."""
        documents_at_once = self.bounds.page // self.bounds.document
        own_store = store.Store(self.client, documents_at_once)
        self.transactions = Transactions(Committer(own_store))
        self.finder = finding.Finder(self.transactions, self._clock)

    def _reset_after_fork(self) -> None:
        self.client.reset_after_fork()
        self._forget()

    def _clock(self) -> int:
        """Return the time by the clock that the driver has now: tests replace
        it.
        """
        return self.clock()

    def transact(
        self,
        project_id: str,
        name: Name,
        step: Step[T],
        member: str = '',
        needs: collections.abc.Iterable[Name] = (),
    ) -> T:
        """Run a step as one transaction, whose primary document it names."""
        # The session of ``member`` isn't needed yet: an operation that turns
        # out to be about it begins anew (:meth:`.unit_of_work.Unit.lead`).
        return unit_of_work.transact(
            self.transactions,
            self.finder,
            self.clock,
            project_id,
            name,
            step,
            needs,
        )


class OpenSearch(Driver):
    """The same on a cluster of OpenSearch."""

    product = products.OPENSEARCH
