"""Documents as rows: reading one, and holding, creating, changing and deleting
them within a transaction.
"""

import collections.abc
import dataclasses
import functools
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import refusals
from freezer_api.db.sqlalchemy import functions, indexing, models, terms
from freezer_api.domain import backups, documents
from freezer_api.domain.documents import Body, Document


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A document that the transaction holds, and how it is indexed."""

    seq: int
    document: Document
    indexed: bytes
    claim: str | None


def dump(body: Body) -> str:
    """A body as it is stored."""
    return orjson.dumps(body).decode()


def get(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    id: str,
    central: bool = False,
) -> Document | None:
    """A document, by one statement; with ``central`` the project's own or else
    the central one.
    """
    found = connection.execute(
        _read(kind, central), {'project': project, 'id': id}
    ).all()
    if not found:
        return None
    row = min(found) if len(found) > 1 else found[0]
    return Document(
        kind,
        row.project if central else project,
        id,
        row.version,
        row.created,
        orjson.loads(row.body),
    )


def claimed(
    connection: sqlalchemy.Connection, kind: str, claim: str
) -> Document | None:
    """The document of any project that has a claim, by one statement."""
    row = connection.execute(_CLAIM[kind], {'claim_': claim}).first()
    return document(kind, row) if row else None


def visible(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    ids: collections.abc.Collection[str],
) -> dict[str, Document]:
    """Those documents of the ids that a project sees: its own, or else central
    ones.
    """
    if not ids:
        return {}
    found = connection.execute(
        _read_all(kind), {'project': project, 'ids': sorted(ids)}
    ).all()
    return {
        row.id: document(kind, row)
        for row in sorted(found, key=lambda row: row.rank, reverse=True)
    }


def document(kind: str, row: typing.Any) -> Document:
    """The document that a row of :func:`_shown` columns is."""
    return Document(
        kind,
        row.project,
        row.id,
        row.version,
        row.created,
        orjson.loads(row.body),
    )


def lock(
    connection: sqlalchemy.Connection, kind: str, project: str, id: str
) -> Row | None:
    """Hold a document until the transaction ends; None if there is none."""
    found = connection.execute(
        _hold(kind), {'project': project, 'id': id}
    ).first()
    return _row(kind, project, found) if found else None


def lock_all(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    ids: collections.abc.Collection[str],
    share: bool = False,
) -> dict[str, Row]:
    """Hold those documents that exist, ascending by id. ``share``: none
    changes them; others may hold them so too, unless that is told by writing
    (:func:`shared_by_writing`).
    """
    if not ids:
        return {}
    shared = share and not shared_by_writing(connection)
    found = connection.execute(
        _hold_all(kind, shared), {'project': project, 'ids': sorted(ids)}
    )
    return {row.id: _row(kind, project, row) for row in found}


def octets(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    ids: collections.abc.Collection[str],
) -> int:
    """How many bytes of JSON those documents have that exist, told without
    reading them.
    """
    found = {'project': project, 'ids': sorted(ids)}
    return int(connection.execute(_OCTETS[kind], found).scalar_one())


def shared_by_writing(connection: sqlalchemy.Connection) -> bool:
    """Whether what is used has to be written by who uses it, see
    :func:`use`.
    """
    return connection.dialect.name == 'mysql'


def use(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    ids: collections.abc.Collection[str],
) -> int:
    """Keep documents from being changed or deleted before the transaction
    ends, wherever that is tried; how many there are.

    Locks are seen by one node of a Galera cluster alone. That two transactions
    have written the same row is seen by all: one of them fails, and runs
    again.
    """
    if not ids:
        return 0
    return connection.execute(
        _USE[kind], {'of_project': project, 'ids': sorted(ids)}
    ).rowcount


def create(connection: sqlalchemy.Connection, new: Document) -> None:
    """Store a document that isn't there; ``Conflict`` if another one has its
    claim.
    """
    claim = documents.claim(new.kind, new.id, new.body)
    _check_claim(connection, new, claim)
    insert(
        connection,
        new.kind,
        {
            'project': new.project_id,
            'id': new.id,
            'version': new.version,
            'created': new.created,
            'body': dump(new.body),
            'claim': claim,
            **extras(new.kind, new.body),
        },
        new.body,
    )


def extras(kind: str, body: Body) -> dict[str, typing.Any]:
    """What the columns that a kind alone has say of a document that lies in
    one row.
    """
    if kind != documents.BACKUPS:
        return {}
    job_id = backups.job_of(body)
    return {
        'moment': backups.time_of(body),
        'job_id': job_id if job_id and documents.ID.match(job_id) else None,
    }


def insert(
    connection: sqlalchemy.Connection,
    kind: str,
    values: dict[str, typing.Any],
    shown: Body,
) -> int:
    """Store a row and index what is shown of it; its number."""
    scopes = terms.scopes(kind, values['project'], values['claim'])
    index, text = terms.index(kind, scopes, shown)
    seq = insert_row(connection, kind, values, index)
    indexing.add(connection, kind, scopes, seq, index, text)
    return seq


def insert_row(
    connection: sqlalchemy.Connection,
    kind: str,
    values: dict[str, typing.Any],
    index: terms.Index,
) -> int:
    """Store a row whose index the caller keeps; its number."""
    key: typing.Any = connection.execute(
        _INSERT[kind], {**values, 'indexed': index.pack()}
    ).inserted_primary_key
    return key[0]


def update(connection: sqlalchemy.Connection, row: Row, new: Document) -> None:
    """Store what became of a document that is locked; ``Conflict`` if another
    one has its claim.
    """
    kind, project_id = new.kind, new.project_id
    claim = documents.claim(kind, new.id, new.body)
    if claim != row.claim:
        _check_claim(connection, new, claim)
    old_scopes = terms.scopes(kind, project_id, row.claim)
    new_scopes = terms.scopes(kind, project_id, claim)
    index, text = terms.index(kind, new_scopes, new.body)
    values = {
        'of': row.seq,
        'version': new.version,
        'body': dump(new.body),
        'indexed': index.pack(),
        'claim': claim,
        **extras(kind, new.body),
    }
    connection.execute(_UPDATE[kind], values)
    indexing.change(
        connection,
        kind,
        (old_scopes, new_scopes),
        row.seq,
        terms.Index.unpack(row.indexed),
        index,
        text,
    )


def delete(connection: sqlalchemy.Connection, row: Row) -> None:
    """Delete a document that is held."""
    remove(
        connection,
        row.document.kind,
        row.document.project_id,
        row.seq,
        row.indexed,
        row.claim,
    )


def remove(
    connection: sqlalchemy.Connection,
    kind: str,
    project: str,
    seq: int,
    indexed: bytes,
    claim: str | None = None,
) -> None:
    """Delete a row that is held, and take it out of the index."""
    connection.execute(_DELETE[kind], {'of': seq})
    indexing.remove(
        connection,
        kind,
        terms.scopes(kind, project, claim),
        seq,
        terms.Index.unpack(indexed),
    )


def _check_claim(
    connection: sqlalchemy.Connection, new: Document, claim: str | None
) -> None:
    """Raise ``Conflict`` if another document has the claim. One that comes in
    between makes the transaction run again.
    """
    if claim is None:
        return
    statement = _CLAIM[new.kind]
    holder = connection.execute(statement, {'claim_': claim}).first()
    own = new.project_id, new.id
    if holder and (holder.project, holder.id) != own:
        raise refusals.id_taken(new.kind, new.id)


def _row(kind: str, project: str, found: typing.Any) -> Row:
    document = Document(
        kind,
        project,
        found.id,
        found.version,
        found.created,
        orjson.loads(found.body),
    )
    return Row(found.seq, document, found.indexed, found.claim)


@functools.cache
def _read(
    kind: str, central: bool
) -> sqlalchemy.Select | sqlalchemy.CompoundSelect:
    table = models.tables[kind]
    if central:
        return own_or_central(
            table, _shown(table), lambda column: column == bindparam('id')
        )
    return sqlalchemy.select(
        table.c.version, table.c.created, table.c.body
    ).where(
        table.c.project == bindparam('project'), table.c.id == bindparam('id')
    )


@functools.cache
def _read_all(kind: str) -> sqlalchemy.CompoundSelect:
    table = models.tables[kind]
    return own_or_central(
        table,
        _shown(table),
        lambda column: column.in_(bindparam('ids', expanding=True)),
    )


def _shown(table: sqlalchemy.Table) -> tuple[sqlalchemy.Column, ...]:
    return (
        table.c.project,
        table.c.id,
        table.c.version,
        table.c.created,
        table.c.body,
    )


def own_or_central(
    table: sqlalchemy.Table,
    columns: tuple[sqlalchemy.Column, ...],
    named: collections.abc.Callable[[sqlalchemy.Column], typing.Any],
) -> sqlalchemy.CompoundSelect:
    """The documents of ``project`` whose id is as ``named``, and central ones,
    which come behind them by ``rank``.
    """
    ranks = [
        sqlalchemy.literal_column(rank, sqlalchemy.Integer).label('rank')
        for rank in '01'
    ]
    return sqlalchemy.union_all(
        sqlalchemy.select(ranks[0], *columns).where(
            table.c.project == bindparam('project'), named(table.c.id)
        ),
        sqlalchemy.select(ranks[1], *columns).where(named(table.c.claim)),
    )


def _held(kind: str) -> sqlalchemy.Select:
    table = models.tables[kind]
    return sqlalchemy.select(
        table.c.seq,
        table.c.id,
        table.c.version,
        table.c.created,
        table.c.body,
        table.c.indexed,
        table.c.claim,
    ).where(table.c.project == bindparam('project'))


@functools.cache
def _hold(kind: str) -> sqlalchemy.Select:
    return (
        _held(kind)
        .where(models.tables[kind].c.id == bindparam('id'))
        .with_for_update()
    )


@functools.cache
def _hold_all(kind: str, share: bool) -> sqlalchemy.Select:
    table = models.tables[kind]
    return in_order(
        _held(kind).where(table.c.id.in_(bindparam('ids', expanding=True))),
        table,
    ).with_for_update(read=share)


def in_order(
    statement: sqlalchemy.Select, table: sqlalchemy.Table
) -> sqlalchemy.Select:
    """Make rows of a project be locked ascending by id. MySQL locks them as it
    reads them: it must read along the key.
    """
    return statement.order_by(table.c.id).with_hint(
        table, f'FORCE INDEX (uq_{table.name}_project_id)', 'mysql'
    )


_INSERT = {
    kind: sqlalchemy.insert(table) for kind, table in models.tables.items()
}
_UPDATE = {
    kind: (
        sqlalchemy.update(table)
        .where(table.c.seq == bindparam('of'))
        .values(
            {
                name: bindparam(name)
                for name in (
                    'version',
                    'body',
                    'indexed',
                    'claim',
                    'moment',
                    'job_id',
                )
                if name in table.c
            }
        )
    )
    for kind, table in models.tables.items()
}
_DELETE = {
    kind: sqlalchemy.delete(table).where(table.c.seq == bindparam('of'))
    for kind, table in models.tables.items()
}
_USE = {
    kind: (
        sqlalchemy.update(table)
        .values(uses=table.c.uses + 1)
        .where(
            table.c.project == bindparam('of_project'),
            table.c.id.in_(bindparam('ids', expanding=True)),
        )
    )
    for kind, table in models.tables.items()
    if 'uses' in table.c
}
_OCTETS = {
    kind: (
        sqlalchemy.select(
            sqlalchemy.func.coalesce(
                sqlalchemy.func.sum(functions.Octets(table.c.body)), 0
            )
        ).where(
            table.c.project == bindparam('project'),
            table.c.id.in_(bindparam('ids', expanding=True)),
        )
    )
    for kind, table in models.tables.items()
}
_CLAIM = {
    kind: (
        sqlalchemy.select(*_shown(table)).where(
            table.c.claim == bindparam('claim_')
        )
    )
    for kind, table in models.tables.items()
}
