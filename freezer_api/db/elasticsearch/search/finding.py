"""Pages of documents: from a query to the searches of :mod:`.queries` and
back.
"""

import typing

import orjson

from freezer_api.db import refusals
from freezer_api.db.base import Bounds, Page, Scope, check_page
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.search import queries, reading
from freezer_api.db.elasticsearch.search.clauses import Position
from freezer_api.db.elasticsearch.search.reading import (
    PAGE_SIZE,
    Reader,
    is_match,
)
from freezer_api.db.elasticsearch.search.searches import Body, Hit
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import Document

#: Hits that are read beyond a page, in place of those that are only pending.
SPARE = 16


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
        position = self._position(scope, kind, query)
        # A project's own client hides a central one of the same id. That
        # can't be said in one search, so it is looked up before.
        hidden = []
        if scope.central and kind == documents.CLIENTS:
            hidden = self._hidden_clients(scope.project_id)
        wanted = queries.PageSearch(scope, kind, query, position, hidden)
        # Most pages can't be too large, and are read by one request.
        if query.limit * bounds.document <= bounds.page:
            return self._page(wanted, bounds)
        return self._large_page(wanted, bounds)

    def _page(self, wanted: queries.PageSearch, bounds: Bounds) -> Page:
        kind, limit = wanted.kind, wanted.query.limit
        size = limit + 1 + SPARE
        attempts = Retries('Listing %s', kind)
        while True:
            answer = self.search(kind, wanted.page(size, self.clock()))
            hits = answer['hits']['hits']
            if not self._is_current(kind, [*hits, *queries.aside(answer)]):
                attempts.wait(reading.BROUGHT_UP_TO_DATE)
                continue
            matches = [hit for hit in hits if is_match(hit)]
            has_more = len(matches) > limit
            if has_more or len(hits) < size:
                return _shown(kind, matches[:limit], has_more, bounds)
            # More than the spare ones are only pending.
            size *= 2

    def _large_page(self, wanted: queries.PageSearch, bounds: Bounds) -> Page:
        """Return a page that may be too large: it is read slice by slice,
        until it is whole or is too large.
        """
        slice_size = max(1, bounds.page // bounds.document)
        attempts = Retries('Listing %s', wanted.kind)
        while True:
            body = wanted.first_slice(slice_size, self.clock())
            page = self._sliced_page(
                wanted.kind, wanted.query.limit, bounds, body
            )
            if page is not None:
                return page
            attempts.wait(reading.BROUGHT_UP_TO_DATE)

    def _sliced_page(
        self, kind: str, limit: int, bounds: Bounds, body: Body
    ) -> Page | None:
        """Return a page that is read in slices, beginning with ``body``.

        None if it has to be read again: a document was pending, and is up to
        date now, or Elasticsearch has forgotten the point in time.
        """
        slice_size = body['size']
        shown: list[Document] = []
        total = 0
        with self.point_in_time(kind) as search_then:
            while True:
                answer = search_then(body)
                if answer is None:
                    return None
                hits = answer['hits']['hits']
                if not self._is_current(kind, [*hits, *queries.aside(answer)]):
                    return None
                for hit in hits:
                    if not is_match(hit):
                        continue
                    if len(shown) == limit:
                        return Page(tuple(shown), True)
                    document, size = _packed(kind, hit)
                    total += size
                    check_page(total, bounds.page)
                    shown.append(document)
                # The last slice: what is pending counts as well.
                if len(hits) < slice_size:
                    return Page(tuple(shown), False)
                body = queries.next_slice(body, hits)

    def _hidden_clients(self, project_id: str) -> list[str]:
        """Return the ids of those central clients that a project doesn't see,
        because it has its own client of the id.
        """
        kind = documents.CLIENTS
        central = self.search_all(
            kind, lambda after: queries.central(kind, PAGE_SIZE, after)
        )
        ids = [hit['_source']['id'] for hit in central]
        hidden: list[str] = []
        for first in range(0, len(ids), PAGE_SIZE):
            some = ids[first : first + PAGE_SIZE]

            def page(after: Position | None, some: list[str] = some) -> Body:
                return queries.of_ids(kind, project_id, some, PAGE_SIZE, after)

            for hit in self.search_all(kind, page):
                hidden.append(hit['_source']['id'])
        return hidden

    def _position(
        self, scope: Scope, kind: str, query: search_query.Query
    ) -> Position | None:
        """Return the position behind which the page begins; None: it begins
        with the first document.
        """
        if query.marker is None:
            return None
        value = self._get_marked(
            scope, kind, query.marker, query.marker_project
        )
        if value is None:
            raise refusals.no_such_marker(query.marker_given)
        return [value.seq, value.key[1]]

    def _get_marked(
        self, scope: Scope, kind: str, id: str, project_id: str | None
    ) -> Value | None:
        """Return the document that a marker names: of a project, if the marker
        says so, else of all that the scope sees.
        """
        value = self.get_or_none(kind, project_id or scope.project_id, id)
        if value is not None or project_id not in (None, scope.project_id):
            return value
        if scope.central and kind == documents.CLIENTS:
            return self.claimed(kind, id)
        if scope.everywhere and kind == documents.JOBS and project_id is None:
            hits = self.search_all(
                kind, lambda after: queries.everywhere(id, PAGE_SIZE, after)
            )
            if hits:
                return store.found(kind, hits[0]).value
        return None


def _shown(kind: str, hits: list[Hit], has_more: bool, bounds: Bounds) -> Page:
    """Return the page of hits; ``InvalidInput`` if it is too large."""
    shown = tuple([_document(kind, hit) for hit in hits])
    size = sum([documents.size(document.body) for document in shown])
    check_page(size, bounds.page)
    return Page(shown, has_more)


def _document(kind: str, hit: Hit) -> Document:
    value = typing.cast(Value, store.found(kind, hit).value)
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
