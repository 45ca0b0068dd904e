"""Running work against the database: connections, transactions, retries, and
what failures become.
"""

import collections.abc
import contextlib
import logging
import random
import threading
import time
import typing

import sqlalchemy
from oslo_config import cfg

from freezer_api import exceptions, permits
from freezer_api.db import forks
from freezer_api.db.sqlalchemy import migration
from freezer_api.db.sqlalchemy.connections import (
    cursors,
    engines,
    errors,
    groups,
    kept,
)
from freezer_api.db.sqlalchemy.connections.errors import Meaning

LOG = logging.getLogger(__name__)

#: Seconds after which an operation isn't tried again.
DEADLINE = 30
#: Seconds between two attempts, at least and at most.
MIN_PAUSE, MAX_PAUSE = 0.002, 0.064
#: Seconds of retries after which an operation is worth a warning.
WARN_AFTER = 1
#: Duplicates that one operation may meet before the id counts as taken.
MAX_DUPLICATES = 10

#: What another server behind the same address may do better.
_ELSEWHERE = (Meaning.LOST, Meaning.READ_ONLY)
#: What happens with any schema. All else may come of a changed one.
_USUAL = (Meaning.CONFLICT, Meaning.DUPLICATE)
#: What ends an attempt after which there may be another one.
_REPEATED = (errors.StartOver, *errors.FAILURES)
_JITTER = random.SystemRandom()

T = typing.TypeVar('T')
#: What is done on a connection. It may be called several times.
Work = collections.abc.Callable[[sqlalchemy.Connection], T]


class Database:
    """The configured database. Safe in threads, and after a fork."""

    def __init__(self, conf: cfg.ConfigOpts):
        self.engines = engines.make(conf)
        self.dialect = self.engines.reader.dialect.name
        self._most_kept: int = conf.database.max_pool_size
        self._reset_after_fork()
        forks.call_after_fork(self._reset_after_fork)

    def read(self, work: Work[T]) -> T:
        """Run work that only reads, and return its result.

        Each of its statements sees a state of its own.
        """
        self._require_schema()
        return self._retry(self._run_reading, work)

    def write(self, work: Work[T]) -> T:
        """Run work as one transaction, and return its result.

        It runs again from its beginning when others were in its way. Domain
        errors undo it. ``StorageUnavailable`` if the answer to the commit is
        lost.
        """
        self._require_schema()
        return self._retry(self._run_transaction, work)

    def try_write(self, work: Work[typing.Any]) -> bool:
        """Run work as one transaction, once, and tell whether it was done:
        others may be in its way, or the database takes no writes.

        For what may as well be done later. Domain errors undo it.
        """
        self._require_schema()
        try:
            self._run_transaction(work)
        except errors.StartOver as error:
            LOG.debug('Left for later: %s.', error)
            return False
        except exceptions.StorageUnavailable as error:
            LOG.debug('Left for later: %s', error.__cause__ or error)
            return False
        except errors.FAILURES as error:
            self._check_schema_after(error)
            if errors.meaning(error) is Meaning.DEFECT:
                raise
            LOG.debug('Left for later: %s.', errors.describe(error))
            return False
        return True

    def look(self, work: Work[T]) -> T:
        """Run work that only reads, whatever schema there is; return its
        result.
        """
        return self._retry(self._run_reading, work)

    def check(self) -> None:
        """Return if this release may use the schema, else raise
        ``SchemaOutOfDate``, whose cause tells operators what to do.
        """
        self._fits = False
        self.look(migration.check)
        self._fits = True

    def close(self) -> None:
        """Close the connections; the next work opens new ones."""
        self.readers.dispose()
        self.writers.dispose()

    def _reset_after_fork(self) -> None:
        """Start without a connection and a lock: those that there are belong
        to the parent process.
        """
        self.engines.forget()
        self.readers = kept.Connections(self.engines.reader, self._most_kept)
        self.writers = kept.Connections(self.engines.writer, self._most_kept)
        self.groups: groups.Groups = groups.Groups()
        #: Whether the schema has been checked, and nothing odd has happened
        #: since.
        self._fits = False
        # SQLite has one writer at a time, whom others can only poll for.
        # Those of one process wait for this lock instead, which is fair.
        self._lock = threading.Lock() if self.dialect == 'sqlite' else None

    def _require_schema(self) -> None:
        if not self._fits:
            self.check()

    def _run_reading(self, work: Work[T]) -> T:
        with self.readers.lend() as connection:
            return work(connection)

    def _run_transaction(self, work: Work[T]) -> T:
        is_committing = False
        try:
            with (
                self._turn_to_write(),
                self.writers.lend() as connection,
                connection.begin(),
            ):
                engines.begin(connection)
                result = work(connection)
                cursors.prepare_commit(connection)
                is_committing = True
        except errors.FAILURES as error:
            if is_committing and errors.meaning(error) is Meaning.LOST:
                # To run it again could do it twice.
                raise exceptions.StorageUnavailable() from (
                    errors.CommitUnconfirmed(error)
                )
            raise
        return result

    @contextlib.contextmanager
    def _turn_to_write(self) -> collections.abc.Iterator[None]:
        """Wait for the turn to write, where there is one writer at a time;
        ``StorageUnavailable`` if it doesn't come.
        """
        if self._lock is None:
            yield
            return
        with permits.paused():
            is_turn = self._lock.acquire(timeout=DEADLINE)
        if not is_turn:
            raise exceptions.StorageUnavailable() from TimeoutError(
                f'Others have been writing for {DEADLINE} seconds.'
            )
        try:
            yield
        finally:
            self._lock.release()

    def _retry(
        self,
        attempt: collections.abc.Callable[[Work[T]], T],
        work: Work[T],
    ) -> T:
        """Attempt work until it succeeds, or fails for good."""
        begun = time.monotonic()
        try:
            return attempt(work)
        except _REPEATED as error:
            failure = error
        # Most work succeeds at once, and needs nothing of the rest.
        retries = _Retries(begun)
        try:
            while True:
                self._await_turn(retries, failure)
                try:
                    return attempt(work)
                except _REPEATED as error:
                    failure = error
        finally:
            retries.warn_if_long()

    def _await_turn(self, retries: '_Retries', error: Exception) -> None:
        """Return when it is time for another attempt after a failed one; else
        raise what the work ends with.
        """
        if isinstance(error, errors.StartOver):
            # Nobody is in the way, so there is nobody to wait for.
            retries.add(error)
        else:
            self._check_schema_after(error)
            retries.add_failure(error)
            retries.pause()
        retries.check_deadline()

    def _check_schema_after(self, error: Exception) -> None:
        """Check the schema after a failure that a changed one may be the
        reason of: now if nothing else explains it, else before the next work.
        """
        meaning = errors.meaning(error)
        if meaning in _ELSEWHERE:
            self.close()
        if not self._fits or meaning in _USUAL:
            return
        self._fits = False
        if meaning in (Meaning.SCHEMA, Meaning.DEFECT):
            self.check()


