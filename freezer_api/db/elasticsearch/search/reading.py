"""Reading documents by their ids, and looking ids up in the index.

The index may be behind: a document with a lock is in it as it was before the
transaction, a deleted document as a tombstone, and a session whose run has
lapsed as one that is running. Such documents are *pending*. Every search also
asks for those that could concern it. If one of them has changed, it is brought
up to date, and the search is done again. So what a search returns is as it was
at one time, and has all that was acknowledged before.
"""

import collections.abc
import logging
import typing

from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch import documents as own
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.commits.store import Found
from freezer_api.db.elasticsearch.commits.transactions import Committer
from freezer_api.db.elasticsearch.maintenance import claims
from freezer_api.db.elasticsearch.search import queries
from freezer_api.db.elasticsearch.search.searches import Body, Hit, Searches
from freezer_api.db.elasticsearch.unit_of_work import Units
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Record

LOG = logging.getLogger(__name__)
#: Documents that a look-up reads at once.
PAGE_SIZE = 500

#: The reason for doing a search again.
BROUGHT_UP_TO_DATE = 'a pending document was brought up to date'
#: Returns the body of the search for the page behind a position.
Paged = collections.abc.Callable[[list[typing.Any] | None], Body]


class Reader(Searches):
    """Reads one store."""

    def __init__(self, units: Units, clock: own.Clock):
        self.units = units
        self.committer: Committer = units.committer
        self.clock = clock
        super().__init__(self.committer.store.client)

    # By id

    def get_or_none(self, kind: str, project_id: str, id: str) -> Value | None:
        """Return a project's document, None if there is none."""
        key = codec.key(kind, project_id, id)
        return self.committer.read((key,))[key].value

    def claimed(self, kind: str, id: str) -> Value | None:
        """Return the document of any project that has a claim on an id."""
        key = codec.claim_key(kind, id)
        attempts = Retries('Looking up who has claimed %s %s', kind, id)
        is_first = True
        while True:
            claim = self.committer.read((key,))[key].value
            if claim is None:
                return None
            value = self.get_or_none(kind, claim.project_id, id)
            if value is not None and _has_claim(value):
                return value
            # The document has given the claim up since the claim was read.
            # Or they disagree for good: nobody else would remove the claim.
            if not is_first and self._remove_stale_claim(claim):
                return None
            attempts.wait('the document does not have the claim')
            is_first = False

    def _remove_stale_claim(self, claim: Value) -> bool:
        if not claims.is_stale(self.committer, claim):
            return False
        return claims.remove(self.units, claim)

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
            return queries.with_pair(kind, project_id, pair, PAGE_SIZE, after)

        return [hit['_source']['id'] for hit in self.search_all(kind, page)]

    def backups_of_run(
        self, project_id: str, session_id: str, record: Record
    ) -> tuple[str, ...]:
        """See :meth:`Storage.run_backups`."""
        # A backup may be found twice: by the run that it names and by its job
        # and time.
        ids: dict[int, str] = {}
        for page in queries.of_run(project_id, session_id, record, PAGE_SIZE):
            for hit in self.search_all(documents.BACKUPS, page):
                source = hit['_source']
                ids[source['seq']] = source['id']
        return tuple(ids[seq] for seq in sorted(ids))

    def search_all(self, kind: str, page: Paged) -> list[Hit]:
        """Return what a search finds on all of its pages, without what it
        finds because it is pending.
        """
        result: list[Hit] = []
        attempts = Retries('Searching %s', kind)
        after = None
        while True:
            hits = self.search_hits(kind, page(after))
            if not self._is_current(kind, hits):
                attempts.wait(BROUGHT_UP_TO_DATE)
                continue
            result += [hit for hit in hits if is_match(hit)]
            if len(hits) < PAGE_SIZE:
                return result
            after = hits[-1]['sort']

    # What is pending

    def _is_current(self, kind: str, hits: list[Hit]) -> bool:
        """Tell whether documents are as the index says. Those that aren't are
        brought up to date, for the next search.
        """
        is_current = True
        locked: dict[Key, Found] = {}
        for hit in hits:
            found = store.found(kind, hit)
            if found.lock:
                locked[found.key] = found
            elif found.mark.get('gone'):
                self.committer.remove_tombstone(found)
            elif queries.PENDING in hit.get('matched_queries', ()):
                self._correct(found, 'restless')
            elif kind == documents.SESSIONS:
                is_current &= self._is_settled(hit, found)
        for key, seen in self.committer.resolve(locked).items():
            # With a lock that is void or undecided it is as the index says.
            if seen is None or seen.value != locked[key].value:
                self.committer.apply(locked[key])
                is_current = False
        return is_current

    def _is_settled(self, hit: Hit, found: Found) -> bool:
        """Tell whether a session is as it is found. If not it is brought up to
        date.
        """
        if found.value is None:
            return True
        due = codec.session(found.value).settle_at
        if due is not None and due < self.clock():
            self.settle(found.value)
            return False
        if queries.DUE in hit.get('matched_queries', ()):
            self._correct(found, 'settle_at')
            return False
        return True

    def settle(self, value: Value) -> None:
        """Complete the run of a session if it has lapsed."""
        own.settle(self.units, self, self.clock, value.project_id, value.id)

    def _correct(self, found: Found, field: str) -> None:
        """Write a document again that was found by a field that doesn't follow
        from it: as an index changed by hand has it. Without that every search
        would stumble over it.
        """
        stored = self.committer.store.get(found.key)
        if stored.point != found.point:
            return
        write = store.put(stored, stored.value, stored.mark)
        (written,) = self.committer.store.write([write])
        if written is not None:
            LOG.error(
                'Field %s of %s %s was not what the document says; corrected.',
                field,
                *found.key,
            )


def is_match(hit: Hit) -> bool:
    """Tell whether a hit is what the query looks for, and not found for being
    pending alone.
    """
    return queries.FOUND in hit.get('matched_queries', ())


def _has_claim(value: Value) -> bool:
    body = value.state['body']
    return documents.claim(value.kind, value.id, body) is not None
