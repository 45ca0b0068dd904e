"""Pages of documents: from a query to the searches of :mod:`.queries` and
back.
"""

import collections.abc
import dataclasses
import typing

import orjson

from freezer_api.db import refusals
from freezer_api.db.base import Bounds, Page, Scope, check_page
from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.commits import retries, store
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.search import pending, queries
from freezer_api.db.elasticsearch.search.clauses import (
    Clause,
    Position,
    find_named,
)
from freezer_api.db.elasticsearch.search.reading import PAGE_SIZE, Reader
from freezer_api.db.elasticsearch.search.searches import Body, Hit, Search
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import Document

#: Hits that are read beyond a page, in place of those that are only pending.
SPARE = 16


class _Again(Exception):
    """A page has to be read again, at another point in time."""


class Finder(Reader):
    """Finds pages of documents in one store."""

    def page(
        self,
        scope: Scope,
        kind: str,
        query: search_query.Query,
        bounds: Bounds,
    ) -> Page:
        """See :meth:`Storage.find`."""
        with retries.one_deadline():
            return self._find(scope, kind, query, bounds)

    def _find(
        self,
        scope: Scope,
        kind: str,
        query: search_query.Query,
        bounds: Bounds,
    ) -> Page:
        position = self._position(scope, kind, query)
        wanted = queries.PageSearch(scope, kind, query, position)
        if scope.sees_central(kind):
            return self._page_by_slices(wanted, bounds)
        # Most pages can't be too large, and are read by one request.
        largest = query.limit * bounds.document
        if largest <= bounds.page:
            return self._page(wanted, bounds)
        return self._page_by_slices(wanted, bounds)

    def _page(self, wanted: queries.PageSearch, bounds: Bounds) -> Page:
        kind = wanted.kind
        limit = wanted.query.limit
        # One more tells whether there are more; the spare ones make up for
        # hits that are only pending.
        size = limit + 1 + SPARE
        attempts = Retries('Listing %s', kind)
        sight = self.sight(kind)
        while True:
            body = wanted.page(size, sight.now)
            answer = self.search(kind, body)
            hits = answer['hits']['hits']
            seen = sight.see(hits, wanted.found())
            is_shifted = self._is_shifted(sight, wanted, answer)
            if seen is None or is_shifted is None:
                attempts.wait(pending.SEARCH_AGAIN)
                continue
            sight.complete()
            has_more = len(seen) > limit
            # More than the spare ones may be only pending.
            is_short = not has_more and len(hits) == size
            if is_shifted or is_short:
                return self._page_by_slices(wanted, bounds)
            return _shown(kind, seen[:limit], has_more, bounds)

    def _is_shifted(
        self,
        sight: pending.PendingView,
        wanted: queries.PageSearch,
        answer: Body,
    ) -> bool | None:
        """Tell whether an offset counts other documents than the index does.
        None: the search has to be done again.
        """
        if not wanted.query.offset:
            return False
        if queries.has_more_aside(answer):
            return True
        hits = queries.aside(answer)
        return sight.differs(hits, wanted.found())

    def _page_by_slices(
        self, wanted: queries.PageSearch, bounds: Bounds
    ) -> Page:
        """Return a page that takes several searches, which are all of one
        time: it may be too large, or its offset has to be counted.
        """
        # Each document may be as large as one is allowed to be.
        fitting = max(1, bounds.page // bounds.document)
        slice_size = min(fitting, PAGE_SIZE)
        attempts = Retries('Listing %s', wanted.kind)
        sight = self.sight(wanted.kind)
        while True:
            try:
                with self.point_in_time(wanted.kind) as search_in_pit:
                    page = self._sliced_page(
                        wanted, bounds, slice_size, search_in_pit, sight
                    )
                sight.complete()
                return page
            except _Again as error:
                attempts.wait(str(error))

    def _sliced_page(
        self,
        wanted: queries.PageSearch,
        bounds: Bounds,
        slice_size: int,
        search_in_pit: Search,
        sight: pending.PendingView,
    ) -> Page:
        """Return a page by searches at a point in time."""
        if wanted.scope.central and wanted.kind == documents.CLIENTS:
            # A project's own client hides a central one of the same id. That
            # can't be said in one search, so it is looked up before.
            hidden = self._hidden_clients(
                wanted.scope.project_id, search_in_pit, sight
            )
            wanted = dataclasses.replace(wanted, hidden=hidden)
        query = wanted.query
        offset, limit = query.offset, query.limit
        wanted = wanted.without_offset()
        body = wanted.first_slice(slice_size, sight.now)
        shown: list[Document] = []
        total = skipped = 0
        found = wanted.found()
        for hit in self._hits_in_pit(search_in_pit, sight, body, found):
            if skipped < offset:
                skipped += 1
                continue
            if len(shown) == limit:
                return Page(tuple(shown), True)
            document, size = _packed(wanted.kind, hit)
            total += size
            check_page(total, bounds.page)
            shown.append(document)
        return Page(tuple(shown), False)

    def _hits_in_pit(
        self,
        search_in_pit: Search,
        sight: pending.PendingView,
        body: Body,
        found: Clause,
    ) -> collections.abc.Iterator[Hit]:
        """Yield what a search finds at a point in time, slice by slice;
        ``_Again`` if all has to be read again.
        """
        while True:
            answer = search_in_pit(body)
            if answer is None:
                raise _Again('Elasticsearch has forgotten a point in time')
            hits = answer['hits']['hits']
            seen = sight.see(hits, found)
            if seen is None:
                raise _Again(pending.SEARCH_AGAIN)
            yield from seen
            # The last slice: what is pending counts as well.
            if len(hits) < body['size']:
                return
            body = queries.next_slice(body, hits)

    def _hidden_clients(
        self,
        project_id: str,
        search_in_pit: Search,
        sight: pending.PendingView,
    ) -> list[str]:
        """Return the ids of those central clients that a project doesn't see,
        because it has its own client of the id.
        """
        kind = documents.CLIENTS
        # Central clients are few, and a project has few of their ids.
        body = queries.central(kind, PAGE_SIZE, None)
        ids = self._ids_in_pit(body, search_in_pit, sight)
        hidden: list[str] = []
        for some in batches(ids, PAGE_SIZE):
            body = queries.of_ids(kind, project_id, some, PAGE_SIZE, None)
            hidden += self._ids_in_pit(body, search_in_pit, sight)
        return hidden

    def _ids_in_pit(
        self, body: Body, search_in_pit: Search, sight: pending.PendingView
    ) -> list[str]:
        """Return the ids of what a search finds at a point in time."""
        body = {
            **body,
            '_source': store.WITHOUT_STATE,
        }
        found = find_named(queries.FOUND, body['query'])
        hits = self._hits_in_pit(search_in_pit, sight, body, found)
        return [hit['_source']['id'] for hit in hits]

    def _position(
        self, scope: Scope, kind: str, query: search_query.Query
    ) -> Position | None:
        """Return the position behind which the page begins; None: it begins
        with the first document.
        """
        if query.marker is None:
            return None
        project_id = query.marker_project
        value = self._get_marked(scope, kind, query.marker, project_id)
        if value is None:
            raise refusals.no_such_marker(query.marker_given)
        _kind, key = value.key
        return [value.seq, key]

    def _get_marked(
        self, scope: Scope, kind: str, id: str, project_id: str | None
    ) -> Value | None:
        """Return the document that a marker names: of a project, if the marker
        says so, else of all that the scope sees.
        """
        own = scope.project_id
        # The own one comes first where several have the id.
        value = self.get_or_none(kind, project_id or own, id)
        if value is not None:
            return value
        if project_id not in (None, own):
            return None
        if scope.sees_central(kind):
            return self.claimed(kind, id)
        if scope.sees_everywhere(kind) and project_id is None:
            hits = self.search_all(
                kind, lambda after: queries.everywhere(id, PAGE_SIZE, after)
            )
            if hits:
                return store.found(kind, hits[0]).value
        return None


def _shown(kind: str, hits: list[Hit], has_more: bool, bounds: Bounds) -> Page:
    """Return the page of hits; ``InvalidInput`` if it is too large."""
    shown = []
    size = 0
    for hit in hits:
        document = _document(kind, hit)
        size += documents.size(document.body)
        shown.append(document)
    check_page(size, bounds.page)
    return Page(tuple(shown), has_more)


def _document(kind: str, hit: Hit) -> Document:
    found = store.found(kind, hit)
    value = typing.cast(Value, found.value)
    return codec.document(value)


def _packed(kind: str, hit: Hit) -> tuple[Document, int]:
    """Return the document of a hit, and its bytes of JSON. Its body is kept as
    JSON, which takes less memory where a page is large.
    """
    document = _document(kind, hit)
    body = orjson.dumps(document.body)
    packed = documents.Packed(
        kind,
        document.project_id,
        document.id,
        document.version,
        document.created,
        body,
    )
    return packed, len(body)
