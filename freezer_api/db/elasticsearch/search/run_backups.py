"""The bodies of searches for the backups of a run."""

import collections.abc
import functools

from freezer_api.db.base import Scope
from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch.search import terms
from freezer_api.db.elasticsearch.search.clauses import (
    Clause,
    Position,
    all_of,
    any_of,
    between,
)
from freezer_api.db.elasticsearch.search.queries import (
    Body,
    having,
    looked_up,
)
from freezer_api.domain import backups, documents, search_pairs
from freezer_api.domain.session_state import Record

#: Jobs that one search for a run's backups asks for. Each counts as five
#: clauses, for a range of time is two, and some servers allow 1,024.
JOBS_AT_ONCE = 200


def of_run(
    project_id: str, session_id: str, record: Record, size: int
) -> collections.abc.Iterator[
    collections.abc.Callable[[Position | None], Body]
]:
    """Yield searches for the backups that belong to a run, each a function of
    the position that its page begins behind.
    """
    pair = search_pairs.run_pair(session_id, record.tag)
    names_run = having(project_id, documents.BACKUPS, pair)
    scope = Scope(project_id)
    spans = list(backups.spans(record).items())
    # A run of no jobs may have backups that name it.
    for some in list(batches(spans, JOBS_AT_ONCE)) or [[]]:
        wanted = [names_run]
        for job_id, span in some:
            made = _made_by_job(project_id, job_id, span)
            wanted.append(made)
        # A page of it is asked for when it is needed.
        clause = any_of(wanted)
        yield functools.partial(looked_up, scope, clause, size)


def _made_by_job(
    project_id: str, job_id: str, span: tuple[int, int]
) -> Clause:
    """Return the clause for the backups that a job made in a span of time, by
    one of the timestamps that they have.
    """
    since, until = span
    pair = terms.job_pair(job_id)
    made = having(project_id, documents.BACKUPS, pair)
    in_time = []
    for timestamp in ('moment', 'created'):
        clause = between(timestamp, gte=since, lte=until)
        in_time.append(clause)
    return all_of([made, any_of(in_time)])
