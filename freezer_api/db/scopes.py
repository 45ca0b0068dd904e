"""Scopes: in which a document is indexed, beside its project's."""

from freezer_api.db.pages import Scope
from freezer_api.domain import documents, search_pairs

#: The scope of the central clients of all projects. No project has an empty
#: id.
CENTRAL = ''
#: The scope of the jobs of all projects. No project's id has a slash, as it is
#: a part of a path.
EVERYWHERE = '/'
#: A pair that all documents have: a list without conditions is a search for
#: it. No document has it by itself, for no key is empty.
ANY: search_pairs.Pair = ('', 'k')


def searched_scopes(scope: Scope, kind: str) -> tuple[str, ...]:
    """Return the scopes that a list of a kind is found in."""
    if scope.sees_everywhere(kind):
        return (EVERYWHERE,)
    if scope.sees_central(kind):
        return scope.project_id, CENTRAL
    return (scope.project_id,)


def indexed_scopes(
    kind: str, project_id: str, claim: str | None
) -> tuple[str, ...]:
    """Return the scopes that a document is indexed in. ``claim`` is that of a
    central client: see :func:`freezer_api.domain.documents.claim`.
    """
    if kind == documents.JOBS:
        return project_id, EVERYWHERE
    if kind == documents.CLIENTS and claim is not None:
        return project_id, CENTRAL
    return (project_id,)
