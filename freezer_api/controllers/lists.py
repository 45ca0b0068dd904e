"""The query parameters of lists, each kind as one object."""

# They are kept as the caller gave them until the page is asked for: the search
# in the body is read before, and its errors come first.

import dataclasses

from freezer_api import exceptions
from freezer_api.controllers import types
from freezer_api.domain import search_query
from freezer_api.schemas import parameters


@dataclasses.dataclass(frozen=True, slots=True)
class ListQuery:
    """What every list of documents takes, as the caller gave it; None stands
    for what wasn't given.
    """

    limit: str | None = types.parameter(parameters.LIMIT)
    offset: str | None = types.parameter(parameters.OFFSET)
    marker: str | None = types.parameter(parameters.MARKER)
    sort: str | None = types.parameter(parameters.SORT)
    search: str | None = types.parameter(parameters.SEARCH)

    def page(self, max_limit: int) -> search_query.PageOptions:
        """Return which page is asked for, as :func:`freezer_api.domain.search.parse` takes it;
        ``InvalidInput`` if a parameter is malformed or contradicts another.

        A higher limit than ``max_limit`` means that one.
        """
        return search_query.parse_page(
            self.limit, self.offset, self.marker, self.sort, max_limit
        )

    def kept(self) -> dict[str, str | None]:
        """Return what the link to the next page repeats, besides the sort and
        the search.
        """
        return {}


@dataclasses.dataclass(frozen=True, slots=True)
class JobListQuery(ListQuery):
    """What the list of jobs takes, which may be one of all projects."""

    all_projects: str | None = types.parameter(parameters.ALL_PROJECTS)
    marker_project: str | None = types.parameter(parameters.MARKER_PROJECT)

    def page(self, max_limit: int) -> search_query.PageOptions:
        """Return which page is asked for, as :meth:`ListQuery.page` does."""
        return search_query.parse_page(
            self.limit,
            self.offset,
            self.marker,
            self.sort,
            max_limit,
            self.marker_project,
        )

    def kept(self) -> dict[str, str | None]:
        """Return that the list is one of all projects, as the caller said
        it.
        """
        return {'all_projects': self.all_projects}


@dataclasses.dataclass(frozen=True, slots=True)
class RunListQuery:
    """What the list of a session's runs takes; its marker is a tag."""

    limit: str | None = types.parameter(parameters.LIMIT)
    marker: str | None = types.parameter(parameters.RUN_MARKER)

    def page_limit(self, max_limit: int) -> int:
        """Return how many runs are asked for; errors as
        :meth:`ListQuery.page`.
        """
        page = search_query.parse_page(self.limit, None, None, None, max_limit)
        limit: int = page['limit']
        return limit

    def tag(self) -> int | None:
        """Return the tag in ``marker``, None if it isn't given;
        ``InvalidInput`` if it is no tag.
        """
        if self.marker is None:
            return None
        tag = types.tag_or_none(self.marker)
        if tag is None:
            raise exceptions.InvalidInput(
                'marker: must be the tag of a run.', 'list.invalid'
            )
        return tag


#: The types by which endpoints declare them.
LIST = types.Parameters(ListQuery)
JOB_LIST = types.Parameters(JobListQuery)
RUN_LIST = types.Parameters(RunListQuery)
