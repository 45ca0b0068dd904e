"""Pages of documents: from a query to the statements of :mod:`.queries` and
back.
"""

import collections.abc
import functools

import orjson
import sqlalchemy

from freezer_api.db.base import Bounds, Page, Scope, check_page
from freezer_api.db.scopes import searched_scopes
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.search import (
    counting,
    page_reading,
    queries,
    terms,
)
from freezer_api.db.sqlalchemy.sessions import (
    session_rows,
    showing,
    shown_texts,
)
from freezer_api.domain import documents, search_query

#: Bytes of JSON of a page whose documents may all be parsed at once.
PARSED_AT_ONCE = 1024 * 1024
#: Bytes of JSON that a session without members, and a member of it, are shown
#: with at most.
LARGEST_SESSION, LARGEST_MEMBER = 16 * 1024, 1024

#: Where a row of :func:`queries.page` has the body, and the project if it may
#: be one of several.
_BODY, _PROJECT = 4, 5


def prepare(
    database: Database, scope: Scope, kind: str, query: search_query.Query
) -> None:
    """Count documents that aren't counted, before a page is read that counts
    lead to.
    """
    if not page_reading.is_far(scope, kind, query):
        return
    for term in terms.of_lists(kind, searched_scopes(scope, kind)):
        counting.catch_up(database, term)


def page(
    connection: sqlalchemy.Connection,
    scope: Scope,
    kind: str,
    query: search_query.Query,
    bounds: Bounds,
) -> Page:
    """Return a page of any kind but sessions.

    ``InvalidInput`` if the marker isn't in the scope, or the page is too
    large.
    """
    reader = page_reading.PageReader(
        connection,
        scope,
        kind,
        query,
        bounds,
    )
    rows = reader.rows()
    shown = rows[: query.limit]
    size = sum(_octets(row[_BODY]) for row in shown)
    check_page(size, bounds.page)

    # Parsed documents take many times their JSON.
    make = _packed if size > PARSED_AT_ONCE else _parsed
    # Rows have a project where they may be of several.
    of_several = reader.shape.central or reader.shape.everywhere
    page = []
    for row in shown:
        project_id = row[_PROJECT] if of_several else scope.project_id
        page.append(make(kind, project_id, row))
    return Page(tuple(page), len(rows) > query.limit)


def page_of_sessions(
    connection: sqlalchemy.Connection,
    scope: Scope,
    query: search_query.Query,
    bounds: Bounds,
    now: int,
) -> Page | list[session_rows.Stored]:
    """Return a page of sessions.

    If runs have lapsed at ``now``, which have to be settled first, return a
    list instead: the sessions of the page that have one. A query with
    conditions may find any session once it is settled. Then the list has
    those of the page whose column ``settle_at`` is wrong, and may be empty:
    all lapsed sessions of the project have to be settled.
    """
    reader_of = functools.partial(
        page_reading.PageReader,
        connection,
        scope,
        documents.SESSIONS,
        query,
        bounds,
    )
    kept = _find_shown(reader_of, scope, query, now)
    if kept is not None:
        return _page_of_sessions(kept, query, bounds)
    return _page_to_settle(
        reader_of().rows(now),
        scope,
        query,
        bounds,
        now,
    )


def _page_to_settle(
    rows: cursors.Rows,
    scope: Scope,
    query: search_query.Query,
    bounds: Bounds,
    now: int,
) -> Page | list[session_rows.Stored]:
    """Return a page of sessions, or what has to be settled first."""
    found = session_rows.assemble(scope.project_id, rows, query.descending)
    on_page = found[: query.limit]
    due = [stored for stored in on_page if stored.due(now)]
    if query.finds_all:
        must_settle = bool(due)
    else:
        due = [stored for stored in due if stored.drifted]
        must_settle = bool(due or session_rows.further_rows(rows))
    if must_settle:
        return due
    shown_sessions = [stored.session.document() for stored in found]
    return _page_of_sessions(shown_sessions, query, bounds)


def _find_shown(
    reader_of: collections.abc.Callable[..., page_reading.PageReader],
    scope: Scope,
    query: search_query.Query,
    now: int,
) -> list[documents.Document] | None:
    """Return the sessions of a page as they are kept to be shown; None if one
    of them can't be shown so.
    """
    # Lapsed or not, without conditions the same sessions are on the page.
    statement = functools.partial(queries.show, checks_due=not query.finds_all)
    reader = reader_of(statement=statement, largest=shown_texts.MAX_BYTES)
    texts = [row[0] for row in reader.rows(now)]
    return showing.assemble(
        scope.project_id,
        texts,
        query.descending,
        now,
    )


def _page_of_sessions(
    found: list[documents.Document], query: search_query.Query, bounds: Bounds
) -> Page:
    """Return a page of what was found, which may have one session more;
    ``InvalidInput`` if it is too large.
    """
    shown = tuple(found[: query.limit])
    # Sizes are worked out only where so many could be too large.
    if _most_bytes(shown) > bounds.page:
        size = sum(documents.size(document.body) for document in shown)
        check_page(size, bounds.page)
    return Page(shown, len(found) > query.limit)


def _most_bytes(shown: collections.abc.Iterable[documents.Document]) -> int:
    """Return a number of bytes that sessions have at most."""
    most = 0
    for document in shown:
        if isinstance(document, documents.Rendered):
            most += shown_texts.MAX_BYTES
        else:
            number = len(document.body['jobs'])
            most += LARGEST_SESSION + number * LARGEST_MEMBER
    return most


def _parsed(
    kind: str, project_id: str, row: cursors.Row
) -> documents.Document:
    _seq, id, version, created, body = row[:_PROJECT]
    return documents.Document(
        kind,
        project_id,
        id,
        version,
        created,
        orjson.loads(body),
    )


def _packed(
    kind: str, project_id: str, row: cursors.Row
) -> documents.Document:
    _seq, id, version, created, body = row[:_PROJECT]
    return documents.Packed(
        kind,
        project_id,
        id,
        version,
        created,
        body,
    )


def _octets(text: str) -> int:
    """Return the bytes of a text; most are ASCII, where nothing is copied."""
    return len(text) if text.isascii() else len(text.encode())
