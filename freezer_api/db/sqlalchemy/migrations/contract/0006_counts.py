"""Documents get the term that says that they aren't counted, and counts are
kept from now on.

Earlier releases would delete a document and leave it counted. So their
processes are refused first. Documents are looked at in batches, each a
transaction: whoever uses them waits for one batch at most. What has the term
stays as it is, so that it can be done again after it was broken off.
"""

import hashlib
import struct
import typing

import sqlalchemy
from alembic import op

revision = '0006'
down_revision = None

KINDS = ('sessions', 'jobs', 'actions', 'clients', 'backups', 'trusts')
#: The scope of all projects' jobs.
EVERYWHERE = '/'
BATCH = 200
#: Bytes of a digest and of a term, of which ``indexed`` consists; behind them
#: it may have the version of the index.
DIGEST, TERM = 16, 8
#: The key and the number of the row that says that counts are kept.
IN_USE = {
    'term': 0,
    'bits': 0,
    'block': 0,
    'number': 1,
}
Row = typing.Any


def _table(name: str, *columns: str) -> sqlalchemy.TableClause:
    return sqlalchemy.table(
        f'freezer_{name}', *map(sqlalchemy.column, columns)
    )


COMPATIBILITY = _table('compatibility', 'lowest')
PAIRS = _table('pairs', 'term', 'seq')
COUNTS = _table('counts', *IN_USE)


def upgrade() -> None:
    """Refuse earlier releases, bring all documents to this, and say so."""
    connection = op.get_bind()
    lowest = sqlalchemy.update(COMPATIBILITY).values(lowest=revision)
    connection.execute(lowest)
    for kind in KINDS:
        _bring_all(connection, kind)
    is_in_use = sqlalchemy.select(COUNTS.c.number).where(
        COUNTS.c.term == IN_USE['term'],
        COUNTS.c.bits == IN_USE['bits'],
    )
    if connection.execute(is_in_use).first() is None:
        connection.execute(sqlalchemy.insert(COUNTS).values(IN_USE))


def _bring_all(connection: sqlalchemy.Connection, kind: str) -> None:
    """Give all documents of a kind their terms."""
    table = _table(kind, 'seq', 'project', 'indexed')
    some = (
        sqlalchemy.select(*table.c)
        .where(table.c.seq > sqlalchemy.bindparam('last'))
        .order_by(table.c.seq)
        .limit(BATCH)
        .with_for_update()
    )
    last = 0
    while batch := connection.execute(some, {'last': last}).all():
        for row in batch:
            _bring(connection, kind, table, row)
        last = batch[-1].seq
        # With the first one earlier releases are refused.
        _commit(connection)


def _bring(
    connection: sqlalchemy.Connection,
    kind: str,
    table: sqlalchemy.TableClause,
    row: Row,
) -> None:
    """Give a document its terms, unless it has them."""
    indexed = bytes(row.indexed)
    number = (len(indexed) - DIGEST) // TERM
    end = DIGEST + number * TERM
    found = struct.unpack_from(f'<{number}q', indexed, DIGEST)
    missing = set(_uncounted(kind, row.project)).difference(found)
    if not missing:
        return
    numbers = sorted({*found, *missing})
    packed = struct.pack(f'<{len(numbers)}q', *numbers)
    values = {'indexed': indexed[:DIGEST] + packed + indexed[end:]}
    connection.execute(
        sqlalchemy.update(table).where(table.c.seq == row.seq).values(values)
    )
    new = [
        {
            'term': term,
            'seq': row.seq,
        }
        for term in sorted(missing)
    ]
    connection.execute(sqlalchemy.insert(PAIRS), new)


def _uncounted(kind: str, project: str | bytes) -> typing.Iterator[int]:
    """Yield the terms that say that a document of a kind isn't counted in the
    lists that it is in.
    """
    scopes = [project.decode() if isinstance(project, bytes) else project]
    if kind == 'jobs':
        scopes.append(EVERYWHERE)
    for scope in scopes:
        text = f'{kind} {len(scope)} {scope}0 k'
        digest = hashlib.blake2b(
            text.encode('utf-8', 'surrogatepass'), digest_size=TERM
        )
        yield ~int.from_bytes(digest.digest(), 'little', signed=True)


def _commit(connection: sqlalchemy.Connection) -> None:
    """Commit what is done, and begin another transaction."""
    connection.exec_driver_sql('COMMIT')
    if connection.dialect.name == 'sqlite':
        # The others begin one by themselves.
        connection.exec_driver_sql('BEGIN IMMEDIATE')
