"""Connections that stay open from one use to the next.

To take a connection from SQLAlchemy's pool and give it back costs as much of
the processor as a statement does. So those that were used are kept aside, for
whoever comes next. The pool still says how many there may be, and how old each
may become.
"""

import threading
import time
import typing

import sqlalchemy

#: Seconds after which a connection is given back to the pool, which closes it
#: if it is too old.
LONGEST_KEPT = 60


class Lease(typing.NamedTuple):
    """A connection in use."""

    connection: sqlalchemy.Connection
    #: When it was taken from the pool (:func:`time.monotonic`), and after how
    #: many disposals.
    since: float
    disposals: int


class Connections:
    """The connections of an engine. Safe in threads; after a fork the child
    needs an object of its own.
    """

    def __init__(self, engine: sqlalchemy.Engine, most: int):
        """``most``: how many may be kept, 0 for any number."""
        self._engine = engine
        self._most = most or float('inf')
        self._lock = threading.Lock()
        self._kept: list[Lease] = []
        #: How many threads may be waiting for the pool.
        self._waiting = 0
        self._disposals = 0

    def lend(self) -> '_Loan':
        """Return a context manager that has a connection."""
        return _Loan(self)

    def take(self) -> Lease:
        """Return a connection, for :meth:`give_back`."""
        with self._lock:
            lease = self._kept.pop() if self._kept else None
            if lease is not None and not _is_old(lease):
                return lease
            self._waiting += 1
            disposals = self._disposals
        try:
            if lease is not None:
                # It has lain idle: the server, or a proxy, may have dropped
                # it. The pool knows how old it may be.
                lease.connection.close()
            connection = self._engine.connect()
        finally:
            with self._lock:
                self._waiting -= 1
        return Lease(connection, time.monotonic(), disposals)

    def give_back(self, lease: Lease) -> None:
        """Keep a connection for its next use, unless it has been kept long, or
        others wait for one that the pool can give them.
        """
        is_recent = not _is_old(lease)
        with self._lock:
            is_wanted = (
                is_recent
                and not self._waiting
                and lease.disposals == self._disposals
                and len(self._kept) < self._most
            )
            if is_wanted:
                self._kept.append(lease)
        if not is_wanted:
            lease.connection.close()

    def dispose(self) -> None:
        """Close the connections; those in use when they are given back."""
        with self._lock:
            kept, self._kept = self._kept, []
            self._disposals += 1
        for lease in kept:
            lease.connection.close()
        self._engine.dispose()


def _is_old(lease: Lease) -> bool:
    return time.monotonic() - lease.since > LONGEST_KEPT


class _Loan:
    """Takes a connection, and gives it back."""

    # By hand: a generator costs several times as much.
    __slots__ = ('_connections', '_lease')

    def __init__(self, connections: Connections):
        self._connections = connections

    def __enter__(self) -> sqlalchemy.Connection:
        self._lease = self._connections.take()
        return self._lease.connection

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self._connections.give_back(self._lease)
        else:
            # The pool knows whether it can still be used.
            self._lease.connection.close()
