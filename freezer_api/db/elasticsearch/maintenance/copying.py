"""Reading all that is kept, see :mod:`freezer_api.db.base`."""

import collections.abc
import typing

from freezer_api.db.base import RUNS, Entry, Place
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.search import walk_queries
from freezer_api.db.elasticsearch.search.finding import Finder
from freezer_api.db.elasticsearch.sessions import ranges
from freezer_api.domain.documents import SESSIONS, Document
from freezer_api.domain.session_state import Record, Session

#: Sessions that are read at once for their runs.
SESSIONS_AT_ONCE = 100


def count(finder: Finder, kind: str) -> int:
    """See :meth:`Storage.count`."""
    if kind != RUNS:
        return finder.count(kind, walk_queries.everything())
    total = 0
    for session in _sessions(finder, ()):
        kept = session.state['kept']
        total += ranges.count(kept)
    return total


def entries(
    finder: Finder, kind: str, after: Place, limit: int
) -> list[Entry]:
    """See :meth:`Storage.entries`."""
    if kind == RUNS:
        return _record_entries(finder, after, limit)
    while True:
        body = walk_queries.all_projects(limit, list(after))
        hits = finder.search_hits(kind, body)
        keys = [(kind, hit['_id']) for hit in hits]
        read = finder.committer.read(keys)
        result = _entries(read)
        # A page of placeholders and tombstones alone isn't the end.
        if result or len(hits) < limit:
            return result
        after = tuple(hits[-1]['sort'])


def named(
    finder: Finder,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> list[Entry]:
    """See :meth:`Storage.named`."""
    keys = [codec.key(kind, project_id, id) for id in ids]
    read = finder.committer.read(keys)
    return _entries(read)


def _entries(read: dict[Key, Found]) -> list[Entry]:
    """Return the entries of documents that were read."""
    result = []
    for found in read.values():
        if found.value is not None:
            result.append(entry_of(found.value))
    return result


def entry_of(value: Value) -> Entry:
    """Return the entry of a document."""
    return Entry(
        value.kind,
        value.project_id,
        value.id,
        _content(value),
        (value.seq, value.key[1]),
    )


def _content(value: Value) -> Document | Session:
    """Return what is kept: of a session not how it is shown, but all of it."""
    if value.kind == SESSIONS:
        return codec.session(value)
    return codec.document(value)


def _sessions(
    finder: Finder, first: tuple[str, ...]
) -> collections.abc.Iterator[Value]:
    """Yield the sessions of all projects by project and id, from the ``first``
    project and id on.
    """
    position: list[typing.Any] = []
    while True:
        body = walk_queries.by_name(SESSIONS_AT_ONCE, position, first)
        hits = finder.search_hits(SESSIONS, body)
        keys = [(SESSIONS, hit['_id']) for hit in hits]
        for found in finder.committer.read(keys).values():
            if found.value is not None:
                yield found.value
        if len(hits) < SESSIONS_AT_ONCE:
            return
        position = hits[-1]['sort']


def _record_entries(finder: Finder, after: Place, limit: int) -> list[Entry]:
    """Return the entries of records behind a place: project, session, tag."""
    first: tuple[str, ...] = ()
    last_tag = -1
    if after:
        # The place of the last record that was given.
        place = typing.cast(tuple[str, str, int], after)
        project_id, id, last_tag = place
        first = (project_id, id)
    result: list[Entry] = []
    for session in _sessions(finder, first):
        kept = session.state['kept']
        tags = list(ranges.tags(kept))
        if (session.project_id, session.id) == first:
            tags = [tag for tag in tags if tag > last_tag]
        left = limit - len(result)
        result += _records_of(finder, session, tags[:left])
        if len(result) >= limit:
            break
    return result


def _records_of(
    finder: Finder, session: Value, tags: list[int]
) -> list[Entry]:
    """Return the entries of a session's records that are there."""
    life = session.state['life']
    keys = [codec.run_key(life, tag) for tag in tags]
    read = finder.committer.read(keys)
    result = []
    for key in keys:
        value = read[key].value
        # One that is missing is told by ``db verify``.
        if value is not None:
            record = codec.record(value)
            entry = entry_of_record(session.project_id, session.id, record)
            result.append(entry)
    return result


def entry_of_record(project_id: str, session_id: str, record: Record) -> Entry:
    """Return the entry of the record of a run."""
    place = project_id, session_id, record.tag
    return Entry(RUNS, project_id, session_id, record, place)
