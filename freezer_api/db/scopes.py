"""Scopes: where a document is indexed, beside its project."""

from freezer_api.domain import documents, search

#: The scope of central clients, who are indexed there beside their project. No
#: project has an empty id.
CENTRAL = ''
#: The scope of all projects' jobs, which are indexed there beside their
#: project. No project's id, a part of a path, has a slash.
EVERYWHERE = '/'
#: A pair that all documents have: lists read it alone. No document offers it
#: by itself.
ANY: search.Pair = ('', 'k')


def scopes(kind: str, project_id: str, claim: str | None) -> tuple[str, ...]:
    """Where a document is indexed; its text not :data:`EVERYWHERE`, for it is
    found by the project there.
    """
    if kind == documents.JOBS:
        return project_id, EVERYWHERE
    return (
        (project_id, CENTRAL)
        if kind == documents.CLIENTS and claim is not None
        else (project_id,)
    )
