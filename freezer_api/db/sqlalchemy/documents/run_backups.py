"""The backups of a run, found by who made them and when."""

import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.sqlalchemy.search.search_parts import InOrder
from freezer_api.domain import backups, documents, search_pairs
from freezer_api.domain.session_state import Record

#: Jobs that one part of a statement asks for, and all of it: SQLite bounds how
#: deep conditions nest, and all bound parameters.
PART_SIZE, STATEMENT_SIZE = 128, 4096

#: A job and the first and last timestamp of its part in a run.
Span = tuple[str, backups.Span]
#: The columns that tell when a backup was made, each with its index: by the
#: clock of the machine that made it, and by ours.
_CLOCKS = (('moment', models.BY_JOB), ('created', models.BY_JOB_HERE))


def of_run(
    connection: sqlalchemy.Connection,
    project_id: str,
    session_id: str,
    record: Record,
) -> tuple[str, ...]:
    """Return the ids of the backups of a run, see :meth:`Storage.run_backups`.

    By one statement, unless more than :data:`STATEMENT_SIZE` jobs took part.
    """
    pair = search_pairs.run_pair(session_id, record.tag)
    (term,) = terms.look_up(project_id, documents.BACKUPS, (pair,))
    spans = list(backups.spans(record).items())
    found: dict[int, str] = {}
    # At least once: backups may name the run without any job in it.
    for first in range(0, max(1, len(spans)), STATEMENT_SIZE):
        some = _padded(spans[first : first + STATEMENT_SIZE])
        parameters: dict[str, object] = {
            'project': project_id,
            'term': term,
        }
        for number, (job_id, (since, until)) in enumerate(some):
            parameters[f'job_{number}'] = job_id
            parameters[f'since_{number}'] = since
            parameters[f'until_{number}'] = until
        for row in connection.execute(_statement(len(some)), parameters):
            found[row.seq] = row.id
    # By creation, as lists are. A backup may have been found twice.
    return tuple(found[seq] for seq in sorted(found))


def _padded(spans: list[Span]) -> list[Span]:
    """Return spans with the last one repeated up to a power of 2, so that few
    statements serve any number.
    """
    if not spans:
        return spans
    size = 1 << (len(spans) - 1).bit_length()
    return spans + spans[-1:] * (size - len(spans))


@functools.cache
def _statement(size: int) -> sqlalchemy.CompoundSelect:
    """Return the backups that name the session and the tag, and those that one
    of ``size`` jobs made in its time, by either clock.
    """
    parts = [_naming_run()]
    for first in range(0, size, PART_SIZE):
        numbers = range(first, min(first + PART_SIZE, size))
        for clock, index in _CLOCKS:
            parts.append(_made_by_jobs(numbers, clock, index))
    return sqlalchemy.union_all(*parts)


def _naming_run() -> sqlalchemy.Select:
    table = models.backups.alias()
    pair = models.pairs.alias()
    term = bindparam('term', type_=sqlalchemy.BigInteger)
    return (
        sqlalchemy.select(
            table.c.seq,
            table.c.id,
        )
        .select_from(InOrder(pair, table, table.c.seq == pair.c.seq))
        .where(pair.c.term == term, table.c.project == bindparam('project'))
    )


def _made_by_jobs(numbers: range, clock: str, index: str) -> sqlalchemy.Select:
    """Return the backups that jobs made in their times, by one clock.

    The hint keeps MySQL from another index of the project, in which all of its
    backups would be read.
    """
    table = models.backups.alias()
    spans = []
    for number in numbers:
        is_of_job = table.c.job_id == bindparam(f'job_{number}')
        is_in_span = table.c[clock].between(
            bindparam(f'since_{number}'), bindparam(f'until_{number}')
        )
        spans.append(
            sqlalchemy.and_(
                is_of_job,
                is_in_span,
            )
        )
    return (
        sqlalchemy.select(
            table.c.seq,
            table.c.id,
        )
        .where(table.c.project == bindparam('project'), sqlalchemy.or_(*spans))
        .with_hint(table, f'FORCE INDEX ({index})', 'mysql')
    )
