"""Waiting and trying again, so that an operator can see why something takes
long.

Operations of several processes are in each other's way now and then: that is
expected, and told at DEBUG. An operation that has been tried again for longer
than :data:`WARN_AFTER` is told at WARNING, once.
"""

import collections.abc
import contextlib
import contextvars
import logging
import math
import random
import time
import typing

from freezer_api import exceptions, permits

LOG = logging.getLogger(__name__)
#: Seconds between two attempts, at first and at most.
MIN_PAUSE, MAX_PAUSE = 0.002, 0.064
#: Seconds of trying again after which an operator is told.
WARN_AFTER = 1.0
#: Seconds after which an operation gives up that others are always ahead of.
DEADLINE = 30.0
#: Doubling the pause more often than this changes nothing: it is the longest.
_MAX_DOUBLINGS = 10
_RANDOM = random.SystemRandom()
#: When the operation has to be over that is being done, by the monotonic clock.
_END = contextvars.ContextVar('end', default=math.inf)


@contextlib.contextmanager
def one_deadline() -> collections.abc.Iterator[None]:
    """Let all that is tried again meanwhile be over after :data:`DEADLINE`
    together.
    """
    token = _END.set(min(_END.get(), time.monotonic() + DEADLINE))
    try:
        yield
    finally:
        _END.reset(token)


def seconds_left() -> float:
    """Return how long the operation may still take."""
    return max(0.0, min(DEADLINE, _END.get() - time.monotonic()))


class GaveUp(Exception):
    """Why an operation isn't tried any more; for the log and the operator's
    commands.
    """


class Retries:
    """The attempts of one operation.

    ``operation`` and ``values`` say what is done, as a format for the log and
    its arguments; they are put together only where something is logged.
    """

    def __init__(
        self,
        operation: str,
        *values: object,
        timeout: float | None = None,
        max_attempts: int | None = None,
        warns: bool = True,
    ):
        self._operation = operation
        self._values = values
        self._timeout = DEADLINE if timeout is None else timeout
        self._max_attempts = max_attempts
        self._warns = warns
        self._begun = time.monotonic()
        self._attempts = 0

    def wait(self, reason: str, longest: float = MAX_PAUSE) -> None:
        """Wait a moment, ``longest`` seconds at most, before the next attempt,
        and log why.

        ``StorageUnavailable``, caused by :class:`GaveUp`, after the timeout
        (seconds; by default :data:`DEADLINE`), at the deadline of the whole
        operation, or after the last attempt.
        """
        self._attempts += 1
        elapsed = time.monotonic() - self._begun
        self._log(reason, elapsed)
        is_late = elapsed > self._timeout or time.monotonic() > _END.get()
        is_last = self._attempts == self._max_attempts
        if is_late or is_last:
            raise exceptions.StorageUnavailable() from GaveUp(
                f'{self._describe()} was given up after {self._attempts}'
                f' attempts and {elapsed:.1f} s: {reason}'
            )
        pause(self._attempts - 1, longest)

    def _log(self, reason: str, elapsed: float) -> None:
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug(
                '%s: attempt %d did not succeed (%.3f s so far): %s',
                self._describe(),
                self._attempts,
                elapsed,
                reason,
            )
        if self._warns and elapsed > WARN_AFTER:
            self._warns = False
            LOG.warning(
                '%s: still trying after %.1f s and %d attempts: %s',
                self._describe(),
                elapsed,
                self._attempts,
                reason,
            )

    def _describe(self) -> str:
        return self._operation % self._values


@permits.paused()
def pause(attempt: int, longest: float = MAX_PAUSE) -> None:
    """Wait a random time, which grows with the number of the attempt (from
    0): those who were in each other's way come back at different times.
    """
    doubled = MIN_PAUSE * 2 ** min(attempt, _MAX_DOUBLINGS)
    time.sleep(_RANDOM.uniform(MIN_PAUSE, min(longest, doubled)))


def reason_of(error: BaseException) -> typing.Any:
    """Return what the log tells of an error: its cause, if it has one, for
    the text of the error itself is meant for callers of the API.
    """
    return error.__cause__ or error
