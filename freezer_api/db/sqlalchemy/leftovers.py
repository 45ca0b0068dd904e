"""What is derived of a document and stands where no document has it.

Terms, texts, members and records. All of it is walked along the keys of its
tables.
"""

import collections
import collections.abc
import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import steps
from freezer_api.db.base import Place
from freezer_api.db.sqlalchemy import migrate, models, terms
from freezer_api.db.sqlalchemy.database import Database
from freezer_api.db.steps import Drift, Step
from freezer_api.domain import documents

Connection = sqlalchemy.Connection
Key = tuple[typing.Any, ...]
#: Rows of documents by kind and number.
Holders = dict[tuple[str, int], typing.Any]
#: In the order in which they are walked; what is derived of the document
#: itself can be removed.
TABLES = {
    'pairs': models.pairs,
    'texts': models.texts,
    'members': models.members,
    'runs': models.runs,
}
MENDABLE = ('pairs', 'texts')
#: Numbers of documents in one statement.
CHUNK = 500


def walk(database: Database, after: Place, limit: int, mend: bool) -> Step:
    """The next rows of the tables; those of no document are told, and removed
    if asked for.
    """
    if not after and database.look(migrate.current) != migrate.head():
        # A later release may have kinds of documents that this one doesn't
        # know.
        return Step(None, 0)
    name, key = str(after[0] if after else 'pairs'), after[1:]
    keys = database.read(
        lambda connection: _next(connection, name, key, limit)
    )
    if not keys:
        names = [*TABLES, None]
        following = names[names.index(name) + 1]
        return Step((following,) if following else None, 0)
    holders = database.read(
        lambda connection: _holders(connection, name, keys)
    )
    found = []
    for one in _alone(holders, name, keys):
        if mend and name in MENDABLE:
            left = database.write(
                functools.partial(_remove, name=name, key=one)
            )
        else:
            left = database.read(
                functools.partial(_is_left, name=name, key=one)
            )
        if left:
            found.append(_drift(name, one))
    return Step((name, *keys[-1]), len(keys), tuple(found))


def _next(
    connection: Connection, name: str, key: Key, limit: int
) -> list[Key]:
    """The keys behind one: those with most of its columns in common first."""
    parameters: dict[str, typing.Any] = {
        f'at{number}': value for number, value in enumerate(key)
    }
    found: list[Key] = []
    for equal in reversed(range(max(1, len(key)))):
        if len(found) < limit:
            statement = _behind(name, equal, bool(key))
            rest = {'limit': limit - len(found)}
            found += map(
                tuple, connection.execute(statement, parameters | rest)
            )
    return found


@functools.cache
def _behind(name: str, equal: int, bounded: bool) -> sqlalchemy.Select:
    columns = list(TABLES[name].primary_key.columns)
    same = [
        columns[number] == bindparam(f'at{number}') for number in range(equal)
    ]
    beyond = [columns[equal] > bindparam(f'at{equal}')] if bounded else []
    return (
        sqlalchemy.select(*columns)
        .where(*same, *beyond)
        .order_by(*columns[equal:])
        .limit(bindparam('limit'))
    )


def _alone(
    holders: Holders, name: str, keys: collections.abc.Iterable[Key]
) -> list[Key]:
    """Those of the keys that none of the documents has."""
    if name in ('members', 'runs'):
        return [
            key for key in keys if (documents.SESSIONS, key[0]) not in holders
        ]
    if name == 'texts':
        return [
            key
            for key in keys
            if key[1] not in _text_scopes(holders, key[0], key[2])
        ]
    having: dict[int, list[frozenset[int]]] = collections.defaultdict(list)
    for (_kind, seq), row in holders.items():
        having[seq].append(terms.Index.unpack(row.indexed).terms)
    return [
        key
        for key in keys
        if not any(key[0] in some for some in having[key[1]])
    ]


def _text_scopes(holders: Holders, kind: str, seq: int) -> tuple[str, ...]:
    row = holders.get((kind, seq))
    return (
        terms.text_scopes(terms.scopes(kind, row.project, row.claim))
        if row
        else ()
    )


def _holders(
    connection: Connection,
    name: str,
    keys: collections.abc.Iterable[Key],
    lock: bool = False,
) -> Holders:
    """The documents that may have what stands under keys."""
    wanted: dict[str, set[int]] = collections.defaultdict(set)
    for key in keys:
        if name == 'pairs':
            for kind in documents.KINDS:
                wanted[kind].add(key[1])
        elif name == 'texts':
            wanted[key[0]].add(key[2])
        else:
            wanted[documents.SESSIONS].add(key[0])
    found: Holders = {}
    for kind in wanted.keys() & models.tables.keys():
        ordered = sorted(wanted[kind])
        for first in range(0, len(ordered), CHUNK):
            some = {'seqs': ordered[first : first + CHUNK]}
            found |= {
                (kind, row.seq): row
                for row in connection.execute(_rows(kind, lock), some)
            }
    return found


@functools.cache
def _rows(kind: str, lock: bool) -> sqlalchemy.Select:
    table = models.tables[kind].c
    columns = (
        table.seq,
        table.version,
        table.project,
        table.claim,
        table.indexed,
    )
    found = sqlalchemy.select(*columns).where(
        table.seq.in_(bindparam('seqs', expanding=True))
    )
    return found.with_for_update() if lock else found


def _is_left(connection: Connection, name: str, key: Key) -> bool:
    """Whether a row is there that no document has, as these are before and
    after it was seen.

    The number of a document is never used again: one that is gone stays so.
    """
    before = _holders(connection, name, (key,))
    there = _is_there(connection, name, key)
    steady = before == _holders(connection, name, (key,))
    return there and steady and bool(_alone(before, name, (key,)))


def _remove(connection: Connection, name: str, key: Key) -> bool:
    """Remove a row, if no document has it; these are held meanwhile."""
    if not _alone(_holders(connection, name, (key,), lock=True), name, (key,)):
        return False
    return bool(
        connection.execute(
            sqlalchemy.delete(TABLES[name]).where(*_is(name, key))
        ).rowcount
    )


def _is_there(connection: Connection, name: str, key: Key) -> bool:
    found = sqlalchemy.select(sqlalchemy.literal(1)).select_from(TABLES[name])
    return connection.execute(found.where(*_is(name, key))).first() is not None


def _is(name: str, key: Key) -> list[typing.Any]:
    columns = TABLES[name].primary_key.columns
    return [
        column == value for column, value in zip(columns, key, strict=True)
    ]


def _drift(name: str, key: Key) -> Drift:
    told = {
        'pairs': (
            'document number {1}: a search term that no document has there'
        ),
        'texts': (
            'document number {2}: a text of {0} in scope {1!r} that no'
            ' document has there'
        ),
        'members': 'job {1}: a member of the missing session number {0}',
        'runs': 'run {1} of the missing session number {0}',
    }
    return Drift(
        steps.LEFT, '', '', told[name].format(*key), mendable=name in MENDABLE
    )
