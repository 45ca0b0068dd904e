"""A page of a search: its conditions, which documents fulfil them, and where
the page begins.

Drivers compile a :class:`Query` to look-ups among :func:`compile_pairs`, and
answer what :func:`matches` says.
"""

import dataclasses
import re
import typing

from freezer_api import exceptions
from freezer_api.domain import backups, documents
from freezer_api.domain.documents import Body
from freezer_api.domain.search_pairs import (
    CLOSED,
    COMPLETED,
    OPEN,
    Pair,
    folded_text,
    index_pairs,
)

#: How many documents a page has unless the caller names a limit.
DEFAULT_LIMIT = 10
_SORTS = (None, 'created', 'created:asc', 'created:desc')


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """One page of a search.

    All of ``pairs`` and ``texts`` must hold, and none of ``not_pairs`` and
    ``not_texts``; texts are case-folded substrings. ``since`` and ``until``
    are the first and the last timestamp of a backup (as
    :func:`.backups.time_of`, in microseconds; None: no bound).

    The page begins ``offset`` documents behind the start, or behind the
    document whose id is ``marker``. ``marker_project`` says whose document
    that is in a list of all projects, ``marker_given`` the parameter that
    named it. Documents are in the order of their creation, the newest first
    if ``descending``.
    """

    pairs: frozenset[Pair] = frozenset()
    not_pairs: frozenset[Pair] = frozenset()
    texts: frozenset[str] = frozenset()
    not_texts: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    marker: str | None = None
    marker_project: str | None = None
    marker_given: str = 'marker'
    descending: bool = False

    @property
    def bounded(self) -> bool:
        """Tell whether the query bounds the timestamps of backups."""
        return self.since is not None or self.until is not None

    @property
    def finds_all(self) -> bool:
        """Tell whether there are no conditions."""
        conditions = (self.pairs, self.not_pairs, self.texts, self.not_texts)
        return not any(conditions) and not self.bounded

    def spans(self, timestamp: int | None) -> bool:
        """Tell whether a timestamp (None: unknown) is within the bounds."""
        if not self.bounded:
            return True
        if timestamp is None:
            return False
        if self.since is not None and timestamp < self.since:
            return False
        return self.until is None or timestamp <= self.until


class LookUp(typing.NamedTuple):
    """The pairs to look up in an index: the documents that are searched have
    all the ``wanted`` and none of the ``unwanted`` ones.
    """

    wanted: frozenset[Pair]
    unwanted: frozenset[Pair]


class PageOptions(typing.TypedDict, total=False):
    """The fields of a :class:`Query` that the parameters of a list set."""

    limit: int
    offset: int
    marker: str
    marker_project: str | None
    marker_given: str
    descending: bool


def matches(query: Query, kind: str, body: Body) -> bool:
    """Tell whether a document is in a search.

    This is the definition that the contract tests compare every driver with.
    """
    if query.bounded and not query.spans(backups.time_of(body)):
        return False
    pairs = index_pairs(kind, body)
    if not query.pairs <= pairs or query.not_pairs & pairs:
        return False
    text = folded_text(kind, body)
    for needle in query.texts:
        if needle not in text:
            return False
    for needle in query.not_texts:
        if needle in text:
            return False
    return True


def compile_pairs(kind: str, query: Query) -> LookUp:
    """Return the pairs to look up for a query.

    Where it asks for the jobs of a client that are completed, or aren't,
    composite pairs stand for both conditions: so the agents' poll reads no
    entry of a completed job.
    """
    wanted, unwanted = query.pairs, query.not_pairs
    if kind != documents.JOBS:
        return LookUp(wanted, unwanted)
    clients = {pair for pair in wanted if pair[0] == 'client_id'}
    if not clients:
        return LookUp(wanted, unwanted)
    if COMPLETED in unwanted:
        letter = OPEN
    elif COMPLETED in wanted:
        letter = CLOSED
        wanted = wanted - {COMPLETED}
    else:
        return LookUp(wanted, unwanted)
    # Each pair gets its composite one: a query for two clients still finds
    # nothing, for a job has one client.
    composites = {(key, letter + value) for key, value in clients}
    wanted = (wanted - clients) | composites
    return LookUp(wanted, unwanted - {COMPLETED})


def parse_page(
    limit: str | None,
    offset: str | None,
    marker: str | None,
    sort: str | None,
    most: int,
    marker_project: str | None = None,
) -> PageOptions:
    """Return what a list's parameters, as callers send them, say of the page;
    ``most`` is the greatest limit. ``InvalidInput`` for malformed ones.

    An ``offset`` that isn't a number is a marker, for the published reference
    describes ``offset`` as the last id that was seen.
    """
    page: PageOptions = {'limit': _parse_limit(limit, most)}
    if marker is not None and offset is not None:
        raise _invalid('marker', 'must not be combined with offset')
    if offset is not None and re.fullmatch(r'[0-9]{1,9}', offset):
        page['offset'] = int(offset)
    elif offset is not None:
        if not documents.ID.match(offset):
            raise _invalid('offset', 'must be a number or an id')
        page['marker'] = offset
        page['marker_given'] = 'offset'
        page['marker_project'] = marker_project
    elif marker is not None:
        if not documents.ID.match(marker):
            raise _invalid('marker', 'must be an id')
        page['marker'] = marker
        page['marker_given'] = 'marker'
        page['marker_project'] = marker_project
    if sort not in _SORTS:
        raise _invalid('sort', 'must be created:asc or created:desc')
    page['descending'] = sort == 'created:desc'
    return page


def _parse_limit(text: str | None, most: int) -> int:
    default = min(DEFAULT_LIMIT, most)
    if text is None:
        return default
    if not re.fullmatch(r'[0-9]+', text):
        raise _invalid('limit', 'must be an integer of at least 0')
    # int() is quadratic, and refuses thousands of digits.
    if len(text) > 12:
        return most
    # A limit of 0 stands for the default.
    return min(int(text), most) or default


def _invalid(place: str, fault: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(f'{place}: {fault}.', 'list.invalid')
