"""Whether documents are found by what they should be found by.

Elasticsearch doesn't tell the terms of a document. So each part of them is a
clause of its own in a search for that document alone.
"""

import collections.abc
import typing

from freezer_api.db.elasticsearch.search.clauses import Clause, any_of
from freezer_api.db.elasticsearch.search.finding import Finder
from freezer_api.db.elasticsearch.search.searches import Hit
from freezer_api.domain.documents import Body

#: Clauses in one search: servers allow 1,024 at least.
MAX_CLAUSES = 900
#: Words of a phrase.
MAX_WORDS = 500
#: Clauses that each part has beside its own.
_CLAUSES_OF_PART = 3


class _Part(typing.NamedTuple):
    """Some of what a document has to have in a field; ``number`` is the
    document's.
    """

    number: int
    field: str
    clauses: list[Clause]


def lacking(
    finder: Finder,
    kind: str,
    asked: collections.abc.Sequence[tuple[Hit, Body]],
) -> list[tuple[str, ...] | None]:
    """Return, for each hit with the fields that it should have, those fields
    by which it isn't found.

    None: the document has changed since the hit, or is gone.
    """
    parts: list[_Part] = []
    for number, (_hit, fields) in enumerate(asked):
        parts += _parts(number, fields)
    found: list[set[str] | None] = [set() for _ in asked]
    for group in _groups(parts):
        numbers = sorted({part.number for part in group})
        ids = {number: asked[number][0]['_id'] for number in numbers}
        now = {}
        for hit in finder.search_hits(kind, _search(group, ids)):
            now[hit['_id']] = hit
        for index, part in enumerate(group):
            hit = asked[part.number][0]
            hit_now = now.get(hit['_id'])
            lacks = found[part.number]
            if hit_now is None or _point(hit_now) != _point(hit):
                found[part.number] = None
            elif lacks is not None and not _has_part(hit_now, index):
                lacks.add(part.field)
    return [None if lacks is None else tuple(sorted(lacks)) for lacks in found]


def _point(hit: Hit) -> tuple[typing.Any, ...]:
    return hit['_index'], hit['_seq_no'], hit['_primary_term']


def _has_part(hit: Hit, index: int) -> bool:
    return _name(index) in hit.get('matched_queries', ())


def _name(index: int) -> str:
    """Return the name of the clause for a part of a group."""
    return f'part {index}'


def _parts(number: int, fields: Body) -> collections.abc.Iterator[_Part]:
    size = MAX_CLAUSES // 2
    for field in ('terms', 'grams'):
        clauses = [{'term': {field: term}} for term in fields.get(field, ())]
        for first in range(0, len(clauses), size):
            yield _Part(number, field, clauses[first : first + size])
    words = fields.get('text', '').split()
    for first in range(0, len(words), MAX_WORDS):
        phrase = ' '.join(words[first : first + MAX_WORDS])
        yield _Part(number, 'text', [{'match_phrase': {'text': phrase}}])


def _groups(parts: list[_Part]) -> collections.abc.Iterator[list[_Part]]:
    """Yield the parts that one search asks for."""
    group: list[_Part] = []
    size = 0
    for part in parts:
        cost = len(part.clauses) + _CLAUSES_OF_PART
        if size + cost > MAX_CLAUSES:
            yield group
            group, size = [], 0
        group.append(part)
        size += cost
    if group:
        yield group


def _search(group: list[_Part], ids: dict[int, str]) -> Clause:
    """Return the search for documents that names, for each, the parts that it
    has.
    """
    # Without this one a document that has no part wouldn't be found at all.
    clauses: list[Clause] = [{'ids': {'values': sorted(ids.values())}}]
    for index, part in enumerate(group):
        this_one = {'ids': {'values': [ids[part.number]]}}
        wanted = [this_one, *part.clauses]
        clauses.append(
            {
                'bool': {
                    'filter': wanted,
                    '_name': _name(index),
                }
            }
        )
    return {
        'query': any_of(clauses),
        'size': len(ids),
        '_source': False,
        'track_total_hits': False,
    }
