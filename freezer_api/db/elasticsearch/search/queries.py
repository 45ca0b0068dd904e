"""The bodies of searches, made of queries alone.

Beside what they look for, which they name ``found``, they find what is
pending: see :mod:`.reading`.
"""

import collections.abc
import dataclasses
import typing

from freezer_api.db import scopes
from freezer_api.db.base import Scope
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.search import terms
from freezer_api.db.elasticsearch.search.clauses import (
    Clause,
    Position,
    all_of,
    any_of,
    behind,
    between,
    named,
    term,
    text,
)
from freezer_api.db.scopes import searched_scopes
from freezer_api.domain import (
    documents,
    run_state,
    search_pairs,
    search_query,
)

Body = dict[str, typing.Any]
#: Pending documents that may come beside a page: as many as Elasticsearch
#: allows by default.
ASIDE = 100
#: The names of clauses: for what a query looks for; for locks and tombstones;
#: for sessions whose runs have lapsed.
FOUND, PENDING, DUE = 'found', 'pending', 'due'


@dataclasses.dataclass(frozen=True, slots=True)
class PageSearch:
    """The search for a page: of a query in a scope, behind a position, without
    the central clients with the ids ``hidden``.
    """

    scope: Scope
    kind: str
    query: search_query.Query
    position: Position | None = None
    hidden: collections.abc.Sequence[str] = ()

    def page(self, size: int, now: int) -> Body:
        """Return the search for the first ``size`` documents, and for what is
        pending among them; ``now`` decides which runs have lapsed.
        """
        if self.query.offset:
            return self._page_by_offset(size, now)
        wanted = [self.found()]
        wanted += self._pending(now)
        return in_order(wanted, size, self.position, self.query.descending)

    def first_slice(self, size: int, now: int) -> Body:
        """Return a search like :meth:`page` for a point in time, which
        :func:`next_slice` goes on with.
        """
        if self.query.offset or self.position is None:
            return self.page(size, now)
        # At a point in time hits are sorted by a third value as well, so
        # ``search_after`` can't take this position.
        wanted = [self.found()]
        wanted += self._pending(now)
        descending = self.query.descending
        here = behind(any_of(wanted), self.position, descending)
        return in_order([here], size, None, descending)

    def _page_by_offset(self, size: int, now: int) -> Body:
        """Return a search whose offset counts what is found, and not what is
        pending.

        What is pending before the page matters as well. So all of the scope is
        aggregated beside the page: see :func:`aside`.
        """
        wanted = self.found()
        descending = self.query.descending
        if self.position is not None:
            wanted = behind(wanted, self.position, descending)
        pending = _aggregated(self._pending(now))
        return {
            **in_order([wanted], size, None, descending),
            'from': self.query.offset,
            'aggs': {
                'all': {
                    'global': {},
                    'aggs': pending,
                }
            },
        }

    def without_offset(self) -> 'PageSearch':
        """Return the search for the same from the first document on."""
        query = dataclasses.replace(self.query, offset=0)
        return dataclasses.replace(self, query=query)

    def found(self) -> Clause:
        """Return the clause for what the query looks for."""
        by_scope = []
        for name in searched_scopes(self.scope, self.kind):
            clause = _wanted(name, self.kind, self.query)
            by_scope.append(clause)
        if self.hidden:
            # The second scope is that of central clients.
            unwanted = by_scope[1]['bool']['must_not']
            hidden = {'id': list(self.hidden)}
            unwanted.append({'terms': hidden})
        return named(FOUND, any_of(by_scope))

    def _pending(self, now: int) -> list[Clause]:
        """Return the clauses for what may be other than the index says; of
        sessions whose runs have lapsed those that could be found.
        """
        found = _pending(self.scope)
        if self.kind == documents.SESSIONS and now:
            query = _lasting(self.query)
            lasting = _wanted(self.scope.project_id, self.kind, query)
            has_passed = between('settle_at', lt=now)
            is_due = all_of([lasting, has_passed])
            found.append(named(DUE, is_due))
        return found


def _lasting(query: search_query.Query) -> search_query.Query:
    """Return a query for all that another one finds, or would find if runs had
    lapsed: without what a lapse changes.
    """
    return dataclasses.replace(
        query,
        pairs=_without_lapsing(query.pairs),
        not_pairs=_without_lapsing(query.not_pairs),
        texts=frozenset(),
        not_texts=frozenset(),
    )


def _without_lapsing(
    pairs: frozenset[search_pairs.Pair],
) -> frozenset[search_pairs.Pair]:
    left = set()
    for key, value in pairs:
        if key not in run_state.LAPSING:
            left.add((key, value))
    return frozenset(left)


def next_slice(body: Body, hits: list[Clause]) -> Body:
    """Return the search for what follows the hits of a search at one point in
    time.
    """
    if body.get('from'):
        return {
            **body,
            'from': body['from'] + len(hits),
        }
    return {
        **body,
        'search_after': hits[-1]['sort'],
    }


