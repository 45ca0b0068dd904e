"""Documents as rows: reading them, and locking, creating, changing and
deleting them within a transaction.
"""

import collections.abc
import dataclasses
import typing

import orjson
import sqlalchemy

from freezer_api.db import refusals
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.documents import row_statements, uses
from freezer_api.db.sqlalchemy.search import indexing, terms
from freezer_api.domain import backups, documents
from freezer_api.domain.documents import Body, Document

#: Columns of a row, by name.
Values = dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is stored: its row's number, how it is indexed and its
    claim.
    """

    seq: int
    document: Document
    indexed: bytes
    claim: str | None


def dump(body: Body) -> str:
    """Return a body as it is stored."""
    return orjson.dumps(body).decode()


# Reading


def get(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    id: str,
    central: bool = False,
) -> Document | None:
    """Return a document of a project by one statement, None if there is none.

    ``central``: the central one if the project has none of its own.
    """
    parameters = {
        'project': project_id,
        'id': id,
    }
    if central:
        statement = row_statements.get_visible(kind)
        found = connection.execute(statement, parameters).all()
        # The rank comes first: the project's own is the lesser row.
        return document(kind, min(found)) if found else None
    own = cursors.fetch(connection, row_statements.get_own(kind), parameters)
    if not own:
        return None
    ((version, created, body),) = own
    return Document(
        kind,
        project_id,
        id,
        version,
        created,
        orjson.loads(body),
    )


def claimed(
    connection: sqlalchemy.Connection, kind: str, claim: str
) -> Document | None:
    """Return the document of any project that has a claim, None if there is
    none; by one statement.
    """
    statement = row_statements.get_claimed(kind)
    row = connection.execute(statement, {'claim_': claim}).first()
    return document(kind, row) if row else None


def visible(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> dict[str, Document]:
    """Return those documents of ids that a project sees, by id: its own, or
    else central ones.
    """
    if not ids:
        return {}
    statement = row_statements.get_all_visible(kind)
    parameters = {
        'project': project_id,
        'ids': sorted(ids),
    }
    found = connection.execute(statement, parameters).all()
    # The project's own come last, in place of central ones of the same id.
    found = sorted(
        found,
        key=lambda row: row.rank,
        reverse=True,
    )
    return {row.id: document(kind, row) for row in found}


def document(kind: str, row: sqlalchemy.Row) -> Document:
    """Return the document that a row with
    :func:`row_statements.document_columns` is.
    """
    body = orjson.loads(row.body)
    return Document(
        kind,
        row.project,
        row.id,
        row.version,
        row.created,
        body,
    )


def octets(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> int:
    """Return how many bytes of JSON those documents of ids have together that
    exist. The database counts them; nothing is read from it.
    """
    parameters = {
        'project': project_id,
        'ids': sorted(ids),
    }
    found = connection.execute(row_statements.octets(kind), parameters)
    return int(found.scalar_one())


# Locking


def lock(
    connection: sqlalchemy.Connection, kind: str, project_id: str, id: str
) -> Stored | None:
    """Lock a document until the transaction ends and return it, None if there
    is none.
    """
    parameters = {
        'project': project_id,
        'id': id,
    }
    found = cursors.fetch(
        connection, row_statements.lock_one(kind), parameters
    )
    return _stored(kind, project_id, found[0]) if found else None


def lock_all(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
    share: bool = False,
    skip_locked: bool = False,
) -> dict[str, Stored]:
    """Lock those documents of ids that exist, and return them by id.

    They are locked ascending by id, so that two transactions don't wait for
    each other. ``share``: nobody changes them, and others may lock them in
    the same way, unless uses are written (:func:`.uses.are_written`).
    ``skip_locked``: without those that others have locked.
    """
    if not ids:
        return {}
    shared = share and not uses.are_written(connection)
    in_order = sorted(ids)
    parameters: Values = {'project': project_id}
    if len(in_order) > cursors.MAX_PLACEHOLDERS:
        statement = row_statements.lock_all(kind, shared, skip_locked)
        parameters['ids'] = in_order
    else:
        named = cursors.placeholders('id', in_order)
        statement = row_statements.lock_all(
            kind,
            shared,
            skip_locked,
            len(named),
        )
        parameters |= named
    found = {}
    for row in cursors.fetch(connection, statement, parameters):
        stored = _stored(kind, project_id, row)
        found[stored.document.id] = stored
    return found


def _stored(kind: str, project_id: str, row: cursors.Row) -> Stored:
    """Return what a row of :func:`row_statements.lock_one` stands for."""
    locked = row_statements.unpack(row)
    document = Document(
        kind,
        project_id,
        locked.id,
        locked.version,
        locked.created,
        orjson.loads(locked.body),
    )
    return Stored(
        locked.seq,
        document,
        locked.indexed,
        locked.claim,
    )


# Writing


def create(connection: sqlalchemy.Connection, new: Document) -> indexing.Added:
    """Store a document that doesn't exist, and return what is yet to be
    indexed; ``Conflict`` if another one has its claim.
    """
    claim = documents.claim(new.kind, new.id, new.body)
    check_claim(connection, new)
    values = {
        'project': new.project_id,
        'id': new.id,
        'version': new.version,
        'created': new.created,
        'body': dump(new.body),
        'claim': claim,
        **extras(new.kind, new.body),
    }
    return insert(
        connection,
        new.kind,
        values,
        new.body,
    )


def extras(kind: str, body: Body) -> Values:
    """Return the columns that a kind has beside those of all kinds, for a
    document that is one row.
    """
    if kind != documents.BACKUPS:
        return {}
    job_id = backups.job_of(body)
    if job_id and not documents.ID.match(job_id):
        # No job can have it, and the column takes no such text.
        job_id = None
    return {
        'moment': backups.time_of(body),
        'job_id': job_id or None,
    }


def insert(
    connection: sqlalchemy.Connection, kind: str, values: Values, shown: Body
) -> indexing.Added:
    """Store a row; return what is yet to be indexed of the document as it is
    shown.
    """
    scopes = indexed_scopes(kind, values['project'], values['claim'])
    index, text = terms.index(kind, scopes, shown)
    columns = {
        **values,
        'indexed': index.pack(),
    }
    seq = cursors.insert(connection, models.tables[kind], columns)
    return indexing.Added(
        scopes,
        seq,
        index,
        text,
    )


def delete(connection: sqlalchemy.Connection, stored: Stored) -> None:
    """Delete a document that is locked."""
    remove(
        connection,
        stored.document.kind,
        stored.document.project_id,
        stored.seq,
        stored.indexed,
        stored.claim,
    )


def remove(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    seq: int,
    indexed: bytes,
    claim: str | None = None,
) -> None:
    """Delete a row that is locked, and remove it from the index."""
    connection.execute(row_statements.delete(kind), {'of': seq})
    scopes = indexed_scopes(kind, project_id, claim)
    indexing.remove(
        connection,
        kind,
        scopes,
        seq,
        terms.Index.unpack(indexed),
    )


def check_claim(connection: sqlalchemy.Connection, new: Document) -> None:
    """Raise ``Conflict`` if another document has the claim.

    One that is stored after this, and before the end, makes the transaction
    run again: the column is unique.
    """
    claim = documents.claim(new.kind, new.id, new.body)
    if claim is None:
        return
    statement = row_statements.get_claimed(new.kind)
    row = connection.execute(statement, {'claim_': claim}).first()
    if row and (row.project, row.id) != (new.project_id, new.id):
        raise refusals.id_taken(new.kind, new.id)
