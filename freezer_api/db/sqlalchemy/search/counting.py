"""Counting the documents of lists: see :mod:`.counts`."""

import collections
import collections.abc
import functools

import sqlalchemy
from sqlalchemy import bindparam
from sqlalchemy.dialects import mysql, postgresql, sqlite

from freezer_api.db.sqlalchemy.connections import cursors, errors
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.models import counts, pairs
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.sqlalchemy.search.counts import (
    IS_IN_USE,
    LARGE,
    SMALL,
    rows_of,
)

#: Documents of a list are counted when so many of them aren't.
CATCH_UP_AT = 256
#: Documents that one transaction counts, and transactions of one call.
BATCH_SIZE, MAX_BATCHES = 500, 20

Seqs = collections.abc.Sequence[int]


class _Overtaken(errors.StartOver):
    """Others have counted or deleted some of the documents meanwhile."""


def catch_up(database: Database, term: int) -> None:
    """Count documents of a list, if counts are kept and many of it aren't
    counted.

    It makes reading cheaper and nothing else. So it waits for nobody, and
    what others have locked or count themselves is counted later.
    """
    first = functools.partial(_first_uncounted, term=term)
    for _ in range(MAX_BATCHES):
        seqs = database.read(first)
        if not seqs:
            return
        count = functools.partial(_count, term=term, seqs=seqs)
        if not database.try_write(count):
            return


def forget(connection: sqlalchemy.Connection, term: int, seq: int) -> None:
    """Take a document that is deleted out of the counts of a list. It is
    locked.
    """
    of_document = {
        'of': terms.uncounted(term),
        'seqs': [seq],
    }
    if connection.execute(_REMOVE_UNCOUNTED, of_document).rowcount:
        return
    parameters = {
        'of': term,
        'small': [seq >> SMALL],
        'large': [seq >> LARGE],
    }
    connection.execute(_COUNT_DOWN, parameters)


def forget_list(connection: sqlalchemy.Connection, term: int) -> None:
    """Remove the counts of a list that has no document any more."""
    connection.execute(_REMOVE_EMPTY, {'of': term})


def _first_uncounted(connection: sqlalchemy.Connection, term: int) -> Seqs:
    """Return the first documents of a list that aren't counted; [] if they
    are few, or no counts are kept.
    """
    parameters = {
        'of': terms.uncounted(term),
        'skip': CATCH_UP_AT - 1,
        'take': 1,
    }
    if not cursors.fetch(connection, _FIRST_UNCOUNTED, parameters):
        return []
    parameters |= {
        'skip': 0,
        'take': BATCH_SIZE,
    }
    found = cursors.fetch(connection, _FIRST_UNCOUNTED, parameters)
    return [seq for (seq,) in found]


def _count(connection: sqlalchemy.Connection, term: int, seqs: Seqs) -> None:
    """Count documents; ``_Overtaken`` if one of them isn't uncounted any
    more.
    """
    of_documents = {
        'of': terms.uncounted(term),
        'seqs': seqs,
    }
    connection.execute(_LOCK_UNCOUNTED, of_documents)
    blocks = {
        'of': term,
        'small': sorted({seq >> SMALL for seq in seqs}),
        'large': sorted({seq >> LARGE for seq in seqs}),
    }
    connection.execute(_LOCK_BLOCKS, blocks)
    removed = connection.execute(_REMOVE_UNCOUNTED, of_documents).rowcount
    if removed != len(seqs):
        raise _Overtaken('others have counted or deleted some documents')
    added = collections.Counter((SMALL, seq >> SMALL) for seq in seqs)
    added.update((LARGE, seq >> LARGE) for seq in seqs)
    rows = rows_of(term, added)
    connection.execute(_count_up(connection.dialect.name), rows)


# Statements


@functools.cache
def _count_up(dialect: str) -> sqlalchemy.Insert:
    """Return the statement that adds to the count of a block, which may not
    be there yet.
    """
    if dialect == 'mysql':
        insert = mysql.insert(counts)
        return insert.on_duplicate_key_update(
            number=counts.c.number + insert.inserted.number
        )
    of_dialect = postgresql if dialect == 'postgresql' else sqlite
    upsert = of_dialect.insert(counts)
    return upsert.on_conflict_do_update(
        index_elements=counts.primary_key.columns,
        set_={'number': counts.c.number + upsert.excluded.number},
    )


_FIRST_UNCOUNTED = (
    sqlalchemy.select(pairs.c.seq)
    .where(
        pairs.c.term == bindparam('of'),
        sqlalchemy.exists().where(IS_IN_USE),
    )
    .order_by(pairs.c.seq)
    .offset(bindparam('skip'))
    .limit(bindparam('take'))
)
_ARE_THESE = (
    pairs.c.term == bindparam('of'),
    pairs.c.seq.in_(bindparam('seqs', expanding=True)),
)
_LOCK_UNCOUNTED = (
    sqlalchemy.select(pairs.c.seq)
    .where(*_ARE_THESE)
    .with_for_update(nowait=True)
)
_REMOVE_UNCOUNTED = sqlalchemy.delete(pairs).where(*_ARE_THESE)
_ARE_SMALL = sqlalchemy.and_(
    counts.c.bits == SMALL,
    counts.c.block.in_(bindparam('small', expanding=True)),
)
_ARE_LARGE = sqlalchemy.and_(
    counts.c.bits == LARGE,
    counts.c.block.in_(bindparam('large', expanding=True)),
)
_ARE_BLOCKS = (
    counts.c.term == bindparam('of'),
    _ARE_SMALL | _ARE_LARGE,
)
_LOCK_BLOCKS = (
    sqlalchemy.select(counts.c.block)
    .where(*_ARE_BLOCKS)
    .with_for_update(nowait=True)
)
_COUNT_DOWN = (
    sqlalchemy.update(counts)
    .where(*_ARE_BLOCKS)
    .values(number=counts.c.number - 1)
)
_REMOVE_EMPTY = sqlalchemy.delete(counts).where(
    counts.c.term == bindparam('of'), counts.c.number == 0
)
