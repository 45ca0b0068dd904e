"""The bodies of searches, built from queries alone.

Beside what they look for, under the name ``found``, they find what may be
other than the index says: see :mod:`.finding`.
"""

import collections.abc
import functools
import typing

from freezer_api.db import scopes
from freezer_api.db.base import Scope
from freezer_api.db.elasticsearch import store, terms
from freezer_api.domain import backups, documents, search
from freezer_api.domain.sessions import Record

Clause = dict[str, typing.Any]
#: Jobs that one search for a run's backups asks for.
JOBS_AT_ONCE = 300
#: Documents that may come beside a page, as many as Elasticsearch allows by
#: default.
ASIDE = 100
#: The names of clauses: what a query looks for; locks and tombstones; sessions
#: whose runs have lapsed.
FOUND, RESTLESS, DUE = 'found', 'restless', 'due'


def page(
    scope: Scope,
    kind: str,
    query: search.Query,
    position: list[typing.Any] | None,
    size: int,
    now: int,
    shadowed: collections.abc.Sequence[str] = (),
    sliced: bool = False,
) -> Clause:
    """A page of a query behind a position, and what is restless there.

    Not central ones of the ids ``shadowed``. ``sliced``: the first slice, see
    :func:`next_slice`.
    """
    own = [_wanted(name, kind, query) for name in _scopes(scope, kind)]
    if shadowed:
        own[1]['bool']['must_not'].append({'terms': {'id': list(shadowed)}})
    found = _named(FOUND, _any(own))
    if not query.offset:
        both = [found, *_restless(scope, kind, now)]
        if not sliced or position is None:
            return _sorted(both, size, position, query.descending)
        # What is sorted at one moment has a third value, which no position
        # knows.
        here = behind(_any(both), position, query.descending)
        return _sorted([here], size, None, query.descending)
    # What lies before the page counts as well: the restless of all the scope
    # come beside it, and none among those counted.
    wanted = (
        found
        if position is None
        else behind(found, position, query.descending)
    )
    return {
        **_sorted([wanted], size, None, query.descending),
        'from': query.offset,
        'aggs': {'all': {'global': {}, 'aggs': _aside(scope, kind, now)}},
    }


def behind(
    clause: Clause, position: list[typing.Any], descending: bool
) -> Clause:
    """A clause and what ``search_after`` means, which may not be combined with
    an offset.
    """
    seq, key = position
    beyond = 'lt' if descending else 'gt'
    same = _all([_term('seq', seq), {'range': {'key': {beyond: key}}}])
    return _all([clause, _any([{'range': {'seq': {beyond: seq}}}, same])])


def next_slice(body: Clause, hits: list[Clause]) -> Clause:
    """The search for what follows the hits of a search of one moment."""
    if body.get('from'):
        return {**body, 'from': body['from'] + len(hits)}
    return {**body, 'search_after': hits[-1]['sort']}


def _aside(scope: Scope, kind: str, now: int) -> Clause:
    """What is restless, in answers to a search for something else; see
    :func:`aside`.
    """
    hits = {
        'top_hits': {
            'size': ASIDE,
            '_source': store.SOURCE,
            'seq_no_primary_term': True,
            'sort': [{'seq': 'asc'}],
        }
    }
    clauses = zip((RESTLESS, DUE), _restless(scope, kind, now))
    return {
        name: {'filter': clause, 'aggs': {'hits': hits}}
        for name, clause in clauses
    }


def aside(answer: Clause) -> list[Clause]:
    """The hits that came beside a page, as if they were on it."""
    found = answer['aggregations']['all'] if 'aggregations' in answer else {}
    return [
        {**hit, 'matched_queries': [name]}
        for name in (RESTLESS, DUE)
        if name in found
        for hit in found[name]['hits']['hits']['hits']
    ]


def with_pair(
    kind: str,
    project: str,
    pair: search.Pair,
    size: int,
    after: list[typing.Any] | None,
) -> Clause:
    """The documents of a project that have a pair: which they are, without
    their states.
    """
    (term,) = terms.look_up(project, kind, (pair,))
    wanted = [
        _named(FOUND, _term('terms', term)),
        *_restless(Scope(project), kind, 0),
    ]
    return {**_sorted(wanted, size, after), '_source': store.WITHOUT_STATE}


def everywhere(id: str, size: int, after: list[typing.Any] | None) -> Clause:
    """The jobs of all projects that have an id, the oldest first."""
    (term,) = terms.look_up(
        scopes.EVERYWHERE, documents.JOBS, (('job_id', search.canonical(id)),)
    )
    some = Scope('', everywhere=True)
    return _sorted(
        [
            _named(FOUND, _term('terms', term)),
            *_restless(some, documents.JOBS, 0),
        ],
        size,
        after,
    )


def central(kind: str, size: int, after: list[typing.Any] | None) -> Clause:
    """Central documents of all projects."""
    (any_of,) = terms.look_up(scopes.CENTRAL, kind, (scopes.ANY,))
    return _sorted(
        [
            _named(FOUND, _term('terms', any_of)),
            *_restless(Scope('', central=True), kind, 0),
        ],
        size,
        after,
    )


def of_ids(
    kind: str,
    project: str,
    ids: collections.abc.Sequence[str],
    size: int,
    after: list[typing.Any] | None,
) -> Clause:
    """Those documents of a project that have one of the ids."""
    (any_of,) = terms.look_up(project, kind, (scopes.ANY,))
    wanted = _all([_term('terms', any_of), {'terms': {'id': list(ids)}}])
    return _sorted(
        [_named(FOUND, wanted), *_restless(Scope(project), kind, 0)],
        size,
        after,
    )


