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
from freezer_api.db.batches import batches
from freezer_api.db.sqlalchemy.connections import snapshots
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.models import counts, pairs
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.sqlalchemy.search.counts import (
    IS_IN_LARGE,
    LARGE,
    SMALL,
    Block,
    are_kept,
    bounds,
    large_of,
    lock,
    rows_of,
    small_block,
)
from freezer_api.db.walks import Drift

Connection = sqlalchemy.Connection
#: Lists in one statement.
CHUNK = 500
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


def part_of(pair: tuple[int, int]) -> Part | None:
    """Return the part in which a row of the index counts a document off; None
    if it doesn't.
    """
    term, seq = pair
    if seq > 0:
        return None
    return Part(terms.uncounted(term), -seq >> LARGE)


def without_counts(
    connection: Connection, parts: collections.abc.Collection[Part]
) -> list[Part]:
    """Return those of some parts that have no count."""
    counted: set[Part] = set()
    lists = sorted({part.term for part in parts})
    for some in batches(lists, CHUNK):
        rows = connection.execute(_WITH_COUNTS, {'lists': some})
        counted.update(Part(*row) for row in rows)
    return sorted(set(parts) - counted)


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
        if not are_kept(connection):
            return ''
        found = _read(connection, part)
        expected = _count(connection, part)
    return _compare(part, found, expected)


def _correct(connection: Connection, part: Part) -> str:
    """Correct the counts of a part, and return what was wrong."""
    # Whoever creates or deletes a document changes no count.
    if not lock(connection):
        return ''
    found = _read(connection, part)
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


def _read(connection: Connection, part: Part) -> Counted:
    """Return what the rows of a part say."""
    numbers: Counted = collections.Counter()
    for row in connection.execute(_READ, _parameters(part)):
        numbers[row.bits, row.block] = row.number
    return numbers


def _count(connection: Connection, part: Part) -> Counted:
    """Return what they should say: how many documents there are, without
    those that are to be counted, and with those that are to be counted off.
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
_WITH_COUNTS = sqlalchemy.select(counts.c.term, counts.c.block).where(
    counts.c.term.in_(bindparam('lists', expanding=True)),
    counts.c.bits == LARGE,
)
_READ = sqlalchemy.select(counts).where(_IS_PART)
_REMOVE = sqlalchemy.delete(counts).where(_IS_PART)


def _number(name: str) -> sqlalchemy.BindParameter[int]:
    return bindparam(name, type_=sqlalchemy.BigInteger)


def _statement() -> sqlalchemy.Select:
    """Return the numbers of documents in the small blocks of a part.

    It is one statement, so that all of it is of one state.
    """
    first, following = _number('first'), _number('following')
    is_within = (pairs.c.seq >= first, pairs.c.seq < following)
    is_gone = (pairs.c.seq <= -first, pairs.c.seq > -following)
    uncounted = _number('uncounted')
    parts = []
    for added, term, conditions in (
        (1, _number('of'), is_within),
        (-1, uncounted, is_within),
        (1, uncounted, is_gone),
    ):
        block = small_block(pairs.c.seq).label('block')
        number = (added * sqlalchemy.func.count()).label('number')
        parts.append(
            sqlalchemy.select(block, number)
            .where(pairs.c.term == term, *conditions)
            .group_by(sqlalchemy.literal_column('block'))
        )
    all_parts = sqlalchemy.union_all(*parts).subquery()
    total = sqlalchemy.func.sum(all_parts.c.number)
    return sqlalchemy.select(all_parts.c.block, total).group_by(
        all_parts.c.block
    )


_COUNT = _statement()
