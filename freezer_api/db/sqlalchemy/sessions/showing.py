"""Sessions that are only shown: from a row to the document, without the
session in between.

The first way is the text that is kept of most sessions (:mod:`.shown_texts`).
Where there is none, the database puts what is shown together. Most sessions
have no run at the moment, so there is nothing to settle before they are shown;
what has to be settled, or is too long for either way, is left to
:mod:`.session_rows`.
"""

import collections.abc
import enum
import operator
import typing

import orjson
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.sessions import (
    members,
    session_statements,
    shown_texts,
)
from freezer_api.domain import documents, session_state
from freezer_api.domain.documents import Body, Document
from freezer_api.domain.session_state import MemberEntry, Session


class Unshown(enum.Enum):
    """Why sessions can't be shown in one of the ways here."""

    LACKING = 'nothing that counts is kept of one'
    DUE = 'a run has to be settled before'


_JOB_ID = operator.itemgetter(0)
_SEQ = operator.itemgetter(0)


def get(
    connection: sqlalchemy.Connection, project_id: str, id: str, now: int
) -> Document | None:
    """Return a session as it is shown, by one statement or two; None if it has
    to be read in the other way.

    ``NotFound`` if there is none.
    """
    parameters = {
        'project': project_id,
        'id': id,
    }
    found = cursors.fetch(
        connection, session_statements.SHOW_ONE_KEPT, parameters
    )
    if not found:
        raise exceptions.NotFound(documents.SESSIONS, id)
    ((text,),) = found
    if text is not None:
        version, shown = text.split(' ', 1)
        kept = shown_texts.load(project_id, version, shown)
        if kept is not None:
            return None if kept.due(now) else kept.document
    row = connection.execute(session_statements.SHOW_ONE, parameters).first()
    if row is None:
        raise exceptions.NotFound(documents.SESSIONS, id)
    values = _parse(row[0])
    if values is None:
        return None
    return _document(project_id, values, now)


def assemble_kept(
    project_id: str,
    texts: collections.abc.Iterable[str | None],
    descending: bool,
    now: int,
) -> list[Document] | Unshown:
    """Return the documents that texts of :func:`session_statements.show_kept`
    stand for, in the order of their creation; or why they can't be shown so.
    """
    found = []
    for text in texts:
        if text is None:
            return Unshown.LACKING
        if not text:
            return Unshown.DUE
        seq, version, shown = text.split(' ', 2)
        kept = shown_texts.load(project_id, version, shown)
        if kept is None:
            return Unshown.LACKING
        if kept.due(now):
            return Unshown.DUE
        found.append((int(seq), kept.document))
    found.sort(key=_SEQ, reverse=descending)
    return [document for _seq, document in found]


def assemble(
    project_id: str,
    texts: collections.abc.Iterable[str | None],
    descending: bool,
    now: int,
) -> list[Document] | None:
    """Return the documents that texts of :func:`session_statements.show`
    stand for, in the order of their creation; None if a run has to be settled
    before, or a session has to be read in the other way.
    """
    found = []
    for text in texts:
        values = _parse(text)
        if values is None:
            return None
        found.append(values)
    # The statement reads in this order, but a UNION ALL promises none.
    found.sort(key=_SEQ, reverse=descending)
    shown = []
    for values in found:
        document = _document(project_id, values, now)
        if document is None:
            return None
        shown.append(document)
    return shown


def _parse(text: str | None) -> list[typing.Any] | None:
    """Return what a text lists; None without one, and for one that was cut
    somewhere.
    """
    if not text:
        return None
    try:
        values: list[typing.Any] = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return values


def _document(
    project_id: str, values: list[typing.Any], now: int
) -> Document | None:
    _seq, id, version, created, stored, counted = values
    rows = None
    if counted is not None:
        rows = members.whole(counted)
    if rows is None:
        return None
    run = stored['run']
    if run is not None and run['status'] == session_state.RUNNING:
        its_members = {row[0]: members.load(row) for row in rows}
        session = Session.load(
            project_id,
            id,
            stored,
            its_members,
            version,
            created,
        )
        settle_at = session.settle_at
        if settle_at is not None and settle_at < now:
            return None
    return Document(
        documents.SESSIONS,
        project_id,
        id,
        version,
        created,
        _body(project_id, id, stored, rows),
    )


def _body(
    project_id: str, id: str, stored: Body, rows: list[list[typing.Any]]
) -> Body:
    # In the order in which a session shows them.
    rows.sort(key=_JOB_ID)
    jobs: dict[str, MemberEntry] = {}
    for job_id, client_id, status, result, started, ended, _counted in rows:
        jobs[job_id] = {
            'client_id': client_id,
            'status': status,
            'result': result,
            'time_started': started,
            'time_ended': ended,
        }
    return session_state.shown(project_id, id, stored, jobs)
