"""The statements that find pages of documents.

One statement is built for each shape of a query and kept. All read along the
index of terms, in the order of ``seq``, and end when the page is full: one
term leads, the others are looked up for each of its documents. Where there is
a marker, ``seq`` is bounded by it in every one of them, for databases don't
conclude that from their being equal.

Names in this module: the *leader* is the ``seq`` of what is read first, the
*source* what is joined to it, *conditions* are what its documents have to
meet.
"""

import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.documents import row_statements
from freezer_api.db.sqlalchemy.search import functions, search_parts
from freezer_api.db.sqlalchemy.search.search_parts import (
    ByKey,
    Condition,
    InOrder,
    Seq,
    Shape,
    Source,
)
from freezer_api.db.sqlalchemy.sessions import session_statements
from freezer_api.domain import documents

#: Bytes of JSON that a member of a session is shown with, at least.
MEMBER = 100


class _Leader(typing.NamedTuple):
    """What a statement reads first."""

    seq: Seq
    source: Source
    conditions: list[Condition]
    #: How many of the terms it has read.
    terms: int


# The statements


@functools.lru_cache(maxsize=512)
def page(shape: Shape) -> sqlalchemy.Select | sqlalchemy.CompoundSelect:
    """Return the statement for the documents of a page.

    Parameters: the terms; ``text_N``, ``unwanted_text_N``; ``project``,
    ``scope_0``, ``scope_1``; ``marker`` (a seq, or an end of the order);
    ``skip`` and ``take``; ``reach``, their sum; ``since`` and ``until``;
    ``now``: a page of sessions has another row if one of the project is due
    then; ``upto``: the last seq that is looked at where bounds are checked.
    """
    found = _found(shape)
    if shape.kind == documents.SESSIONS:
        return session_statements.read(
            found.cte('page'), session_statements.one_due()
        )
    # Documents are read once the page is known by the index alone.
    inner = found.subquery('page')
    table = models.tables[shape.kind]
    columns = [
        table.c.seq,
        table.c.id,
        table.c.version,
        table.c.created,
        table.c.body,
    ]
    if shape.central or shape.everywhere:
        columns.append(table.c.project)
    page = (
        sqlalchemy.select(*columns)
        .select_from(InOrder(inner, table, table.c.seq == inner.c.seq))
        .order_by(search_parts.order(inner.c.seq, shape))
    )
    return _of_scope(page, table, shape)


@functools.lru_cache(maxsize=512)
def show(shape: Shape, checks_due: bool) -> session_statements.Statement:
    """Return :func:`session_statements.show` for a page of sessions, with
    the parameters of :func:`page`.
    """
    found = _found(shape).cte('page')
    return session_statements.show(found, checks_due)


@functools.lru_cache(maxsize=512)
def size(shape: Shape) -> sqlalchemy.Select:
    """Return the statement for the bytes of the bodies on a page, with the
    least that members of sessions take.

    Parameters are those of the page.
    """
    found = _found(shape).cte('page')
    table = models.tables[shape.kind]
    octets = sqlalchemy.func.sum(functions.Octets(table.c.body))
    total = sqlalchemy.select(sqlalchemy.func.coalesce(octets, 0)).select_from(
        InOrder(found, table, table.c.seq == found.c.seq)
    )
    total = _of_scope(total, table, shape)
    if shape.kind != documents.SESSIONS:
        return total
    members = models.members
    number = sqlalchemy.select(sqlalchemy.func.count()).select_from(
        InOrder(found, members, members.c.session == found.c.seq)
    )
    return sqlalchemy.select(
        total.scalar_subquery() + MEMBER * number.scalar_subquery()
    )


@functools.cache
def position(
    kind: str, central: bool, everywhere: bool
) -> sqlalchemy.Select | sqlalchemy.CompoundSelect:
    """Return the statement for where a marker stands: a ``rank`` where there
    may be several, by which the project's own comes first, and ``seq``.

    With ``everywhere`` the documents of an id are found by the term
    ``marked``: no key begins with the id.
    """
    table = models.tables[kind]
    if central:
        return row_statements.own_or_central(
            table, (table.c.seq,), lambda column: column == bindparam('marker')
        )
    is_marker = table.c.id == bindparam('marker')
    is_own = table.c.project == bindparam('project')
    if not everywhere:
        return sqlalchemy.select(table.c.seq).where(
            is_own,
            is_marker,
        )
    pair = models.pairs.alias()
    rank = sqlalchemy.case((is_own, 0), else_=1).label('rank')
    return (
        sqlalchemy.select(
            rank,
            table.c.seq,
        )
        .select_from(InOrder(pair, table, table.c.seq == pair.c.seq))
        .where(pair.c.term == bindparam('marked'), is_marker)
    )


def _of_scope(
    statement: sqlalchemy.Select, table: sqlalchemy.Table, shape: Shape
) -> sqlalchemy.Select:
    """Leave out documents of other projects, which a term can find if two
    pairs have the same digest.
    """
    if shape.everywhere:
        return statement
    is_visible = table.c.project == bindparam('project')
    if shape.central:
        is_visible = is_visible | table.c.claim.is_not(None)
    return statement.where(is_visible)


# The documents of a page


