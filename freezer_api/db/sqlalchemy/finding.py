"""Pages of documents: from a query to the statements of :mod:`.queries` and
back.
"""

import collections.abc
import dataclasses
import typing

import orjson
import sqlalchemy

from freezer_api.db import refusals
from freezer_api.db.base import Bounds, Page, Scope, check_page
from freezer_api.db.sqlalchemy import queries, session_rows, terms
from freezer_api.domain import documents, search

#: For each term, and for the bounds, what lies at a distance that was asked
#: for; None where they end before.
Reached = dict[str, int | None]
Rows = collections.abc.Sequence[typing.Any]
#: Bytes of JSON of a page whose documents may all be parsed at once.
PARSED_AT_ONCE = 1024 * 1024
#: Bytes of JSON that a session without members, and a member of it, are shown
#: with at most.
LARGEST_SESSION, LARGEST_MEMBER = 16 * 1024, 1024


def central(scope: Scope, kind: str) -> bool:
    """Whether a list of a kind has central documents in it."""
    return scope.central and kind == documents.CLIENTS


def page(
    connection: sqlalchemy.Connection,
    scope: Scope,
    kind: str,
    query: search.Query,
    bounds: Bounds,
) -> Page:
    """A page of any kind but sessions.

    ``InvalidInput`` if the marker isn't in the scope, or the page is too
    large.
    """
    searched = _Search.of(scope, kind, query, bounds)
    several, own = (
        searched.shape.central or searched.shape.everywhere,
        scope.project_id,
    )
    found = searched.rows(connection)
    shown = found[: query.limit]
    size = sum(_octets(row.body) for row in shown)
    check_page(size, bounds.page)
    make = _packed if size > PARSED_AT_ONCE else _parsed
    page = tuple(
        make(kind, row.project if several else own, row) for row in shown
    )
    return Page(page, len(found) > query.limit)


def page_of_sessions(
    connection: sqlalchemy.Connection,
    scope: Scope,
    query: search.Query,
    bounds: Bounds,
    now: int,
) -> Page | list[session_rows.Stored]:
    """A page of sessions. If runs of the project have lapsed at ``now``, which
    are to be settled first, a list of those that are on the page while the
    column beside them doesn't say so.
    """
    found = _Search.of(scope, documents.SESSIONS, query, bounds).rows(
        connection, now
    )
    stored = session_rows.assemble(scope.project_id, found, query.descending)
    late = [
        one for one in stored[: query.limit] if one.due(now) and one.drifted
    ]
    if late or session_rows.beside(found):
        return late
    shown = tuple(one.session.document() for one in stored[: query.limit])
    # Of the rows each is a session or a member.
    if (
        len(shown) * LARGEST_SESSION + len(found) * LARGEST_MEMBER
        > bounds.page
    ):
        check_page(
            sum(documents.size(document.body) for document in shown),
            bounds.page,
        )
    return Page(shown, len(stored) > query.limit)


def _parsed(kind: str, project: str, row: typing.Any) -> documents.Document:
    body = orjson.loads(row.body)
    return documents.Document(
        kind, project, row.id, row.version, row.created, body
    )


