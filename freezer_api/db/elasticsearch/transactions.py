"""Running operations as transactions: documents are read, changed in memory
and committed together, again from the start if somebody else has written one
of them.

Operations of one process that have the same primary document queue. Whoever is
first commits what all of them do, one after the other in memory, in one
transaction. So many jobs that report to one session cost a few requests
together, and don't get in each other's way.
"""

import collections.abc
import dataclasses
import logging
import threading
import typing

from freezer_api import exceptions, permits
from freezer_api.db.elasticsearch.attempt import Attempt, WrongPrimary
from freezer_api.db.elasticsearch.codec import Key
from freezer_api.db.elasticsearch.commits import committing, marks, retries
from freezer_api.db.elasticsearch.commits.committing import (
    Committer,
    WriteConflict,
)
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.commits.retries import GaveUp, Retries
from freezer_api.db.elasticsearch.commits.store import InvalidRequest
from freezer_api.db.elasticsearch.commits.turns import Turn, Turns
from freezer_api.db.unit import Done

LOG = logging.getLogger(__name__)
#: Operations that one transaction does at most.
MAX_OPERATIONS = 64

T = typing.TypeVar('T')


AttemptStep = collections.abc.Callable[[Attempt], T]


class _Waiting(typing.Generic[T]):
    """A step that waits for its turn."""

    def __init__(
        self,
        step: AttemptStep[T],
        needs: tuple[Key, ...] = (),
        acknowledges: bool = False,
        project_id: str = '',
    ):
        self.step = step
        #: What it needs beside the primary document.
        self.needs = needs
        #: Whether somebody relies on what it returns, and of which project.
        self.acknowledges = acknowledges
        self.project_id = project_id
        self.done: Done[T] | None = None
        self.woken = threading.Event()
        #: Whether it isn't anybody's turn yet.
        self.is_waiting = True


_Queue = list[_Waiting[typing.Any]]


def _is_acknowledged(batch: _Queue, results: list[Done[typing.Any]]) -> bool:
    """Tell whether a step has acknowledged something."""
    for one, done in zip(batch, results, strict=True):
        if one.acknowledges and done.error is None:
            return True
    return False


