"""The clauses that searches are made of."""

import collections.abc
import typing

from freezer_api.db.elasticsearch.search import terms

Clause = dict[str, typing.Any]
#: The place of a document in a sorted search: the values of its sort keys.
Position = list[typing.Any]


def term(field: str, value: typing.Any) -> Clause:
    """Return a clause for documents with a value in a field."""
    return {'term': {field: value}}


def between(field: str, **bounds: typing.Any) -> Clause:
    """Return a clause for documents with a value in a range: ``lt``, ``lte``,
    ``gt``, ``gte``.
    """
    return {'range': {field: bounds}}


def of_ids(ids: collections.abc.Iterable[str]) -> Clause:
    """Return a clause for documents with one of some ``_id``."""
    return {'ids': {'values': sorted(ids)}}


def all_of(clauses: list[Clause]) -> Clause:
    """Return a clause for what all clauses find."""
    return {'bool': {'filter': clauses}}


def any_of(clauses: list[Clause]) -> Clause:
    """Return a clause for what one of the clauses finds, at least."""
    if len(clauses) == 1:
        return clauses[0]
    return {
        'bool': {
            'should': clauses,
            'minimum_should_match': 1,
        }
    }


def named(name: str, clause: Clause) -> Clause:
    """Return a clause that a hit names among its ``matched_queries`` if it is
    found by it.
    """
    return {
        'bool': {
            'filter': [clause],
            '_name': name,
        }
    }


def find_named(name: str, query: Clause) -> Clause:
    """Return what a query gives a name to."""
    left = [query]
    while left:
        asked = left.pop().get('bool', {})
        if asked.get('_name') == name:
            return typing.cast(Clause, asked['filter'][0])
        left += asked.get('filter', ())
        left += asked.get('should', ())
    raise LookupError(name)


def text(folded: str) -> Clause:
    """Return a clause for documents whose text contains another one."""
    if not folded:
        return {'match_all': {}}
    if len(folded) < terms.GRAM:
        (gram,) = terms.grams(folded, len(folded))
        return term('grams', gram)
    # Its overlapping parts, one behind the other.
    parts = terms.grams(folded, terms.GRAM)
    phrase = ' '.join(parts)
    return {'match_phrase': {'text': phrase}}


def behind(clause: Clause, position: Position, descending: bool) -> Clause:
    """Return a clause for what another one finds behind a position.

    ``search_after`` says so too, but may not be combined with an offset.
    """
    seq, key = position
    beyond = 'lt' if descending else 'gt'
    is_beyond = between('seq', **{beyond: seq})
    has_key_beyond = between('key', **{beyond: key})
    same = all_of([term('seq', seq), has_key_beyond])
    return all_of([clause, any_of([is_beyond, same])])
