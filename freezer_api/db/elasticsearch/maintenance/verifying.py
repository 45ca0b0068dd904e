"""Comparing what is indexed of documents with them, and indexing them anew.

A document is indexed as a whole, so what is seen of one search hit belongs
together. What takes another request to see counts only if the document is the
same afterwards.
"""

import collections.abc
import functools
import typing

from freezer_api.db import walks
from freezer_api.db.base import Place
from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.attempt import Attempt
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import lines, store
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.maintenance import claims, presence
from freezer_api.db.elasticsearch.search import walk_queries
from freezer_api.db.elasticsearch.search.finding import Finder
from freezer_api.db.elasticsearch.search.searches import Hit
from freezer_api.db.elasticsearch.sessions import ranges
from freezer_api.db.walks import Drift, WalkStep
from freezer_api.domain import documents, search_pairs

#: How often a document is looked at that somebody changes again and again,
#: before nothing is said of it.
ATTEMPTS = 5
#: The fields that are read back; others are seen by what finds the document
#: alone: see :mod:`.presence`.
READABLE = (
    'key',
    'project',
    'id',
    'seq',
    'restless',
    'moment',
    'created',
    'settle_at',
)
#: What operators can do about what nothing here can repair.
_MISPLACED = (
    'Restore the indices from one snapshot: nothing tells which of both'
    ' documents it is.'
)
_NO_RECORD = (
    'Restore the indices from one snapshot if the run matters. Repaired, its'
    ' session goes on without it; until then its runs cannot be listed.'
)


def walk(
    finder: Finder,
    kind: str,
    after: Place,
    limit: int,
    thorough: bool,
    mend: bool,
) -> WalkStep:
    """See :meth:`Storage.verify` and, with ``mend``,
    :meth:`Storage.reindex`.
    """
    if kind == walks.LEFT:
        if not thorough:
            return WalkStep(None, 0)
        return _walk_claims(finder, after, limit, mend)
    body = walk_queries.whole(limit, list(after))
    hits = finder.search_hits(kind, body)
    if not hits:
        return WalkStep(None, 0)
    outdated, current, count = [], [], 0
    for hit in hits:
        version = _version(hit)
        if version < search_pairs.INDEX_VERSION:
            outdated.append(hit)
        elif version == search_pairs.INDEX_VERSION:
            current.append(hit)
        count += _is_document(hit)
    if mend:
        for hit in outdated:
            _index(finder, kind, hit)
    drifts: list[Drift] = []
    if thorough:
        drifts += _index_drifts(finder, kind, current, mend)
        drifts += _other_drifts(finder, kind, current, mend)
    place = _next_place(hits, limit)
    return WalkStep(place, count, tuple(drifts), len(outdated))


def _next_place(hits: list[Hit], limit: int) -> Place | None:
    if len(hits) < limit:
        return None
    return tuple(hits[-1]['sort'])


def _version(hit: Hit) -> int:
    """Return the version of the index that a hit was written for. Placeholders
    and tombstones are the same in all of them.
    """
    if not _is_document(hit):
        return search_pairs.INDEX_VERSION
    version, _digest = codec.index_stamp(hit['_source'])
    return version


def _is_document(hit: Hit) -> bool:
    return 'state' in hit['_source']['doc']


# What is indexed of a document


def _index_drifts(
    finder: Finder, kind: str, hits: list[Hit], mend: bool
) -> collections.abc.Iterator[Drift]:
    for hit, what in _wrongly_indexed(finder, kind, hits):
        if mend and not _index(finder, kind, hit):
            continue
        source = hit['_source']
        project_id, id = source['project'], source['id']
        yield Drift(kind, project_id, id, what)


def _wrongly_indexed(
    finder: Finder, kind: str, hits: list[Hit]
) -> collections.abc.Iterator[tuple[Hit, str]]:
    """Yield those hits that aren't indexed as they should be, and how so."""
    for attempt in range(ATTEMPTS):
        expected = [_expected(kind, hit) for hit in hits]
        asked = list(zip(hits, expected, strict=True))
        lacking = presence.lacking(finder, kind, asked)
        changed = []
        for (hit, fields), lacks in zip(asked, lacking, strict=True):
            if lacks is None:
                changed.append(hit['_id'])
                continue
            what = _differences(hit, fields, lacks)
            if what:
                yield hit, what
        if not changed or attempt == ATTEMPTS - 1:
            return
        hits = []
        body = walk_queries.of_keys(changed)
        for hit in finder.search_hits(kind, body):
            if _version(hit) == search_pairs.INDEX_VERSION:
                hits.append(hit)


def _expected(kind: str, hit: Hit) -> dict[str, typing.Any]:
    """Return what should be written of a document."""
    source = hit['_source']
    found = store.found(kind, hit)
    return codec.source(
        found.key,
        found.value,
        found.mark,
        source['seq'],
        source['project'],
    )


