"""Sessions with their members: reading and locking them, and storing what has
become of them.
"""

import collections.abc
import dataclasses
import operator
import typing

import orjson
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.search import indexing, terms
from freezer_api.db.sqlalchemy.sessions import (
    members,
    records,
    session_statements,
    shown_texts,
)
from freezer_api.domain import (
    documents,
    search_pairs,
    session_index,
)
from freezer_api.domain.session_state import Member, Session

#: A row of :func:`session_statements.read`, or a tuple of the same values.
Row = cursors.Row

#: In what is stored of a session: its members, unless they are many. Another
#: form takes another name, so that a release of before reads their rows.
MEMBERS = 'members'

#: Where such rows have a session's number, its id (None in further rows), what
#: is stored of it, and its members.
_SEQ, _SESSION_ID, _BODY = 0, 1, 4
_MEMBERS = len(session_statements.session_columns())


class TooManyMembers(Exception):
    """The database can't put a session's members together; the session can
    still be locked and changed.
    """


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """A session as it is stored: its row's number, how it is indexed, and how
    many records of earlier runs there are.
    """

    seq: int
    session: Session
    indexed: bytes
    records: int
    #: The timestamp by which the session is found to have lapsed. It should be
    #: the session's own.
    settle_at: int | None

    @property
    def drifted(self) -> bool:
        """Whether it isn't found by the timestamp at which it lapses."""
        return self.session.settle_at != self.settle_at

    def due(self, now: int) -> bool:
        """Tell whether its run has lapsed."""
        settle_at = self.session.settle_at
        return settle_at is not None and settle_at < now


# Reading


def get(
    connection: sqlalchemy.Connection, project_id: str, id: str
) -> Stored | None:
    """Return a session by one statement, None if there is none."""
    parameters = {
        'project': project_id,
        'id': id,
    }
    found = connection.execute(session_statements.GET, parameters).all()
    return assemble(project_id, found)[0] if found else None


def get_due(
    connection: sqlalchemy.Connection, project_id: str, now: int
) -> list[Stored]:
    """Return some of the sessions of a project whose runs have lapsed, by one
    statement.
    """
    parameters = {
        'project': project_id,
        'now': now,
    }
    found = connection.execute(session_statements.GET_DUE, parameters)
    return assemble(project_id, found)


