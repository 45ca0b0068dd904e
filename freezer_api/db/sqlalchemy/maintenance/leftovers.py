"""What is derived of a document and stands where no document has it: terms,
texts, members and records; and the counts of lists.

All of it is walked along the keys of its tables.
"""

import collections
import collections.abc
import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import walks
from freezer_api.db.base import Place
from freezer_api.db.batches import batches
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import migration, models
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.maintenance import counted
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.walks import Drift, WalkStep
from freezer_api.domain import documents

Connection = sqlalchemy.Connection
#: The primary key of a row.
Key = tuple[typing.Any, ...]
#: Rows of documents by kind and number.
Owners = dict[tuple[str, int], sqlalchemy.Row]

#: In the order in which they are walked.
TABLES = {
    'pairs': models.pairs,
    'texts': models.texts,
    'members': models.members,
    'runs': models.runs,
    'counts': models.counts,
}
#: Where leftovers are removed: of the others, nothing else has what they say.
MENDABLE = ('pairs', 'texts')
#: Numbers of documents in one statement.
CHUNK = 500
#: What operators are told of a leftover, by the table; its key is filled in.
_MESSAGES = {
    'pairs': 'document number {1}: a search term that no document has there',
    'texts': (
        'document number {2}: a text of {0} in scope {1!r} that no document'
        ' has there'
    ),
    'members': 'job {1}: a member of the missing session number {0}',
    'runs': 'run {1} of the missing session number {0}',
}
#: What operators can do about those that aren't removed. They are shown by
#: nothing: the number of a session is never used again.
_ADVICE = {
    'members': (
        'Restore freezer_sessions from the same backup as this table, or run:'
        ' DELETE FROM freezer_session_members WHERE session = {0} AND job_id ='
        " '{1}'"
    ),
    'runs': (
        'Restore freezer_sessions from the same backup as this table, or run:'
        ' DELETE FROM freezer_runs WHERE session = {0} AND tag = {1}'
    ),
}


def walk(database: Database, after: Place, limit: int, mend: bool) -> WalkStep:
    """Look at the next rows of the tables; tell of those that no document has,
    and remove them if asked for.
    """
    if after:
        name = str(after[0])
    elif _is_of_this_release(database):
        name = next(iter(TABLES))
    else:
        return WalkStep(None, 0)
    keys = database.read(
        functools.partial(
            _next_keys,
            name=name,
            key=after[1:],
            limit=limit,
        )
    )
    if not keys:
        following = _following(name)
        return WalkStep((following,) if following else None, 0)

    parts = _parts(name, keys)
    drifts = [
        *_drifts(database, name, keys, mend),
        *counted.drifts(database, parts, mend),
    ]
    return WalkStep((name, *keys[-1]), len(keys), tuple(drifts))


def _parts(name: str, keys: list[Key]) -> list[counted.Part]:
    """Return the parts of lists that rows count."""
    if name == 'counts':
        return counted.parts_of(keys)
    if name == 'pairs':
        parts = set(map(counted.part_of, keys))
        return sorted(part for part in parts if part)
    return []


def _drifts(
    database: Database, name: str, keys: list[Key], mend: bool
) -> collections.abc.Iterator[Drift]:
    """Yield those of the rows that no document has."""
    if name == 'counts':
        return
    owners = database.read(
        functools.partial(_read_owners, name=name, keys=keys)
    )
    for key in _without_owner(owners, name, keys):
        # Others may have written since then, so each is looked at again.
        if mend and name in MENDABLE:
            remove = functools.partial(_remove, name=name, key=key)
            is_left = database.write(remove)
        else:
            look = functools.partial(_is_leftover, name=name, key=key)
            is_left = database.read(look)
        if is_left:
            yield _drift(name, key)


def _is_of_this_release(database: Database) -> bool:
    """Tell whether the schema is this release's own.

    A later release may have kinds of documents that this one doesn't know,
    and what is derived of them would seem to be left.
    """
    return database.look(migration.current) == migration.head()


def _following(name: str) -> str | None:
    """Return the table that is walked after one, None after the last."""
    names = list(TABLES)
    position = names.index(name) + 1
    return names[position] if position < len(names) else None


# Walking along a key


def _next_keys(
    connection: Connection, name: str, key: Key, limit: int
) -> list[Key]:
    """Return the keys behind one; () stands before all.

    Behind (a, b) are first those with the same a and a greater b, then those
    with a greater a: each a range of the index, which not all databases make
    of a comparison of tuples.
    """
    parameters: dict[str, typing.Any] = {}
    for number, value in enumerate(key):
        parameters[f'at{number}'] = value
    found: list[Key] = []
    for same in reversed(range(max(1, len(key)))):
        if len(found) == limit:
            break
        statement = _behind(name, same, bool(key))
        parameters['limit'] = limit - len(found)
        rows = connection.execute(statement, parameters)
        found += [tuple(row) for row in rows]
    return found