def _found(shape: Shape) -> sqlalchemy.Select:
    """Return the ``seq`` of the documents of a page."""
    if not shape.central:
        return _page_of(_branch(shape, 0))
    # Either branch may fill the page by itself.
    branches = []
    for scope in (0, 1):
        branch = _branch(shape, scope).limit(bindparam('reach')).subquery()
        branches.append(sqlalchemy.select(branch.c.seq))
    # Not UNION ALL: a project's own central documents are in both.
    both = sqlalchemy.union(*branches).subquery()
    return _page_of(
        sqlalchemy.select(both.c.seq).order_by(
            search_parts.order(both.c.seq, shape)
        )
    )


def _page_of(found: sqlalchemy.Select) -> sqlalchemy.Select:
    return found.offset(bindparam('skip')).limit(bindparam('take'))


def _branch(shape: Shape, scope: int) -> sqlalchemy.Select:
    """Return the ``seq`` of the documents of one scope in order, for the
    caller to limit.
    """
    leader = _leader(shape, scope)
    conditions = [*leader.conditions]
    source = _join_wanted(leader, shape, scope)
    if shape.checks_bounds:
        backup = models.backups.alias()
        source = ByKey(source, backup, backup.c.seq == leader.seq)
        conditions += search_parts.is_in_bounds(backup)
    # Without a wanted term, the texts lead.
    if shape.wanted and shape.has_texts:
        source, text = _join_text(
            source,
            leader.seq,
            shape,
            scope,
        )
        conditions += search_parts.contains(text, shape)
    source, not_found = _join_unwanted(source, leader.seq, shape, scope)
    conditions += not_found
    # Of central documents, those that the project has its own version of are
    # left out.
    if scope:
        conditions.append(search_parts.is_unshadowed(leader.seq, shape.kind))
    conditions.append(search_parts.is_within(leader.seq, shape))
    found = (
        sqlalchemy.select(leader.seq).select_from(source).where(*conditions)
    )
    return _in_order(found, leader, shape)


def _in_order(
    found: sqlalchemy.Select, leader: _Leader, shape: Shape
) -> sqlalchemy.Select:
    """Return the documents in the order of the page."""
    if not shape.by_time:
        return found.order_by(search_parts.order(leader.seq, shape))
    # Not by the key itself: in its order databases would read until the page
    # is full, however many are before the bounds.
    not_the_key = leader.seq + sqlalchemy.literal_column('0')
    order = search_parts.order(not_the_key, shape)
    # MySQL is told the index, too.
    hint = f'FORCE INDEX ({models.BY_TIME})'
    return found.order_by(order).with_hint(leader.source, hint, 'mysql')


def _leader(shape: Shape, scope: int) -> _Leader:
    """Return what is read first: what is in the bounds, a term's documents,
    or a scope's texts.

    Never the documents of the project: of an index on their project and their
    key, databases take the key where a project has most documents, and read
    through all others before they come to its first.
    """
    if shape.by_time:
        backup = models.backups.alias()
        return _Leader(
            backup.c.seq, backup, search_parts.is_in_bounds(backup), 0
        )
    if shape.wanted:
        pair = models.pairs.alias()
        is_pair = pair.c.term == search_parts.term('wanted', scope, 0)
        return _Leader(
            pair.c.seq,
            pair,
            [is_pair],
            1,
        )
    text = models.texts.alias()
    conditions = [
        *search_parts.is_text_of(text, shape, bindparam(f'scope_{scope}')),
        *search_parts.contains(text, shape),
    ]
    return _Leader(
        text.c.seq,
        text,
        conditions,
        0,
    )


def _join_wanted(leader: _Leader, shape: Shape, scope: int) -> Source:
    """Return what leads, joined to the terms that it hasn't read."""
    source = leader.source
    for number in range(leader.terms, shape.wanted):
        pair = models.pairs.alias()
        term = search_parts.term('wanted', scope, number)
        is_pair = search_parts.is_pair(
            pair,
            leader.seq,
            term,
            shape,
        )
        source = InOrder(source, pair, is_pair)
    return source


def _join_unwanted(
    source: Source, leader: Seq, shape: Shape, scope: int
) -> tuple[Source, list[Condition]]:
    """Return a source joined to the terms that its documents may not have, and
    that they don't have them.
    """
    conditions: list[Condition] = []
    for number in range(shape.unwanted):
        pair = models.pairs.alias()
        term = search_parts.term('unwanted', scope, number)
        is_pair = search_parts.is_pair(
            pair,
            leader,
            term,
            shape,
        )
        source = sqlalchemy.outerjoin(source, pair, is_pair)
        conditions.append(pair.c.seq.is_(None))
    return source, conditions


def _join_text(
    source: Source, leader: Seq, shape: Shape, scope: int
) -> tuple[Source, Source]:
    """Return a source joined to the texts of its documents, and these."""
    text = models.texts.alias()
    of_scope: sqlalchemy.ColumnElement = bindparam(f'scope_{scope}')
    if shape.everywhere:
        # There are no texts of all projects: each document has its own
        # project's.
        table = models.tables[shape.kind].alias()
        source = ByKey(source, table, table.c.seq == leader)
        of_scope = table.c.project
    is_text = search_parts.is_text_of(text, shape, of_scope)
    condition = sqlalchemy.and_(
        *is_text,
        text.c.seq == leader,
    )
    return ByKey(source, text, condition), text
