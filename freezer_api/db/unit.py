"""The unit of work: what a driver gives an operation to work with.

An operation (:mod:`freezer_api.db.operations`) reads and changes documents through a unit
alone. What isn't abstract here is right for every driver; one that can do it
at a lower cost overrides it. A driver runs it, and makes one step of all that it has changed: it
takes effect at one moment, or not at all. If others were in the way the driver
runs the operation again, with a new unit.
"""

import abc
import collections.abc
import dataclasses
import functools
import typing

from freezer_api.db import refusals
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import Document
from freezer_api.domain.session_state import Record, Session

T = typing.TypeVar('T')
#: A kind of documents and an id, in the project of the unit.
Name = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Done(typing.Generic[T]):
    """What came of a step: its result or its error."""

    result: T | None = None
    error: BaseException | None = None

    def unwrap(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return typing.cast(T, self.result)


class Unit(abc.ABC):
    """The documents of one attempt of an operation, all of one project.

    What :meth:`get`, :meth:`get_all`, :meth:`guard`, :meth:`get_session` and
    :meth:`get_record` have read stays as it is until the unit takes effect,
    but for what the unit itself changes. That a document isn't there is no
    such promise, unless the unit creates it.

    An operation asks for sessions before anything else, then for actions, then
    for jobs, then for trusts: a driver that locks does so in this order, so
    that no two operations wait for each other.
    """

    def __init__(
        self, project_id: str, clock: collections.abc.Callable[[], int]
    ):
        self.project_id = project_id
        self._clock = clock
        self._effects: list[collections.abc.Callable[[], None]] = []

    def now(self) -> int:
        """Return the timestamp (microseconds) of the operation.

        It is read after the session has been, so that what one operation sees
        of a session is never later than its own timestamp.
        """
        return self._clock()

    def note(
        self,
        log: collections.abc.Callable[[Session], None],
        session: Session,
    ) -> None:
        """Have an effect logged by ``log`` once the unit has taken effect."""
        self._effects.append(functools.partial(log, session))

    def log_effects(self) -> None:
        """Log what was noted. The driver calls it when the unit has taken
        effect; an attempt that has to be repeated leaves no line.
        """
        for log in self._effects:
            log()

    def lead(self, kind: str, id: str) -> None:  # noqa: B027
        """Declare the document that the operation turned out to be about.

        All operations about a session begin with it, those about another
        document with that one. A driver that relies on it begins the operation
        anew, by raising, if it has begun with another document.
        """

    # Documents of all kinds but sessions

    @abc.abstractmethod
    def get(self, kind: str, id: str) -> Document | None:
        """Return a document as it is now, None if there is none."""

    def get_all(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Return those documents of the ids that exist, by id."""
        found = {id: self.get(kind, id) for id in ids}
        return {id: document for id, document in found.items() if document}

    def guard(
        self, kind: str, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Return documents like :meth:`get_all` that the unit won't change.

        Others may guard them at the same time.
        """
        return self.get_all(kind, ids)

    def use(self, kind: str, ids: collections.abc.Collection[str]) -> int:
        """Keep documents, because the unit makes another one refer to them;
        return how many of them exist.

        Nobody changes or deletes them before the unit takes effect. Whoever
        does so later finds what refers to them.
        """
        return len(self.guard(kind, ids))

    @abc.abstractmethod
    def having(self, kind: str, pair: search_pairs.Pair) -> list[str]:
        """Return the ids of the documents that have a pair, as the index has
        it since the call. They aren't read by it.
        """

    def has(self, kind: str, pair: search_pairs.Pair) -> bool:
        """Tell whether :meth:`having` finds a document."""
        return bool(self.having(kind, pair))

    def is_within(
        self, kind: str, ids: collections.abc.Collection[str], size: int
    ) -> bool:
        """Tell whether documents have at most ``size`` bytes of JSON together,
        before more than about that is read.
        """
        total = 0
        for id in ids:
            document = self.get(kind, id)
            total += documents.size(document.body) if document else 0
            if total > size:
                return False
        return True

    @abc.abstractmethod
    def visible_clients(
        self, ids: collections.abc.Collection[str]
    ) -> dict[str, Document]:
        """Return those clients of the ids that the project sees: its own, or
        else central ones. They may change meanwhile.
        """

    def create_action(self, action: Document) -> None:
        """Store a new action that hasn't been read. ``Conflict`` if there is
        one with its id; it may come with the unit's end.
        """
        if self.get(action.kind, action.id) is not None:
            raise refusals.action_exists(action.id)
        self.put(action)

    @abc.abstractmethod
    def put(self, document: Document) -> None:
        """Store a document that has been read, or found missing.

        ``Conflict`` if another document has its claim. It may come with the
        unit's end.
        """

    @abc.abstractmethod
    def delete(self, kind: str, id: str) -> None:
        """Delete a document that has been read."""

    # Sessions and their runs

    @abc.abstractmethod
    def get_session(self, id: str) -> Session | None:
        """Return a session with its members, None if there is none."""

    @abc.abstractmethod
    def put_session(self, session: Session) -> None:
        """Store a session that has been read, or found missing."""

    def delete_session(self, id: str) -> None:
        """Delete a session that has been read, its members and records."""
        self.delete(documents.SESSIONS, id)

    @abc.abstractmethod
    def get_record(self, session_id: str, tag: int) -> Record | None:
        """Return the record of an earlier run of a session that was read."""

    @abc.abstractmethod
    def put_record(
        self, session_id: str, record: Record, is_new: bool
    ) -> bool:
        """Store a record of a session that was read, in place of the one of
        the same tag; return whether there was none.

        ``is_new``: there surely is none.
        """

    @abc.abstractmethod
    def trim_records(self, session_id: str, number: int, spared: int) -> None:
        """Keep the newest ``number`` records of a session that was read, and
        that of the tag ``spared`` in place of an older one.
        """


#: What is done with a unit. Pure, but for the unit and its clock: it may be
#: called several times.
Step = collections.abc.Callable[[Unit], T]
