"""The bodies of searches for all that is kept, whether it is a document or
not: for walks of a whole store or project.
"""

import collections.abc

from freezer_api.db.elasticsearch.search.clauses import (
    Clause,
    Position,
    all_of,
    any_of,
    between,
    of_ids,
    term,
)
from freezer_api.db.elasticsearch.search.queries import Body, in_order


def everything() -> Clause:
    """Return the clause for all documents of all projects."""
    # Placeholders and tombstones have no id.
    return {'bool': {'must_not': [term('id', '')]}}


def all_projects(size: int, after: Position) -> Body:
    """Return the search for all that is kept, in the order of lists."""
    return in_order([{'match_all': {}}], size, after)


def whole(size: int, after: Position) -> Body:
    """Return the search for all that is kept, with all of its fields."""
    return {
        **all_projects(size, after),
        '_source': True,
    }


def of_keys(ids: collections.abc.Sequence[str]) -> Body:
    """Return the search for what is under keys, with all of its fields."""
    return {
        'query': of_ids(ids),
        'size': len(ids),
        '_source': True,
    }


def by_name(size: int, after: Position, first: tuple[str, ...]) -> Body:
    """Return the search for documents by project and id, behind a position, or
    from the ``first`` project and id on.
    """
    body = {
        **in_order([everything()], size, after),
        'sort': [{'project': 'asc'}, {'id': 'asc'}],
    }
    # Behind a position ``search_after`` says where to begin.
    if first and not after:
        project_id, id = first
        in_project = term('project', project_id)
        from_id_on = between('id', gte=id)
        later = between('project', gt=project_id)
        from_here = any_of([later, all_of([in_project, from_id_on])])
        body['query'] = all_of([everything(), from_here])
    return body


def of_project(project_id: str, size: int, after: Position | None) -> Body:
    """Return the search for all that is kept of a project, also what is no
    document.
    """
    return in_order([term('project', project_id)], size, after)