@functools.cache
def _behind(name: str, same: int, bounded: bool) -> sqlalchemy.Select:
    """Return the keys that have the first columns in common with one, and are
    greater in the next one. Not ``bounded``: all keys.
    """
    columns = list(TABLES[name].primary_key.columns)
    conditions = [
        columns[number] == bindparam(f'at{number}') for number in range(same)
    ]
    if bounded:
        conditions.append(columns[same] > bindparam(f'at{same}'))
    return (
        sqlalchemy.select(*columns)
        .where(*conditions)
        .order_by(*columns[same:])
        .limit(bindparam('limit'))
    )


# Whose a row is


def _without_owner(
    owners: Owners, name: str, keys: collections.abc.Iterable[Key]
) -> list[Key]:
    """Return those of the keys that none of the documents has."""
    if name in ('members', 'runs'):
        return [
            key for key in keys if (documents.SESSIONS, key[0]) not in owners
        ]
    if name == 'texts':
        return [key for key in keys if not _has_text(owners, key)]
    # Rows of the index don't say of which kind their documents are.
    terms_of: dict[int, list[frozenset[int]]] = collections.defaultdict(list)
    for (_kind, seq), row in owners.items():
        terms_of[seq].append(terms.Index.unpack(row.indexed).terms)
    found = []
    for term, seq in keys:
        if seq > 0 and not any(term in some for some in terms_of[seq]):
            found.append((term, seq))
    return found


def _has_text(owners: Owners, key: Key) -> bool:
    kind, scope, seq = key
    row = owners.get((kind, seq))
    if row is None:
        return False
    scopes = indexed_scopes(kind, row.project, row.claim)
    return scope in terms.text_scopes(scopes)


def _read_owners(
    connection: Connection,
    name: str,
    keys: collections.abc.Iterable[Key],
    lock: bool = False,
) -> Owners:
    """Return the documents that may have what stands under keys."""
    seqs_of: dict[str, set[int]] = collections.defaultdict(set)
    for key in keys:
        for kind, seq in _possible_owners(name, key):
            seqs_of[kind].add(seq)
    found: Owners = {}
    # A text may be of a kind that this release doesn't know.
    for kind in seqs_of.keys() & models.tables.keys():
        seqs = sorted(seqs_of[kind])
        for some in batches(seqs, CHUNK):
            statement = _select_owners(kind, lock)
            rows = connection.execute(statement, {'seqs': some})
            found |= {(kind, row.seq): row for row in rows}
    return found


def _possible_owners(name: str, key: Key) -> list[tuple[str, int]]:
    """Return the kinds and numbers of the documents that may have a key."""
    if name == 'pairs':
        return [(kind, key[1]) for kind in documents.KINDS]
    if name == 'texts':
        return [(key[0], key[2])]
    return [(documents.SESSIONS, key[0])]


@functools.cache
def _select_owners(kind: str, lock: bool) -> sqlalchemy.Select:
    columns = models.tables[kind].c
    found = sqlalchemy.select(
        columns.seq,
        columns.version,
        columns.project,
        columns.claim,
        columns.indexed,
    ).where(columns.seq.in_(bindparam('seqs', expanding=True)))
    return found.with_for_update() if lock else found


# One row


def _is_leftover(connection: Connection, name: str, key: Key) -> bool:
    """Tell whether a row is there that no document has, as these are before
    and after it was seen.

    The number of a document is never used again: one that is gone stays so.
    """
    before = _read_owners(connection, name, (key,))
    if _is_counted_off(connection, name, key):
        return False
    is_there = _is_there(connection, name, key)
    after = _read_owners(connection, name, (key,))
    if not is_there or before != after:
        return False
    return bool(_without_owner(before, name, (key,)))


def _remove(connection: Connection, name: str, key: Key) -> bool:
    """Remove a row if no document has it, and tell whether it was there.
    Those that could have it are locked meanwhile.
    """
    owners = _read_owners(
        connection,
        name,
        (key,),
        lock=True,
    )
    if not _without_owner(owners, name, (key,)):
        return False
    if _is_counted_off(connection, name, key):
        return False
    row = sqlalchemy.delete(TABLES[name]).where(*_has_key(name, key))
    return connection.execute(row).rowcount > 0


def _is_counted_off(connection: Connection, name: str, key: Key) -> bool:
    """Tell whether a row is one by which a document is to be counted that is
    to be counted off as well: both rows go together.
    """
    if name != 'pairs':
        return False
    term, seq = key
    return _is_there(connection, name, (term, -seq))


def _is_there(connection: Connection, name: str, key: Key) -> bool:
    row = (
        sqlalchemy.select(sqlalchemy.literal(1))
        .select_from(TABLES[name])
        .where(*_has_key(name, key))
    )
    return connection.execute(row).first() is not None


def _has_key(name: str, key: Key) -> list[sqlalchemy.ColumnElement[bool]]:
    columns = TABLES[name].primary_key.columns
    return [
        column == value for column, value in zip(columns, key, strict=True)
    ]


def _drift(name: str, key: Key) -> Drift:
    message = _MESSAGES[name].format(*key)
    return Drift(
        walks.LEFT,
        '',
        '',
        message,
        mendable=name in MENDABLE,
        advice=_ADVICE.get(name, '').format(*key),
    )
