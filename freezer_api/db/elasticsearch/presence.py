"""Whether documents are found by what they should be found by.

Elasticsearch doesn't tell the terms of a document. So each part of them is a
clause of its own in a search for that document alone.
"""

import collections.abc
import typing

from freezer_api.db.elasticsearch.finding import Finder, Hit
from freezer_api.domain.documents import Body

#: Terms in one search: servers allow 1,024 clauses at least. Words of a
#: phrase.
CLAUSES, WORDS = 900, 500
#: The fields that aren't kept beside what is indexed.
FIELDS = ('terms', 'grams', 'text')

Clause = dict[str, typing.Any]
#: A document's number, its field, and what it has to have of it.
_Part = tuple[int, str, list[Clause]]


def lacking(
    finder: Finder,
    kind: str,
    asked: collections.abc.Sequence[tuple[Hit, Body]],
) -> list[tuple[str, ...] | None]:
    """Of each document, as it was found and with its fields, the ones by which
    it isn't found.

    None: it has changed since it was found, or is gone.
    """
    found: list[set[str] | None] = [set() for _ in asked]
    for group in _groups(
        [
            part
            for number, (_hit, fields) in enumerate(asked)
            for part in _parts(number, fields)
        ]
    ):
        numbers = sorted({number for number, _field, _clauses in group})
        hits = {
            hit['_id']: hit
            for hit in finder.raw(
                kind,
                _search(
                    group,
                    {number: asked[number][0]['_id'] for number in numbers},
                ),
            )
        }
        for at, (number, field, _clauses) in enumerate(group):
            hit = asked[number][0]
            now, lacks = hits.get(hit['_id']), found[number]
            if now is None or _place(now) != _place(hit):
                found[number] = None
            elif lacks is not None and f'part {at}' not in now.get(
                'matched_queries', ()
            ):
                lacks.add(field)
    return [None if lacks is None else tuple(sorted(lacks)) for lacks in found]


def _place(hit: Hit) -> tuple[typing.Any, ...]:
    return hit['_index'], hit['_seq_no'], hit['_primary_term']


def _parts(number: int, fields: Body) -> collections.abc.Iterator[_Part]:
    for field in ('terms', 'grams'):
        clauses = [{'term': {field: term}} for term in fields.get(field, ())]
        for first in range(0, len(clauses), CLAUSES // 2):
            yield number, field, clauses[first : first + CLAUSES // 2]
    words = fields.get('text', '').split()
    for first in range(0, len(words), WORDS):
        phrase = ' '.join(words[first : first + WORDS])
        yield number, 'text', [{'match_phrase': {'text': phrase}}]


def _groups(parts: list[_Part]) -> collections.abc.Iterator[list[_Part]]:
    """Parts that one search asks for; each has two clauses beside its own."""
    group: list[_Part] = []
    size = 0
    for part in parts:
        cost = len(part[2]) + 3
        if size + cost > CLAUSES:
            yield group
            group, size = [], 0
        group.append(part)
        size += cost
    if group:
        yield group


def _search(group: list[_Part], ids: dict[int, str]) -> Clause:
    should: list[Clause] = [{'ids': {'values': sorted(ids.values())}}]
    for at, (number, _field, clauses) in enumerate(group):
        wanted = [{'ids': {'values': [ids[number]]}}, *clauses]
        should.append({'bool': {'filter': wanted, '_name': f'part {at}'}})
    return {
        'query': {'bool': {'should': should, 'minimum_should_match': 1}},
        'size': len(ids),
        '_source': False,
        'track_total_hits': False,
    }