class Transactions:
    """Runs operations as transactions, by themselves or several by one."""

    def __init__(self, committer: Committer):
        self.committer = committer
        self._lock = threading.Lock()
        self._queues: dict[Key, _Queue] = {}
        self._turns = Turns()

    def run(
        self,
        primary: Key,
        step: AttemptStep[T],
        needs: tuple[Key, ...] = (),
        acknowledges: bool = False,
        project_id: str = '',
    ) -> T:
        """Do a step that takes effect as a whole; return its result, or raise
        its error. ``needs``: documents that it needs beside the primary one.

        A step reads and changes documents through the attempt that it is given
        alone, and may be done several times. If it ``acknowledges`` something
        to somebody that is so, whether or not it had to be changed for that.
        """
        with retries.one_deadline():
            while True:
                own = _Waiting(step, needs, acknowledges, project_id)
                try:
                    return self._run_queued(primary, own).unwrap()
                except WrongPrimary as error:
                    primary = error.key

    def _run_queued(self, primary: Key, own: _Waiting[T]) -> Done[T]:
        with self._lock:
            queue = self._queues.setdefault(primary, [])
            queue.append(own)
            ahead = len(queue) - 1
        if ahead:
            LOG.debug(
                'Changing %s %s: waiting for %d operations of this process.',
                *primary,
                ahead,
            )
            permits.give_up()
            own.woken.wait(retries.seconds_left())
            if not own.woken.is_set():
                self._leave(queue, own)
        # Who is woken either was in the batch of another thread, or is first
        # in the queue now.
        if own.done is None:
            self._commit_queued(primary, queue)
        return typing.cast(Done[T], own.done)

    def _leave(self, queue: _Queue, own: _Waiting[typing.Any]) -> None:
        """Give up waiting for a turn: ``StorageUnavailable``. If it is one's
        turn already wait for its end, which has a deadline of its own.
        """
        with self._lock:
            if own.is_waiting:
                queue.remove(own)
                raise exceptions.StorageUnavailable() from GaveUp(
                    'too many operations of this process were ahead'
                )
        own.woken.wait()

    def _commit_queued(self, primary: Key, queue: _Queue) -> None:
        """Do the steps that wait, one's own first, and wake their threads; the
        first of those that came later does the next ones.
        """
        with self._lock:
            batch = queue[:MAX_OPERATIONS]
            for one in batch:
                one.is_waiting = False
        try:
            results = self._commit_together(primary, batch)
        except BaseException as error:
            # Nobody else wakes those who wait: they get this error too, even
            # if it is this thread that is being ended.
            results = [Done(error=error)] * len(batch)
        for one, done in zip(batch, results, strict=True):
            one.done = done
        with self._lock:
            del queue[: len(batch)]
            if not queue:
                del self._queues[primary]
            following = queue[:1]
            for one in following:
                one.is_waiting = False
        for one in batch + following:
            one.woken.set()

    def _commit_together(
        self, primary: Key, batch: _Queue
    ) -> list[Done[typing.Any]]:
        """Do steps as one transaction; each by itself if Elasticsearch refuses
        what they come to together.
        """
        try:
            return self._commit(primary, batch)
        except InvalidRequest:
            if len(batch) == 1:
                raise
        results = []
        for one in batch:
            try:
                results += self._commit(primary, [one])
            except Exception as error:
                results.append(Done(error=error))
        return results

    def _commit(self, primary: Key, batch: _Queue) -> list[Done[typing.Any]]:
        """Do steps as one transaction, again until nobody is in its way."""
        needs = [key for one in batch for key in one.needs]
        with self._turns.take_part(needs) as turn:
            return self._commit_in_turn(primary, batch, needs, turn)

    def _commit_in_turn(
        self, primary: Key, batch: _Queue, needs: list[Key], turn: Turn
    ) -> list[Done[typing.Any]]:
        attempts = Retries('Changing %s %s', *primary)
        #: The placeholders of earlier attempts.
        earlier: set[str] = set()
        is_first = True
        while True:
            attempt = Attempt(
                self.committer, primary, attempts, needs, is_first
            )
            is_first = False
            found = attempt.found[primary]
            results = [attempt.do(one.step) for one in batch]
            name = marks.new_name()
            plan = attempt.plan(name)
            if plan is None:
                if not _is_acknowledged(batch, results):
                    self._remove_own_placeholder(found, earlier)
                    return results
                if self._prove_reads(attempt, batch[0].project_id):
                    return results
                attempts.wait('what was found was written meanwhile')
                continue
            earlier.add(committing.placeholder_name(name))
            try:
                self.committer.commit(plan, attempts)
                return results
            except WriteConflict as conflict:
                reason, met = str(conflict), conflict.key
            if met != primary:
                turn.wait_for(met)
            attempts.wait(reason)

    def _prove_reads(self, attempt: Attempt, project_id: str) -> bool:
        """Tell whether documents are what was read of them, by writing them
        as they are.

        Who is told that something is done, because it was so already, relies
        on it as on a change: a node that is cut off may show what isn't so
        any more.
        """
        founds = []
        for found in attempt.found.values():
            if found.seq_no is None:
                # Whoever erases the project finds it, should it be left.
                found = dataclasses.replace(found, project=project_id)
            founds.append(found)
        proved = self.committer.prove(founds)
        return len(proved) == len(founds)

    def _remove_own_placeholder(
        self, found: Found, earlier: collections.abc.Container[str]
    ) -> None:
        """Remove the placeholder that an attempt of one's own has left, when
        the next one has nothing to write.
        """
        is_there = found.value is None and found.seq_no is not None
        if is_there and found.mark.get('write') in earlier:
            self.committer.remove_placeholder(found)