def _packed(kind: str, project: str, row: typing.Any) -> documents.Document:
    return documents.Packed(
        kind, project, row.id, row.version, row.created, row.body
    )


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@dataclasses.dataclass(frozen=True, slots=True)
class _Search:
    """A query in a scope, as terms."""

    scope: Scope
    query: search.Query
    shape: queries.Shape
    scopes: tuple[str, ...]
    wanted: tuple[list[int], ...]
    unwanted: tuple[list[int], ...]
    bounds: Bounds

    @classmethod
    def of(
        cls, scope: Scope, kind: str, query: search.Query, bounds: Bounds
    ) -> '_Search':
        wanted, unwanted = search.compile_pairs(kind, query)
        both, everywhere = (
            central(scope, kind),
            scope.everywhere and kind == documents.JOBS,
        )
        # Texts are read in the order of documents within a scope alone.
        if not wanted and (
            everywhere or query.bounded or not (query.texts or query.not_texts)
        ):
            wanted = frozenset((terms.ANY,))
        scopes = (
            (terms.EVERYWHERE,)
            if everywhere
            else (
                (scope.project_id, terms.CENTRAL)
                if both
                else (scope.project_id,)
            )
        )
        shape = queries.Shape(
            kind,
            len(wanted),
            len(unwanted),
            len(query.texts),
            len(query.not_texts),
            query.descending,
            both,
            everywhere,
            query.bounded,
        )
        return cls(
            scope,
            query,
            shape,
            scopes,
            tuple(list(terms.look_up(s, kind, wanted)) for s in scopes),
            tuple(list(terms.look_up(s, kind, unwanted)) for s in scopes),
            bounds,
        )

    def rows(self, connection: sqlalchemy.Connection, now: int = 0) -> Rows:
        """The rows of the page; ``now`` is that of a page of sessions."""
        if self.shape.bounded:
            return self._rows_in_bounds(connection)
        shape, parameters = self.statement(connection)
        return self._read(
            connection, shape, parameters | ({'now': now} if now else {})
        )

    def _read(
        self,
        connection: sqlalchemy.Connection,
        shape: queries.Shape,
        parameters: dict[str, typing.Any],
    ) -> Rows:
        """The rows that a statement finds.

        Where they can be too many bytes, the database is asked before how many
        they are.
        """
        if self.query.limit * self.bounds.document > self.bounds.page:
            shown = {
                'take': self.query.limit,
                'reach': self.query.offset + self.query.limit,
            }
            size = connection.execute(
                queries.size(shape), parameters | shown
            ).scalar_one()
            check_page(int(size), self.bounds.page)
        return connection.execute(queries.page(shape), parameters).all()

    def statement(
        self, connection: sqlalchemy.Connection
    ) -> tuple[queries.Shape, dict[str, typing.Any]]:
        """What the statement for a page without bounds is like, and its
        parameters.

        Some databases are asked before which term is to lead.
        """
        parameters = self._parameters(self._position(connection))
        if self.shape.wanted > queries.ORDERED_WELL.get(
            connection.dialect.name, self.shape.wanted
        ):
            parameters |= self._sparsest_first(
                parameters, self._probe(connection, parameters, queries.PROBE)
            )
        return self.shape, parameters

    def _rows_in_bounds(
        self, connection: sqlalchemy.Connection
    ) -> collections.abc.Sequence[typing.Any]:
        """The rows of a page that is bounded in time: found by what lies in
        the bounds, or by the sparsest term.

        How much either is can't be told. So more and more of both is looked
        at, until one ends or the page is full: that costs not much more than
        the less of the two.
        """
        shape, parameters = (
            self.shape,
            self._parameters(self._position(connection)),
        )
        far, end = (
            queries.PROBE,
            (queries.FIRST if shape.descending else queries.LAST),
        )
        while True:
            reached = self._probe(connection, parameters, far)
            upto = reached[self._ranked(reached, 0)[0]]
            if upto is not None and reached['bounds'] is None:
                return self._read(
                    connection,
                    dataclasses.replace(shape, by_time=True),
                    parameters,
                )
            within = self._sparsest_first(parameters, reached) | {
                'upto': end if upto is None else upto
            }
            found = self._read(connection, shape, parameters | within)
            if upto is None or len(found) > self.query.limit:
                return found
            far *= queries.FARTHER

    def _probe(
        self,
        connection: sqlalchemy.Connection,
        parameters: dict[str, typing.Any],
        far: int,
    ) -> Reached:
        """How far a distance reaches."""
        statement = queries.probe(
            self.shape.wanted,
            len(self.scopes),
            self.shape.descending,
            self.shape.bounded,
        )
        return dict(
            connection.execute(statement, parameters | {'far': far})
            .one()
            ._mapping
        )

    def _sparsest_first(
        self, parameters: dict[str, typing.Any], reached: Reached
    ) -> dict[str, int]:
        """The terms in the order in which the database is to look them up,
        which it can't tell by itself.
        """
        chosen: dict[str, int] = {}
        for scope in range(len(self.scopes)):
            names = [
                queries.parameter('wanted', scope, i)
                for i in range(self.shape.wanted)
            ]
            chosen |= {
                name: parameters[by]
                for name, by in zip(
                    names, self._ranked(reached, scope), strict=True
                )
            }
        return chosen

    def _ranked(self, reached: Reached, scope: int) -> list[str]:
        """The names of the terms, the sparsest first: one that doesn't reach
        as far as asked, or else one that reaches farthest.
        """

        def sparseness(name: str) -> tuple[bool, int]:
            seq = reached[name]
            return (
                seq is None,
                0 if seq is None else -seq if self.shape.descending else seq,
            )

        return sorted(
            (
                queries.parameter('wanted', scope, i)
                for i in range(self.shape.wanted)
            ),
            key=sparseness,
            reverse=True,
        )

    def _position(self, connection: sqlalchemy.Connection) -> int:
        """The ``seq`` behind which the page begins."""
        if self.query.marker is None:
            return queries.LAST if self.query.descending else queries.FIRST
        whose, anybody = (
            self.query.marker_project,
            self.shape.everywhere and self.query.marker_project is None,
        )
        parameters: dict[str, typing.Any] = {
            'project': whose or self.scope.project_id,
            'marker': self.query.marker,
        }
        if anybody:
            own = ('job_id', search.canonical(self.query.marker))
            (parameters['marked'],) = terms.look_up(
                terms.EVERYWHERE, self.shape.kind, (own,)
            )
        found = connection.execute(
            queries.position(self.shape.kind, self.shape.central, anybody),
            parameters,
        ).all()
        if not found:
            raise refusals.no_such_marker(self.query.marker_given)
        return min(found)[-1]

    def _parameters(self, position: int) -> dict[str, typing.Any]:
        query = self.query
        found: dict[str, typing.Any] = {
            'project': self.scope.project_id,
            'marker': position,
            'skip': query.offset,
            'take': query.limit + 1,
            'reach': query.offset + query.limit + 1,
        }
        if query.bounded:
            found |= {
                'since': -queries.LAST if query.since is None else query.since,
                'until': queries.LAST if query.until is None else query.until,
            }
        for scope, name in enumerate(self.scopes):
            found[f'scope_{scope}'] = name
            found |= {
                queries.parameter('wanted', scope, i): term
                for i, term in enumerate(self.wanted[scope])
            }
            found |= {
                queries.parameter('unwanted', scope, i): term
                for i, term in enumerate(self.unwanted[scope])
            }
        found |= {
            f'text_{i}': terms.folded(text)
            for i, text in enumerate(sorted(query.texts))
        }
        return found | {
            f'unwanted_text_{i}': terms.folded(text)
            for i, text in enumerate(sorted(query.not_texts))
        }
