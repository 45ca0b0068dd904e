"""Sessions that are only shown: from a row to the document, without the
session in between.

What is shown is the text that is kept of most sessions (:mod:`.shown_texts`).
A session that has none, because it would be too long or another release has
changed it, and one that has to be settled first, is left to
:mod:`.session_rows`.
"""

import collections.abc
import operator

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.sessions import (
    session_statements,
    shown_texts,
)
from freezer_api.domain import documents
from freezer_api.domain.documents import Document

_SEQ = operator.itemgetter(0)


def get(
    connection: sqlalchemy.Connection, project_id: str, id: str, now: int
) -> Document | None:
    """Return a session as it is kept to be shown, by one statement; None if it
    has to be read.

    ``NotFound`` if there is none.
    """
    parameters = {
        'project': project_id,
        'id': id,
    }
    found = cursors.fetch(connection, session_statements.SHOW_ONE, parameters)
    if not found:
        raise exceptions.NotFound(documents.SESSIONS, id)
    ((text,),) = found
    return shown_texts.load(project_id, text, now)


def assemble(
    project_id: str,
    texts: collections.abc.Iterable[str | None],
    descending: bool,
    now: int,
) -> list[Document] | None:
    """Return the documents that texts of :func:`session_statements.show`
    stand for, in the order of their creation; None if one of them says
    nothing, or of a run that has to be settled before.
    """
    found = []
    for text in texts:
        if not text:
            return None
        seq, shown = text.split(' ', 1)
        document = shown_texts.load(project_id, shown, now)
        if document is None:
            return None
        found.append((int(seq), document))
    found.sort(key=_SEQ, reverse=descending)
    return [document for _seq, document in found]
