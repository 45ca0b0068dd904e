"""Reading one session and its runs, once a run that has lapsed is settled."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch import codec, commit
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.finding import Finder
from freezer_api.db.operations import sessions
from freezer_api.domain import runs
from freezer_api.domain.documents import SESSIONS
from freezer_api.domain.sessions import Record

#: How often runs are read that are forgotten while they are.
ATTEMPTS = 50


def settled(finder: Finder, project: str, id: str) -> Value:
    """A session as it is stored, or ``NotFound``; its run isn't due."""
    while True:
        value = finder.stored(SESSIONS, project, id)
        if value is None:
            raise exceptions.NotFound(SESSIONS, id)
        due = codec.session(value).settle_at
        if due is None or due >= finder.clock():
            return value
        finder.settle(value)


def list_runs(
    finder: Finder, project: str, id: str, limit: int, marker: int | None
) -> tuple[list[Record], bool]:
    """See :meth:`Storage.runs`."""
    for _attempt in _attempts():
        value = settled(finder, project, id)
        latest = runs.current(codec.session(value))
        tags = _tags(value, marker, limit + 2)
        if latest and (marker is None or latest.tag <= marker):
            tags = [latest.tag, *tags]
        tags, more = sessions.page_of_tags(tags, limit, marker)
        found = _records(finder, value, tags, latest)
        if found is not None:
            return found, more
    raise exceptions.StorageUnavailable()


def get_run(finder: Finder, project: str, id: str, tag: int) -> Record:
    """See :meth:`Storage.run`."""
    for _attempt in _attempts():
        value = settled(finder, project, id)
        latest = runs.current(codec.session(value))
        if not (latest and latest.tag == tag) and not _tags(value, tag, 1)[
            :1
        ] == [tag]:
            raise exceptions.NotFound('runs', str(tag))
        found = _records(finder, value, [tag], latest)
        if found is not None:
            return found[0]
    raise exceptions.StorageUnavailable()


def _attempts() -> collections.abc.Iterator[int]:
    """Those to read what is forgotten meanwhile, with a pause between two."""
    for attempt in range(ATTEMPTS):
        yield attempt
        commit.pause(attempt)


def _tags(value: Value, highest: int | None, most: int) -> list[int]:
    """The tags of the earlier runs that are kept, newest first."""
    found: list[int] = []
    for first, last in reversed(value.state['kept']):
        last = last if highest is None else min(last, highest)
        found += range(
            last, max(first, last - (most - len(found)) + 1) - 1, -1
        )
        if len(found) >= most:
            break
    return found


def _records(
    finder: Finder, value: Value, tags: list[int], latest: Record | None
) -> list[Record] | None:
    """The runs with these tags; None if one of them has been forgotten since
    the session was read.
    """
    keys = {
        tag: codec.run_key(value.state['life'], tag)
        for tag in tags
        if not latest or tag != latest.tag
    }
    read = finder.committer.read(keys.values()) if keys else {}
    found: list[Record] = []
    for tag in tags:
        kept = read[keys[tag]].value if tag in keys else None
        if tag in keys and kept is None:
            return None
        found.append(
            codec.record(kept) if kept else typing.cast(Record, latest)
        )
    return found
