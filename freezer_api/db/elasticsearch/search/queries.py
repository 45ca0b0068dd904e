"""The bodies of searches, made of queries alone.

Beside what they look for, which they name ``found``, they find what is
pending: see :mod:`.reading`.
"""

import collections.abc
import dataclasses
import functools
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
from freezer_api.domain import (
    backups,
    documents,
    run_state,
    search_pairs,
    search_query,
)
from freezer_api.domain.session_state import Record

Body = dict[str, typing.Any]
#: Jobs that one search for a run's backups asks for. Each counts as five
#: clauses, for a range of time is two, and some servers allow 1,024.
JOBS_AT_ONCE = 200
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
        wanted = [self.found(), *self._pending(now)]
        return in_order(wanted, size, self.position, self.query.descending)

    def first_slice(self, size: int, now: int) -> Body:
        """Return a search like :meth:`page` for a point in time, which
        :func:`next_slice` goes on with.
        """
        if self.query.offset or self.position is None:
            return self.page(size, now)
        # At a point in time hits are sorted by a third value as well, so
        # ``search_after`` can't take this position.
        wanted = [self.found(), *self._pending(now)]
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
        for name in _scopes(self.scope, self.kind):
            by_scope.append(_wanted(name, self.kind, self.query))
        if self.hidden:
            # The second scope is that of central clients.
            unwanted = by_scope[1]['bool']['must_not']
            unwanted.append({'terms': {'id': list(self.hidden)}})
        return named(FOUND, any_of(by_scope))

    def _pending(self, now: int) -> list[Clause]:
        """Return the clauses for what may be other than the index says; of
        sessions whose runs have lapsed those that could be found.
        """
        found = _pending(self.scope)
        if self.kind == documents.SESSIONS and now:
            lasting = _wanted(
                self.scope.project_id, self.kind, _lasting(self.query)
            )
            is_due = all_of([lasting, between('settle_at', lt=now)])
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
    return frozenset(
        pair for pair in pairs if pair[0] not in run_state.LAPSING
    )


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
        for hit in found['hits']['hits']['hits']:
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
    return any(found['doc_count'] > ASIDE for found in _aside(answer).values())


def _aside(answer: Body) -> Body:
    if 'aggregations' not in answer:
        return {}
    found = answer['aggregations']['all']
    return {name: found[name] for name in (PENDING, DUE) if name in found}


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
    (found,) = terms.look_up(project_id, kind, (pair,))
    body = _looked_up(
        Scope(project_id), kind, term('terms', found), size, after
    )
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
    (found,) = terms.look_up(scopes.EVERYWHERE, kind, (pair,))
    scope = Scope('', everywhere=True)
    return _looked_up(scope, kind, term('terms', found), size, after)


def central(kind: str, size: int, after: Position | None) -> Body:
    """Return the search for the central documents of all projects."""
    (found,) = terms.look_up(scopes.CENTRAL, kind, (scopes.ANY,))
    scope = Scope('', central=True)
    return _looked_up(scope, kind, term('terms', found), size, after)


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
    (found,) = terms.look_up(project_id, kind, (scopes.ANY,))
    wanted = all_of([term('terms', found), {'terms': {'id': list(ids)}}])
    return _looked_up(Scope(project_id), kind, wanted, size, after)


def of_run(
    project_id: str, session_id: str, record: Record, size: int
) -> collections.abc.Iterator[
    collections.abc.Callable[[Position | None], Body]
]:
    """Yield searches for the backups that belong to a run, each a function of
    the position that its page begins behind.
    """
    kind = documents.BACKUPS
    pair = search_pairs.run_pair(session_id, record.tag)
    names_run = term('terms', *terms.look_up(project_id, kind, (pair,)))
    spans = list(backups.spans(record).items())
    for first in range(0, max(1, len(spans)), JOBS_AT_ONCE):
        wanted = [names_run]
        for job_id, span in spans[first : first + JOBS_AT_ONCE]:
            wanted.append(_made_by_job(project_id, job_id, span))
        yield functools.partial(
            _looked_up, Scope(project_id), kind, any_of(wanted), size
        )


def _made_by_job(
    project_id: str, job_id: str, span: tuple[int, int]
) -> Clause:
    """Return the clause for the backups that a job made in a span of time, by
    one of the timestamps that they have.
    """
    since, until = span
    pair = terms.made_by(job_id)
    found = terms.look_up(project_id, documents.BACKUPS, (pair,))
    in_time = []
    for timestamp in ('moment', 'created'):
        in_time.append(between(timestamp, gte=since, lte=until))
    return all_of([term('terms', *found), any_of(in_time)])


def _scopes(scope: Scope, kind: str) -> list[str]:
    """Return the names of scopes that documents are looked for in."""
    if scope.everywhere and kind == documents.JOBS:
        return [scopes.EVERYWHERE]
    if scope.central and kind == documents.CLIENTS:
        return [scope.project_id, scopes.CENTRAL]
    return [scope.project_id]


def _wanted(scope: str, kind: str, query: search_query.Query) -> Clause:
    """Return the clause for what a query looks for in one scope."""
    pairs, not_pairs = search_query.compile_pairs(kind, query)
    wanted = _terms(scope, kind, pairs or {scopes.ANY})
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
    found = sorted(terms.look_up(scope, kind, pairs))
    return [term('terms', one) for one in found]


def _pending(scope: Scope) -> list[Clause]:
    """Return the clause for documents with locks, and for tombstones."""
    in_scope = []
    if not scope.everywhere and not scope.central:
        in_scope.append(term('project', scope.project_id))
    return [named(PENDING, all_of([*in_scope, term('restless', True)]))]


def _looked_up(
    scope: Scope,
    kind: str,
    wanted: Clause,
    size: int,
    after: Position | None,
) -> Body:
    """Return the search for what a clause finds, and for locks and tombstones
    of the scope.
    """
    clauses = [named(FOUND, wanted), *_pending(scope)]
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
        'query': {'bool': {'filter': [any_of(wanted)]}},
        'sort': [{'seq': order}, {'key': order}],
        'size': size,
        'track_total_hits': False,
        '_source': store.SOURCE,
    }
    if after:
        body['search_after'] = after
    return body
