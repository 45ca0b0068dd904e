"""Running work against the database: connections, transactions, retries, and
what failures become.
"""

import collections.abc
import contextlib
import os
import random
import threading
import time
import typing
import weakref

import sqlalchemy
from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import engines, errors, migrate
from freezer_api.db.sqlalchemy.errors import Meaning

#: Seconds in which an operation must find its way past others.
DEADLINE = 30
#: Seconds between two attempts, at least and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.064
#: Creations of the same id that may meet each other in a row before it counts
#: as taken.
MOST_DUPLICATES = 10

#: What another server behind the same address may do better.
_ELSEWHERE = (Meaning.LOST, Meaning.READ_ONLY)
_JITTER = random.SystemRandom()

Work = collections.abc.Callable[[sqlalchemy.Connection], typing.Any]


class Database:
    """The configured database. Safe in threads, and after a fork."""

    def __init__(self, conf: cfg.ConfigOpts):
        self.engines = engines.make(conf)
        self.dialect = self.engines.reader.dialect.name
        self._begin_alone()
        forked = weakref.WeakMethod(self._begin_alone)
        os.register_at_fork(after_in_child=lambda: (forked() or int)())

    def read(self, work: Work) -> typing.Any:
        """Run work that only reads; each of its statements sees a state of its
        own.
        """
        self._check_first()
        return self._attempts(self._reading, work)

    def write(self, work: Work) -> typing.Any:
        """Run work as one transaction. It runs again from its beginning when
        others were in its way.

        Domain errors undo it. ``StorageUnavailable`` if the answer to the
        commit is lost.
        """
        self._check_first()
        return self._attempts(self._transaction, work)

    def look(self, work: Work) -> typing.Any:
        """Run work that only reads, whatever schema there is."""
        return self._attempts(self._reading, work)

    def check(self) -> None:
        """Return if this release may use the schema, else raise
        ``SchemaOutOfDate``.

        What it is raised from tells operators what to do.
        """
        self._fits = False
        self.look(migrate.check)
        self._fits = True

    def close(self) -> None:
        """Give up connections; the next work makes new ones."""
        self.engines.dispose()

    def _begin_alone(self) -> None:
        """Start with no connection and no lock: those that there may be belong
        to a parent process.
        """
        self.engines.dispose(close=False)
        #: Whether the schema has been looked at, and nothing odd has happened
        #: since.
        self._fits = False
        # SQLite has one writer at a time, whom others can only poll for:
        # within a process they queue here instead.
        self._lock = threading.Lock() if self.dialect == 'sqlite' else None

    def _check_first(self) -> None:
        if not self._fits:
            self.check()

    def _reading(self, work: Work) -> typing.Any:
        with self.engines.reader.connect() as connection:
            return work(connection)

    def _transaction(self, work: Work) -> typing.Any:
        done = False
        try:
            with (
                self._turn(),
                self.engines.writer.connect() as connection,
                connection.begin(),
            ):
                engines.begin(connection)
                result = work(connection)
                done = True
        except errors.FAILURES as error:
            if done and errors.meaning(error) is Meaning.LOST:
                raise exceptions.StorageUnavailable() from error
            raise
        return result

    @contextlib.contextmanager
    def _turn(self) -> collections.abc.Iterator[None]:
        """A turn to write, where there is one at a time;
        ``StorageUnavailable`` if none comes.
        """
        if self._lock is None:
            yield
            return
        if not self._lock.acquire(timeout=DEADLINE):
            raise exceptions.StorageUnavailable() from TimeoutError(
                f'Others have been writing for {DEADLINE} seconds.'
            )
        try:
            yield
        finally:
            self._lock.release()

    def _attempts(
        self, attempt: collections.abc.Callable[[Work], typing.Any], work: Work
    ) -> typing.Any:
        deadline, pause = time.monotonic() + DEADLINE, FIRST_PAUSE
        met: collections.Counter[Meaning] = collections.Counter()
        while True:
            try:
                return attempt(work)
            except errors.StartOver as error:
                cause: Exception = error
            except errors.FAILURES as error:
                cause = error
                self._look_again(error)
                met[_worth_another(error, met)] += 1
                time.sleep(_JITTER.uniform(pause / 2, pause))
                pause = min(2 * pause, LONGEST_PAUSE)
            if time.monotonic() > deadline:
                raise exceptions.StorageUnavailable() from cause

    def _look_again(self, error: Exception) -> None:
        """Let the schema be looked at again after what a changed one may be
        the reason of.
        """
        meaning = errors.meaning(error)
        if meaning in _ELSEWHERE:
            self.engines.dispose()
        odd = self._fits and meaning not in (
            Meaning.CONFLICT,
            Meaning.DUPLICATE,
        )
        if odd:
            self._fits = False
        if odd and meaning in (Meaning.SCHEMA, Meaning.DEFECT):
            self.check()


def _worth_another(
    error: Exception, met: collections.abc.Mapping[Meaning, int]
) -> Meaning:
    """What a failure means that another attempt may get past; else the error
    to end with is raised.
    """
    meaning = errors.meaning(error)
    if (
        meaning is Meaning.CONFLICT
        or meaning in _ELSEWHERE
        and not met[meaning]
    ):
        return meaning
    if meaning is Meaning.READ_ONLY:
        raise exceptions.StorageUnavailable(
            'The storage takes no writes at the moment.'
        ) from error
    if meaning is Meaning.DUPLICATE:
        if met[meaning] < MOST_DUPLICATES:
            return meaning
        raise exceptions.Conflict(
            'An id that should be created is taken.'
        ) from error
    if meaning is Meaning.SCHEMA:
        raise exceptions.SchemaOutOfDate(
            errors.OUT_OF_DATE
        ) from migrate.Misfit(str(error))
    if meaning is Meaning.DEFECT:
        raise error
    raise exceptions.StorageUnavailable() from error
