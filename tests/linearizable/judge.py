"""Whether a history is linearizable, by the algorithm of Wing, Gong and Lowe.

The judge takes the calls in the order in which they might have happened, one more at a time, and
goes back when the next one can't be placed. A set remembers where it has been: the calls that were
taken and the state that they led to.

What nobody knows the outcome of never ended, so it may be placed anywhere after its beginning; and
it need not be placed at all.

A read that may be next and fits is placed at once, and nothing else is tried in its stead, where
that leaves all other orders possible (:data:`IsFree`).
"""

import collections.abc
import dataclasses
import typing

from tests.linearizable.history import Answer, Asked, History, Operation

State = typing.TypeVar('State', bound=collections.abc.Hashable)
#: Returns the state after a call, or None if it can't have had this answer. Without an answer, any
#: will do.
Step = collections.abc.Callable[[State, Asked, Answer | None], State | None]

#: Tells of a call that fits in a state whether it is *free*: it only reads, and if it fits later
#: too, then all that it shows, and tells the model, is the same by then.
IsFree = collections.abc.Callable[[State, Asked, Answer], bool]

#: How many calls are tried in all before the judge gives up.
MAX_TRIED = 3_000_000


class GaveUp(Exception):
    """There are too many orders to try them all, and none that was tried fits."""


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict(typing.Generic[State]):
    """``order`` has the most calls that can be placed, and ``state`` is what they lead to.

    ``stuck`` is the call that has to be next by then and can't be: None if the history is
    linearizable. ``others`` might have come before it.
    """

    order: tuple[Operation, ...]
    state: State
    stuck: Operation | None
    others: tuple[Operation, ...]
    tried: int

    @property
    def linearizable(self) -> bool:
        """Whether there is an order in which all answers are right."""
        return self.stuck is None


class _Open:
    """The calls that are not placed, by their beginnings: a list with links, so that one can be
    taken out and put back.
    """

    def __init__(self, history: History):
        self.operations = sorted(history, key=lambda operation: operation.called)
        size = len(self.operations)
        #: The place before the first one is the last of the list.
        self.after = [*range(1, size + 1), 0]
        self.before = [size, *range(size)]
        self.end = size

    def take(self, at: int) -> None:
        """Place one."""
        self.after[self.before[at]] = self.after[at]
        self.before[self.after[at]] = self.before[at]

    def put_back(self, at: int) -> None:
        """Undo the latest :meth:`take` that wasn't undone."""
        self.after[self.before[at]] = at
        self.before[self.after[at]] = at

    def candidates(self) -> list[int]:
        """Those that may be next, as they began before any other one ended; the one that ended
        first is the likeliest.
        """
        found = []
        first_end = float('inf')
        at = self.after[self.end]
        while at != self.end and self.operations[at].called <= first_end:
            found.append(at)
            first_end = min(first_end, self.operations[at].ended)
            at = self.after[at]
        return sorted(found, key=lambda at: self.operations[at].ended)

    def urgent(self) -> Operation | None:
        """The one that ended first, None if all that are left never ended."""
        for at in self.candidates():
            if self.operations[at].answer is not None:
                return self.operations[at]
        return None


def judge(
    history: History,
    state: State,
    step: Step[State],
    is_free: IsFree[State],
    max_tried: int = MAX_TRIED,
) -> Verdict[State]:
    """Find an order for a history that begins in a state; :class:`GaveUp` after too many tries."""
    return _Search(history, state, step, is_free, max_tried).run()


class _Search(typing.Generic[State]):
    def __init__(
        self,
        history: History,
        state: State,
        step: Step[State],
        is_free: IsFree[State],
        max_tried: int,
    ):
        self._open = _Open(history)
        self._state, self._step, self._is_free = state, step, is_free
        self._max_tried, self._tried = max_tried, 0
        self._seen = {(0, state)}
        #: What was placed: where, and the calls and the state before it.
        self._placed: list[tuple[int, int, State]] = []
        self._taken = 0
        self._best: Verdict[State] | None = None

    def run(self) -> Verdict[State]:
        """Search in depth, without recursion: histories are long."""
        waiting = [self._choices()]
        self._remember()
        while waiting:
            if self._open.urgent() is None:
                return self._verdict()
            if self._place_one_of(waiting[-1]):
                waiting.append(self._choices())
                self._remember()
                continue
            waiting.pop()
            if self._placed:
                at, self._taken, self._state = self._placed.pop()
                self._open.put_back(at)
        assert self._best is not None
        return dataclasses.replace(self._best, tried=self._tried)

    def _choices(self) -> collections.abc.Iterator[int]:
        """What to place next, one after the other until the rest fits too."""
        candidates = self._open.candidates()
        for at in candidates:
            asked, answer = self._open.operations[at].asked, self._open.operations[at].answer
            if answer is not None and self._is_free(self._state, asked, answer):
                self._tried += 1
                if self._step(self._state, asked, answer) is not None:
                    return iter((at,))
        return iter(candidates)

    def _place_one_of(self, candidates: collections.abc.Iterator[int]) -> bool:
        """Take the first that fits and leads to where the search has not been."""
        for at in candidates:
            operation = self._open.operations[at]
            self._tried += 1
            if self._tried > self._max_tried:
                raise GaveUp(f'{self._tried} calls were tried')
            state = self._step(self._state, operation.asked, operation.answer)
            if state is None or (operation.answer is None and state == self._state):
                # What changes nothing and needs no place may as well come later.
                continue
            reached = (self._taken | 1 << at, state)
            if reached in self._seen:
                continue
            self._seen.add(reached)
            self._placed.append((at, self._taken, self._state))
            self._open.take(at)
            self._taken, self._state = reached
            return True
        return False

    def _remember(self) -> None:
        """Keep the longest order for the explanation."""
        if self._best is None or len(self._placed) > len(self._best.order):
            self._best = self._verdict()

    def _verdict(self) -> Verdict[State]:
        order = tuple(self._open.operations[at] for at, _, _ in self._placed)
        stuck = self._open.urgent()
        others = tuple(
            self._open.operations[at]
            for at in self._open.candidates()
            if self._open.operations[at] is not stuck
        )
        return Verdict(order, self._state, stuck, others, self._tried)
