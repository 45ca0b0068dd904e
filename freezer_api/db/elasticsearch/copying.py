"""Telling all that is kept, and keeping what another store told, see
:mod:`freezer_api.db.base`: nobody else writes meanwhile.
"""

import collections
import collections.abc
import dataclasses
import time
import typing

from freezer_api import exceptions
from freezer_api.db.base import RUNS, Entry, Place
from freezer_api.db.elasticsearch import codec, queries, ranges, store, units
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.finding import Finder
from freezer_api.db.elasticsearch.store import Found
from freezer_api.domain import documents
from freezer_api.domain.documents import SESSIONS, Document
from freezer_api.domain.sessions import Record, Session


def count(finder: Finder, kind: str) -> int:
    """See :meth:`Storage.count`."""
    if kind != RUNS:
        return finder.total(kind, queries.everything())
    return sum(
        last - first + 1
        for value in _sessions(finder, ())
        for first, last in value.state['kept']
    )


def entries(
    finder: Finder, kind: str, after: Place, limit: int
) -> list[Entry]:
    """See :meth:`Storage.entries`."""
    if kind == RUNS:
        return _records(finder, after, limit)
    while True:
        hits = finder.raw(kind, queries.all_projects(limit, list(after)))
        read = finder.committer.read([(kind, hit['_id']) for hit in hits])
        found = [
            _entry(value)
            for one in read.values()
            if (value := one.value) is not None
        ]
        if found or len(hits) < limit:
            return found
        after = tuple(hits[-1]['sort'])


def named(
    finder: Finder,
    kind: str,
    project: str,
    ids: collections.abc.Collection[str],
) -> list[Entry]:
    """See :meth:`Storage.named`."""
    read = finder.committer.read([codec.key(kind, project, id) for id in ids])
    return [
        _entry(value)
        for found in read.values()
        if (value := found.value) is not None
    ]


def restore(finder: Finder, given: collections.abc.Sequence[Entry]) -> None:
    """See :meth:`Storage.restore`."""
    if not given:
        return
    if given[0].kind == RUNS:
        _restore_records(finder, given)
        return
    values = [_value(entry) for entry in given]
    claims = [claim for entry in given if (claim := _claim(entry)) is not None]
    standing = _standing(finder, [value.key for value in (*values, *claims)])
    for entry, value in zip(given, values, strict=True):
        there = standing[value.key].value
        if there is not None and _entry(there).dump() != entry.dump():
            raise exceptions.Conflict(
                f'{entry.kind} {entry.id}: there is another one.'
            )
    for claim in claims:
        holder = standing[claim.key].value
        if holder is not None and holder.project != claim.project:
            raise exceptions.Conflict(
                f'{claim.id}: the id is held by another project.'
            )
    _put(
        finder,
        standing,
        (
            *_absent(standing, claims),
            *_absent(standing, _in_order(standing, values)),
        ),
    )


def _standing(
    finder: Finder, keys: collections.abc.Collection[Key]
) -> dict[Key, Found]:
    """What is where something is to be stored, as one may build on it."""
    return finder.committer.hold(keys, time.monotonic() + units.DEADLINE)


def _absent(
    standing: dict[Key, Found], values: collections.abc.Iterable[Value]
) -> list[Value]:
    return [value for value in values if standing[value.key].value is None]


def _in_order(
    standing: dict[Key, Found], values: collections.abc.Sequence[Value]
) -> list[Value]:
    """Values with their places in the order of all: each has the next number
    after the one before it.

    Any part of one request may have been stored when it broke off; the rest is
    given the numbers that it left out.
    """
    result = []
    follower = codec.ORDER.next(len(values)) + len(values)
    for value in reversed(values):
        there = standing[value.key].value
        follower = follower - 1 if there is None else there.seq
        result.append(dataclasses.replace(value, seq=follower))
    return result[::-1]


