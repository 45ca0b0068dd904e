"""Units of work as transactions: what an operation reads is locked until the
end, when all that it has changed is written.

Locks are taken in one order everywhere, so that no two transactions wait for
each other: sessions, then actions, then jobs, then trusts, each ascending by
id. So sessions are locked by the first statement of a transaction. Where one
turns out to be needed later (a job says which session it is in), the
transaction begins again, and locks that one first, too.
"""

import collections.abc
import dataclasses
import typing

import sqlalchemy

from freezer_api import permits
from freezer_api.db import unit
from freezer_api.db.sqlalchemy.connections import errors, groups
from freezer_api.db.sqlalchemy.documents import (
    row_statements,
    rows,
    uses,
    writes,
)
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.sqlalchemy.sessions import records, session_rows
from freezer_api.db.unit import Name
from freezer_api.domain import search_pairs
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS, Document
from freezer_api.domain.session_state import Record, Session

#: What a document or session becomes; None: it is deleted.
Changed: typing.TypeAlias = Document | Session | None


@dataclasses.dataclass(frozen=True, slots=True)
class Savepoint:
    """What a unit had changed, noted and written at some point."""

    changed: dict[Name, Changed]
    effects: int
    writes: int


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
        self._rows: dict[Name, rows.Stored | None] = {}
        self._sessions: dict[str, session_rows.Stored | None] = {}
        #: What is written at the end, in this order.
        self._changed: dict[Name, Changed] = {}
        #: By how many the records of a session have grown.
        self._grown: dict[str, int] = {}
        #: The bytes of documents that were found, but not read yet.
        self._sizes: dict[Name, int] = {}
        #: How often something was written at once, not at the end.
        self._writes = 0
        if sessions:
            # Those that don't exist, too: they needn't be locked again.
            self._sessions.update(dict.fromkeys(sessions))
            # Others may have the locks.
            with permits.paused():
                locked = session_rows.lock(connection, project_id, sessions)
            self._sessions.update(locked)

    def assume_missing(self, name: Name) -> None:
        """Take a document for missing, without a lock: nobody else knows its
        id.
        """
        kind, id = name
        if kind == SESSIONS:
            self._sessions[id] = None
        else:
            self._rows[name] = None

    def flush(self) -> None:
        """Write what has changed, in the order in which it was changed."""
        pending = writes.Writes(self._connection)
        for name, changed in self._changed.items():
            if isinstance(changed, Document):
                # None: not read, or read and missing.
                stored = self._rows.get(name)
                pending.add(stored, changed)
                continue
            pending.write()
            if isinstance(changed, Session):
                self._write_session(changed)
            else:
                self._remove(name)
        pending.write()

    def lead(self, kind: str, id: str) -> None:
        """Begin again with a session locked first, unless it is already.

        Other documents are locked in the one order whichever leads.
        """
        if kind == SESSIONS:
            self._require_lock(id)

    # Several operations in one transaction

    @property
    def has_deleted(self) -> bool:
        """Whether something is deleted at the end."""
        return None in self._changed.values()

    def lock_jobs(
        self, ids: collections.abc.Collection[str], skip_locked: bool
    ) -> None:
        """Lock jobs that will be needed, by one statement; ``skip_locked``:
        those that are there and that nobody else has locked.
        """
        if not skip_locked:
            self._lock_all(JOBS, ids, share=False)
            return
        found = rows.lock_all(
            self._connection,
            JOBS,
            self.project_id,
            ids,
            skip_locked=True,
        )
        for id, stored in found.items():
            self._rows[JOBS, id] = stored

    def has_read(self, ids: collections.abc.Iterable[str]) -> bool:
        """Tell whether jobs have been locked, or found missing."""
        return all((JOBS, id) in self._rows for id in ids)

    def savepoint(self) -> 'Savepoint':
        """Return what :meth:`undo` goes back to."""
        return Savepoint(
            dict(self._changed),
            len(self._effects),
            self._writes,
        )

    def undo(self, savepoint: 'Savepoint') -> None:
        """Forget what has changed since; ``Inseparable`` if something of it
        has been written.
        """
        if self._writes != savepoint.writes:
            raise groups.Inseparable()
        self._changed = savepoint.changed
        del self._effects[savepoint.effects :]

    def effects_since(
        self, savepoint: 'Savepoint | None' = None
    ) -> list[collections.abc.Callable[[], None]]:
        """Return what was noted since, or at all."""
        return self._effects[savepoint.effects if savepoint else 0 :]

    # Documents of all kinds but sessions

    def get(self, kind: str, id: str) -> Document | None:
        """Lock a document and return it."""
        name = kind, id
        if name not in self._rows:
            self._rows[name] = rows.lock(
                self._connection, kind, self.project_id, id
            )
        return self._seen(name)

    def get_all(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Lock documents, ascending by id, and return them."""
        return self._lock_all(kind, ids, share=False)

    def guard(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Lock documents so that others may do the same, and return them."""
        return self._lock_all(kind, ids, share=True)

    def use(self, kind: str, ids: collections.abc.Collection[str]) -> int:
        """Lock documents that the unit makes another one refer to, where a
        lock is known to all nodes; else write them.
        """
        if uses.are_written(self._connection):
            self._writes += 1
            return uses.use(
                self._connection,
                kind,
                self.project_id,
                ids,
            )
        return len(self.guard(kind, ids))

    def has(self, kind: str, pair: search_pairs.Pair) -> bool:
        """Look a pair up in the index, without a lock."""
        found = self._connection.execute(
            row_statements.has(kind), self._term(kind, pair)
        )
        return found.first() is not None

    def having(self, kind: str, pair: search_pairs.Pair) -> list[str]:
        """Look up which documents have a pair, and their sizes."""
        found = self._connection.execute(
            row_statements.having(kind), self._term(kind, pair)
        )
        ids = []
        for row in found:
            self._sizes[kind, row.id] = int(row.size)
            ids.append(row.id)
        return ids

    def is_within(
        self, kind: str, ids: collections.abc.Collection[str], size: int
    ) -> bool:
        """Let the database add sizes up, unless :meth:`having` has got them
        already.
        """
        names = [(kind, id) for id in ids]
        if all(name in self._sizes for name in names):
            total = sum(self._sizes[name] for name in names)
        else:
            total = rows.octets(
                self._connection,
                kind,
                self.project_id,
                ids,
            )
        return total <= size

    def visible_clients(
        self, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Read clients by one statement, without a lock."""
        return rows.visible(
            self._connection,
            CLIENTS,
            self.project_id,
            ids,
        )

    def create_action(self, action: Document) -> None:
        """Insert an action at the end. If there is one with its id, the
        database says so, and the operation runs again.
        """
        self.put(action)

    def put(self, document: Document) -> None:
        """Write a document at the end."""
        self._changed[document.kind, document.id] = document

    def delete(self, kind: str, id: str) -> None:
        """Delete a document at the end."""
        self._changed[kind, id] = None

    # Sessions and their runs

    def get_session(self, id: str) -> Session | None:
        """Return a session that was locked when the unit began."""
        self._require_lock(id)
        name = SESSIONS, id
        if name in self._changed:
            changed = self._changed[name]
            return changed if isinstance(changed, Session) else None
        stored = self._sessions[id]
        return stored.session if stored else None

    def put_session(self, session: Session) -> None:
        """Write what differs of a session and its members at the end."""
        self._changed[SESSIONS, session.session_id] = session

    def get_record(self, session_id: str, tag: int) -> Record | None:
        """Read a record by one statement; its session is locked."""
        stored = self._stored(session_id)
        return records.get(self._connection, stored.seq, tag)

    def put_record(
        self, session_id: str, record: Record, is_new: bool
    ) -> bool:
        """Write a record at once, which its session's lock allows."""
        stored = self._stored(session_id)
        self._writes += 1
        added = records.store(
            self._connection,
            stored.seq,
            record,
            is_new,
        )
        self._grow(session_id, int(added))
        return added

    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        """Delete the oldest records at once, by their number beside the
        session.
        """
        stored = self._stored(session_id)
        total = stored.records + self._grown.get(session_id, 0)
        self._writes += 1
        deleted = records.forget(
            self._connection,
            stored.seq,
            total - number,
            spared,
        )
        self._grow(session_id, -deleted)

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
        if not number:
            return
        self._grown[session_id] = self._grown.get(session_id, 0) + number
        # So it is written even if nothing else of it changes.
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
            self._connection,
            kind,
            self.project_id,
            missing,
            share,
        )
        for id in missing:
            self._rows[kind, id] = found.get(id)
        existing = {}
        for id in ids:
            document = self._seen((kind, id))
            if document is not None:
                existing[id] = document
        return existing

    def _seen(self, name: Name) -> Document | None:
        """Return a document that was read, as this unit has changed it."""
        if name in self._changed:
            changed = self._changed[name]
            return changed if isinstance(changed, Document) else None
        stored = self._rows[name]
        return stored.document if stored else None

    def _term(self, kind: str, pair: search_pairs.Pair) -> dict[str, object]:
        """Return the parameters that look a pair up."""
        (term,) = terms.look_up(self.project_id, kind, [pair])
        # A term is a digest: the project makes sure of whose it is.
        return {
            'term': term,
            'project': self.project_id,
        }

    def _write_session(self, session: Session) -> None:
        stored = self._sessions[session.session_id]
        if stored is None:
            session_rows.create(self._connection, session)
            return
        grown = self._grown.get(session.session_id, 0)
        session_rows.store(
            self._connection,
            stored,
            session,
            grown,
        )

    def _remove(self, name: Name) -> None:
        kind, id = name
        if kind == SESSIONS:
            session_rows.remove(self._connection, self._stored(id))
            return
        stored = self._rows[name]
        if stored is not None:
            rows.delete(self._connection, stored)