def lock(
    connection: sqlalchemy.Connection,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> dict[str, Stored]:
    """Lock those sessions that exist, ascending by id, and return them by
    id.
    """
    parameters: rows.Values = {'project': project_id}
    if len(ids) == 1:
        statement = session_statements.LOCK_ONE
        (parameters['id'],) = ids
    else:
        statement = session_statements.LOCK
        parameters['ids'] = sorted(ids)
    found = cursors.fetch(connection, statement, parameters)
    if not found:
        return {}
    locked = [session_statements.unpack(row) for row in found]
    bodies = [orjson.loads(row[_BODY]) for row in locked]
    members_of = _members_of(connection, [row[_SEQ] for row in locked], bodies)
    sessions = {}
    for row, body in zip(locked, bodies, strict=True):
        sessions[row[_SESSION_ID]] = _stored(
            project_id,
            row,
            body,
            members_of.get(row[_SEQ], {}),
        )
    return sessions


def _members_of(
    connection: sqlalchemy.Connection,
    seqs: collections.abc.Iterable[int],
    bodies: collections.abc.Iterable[documents.Body],
) -> dict[int, dict[str, Member]]:
    """Return the members of sessions that are locked, by their numbers: those
    that are stored with them, else those of their rows.
    """
    members_of = {}
    lacking = []
    for seq, body in zip(seqs, bodies, strict=True):
        packed = body.get(MEMBERS)
        if packed is None:
            lacking.append(seq)
        else:
            members_of[seq] = members.unpack(packed)
    if lacking:
        members_of |= members.read(connection, lacking)
    return members_of


def assemble(
    project_id: str,
    found: collections.abc.Iterable[Row],
    descending: bool = False,
) -> list[Stored]:
    """Return the sessions that rows of :func:`session_statements.read` stand
    for, in the order of their creation. Further rows are ignored.
    """
    session_rows = [row for row in found if row[_SESSION_ID] is not None]
    session_rows.sort(
        key=operator.itemgetter(_SEQ),
        reverse=descending,
    )
    sessions = []
    for row in session_rows:
        its_members = members.parse(row[_MEMBERS])
        if its_members is None:
            id = row[_SESSION_ID]
            raise exceptions.StorageUnavailable() from TooManyMembers(
                f'the members of session {id} of project {project_id} are more'
                ' bytes than max_allowed_packet lets pass'
            )
        body = orjson.loads(row[_BODY])
        sessions.append(_stored(project_id, row, body, its_members))
    return sessions


def further_rows(found: collections.abc.Iterable[Row]) -> list[typing.Any]:
    """Return the further rows of :func:`session_statements.read`."""
    return [row for row in found if row[_SESSION_ID] is None]


def _stored(
    project_id: str,
    row: Row,
    body: documents.Body,
    its_members: dict[str, Member],
) -> Stored:
    own = row[:_MEMBERS]
    seq, id, version, created, _body, indexed, records, settle_at = own
    session = Session.load(
        project_id,
        id,
        body,
        its_members,
        version,
        created,
    )
    return Stored(
        seq,
        session,
        indexed,
        records,
        settle_at,
    )


# Writing what is locked


def changing(
    session: Session, shown: documents.Body | None = None
) -> rows.Values:
    """Return the columns that change with a session, besides those of its
    index and its records. ``shown`` is its body, if the caller has that.
    """
    body = session.dump()
    text = shown_texts.dump(session, shown)
    if text is not None:
        # It has few members: whoever locks the row needn't read theirs. A
        # release that doesn't know this leaves it out when it writes the row.
        body[MEMBERS] = members.pack(session.members)
    return {
        'version': session.version,
        'body': rows.dump(body),
        'settle_at': session.settle_at,
        'shown': text,
    }


def create(connection: sqlalchemy.Connection, session: Session) -> None:
    """Store a session that doesn't exist."""
    shown = session.body()
    values = {
        'project': session.project_id,
        'id': session.session_id,
        'created': session.created,
        # Sessions claim nothing; the column is that of all kinds.
        'claim': None,
        'records': 0,
        **changing(session, shown),
    }
    added = rows.insert(
        connection,
        documents.SESSIONS,
        values,
        shown,
    )
    indexing.add_all(connection, documents.SESSIONS, [added])
    members.store(
        connection,
        added.seq,
        {},
        session.members,
    )


def store(
    connection: sqlalchemy.Connection,
    stored: Stored,
    after: Session,
    new_records: int = 0,
) -> None:
    """Store what has become of a session that is locked, and by how many its
    records have grown.
    """
    before = stored.session
    members.store(
        connection,
        stored.seq,
        before.members,
        after.members,
    )
    values = {
        'of': stored.seq,
        'indexed': stored.indexed,
        'records': stored.records + new_records,
    }
    # Most starts and ends leave the index alone: then nothing is worked out
    # for it. That is known of this release's index only.
    is_own_index = (
        terms.index_version(stored.indexed) == search_pairs.INDEX_VERSION
    )
    is_index_same = is_own_index and session_index.has_same_index(
        before, after
    )
    if after.version == before.version or is_index_same:
        values |= changing(after)
        cursors.write_later(connection, session_statements.UPDATE, values)
        return
    shown = after.body()
    change = index_change(stored, shown)
    values |= changing(after, shown)
    values['indexed'] = change.new.pack()
    cursors.write_later(connection, session_statements.UPDATE, values)
    indexing.change_all(connection, documents.SESSIONS, [change])


def remove(connection: sqlalchemy.Connection, stored: Stored) -> None:
    """Delete a session that is locked, its members and its records."""
    # Nothing but the number ties them to the session, so the database can't
    # do it.
    members.remove_all(connection, stored.seq)
    records.remove_all(connection, stored.seq)
    rows.remove(
        connection,
        documents.SESSIONS,
        stored.session.project_id,
        stored.seq,
        stored.indexed,
    )


def index_change(stored: Stored, shown: documents.Body) -> terms.Change:
    """Return what changes of the index of a session that is ``shown``
    otherwise from now on.
    """
    kind = documents.SESSIONS
    scopes = indexed_scopes(kind, stored.session.project_id, None)
    return terms.compare(
        kind,
        (scopes, scopes),
        stored.seq,
        stored.indexed,
        shown,
    )
