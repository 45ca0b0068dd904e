"""Stamps of documents: see :meth:`Storage.write_stamps`.

Their table is made when the first ones are written. It is no part of the
schema: no release has to know it, and it may be dropped.
"""

import collections.abc

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.maintenance.copying import Name

#: Bytes of a stamp.
LENGTH = 32
table = sqlalchemy.Table(
    'freezer_imports',
    sqlalchemy.MetaData(),
    sqlalchemy.Column('kind', models.Word, primary_key=True),
    sqlalchemy.Column('project', models.Project, primary_key=True),
    sqlalchemy.Column('id', models.Id, primary_key=True),
    sqlalchemy.Column('stamp', sqlalchemy.LargeBinary(LENGTH), nullable=False),
    mysql_engine='InnoDB',
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
)


def prepare(connection: sqlalchemy.Connection) -> None:
    """Make the table, if it isn't there."""
    table.create(connection, checkfirst=True)


def read(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> dict[str, bytes]:
    """Return stamps by the ids of documents."""
    if not ids or not _is_there(connection):
        return {}
    parameters = {
        'of_kind': kind,
        'of_project': project_id,
        'ids': sorted(ids),
    }
    found = connection.execute(_READ, parameters)
    return {row.id: bytes(row.stamp) for row in found}


def write(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    stamps: collections.abc.Mapping[str, bytes],
) -> None:
    """Keep stamps in place of those that are there."""
    if not stamps:
        return
    parameters = {
        'of_kind': kind,
        'of_project': project_id,
        'ids': sorted(stamps),
    }
    connection.execute(_DELETE, parameters)
    rows = []
    for id, stamp in stamps.items():
        row = {
            'kind': kind,
            'project': project_id,
            'id': id,
            'stamp': stamp,
        }
        rows.append(row)
    connection.execute(sqlalchemy.insert(table), rows)


def names(
    connection: sqlalchemy.Connection,
    kind: str,
    after: Name,
    limit: int,
) -> list[Name]:
    """Return projects and ids that have stamps, in their order.

    Two statements, each a range of the key, which not all databases make of a
    comparison of tuples.
    """
    if not _is_there(connection):
        return []
    parameters = {
        'of_kind': kind,
        'of_project': after[0],
        'after': after[1],
        'limit': limit,
    }
    of_project = connection.execute(_NEXT_IDS, parameters).all()
    of_others = connection.execute(_NEXT_PROJECTS, parameters).all()
    found = [*of_project, *of_others][:limit]
    return [(row.project, row.id) for row in found]


def _is_there(connection: sqlalchemy.Connection) -> bool:
    return sqlalchemy.inspect(connection).has_table(table.name)


_columns = table.c
_OF_PROJECT = sqlalchemy.and_(
    _columns.kind == bindparam('of_kind'),
    _columns.project == bindparam('of_project'),
)
_AMONG = _columns.id.in_(bindparam('ids', expanding=True))
_READ = sqlalchemy.select(_columns.id, _columns.stamp).where(
    _OF_PROJECT, _AMONG
)
_DELETE = sqlalchemy.delete(table).where(_OF_PROJECT, _AMONG)
_NAMES = sqlalchemy.select(_columns.project, _columns.id).limit(
    bindparam('limit')
)
_NEXT_IDS = _NAMES.where(
    _OF_PROJECT, _columns.id > bindparam('after')
).order_by(_columns.id)
_NEXT_PROJECTS = _NAMES.where(
    _columns.kind == bindparam('of_kind'),
    _columns.project > bindparam('of_project'),
).order_by(_columns.project, _columns.id)
