"""Whether documents are found by what they should be found by.

Elasticsearch doesn't tell the terms of a document. So each part of them is a
clause of its own in a search for that document alone.
"""

import collections.abc
import typing

from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch.search.clauses import (
    Clause,
    any_of,
    of_ids,
    term,
)
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
    hits: list[Hit] = []
    parts: list[_Part] = []
    found: list[set[str] | None] = []
    for number, (hit, fields) in enumerate(asked):
        hits.append(hit)
        parts += _parts(number, fields)
        found.append(set())
    for group in _groups(parts):
        now = _hits_now(finder, kind, hits, group)
        for index, part in enumerate(group):
            hit = hits[part.number]
            hit_now = now.get(hit['_id'])
            lacks = found[part.number]
            # Of another point it isn't the document that was asked about.
            if hit_now is None or _point(hit_now) != _point(hit):
                found[part.number] = None
            elif lacks is not None and not _has_part(hit_now, index):
                lacks.add(part.field)
    result: list[tuple[str, ...] | None] = []
    for lacks in found:
        if lacks is None:
            result.append(None)
        else:
            result.append(tuple(sorted(lacks)))
    return result


def _hits_now(
    finder: Finder, kind: str, hits: list[Hit], group: list[_Part]
) -> dict[str, Hit]:
    """Return those hits, by their ids, that some parts are of, as they are
    now; each names the parts that it has.
    """
    ids = {}
    for part in group:
        hit = hits[part.number]
        ids[part.number] = hit['_id']
    body = _search(group, ids)
    now = {}
    for hit in finder.search_hits(kind, body):
        now[hit['_id']] = hit
    return now


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
        clauses = []
        for word in fields.get(field, ()):
            clauses.append(term(field, word))
        for batch in batches(clauses, size):
            yield _Part(number, field, list(batch))
    # Words stand one behind the other, so they are looked for in pieces.
    text = fields.get('text', '')
    for words in batches(text.split(), MAX_WORDS):
        phrase = {'text': ' '.join(words)}
        clause = {'match_phrase': phrase}
        yield _Part(number, 'text', [clause])


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
    clauses = [of_ids(ids.values())]
    for index, part in enumerate(group):
        this_one = of_ids([ids[part.number]])
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
