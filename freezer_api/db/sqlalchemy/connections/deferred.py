"""Writes that wait for the commit: whose answers nobody needs.

Each statement takes a round trip to the database, in which others wait for
what the transaction has locked. MariaDB does several as one, a compound
statement; psycopg sends several to PostgreSQL before it reads the answers.
Others do each at once.
"""

import collections.abc
import contextlib
import functools
import select
import typing

import sqlalchemy

#: By position for MariaDB, by name for PostgreSQL.
Arguments: typing.TypeAlias = typing.Any
#: A statement's text and its arguments.
Execution: typing.TypeAlias = tuple[str, Arguments]
Call = collections.abc.Callable[..., None]

#: Characters of the statements that wait, about: a server bounds a packet.
MAX_CHARACTERS = 100_000
#: The method of a dialect that executes several, as ``do_execute`` does one.
PIPELINE = 'do_pipeline'
_COMMIT: Execution = ('COMMIT', ())
#: Where a module's connection has what waits.
_NAME = '_freezer_deferred'
#: What is sent as text, and what is measured.
_TEXTS = (str, bytes)


class Deferred:
    """The statements of a transaction that wait."""

    def __init__(self) -> None:
        self.statements: list[Execution] = []
        self._characters = 0

    def add(self, text: str, arguments: Arguments) -> bool:
        """Add a statement if there is room for it, and tell whether there
        was.
        """
        values = arguments
        if isinstance(arguments, dict):
            values = arguments.values()
        characters = len(text)
        for value in values:
            if isinstance(value, _TEXTS):
                characters += len(value)
        if self._characters + characters > MAX_CHARACTERS:
            return False
        self.statements.append((text, arguments))
        self._characters += characters
        return True


def set_up(engine: sqlalchemy.Engine) -> None:
    """Let writes wait for the commit, on all connections of an engine for
    MariaDB, MySQL or PostgreSQL.
    """
    dialect = engine.dialect
    setattr(dialect, PIPELINE, _pipeline)
    for name in ('do_execute', 'do_executemany', 'do_execute_no_params'):
        _replace(dialect, name, _in_order)
    _replace(dialect, 'do_commit', functools.partial(_committing, dialect))
    _replace(dialect, 'do_rollback', _rolling_back)


def is_possible(dialect: sqlalchemy.Dialect) -> bool:
    """Tell whether a database is sent several statements together."""
    if dialect.name == 'mysql':
        return bool(getattr(dialect, 'is_mariadb', False))
    if dialect.name == 'postgresql':
        # libpq does it since its version 14.
        return bool(dialect.loaded_dbapi.Pipeline.is_supported())
    return False


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


def is_waiting(connection: sqlalchemy.Connection) -> bool:
    """Tell whether statements wait on a connection."""
    return getattr(_owner(connection.connection), _NAME, None) is not None


def is_lost(connection: sqlalchemy.Connection) -> bool:
    """Tell whether a connection on which statements may wait seems to be
    lost.
    """
    owner = _owner(connection.connection)
    try:
        # PyMySQL has no other way to tell it.
        socket = owner if hasattr(owner, 'fileno') else owner._sock
        descriptor = socket.fileno()
    except (AttributeError, connection.dialect.loaded_dbapi.Error):
        # It is closed.
        return True
    # A server says nothing unasked, but that it closes the connection.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def send_waiting(connection: sqlalchemy.Connection) -> None:
    """Execute the statements of a connection that wait."""
    pooled = connection.connection
    waiting = _take(pooled)
    if waiting is not None:
        _send(connection.dialect, pooled, waiting.statements)


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


# Sending


def _send(
    dialect: sqlalchemy.Dialect,
    pooled: typing.Any,
    statements: collections.abc.Sequence[Execution],
) -> None:
    """Execute statements, of which the first that fails is the last."""
    cursor = pooled.cursor()
    try:
        if dialect.name == 'mysql':
            dialect.do_execute(cursor, *_compound(statements))
        else:
            text = '; '.join([text for text, _arguments in statements])
            getattr(dialect, PIPELINE)(cursor, text, statements)
    finally:
        cursor.close()


def _compound(statements: collections.abc.Sequence[Execution]) -> Execution:
    """Return one statement that does all."""
    if len(statements) == 1:
        return statements[0]
    texts = []
    together: list[typing.Any] = []
    for text, arguments in statements:
        texts.append(text)
        together += arguments
    return f'BEGIN NOT ATOMIC {"; ".join(texts)}; END', tuple(together)


def _pipeline(
    cursor: typing.Any,
    text: str,
    statements: collections.abc.Iterable[Execution],
) -> None:
    """Execute statements, whose ``text`` is for the log."""
    with cursor.connection.pipeline():
        for statement, arguments in statements:
            cursor.execute(statement, arguments)


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

    def send_and_commit(pooled: typing.Any) -> None:
        waiting = _take(pooled)
        if waiting is None:
            commit(pooled)
            return
        try:
            _send(dialect, pooled, [*waiting.statements, _COMMIT])
        except dialect.loaded_dbapi.Error:
            # SQLAlchemy takes the transaction for ended. Not all failures
            # end it.
            with contextlib.suppress(dialect.loaded_dbapi.Error):
                dialect.do_rollback(pooled)
            raise
        except BaseException:
            # Broken off: the transaction, or an answer, may still be there.
            pooled.invalidate()
            raise

    return send_and_commit


def _rolling_back(rollback: Call) -> Call:
    """Return what rolls back, and forgets what waits."""

    def forget_and_roll_back(pooled: typing.Any) -> None:
        _take(pooled)
        rollback(pooled)

    return forget_and_roll_back
