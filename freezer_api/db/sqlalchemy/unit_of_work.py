"""Units of work as transactions: what an operation reads is locked until the
end, when all that it has changed is written.

Locks are taken in one order everywhere, so that no two transactions wait for
each other: sessions, then actions, then jobs, then trusts, each ascending by
id. So sessions are locked by the first statement of a transaction. Where one
turns out to be needed later (a job says which session it is in), the
transaction begins again, and locks that one first, too.
"""

import collections.abc
import functools

import sqlalchemy

from freezer_api.db import unit
from freezer_api.db.sqlalchemy import (
    errors,
    functions,
    models,
    records,
    rows,
    session_rows,
    terms,
)
from freezer_api.db.unit import Name
from freezer_api.domain import search
from freezer_api.domain.documents import CLIENTS, SESSIONS, Document
from freezer_api.domain.sessions import Record, Session


class Unit(unit.Unit):
    """The documents of one transaction."""

    def __init__(
        self,
        connection: sqlalchemy.Connection,
        project_id: str,
        clock: collections.abc.Callable[[], int],
        sessions: collections.abc.Collection[str],
    ):
        super().__init__(project_id, clock)
        self._connection = connection
        self._rows: dict[Name, rows.Row | None] = {}
        self._sessions: dict[str, session_rows.Stored | None] = {}
        #: What is written at the end, in this order; None: deleted.
        self._changed: dict[Name, Document | Session | None] = {}
        #: By how many the records of a session have grown.
        self._grown: dict[str, int] = {}
        #: The bytes of documents that were found, but not read yet.
        self._sizes: dict[Name, int] = {}
        if sessions:
            self._sessions.update(dict.fromkeys(sessions))
            self._sessions.update(
                session_rows.lock(connection, project_id, sessions)
            )

    def flush(self) -> None:
        """Write what has changed."""
        for name, changed in self._changed.items():
            if isinstance(changed, Session):
                self._write_session(changed)
            elif isinstance(changed, Document):
                self._write_document(name, changed)
            else:
                self._remove(name)

    def lead(self, kind: str, id: str) -> None:
        if kind == SESSIONS:
            self._require_lock(id)

    # Documents of all kinds but sessions

    def get(self, kind: str, id: str) -> Document | None:
        name = kind, id
        if name not in self._rows:
            self._rows[name] = rows.lock(
                self._connection, kind, self.project_id, id
            )
        return self._seen(name)

    def get_all(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        return self._lock_all(kind, ids, share=False)

    def guard(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        return self._lock_all(kind, ids, share=True)

    def use(self, kind: str, ids: collections.abc.Collection[str]) -> int:
        if rows.shared_by_writing(self._connection):
            return rows.use(self._connection, kind, self.project_id, ids)
        return len(self.guard(kind, ids))

    def has(self, kind: str, pair: search.Pair) -> bool:
        found = self._connection.execute(_has(kind), self._of(kind, pair))
        return found.first() is not None

    def having(self, kind: str, pair: search.Pair) -> list[str]:
        found = self._connection.execute(_having(kind), self._of(kind, pair))
        sizes = {(kind, row.id): int(row.size) for row in found}
        self._sizes.update(sizes)
        return [id for _kind, id in sizes]

    def is_within(
        self, kind: str, ids: collections.abc.Collection[str], size: int
    ) -> bool:
        known = [self._sizes.get((kind, id)) for id in ids]
        if None not in known:
            return sum(filter(None, known)) <= size
        octets = rows.octets(self._connection, kind, self.project_id, ids)
        return octets <= size

    def visible_clients(
        self, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        return rows.visible(self._connection, CLIENTS, self.project_id, ids)

    def create_action(self, action: Document) -> None:
        # If there is one the database tells, and all is done again.
        self.put(action)

    def put(self, document: Document) -> None:
        self._changed[document.kind, document.id] = document

    def delete(self, kind: str, id: str) -> None:
        self._changed[kind, id] = None

    # Sessions and their runs

    def get_session(self, id: str) -> Session | None:
        self._require_lock(id)
        name = SESSIONS, id
        if name in self._changed:
            changed = self._changed[name]
            return changed if isinstance(changed, Session) else None
        stored = self._sessions[id]
        return stored.session if stored else None

    def put_session(self, session: Session) -> None:
        self._changed[SESSIONS, session.session_id] = session

    def delete_session(self, id: str) -> None:
        self._changed[SESSIONS, id] = None

    def get_record(self, session_id: str, tag: int) -> Record | None:
        stored = self._stored(session_id)
        return records.get(self._connection, stored.seq, tag)

    def put_record(
        self, session_id: str, record: Record, is_new: bool
    ) -> bool:
        stored = self._stored(session_id)
        added = records.store(self._connection, stored.seq, record, is_new)
        self._grow(session_id, int(added))
        return added

    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        stored = self._stored(session_id)
        there = stored.records + self._grown.get(session_id, 0)
        gone = records.forget(
            self._connection, stored.seq, there - number, spared
        )
        self._grow(session_id, -gone)

    def _require_lock(self, session_id: str) -> None:
        if session_id not in self._sessions:
            raise errors.SessionLockRequired(session_id)

    def _stored(self, session_id: str) -> session_rows.Stored:
        stored = self._sessions[session_id]
        if stored is None:
            raise KeyError(session_id)
        return stored

    def _grow(self, session_id: str, number: int) -> None:
        """Count records of a session: their number is stored with it."""
        if number:
            self._grown[session_id] = self._grown.get(session_id, 0) + number
            stored = self._stored(session_id)
            self._changed.setdefault((SESSIONS, session_id), stored.session)

    def _lock_all(
        self, kind: str, ids: collections.abc.Collection[str], share: bool
    ) -> dict[str, Document]:
        """Lock those documents that haven't been yet, by one statement, and
        return all.
        """
        missing = [id for id in ids if (kind, id) not in self._rows]
        found = rows.lock_all(
            self._connection, kind, self.project_id, missing, share
        )
        for id in missing:
            self._rows[kind, id] = found.get(id)
        seen = {id: self._seen((kind, id)) for id in ids}
        return {id: document for id, document in seen.items() if document}

    def _seen(self, name: Name) -> Document | None:
        """Return a document that was read, as this unit has changed it."""
        if name in self._changed:
            changed = self._changed[name]
            return changed if isinstance(changed, Document) else None
        row = self._rows[name]
        return row.document if row else None

    def _of(self, kind: str, pair: search.Pair) -> dict[str, object]:
        (term,) = terms.look_up(self.project_id, kind, [pair])
        return {'term': term, 'project': self.project_id}

    def _write_document(self, name: Name, document: Document) -> None:
        row = self._rows.get(name)
        if row is None:
            rows.create(self._connection, document)
        else:
            rows.update(self._connection, row, document)

    def _write_session(self, session: Session) -> None:
        stored = self._sessions[session.session_id]
        if stored is None:
            session_rows.create(self._connection, session)
            return
        grown = self._grown.get(session.session_id, 0)
        session_rows.store(self._connection, stored, session, grown)

    def _remove(self, name: Name) -> None:
        kind, id = name
        if kind == SESSIONS:
            session_rows.remove(self._connection, self._stored(id))
            return
        row = self._rows[name]
        if row is not None:
            rows.delete(self._connection, row)


@functools.cache
def _has(kind: str) -> sqlalchemy.Select:
    """The id of one document that :func:`_having` finds."""
    return _having(kind).with_only_columns(models.tables[kind].c.id).limit(1)


@functools.cache
def _having(kind: str) -> sqlalchemy.Select:
    """The ids and sizes of the documents of ``project`` that have ``term``."""
    table, pairs = models.tables[kind], models.pairs
    size = functions.Octets(table.c.body).label('size')
    return (
        sqlalchemy.select(table.c.id, size)
        .select_from(pairs.join(table, table.c.seq == pairs.c.seq))
        .where(
            pairs.c.term == sqlalchemy.bindparam('term'),
            table.c.project == sqlalchemy.bindparam('project'),
        )
    )
