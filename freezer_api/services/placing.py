"""Which client executes a job: the one of its ``client_id`` in its own
project, else the central one of that id. So where such a client comes, goes,
or becomes central, jobs move to another client.
"""

import collections.abc
import logging

from freezer_api import exceptions
from freezer_api.db.base import JobChange, Scope, Storage
from freezer_api.domain import jobs, search_pairs, search_query
from freezer_api.domain.documents import CLIENTS, JOBS, Body, Document
from freezer_api.services import common, effects, job_changes

LOG = logging.getLogger(__name__)
#: How many jobs are read at once.
PAGE_SIZE = 100


def follow(
    storage: Storage, before: Document | None, after: Document | None
) -> None:
    """Mark the jobs of a client that was changed from ``before`` to ``after``
    (None: no client) with the client that they are on now.

    The client is stored already, and each job is written by itself. A job that
    could not be marked is logged; it is no error of the request.
    """
    client = after or before
    if client is None or not _moves_jobs(before, after):
        return
    # A central client serves the jobs of every project.
    everywhere = _is_central(before) or _is_central(after)
    scope = Scope(client.project_id, everywhere=everywhere)
    count = 0
    try:
        for job in _jobs_of_client(storage, scope, client.id):
            if _mark(storage, job, client.id):
                count += 1
    except exceptions.StorageUnavailable as error:
        LOG.warning(
            'Some jobs of client %r of project %r could not be moved to the'
            ' client that they are on now: %s Send a PATCH with its client_id'
            ' to each of these jobs.',
            client.id,
            client.project_id,
            error,
        )
    effects.client_jobs_moved(
        client.id,
        client.project_id,
        _describe(before, after),
        count,
    )


def _moves_jobs(before: Document | None, after: Document | None) -> bool:
    """Tell whether a change of a client may move jobs."""
    if before is None or after is None:
        return True
    return _is_central(before) != _is_central(after)


def _describe(
    before: Document | None, after: Document | None
) -> effects.ClientChange:
    if before is None:
        return 'registered'
    if after is None:
        return 'deleted'
    if _is_central(after):
        return 'made central'
    return 'made plain'


def _is_central(client: Document | None) -> bool:
    return client is not None and bool(client.body['client']['is_central'])


def _jobs_of_client(
    storage: Storage, scope: Scope, client_id: str
) -> collections.abc.Iterator[Document]:
    """Yield all jobs of a scope that name a client, page by page."""
    pairs = frozenset((('client_id', search_pairs.canonical(client_id)),))
    query = search_query.Query(pairs, limit=PAGE_SIZE)
    while True:
        page = storage.find(scope, JOBS, query)
        yield from page.documents
        if not page.more:
            return
        last = page.documents[-1]
        # Over all projects an id alone doesn't name one job.
        project_id = last.project_id if scope.everywhere else None
        query = search_query.Query(
            pairs,
            limit=PAGE_SIZE,
            marker=last.id,
            marker_project=project_id,
        )


def _mark(storage: Storage, job: Document, client_id: str) -> bool:
    """Mark one job with the client that it is on; tell whether that changed
    it.

    A job without any client stays as it is.
    """
    seen_by_job = Scope(job.project_id, central=True)
    client = common.get_or_none(storage, seen_by_job, CLIENTS, client_id)
    if client is None:
        return False
    # Most jobs of a client that is registered anew are marked already; to
    # write all of them would take long.
    if jobs.on_client(job.body, client) == job.body:
        return False
    scope = Scope(job.project_id)
    try:
        storage.write_job(scope, job.id, _marking(job.id, client))
    except exceptions.NotFound:
        # Whoever deleted it, or gave it another client, has marked it.
        return False
    except exceptions.Conflict as error:
        # Central clients know jobs by id alone, over all projects: there is
        # another job of this id on one of them.
        LOG.warning(
            'Job %r of project %r can not be executed by central client %r:'
            ' %s Make the job again under another id.',
            job.id,
            job.project_id,
            client_id,
            error,
        )
        return False
    return True


def _marking(job_id: str, client: Document) -> JobChange:
    """Return the change that marks a job with its client."""

    def mark(current: Document | None) -> Body:
        """Mark the job, unless another request gave it another client."""
        if current is None or current.body['client_id'] != client.id:
            raise exceptions.NotFound(JOBS, job_id)
        return jobs.on_client(current.body, client)

    return job_changes.of_body(mark)
