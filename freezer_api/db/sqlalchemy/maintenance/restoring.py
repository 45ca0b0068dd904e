"""Storing the entries of another store, exactly as they are."""

import collections
import collections.abc
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api import exceptions
from freezer_api.db.base import RUNS, Entry
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.maintenance import copying
from freezer_api.db.sqlalchemy.search import counting, indexing, terms
from freezer_api.db.sqlalchemy.sessions import members, session_rows
from freezer_api.domain import documents
from freezer_api.domain.documents import Body, Document
from freezer_api.domain.session_state import Record, Session

Entries = collections.abc.Sequence[Entry]


def restore(connection: sqlalchemy.Connection, given: Entries) -> None:
    """Store entries, see :meth:`Storage.restore`.

    It is the work of one transaction, so a call that breaks off has stored
    nothing.
    """
    if not given:
        return
    kind = given[0].kind
    if kind == RUNS:
        _restore_records(connection, given)
    else:
        _restore_documents(connection, kind, given)


def count(database: Database, given: Entries) -> None:
    """Count the documents that were restored, if many of their lists aren't
    counted: a whole store is more than those who read it could catch up with.
    """
    lists: set[int] = set()
    for entry in given:
        if entry.kind != RUNS:
            scopes = indexed_scopes(entry.kind, entry.project_id, None)
            lists.update(terms.of_lists(entry.kind, scopes))
    for term in sorted(lists):
        counting.catch_up(database, term)


def _missing(given: Entries, existing: Entries) -> list[Entry]:
    """Return those that don't exist; ``Conflict`` if another is in the place
    of one.
    """
    existing_by_key = {entry.key: entry for entry in existing}
    missing = []
    for entry in given:
        other = existing_by_key.get(entry.key)
        if other is None:
            missing.append(entry)
        elif other.dump() != entry.dump():
            raise exceptions.Conflict(
                f'{entry.kind}: another {" ".join(entry.key[1:])} is in'
                f' project {entry.project_id} already.'
            )
    return missing


def _ids_by_project(
    names: collections.abc.Iterable[copying.Name],
) -> dict[str, list[str]]:
    """Return the ids in each project."""
    ids: dict[str, list[str]] = collections.defaultdict(list)
    for project_id, id in names:
        ids[project_id].append(id)
    return ids


def _name(entry: Entry) -> copying.Name:
    return entry.project_id, entry.id


# Documents


def _restore_documents(
    connection: sqlalchemy.Connection, kind: str, given: Entries
) -> None:
    existing: list[Entry] = []
    for project_id, ids in _ids_by_project(map(_name, given)).items():
        existing += copying.named(
            connection,
            kind,
            project_id,
            ids,
        )
    # Before anything is written: one conflict refuses all.
    missing = _missing(given, existing)
    _check_claims(connection, kind, missing)
    _insert(connection, kind, missing)


def _check_claims(
    connection: sqlalchemy.Connection, kind: str, missing: Entries
) -> None:
    """Raise ``Conflict`` if another document has the claim of one."""
    claims = []
    for entry in missing:
        claim = _claim(entry)
        if claim is not None:
            claims.append(claim)
    if not claims:
        return
    columns = models.tables[kind].c
    statement = sqlalchemy.select(
        columns.project,
        columns.id,
    ).where(columns.claim.in_(bindparam('claims', expanding=True)))
    other = connection.execute(statement, {'claims': sorted(claims)}).first()
    if other:
        raise exceptions.Conflict(
            f'{kind}: {other.id} is held by project {other.project} already.'
        )


def _claim(entry: Entry) -> str | None:
    content = entry.content
    if isinstance(content, Document):
        return documents.claim(entry.kind, entry.id, content.body)
    return None


