"""One attempt to do operations as a unit of work: what they have read, and what
it is to become.
"""

import collections.abc
import typing

from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits.committing import (
    Change,
    Committer,
    Plan,
)
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.unit import Done
from freezer_api.domain import documents

#: Documents of any size that are read at once.
READ_BATCH = 16

T = typing.TypeVar('T')


class WrongPrimary(Exception):
    """The operation is about another document than the primary one of its
    attempt: ``key``.
    """

    def __init__(self, key: Key):
        super().__init__(key)
        self.key = key


class Attempt:
    """The documents of one attempt: as they were read, and as they are to
    become.
    """

    def __init__(
        self,
        committer: Committer,
        primary: Key,
        attempts: Retries,
        needs: collections.abc.Iterable[Key] = (),
        may_assume: bool = True,
    ):
        self._committer = committer
        self._attempts = attempts
        self._may_assume = may_assume
        self.primary = primary
        self.found: dict[Key, Found] = {}
        self._values: dict[Key, Value | None] = {}
        self._guarded: frozenset[Key] = frozenset()
        self._delete_after: tuple[Key, ...] = ()
        # What is known to be needed is read by the same request.
        self.load((primary, *needs))

    def load(self, keys: collections.abc.Iterable[Key]) -> None:
        """Read those documents that haven't been read, in one request."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.found]
        if not missing:
            return
        read = self._committer.read_for_update(missing, self._attempts)
        for key, found in read.items():
            self.found[key] = found
            self._values[key] = found.value

    def assume_missing(self, key: Key) -> None:
        """Take it that a document isn't there, without asking, unless that
        was wrong before.

        If it is there after all the commit meets a conflict.
        """
        if not self._may_assume or key in self.found:
            return
        found = self._committer.store.absent(key)
        if found is not None:
            self.found[key] = found
            self._values[key] = None

    def load_within(
        self, keys: collections.abc.Iterable[Key], size: int
    ) -> bool:
        """Read documents bit by bit; False once they are more than ``size``
        bytes of JSON.
        """
        left = size
        ordered = list(keys)
        for batch in batches(ordered, READ_BATCH):
            self.load(batch)
            for key in batch:
                value = self.get(key)
                if value is not None:
                    left -= documents.size(value.state['body'])
            if left < 0:
                return False
        return True

    def get(self, key: Key) -> Value | None:
        """Return a document as this attempt has changed it, None if there is
        none.

        The attempt takes effect only if it still is as it was read then, also
        where it stays as it is.
        """
        self.load((key,))
        self.guard((key,))
        return self._values[key]

    def put(self, value: Value) -> None:
        """Create or change a document."""
        self.load((value.key,))
        self._values[value.key] = value

    def drop(self, key: Key) -> None:
        """Delete a document, if it is there."""
        self.load((key,))
        self._values[key] = None

    def guard(self, keys: collections.abc.Iterable[Key]) -> None:
        """Take effect only if documents are still as they were read then."""
        self._guarded |= frozenset(keys)

    def discard(self, keys: collections.abc.Iterable[Key]) -> None:
        """Delete, some time after the attempt has taken effect, what nobody looks
        for any more.
        """
        self._delete_after += tuple(keys)

    def do(self, step: collections.abc.Callable[['Attempt'], T]) -> Done[T]:
        """Do a step, and return its result or its error. With an error
        everything is as it was before the step: others have theirs in this
        attempt as well.
        """
        before = dict(self._values), self._guarded, self._delete_after
        try:
            return Done(step(self))
        except Exception as error:
            self._restore(*before)
            return Done(error=error)

    def _restore(
        self,
        values: dict[Key, Value | None],
        guarded: frozenset[Key],
        delete_after: tuple[Key, ...],
    ) -> None:
        """Return to an earlier state. What was read since stays read: as it
        was read.
        """
        for key, found in self.found.items():
            self._values[key] = values.get(key, found.value)
        self._guarded = guarded
        self._delete_after = delete_after

    def plan(self, name: str) -> Plan | None:
        """Return the transaction that this attempt comes to; None if it changes
        nothing.
        """
        changed = set()
        for key, value in self._values.items():
            if value is not self.found[key].value:
                changed.add(key)
        if not changed and not self._delete_after:
            return None
        # What isn't there can't be guarded: see
        # :class:`freezer_api.db.unit.Unit`.
        guarded = set()
        for key in self._guarded:
            if self.found[key].value is not None:
                guarded.add(key)
        # In one order for all: two that have parts in common seldom lock some
        # each then, and both fail.
        keys = sorted((changed | guarded) - {self.primary})
        parts = [self._change(key) for key in keys]
        return Plan(
            name,
            self._change(self.primary),
            tuple(parts),
            self._delete_after,
        )

    def _change(self, key: Key) -> Change:
        """Return a document as it was read, and what it becomes."""
        return self.found[key], self._values[key]
