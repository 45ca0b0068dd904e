"""The list of backups stays true: what a job has removed from a storage is no
longer listed as available.

An agent that prunes tells nobody which backups it removed. So they are found
by what the job's actions say, once the agent reports that it has succeeded.
"""

import collections.abc
import itertools
import logging

from freezer_api import exceptions
from freezer_api.db.base import Keep, Storage, Store
from freezer_api.domain import (
    backups,
    pruning,
    search_pairs,
    search_query,
)
from freezer_api.domain.documents import BACKUPS, Body, Document
from freezer_api.services import clients, common, effects
from freezer_api.services.common import Caller

LOG = logging.getLogger(__name__)
#: How many backups are read at once.
PAGE_SIZE = 100
#: How many pages one report may cost. Backups beyond them are marked when the
#: job succeeds the next time.
MAX_PAGES = 10
_DELETED = ('status', search_pairs.canonical(backups.DELETED))


def follow(
    storage: Storage, caller: Caller, before: Body, after: Body
) -> None:
    """Mark the backups as deleted that a job has removed, if its change from
    ``before`` to ``after`` says that it has pruned with success.

    The change of the job is stored already. Marks that could not be stored are
    logged; they are no error of the request.
    """
    if not pruning.has_pruned(before, after):
        return
    count = 0
    try:
        cuts = _cuts(storage, caller, after)
        for backup, cut in _removed(storage, caller, cuts):
            if _mark(storage, caller, backup.id, cut):
                count += 1
    except exceptions.StorageUnavailable as error:
        LOG.warning(
            'Job %r of project %r has pruned backups that are still listed as'
            ' available: %s They are marked when the job succeeds the next'
            ' time.',
            after['job_id'],
            caller.project_id,
            error,
        )
    effects.backups_pruned(after['job_id'], caller.project_id, count)


def _cuts(
    storage: Storage, caller: Caller, job: Body
) -> collections.abc.Iterator[pruning.Cut]:
    """Return what each action of a job has removed."""
    client = clients.lookup(storage, caller, job['client_id'])
    # A client that was deleted since can't tell its machine; then only actions
    # that name a machine themselves are looked at.
    hostname = client.body['client']['hostname'] if client else ''
    return pruning.cuts(job, hostname)


def _removed(
    storage: Storage,
    caller: Caller,
    cuts: collections.abc.Iterable[pruning.Cut],
) -> collections.abc.Iterator[tuple[Document, pruning.Cut]]:
    """Yield the backups that cuts removed, each with its cut, as far as the
    storage lists them as anything else than deleted.
    """
    # A job may prune one place by many actions: that is read once.
    of_place: dict[tuple[str, str], list[pruning.Cut]] = {}
    for cut in cuts:
        of_place.setdefault((cut.container, cut.hostname), []).append(cut)
    pages = _pages(storage, caller, of_place)
    for some, page in itertools.islice(pages, MAX_PAGES):
        for document in page:
            removing = pruning.removing(some, document.body)
            if removing is not None:
                yield document, removing


def _pages(
    storage: Storage,
    caller: Caller,
    of_place: dict[tuple[str, str], list[pruning.Cut]],
) -> collections.abc.Iterator[tuple[list[pruning.Cut], tuple[Document, ...]]]:
    """Yield pages of the backups of places, each with the cuts of its place."""
    for place, cuts in of_place.items():
        query = _query(place, max(cut.until for cut in cuts))
        for page in common.pages(storage, caller.scope, BACKUPS, query):
            yield cuts, page


def _query(place: tuple[str, str], until: int) -> search_query.Query:
    """Return the search for the backups of a place (container and host) that
    aren't marked.
    """
    container, hostname = place
    pairs = frozenset(
        (
            ('container', search_pairs.canonical(container)),
            ('hostname', search_pairs.canonical(hostname)),
        )
    )
    return search_query.Query(
        pairs,
        frozenset((_DELETED,)),
        until=until,
        limit=PAGE_SIZE,
    )


def _mark(
    storage: Storage, caller: Caller, backup_id: str, cut: pruning.Cut
) -> bool:
    """Mark one backup as deleted; tell whether that changed it."""

    def change(current: Document | None, now: int) -> Store | Keep:
        """Mark the backup, if it is still what was removed."""
        # Somebody may have deleted it since it was found, or given it other
        # metadata.
        if current is None or not cut.removes(current.body):
            return Keep(False)
        is_news = current.body['status'] != backups.DELETED
        return Store({**current.body, 'status': backups.DELETED}, is_news)

    done = storage.write(caller.scope, BACKUPS, backup_id, change)
    return bool(done.answer)