def _insert(
    connection: sqlalchemy.Connection, kind: str, missing: Entries
) -> None:
    """Store rows one by one, for not every database tells the numbers of
    several; their index together.
    """
    added: list[indexing.Added] = []
    for entry in missing:
        values, shown = _row(entry)
        new = rows.insert(
            connection,
            kind,
            values,
            shown,
        )
        if isinstance(entry.content, Session):
            members.store(
                connection,
                new.seq,
                {},
                entry.content.members,
            )
        added.append(new)
    indexing.add_all(connection, kind, added)


def _row(entry: Entry) -> tuple[rows.Values, Body]:
    """Return the columns of an entry's row, and what is shown of it."""
    content = typing.cast(Document | Session, entry.content)
    values: rows.Values = {
        'project': entry.project_id,
        'id': entry.id,
        'claim': _claim(entry),
        'version': content.version,
        'created': content.created,
    }
    if isinstance(content, Session):
        shown = content.body()
        values |= session_rows.changing(content, shown)
        # Its records come after all sessions, and are counted then.
        values['records'] = 0
        return values, shown
    values['body'] = rows.dump(content.body)
    values |= rows.extras(entry.kind, content.body)
    return values, content.body


# Records


def _restore_records(
    connection: sqlalchemy.Connection, given: Entries
) -> None:
    seqs = _sessions(connection, dict.fromkeys(map(_name, given)))
    tags: dict[copying.Name, list[int]] = collections.defaultdict(list)
    for entry in given:
        tags[_name(entry)].append(_record(entry).tag)
    existing: list[Entry] = []
    for name, tags_of_session in tags.items():
        parameters = {
            'of': seqs[name],
            'tags': tags_of_session,
        }
        found = connection.execute(_TAGGED, parameters).all()
        existing += copying.entries_of_records(name, found)

    missing = _missing(given, existing)
    if not missing:
        return
    added_to: collections.Counter[copying.Name] = collections.Counter()
    new = []
    for entry in missing:
        name = _name(entry)
        added_to[name] += 1
        new.append(_record_row(seqs[name], entry))
    connection.execute(_ADD, new)
    for name, added in added_to.items():
        connection.execute(
            _COUNT,
            {
                'of': seqs[name],
                'added': added,
            },
        )


def _sessions(
    connection: sqlalchemy.Connection,
    names: collections.abc.Mapping[copying.Name, None],
) -> dict[copying.Name, int]:
    """Return the numbers of sessions; ``Conflict`` if one doesn't exist."""
    seqs: dict[copying.Name, int] = {}
    for project_id, ids in _ids_by_project(names).items():
        parameters = {
            'project': project_id,
            'ids': sorted(ids),
        }
        for row in connection.execute(_NUMBERS, parameters):
            seqs[project_id, row.id] = row.seq
    missing = names.keys() - seqs.keys()
    if missing:
        project_id, id = min(missing)
        raise exceptions.Conflict(
            f'{RUNS}: there is no session {id} in project {project_id}.'
        )
    return seqs


def _record(entry: Entry) -> Record:
    return typing.cast(Record, entry.content)


def _record_row(session: int, entry: Entry) -> rows.Values:
    record = _record(entry)
    return {
        'session': session,
        'tag': record.tag,
        'body': orjson.dumps(record).decode(),
    }


# Statements


_sessions_table, _runs = models.sessions.c, models.runs.c
_NUMBERS = sqlalchemy.select(_sessions_table.seq, _sessions_table.id).where(
    _sessions_table.project == bindparam('project'),
    _sessions_table.id.in_(bindparam('ids', expanding=True)),
)
_TAGGED = sqlalchemy.select(_runs.tag, _runs.body).where(
    _runs.session == bindparam('of'),
    _runs.tag.in_(bindparam('tags', expanding=True)),
)
_ADD = sqlalchemy.insert(models.runs)
_COUNT = (
    sqlalchemy.update(models.sessions)
    .where(_sessions_table.seq == bindparam('of'))
    .values(records=_sessions_table.records + bindparam('added'))
)
