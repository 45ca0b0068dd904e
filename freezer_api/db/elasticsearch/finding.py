"""Pages of documents: from a query to searches of :mod:`.queries` and back.

A search sees what the index was at one moment. Beside what a query finds it
finds what may be other than the index says: documents with a lock, tombstones,
and sessions whose runs have lapsed. What has taken effect is carried out, and
the search done again; what hasn't is as the index says. So a page is of one
moment, and has all that was acknowledged before.
"""

import collections.abc
import contextlib
import functools
import logging
import typing

import orjson

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.base import Bounds, Page, Scope, check_page
from freezer_api.db.elasticsearch import (
    claims,
    client,
    codec,
    commit,
    queries,
    store,
)
from freezer_api.db.elasticsearch import documents as own
from freezer_api.db.elasticsearch.commit import Committer
from freezer_api.db.elasticsearch.store import Found
from freezer_api.db.elasticsearch.units import Units
from freezer_api.domain import documents, search
from freezer_api.domain.documents import Document
from freezer_api.domain.sessions import Record

LOG = logging.getLogger(__name__)
#: Places of a page for what may turn out not to be in it.
SPARE = 16
#: Documents that an internal look-up reads at once.
MANY = 500

#: How long Elasticsearch remembers a moment that isn't asked about.
KEPT = '30s'

Hit = dict[str, typing.Any]
Search = collections.abc.Callable[[Hit], typing.Any]


