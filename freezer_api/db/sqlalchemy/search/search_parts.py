"""What the statements of :mod:`.queries` are made of: shapes, joins and
conditions.
"""

import dataclasses
import typing

import sqlalchemy
from sqlalchemy import bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import compiler as sql
from sqlalchemy.sql import selectable

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.search import functions

#: What lies before and behind all documents.
FIRST, LAST = 0, 2**63 - 1

Seq = sqlalchemy.ColumnElement[int]
Condition = sqlalchemy.ColumnElement[bool]
#: A table, an alias or a join: what has columns by name.
Source = sqlalchemy.FromClause


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What queries have in common that share a statement: the numbers of terms
    and substrings, wanted and unwanted, direction, scopes, bounds.

    Something is wanted, or there are substrings of one scope and no bounds.
    ``behind_marker``: the page begins there, rather than at the end of the
    order. ``bounded``: the time of backups is. ``by_time``: what lies in the
    bounds is read, rather than what a term finds.
    """

    kind: str
    wanted: int
    unwanted: int
    texts: int
    unwanted_texts: int
    descending: bool
    behind_marker: bool = False
    central: bool = False
    everywhere: bool = False
    bounded: bool = False
    by_time: bool = False

    @property
    def has_texts(self) -> bool:
        """Whether it asks for substrings."""
        return self.texts + self.unwanted_texts > 0

    @property
    def checks_bounds(self) -> bool:
        """Whether what a term finds is compared with the bounds."""
        return self.bounded and not self.by_time


def parameter(
    name: typing.Literal['wanted', 'unwanted'], scope: int, number: int
) -> str:
    """Return the name of a term's parameter, in the first or second scope."""
    return f'{name}_{scope}_{number}'


# Joins that databases may not turn round. One that begins with the other side
# reads that to its end, and sorts.


class InOrder(selectable.Join):
    """A join that reads its left side first.

    SQLite turns joins round by guesses. The others mostly know better by
    themselves.
    """

    inherit_cache = True


@compiles(InOrder, 'sqlite')
def _in_order_sqlite(
    join: InOrder, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    return _compile_join(
        'CROSS JOIN',
        join,
        compiler,
        arguments,
    )


class ByKey(InOrder):
    """A join of what is looked up by its key, once the left side is there.

    MySQL too would begin with the right side, where it takes that for the
    smaller one.
    """

    inherit_cache = True


@compiles(ByKey, 'mysql')
def _by_key_mysql(
    join: ByKey, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    return _compile_join(
        'STRAIGHT_JOIN',
        join,
        compiler,
        arguments,
    )


def _compile_join(
    keyword: str,
    join: InOrder,
    compiler: sql.SQLCompiler,
    arguments: dict[str, typing.Any],
) -> str:
    """Return a join with the keyword that makes a database keep its order."""
    as_source = {
        **arguments,
        'asfrom': True,
    }
    left = compiler.process(join.left, **as_source)
    right = compiler.process(join.right, **as_source)
    as_condition = {
        **arguments,
        'asfrom': False,
    }
    onclause: typing.Any = join.onclause
    condition = compiler.process(onclause, **as_condition)
    return f'{left} {keyword} {right} ON {condition}'


# Conditions


def is_in_bounds(backup: sqlalchemy.FromClause) -> list[Condition]:
    """Return that a backup is the project's and lies in the bounds."""
    return [
        backup.c.project == bindparam('project'),
        backup.c.moment.between(bindparam('since'), bindparam('until')),
    ]


def is_unshadowed(leader: Seq, kind: str) -> Condition:
    """Return that the project has no document of its own with the id of the
    central one.

    As a number that is looked up for each document that is read: PostgreSQL
    would read two whole tables to join them. It takes IS NOT NULL for nearly
    always true, as it is here, so that it reads on in order, and ends with the
    page.
    """
    central = models.tables[kind].alias()
    own = models.tables[kind].alias()
    # There is none or one of them; NULL stands for one.
    none_or_null = sqlalchemy.func.nullif(sqlalchemy.func.count(), 1)
    number = (
        sqlalchemy.select(none_or_null)
        .select_from(InOrder(central, own, own.c.id == central.c.id))
        .where(
            central.c.seq == leader,
            own.c.project == bindparam('project'),
            own.c.seq != central.c.seq,
        )
    )
    return number.scalar_subquery().is_not(None)


def is_pair(
    pair: sqlalchemy.FromClause,
    leader: Seq,
    term: sqlalchemy.BindParameter[int],
    shape: Shape,
) -> Condition:
    """Return that a row of the index says that a document has a term."""
    return sqlalchemy.and_(
        pair.c.term == term,
        pair.c.seq == leader,
        is_within(pair.c.seq, shape),
    )


def is_text_of(
    text: sqlalchemy.FromClause,
    shape: Shape,
    scope: sqlalchemy.ColumnElement,
) -> list[Condition]:
    """Return that a text is one of the kind and of a scope."""
    kind = f"'{shape.kind}'"
    return [
        text.c.kind == sqlalchemy.literal_column(kind),
        text.c.scope == scope,
    ]


def contains(text: sqlalchemy.FromClause, shape: Shape) -> list[Condition]:
    """Return that a text has all wanted substrings and no unwanted one."""
    wanted = [
        _place(f'text_{number}', text) > 0 for number in range(shape.texts)
    ]
    unwanted = [
        _place(f'unwanted_text_{number}', text) == 0
        for number in range(shape.unwanted_texts)
    ]
    return wanted + unwanted


def _place(name: str, text: sqlalchemy.FromClause) -> functions.Place:
    substring = bindparam(name, type_=sqlalchemy.LargeBinary)
    return functions.Place(substring, text.c.text)


def term(
    name: typing.Literal['wanted', 'unwanted'], scope: int, number: int
) -> sqlalchemy.BindParameter[int]:
    """Return the parameter of a term, see :func:`parameter`."""
    return bindparam(
        parameter(name, scope, number), type_=sqlalchemy.BigInteger
    )


def is_behind(seq: Seq, descending: bool) -> Condition:
    """Return that a document is behind the marker."""
    if descending:
        return seq < bindparam('marker')
    return seq > bindparam('marker')


def is_within(seq: Seq, shape: Shape) -> Condition:
    """Return that a document is behind the marker, if there is one, and, where
    bounds are checked, before the end of what is looked at.
    """
    conditions: list[Condition] = []
    # Without it MariaDB compares a row with one key instead of two ends of a
    # range, which is a sixth of what it takes to skip a row.
    if shape.behind_marker:
        conditions.append(is_behind(seq, shape.descending))
    if shape.checks_bounds:
        upto: sqlalchemy.BindParameter[int] = bindparam('upto')
        end = seq >= upto if shape.descending else seq <= upto
        conditions.append(end)
    return sqlalchemy.and_(sqlalchemy.true(), *conditions)


def order(seq: Seq, shape: Shape) -> sqlalchemy.ColumnElement:
    """Return what to order a page by."""
    return seq.desc() if shape.descending else seq
