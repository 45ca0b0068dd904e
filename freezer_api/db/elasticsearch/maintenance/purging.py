"""Erasing a project."""

import functools

from freezer_api.db.elasticsearch import codec, unit_of_work
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.search import walk_queries
from freezer_api.db.elasticsearch.search.finding import Finder
from freezer_api.db.elasticsearch.search.reading import PAGE_SIZE
from freezer_api.db.unit import Unit
from freezer_api.domain.documents import SESSIONS


def purge(finder: Finder, kind: str, project_id: str) -> int:
    """Erase a project's documents of a kind, and what interrupted operations
    have left; return how many documents there were.
    """
    count, after = 0, None
    while True:
        body = walk_queries.of_project(project_id, PAGE_SIZE, after)
        hits = finder.search_hits(kind, body)
        for hit in hits:
            attempts = Retries('Purging %s %s', kind, hit['_id'])
            found = store.found(kind, hit)
            id = _id(found)
            if id is not None:
                is_erased = _erase(finder, project_id, kind, id)
                count += is_erased
                # Operations that broke off have left this, and the others.
                if found.lock and not is_erased:
                    finder.committer.take_locks((found.key,), attempts)
            elif found.mark.get('gone'):
                finder.committer.remove_tombstone(found, attempts)
            elif not found.lock:
                finder.committer.remove_placeholder(found)
        if len(hits) < PAGE_SIZE:
            return count
        after = hits[-1]['sort']


def purge_own(finder: Finder, project_id: str) -> None:
    """Erase what is kept beside a project's documents, and is left where
    operations broke off: records of runs, and claims.
    """
    for kind in (codec.RUNS, codec.CLAIMS):
        while True:
            body = walk_queries.of_project(project_id, PAGE_SIZE, None)
            hits = finder.search_hits(
                kind,
                {
                    **body,
                    '_source': store.WITHOUT_STATE,
                },
            )
            finder.committer.store.remove([(kind, hit['_id']) for hit in hits])
            if len(hits) < PAGE_SIZE:
                break


def _id(found: Found) -> str | None:
    """Return the id of a document, also of one that is yet to be created; None
    if it is no document.
    """
    if found.value:
        return found.value.id
    if found.lock and found.lock['after']:
        return str(found.lock['after']['id'])
    return None


def _erase(finder: Finder, project_id: str, kind: str, id: str) -> bool:
    """Delete a document; return whether there was one."""
    delete = _delete_session if kind == SESSIONS else _delete_document
    step = functools.partial(delete, kind=kind, id=id)
    name = kind, id
    return unit_of_work.transact(
        finder.transactions, finder, finder.clock, project_id, name, step
    )


def _delete_session(unit: Unit, kind: str, id: str) -> bool:
    if unit.get_session(id) is None:
        return False
    unit.delete_session(id)
    return True


def _delete_document(unit: Unit, kind: str, id: str) -> bool:
    if unit.get(kind, id) is None:
        return False
    unit.delete(kind, id)
    return True
