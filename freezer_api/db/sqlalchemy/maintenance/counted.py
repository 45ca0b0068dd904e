"""Comparing the counts of lists with their documents, and correcting them.

What is looked at is a large block of a list: all counts in it, or none, are
right.
"""

import collections
import collections.abc
import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import walks
from freezer_api.db.sqlalchemy.connections import snapshots
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.models import counts, pairs
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.sqlalchemy.search.counts import (
    IS_IN_LARGE,
    IS_IN_USE,
    LARGE,
    SMALL,
    Block,
    bounds,
    large_of,
    rows_of,
    small_block,
)
from freezer_api.db.walks import Drift

Connection = sqlalchemy.Connection
#: How many documents are counted, by bits and block.
Counted: typing.TypeAlias = collections.Counter[Block]


class Part(typing.NamedTuple):
    """A large block of a list, which has a term."""

    term: int
    block: int


def parts_of(
    keys: collections.abc.Iterable[tuple[int, int, int]],
) -> list[Part]:
    """Return the parts of lists that rows with some keys count."""
    found = set()
    for term, bits, block in keys:
        if bits in (SMALL, LARGE):
            found.add(Part(term, block if bits == LARGE else large_of(block)))
    return sorted(found)


def drifts(
    database: Database, parts: collections.abc.Iterable[Part], mend: bool
) -> collections.abc.Iterator[Drift]:
    """Yield the drifts of parts, which are corrected if asked for."""
    for part in parts:
        look = functools.partial(_look, part=part)
        difference = database.read(look)
        if difference and mend:
            correct = functools.partial(_correct, part=part)
            difference = database.write(correct)
        if difference:
            yield Drift(walks.LEFT, '', '', difference)


def _look(connection: Connection, part: Part) -> str:
    """Return what is wrong with the counts of a part; '' if nothing is."""
    with snapshots.snapshot(connection):
        if connection.execute(_IN_USE).first() is None:
            return ''
        found = _read(connection, part, _READ)
        expected = _count(connection, part)
    return _compare(part, found, expected)


def _correct(connection: Connection, part: Part) -> str:
    """Correct the counts of a part, and return what was wrong.

    They are locked first. Whoever deletes or counts a document meanwhile has
    not changed them yet, and its document is counted here as it was.
    """
    if connection.execute(_IN_USE).first() is None:
        return ''
    found = _read(connection, part, _LOCK)
    expected = _count(connection, part)
    difference = _compare(part, found, expected)
    if not difference:
        return ''
    connection.execute(_REMOVE, _parameters(part))
    rows = rows_of(part.term, expected)
    if rows:
        connection.execute(sqlalchemy.insert(counts), rows)
    return difference


def _compare(part: Part, found: Counted, expected: Counted) -> str:
    # Blocks that have no documents may have a row.
    if found == expected:
        return ''
    first, following = part.block << LARGE, (part.block + 1) << LARGE
    return (
        f'the list of term {part.term}: the counts of documents number {first}'
        f' to {following - 1} are wrong'
    )


def _read(
    connection: Connection, part: Part, statement: sqlalchemy.Select
) -> Counted:
    """Return what the rows of a part say."""
    numbers: Counted = collections.Counter()
    for row in connection.execute(statement, _parameters(part)):
        numbers[row.bits, row.block] = row.number
    return numbers


def _count(connection: Connection, part: Part) -> Counted:
    """Return what they should say: all documents are counted but those that
    have the term for the others.
    """
    parameters = {
        'of': part.term,
        'uncounted': terms.uncounted(part.term),
        'first': part.block << LARGE,
        'following': (part.block + 1) << LARGE,
    }
    numbers: Counted = collections.Counter()
    for block, number in connection.execute(_COUNT, parameters):
        if number:
            numbers[SMALL, block] = int(number)
            numbers[LARGE, part.block] += int(number)
    return numbers


def _parameters(part: Part) -> dict[str, int]:
    return {
        'of': part.term,
        'large': part.block,
        **bounds(part.block),
    }


# Statements


_IS_LARGE = sqlalchemy.and_(
    counts.c.bits == LARGE, counts.c.block == bindparam('large')
)
_IS_PART = sqlalchemy.and_(
    counts.c.term == bindparam('of'), _IS_LARGE | IS_IN_LARGE
)
_READ = sqlalchemy.select(counts).where(_IS_PART)
_LOCK = _READ.with_for_update()
_REMOVE = sqlalchemy.delete(counts).where(_IS_PART)
_IN_USE = sqlalchemy.select(counts.c.number).where(IS_IN_USE)


def _number(name: str) -> sqlalchemy.BindParameter[int]:
    return bindparam(name, type_=sqlalchemy.BigInteger)


def _statement() -> sqlalchemy.Select:
    block = small_block(pairs.c.seq).label('block')
    either = _number('of'), _number('uncounted')
    of_list = sqlalchemy.case((pairs.c.term == either[0], 1), else_=-1)
    return (
        sqlalchemy.select(block, sqlalchemy.func.sum(of_list))
        .where(
            pairs.c.term.in_(either),
            pairs.c.seq >= bindparam('first'),
            pairs.c.seq < bindparam('following'),
        )
        .group_by(sqlalchemy.literal_column('block'))
    )


_COUNT = _statement()
