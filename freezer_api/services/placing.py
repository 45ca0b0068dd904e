"""Jobs follow their client: where it comes, goes, or becomes a central one,
they are on another one then.
"""

import collections.abc
import logging

from freezer_api import exceptions
from freezer_api.db.base import JobWrite, Scope, Storage
from freezer_api.domain import jobs, search
from freezer_api.domain.documents import CLIENTS, JOBS, Document
from freezer_api.services import common

LOG = logging.getLogger(__name__)
#: Jobs that are read at once.
PAGE = 100


def follow(
    storage: Storage, before: Document | None, after: Document | None
) -> None:
    """Mark the jobs of a client for what they are on now, after it was
    changed; each by itself.

    The client is stored; that a job could not follow is logged, and no error
    of the change.
    """
    client = after or before
    if (
        client is None
        or _is_central(before) == _is_central(after)
        and before
        and after
    ):
        return
    everywhere = _is_central(before) or _is_central(after)
    try:
        for job in _of_client(
            storage, Scope(client.project_id, everywhere=everywhere), client.id
        ):
            _mark(storage, job, client.id)
    except exceptions.StorageUnavailable as error:
        LOG.warning(
            'Jobs of client %s do not know yet what it is: %s',
            client.id,
            error,
        )


def _is_central(client: Document | None) -> bool:
    return client is not None and client.body['client']['is_central']


def _of_client(
    storage: Storage, scope: Scope, id: str
) -> collections.abc.Iterator[Document]:
    pairs, marker = frozenset((('client_id', search.canonical(id)),)), None
    while True:
        place = (
            (marker.id, marker.project_id if scope.everywhere else None)
            if marker
            else (None, None)
        )
        query = search.Query(
            pairs, limit=PAGE, marker=place[0], marker_project=place[1]
        )
        page = storage.find(scope, JOBS, query)
        yield from page.documents
        if not page.more:
            return
        marker = page.documents[-1]


def _mark(storage: Storage, job: Document, client_id: str) -> None:
    """Mark one job; one of a client that is gone stays as it is, for it is on
    none.
    """
    client = common.stored(
        storage, Scope(job.project_id, central=True), CLIENTS, client_id
    )
    if client is None or jobs.on_client(job.body, client) == job.body:
        return

    def change(
        current: Document | None, actions: object, now: int
    ) -> JobWrite:
        if current is None or current.body['client_id'] != client_id:
            raise exceptions.NotFound(JOBS, job.id)
        return JobWrite(jobs.on_client(current.body, client))

    try:
        storage.write_job(Scope(job.project_id), job.id, change)
    except exceptions.NotFound:
        LOG.info(
            'Job %s of project %s has left client %s.',
            job.id,
            job.project_id,
            client_id,
        )
    except exceptions.Conflict as error:
        # Of the jobs on central clients another one has its id.
        LOG.warning(
            'Job %s of project %s is not found by central client %s: %s',
            job.id,
            job.project_id,
            client_id,
            error,
        )
