"""Reading one session and its runs, once a run that has lapsed is settled."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import pages, refusals
from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.attempt import READ_BATCH
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.search.finding import Finder
from freezer_api.db.operations import sessions
from freezer_api.domain import run_state
from freezer_api.domain.documents import SESSIONS
from freezer_api.domain.session_state import Record

#: How often runs are read of which some are deleted meanwhile.
ATTEMPTS = 50
_DELETED = 'the record of a run was deleted meanwhile'


def get(finder: Finder, project_id: str, id: str) -> Value:
    """Return a session whose run hasn't lapsed, or raise ``NotFound``.

    One that has is settled; only in memory where nothing can be written.
    """
    attempts = Retries('Reading session %s', id)
    while True:
        value = finder.get_or_none(SESSIONS, project_id, id)
        if value is None:
            raise exceptions.NotFound(SESSIONS, id)
        session = codec.session(value)
        lapsed = run_state.lapse(session, finder.clock())
        if lapsed is session:
            return value
        try:
            finder.settle(value)
        except exceptions.StorageUnavailable:
            return codec.with_session(value, lapsed)
        attempts.wait('its run has lapsed')


def list_runs(
    finder: Finder,
    project_id: str,
    id: str,
    limit: int,
    marker: int | None,
    most: int,
) -> tuple[list[Record], bool]:
    """Return a page of runs of at most ``most`` bytes, see
    :meth:`Storage.runs`.
    """
    attempts = _retries(id)
    while True:
        value = get(finder, project_id, id)
        session = codec.session(value)
        current = run_state.current(session)
        # One more than the page tells whether there are more, and one may be
        # the marker.
        tags = _tags(value, marker, limit + 2)
        if current and (marker is None or current.tag <= marker):
            tags = [current.tag, *tags]
        tags, more = sessions.page_of_tags(tags, limit, marker)
        records: list[Record] = []
        size = 0
        # A page that is too large isn't read to its end.
        for some in batches(tags, READ_BATCH):
            found = _records(finder, value, some, current)
            if found is None:
                break
            records += found
            size += pages.runs_size(id, found)
            pages.check_page(size, most)
        else:
            return records, more
        attempts.wait(_DELETED)


def get_run(finder: Finder, project_id: str, id: str, tag: int) -> Record:
    """See :meth:`Storage.run`."""
    attempts = _retries(id)
    while True:
        value = get(finder, project_id, id)
        session = codec.session(value)
        current = run_state.current(session)
        is_current = current is not None and current.tag == tag
        if not is_current and tag not in _tags(value, tag, 1):
            raise refusals.no_such_run(tag)
        records = _records(finder, value, [tag], current)
        if records is not None:
            return records[0]
        attempts.wait(_DELETED)


def _retries(id: str) -> Retries:
    return Retries('Reading runs of session %s', id, max_attempts=ATTEMPTS)


def _tags(value: Value, highest: int | None, count: int) -> list[int]:
    """Return the tags of ``count`` earlier runs whose records are kept, newest
    first, from the tag ``highest`` on.
    """
    tags: list[int] = []
    for first, last in reversed(value.state['kept']):
        if highest is not None:
            last = min(last, highest)
        missing = count - len(tags)
        lowest = max(first, last - missing + 1)
        tags += range(last, lowest - 1, -1)
        if len(tags) >= count:
            break
    return tags


def _records(
    finder: Finder,
    value: Value,
    tags: collections.abc.Sequence[int],
    current: Record | None,
) -> list[Record] | None:
    """Return the runs with these tags; None if the record of one was deleted
    since the session was read.
    """
    current_tag = current.tag if current else None
    life = value.state['life']
    keys = {}
    for tag in tags:
        if tag != current_tag:
            keys[tag] = codec.run_key(life, tag)
    read = finder.committer.read(keys.values())
    records: list[Record] = []
    for tag in tags:
        if tag == current_tag:
            # It has no record yet: the session has it.
            record = typing.cast(Record, current)
            records.append(record)
            continue
        key = keys[tag]
        kept = read[key].value
        if kept is None:
            return None
        record = codec.record(kept)
        records.append(record)
    return records
