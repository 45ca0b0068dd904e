"""The backups of a run, found by who made them and when."""

import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models, queries, terms
from freezer_api.domain import backups, documents, search
from freezer_api.domain.sessions import Record

#: Jobs that one part of a statement asks for, and all of it: SQLite bounds how
#: deep conditions nest, and all bound parameters.
PART, MOST = 128, 4096
Spans = dict[str, tuple[int, int]]
#: The columns that tell when a backup was made, each with its index.
_CLOCKS = (('moment', models.BY_JOB), ('created', models.BY_JOB_HERE))


def of_run(
    connection: sqlalchemy.Connection,
    project: str,
    session_id: str,
    record: Record,
) -> tuple[str, ...]:
    """See :meth:`Storage.run_backups`. One statement, unless more than
    :data:`MOST` jobs took part.
    """
    (term,) = terms.look_up(
        project, documents.BACKUPS, (search.run_pair(session_id, record.tag),)
    )
    spans = list(backups.spans(record).items())
    found: dict[int, str] = {}
    for first in range(0, max(1, len(spans)), MOST):
        some = spans[first : first + MOST]
        size = _size(len(some))
        parameters = {'project': project, 'term': term}
        for number, (job_id, (since, until)) in enumerate(
            some + some[-1:] * (size - len(some))
        ):
            parameters |= {
                f'job_{number}': job_id,
                f'since_{number}': since,
                f'until_{number}': until,
            }
        found |= {
            row.seq: row.id
            for row in connection.execute(_statement(size), parameters)
        }
    return tuple(found[seq] for seq in sorted(found))


def _size(number: int) -> int:
    """For how many jobs a statement is made: few statements serve all, the
    last job is asked for several times.
    """
    return number and 1 << (number - 1).bit_length()


@functools.cache
def _statement(size: int) -> sqlalchemy.CompoundSelect:
    """The backups that name the session and the tag, and those that one of
    ``size`` jobs made in its time, by the clock of its machine or by ours.
    """
    table, pair = models.backups.alias(), models.pairs.alias()
    named = (
        sqlalchemy.select(table.c.seq, table.c.id)
        .select_from(queries.InOrder(pair, table, table.c.seq == pair.c.seq))
        .where(
            pair.c.term == bindparam('term', type_=sqlalchemy.BigInteger),
            table.c.project == bindparam('project'),
        )
    )
    parts = (
        range(first, min(first + PART, size)) for first in range(0, size, PART)
    )
    made = (_made(part, *by) for part in parts for by in _CLOCKS)
    return sqlalchemy.union_all(named, *made)


def _made(numbers: range, clock: str, index: str) -> sqlalchemy.Select:
    table = models.backups.alias()
    spans = [
        sqlalchemy.and_(
            table.c.job_id == bindparam(f'job_{number}'),
            table.c[clock].between(
                bindparam(f'since_{number}'), bindparam(f'until_{number}')
            ),
        )
        for number in numbers
    ]
    return (
        sqlalchemy.select(table.c.seq, table.c.id)
        .where(table.c.project == bindparam('project'), sqlalchemy.or_(*spans))
        .with_hint(table, f'FORCE INDEX ({index})', 'mysql')
    )
