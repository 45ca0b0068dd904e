"""The statements for documents as rows, by kind.

Parameters of what is read are ``project``, and ``id`` or ``ids``; of what is
written ``of`` (a ``seq``), and the columns by their names.
"""

import collections.abc
import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.search import functions

#: Of a document, what changes with it; some columns are of one kind only.
_CHANGING = ('version', 'body', 'indexed', 'claim', 'moment', 'job_id')
#: A condition on a column.
Condition = collections.abc.Callable[
    [sqlalchemy.Column], sqlalchemy.ColumnElement[bool]
]


class Locked(typing.NamedTuple):
    """The columns of a row that is locked, to be changed."""

    seq: int
    id: str
    version: int
    created: int
    body: str
    indexed: bytes
    claim: str | None


# Reading


def document_columns(
    table: sqlalchemy.Table,
) -> tuple[sqlalchemy.Column, ...]:
    """Return the columns that make a document."""
    columns = table.c
    return (
        columns.project,
        columns.id,
        columns.version,
        columns.created,
        columns.body,
    )


@functools.cache
def get_own(kind: str) -> sqlalchemy.Select:
    """Return the project's document of an id, without what was asked for."""
    columns = models.tables[kind].c
    return sqlalchemy.select(
        columns.version, columns.created, columns.body
    ).where(
        columns.project == bindparam('project'),
        columns.id == bindparam('id'),
    )


@functools.cache
def get_visible(kind: str) -> sqlalchemy.CompoundSelect:
    """Return the project's document of an id and the central one."""
    table = models.tables[kind]
    return own_or_central(
        table,
        document_columns(table),
        lambda column: column == bindparam('id'),
    )


@functools.cache
def get_all_visible(kind: str) -> sqlalchemy.CompoundSelect:
    """Return the project's documents of ids and the central ones."""
    table = models.tables[kind]
    return own_or_central(table, document_columns(table), _is_among_ids)


def own_or_central(
    table: sqlalchemy.Table,
    columns: tuple[sqlalchemy.Column, ...],
    is_asked_for: Condition,
) -> sqlalchemy.CompoundSelect:
    """Return the documents of ``project`` whose id meets a condition, and
    central ones, which come behind them by ``rank``.

    Not one condition with OR: each part has a key of its own.
    """
    own = sqlalchemy.select(_rank('0'), *columns).where(
        table.c.project == bindparam('project'),
        is_asked_for(table.c.id),
    )
    # The claim of a central client is its id; others have none.
    central = sqlalchemy.select(_rank('1'), *columns).where(
        is_asked_for(table.c.claim)
    )
    return sqlalchemy.union_all(own, central)


def _rank(rank: str) -> sqlalchemy.ColumnElement[int]:
    column = sqlalchemy.literal_column(rank, sqlalchemy.Integer)
    return column.label('rank')


@functools.cache
def get_claimed(kind: str) -> sqlalchemy.Select:
    """Return the document of any project that has the claim ``claim_``."""
    table = models.tables[kind]
    return sqlalchemy.select(*document_columns(table)).where(
        table.c.claim == bindparam('claim_')
    )


@functools.cache
def octets(kind: str) -> sqlalchemy.Select:
    """Return how many bytes the bodies of documents have together."""
    table = models.tables[kind]
    total = sqlalchemy.func.sum(functions.Octets(table.c.body))
    return sqlalchemy.select(sqlalchemy.func.coalesce(total, 0)).where(
        table.c.project == bindparam('project'), _is_among_ids(table.c.id)
    )


@functools.cache
def has(kind: str) -> sqlalchemy.Select:
    """Return the id of one document that :func:`having` finds."""
    return having(kind).with_only_columns(models.tables[kind].c.id).limit(1)


@functools.cache
def having(kind: str) -> sqlalchemy.Select:
    """Return the ids and sizes of the documents of ``project`` that have
    ``term``.
    """
    table, pairs = models.tables[kind], models.pairs
    size = functions.Octets(table.c.body).label('size')
    return (
        sqlalchemy.select(
            table.c.id,
            size,
        )
        .select_from(pairs.join(table, table.c.seq == pairs.c.seq))
        .where(
            pairs.c.term == sqlalchemy.bindparam('term'),
            table.c.project == sqlalchemy.bindparam('project'),
        )
    )


# Locking


