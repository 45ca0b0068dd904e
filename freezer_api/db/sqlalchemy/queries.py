"""The statements that find pages of documents.

One statement is built for each shape of a query and kept. All read along the
index of pairs, in the order of ``seq``, and end when the page is full: the
first pair leads, the others are looked up for each of its documents. ``seq``
is bounded by the marker in every one of them, for databases don't conclude
that from their being equal.
"""

import dataclasses
import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import selectable

from freezer_api.db.sqlalchemy import (
    engines,
    functions,
    models,
    rows,
    session_rows,
)
from freezer_api.domain import documents

#: How many terms a database orders well by itself, if it doesn't any number.
#: SQLite guesses.
ORDERED_WELL = {'sqlite': 1, 'postgresql': engines.JOINS_ORDERED}
#: How far the probe looks: a term with fewer documents than this behind the
#: marker leads.
PROBE = 200
#: How many times farther it looks the next time, where it has to know what is
#: the least.
FARTHER = 8
FIRST, LAST = 0, 2**63 - 1
#: Bytes of JSON that a member of a session is shown with, at least.
MEMBER = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What makes queries share a statement: numbers of terms and substrings,
    wanted and unwanted, direction, scopes, bounds.

    Something is wanted, or there are substrings of one scope and no bounds.
    ``bounded``: the time of backups is; ``by_time``: what lies in the bounds
    is read, rather than what a term finds.
    """

    kind: str
    wanted: int
    unwanted: int
    texts: int
    unwanted_texts: int
    descending: bool
    central: bool = False
    everywhere: bool = False
    bounded: bool = False
    by_time: bool = False


class InOrder(selectable.Join):
    """A join that reads its left side first. SQLite turns joins round by
    guesses; the others know better by themselves, mostly.
    """

    inherit_cache = True


@compiles(InOrder, 'sqlite')
def _in_order(
    join: InOrder, compiler: typing.Any, **arguments: typing.Any
) -> str:
    return _spelt('CROSS JOIN', join, compiler, arguments)


class ByKey(InOrder):
    """A join of what is looked up by its key, once the left side is there.

    MySQL too would begin with it where it takes the right side for the smaller
    one: read it to its end, then sort.
    """

    inherit_cache = True


@compiles(ByKey, 'mysql')
def _by_key(join: ByKey, compiler: typing.Any, **arguments: typing.Any) -> str:
    return _spelt('STRAIGHT_JOIN', join, compiler, arguments)


def _spelt(
    word: str,
    join: InOrder,
    compiler: typing.Any,
    arguments: dict[str, typing.Any],
) -> str:
    """A join by the word that makes a database keep to its order."""
    left, right = (
        compiler.process(side, **arguments | {'asfrom': True})
        for side in (join.left, join.right)
    )
    return (
        f'{left} {word} {right} ON'
        f' {compiler.process(join.onclause, **arguments | {"asfrom": False})}'
    )


def parameter(name: str, scope: int, number: int) -> str:
    """The name of a term's parameter: ``wanted`` or ``unwanted``, in the first
    or second scope.
    """
    return f'{name}_{scope}_{number}'


@functools.lru_cache(maxsize=512)
def page(shape: Shape) -> sqlalchemy.Select | sqlalchemy.CompoundSelect:
    """The documents of a page.

    Parameters: the terms; ``text_N``, ``unwanted_text_N``; ``project``,
    ``scope_0``, ``scope_1``; ``marker`` (a seq, or an end of the order);
    ``skip`` and ``take``; ``reach``, their sum; ``since`` and ``until``;
    ``now``: a page of sessions has another row if one of the project is due
    then; ``upto``: the last seq that is looked at where bounds are checked.
    """
    found = _found(shape)
    if shape.kind == documents.SESSIONS:
        return session_rows.read(found.cte('page'), session_rows.due())
    table, inner = models.tables[shape.kind], found.subquery('page')
    columns = [
        table.c.seq,
        table.c.id,
        table.c.version,
        table.c.created,
        table.c.body,
    ]
    joined = InOrder(inner, table, table.c.seq == inner.c.seq)
    found = (
        sqlalchemy.select(*columns)
        .select_from(joined)
        .order_by(_order(inner.c.seq, shape))
    )
    if shape.everywhere:
        return found.add_columns(table.c.project)
    within = table.c.project == bindparam('project')
    if shape.central:
        return found.add_columns(table.c.project).where(
            within | table.c.claim.is_not(None)
        )
    return found.where(within)


@functools.lru_cache(maxsize=512)
def size(shape: Shape) -> sqlalchemy.Select:
    """The bytes of the bodies on a page, with the least that members of
    sessions take.

    Parameters are those of the page.
    """
    found, table = _found(shape).cte('page'), models.tables[shape.kind]
    joined = InOrder(found, table, table.c.seq == found.c.seq)
    octets = sqlalchemy.func.coalesce(
        sqlalchemy.func.sum(functions.Octets(table.c.body)), 0
    )
    total = sqlalchemy.select(octets).select_from(joined)
    if not shape.everywhere:
        own = table.c.project == bindparam('project')
        total = total.where(
            own | table.c.claim.is_not(None) if shape.central else own
        )
    if shape.kind != documents.SESSIONS:
        return total
    jobs = models.members
    of_page = InOrder(found, jobs, jobs.c.session == found.c.seq)
    members = sqlalchemy.select(sqlalchemy.func.count()).select_from(of_page)
    return sqlalchemy.select(
        total.scalar_subquery() + MEMBER * members.scalar_subquery()
    )


@functools.lru_cache(maxsize=128)
def probe(
    wanted: int, scopes: int, descending: bool, bounded: bool
) -> sqlalchemy.Select:
    """For each term, in one row, the seq at which ``far`` documents lie behind
    the marker; NULL if fewer do.

    With ``bounded`` also the moment at which so many lie in the bounds.
    """
    columns = []
    for scope in range(scopes):
        for number in range(wanted):
            pair = models.pairs.alias()
            behind = (
                sqlalchemy.select(pair.c.seq)
                .where(
                    pair.c.term == _term('wanted', scope, number),
                    _behind(pair.c.seq, descending),
                )
                .order_by(pair.c.seq.desc() if descending else pair.c.seq)
            )
            columns.append((parameter('wanted', scope, number), behind))
    if bounded:
        table = models.backups.alias()
        columns.append(
            (
                'bounds',
                sqlalchemy.select(table.c.moment)
                .where(*_in_bounds(table))
                .order_by(table.c.moment)
                .with_hint(table, f'FORCE INDEX ({models.BY_TIME})', 'mysql'),
            )
        )
    return sqlalchemy.select(
        *(
            column.limit(1)
            .offset(bindparam('far'))
            .scalar_subquery()
            .label(name)
            for name, column in columns
        )
    )


@functools.cache
def position(
    kind: str, central: bool, everywhere: bool
) -> sqlalchemy.Select | sqlalchemy.CompoundSelect:
    """The row of a marker: a ``rank`` where there may be several, by which the
    project's own comes first, and ``seq``.

    With ``everywhere`` the documents of an id are found by the term
    ``marked``.
    """
    table = models.tables[kind]
    if central:
        return rows.own_or_central(
            table, (table.c.seq,), lambda column: column == bindparam('marker')
        )
    marked = table.c.id == bindparam('marker')
    own = table.c.project == bindparam('project')
    if everywhere:
        pair = models.pairs.alias()
        return (
            sqlalchemy.select(
                sqlalchemy.case((own, 0), else_=1).label('rank'), table.c.seq
            )
            .select_from(InOrder(pair, table, table.c.seq == pair.c.seq))
            .where(pair.c.term == bindparam('marked'), marked)
        )
    return sqlalchemy.select(table.c.seq).where(own, marked)


def _found(shape: Shape) -> sqlalchemy.Select:
    """The ``seq`` of the documents of a page."""
    if not shape.central:
        return (
            _branch(shape, 0)
            .offset(bindparam('skip'))
            .limit(bindparam('take'))
        )
    branches = [
        _branch(shape, scope).limit(bindparam('reach')).subquery()
        for scope in (0, 1)
    ]
    # A project's own central documents are in both.
    both = sqlalchemy.union(
        *(sqlalchemy.select(branch.c.seq) for branch in branches)
    ).subquery()
    return (
        sqlalchemy.select(both.c.seq)
        .order_by(_order(both.c.seq, shape))
        .offset(bindparam('skip'))
        .limit(bindparam('take'))
    )


def _branch(shape: Shape, scope: int) -> sqlalchemy.Select:
    """The ``seq`` of the documents of one scope in order; whoever calls limits
    them.
    """
    leader, source, conditions, read = _leader(shape, scope)
    for number in range(read, shape.wanted):
        pair = models.pairs.alias()
        source = InOrder(
            source,
            pair,
            _at(pair, leader, _term('wanted', scope, number), shape),
        )
    if shape.bounded and not shape.by_time:
        checked = models.backups.alias()
        conditions += _in_bounds(checked)
        source = ByKey(source, checked, checked.c.seq == leader)
    if shape.wanted and (shape.texts or shape.unwanted_texts):
        source, contains = _with_text(source, leader, shape, scope)
        conditions += contains
    for number in range(shape.unwanted):
        pair = models.pairs.alias()
        source = sqlalchemy.outerjoin(
            source,
            pair,
            _at(pair, leader, _term('unwanted', scope, number), shape),
        )
        conditions.append(pair.c.seq.is_(None))
    if scope:
        conditions.append(_unshadowed(leader, shape.kind))
    found = (
        sqlalchemy.select(leader)
        .select_from(source)
        .where(*conditions, _within(leader, shape))
    )
    if shape.by_time:
        # Not the key itself: in its order databases would read until the page
        # is full, whatever lies before the bounds.
        return found.order_by(
            _order(leader + sqlalchemy.literal_column('0'), shape)
        ).with_hint(leader.table, f'FORCE INDEX ({models.BY_TIME})', 'mysql')
    return found.order_by(_order(leader, shape))


def _leader(
    shape: Shape, scope: int
) -> tuple[typing.Any, typing.Any, list[typing.Any], int]:
    """What is read first: what lies in the bounds, a term's documents, or a
    scope's texts; and how many terms these are.

    Not the documents of the project: of an index on their project and their
    key, databases take the key where a project has most documents, and read
    through all others before they come to its first.
    """
    if shape.by_time:
        backup = models.backups.alias()
        return backup.c.seq, backup, _in_bounds(backup), 0
    if shape.wanted:
        pair = models.pairs.alias()
        return pair.c.seq, pair, [pair.c.term == _term('wanted', scope, 0)], 1
    text = models.texts.alias()
    return (
        text.c.seq,
        text,
        [
            *_text_of(text, shape, bindparam(f'scope_{scope}')),
            *_contains(text, shape),
        ],
        0,
    )


def _with_text(
    source: typing.Any, leader: typing.Any, shape: Shape, scope: int
) -> tuple[typing.Any, list[typing.Any]]:
    """A source and the texts of its documents, and what these have to contain.
    Of all projects, each has its own's.
    """
    text = models.texts.alias()
    of: typing.Any = bindparam(f'scope_{scope}')
    if shape.everywhere:
        table = models.tables[shape.kind].alias()
        source, of = (
            ByKey(source, table, table.c.seq == leader),
            table.c.project,
        )
    return ByKey(
        source,
        text,
        sqlalchemy.and_(*_text_of(text, shape, of), text.c.seq == leader),
    ), _contains(text, shape)


def _in_bounds(backup: typing.Any) -> list[typing.Any]:
    """That a backup of the project lies in the bounds."""
    return [
        backup.c.project == bindparam('project'),
        backup.c.moment.between(bindparam('since'), bindparam('until')),
    ]


def _unshadowed(leader: typing.Any, kind: str) -> typing.Any:
    """That the project has no document of its own with the id of the central
    one.

    As a number that is looked up for each document that is read: PostgreSQL
    would read two whole tables to join them. It takes IS NOT NULL for nearly
    always true, as it is here, so that it reads on in order, and ends with the
    page.
    """
    central, own = models.tables[kind].alias(), models.tables[kind].alias()
    return (
        sqlalchemy.select(sqlalchemy.func.nullif(sqlalchemy.func.count(), 1))
        .select_from(InOrder(central, own, own.c.id == central.c.id))
        .where(
            central.c.seq == leader,
            own.c.project == bindparam('project'),
            own.c.seq != central.c.seq,
        )
        .scalar_subquery()
        .is_not(None)
    )


def _at(
    pair: typing.Any, leader: typing.Any, term: typing.Any, shape: Shape
) -> typing.Any:
    return sqlalchemy.and_(
        pair.c.term == term, pair.c.seq == leader, _within(pair.c.seq, shape)
    )


def _text_of(
    text: typing.Any, shape: Shape, scope: typing.Any
) -> list[typing.Any]:
    return [
        text.c.kind == sqlalchemy.literal_column(f"'{shape.kind}'"),
        text.c.scope == scope,
    ]


def _contains(text: typing.Any, shape: Shape) -> list[typing.Any]:
    wanted = [
        functions.Place(
            bindparam(f'text_{i}', type_=sqlalchemy.LargeBinary), text.c.text
        )
        > 0
        for i in range(shape.texts)
    ]
    unwanted = [
        functions.Place(
            bindparam(f'unwanted_text_{i}', type_=sqlalchemy.LargeBinary),
            text.c.text,
        )
        == 0
        for i in range(shape.unwanted_texts)
    ]
    return wanted + unwanted


def _term(name: str, scope: int, number: int) -> typing.Any:
    return bindparam(
        parameter(name, scope, number), type_=sqlalchemy.BigInteger
    )


def _behind(seq: typing.Any, descending: bool) -> typing.Any:
    return (
        seq < bindparam('marker') if descending else seq > bindparam('marker')
    )


def _within(seq: typing.Any, shape: Shape) -> typing.Any:
    """That a document is behind the marker, and where bounds are checked
    before the end of what is looked at.
    """
    behind = _behind(seq, shape.descending)
    if not shape.bounded or shape.by_time:
        return behind
    return sqlalchemy.and_(
        behind,
        (
            seq >= bindparam('upto')
            if shape.descending
            else seq <= bindparam('upto')
        ),
    )


def _order(seq: typing.Any, shape: Shape) -> typing.Any:
    return seq.desc() if shape.descending else seq
