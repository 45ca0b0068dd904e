"""Pages of documents: from a query to the statements of :mod:`.queries` and back."""

import dataclasses
import typing

import orjson
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.base import Page, Scope
from freezer_api.db.sqlalchemy import queries, session_rows, terms
from freezer_api.domain import documents, search
from freezer_api.domain.documents import Document


def central(scope: Scope, kind: str) -> bool:
    """Whether a list of a kind has central documents in it."""
    return scope.central and kind == documents.CLIENTS


def page(connection: sqlalchemy.Connection, scope: Scope, kind: str, query: search.Query) -> Page:
    """A page of any kind but sessions; ``InvalidInput`` if the marker isn't in the scope."""
    searched = _Search.of(scope, kind, query)
    central, own = searched.shape.central, scope.project_id
    return _page(query, [
        Document(kind, row.project if central else own, row.id, row.version, row.created, orjson.loads(row.body))
        for row in connection.execute(*searched.statement(connection)).all()])


def page_of_sessions(connection: sqlalchemy.Connection, scope: Scope, query: search.Query, now: int) -> Page | None:
    """A page of sessions; None if runs of the project have lapsed at ``now``, which are to be settled first."""
    statement, parameters = _Search.of(scope, documents.SESSIONS, query).statement(connection)
    found = connection.execute(statement, parameters | {'now': now}).all()
    if session_rows.beside(found):
        return None
    stored = session_rows.assemble(scope.project_id, found, query.descending)
    return _page(query, [one.session.document() for one in stored])


def _page(query: search.Query, found: list[Document]) -> Page:
    return Page(tuple(found[:query.limit]), len(found) > query.limit)


@dataclasses.dataclass(frozen=True, slots=True)
class _Search:
    """A query in a scope, as terms."""

    scope: Scope
    query: search.Query
    shape: queries.Shape
    scopes: tuple[str, ...]
    wanted: tuple[list[int], ...]
    unwanted: tuple[list[int], ...]

    @classmethod
    def of(cls, scope: Scope, kind: str, query: search.Query) -> '_Search':
        wanted, unwanted = search.compile_pairs(kind, query)
        if not wanted and not query.texts and not query.not_texts:
            wanted = frozenset((terms.ANY,))
        both = central(scope, kind)
        scopes = (scope.project_id, terms.CENTRAL) if both else (scope.project_id,)
        shape = queries.Shape(kind, len(wanted), len(unwanted), len(query.texts), len(query.not_texts), query.descending, both)
        return cls(scope, query, shape, scopes, tuple(list(terms.look_up(s, kind, wanted)) for s in scopes),
                   tuple(list(terms.look_up(s, kind, unwanted)) for s in scopes))

    def statement(self, connection: sqlalchemy.Connection) -> tuple[typing.Any, dict[str, typing.Any]]:
        """The statement for the page, and its parameters. Some databases are asked before which term is to lead."""
        parameters = self._parameters(self._position(connection))
        if self.shape.wanted > queries.ORDERED_WELL.get(connection.dialect.name, self.shape.wanted):
            parameters |= _sparsest_first(connection, self.shape, parameters)
        return queries.page(self.shape), parameters

    def _position(self, connection: sqlalchemy.Connection) -> int:
        """The ``seq`` behind which the page begins."""
        if self.query.marker is None:
            return queries.LAST if self.query.descending else queries.FIRST
        found = connection.execute(queries.position(self.shape.kind, self.shape.central),
                                   {'project': self.scope.project_id, 'marker': self.query.marker}).all()
        if not found:
            raise exceptions.InvalidInput('marker: there is no document with this id.')
        return min(found)[-1]

    def _parameters(self, position: int) -> dict[str, typing.Any]:
        query = self.query
        found: dict[str, typing.Any] = {'project': self.scope.project_id, 'marker': position, 'skip': query.offset,
                                        'take': query.limit + 1, 'reach': query.offset + query.limit + 1}
        for scope, name in enumerate(self.scopes):
            found[f'scope_{scope}'] = name
            found |= {queries.parameter('wanted', scope, i): term for i, term in enumerate(self.wanted[scope])}
            found |= {queries.parameter('unwanted', scope, i): term for i, term in enumerate(self.unwanted[scope])}
        found |= {f'text_{i}': terms.folded(text) for i, text in enumerate(sorted(query.texts))}
        return found | {f'unwanted_text_{i}': terms.folded(text) for i, text in enumerate(sorted(query.not_texts))}


def _sparsest_first(connection: sqlalchemy.Connection, shape: queries.Shape, parameters: dict[str, typing.Any]) -> dict[str, int]:
    """The terms in the order in which the database is to look them up, which it can't tell by itself.

    The farther the seq at a given distance behind the marker, the sparser; a term that doesn't reach that far is sparsest.
    """
    scopes = 2 if shape.central else 1
    far = connection.execute(queries.probe(shape.wanted, scopes, shape.descending), parameters).one()._mapping
    chosen: dict[str, int] = {}
    for scope in range(scopes):
        names = [queries.parameter('wanted', scope, i) for i in range(shape.wanted)]

        def sparseness(name: str) -> tuple[bool, int]:
            seq = far[name]
            return (seq is None, 0 if seq is None else -seq if shape.descending else seq)

        chosen |= {name: parameters[by] for name, by in zip(names, sorted(names, key=sparseness, reverse=True), strict=True)}
    return chosen