class _Retries:
    """The failed attempts of one operation."""

    def __init__(self, begun: float) -> None:
        self._begun = begun
        self._pause = MIN_PAUSE
        self._met: collections.Counter[Meaning] = collections.Counter()
        self._number = 0
        self._last: Exception | None = None

    def add_failure(self, error: Exception) -> None:
        """Count a failure that another attempt may get past; else raise what
        the operation ends with.
        """
        meaning = errors.meaning(error)
        final = _final_error(error, meaning, self._met[meaning])
        if final is error:
            raise error
        if final is not None:
            raise final from _cause(error, meaning)
        self._met[meaning] += 1
        self.add(error)

    def add(self, error: Exception) -> None:
        """Count a failed attempt."""
        self._number += 1
        self._last = error
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug(
                'Attempt %d failed after %.3f seconds and is repeated: %s.',
                self._number,
                self._elapsed(),
                errors.describe(error),
            )

    @permits.paused()
    def pause(self) -> None:
        """Wait for a random time, so that those who met don't meet again."""
        time.sleep(_JITTER.uniform(self._pause / 2, self._pause))
        self._pause = min(2 * self._pause, MAX_PAUSE)

    def check_deadline(self) -> None:
        """Raise ``StorageUnavailable`` if it is too late for another
        attempt.
        """
        if self._elapsed() > DEADLINE:
            raise exceptions.StorageUnavailable() from self._last

    def warn_if_long(self) -> None:
        """Log how long attempts have gone on, if that was long."""
        if self._last is None or self._elapsed() <= WARN_AFTER:
            return
        LOG.warning(
            'A storage operation took %.1f seconds and %d failed attempts. The'
            ' last one failed because %s.',
            self._elapsed(),
            self._number,
            errors.describe(self._last),
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun


def _final_error(
    error: Exception, meaning: Meaning, met: int
) -> Exception | None:
    """Return the error that an operation ends with after a failure, None if
    another attempt may succeed.

    ``met``: how often it has met failures of this meaning before.
    """
    if meaning is Meaning.CONFLICT:
        return None
    # One new connection may lead to another server. If that fails too, there
    # is none.
    if meaning in _ELSEWHERE and not met:
        return None
    if meaning is Meaning.READ_ONLY:
        return exceptions.StorageUnavailable(
            'The storage takes no writes at the moment.'
        )
    if meaning is Meaning.DUPLICATE:
        # The next attempt finds what another one has created.
        if met < MAX_DUPLICATES:
            return None
        return exceptions.Conflict('There is a document with this id already.')
    if meaning is Meaning.SCHEMA:
        return exceptions.SchemaOutOfDate(errors.OUT_OF_DATE)
    if meaning is Meaning.DEFECT:
        return error
    return exceptions.StorageUnavailable()


def _cause(error: Exception, meaning: Meaning) -> Exception:
    """Return the cause of the error that is raised, for operators."""
    if meaning is Meaning.SCHEMA:
        return migration.Misfit(str(error))
    return error
