"""How many documents of a list there are in each part of it: so a page far
within the list is found without reading what is before.

A part, a *block*, is a range of numbers (``seq``); there are small and large
ones. A document has the term that says that it isn't counted,
:func:`terms.uncounted`, until the transaction that counts it removes that
term. If it is counted when it is deleted, that term stands beside its number
with a minus, until a transaction counts it off and removes that. So at any
time the counts and these rows together tell how many documents there are.

Whoever creates or deletes a document writes no count: all others that do so
would have to wait. Counts are written by one transaction at a time, which has
locked the row :data:`IN_USE`.

Releases before this one know nothing of counts. Nothing is counted, and no
count is read, before the schema is contracted: that row says that it is.
"""

import collections
import collections.abc
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.models import counts, pairs
from freezer_api.db.sqlalchemy.search import search_parts, terms

#: How many numbers a block has, as a power of two. A list of millions has few
#: large ones, and a large one few small ones.
SMALL, LARGE = 10, 16
#: The key of the row that says that counts are kept: term, bits, block.
IN_USE = (0, 0, 0)
#: Documents of a list that may be to be counted, or counted off, where its
#: counts are of use.
MAX_UNCOUNTED = 2048

#: The bits and the number of a block.
Block: typing.TypeAlias = tuple[int, int]
#: How many documents there are in each block of one size.
Numbers: typing.TypeAlias = collections.Counter[int]


class Start(typing.NamedTuple):
    """Where to go on reading: behind a number, without the first documents
    there.
    """

    marker: int
    skip: int


def locate(
    connection: sqlalchemy.Connection,
    term: int,
    offset: int,
    descending: bool,
) -> Start | None:
    """Return where a list goes on behind its first ``offset`` documents; None
    if counts don't tell.

    All that the connection reads meanwhile has to be of one state.
    """
    large = _read_large(connection, term)
    uncounted = _read_uncounted(connection, term)
    if large is None or uncounted is None:
        return None
    for block, number in uncounted.items():
        large[large_of(block)] += number
    around, skip = _find(large, offset, descending)
    if around is None:
        # The list has no more documents.
        end = search_parts.FIRST if descending else search_parts.LAST
        return Start(end, 0)

    small = _read_small(connection, term, around)
    for block, number in uncounted.items():
        if large_of(block) == around:
            small[block] += number
    within, skip = _find(small, skip, descending)
    if within is None:
        return None
    if descending:
        return Start((within + 1) << SMALL, skip)
    return Start((within << SMALL) - 1, skip)


def are_kept(connection: sqlalchemy.Connection) -> bool:
    """Tell whether counts are kept."""
    return connection.execute(_IN_USE).first() is not None


def lock(connection: sqlalchemy.Connection, wait: bool = True) -> bool:
    """Let nobody else write counts until the transaction ends, and tell
    whether counts are kept. Without ``wait``: fail if another one has locked
    them.
    """
    statement = _LOCK if wait else _TRY_LOCK
    return connection.execute(statement).first() is not None


def large_of(block: int) -> int:
    """Return the large block that a small one is in."""
    return block >> (LARGE - SMALL)


def bounds(large: int) -> dict[str, int]:
    """Return the parameters of :data:`IS_IN_LARGE`: the first small block of a
    large one, and the one behind its last.
    """
    return {
        'first': large << (LARGE - SMALL),
        'following': (large + 1) << (LARGE - SMALL),
    }


def rows_of(
    term: int, numbers: collections.abc.Mapping[Block, int]
) -> list[dict[str, int]]:
    """Return the rows that say how many documents of a list blocks have, in
    the order of the key.
    """
    rows = []
    for (bits, block), number in sorted(numbers.items()):
        row = {
            'term': term,
            'bits': bits,
            'block': block,
            'number': number,
        }
        rows.append(row)
    return rows


