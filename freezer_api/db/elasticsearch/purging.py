"""Erasing a project."""

import functools

from freezer_api.db.elasticsearch import documents, queries, store
from freezer_api.db.elasticsearch.finding import MANY, Finder
from freezer_api.db.unit import Unit
from freezer_api.domain.documents import SESSIONS


def purge(finder: Finder, kind: str, project: str) -> int:
    """Erase the documents of a kind; how many there were. What interrupted
    operations have left goes too.
    """
    count, after = 0, None
    while True:
        hits = finder.raw(kind, queries.of_project(project, MANY, after))
        for hit in hits:
            found = store.found(kind, hit)
            id = (
                found.value.id
                if found.value
                else ((found.lock or {}).get('after') or {}).get('id')
            )
            if id is not None:
                count += documents.transact(
                    finder.units,
                    finder,
                    finder.clock,
                    project,
                    (kind, id),
                    functools.partial(_erase, kind=kind, id=id),
                )
            elif found.mark.get('gone'):
                finder.committer.bury(found)
            elif not found.lock:
                finder.committer.abandon(found)
        if len(hits) < MANY:
            return count
        after = hits[-1]['sort']


def _erase(unit: Unit, kind: str, id: str) -> bool:
    if kind == SESSIONS:
        if unit.get_session(id) is None:
            return False
        unit.delete_session(id)
        return True
    if unit.get(kind, id) is None:
        return False
    unit.delete(kind, id)
    return True