def of_run(
    project: str, session_id: str, record: Record, size: int
) -> collections.abc.Iterator[
    collections.abc.Callable[[list[typing.Any] | None], Clause]
]:
    """Searches for the backups that belong to a run, each a function of the
    position that its page begins behind.
    """

    def look_up(pair: search.Pair) -> Clause:
        return _term(
            'terms', *terms.look_up(project, documents.BACKUPS, (pair,))
        )

    spans = list(backups.spans(record).items())
    for first in range(0, max(1, len(spans)), JOBS_AT_ONCE):
        made = [
            _all(
                [
                    look_up(terms.made_by(job_id)),
                    _any(
                        [
                            {'range': {clock: {'gte': since, 'lte': until}}}
                            for clock in ('moment', 'created')
                        ]
                    ),
                ]
            )
            for job_id, (since, until) in spans[first : first + JOBS_AT_ONCE]
        ]
        wanted = _any(
            [look_up(search.run_pair(session_id, record.tag)), *made]
        )
        yield functools.partial(
            _sorted,
            [
                _named(FOUND, wanted),
                *_restless(Scope(project), documents.BACKUPS, 0),
            ],
            size,
        )


def of_project(
    project: str, size: int, after: list[typing.Any] | None
) -> Clause:
    """All that there is of a project, whatever it is."""
    return _sorted([_term('project', project)], size, after)


def _scopes(scope: Scope, kind: str) -> tuple[str, ...]:
    if scope.everywhere and kind == documents.JOBS:
        return (scopes.EVERYWHERE,)
    return (
        (scope.project_id, scopes.CENTRAL)
        if scope.central and kind == documents.CLIENTS
        else (scope.project_id,)
    )


def _wanted(scope: str, kind: str, query: search.Query) -> Clause:
    """What a query looks for in one scope."""
    pairs, not_pairs = search.compile_pairs(kind, query)
    wanted = [
        _term('terms', term)
        for term in sorted(terms.look_up(scope, kind, pairs or {scopes.ANY}))
    ]
    unwanted = [
        _term('terms', term)
        for term in sorted(terms.look_up(scope, kind, not_pairs))
    ]
    wanted += [_text(text) for text in sorted(query.texts)]
    unwanted += [_text(text) for text in sorted(query.not_texts)]
    if query.bounded:
        bounds = {'gte': query.since, 'lte': query.until}
        wanted.append(
            {
                'range': {
                    'moment': {
                        name: bound
                        for name, bound in bounds.items()
                        if bound is not None
                    }
                }
            }
        )
    return {'bool': {'filter': wanted, 'must_not': unwanted}}


def _text(text: str) -> Clause:
    if not text:
        return {'match_all': {}}
    if len(text) < terms.GRAM:
        return _term('grams', terms.grams(text, len(text))[0])
    return {'match_phrase': {'text': ' '.join(terms.grams(text, terms.GRAM))}}


def _restless(scope: Scope, kind: str, now: int) -> list[Clause]:
    """Clauses for what may be other than the index says; ``now`` 0: without
    lapsed sessions.
    """
    whose = (
        []
        if scope.everywhere or scope.central
        else [_term('project', scope.project_id)]
    )
    found = [_named(RESTLESS, _all([*whose, _term('restless', True)]))]
    if kind == documents.SESSIONS and now:
        found.append(
            _named(DUE, _all([*whose, {'range': {'settle_at': {'lt': now}}}]))
        )
    return found


def _sorted(
    wanted: list[Clause],
    size: int,
    after: list[typing.Any] | None,
    descending: bool = False,
) -> Clause:
    order = 'desc' if descending else 'asc'
    body: Clause = {
        'query': {'bool': {'filter': [_any(wanted)]}},
        'sort': [{'seq': order}, {'key': order}],
        'size': size,
        'track_total_hits': False,
        '_source': store.SOURCE,
    }
    return {**body, 'search_after': after} if after else body


def _named(name: str, clause: Clause) -> Clause:
    return {'bool': {'filter': [clause], '_name': name}}


def _term(field: str, value: typing.Any) -> Clause:
    return {'term': {field: value}}


def _all(clauses: list[Clause]) -> Clause:
    return {'bool': {'filter': clauses}}


def _any(clauses: list[Clause]) -> Clause:
    return (
        clauses[0]
        if len(clauses) == 1
        else {'bool': {'should': clauses, 'minimum_should_match': 1}}
    )


def everything() -> Clause:
    """What is a document, of all projects."""
    return {'bool': {'must_not': [_term('id', '')]}}


def all_projects(size: int, after: list[typing.Any]) -> Clause:
    """All that there is, in its order."""
    return _sorted([{'match_all': {}}], size, after)


def whole(size: int, after: list[typing.Any]) -> Clause:
    """All that there is, in its order, with all that is kept of it."""
    return {**all_projects(size, after), '_source': True}


def of_keys(ids: collections.abc.Sequence[str]) -> Clause:
    """What is under keys, with all that is kept of it."""
    return {
        'query': {'ids': {'values': list(ids)}},
        'size': len(ids),
        '_source': True,
    }


def by_name(
    size: int, after: list[typing.Any], first: tuple[str, ...]
) -> Clause:
    """Documents by project and id, behind a position, or from the ``first``
    on.
    """
    body = {
        **_sorted([everything()], size, after),
        'sort': [{'project': 'asc'}, {'id': 'asc'}],
    }
    if first and not after:
        project, id = first
        same = _all(
            [_term('project', project), {'range': {'id': {'gte': id}}}]
        )
        from_here = _any([{'range': {'project': {'gt': project}}}, same])
        body['query'] = _all([everything(), from_here])
    return body