def _put(
    finder: Finder,
    standing: dict[Key, Found],
    values: collections.abc.Iterable[Value],
) -> None:
    """Store values, in their order."""
    if not all(
        finder.committer.store.write(
            [store.put(standing[value.key], value, {}) for value in values]
        )
    ):
        raise exceptions.StorageUnavailable(
            'Somebody else writes into the store.'
        )


def _entry(value: Value) -> Entry:
    content: Document | Session = (
        codec.session(value)
        if value.kind == SESSIONS
        else codec.document(value)
    )
    return Entry(
        value.kind, value.project, value.id, content, (value.seq, value.key[1])
    )


def _value(entry: Entry) -> Value:
    content = entry.content
    if isinstance(content, Session):
        return codec.new_session(content)
    return codec.made(typing.cast(Document, content))


def _claim(entry: Entry) -> Value | None:
    if (
        not isinstance(entry.content, Document)
        or documents.claim(entry.kind, entry.id, entry.content.body) is None
    ):
        return None
    return codec.claim_value(entry.kind, entry.project_id, entry.id)


# Records of earlier runs


def _sessions(
    finder: Finder, after: tuple[str, ...], size: int = 100
) -> collections.abc.Iterator[Value]:
    """The sessions of all projects from one on, by project and id."""
    position: list[typing.Any] = []
    while True:
        hits = finder.raw(SESSIONS, queries.by_name(size, position, after))
        for found in finder.committer.read(
            [(SESSIONS, hit['_id']) for hit in hits]
        ).values():
            if found.value is not None:
                yield found.value
        if len(hits) < size:
            return
        position = hits[-1]['sort']


def _records(finder: Finder, after: Place, limit: int) -> list[Entry]:
    project, id, tag = (
        typing.cast(tuple[str, str, int], after) if after else ('', '', -1)
    )
    found: list[Entry] = []
    for value in _sessions(finder, (project, id) if after else ()):
        last = tag if (value.project, value.id) == (project, id) else -1
        tags = [
            t
            for first, end in value.state['kept']
            for t in range(max(first, last + 1), end + 1)
        ][: limit - len(found)]
        keys = {t: codec.run_key(value.state['life'], t) for t in tags}
        read = finder.committer.read(keys.values()) if keys else {}
        found += [
            Entry(
                RUNS,
                value.project,
                value.id,
                codec.record(kept),
                (value.project, value.id, t),
            )
            for t in tags
            if (kept := read[keys[t]].value) is not None
        ]
        if len(found) >= limit:
            break
    return found


def _restore_records(
    finder: Finder, given: collections.abc.Sequence[Entry]
) -> None:
    keys = {codec.key(SESSIONS, entry.project_id, entry.id) for entry in given}
    held = _standing(finder, keys)
    values: list[Value] = []
    tags = collections.defaultdict[Key, list[int]](list)
    for entry in given:
        key, record = (
            codec.key(SESSIONS, entry.project_id, entry.id),
            typing.cast(Record, entry.content),
        )
        session = held[key].value
        if session is None:
            raise exceptions.Conflict(
                f'{entry.id}: the session of the run {record.tag} is missing.'
            )
        values.append(
            codec.record_value(entry.project_id, session.state['life'], record)
        )
        tags[key].append(record.tag)
    standing = _standing(finder, [value.key for value in values])
    for entry, value in zip(given, values, strict=True):
        there = standing[value.key].value
        if (
            there is not None
            and Entry(
                RUNS, entry.project_id, entry.id, codec.record(there)
            ).dump()
            != entry.dump()
        ):
            raise exceptions.Conflict(
                f'{entry.id}: there is another run'
                f' {typing.cast(Record, entry.content).tag}.'
            )
    _put(finder, standing, _absent(standing, values))
    # Only now: tags that the sessions name are there, whenever it breaks off.
    named = [
        codec.with_kept(kept, ranges.with_tags(kept.state['kept'], tags[key]))
        for key, found in held.items()
        if (kept := found.value) is not None
    ]
    _put(
        finder,
        held,
        [value for value in named if value != held[value.key].value],
    )
