"""Holding what is indexed of documents against them, and indexing them anew.

A document is indexed as a whole, so what is seen of one search hit belongs
together; what it takes another request to see counts if the document is the
same afterwards.
"""

import collections.abc
import typing

from freezer_api.db import steps
from freezer_api.db.base import Place
from freezer_api.db.elasticsearch import (
    claims,
    codec,
    presence,
    queries,
    store,
)
from freezer_api.db.elasticsearch.finding import Finder, Hit
from freezer_api.db.elasticsearch.store import Found
from freezer_api.db.steps import Drift, Step
from freezer_api.domain import documents, search

#: Looks at what somebody changes again and again, before it counts as
#: changing.
ATTEMPTS = 5
#: The fields that are kept beside the document.
KEPT = (
    'key',
    'project',
    'id',
    'seq',
    'restless',
    'moment',
    'created',
    'settle_at',
)


def walk(
    finder: Finder,
    kind: str,
    after: Place,
    limit: int,
    thorough: bool,
    mend: bool,
) -> Step:
    """See :meth:`Storage.verify` and :meth:`Storage.reindex`."""
    if kind == steps.LEFT:
        return (
            _walk_claims(finder, after, limit, mend)
            if thorough
            else Step(None, 0)
        )
    hits = finder.raw(kind, queries.whole(limit, list(after)))
    if not hits:
        return Step(None, 0)
    old = [hit for hit in hits if _version(hit) < search.INDEX_VERSION]
    own = [hit for hit in hits if _version(hit) == search.INDEX_VERSION]
    for hit in old if mend else ():
        _index(finder, kind, hit)
    drifts = list(_drifts(finder, kind, own, mend)) if thorough else []
    place = tuple(hits[-1]['sort']) if len(hits) == limit else None
    return Step(
        place, sum(_is_document(hit) for hit in hits), tuple(drifts), len(old)
    )


def _version(hit: Hit) -> int:
    """By which version a hit is indexed; what is no document has nothing to be
    indexed by.
    """
    return (
        codec.made_by(hit['_source'])[0]
        if _is_document(hit)
        else search.INDEX_VERSION
    )


def _is_document(hit: Hit) -> bool:
    return 'state' in hit['_source']['doc']


def _drifts(
    finder: Finder, kind: str, hits: list[Hit], mend: bool
) -> collections.abc.Iterator[Drift]:
    for hit, what in _judged(finder, kind, hits):
        source = hit['_source']
        mended = mend and _index(finder, kind, hit)
        if what and (mended or not mend):
            yield Drift(kind, source['project'], source['id'], what)
    for hit in hits:
        value = store.found(kind, hit).value
        if value is None:
            continue
        if value.key != (kind, hit['_id']):
            what = f'is kept where another document should be: {hit["_id"]}'
            yield Drift(kind, value.project, value.id, what, mendable=False)
        if claims.wanted(value) and claims.is_missing(finder.committer, value):
            mended = mend and claims.add(finder.units, value)
            what = 'has not the claim on its id'
            yield Drift(
                kind,
                value.project,
                value.id,
                what,
                mendable=not mend or mended,
            )
        if kind == documents.SESSIONS:
            yield from _records_missing(finder, value)


def _judged(
    finder: Finder, kind: str, hits: list[Hit]
) -> collections.abc.Iterator[tuple[Hit, str]]:
    """Those hits that aren't indexed as they should be, and how so."""
    for attempt in range(ATTEMPTS):
        expected = [_expected(kind, hit) for hit in hits]
        lacking = presence.lacking(
            finder, kind, list(zip(hits, expected, strict=True))
        )
        changing = []
        for hit, fields, lacks in zip(hits, expected, lacking, strict=True):
            if lacks is None:
                changing.append(hit['_id'])
            elif what := _what(hit, fields, lacks):
                yield hit, what
        if not changing or attempt == ATTEMPTS - 1:
            return
        hits = [
            hit
            for hit in finder.raw(kind, queries.of_keys(changing))
            if _version(hit) == search.INDEX_VERSION
        ]


def _expected(kind: str, hit: Hit) -> dict[str, typing.Any]:
    source = hit['_source']
    found = store.found(kind, hit)
    return codec.source(
        found.key, found.value, found.mark, source['seq'], source['project']
    )


def _what(
    hit: Hit, expected: dict[str, typing.Any], lacks: tuple[str, ...]
) -> str:
    """How a hit isn't as expected, for operators; '' if it is."""
    source = hit['_source']
    wrong = [name for name in KEPT if source.get(name) != expected.get(name)]
    found = [f'field {name} is wrong' for name in wrong]
    found += [f'field {name} lacks terms' for name in lacks]
    digest = codec.made_by(source)[1]
    if not found and digest and digest != codec.made_by(expected)[1]:
        found.append('search terms are not those of this release')
    return '; '.join(found)


def _index(finder: Finder, kind: str, hit: Hit) -> bool:
    """Write a document as it is, with what is indexed of it made anew; False
    if it is gone.

    One that has changed meanwhile is read again: it may have been changed by
    an earlier release.
    """
    for _ in range(ATTEMPTS):
        if _rewrite(finder, kind, store.found(kind, hit)):
            return True
        again = finder.raw(kind, queries.of_keys((hit['_id'],)))
        if not again or _version(again[0]) > search.INDEX_VERSION:
            return False
        (hit,) = again
    return False


def _rewrite(finder: Finder, kind: str, found: Found) -> bool:
    (written,) = finder.committer.store.write(
        [store.put(found, found.value, found.mark)]
    )
    return written is not None


def _records_missing(
    finder: Finder, session: codec.Value
) -> collections.abc.Iterator[Drift]:
    """The records of earlier runs that a session says to have and hasn't."""
    life = session.state['life']
    for first, last in session.state['kept']:
        for begin in range(first, last + 1, store.CHUNK):
            tags = {
                codec.run_key(life, tag): tag
                for tag in range(begin, min(last + 1, begin + store.CHUNK))
            }
            read = finder.committer.read(tags.keys())
            for key in [
                key for key, found in read.items() if found.value is None
            ]:
                if claims.steadily(
                    finder.committer, session.key, key, _lacks(life, tags[key])
                ):
                    what = f'the record of run {tags[key]} is missing'
                    yield Drift(
                        session.kind,
                        session.project,
                        session.id,
                        what,
                        mendable=False,
                    )


def _lacks(life: str, tag: int) -> collections.abc.Callable[..., bool]:
    def judge(session: codec.Value | None, record: codec.Value | None) -> bool:
        return (
            session is not None
            and record is None
            and session.state['life'] == life
            and any(
                first <= tag <= last for first, last in session.state['kept']
            )
        )

    return judge


def _walk_claims(finder: Finder, after: Place, limit: int, mend: bool) -> Step:
    """The claims that no document has."""
    hits = finder.raw(codec.CLAIMS, queries.whole(limit, list(after)))
    drifts = []
    for hit in hits:
        value = store.found(codec.CLAIMS, hit).value
        if value is None or not claims.is_stale(finder.committer, value):
            continue
        if not mend or claims.remove(finder.units, value):
            what = f'the claim {value.id} that no document has'
            drifts.append(Drift(steps.LEFT, value.project, '', what))
    place = tuple(hits[-1]['sort']) if len(hits) == limit else None
    return Step(place, len(hits), tuple(drifts))
