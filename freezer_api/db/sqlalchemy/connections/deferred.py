"""Writes that wait for the commit: whose answers nobody needs.

Each statement takes a round trip to the database, in which others wait for
what the transaction has locked. MariaDB does several as one, as a compound
statement, where modules send one at a time. Others do each at once.
"""

import collections.abc
import contextlib
import functools
import select
import typing

import sqlalchemy

#: Characters of the statements that wait, about: a server bounds a packet.
MAX_CHARACTERS = 100_000
#: Where a module's connection has what waits.
_NAME = '_freezer_deferred'
#: What is inserted as text, and what is measured.
_TEXTS = (str, bytes)

Arguments = tuple[typing.Any, ...]
Call = collections.abc.Callable[..., None]


class Deferred:
    """The statements of a transaction that wait."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._arguments: list[typing.Any] = []
        self._characters = 0

    def add(self, text: str, arguments: Arguments) -> bool:
        """Add a statement if there is room for it, and tell whether there
        was.
        """
        characters = len(text)
        for value in arguments:
            if isinstance(value, _TEXTS):
                characters += len(value)
        if self._characters + characters > MAX_CHARACTERS:
            return False
        self._texts.append(text)
        self._arguments += arguments
        self._characters += characters
        return True

    def statement(self, *following: str) -> tuple[str, Arguments]:
        """Return one statement that does all, and others after them."""
        texts = [*self._texts, *following]
        if len(texts) == 1:
            return texts[0], tuple(self._arguments)
        compound = '; '.join(texts)
        return f'BEGIN NOT ATOMIC {compound}; END', tuple(self._arguments)


def set_up(engine: sqlalchemy.Engine) -> None:
    """Let writes wait for the commit, on all connections of an engine for
    MariaDB or MySQL.
    """
    dialect = engine.dialect
    for name in ('do_execute', 'do_executemany', 'do_execute_no_params'):
        _replace(dialect, name, _in_order)
    _replace(dialect, 'do_commit', functools.partial(_committing, dialect))
    _replace(dialect, 'do_rollback', _rolling_back)


def is_possible(dialect: sqlalchemy.Dialect) -> bool:
    """Tell whether a database does several statements as one."""
    return bool(getattr(dialect, 'is_mariadb', False))


def add(
    connection: sqlalchemy.Connection, text: str, arguments: Arguments
) -> bool:
    """Let a statement wait for the commit if there is room, and tell whether
    there was.
    """
    owner = _owner(connection.connection)
    waiting: Deferred = getattr(owner, _NAME, None) or Deferred()
    has_room = waiting.add(text, arguments)
    if has_room:
        setattr(owner, _NAME, waiting)
    return has_room


def is_lost(connection: sqlalchemy.Connection) -> bool:
    """Tell whether something waits on a connection that seems to be lost: to
    send it with the commit would leave open what became of that.
    """
    owner = _owner(connection.connection)
    if getattr(owner, _NAME, None) is None:
        return False
    # PyMySQL has no other way to tell it.
    socket = owner if hasattr(owner, 'fileno') else owner._sock
    if socket is None:
        return True
    # A server says nothing unasked, but that it closes the connection.
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def send_waiting(connection: sqlalchemy.Connection) -> None:
    """Execute the statements of a connection that wait."""
    pooled = connection.connection
    waiting = _take(pooled)
    if waiting is not None:
        _send(connection.dialect, pooled, waiting.statement())


def _take(pooled: typing.Any) -> Deferred | None:
    """Return what a connection has waiting, and have it wait no more."""
    owner = _owner(pooled)
    waiting: Deferred | None = getattr(owner, _NAME, None)
    if waiting is not None:
        setattr(owner, _NAME, None)
    return waiting


def _owner(pooled: typing.Any) -> typing.Any:
    """Return the module's own connection."""
    return pooled.dbapi_connection


def _send(
    dialect: sqlalchemy.Dialect,
    connection: typing.Any,
    statement: tuple[str, Arguments],
) -> None:
    """Execute a statement, by a connection of the pool."""
    cursor = connection.cursor()
    try:
        dialect.do_execute(cursor, *statement)
    finally:
        cursor.close()


# What SQLAlchemy calls


def _replace(
    dialect: sqlalchemy.Dialect,
    name: str,
    make: collections.abc.Callable[[Call], Call],
) -> None:
    """Replace a method of a dialect by what is made of it."""
    method = getattr(dialect, name)
    setattr(dialect, name, functools.wraps(method)(make(method)))


def _in_order(execute: Call) -> Call:
    """Return what executes a statement after those that wait."""

    def in_order(cursor: typing.Any, *arguments: typing.Any) -> None:
        # Without a context it isn't SQLAlchemy that executes.
        context = arguments[-1]
        if isinstance(context, sqlalchemy.engine.ExecutionContext):
            send_waiting(context.root_connection)
        execute(cursor, *arguments)

    return in_order


def _committing(dialect: sqlalchemy.Dialect, commit: Call) -> Call:
    """Return what commits, together with what waits."""

    def send_and_commit(connection: typing.Any) -> None:
        waiting = _take(connection)
        if waiting is None:
            commit(connection)
            return
        try:
            _send(dialect, connection, waiting.statement('COMMIT'))
        except dialect.loaded_dbapi.Error:
            # SQLAlchemy takes the transaction for ended. Not all failures
            # end it.
            with contextlib.suppress(dialect.loaded_dbapi.Error):
                dialect.do_rollback(connection)
            raise

    return send_and_commit


def _rolling_back(rollback: Call) -> Call:
    """Return what rolls back, and forgets what waits."""

    def forget_and_roll_back(connection: typing.Any) -> None:
        _take(connection)
        rollback(connection)

    return forget_and_roll_back
