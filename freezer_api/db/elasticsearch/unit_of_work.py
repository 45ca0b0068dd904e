"""Documents, sessions and records as an operation sees them, kept as values of
one attempt to commit (:mod:`.attempt`).

The session is the primary document of all that is done to it, so nothing about
its members takes effect beside it.
"""

import collections.abc
import typing

from freezer_api.db import refusals
from freezer_api.db import unit as port
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.attempt import Attempt, WrongPrimary
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.sessions import ranges
from freezer_api.db.elasticsearch.transactions import Transactions
from freezer_api.db.operations import sessions
from freezer_api.db.unit import Name, Step
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import SESSIONS, Document
from freezer_api.domain.session_state import Record, Session

Clock = collections.abc.Callable[[], int]
T = typing.TypeVar('T')


class LookUps(typing.Protocol):
    """What an operation looks up in the index, or reads without keeping it
    from being changed.
    """

    def having(
        self, kind: str, project_id: str, pair: search_pairs.Pair
    ) -> list[str]:
        """Return the ids of a project's documents that have a pair, as they
        are since the call.
        """

    def visible(
        self, project_id: str, ids: collections.abc.Iterable[str]
    ) -> dict[str, Document]:
        """Return those clients of the ids that a project sees."""


class Unit(port.Unit):
    """The documents of a project, within one attempt."""

    def __init__(
        self,
        attempt: Attempt,
        look_ups: LookUps,
        project_id: str,
        clock: Clock,
    ):
        super().__init__(project_id, clock)
        self._attempt = attempt
        self._look_ups = look_ups

    def lead(self, kind: str, id: str) -> None:
        """Begin anew with another primary document if it is that."""
        # Two that change one session have to meet in one document. So what
        # concerns a session is committed by the session, also if it began
        # with a job.
        key = self._key(kind, id)
        if self._attempt.primary != key:
            raise WrongPrimary(key)

    # Documents of all kinds but sessions

    def get(self, kind: str, id: str) -> Document | None:
        """Return a document as this attempt has changed it."""
        value = self._value(kind, id)
        return codec.document(value) if value else None

    def guard(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Return documents that get a lock when the unit commits."""
        keys = self._keys(kind, ids)
        self._attempt.guard(keys)
        return self.get_all(kind, ids)

    def get_all(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Return documents, read in one request."""
        keys = self._keys(kind, ids)
        self._attempt.load(keys)
        return super().get_all(kind, ids)

    def having(self, kind: str, pair: search_pairs.Pair) -> list[str]:
        """Return what a search finds."""
        return self._look_ups.having(kind, self.project_id, pair)

    def is_within(
        self, kind: str, ids: collections.abc.Collection[str], size: int
    ) -> bool:
        """Tell so by reading the documents, a few at once."""
        keys = self._keys(kind, ids)
        return self._attempt.load_within(keys, size)

    def visible_clients(
        self, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Return clients as they are at some time since the call."""
        return self._look_ups.visible(self.project_id, ids)

    def put(self, document: Document) -> None:
        """Store a document; its claim changes with it."""
        kind, id = document.kind, document.id
        stored = self._value(kind, id)
        self._change_claim(kind, id, stored, document.body)
        if stored is None:
            value = codec.made(document)
        else:
            value = codec.changed(stored, document)
        self._attempt.put(value)

    def delete(self, kind: str, id: str) -> None:
        """Delete a document, and its claim."""
        stored = self._value(kind, id)
        if stored is not None:
            self._change_claim(kind, id, stored, None)
            self._attempt.drop(stored.key)

    # Sessions and their runs

    def get_session(self, id: str) -> Session | None:
        """Return a session; its members are kept with it."""
        value = self._value(SESSIONS, id)
        return codec.session(value) if value else None

    def put_session(self, session: Session) -> None:
        """Store a session with its members."""
        stored = self._value(SESSIONS, session.session_id)
        if stored is None:
            value = codec.new_session(session)
        else:
            value = codec.with_session(stored, session)
        self._attempt.put(value)

    def delete_session(self, id: str) -> None:
        """Delete a session; its records go some time later."""
        stored = self._stored(id)
        self._attempt.drop(stored.key)
        # Nobody looks for the records of a session that is gone.
        life = stored.state['life']
        kept = stored.state['kept']
        records = []
        for tag in ranges.tags(kept):
            records.append(codec.run_key(life, tag))
        self._attempt.discard(records)

    def get_record(self, session_id: str, tag: int) -> Record | None:
        """Return a record that the session says to have."""
        stored = self._stored(session_id)
        kept = stored.state['kept']
        if not ranges.has(kept, tag):
            return None
        life = stored.state['life']
        key = codec.run_key(life, tag)
        value = self._attempt.get(key)
        return codec.record(value) if value else None

    def put_record(
        self, session_id: str, record: Record, is_new: bool
    ) -> bool:
        """Store a record, and let the session say that it has it."""
        stored = self._stored(session_id)
        life = stored.state['life']
        if is_new:
            # All but what an operation has left there that was broken off.
            key = codec.run_key(life, record.tag)
            self._attempt.assume_missing(key)
        value = codec.record_value(self.project_id, life, record)
        self._attempt.put(value)
        kept = stored.state['kept']
        if ranges.has(kept, record.tag):
            return False
        kept = ranges.with_tag(kept, record.tag)
        changed = codec.with_kept(stored, kept)
        self._attempt.put(changed)
        return True

    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        """Delete records, and let the session forget them."""
        # The records go with the transaction: a reader that has the session
        # as it was finds them, or reads it again.
        stored = self._stored(session_id)
        life = stored.state['life']
        kept = stored.state['kept']
        while ranges.count(kept) > number:
            oldest = ranges.lowest(kept, spared)
            if oldest is None:
                break
            key = codec.run_key(life, oldest)
            self._attempt.drop(key)
            kept = ranges.without_tag(kept, oldest)
        changed = codec.with_kept(stored, kept)
        self._attempt.put(changed)

    def _key(self, kind: str, id: str) -> Key:
        return codec.key(kind, self.project_id, id)

    def _keys(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> list[Key]:
        return [self._key(kind, id) for id in ids]

    def _value(self, kind: str, id: str) -> Value | None:
        key = self._key(kind, id)
        return self._attempt.get(key)

    def _stored(self, session_id: str) -> Value:
        """Return a session that is there."""
        value = self._value(SESSIONS, session_id)
        if value is None:
            raise KeyError(session_id)
        return value

    def _change_claim(
        self,
        kind: str,
        id: str,
        stored: Value | None,
        body: documents.Body | None,
    ) -> None:
        """Take the claim that a document is to have, or give its own up;
        ``Conflict`` if another document has it.
        """
        old = new = None
        if stored is not None:
            body_before = stored.state['body']
            old = documents.claim(kind, id, body_before)
        if body is not None:
            new = documents.claim(kind, id, body)
        if old == new:
            return
        key = codec.claim_key(kind, id)
        if new is None:
            self._attempt.drop(key)
            return
        # A document of its own, under the claimed id: only one can create it.
        holder = self._attempt.get(key)
        if holder is not None and holder.project_id != self.project_id:
            raise refusals.id_taken(kind, id)
        claim = codec.claim_value(kind, self.project_id, id)
        self._attempt.put(claim)


def transact(
    transactions: Transactions,
    look_ups: LookUps,
    clock: Clock,
    project_id: str,
    name: Name,
    step: Step[T],
    needs: collections.abc.Iterable[Name] = (),
    acknowledges: bool = True,
) -> T:
    """See :meth:`freezer_api.db.driver.Driver.transact`, and
    :meth:`.transactions.Transactions.run`.
    """
    units: list[Unit] = []

    def run_once(attempt: Attempt) -> T:
        """Run the operation once."""
        unit = Unit(
            attempt,
            look_ups,
            project_id,
            clock,
        )
        units.append(unit)
        return step(unit)

    def key(name: Name) -> Key:
        kind, id = name
        return codec.key(kind, project_id, id)

    # Only what the last attempt did has taken effect.
    result = transactions.run(
        key(name),
        run_once,
        tuple(key(need) for need in needs),
        acknowledges,
        project_id,
    )
    units[-1].log_effects()
    return result


def settle(
    transactions: Transactions,
    look_ups: LookUps,
    clock: Clock,
    project_id: str,
    id: str,
) -> None:
    """Complete the run of a session if it has lapsed."""
    transact(
        transactions,
        look_ups,
        clock,
        project_id,
        (SESSIONS, id),
        lambda unit: sessions.settle(unit, id),
        acknowledges=False,
    )
