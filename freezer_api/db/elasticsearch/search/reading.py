"""Reading documents by their ids, and looking ids up in the index.

The index may be behind: a document with a lock is in it as it was before the
transaction, and a session whose run has lapsed as one that is running. Such
documents are *pending*. Every search also asks for those that could concern
it, and sees them as they are: :mod:`.pending`. So what a search returns is as
it was at one time, and has all that was acknowledged before.
"""

import collections.abc
import functools
import typing

from freezer_api.db.elasticsearch import codec, unit_of_work
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.commits.committing import Committer
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.maintenance import claims
from freezer_api.db.elasticsearch.search import (
    pending,
    queries,
    run_backups,
)
from freezer_api.db.elasticsearch.search.clauses import find_named
from freezer_api.db.elasticsearch.search.searches import Body, Hit, Searches
from freezer_api.db.elasticsearch.transactions import Transactions
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Record

#: Documents that a look-up reads at once.
PAGE_SIZE = 500
#: Returns the body of the search for the page behind a position.
Paged = collections.abc.Callable[[list[typing.Any] | None], Body]


class Reader(Searches):
    """Reads one store."""

    def __init__(self, transactions: Transactions, clock: unit_of_work.Clock):
        self.transactions = transactions
        self.committer: Committer = transactions.committer
        self.clock = clock
        super().__init__(self.committer.store.client)

    # By id

    def get_or_none(self, kind: str, project_id: str, id: str) -> Value | None:
        """Return a project's document, None if there is none."""
        key = codec.key(kind, project_id, id)
        read = self.committer.read((key,))
        return read[key].value

    def claimed(self, kind: str, id: str) -> Value | None:
        """Return the document of any project that has a claim on an id."""
        key = codec.claim_key(kind, id)
        attempts = Retries('Looking up who has claimed %s %s', kind, id)
        is_first = True
        while True:
            # The claim says which project; its document has to agree.
            read = self.committer.read((key,))
            claim = read[key].value
            if claim is None:
                return None
            value = self.get_or_none(kind, claim.project_id, id)
            if value is not None and _has_claim(value):
                return value
            # The document has given the claim up since the claim was read.
            # Or they disagree for good: nobody else would remove the claim.
            if not is_first and claims.is_stale(self.committer, claim):
                remove = functools.partial(
                    claims.remove, self.transactions, claim
                )
                self.committer.best_effort(remove)
                return None
            attempts.wait('the document does not have the claim')
            is_first = False

    def visible(
        self, project_id: str, ids: collections.abc.Iterable[str]
    ) -> dict[str, Document]:
        """Return those clients of the ids that a project sees, by id: its own,
        or else central ones.
        """
        kind = documents.CLIENTS
        found: dict[str, Document] = {}
        for id in ids:
            value = self.get_or_none(kind, project_id, id)
            if value is None:
                value = self.claimed(kind, id)
            if value is not None:
                found[id] = codec.document(value)
        return found

    # By the index

    def having(
        self, kind: str, project_id: str, pair: search_pairs.Pair
    ) -> list[str]:
        """Return the ids of a project's documents that have a pair."""

        def page(after: list[typing.Any] | None) -> Body:
            return queries.with_pair(
                kind,
                project_id,
                pair,
                PAGE_SIZE,
                after,
            )

        ids = []
        for hit in self.search_all(kind, page):
            source = hit['_source']
            ids.append(source['id'])
        return ids

    def backups_of_run(
        self, project_id: str, session_id: str, record: Record
    ) -> tuple[str, ...]:
        """See :meth:`Storage.run_backups`."""
        # A backup may be found twice: by the run that it names and by its job
        # and time.
        ids: dict[int, str] = {}
        for page in run_backups.of_run(
            project_id, session_id, record, PAGE_SIZE
        ):
            for hit in self.search_all(documents.BACKUPS, page):
                source = hit['_source']
                ids[source['seq']] = source['id']
        # As lists have them: by their numbers.
        in_order = sorted(ids.items())
        return tuple([id for _seq, id in in_order])

    def search_all(self, kind: str, page: Paged) -> list[Hit]:
        """Return what a search finds on all of its pages, as it is."""
        result: list[Hit] = []
        sight = self.sight(kind)
        attempts = Retries('Searching %s', kind)
        after = None
        while True:
            body = page(after)
            hits = self.search_hits(kind, body)
            # The part of the query that decides, without what is pending.
            wanted = find_named(queries.FOUND, body['query'])
            seen = sight.see(hits, wanted)
            if seen is None:
                attempts.wait(pending.SEARCH_AGAIN)
                continue
            result += seen
            if len(hits) < PAGE_SIZE:
                sight.complete()
                return result
            after = hits[-1]['sort']

    def sight(self, kind: str) -> pending.PendingView:
        """Return how the documents of a search are seen."""
        return pending.PendingView(self.committer, kind, self.clock)

    def settle(self, value: Value) -> None:
        """Complete the run of a session if it has lapsed."""
        unit_of_work.settle(
            self.transactions,
            self,
            self.clock,
            value.project_id,
            value.id,
        )


def _has_claim(value: Value) -> bool:
    body = value.state['body']
    claim = documents.claim(value.kind, value.id, body)
    return claim is not None