def _find(
    numbers: Numbers, offset: int, descending: bool
) -> tuple[int | None, int]:
    """Return the block that has the first document behind ``offset`` ones,
    None if there is none; and how many of these are in that block.
    """
    for block in sorted(numbers, reverse=descending):
        if offset < numbers[block]:
            return block, offset
        offset -= numbers[block]
    return None, offset


def _read_large(
    connection: sqlalchemy.Connection, term: int
) -> Numbers | None:
    """Return the counts of large blocks; None if no counts are kept."""
    found = cursors.fetch(connection, _READ_LARGE, {'of': term})
    numbers: Numbers = collections.Counter()
    in_use = False
    for bits, block, number in found:
        if bits == LARGE:
            numbers[block] = number
        else:
            in_use = True
    return numbers if in_use else None


def _read_small(
    connection: sqlalchemy.Connection, term: int, around: int
) -> Numbers:
    """Return the counts of the small blocks in a large one."""
    parameters = {
        'of': term,
        **bounds(around),
    }
    numbers: Numbers = collections.Counter()
    for block, number in cursors.fetch(connection, _READ_SMALL, parameters):
        numbers[block] = number
    return numbers


def _read_uncounted(
    connection: sqlalchemy.Connection, term: int
) -> Numbers | None:
    """Return how many more documents there are in small blocks than are
    counted; None if more than :data:`MAX_UNCOUNTED` are to be counted or
    counted off.
    """
    parameters = {
        'of': terms.uncounted(term),
        'most': MAX_UNCOUNTED + 1,
    }
    found = cursors.fetch(connection, _READ_UNCOUNTED, parameters)
    numbers: Numbers = collections.Counter()
    rows = 0
    for block, new, gone in found:
        numbers[block] = int(new - gone)
        rows += new + gone
    return numbers if rows <= MAX_UNCOUNTED else None


# Statements


def small_block(
    seq: sqlalchemy.ColumnElement[int],
) -> sqlalchemy.ColumnElement[int]:
    """Return the small block that a number is in, which may have a minus."""
    bits = sqlalchemy.literal_column(f'{SMALL}', sqlalchemy.Integer)
    number = sqlalchemy.func.abs(seq, type_=sqlalchemy.BigInteger)
    return number.bitwise_rshift(bits)


def _uncounted_numbers() -> sqlalchemy.Select:
    is_new = sqlalchemy.case((pairs.c.seq > 0, 1), else_=0)
    some = (
        sqlalchemy.select(
            small_block(pairs.c.seq).label('block'),
            is_new.label('is_new'),
        )
        .where(pairs.c.term == bindparam('of'))
        .order_by(pairs.c.seq)
        .limit(bindparam('most'))
        .subquery()
    )
    new = sqlalchemy.func.sum(some.c.is_new)
    gone = sqlalchemy.func.sum(1 - some.c.is_new)
    return sqlalchemy.select(some.c.block, new, gone).group_by(some.c.block)


_READ_UNCOUNTED = _uncounted_numbers()
#: That a row is of a small block in a large one; see :func:`bounds`.
IS_IN_LARGE = sqlalchemy.and_(
    counts.c.bits == SMALL,
    counts.c.block >= bindparam('first'),
    counts.c.block < bindparam('following'),
)
_READ_SMALL = sqlalchemy.select(counts.c.block, counts.c.number).where(
    counts.c.term == bindparam('of'), IS_IN_LARGE
)
_OF_LIST = sqlalchemy.and_(
    counts.c.term == bindparam('of'),
    counts.c.bits == LARGE,
)
IS_IN_USE = sqlalchemy.and_(
    counts.c.term == IN_USE[0],
    counts.c.bits == IN_USE[1],
    counts.c.block == IN_USE[2],
)
_IN_USE = sqlalchemy.select(counts.c.number).where(IS_IN_USE)
_LOCK = _IN_USE.with_for_update()
_TRY_LOCK = _IN_USE.with_for_update(nowait=True)
_READ_LARGE = sqlalchemy.select(
    counts.c.bits, counts.c.block, counts.c.number
).where(_OF_LIST | IS_IN_USE)
