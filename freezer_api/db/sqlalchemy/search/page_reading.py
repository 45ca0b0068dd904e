"""Reading the rows of a page: from a query to parameters, and the order in
which the database looks its terms up.
"""

import collections.abc
import dataclasses
import typing

import sqlalchemy

from freezer_api.db import refusals, scopes
from freezer_api.db.base import Bounds, Scope, check_page
from freezer_api.db.scopes import searched_scopes
from freezer_api.db.sqlalchemy.connections import cursors, snapshots
from freezer_api.db.sqlalchemy.search import (
    counts,
    probes,
    queries,
    search_parts,
    terms,
)
from freezer_api.db.sqlalchemy.sessions import session_statements
from freezer_api.domain import search_pairs, search_query

#: For each term by its parameter's name, and for ``bounds``: the seq, or the
#: time, at a distance that was asked for; None if it has fewer documents.
Reached = collections.abc.Mapping[str, int | None]
Parameters = dict[str, typing.Any]
#: Documents of a list that are skipped without looking at its counts, which
#: takes as long.
MIN_OFFSET = 10_000


class PageReader:
    """Reads the rows of one page; ``shape`` tells what they are like.

    ``statement`` makes the statement for a shape, which reads at most
    ``largest`` bytes of a document; without that, all of it.
    """

    shape: search_parts.Shape

    def __init__(
        self,
        connection: sqlalchemy.Connection,
        scope: Scope,
        kind: str,
        query: search_query.Query,
        bounds: Bounds,
        statement: collections.abc.Callable[
            [search_parts.Shape], session_statements.Statement
        ] = queries.page,
        largest: int | None = None,
    ):
        self._connection = connection
        self._statement = statement
        self._project_id = scope.project_id
        self._query = query
        self._bounds = bounds
        self._largest = bounds.document if largest is None else largest

        everywhere = scope.sees_everywhere(kind)
        self._scopes = searched_scopes(scope, kind)
        self._is_far = is_far(scope, kind, query)
        wanted, unwanted = search_query.compile_pairs(kind, query)
        if not wanted and not _can_read_texts(query, everywhere):
            wanted = frozenset((scopes.ANY,))
        self._wanted = self._look_up(kind, wanted)
        self._unwanted = self._look_up(kind, unwanted)
        self.shape = search_parts.Shape(
            kind,
            wanted=len(wanted),
            unwanted=len(unwanted),
            texts=len(query.texts),
            unwanted_texts=len(query.not_texts),
            descending=query.descending,
            behind_marker=query.marker is not None,
            central=scope.sees_central(kind),
            everywhere=everywhere,
            bounded=query.bounded,
        )

    def _look_up(
        self, kind: str, pairs: collections.abc.Collection[search_pairs.Pair]
    ) -> list[list[int]]:
        """Return the terms of pairs in each scope."""
        return [
            list(terms.look_up(name, kind, pairs)) for name in self._scopes
        ]

    def rows(self, now: int | None = None) -> cursors.Rows:
        """Return the rows of the page, and one more if there is one. ``now``
        is that of a page of sessions.
        """
        parameters = self._parameters(self._position())
        if now is not None:
            parameters['now'] = now
        if self.shape.bounded:
            return self._read_in_bounds(parameters)
        if self._is_far:
            return self._read_far(parameters)
        # Some databases can't tell which of several terms finds least. So they
        # are asked how far each reaches, and given the terms in that order.
        dialect = self._connection.dialect.name
        number = self.shape.wanted
        if number > probes.ORDERED_WELL.get(dialect, number):
            reached = self._probe(parameters, probes.PROBE_ROWS)
            parameters |= self._sparsest_first(parameters, reached)
        return self._read(self.shape, parameters)

    def _read(
        self, shape: search_parts.Shape, parameters: Parameters
    ) -> cursors.Rows:
        """Return the rows that the statement of a shape finds.

        Where they can be too many bytes, the database is asked how many they
        are before they are read.
        """
        query = self._query
        if query.limit * self._largest > self._bounds.page:
            # Without the row behind the page, which isn't shown.
            on_page = {
                'take': query.limit,
                'reach': query.offset + query.limit,
            }
            size = self._connection.execute(
                queries.size(shape), parameters | on_page
            )
            check_page(int(size.scalar_one()), self._bounds.page)
        statement = self._statement(shape)
        return cursors.fetch(self._connection, statement, parameters)

    def _read_far(self, parameters: Parameters) -> cursors.Rows:
        """Return the rows of a page that is far within a list: from where
        the counts of the list lead to.
        """
        ((term,),) = self._wanted
        query = self._query
        with snapshots.snapshot(self._connection):
            start = counts.locate(
                self._connection,
                term,
                query.offset,
                query.descending,
            )
            if start is None:
                return self._read(self.shape, parameters)
            from_there = dataclasses.replace(self.shape, behind_marker=True)
            place = {
                'marker': start.marker,
                'skip': start.skip,
            }
            return self._read(from_there, parameters | place)

    def _read_in_bounds(self, parameters: Parameters) -> cursors.Rows:
        """Return the rows of a page that is bounded in time: found by what
        lies in the bounds, or by the sparsest term.

        Nobody can tell which is less. So more and more of both is looked at,
        until one ends or the page is full: that costs not much more than the
        less of the two.
        """
        shape = self.shape
        distance = probes.PROBE_ROWS
        end = search_parts.FIRST if shape.descending else search_parts.LAST
        while True:
            reached = self._probe(parameters, distance)
            sparsest = self._by_sparseness(reached, scope=0)[0]
            upto = reached[sparsest]
            # The bounds end within the distance, and no term does.
            if upto is not None and reached['bounds'] is None:
                by_time = dataclasses.replace(shape, by_time=True)
                return self._read(by_time, parameters)

            within = self._sparsest_first(parameters, reached)
            within['upto'] = end if upto is None else upto
            found = self._read(shape, parameters | within)
            if upto is None or len(found) > self._query.limit:
                return found
            distance *= probes.PROBE_GROWTH

    # The order of terms

    def _probe(self, parameters: Parameters, distance: int) -> Reached:
        """Return how far a number of documents reaches."""
        statement = probes.probe(
            self.shape.wanted,
            len(self._scopes),
            self.shape.descending,
            self.shape.bounded,
        )
        found = self._connection.execute(
            statement, parameters | {'far': distance}
        )
        return dict(found.one()._mapping)

    def _sparsest_first(
        self, parameters: Parameters, reached: Reached
    ) -> dict[str, int]:
        """Return the parameters of the terms in another order: that in which
        the database looks them up.
        """
        reordered: dict[str, int] = {}
        for scope in range(len(self._scopes)):
            names = self._wanted_names(scope)
            ordered = self._by_sparseness(reached, scope)
            for name, other in zip(names, ordered, strict=True):
                reordered[name] = parameters[other]
        return reordered

    def _by_sparseness(self, reached: Reached, scope: int) -> list[str]:
        """Return the names of the terms, the sparsest first: one that doesn't
        reach as far as asked, else one that reaches farthest.
        """

        def _sparseness(name: str) -> tuple[bool, int]:
            seq = reached[name]
            if seq is None:
                return True, 0
            farness = seq
            if self.shape.descending:
                farness = -seq
            return False, farness

        names = self._wanted_names(scope)
        return sorted(
            names,
            key=_sparseness,
            reverse=True,
        )

    def _wanted_names(self, scope: int) -> list[str]:
        return [
            search_parts.parameter('wanted', scope, number)
            for number in range(self.shape.wanted)
        ]

    # Parameters

    def _position(self) -> int:
        """Return the ``seq`` behind which the page begins."""
        query = self._query
        if query.marker is None:
            return (
                search_parts.LAST if query.descending else search_parts.FIRST
            )
        # In a list of all projects the marker's project may be given.
        in_any_project = self.shape.everywhere and query.marker_project is None
        parameters: Parameters = {
            'project': query.marker_project or self._project_id,
            'marker': query.marker,
        }
        if in_any_project:
            pair = ('job_id', search_pairs.canonical(query.marker))
            (term,) = terms.look_up(
                scopes.EVERYWHERE, self.shape.kind, (pair,)
            )
            parameters['marked'] = term
        statement = queries.position(
            self.shape.kind, self.shape.central, in_any_project
        )
        found = self._connection.execute(statement, parameters).all()
        if not found:
            raise refusals.no_such_marker(query.marker_given)
        # The rank comes first, if there is one, and the seq last.
        return min(found)[-1]

    def _parameters(self, position: int) -> Parameters:
        """Return the parameters of :func:`queries.page`."""
        query = self._query
        found: Parameters = {
            'project': self._project_id,
            'marker': position,
            'skip': query.offset,
            'take': query.limit + 1,
            'reach': query.offset + query.limit + 1,
        }
        if query.bounded:
            found['since'] = _or(query.since, -search_parts.LAST)
            found['until'] = _or(query.until, search_parts.LAST)
        for scope, name in enumerate(self._scopes):
            found[f'scope_{scope}'] = name
            self._add_terms(
                found,
                'wanted',
                scope,
                self._wanted[scope],
            )
            self._add_terms(
                found,
                'unwanted',
                scope,
                self._unwanted[scope],
            )
        for number, text in enumerate(sorted(query.texts)):
            found[f'text_{number}'] = terms.folded(text)
        for number, text in enumerate(sorted(query.not_texts)):
            found[f'unwanted_text_{number}'] = terms.folded(text)
        return found

    @staticmethod
    def _add_terms(
        parameters: Parameters,
        name: typing.Literal['wanted', 'unwanted'],
        scope: int,
        numbers: list[int],
    ) -> None:
        for number, term in enumerate(numbers):
            parameters[search_parts.parameter(name, scope, number)] = term


def is_far(scope: Scope, kind: str, query: search_query.Query) -> bool:
    """Tell whether a page is so far within a list that counts lead to it
    sooner than reading does.
    """
    # The offset first: nearly all pages are near.
    return (
        query.offset >= MIN_OFFSET
        and query.marker is None
        and query.finds_all
        and len(searched_scopes(scope, kind)) == 1
    )


def _can_read_texts(query: search_query.Query, everywhere: bool) -> bool:
    """Tell whether a query that wants no term can read texts instead.

    Something has to be read in the order of documents. The texts of one scope
    can be, else it is the term that all documents have.
    """
    has_texts = bool(query.texts or query.not_texts)
    return has_texts and not everywhere and not query.bounded


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
