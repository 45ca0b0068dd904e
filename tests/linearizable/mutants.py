"""The service with a safeguard taken out. A process gets the name of a mutant when it is started;
the judge must reject what is recorded then.
"""

import collections.abc
import functools
import os
import random
import re
import threading
import time
import typing

import sqlalchemy
from oslo_config import cfg

from freezer_api.db import driver
from freezer_api.db.elasticsearch import driver as elasticsearch_driver
from freezer_api.db.elasticsearch.connections import client
from freezer_api.db.sqlalchemy import driver as sqlalchemy_driver
from freezer_api.db.sqlalchemy.connections import database
from freezer_api.domain import documents

#: How often something goes wrong that needn't each time.
SHARE = 0.2
#: Seconds for which reads are remembered, and by which writes come late.
STALE, LATE = 0.5, 0.3
#: Microseconds by which the clocks of processes differ.
APART = 2_000_000
#: The variable that numbers the processes of a store.
PROCESS = 'FREEZER_TEST_PROCESS'
_LOCKS = re.compile(
    r' (?:FOR UPDATE|FOR SHARE|FOR NO KEY UPDATE|LOCK IN SHARE MODE)(?: SKIP LOCKED)?'
)
_RANDOM = random.Random()


def unlocked() -> None:
    """Transactions of a database read without locks."""

    def strip(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> tuple[str, object]:
        return _LOCKS.sub('', statement), parameters

    sqlalchemy.event.listen(sqlalchemy.Engine, 'before_cursor_execute', strip, retval=True)


def uncompared() -> None:
    """Writes of documents don't depend on what was read."""
    original = client.Client.call

    @functools.wraps(original)
    def call(
        self: client.Client, method: str, path: str, body: typing.Any = None, *rest: typing.Any
    ) -> typing.Any:
        if path == '/_bulk':
            # The documents themselves are bytes already.
            actions = [line for line in body if isinstance(line, dict)]
            for action in actions:
                for where in action.values():
                    where.pop('if_seq_no', None)
                    where.pop('if_primary_term', None)
        return original(self, method, path, body, *rest)

    setattr(client.Client, 'call', call)  # noqa: B010


class _Lost(Exception):
    """Carries the result of what is undone."""


def lost() -> None:
    """Some transactions of a database are acknowledged and undone."""
    original = database.Database.write

    @functools.wraps(original)
    def write(self: database.Database, work: collections.abc.Callable) -> typing.Any:
        def undone(connection: sqlalchemy.Connection) -> typing.Any:
            result = work(connection)
            if _RANDOM.random() < SHARE:
                raise _Lost(result)
            return result

        try:
            return original(self, undone)
        except _Lost as loss:
            return loss.args[0]

    setattr(database.Database, 'write', write)  # noqa: B010


def stale() -> None:
    """A process shows documents as they were when it read them last."""
    for owner in (sqlalchemy_driver.Driver, elasticsearch_driver.Driver):
        original = owner.get
        remembered: dict = {}

        def get(
            self: driver.Driver,
            *asked: typing.Any,
            original: typing.Any = original,
            remembered: dict = remembered,
        ) -> typing.Any:
            read, found = remembered.get(asked, (0.0, None))
            if time.monotonic() - read > STALE:
                found = original(self, *asked)
                remembered[asked] = time.monotonic(), found
            return found

        owner.get = get


def late() -> None:
    """Some jobs become members after that was acknowledged."""
    original = driver.Driver.attach

    @functools.wraps(original)
    def attach(self: driver.Driver, *arguments: typing.Any, **more: typing.Any) -> bool:
        if _RANDOM.random() < SHARE:
            timer = threading.Timer(LATE, original, (self, *arguments), more)
            timer.daemon = True
            timer.start()
            return True
        return original(self, *arguments, **more)

    setattr(driver.Driver, 'attach', attach)  # noqa: B010


def twice() -> None:
    """Starts and ends are done again, as if the first time had failed."""
    original = driver.Driver.write_session

    @functools.wraps(original)
    def write_session(
        self: driver.Driver, *arguments: typing.Any, **more: typing.Any
    ) -> typing.Any:
        original(self, *arguments, **more)
        return original(self, *arguments, **more)

    setattr(driver.Driver, 'write_session', write_session)  # noqa: B010


def apart() -> None:
    """Each process has a clock of its own, seconds from the others."""
    ahead = APART * int(os.environ[PROCESS])
    original = documents.now
    for owner in (sqlalchemy_driver.Driver, elasticsearch_driver.Driver):
        made = owner.__init__

        def init(
            self: driver.Driver, conf: cfg.ConfigOpts, *_: object, made: typing.Any = made
        ) -> None:
            made(self, conf, lambda: original() + ahead)

        owner.__init__ = init


MUTANTS: dict[str, collections.abc.Callable[[], None]] = {
    mutant.__name__: mutant for mutant in (unlocked, uncompared, lost, stale, late, twice, apart)
}