def _aggregated(pending: list[Clause]) -> Body:
    """Return aggregations of what is pending, each by its name."""
    hits = {
        'top_hits': {
            'size': ASIDE,
            '_source': store.SOURCE,
            'seq_no_primary_term': True,
            'sort': [{'seq': 'asc'}],
        }
    }
    found = {}
    for clause in pending:
        name = clause['bool']['_name']
        found[name] = {
            'filter': clause,
            'aggs': {'hits': hits},
        }
    return found


def aside(answer: Body) -> list[Clause]:
    """Return the pending documents that came beside a page, as hits like those
    on it.
    """
    result = []
    for name, found in _aside(answer).items():
        hits = found['hits']['hits']
        for hit in hits['hits']:
            result.append(
                {
                    **hit,
                    'matched_queries': [name],
                }
            )
    return result


def has_more_aside(answer: Body) -> bool:
    """Tell whether there are more pending documents than came beside a
    page.
    """
    counts = [found['doc_count'] for found in _aside(answer).values()]
    return max(counts, default=0) > ASIDE


def _aside(answer: Body) -> Body:
    if 'aggregations' not in answer:
        return {}
    found = answer['aggregations']['all']
    aside = {}
    for name in (PENDING, DUE):
        if name in found:
            aside[name] = found[name]
    return aside


def with_pair(
    kind: str,
    project_id: str,
    pair: search_pairs.Pair,
    size: int,
    after: Position | None,
) -> Body:
    """Return the search for a project's documents that have a pair: for their
    ids, without their states.
    """
    scope = Scope(project_id)
    wanted = having(project_id, kind, pair)
    body = looked_up(scope, wanted, size, after)
    return {
        **body,
        '_source': store.WITHOUT_STATE,
    }


def everywhere(id: str, size: int, after: Position | None) -> Body:
    """Return the search for the jobs of all projects that have an id, the
    oldest first.
    """
    kind = documents.JOBS
    pair = 'job_id', search_pairs.canonical(id)
    # Without a scope of their own one search per project would be needed.
    wanted = having(scopes.EVERYWHERE, kind, pair)
    scope = Scope('', everywhere=True)
    return looked_up(scope, wanted, size, after)


def central(kind: str, size: int, after: Position | None) -> Body:
    """Return the search for the central documents of all projects."""
    wanted = having(scopes.CENTRAL, kind, scopes.ANY)
    scope = Scope('', central=True)
    return looked_up(scope, wanted, size, after)


def of_ids(
    kind: str,
    project_id: str,
    ids: collections.abc.Sequence[str],
    size: int,
    after: Position | None,
) -> Body:
    """Return the search for those documents of a project that have one of the
    ids.
    """
    scope = Scope(project_id)
    of_project = having(project_id, kind, scopes.ANY)
    of_ids = {'terms': {'id': list(ids)}}
    wanted = all_of([of_project, of_ids])
    return looked_up(scope, wanted, size, after)


def having(scope: str, kind: str, pair: search_pairs.Pair) -> Clause:
    """Return the clause for documents that have a pair."""
    (found,) = terms.look_up(scope, kind, (pair,))
    return term('terms', found)


def _wanted(scope: str, kind: str, query: search_query.Query) -> Clause:
    """Return the clause for what a query looks for in one scope."""
    pairs, not_pairs = search_query.compile_pairs(kind, query)
    if not pairs:
        pairs = frozenset((scopes.ANY,))
    wanted = _terms(scope, kind, pairs)
    unwanted = _terms(scope, kind, not_pairs)
    for folded in sorted(query.texts):
        wanted.append(text(folded))
    for folded in sorted(query.not_texts):
        unwanted.append(text(folded))
    if query.bounded:
        bounds = {}
        if query.since is not None:
            bounds['gte'] = query.since
        if query.until is not None:
            bounds['lte'] = query.until
        wanted.append(between('moment', **bounds))
    return {
        'bool': {
            'filter': wanted,
            'must_not': unwanted,
        }
    }


def _terms(
    scope: str, kind: str, pairs: collections.abc.Iterable[search_pairs.Pair]
) -> list[Clause]:
    """Return a clause for each pair."""
    found = terms.look_up(scope, kind, pairs)
    return [term('terms', one) for one in sorted(found)]


def _pending(scope: Scope) -> list[Clause]:
    """Return the clause for documents with locks, and for tombstones."""
    in_scope = []
    if not scope.everywhere and not scope.central:
        in_scope.append(term('project', scope.project_id))
    in_scope.append(term('restless', True))
    return [named(PENDING, all_of(in_scope))]


def looked_up(
    scope: Scope,
    wanted: Clause,
    size: int,
    after: Position | None,
) -> Body:
    """Return the search for what a clause finds, and for locks and tombstones
    of the scope.
    """
    clauses = [named(FOUND, wanted)]
    clauses += _pending(scope)
    return in_order(clauses, size, after)


def in_order(
    wanted: list[Clause],
    size: int,
    after: Position | None,
    descending: bool = False,
) -> Body:
    """Return the search for what one of the clauses finds, in the order of
    lists.
    """
    order = 'desc' if descending else 'asc'
    body: Body = {
        'query': all_of([any_of(wanted)]),
        'sort': [{'seq': order}, {'key': order}],
        'size': size,
        'track_total_hits': False,
        '_source': store.SOURCE,
    }
    if after:
        body['search_after'] = after
    return body