@functools.cache
def lock_one(kind: str) -> sqlalchemy.Select:
    """Lock the project's document of an id."""
    is_asked_for = models.tables[kind].c.id == bindparam('id')
    return _stored(kind).where(is_asked_for).with_for_update()


@functools.cache
def lock_all(
    kind: str, share: bool, skip_locked: bool, number: int = 0
) -> sqlalchemy.Select:
    """Lock the project's documents of ids, ascending by id; ``share``: so
    that others may lock them in the same way; ``skip_locked``: those that
    nobody has locked.

    Parameters are ``id0``, ``id1`` and so on for a ``number`` of ids, which
    costs less than ``ids`` for any number.
    """
    table = models.tables[kind]
    if number:
        places = [
            bindparam(f'id{i}', type_=table.c.id.type) for i in range(number)
        ]
        asked_for = _stored(kind).where(table.c.id.in_(places))
    else:
        asked_for = _stored(kind).where(_is_among_ids(table.c.id))
    return in_order(asked_for, table).with_for_update(
        read=share, skip_locked=skip_locked
    )


def in_order(
    statement: sqlalchemy.Select, table: sqlalchemy.Table
) -> sqlalchemy.Select:
    """Make a statement lock rows of a project ascending by id.

    MySQL locks them as it reads them, before it sorts: it must read along the
    key.
    """
    hint = f'FORCE INDEX (uq_{table.name}_project_id)'
    return statement.order_by(table.c.id).with_hint(table, hint, 'mysql')


def _stored(kind: str) -> sqlalchemy.Select:
    """Return rows for :func:`unpack`: numbers and the body as one text, and
    the rest. Each column costs a client time to read its description.
    """
    columns = models.tables[kind].c
    text = functions.spaced(
        columns.seq,
        columns.version,
        columns.created,
        columns.body,
    )
    return sqlalchemy.select(
        text,
        columns.id,
        columns.indexed,
        columns.claim,
    ).where(columns.project == bindparam('project'))


def unpack(row: cursors.Row) -> Locked:
    """Return what a locked row has."""
    text, id, indexed, claim = row
    seq, version, created, body = text.split(' ', 3)
    return Locked(
        int(seq),
        id,
        int(version),
        int(created),
        body,
        indexed,
        claim,
    )


def _is_among_ids(
    column: sqlalchemy.Column,
) -> sqlalchemy.ColumnElement[bool]:
    return column.in_(bindparam('ids', expanding=True))


# Writing


@functools.cache
def update(kind: str) -> sqlalchemy.Update:
    """Store what has become of a row."""
    table = models.tables[kind]
    values: dict[str, sqlalchemy.BindParameter] = {}
    for name in _CHANGING:
        if name in table.c:
            values[name] = bindparam(name)
    is_it = table.c.seq == bindparam('of')
    return sqlalchemy.update(table).where(is_it).values(values)


@functools.cache
def update_all(kind: str, number: int) -> sqlalchemy.Update:
    """Store what has become of so many rows; the names of parameters end in
    0, 1 and so on, and those of no row are NULL.
    """
    table = models.tables[kind]
    numbers = range(number)
    seqs = [bindparam(f'of{i}', type_=table.c.seq.type) for i in numbers]
    values: dict[str, sqlalchemy.Case] = {}
    for name in _CHANGING:
        if name not in table.c:
            continue
        type_ = table.c[name].type
        cases = [
            (table.c.seq == seqs[i], bindparam(f'{name}{i}', type_=type_))
            for i in numbers
        ]
        values[name] = sqlalchemy.case(*cases)
    return sqlalchemy.update(table).where(table.c.seq.in_(seqs)).values(values)


@functools.cache
def delete(kind: str) -> sqlalchemy.Delete:
    """Delete a row."""
    table = models.tables[kind]
    return sqlalchemy.delete(table).where(table.c.seq == bindparam('of'))


@functools.cache
def use(kind: str) -> sqlalchemy.Update:
    """Count a use of documents of ``of_project``.

    An UPDATE has parameters for all its columns, so none of them may be named
    like one.
    """
    table = models.tables[kind]
    return (
        sqlalchemy.update(table)
        .values(uses=table.c.uses + 1)
        .where(
            table.c.project == bindparam('of_project'),
            _is_among_ids(table.c.id),
        )
    )
