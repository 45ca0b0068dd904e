"""Storing the entries of another store, exactly as they are. Nobody else writes
meanwhile.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.base import RUNS, Entry
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import marks
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.maintenance import copying
from freezer_api.db.elasticsearch.order import ORDER
from freezer_api.db.elasticsearch.search.finding import Finder
from freezer_api.db.elasticsearch.sessions import ranges
from freezer_api.domain import documents
from freezer_api.domain.documents import SESSIONS, Document
from freezer_api.domain.session_state import Record, Session


def restore(finder: Finder, given: collections.abc.Sequence[Entry]) -> None:
    """See :meth:`Storage.restore`."""
    if not given:
        return
    if given[0].kind == RUNS:
        _restore_records(finder, given)
    else:
        _restore_documents(finder, given)


def _restore_documents(
    finder: Finder, given: collections.abc.Sequence[Entry]
) -> None:
    values = [_value(entry) for entry in given]
    claims = []
    for entry in given:
        claim = _claim(entry)
        if claim is not None:
            claims.append(claim)
    # Locks of operations that broke off are settled by reading like this.
    wanted = [*values, *claims]
    keys = [value.key for value in wanted]
    stored = _read_for_update(finder, keys)
    _check_documents(stored, given, values)
    _check_claims(stored, claims)
    # Claims first: a document without its claim would be a drift, if this
    # broke off between them.
    missing = _missing(stored, claims)
    missing += _missing(stored, _in_order(stored, values))
    _put(finder, stored, missing)


def _check_documents(
    stored: dict[Key, Found],
    given: collections.abc.Sequence[Entry],
    values: list[Value],
) -> None:
    """Raise ``Conflict`` if other documents are stored under their ids."""
    for entry, there in _present(stored, given, values):
        kept = copying.entry_of(there)
        if kept.dump() != entry.dump():
            raise exceptions.Conflict(
                f'{entry.kind} {entry.id}: the store has another one with this'
                ' id.'
            )


def _check_claims(stored: dict[Key, Found], claims: list[Value]) -> None:
    """Raise ``Conflict`` if other projects have the claims."""
    for claim in claims:
        there = stored[claim.key].value
        if there is None:
            continue
        if there.project_id != claim.project_id:
            raise exceptions.Conflict(
                f'{claim.id}: another project has this id.'
            )


def _read_for_update(
    finder: Finder, keys: collections.abc.Collection[Key]
) -> dict[Key, Found]:
    attempts = Retries('Restoring documents')
    return finder.committer.read_for_update(keys, attempts)


def _present(
    stored: dict[Key, Found],
    given: collections.abc.Sequence[Entry],
    values: list[Value],
) -> collections.abc.Iterator[tuple[Entry, Value]]:
    """Yield the entries that something is stored for, with that."""
    for entry, value in zip(given, values, strict=True):
        there = stored[value.key].value
        if there is not None:
            yield entry, there


def _missing(
    stored: dict[Key, Found], values: collections.abc.Iterable[Value]
) -> list[Value]:
    """Return the values that aren't stored."""
    missing = []
    for value in values:
        there = stored[value.key]
        if there.value is None:
            missing.append(value)
    return missing


def _in_order(
    stored: dict[Key, Found], values: collections.abc.Sequence[Value]
) -> list[Value]:
    """Return values with numbers that put them into the order given, behind
    all others.

    When an earlier call broke off, some of them may have been stored: any of
    them, not only the first ones. They keep their numbers, and the others get
    those that were meant for them: each has the number before the next one's.
    """
    result = []
    count = len(values)
    following = ORDER.next(count) + count
    for value in reversed(values):
        there = stored[value.key].value
        if there is None:
            following -= 1
        else:
            following = there.seq
        numbered = dataclasses.replace(value, seq=following)
        result.append(numbered)
    result.reverse()
    return result


def _put(
    finder: Finder, stored: dict[Key, Found], values: list[Value]
) -> None:
    """Store values over what was read, in their order."""
    writes = []
    # With a name a later writer can tell who has written since.
    name = marks.new_name()
    for value in values:
        found = stored[value.key]
        mark = marks.written(found.mark, name, found.done)
        write = finder.committer.store.put(found, value, mark)
        writes.append(write)
    results = finder.committer.store.write(writes)
    if not all(results):
        raise exceptions.StorageUnavailable(
            'Somebody else writes into the store.'
        )


def _value(entry: Entry) -> Value:
    content = entry.content
    if isinstance(content, Session):
        return codec.new_session(content)
    return codec.made(typing.cast(Document, content))


def _claim(entry: Entry) -> Value | None:
    """Return the claim that comes with an entry, None if it needs none."""
    if not isinstance(entry.content, Document):
        return None
    body = entry.content.body
    claim = documents.claim(entry.kind, entry.id, body)
    if claim is None:
        return None
    return codec.claim_value(entry.kind, entry.project_id, entry.id)


def _restore_records(
    finder: Finder, given: collections.abc.Sequence[Entry]
) -> None:
    keys = [_session_key(entry) for entry in given]
    sessions = _read_for_update(finder, keys)
    values: list[Value] = []
    tags: dict[Key, list[int]] = {}
    for key, entry in zip(keys, given, strict=True):
        record = typing.cast(Record, entry.content)
        session = sessions[key].value
        if session is None:
            raise exceptions.Conflict(
                f'{entry.id}: the session of the run {record.tag} is missing.'
            )
        life = session.state['life']
        value = codec.record_value(entry.project_id, life, record)
        values.append(value)
        named = tags.setdefault(key, [])
        named.append(record.tag)
    record_keys = [value.key for value in values]
    stored = _read_for_update(finder, record_keys)
    _check_records(stored, given, values)
    missing = _missing(stored, values)
    _put(finder, stored, missing)
    # Only now: what sessions say that they have is there, whenever this breaks
    # off.
    _name_records(finder, sessions, tags)


def _session_key(entry: Entry) -> Key:
    """Return where the session of a record is kept."""
    return codec.key(SESSIONS, entry.project_id, entry.id)


def _check_records(
    stored: dict[Key, Found],
    given: collections.abc.Sequence[Entry],
    values: list[Value],
) -> None:
    """Raise ``Conflict`` if other records are stored for their runs."""
    for entry, there in _present(stored, given, values):
        record = codec.record(there)
        kept = copying.entry_of_record(entry.project_id, entry.id, record)
        if kept.dump() != entry.dump():
            raise exceptions.Conflict(
                f'{entry.id}: the store has another run {record.tag}.'
            )


def _name_records(
    finder: Finder,
    sessions: dict[Key, Found],
    tags: collections.abc.Mapping[Key, list[int]],
) -> None:
    """Let sessions say that they have records of the runs with these tags."""
    changed = []
    for key, found in sessions.items():
        session = typing.cast(Value, found.value)
        before = session.state['kept']
        kept = ranges.with_tags(before, tags[key])
        value = codec.with_kept(session, kept)
        if value != session:
            changed.append(value)
    _put(finder, sessions, changed)