class Finder:
    """Searches one store."""

    def __init__(self, units: Units, clock: own.Clock):
        self.units = units
        self.committer: Committer = units.committer
        self.client = self.committer.store.client
        self.clock = clock

    def page(
        self, scope: Scope, kind: str, query: search.Query, bounds: Bounds
    ) -> Page:
        """See :meth:`Storage.find`."""
        position = self._position(scope, kind, query)
        shadowed = (
            self._shadowed(scope.project_id)
            if scope.central and kind == documents.CLIENTS
            else ()
        )
        if query.limit * bounds.document > bounds.page:
            return self._large_page(
                scope, kind, query, bounds, position, shadowed
            )
        size, attempt = query.limit + 1 + SPARE, 0
        while True:
            answer = self._asked(
                kind,
                queries.page(
                    scope, kind, query, position, size, self.clock(), shadowed
                ),
            )
            hits = answer['hits']['hits']
            if not self._quiet(kind, [*hits, *queries.aside(answer)]):
                commit.pause(attempt)
                attempt += 1
                continue
            found = [hit for hit in hits if _is_found(hit)]
            if len(found) > query.limit or len(hits) < size:
                shown = tuple(
                    _document(kind, hit) for hit in found[: query.limit]
                )
                check_page(
                    sum(documents.size(document.body) for document in shown),
                    bounds.page,
                )
                return Page(shown, len(found) > query.limit)
            size *= 2

    def _large_page(
        self,
        scope: Scope,
        kind: str,
        query: search.Query,
        bounds: Bounds,
        position: list[typing.Any] | None,
        shadowed: collections.abc.Sequence[str],
    ) -> Page:
        """A page that may be too large: read slice by slice, until it is whole
        or is too large.
        """
        many, attempt = max(1, bounds.page // bounds.document), 0
        while True:
            now = self.clock()
            body = queries.page(
                scope, kind, query, position, many, now, shadowed, sliced=True
            )
            page = self._sliced(kind, query.limit, bounds, many, body)
            if page is not None:
                return page
            commit.pause(attempt)
            attempt += 1

    def _sliced(
        self, kind: str, limit: int, bounds: Bounds, many: int, body: Hit
    ) -> Page | None:
        """A page of ``many`` hits at once.

        None if what was found isn't as the index says, and has been made so.
        """
        shown: list[Document] = []
        total = 0
        with self._moment(kind) as moment:
            while (answer := moment(body)) is not None:
                hits = answer['hits']['hits']
                if not self._quiet(kind, [*hits, *queries.aside(answer)]):
                    return None
                for hit in filter(_is_found, hits):
                    if len(shown) == limit:
                        return Page(tuple(shown), True)
                    document, size = _packed(kind, hit)
                    total += size
                    check_page(total, bounds.page)
                    shown.append(document)
                if len(hits) < many:
                    return Page(tuple(shown), False)
                body = queries.next_slice(body, hits)
        return None

    @contextlib.contextmanager
    def _moment(self, kind: str) -> collections.abc.Iterator[Search]:
        """Searches that see the index as it is now, whatever happens
        meanwhile.

        None from one that comes when Elasticsearch has forgotten the moment.
        """
        self._refresh(kind)
        path, how = (
            f'/{self.client.alias(kind)}/_pit',
            {
                'keep_alive': KEPT,
                **client.SAME_COPY,
            },
        )
        status, opened = self.client.call('POST', path, None, how)
        if status != 200:
            raise RuntimeError(f'_pit: {status} {opened}')
        held = {'id': opened['id'], 'keep_alive': KEPT}

        def search_then(body: Hit) -> typing.Any:
            asked = {**body, 'pit': held, 'seq_no_primary_term': True}
            status, answer = self.client.call('POST', '/_search', asked)
            if status not in (200, 404):
                raise RuntimeError(f'_search: {status} {answer}')
            return answer if status == 200 else None

        try:
            yield search_then
        finally:
            # It is forgotten by itself, some time.
            with contextlib.suppress(exceptions.StorageUnavailable):
                self.client.call('DELETE', '/_pit', {'id': opened['id']})

    def having(self, kind: str, project: str, pair: search.Pair) -> list[str]:
        """The ids of the documents of a project that have a pair."""
        return [
            hit['_source']['id']
            for hit in self.all_of(
                kind,
                lambda after: queries.with_pair(
                    kind, project, pair, MANY, after
                ),
                _is_found,
            )
        ]

    def all_of(
        self,
        kind: str,
        body: collections.abc.Callable[[list | None], Hit],
        wanted: collections.abc.Callable[[Hit], bool] = lambda hit: True,
    ) -> list[Hit]:
        """What a search finds on all of its pages."""
        result: list[Hit] = []
        after, attempt = None, 0
        while True:
            hits = self._search(kind, body(after))
            if not self._quiet(kind, hits):
                commit.pause(attempt)
                attempt += 1
                continue
            result += [hit for hit in hits if wanted(hit)]
            if len(hits) < MANY:
                return result
            after = hits[-1]['sort']

    def backups_of_run(
        self, project: str, session_id: str, record: Record
    ) -> tuple[str, ...]:
        """See :meth:`Storage.run_backups`."""
        found: dict[int, str] = {}
        for body in queries.of_run(project, session_id, record, MANY):
            for hit in self.all_of(documents.BACKUPS, body, _is_found):
                found[hit['_source']['seq']] = hit['_source']['id']
        return tuple(found[seq] for seq in sorted(found))

    def raw(self, kind: str, body: Hit) -> list[Hit]:
        """What stands in the index at this moment, whatever it is."""
        return self._search(kind, body)

    def _shadowed(self, project: str) -> list[str]:
        """The ids of central clients of which a project has its own."""
        kind = documents.CLIENTS
        ids = [
            hit['_source']['id']
            for hit in self.all_of(
                kind,
                lambda after: queries.central(kind, MANY, after),
                _is_found,
            )
        ]
        found: list[str] = []
        for first in range(0, len(ids), MANY):
            some = ids[first : first + MANY]
            body = functools.partial(queries.of_ids, kind, project, some, MANY)
            found += [
                hit['_source']['id']
                for hit in self.all_of(kind, body, _is_found)
            ]
        return found

    def total(self, kind: str, query: Hit) -> int:
        """How many documents a query finds."""
        return self._asked(
            kind, {'query': query, 'size': 0, 'track_total_hits': True}
        )['hits']['total']['value']

    def _search(self, kind: str, body: Hit) -> list[Hit]:
        return self._asked(kind, body)['hits']['hits']

    def _asked(self, kind: str, body: Hit) -> typing.Any:
        """The whole answer to a search, of all that was written before it."""
        alias = self.client.alias(kind)
        self._refresh(kind)
        status, answer = self.client.call(
            'POST',
            f'/{alias}/_search',
            {**body, 'seq_no_primary_term': True},
            client.SAME_COPY,
        )
        if status != 200:
            raise RuntimeError(f'_search: {status} {answer}')
        return answer

    def _refresh(self, kind: str) -> None:
        if not self.client.waits:
            self.client.call('POST', f'/{self.client.alias(kind)}/_refresh')

    def _quiet(self, kind: str, hits: list[Hit]) -> bool:
        """Whether what was found is as the index says. If not, it is made so,
        for the next search.
        """
        quiet = True
        locked: dict[codec.Key, Found] = {}
        for hit in hits:
            found = store.found(kind, hit)
            if found.lock:
                locked[found.key] = found
            elif found.mark.get('gone'):
                self.committer.bury(found)
            elif queries.RESTLESS in hit.get('matched_queries', ()):
                self._correct(found, 'restless')
            elif kind == documents.SESSIONS and found.value is not None:
                quiet &= self._settled(hit, found, found.value)
        for key, seen in self.committer.seen(locked).items() if locked else ():
            if seen is None or seen.value != locked[key].value:
                self.committer.carry(locked[key])
                quiet = False
        return quiet

    def _settled(self, hit: Hit, found: Found, value: codec.Value) -> bool:
        """Whether a session is as it is found; else it is made so."""
        due = codec.session(value).settle_at
        if due is not None and due < self.clock():
            self.settle(value)
            return False
        if queries.DUE in hit.get('matched_queries', ()):
            self._correct(found, 'settle_at')
            return False
        return True

    def settle(self, value: codec.Value) -> None:
        """Complete the run of a session if it has lapsed."""
        own.settle(self.units, self, self.clock, value.project, value.id)

    def _correct(self, found: Found, field: str) -> None:
        """Index a document anew that was found by what it doesn't say; who
        asked may ask again.
        """
        there = self.committer.store.get(found.key)
        if there.at != found.at:
            return
        (written,) = self.committer.store.write(
            [store.put(there, there.value, there.mark)]
        )
        if written is not None:
            LOG.error(
                'Field %s of %s %s was not what the document says; corrected.',
                field,
                *found.key,
            )

    def _position(
        self, scope: Scope, kind: str, query: search.Query
    ) -> list[typing.Any] | None:
        """The place behind which the page begins."""
        if query.marker is None:
            return None
        value = self._marked(scope, kind, query.marker, query.marker_project)
        if value is None:
            raise refusals.no_such_marker(query.marker_given)
        return [value.seq, value.key[1]]

    def _marked(
        self, scope: Scope, kind: str, id: str, project: str | None
    ) -> codec.Value | None:
        own = self.stored(kind, project or scope.project_id, id)
        if (
            own is not None
            or project is not None
            and project != scope.project_id
        ):
            return own
        if scope.central and kind == documents.CLIENTS:
            return self.claimed(kind, id)
        if scope.everywhere and kind == documents.JOBS and project is None:
            hits = self.all_of(
                kind,
                lambda after: queries.everywhere(id, MANY, after),
                _is_found,
            )
            return store.found(kind, hits[0]).value if hits else None
        return None

    # By id

    def stored(self, kind: str, project: str, id: str) -> codec.Value | None:
        """What a project has under an id."""
        key = codec.key(kind, project, id)
        return self.committer.read((key,))[key].value

    def claimed(self, kind: str, id: str) -> codec.Value | None:
        """What has a claim on an id, in any project."""
        key = codec.claim_key(kind, id)
        attempt = 0
        while (claim := self.committer.read((key,))[key].value) is not None:
            value = self.stored(kind, claim.project, id)
            if (
                value is not None
                and documents.claim(kind, id, value.state['body']) is not None
            ):
                return value
            # It has given it up since; else nobody would ever come to take the
            # claim away.
            stale = attempt and claims.is_stale(self.committer, claim)
            if stale and claims.remove(self.units, claim):
                return None
            commit.pause(attempt)
            attempt += 1
        return None

    def visible(
        self, project: str, ids: collections.abc.Iterable[str]
    ) -> dict[str, Document]:
        """Those clients of the ids that a project sees: its own, or else
        central ones.
        """
        found: dict[str, Document] = {}
        for id in ids:
            value = self.stored(
                documents.CLIENTS, project, id
            ) or self.claimed(documents.CLIENTS, id)
            if value is not None:
                found[id] = codec.document(value)
        return found


def _is_found(hit: Hit) -> bool:
    return queries.FOUND in hit.get('matched_queries', ())


def _document(kind: str, hit: Hit) -> Document:
    return codec.document(
        typing.cast(codec.Value, store.found(kind, hit).value)
    )


def _packed(kind: str, hit: Hit) -> tuple[Document, int]:
    """The document of a hit, and its bytes of JSON."""
    one = _document(kind, hit)
    body = orjson.dumps(one.body)
    return documents.Packed(
        kind, one.project_id, one.id, one.version, one.created, body
    ), len(body)
