"""Erasing a project."""

import functools

from freezer_api.db.elasticsearch import codec, jobs, queries, sessions, store
from freezer_api.db.elasticsearch.finding import MANY, Finder
from freezer_api.db.elasticsearch.units import Unit
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
                count += finder.units.run(
                    found.key,
                    functools.partial(
                        _erase, kind=kind, project=project, id=id
                    ),
                )
            elif found.mark.get('gone'):
                finder.committer.bury(found)
            elif not found.lock:
                finder.committer.abandon(found)
        if len(hits) < MANY:
            return count
        after = hits[-1]['sort']


def _erase(unit: Unit, kind: str, project: str, id: str) -> bool:
    stored = unit.get(codec.key(kind, project, id))
    if stored is None:
        return False
    if kind == SESSIONS:
        sessions.remove(unit, stored)
    else:
        jobs.store_body(unit, kind, project, id, stored, None, 0)
    return True
