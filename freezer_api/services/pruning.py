"""The catalogue stays true: what a job has removed from a storage is no longer
listed as available.
"""

import logging

from freezer_api import exceptions
from freezer_api.db.base import Storage
from freezer_api.domain import backups, pruning, search
from freezer_api.domain.documents import BACKUPS, Body, Document
from freezer_api.services import clients
from freezer_api.services.common import Caller

LOG = logging.getLogger(__name__)
#: Backups that are read at once, and how often: what is left is marked when
#: the job succeeds again.
PAGE, PAGES = 100, 10
_DELETED = ('status', search.canonical(backups.DELETED))


def follow(
    storage: Storage, caller: Caller, before: Body, after: Body
) -> None:
    """Mark the backups that a job has removed, if a change of it tells that it
    has ended with success.

    The change is stored; that the marks could not be is logged, and no error
    of the change.
    """
    if not pruning.has_pruned(before, after):
        return
    try:
        client = clients.lookup(storage, caller, after['client_id'])
        hostname = client.body['client']['hostname'] if client else ''
        for cut in pruning.cuts(after, hostname):
            _mark(storage, caller, cut)
    except exceptions.StorageUnavailable as error:
        LOG.warning(
            'Job %s has pruned backups that are still listed: %s',
            after['job_id'],
            error,
        )


def _mark(storage: Storage, caller: Caller, cut: pruning.Cut) -> None:
    pairs = frozenset(
        (key, search.canonical(value))
        for key, value in (
            ('container', cut.container),
            ('hostname', cut.hostname),
        )
    )
    marker = None
    for _page in range(PAGES):
        query = search.Query(
            pairs,
            frozenset((_DELETED,)),
            until=cut.until,
            limit=PAGE,
            marker=marker,
        )
        page = storage.find(caller.scope, BACKUPS, query)
        for document in page.documents:
            if cut.removes(document.body):
                storage.write(
                    caller.scope,
                    BACKUPS,
                    document.id,
                    lambda current, now: _marked(current, cut),
                )
        if not page.more:
            return
        marker = page.documents[-1].id


def _marked(current: Document | None, cut: pruning.Cut) -> Body | None:
    if current is None:
        return None
    gone = cut.removes(current.body)
    return (
        {**current.body, 'status': backups.DELETED} if gone else current.body
    )