def _differences(
    hit: Hit, expected: dict[str, typing.Any], lacks: tuple[str, ...]
) -> str:
    """Return how a hit isn't as expected, for operators; '' if it is."""
    source = hit['_source']
    found = []
    for name in READABLE:
        wanted = expected.get(name)
        if source.get(name) != wanted:
            found.append(f'field {name} is wrong')
    for name in lacks:
        found.append(f'field {name} lacks terms')
    _version, digest = codec.index_stamp(source)
    _version, expected_digest = codec.index_stamp(expected)
    # All terms that there should be are found; there may be others beside.
    if not found and digest and digest != expected_digest:
        found.append('search terms are not those of this release')
    return '; '.join(found)


def _index(finder: Finder, kind: str, hit: Hit) -> bool:
    """Write a document as it is, with what is indexed of it made anew; False
    if it is gone, or a later release has written it.

    If it has changed meanwhile it is read again: an earlier release may have
    changed it.
    """
    for _ in range(ATTEMPTS):
        found = store.found(kind, hit)
        if _write_again(finder, found):
            return True
        body = walk_queries.of_keys((hit['_id'],))
        again = finder.search_hits(kind, body)
        if not again:
            return False
        (hit,) = again
        if _version(hit) > search_pairs.INDEX_VERSION:
            return False
    return False


def _write_again(finder: Finder, found: Found) -> bool:
    write = finder.committer.store.put(found, found.value, found.mark)
    (written,) = finder.committer.store.write([write])
    return written is not None


# What is kept beside a document


def _other_drifts(
    finder: Finder, kind: str, hits: list[Hit], mend: bool
) -> collections.abc.Iterator[Drift]:
    for hit in hits:
        value = store.found(kind, hit).value
        if value is None:
            continue
        id = hit['_id']
        if value.key != (kind, id):
            what = f'is kept where another document should be: {id}'
            yield _drift(value, what, mendable=False, advice=_MISPLACED)
        if claims.is_missing(finder.committer, value):
            what = 'has not the claim on its id'
            can_mend = True
            if mend:
                can_mend = claims.add(finder.transactions, value)
            advice = '' if can_mend else walks.TWO_CLAIMS
            yield _drift(value, what, can_mend, advice)
        if kind == documents.SESSIONS:
            yield from _missing_records(finder, value, mend)


def _drift(value: Value, what: str, mendable: bool, advice: str = '') -> Drift:
    return Drift(
        value.kind,
        value.project_id,
        value.id,
        what,
        mendable,
        advice=advice,
    )


def _missing_records(
    finder: Finder, session: Value, mend: bool
) -> collections.abc.Iterator[Drift]:
    """Yield a drift for each record of an earlier run that a session says to
    have and that isn't there. To mend it the session says so no more: else its
    runs couldn't be listed.
    """
    life = session.state['life']
    kept = session.state['kept']
    tags = list(ranges.tags(kept))
    for batch in batches(tags, lines.CHUNK):
        keys = {}
        for tag in batch:
            key = codec.run_key(life, tag)
            keys[key] = tag
        read = finder.committer.read(keys.keys())
        for key, tag in keys.items():
            if read[key].value is not None:
                continue
            says_so = _says_to_have(life, tag)
            if claims.holds_steadily(
                finder.committer, session.key, key, says_so
            ):
                what = f'the record of run {tag} is missing'
                if mend:
                    forget = functools.partial(
                        _forget_record, key=session.key, life=life, tag=tag
                    )
                    finder.transactions.run(session.key, forget)
                yield _drift(session, what, mendable=True, advice=_NO_RECORD)


def _forget_record(attempt: Attempt, key: Key, life: str, tag: int) -> None:
    """Let a session say no more that it has the record of a run."""
    session = attempt.get(key)
    record = attempt.get(codec.run_key(life, tag))
    says_so = _says_to_have(life, tag)
    if session is not None and says_so(session, record):
        kept = ranges.without_tag(session.state['kept'], tag)
        changed = codec.with_kept(session, kept)
        attempt.put(changed)


def _says_to_have(
    life: str, tag: int
) -> collections.abc.Callable[[Value | None, Value | None], bool]:
    """Return the condition that a session says to have a record that isn't
    there.
    """

    def condition(session: Value | None, record: Value | None) -> bool:
        if session is None or record is not None:
            return False
        if session.state['life'] != life:
            return False
        kept = session.state['kept']
        return ranges.has(kept, tag)

    return condition


# What is kept without a document


def _walk_claims(
    finder: Finder, after: Place, limit: int, mend: bool
) -> WalkStep:
    """Look at claims, for those that no document has."""
    body = walk_queries.whole(limit, list(after))
    hits = finder.search_hits(codec.CLAIMS, body)
    drifts = []
    for hit in hits:
        value = store.found(codec.CLAIMS, hit).value
        if value is None:
            continue
        if not claims.is_stale(finder.committer, value):
            continue
        if not mend or claims.remove(finder.transactions, value):
            what = f'the claim {value.id} that no document has'
            drift = Drift(walks.LEFT, value.project_id, '', what)
            drifts.append(drift)
    place = _next_place(hits, limit)
    return WalkStep(place, len(hits), tuple(drifts))
