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
    Block,
    lock,
    rows_of,
)

#: Documents of a list are counted when so many of them are to be counted or
#: counted off.
CATCH_UP_AT = 256
#: Documents that one transaction counts, and transactions of one call.
BATCH_SIZE, MAX_BATCHES = 400, 25

#: Numbers of documents; of those to be counted off, with a minus.
Seqs = collections.abc.Sequence[int]


class _Overtaken(errors.StartOver):
    """Others have locked, counted or deleted all of the documents."""


def catch_up(database: Database, term: int) -> None:
    """Count documents of a list, if counts are kept and many of it aren't
    counted.

    It makes reading cheaper and nothing else. So it waits for nobody, and
    what others have locked or count themselves is counted later.
    """
    first = functools.partial(
        _first_uncounted,
        term=term,
        least=CATCH_UP_AT,
    )
    for _ in range(MAX_BATCHES):
        seqs = database.read(first)
        if not seqs:
            return
        count = functools.partial(_try_count, term=term, seqs=seqs)
        if not database.try_write(count):
            return


def count_all(database: Database, term: int) -> None:
    """Count all documents of a list, if counts are kept, and forget blocks
    that have none. It may wait for others.
    """
    count = functools.partial(_count_first, term=term)
    while database.write(count):
        pass


def lock_uncounted(
    connection: sqlalchemy.Connection,
    uncounted: collections.abc.Set[int],
    seq: int,
) -> set[int]:
    """Return which of some terms, :func:`terms.uncounted`, a document has.
    They are locked.

    In the other lists it is counted, or somebody is just counting it: whom
    this doesn't wait for.
    """
    if not uncounted:
        return set()
    parameters = {
        'terms': sorted(uncounted),
        'seq': seq,
    }
    return set(connection.execute(_LOCK_TERMS, parameters).scalars())


def _count_first(connection: sqlalchemy.Connection, term: int) -> bool:
    """Count the first documents of a list, and tell whether there were any to
    count.
    """
    if not lock(connection):
        return False
    seqs = _first_uncounted(connection, term, 1)
    if seqs:
        _count(
            connection,
            term,
            seqs,
            _LOCK_UNCOUNTED,
        )
    connection.execute(_REMOVE_EMPTY, {'of': term})
    return bool(seqs)


def _try_count(
    connection: sqlalchemy.Connection, term: int, seqs: Seqs
) -> None:
    """Count those documents that others haven't locked; fail if they have
    locked the counts.
    """
    if lock(connection, wait=False):
        _count(
            connection,
            term,
            seqs,
            _LOCK_FREE,
        )


def _first_uncounted(
    connection: sqlalchemy.Connection, term: int, least: int
) -> Seqs:
    """Return the first documents of a list that are to be counted or counted
    off; [] if they are fewer than ``least``, or no counts are kept.
    """
    parameters = {
        'of': terms.uncounted(term),
        'skip': least - 1,
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


def _count(
    connection: sqlalchemy.Connection,
    term: int,
    seqs: Seqs,
    lock_them: sqlalchemy.Select,
) -> None:
    """Count some documents, or count them off: those that a statement locks.
    ``_Overtaken`` if it locks none. The counts are locked.
    """
    parameters = {
        'of': terms.uncounted(term),
        # A document that has both rows loses both at once.
        'seqs': sorted({*seqs, *(-seq for seq in seqs)}),
    }
    found = connection.execute(lock_them, parameters).scalars().all()
    if not found:
        raise _Overtaken('nothing of these can be counted')
    # No more than these: a row to count one off may be there since then.
    connection.execute(_REMOVE_UNCOUNTED, parameters | {'seqs': found})
    numbers: collections.Counter[Block] = collections.Counter()
    for seq in found:
        added = 1 if seq > 0 else -1
        numbers[SMALL, abs(seq) >> SMALL] += added
        numbers[LARGE, abs(seq) >> LARGE] += added
    rows = rows_of(term, numbers)
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
    sqlalchemy.select(pairs.c.seq).where(*_ARE_THESE).with_for_update()
)
_LOCK_FREE = _LOCK_UNCOUNTED.with_for_update(skip_locked=True)
_REMOVE_UNCOUNTED = sqlalchemy.delete(pairs).where(*_ARE_THESE)
_LOCK_TERMS = (
    sqlalchemy.select(pairs.c.term)
    .where(
        pairs.c.term.in_(bindparam('terms', expanding=True)),
        pairs.c.seq == bindparam('seq'),
    )
    .with_for_update(skip_locked=True)
)
_REMOVE_EMPTY = sqlalchemy.delete(counts).where(
    counts.c.term == bindparam('of'), counts.c.number == 0
)
