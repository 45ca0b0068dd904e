"""Executing statements by the cursors of the database's module.

What SQLAlchemy does to execute a statement that it has compiled before, and to
make rows of the answer, costs as much of the processor as the module's own
work. Statements of most requests do without: SQLAlchemy compiles them, has the
connection, and is told of failures, which it knows the meaning of.

Whoever listens to SQLAlchemy's events is told of all statements: then they
take its way.
"""

import collections.abc
import functools
import typing

import sqlalchemy

from freezer_api.db.sqlalchemy.connections import deferred

Statement: typing.TypeAlias = (
    sqlalchemy.Select
    | sqlalchemy.CompoundSelect
    | sqlalchemy.Insert
    | sqlalchemy.Update
    | sqlalchemy.Delete
)
Parameters = collections.abc.Mapping[str, typing.Any]
#: Values in the order of the statement's columns.
Row = collections.abc.Sequence[typing.Any]
Rows = collections.abc.Sequence[Row]
T = typing.TypeVar('T')

#: Places of a statement that has one for each value, at most: such a statement
#: is kept for each number of them, see :func:`places`.
MAX_PLACEHOLDERS = 32
#: The option by which a failure is handed to SQLAlchemy.
_FAILURE = 'freezer_failure'


class _Plan(typing.NamedTuple):
    """A statement as the module takes it."""

    text: str
    #: The names of its parameters, in their order.
    names: tuple[str, ...]
    is_positional: bool
    #: Values that the statement itself has.
    own: dict[str, typing.Any]


def set_up(engine: sqlalchemy.Engine) -> None:
    """Let failures be handed to SQLAlchemy, on all connections of an
    engine.
    """
    execute = engine.dialect.do_execute

    @functools.wraps(execute)
    def do_execute(
        cursor: typing.Any,
        statement: str,
        parameters: typing.Any,
        context: typing.Any = None,
    ) -> None:
        if context is not None and _FAILURE in context.execution_options:
            raise context.execution_options[_FAILURE]
        execute(
            cursor,
            statement,
            parameters,
            context,
        )

    setattr(engine.dialect, 'do_execute', do_execute)  # noqa: B010


def fetch(
    connection: sqlalchemy.Connection,
    statement: Statement,
    parameters: Parameters,
) -> Rows:
    """Return the rows of a statement.

    The statement is one that is kept: what is made of it is kept with it.
    """
    plan = _plan_for(connection, statement)
    if plan is None:
        return connection.execute(statement, parameters).all()
    return _execute(
        connection,
        plan,
        _arguments(plan, parameters),
        _all_rows,
    )


def write(
    connection: sqlalchemy.Connection,
    statement: Statement,
    parameters: Parameters,
) -> int:
    """Execute a statement that is kept, and return how many rows it found."""
    plan = _plan_for(connection, statement)
    if plan is None:
        return connection.execute(statement, parameters).rowcount
    return _execute(
        connection,
        plan,
        _arguments(plan, parameters),
        _rowcount,
    )


def write_later(
    connection: sqlalchemy.Connection,
    statement: Statement,
    parameters: Parameters,
) -> None:
    """Execute a statement that is kept before any other that follows in the
    transaction, or together with the commit: which may fail for it.
    """
    plan = _plan_for(connection, statement)
    if plan is None or not deferred.is_possible(connection.dialect):
        write(connection, statement, parameters)
        return
    arguments = _arguments(plan, parameters)
    _add(connection, plan, arguments)


def _add(
    connection: sqlalchemy.Connection, plan: _Plan, arguments: typing.Any
) -> None:
    """Let a statement wait for the commit, if there is room."""
    if not deferred.add(connection, plan.text, arguments):
        _execute(
            connection,
            plan,
            arguments,
            _rowcount,
        )


def prepare_commit(connection: sqlalchemy.Connection) -> None:
    """Fail if statements wait on a connection that seems to be lost. If they
    were sent with the commit, nobody would know whether that took effect.
    """
    if deferred.is_waiting(connection) and deferred.is_lost(connection):
        write_text(connection, 'SELECT 1')


def write_all(
    connection: sqlalchemy.Connection,
    statement: Statement,
    rows: collections.abc.Sequence[Parameters],
) -> None:
    """Execute a statement that is kept with each of several parameters."""
    plan = _plan_for(connection, statement)
    if plan is None:
        connection.execute(statement, rows)
        return
    all_arguments = [_arguments(plan, row) for row in rows]
    _execute(
        connection,
        plan,
        all_arguments,
        _rowcount,
        is_many=True,
    )


def write_text(
    connection: sqlalchemy.Connection, text: str, later: bool = False
) -> None:
    """Execute SQL without parameters, which nothing that callers sent may be
    a part of, nor a percent sign. ``later``: as :func:`write_later`.
    """
    if connection.dispatch.before_cursor_execute:
        connection.exec_driver_sql(text)
        return
    plan = _Plan(
        text,
        (),
        is_positional=True,
        own={},
    )
    if later and deferred.is_possible(connection.dialect):
        _add(connection, plan, ())
        return
    _execute(
        connection,
        plan,
        (),
        _rowcount,
    )


def places(number: int) -> int:
    """Return how many places a statement has for a number of values: a power of
    two, so that few statements have to be kept.
    """
    return 1 << (number - 1).bit_length()


def placeholders(
    name: str, values: collections.abc.Sequence[typing.Any]
) -> dict[str, typing.Any]:
    """Return values as parameters ``name0``, ``name1`` and so on, for a
    statement that has a place for each: at most :data:`MAX_PLACEHOLDERS`.

    The last value stands in the places that are left.
    """
    last = len(values) - 1
    return {
        f'{name}{i}': values[min(i, last)] for i in range(places(len(values)))
    }


def insert(
    connection: sqlalchemy.Connection,
    table: sqlalchemy.Table,
    values: Parameters,
) -> int:
    """Insert a row into a table that numbers its rows; return its number."""
    dialect = connection.dialect
    statement = insertion(table, tuple(values), dialect.name == 'postgresql')
    plan = _plan_for(connection, statement)
    if plan is None:
        result = connection.execute(statement, values)
        key: typing.Any = (
            result.one()
            if result.returns_rows
            else result.inserted_primary_key
        )
        return key[0]
    return _execute(
        connection,
        plan,
        _arguments(plan, values),
        _number_returned if dialect.name == 'postgresql' else _last_number,
    )


@functools.lru_cache(maxsize=64)
def insertion(
    table: sqlalchemy.Table, names: tuple[str, ...], returns_key: bool = False
) -> sqlalchemy.Insert:
    """Return the statement that inserts a row of columns; the names of the
    parameters are theirs.
    """
    columns: dict[str, typing.Any] = {
        name: sqlalchemy.bindparam(name) for name in names
    }
    statement = sqlalchemy.insert(table).values(columns)
    if returns_key:
        return statement.returning(*table.primary_key.columns)
    return statement


def _number_returned(cursor: typing.Any) -> int:
    number: int = cursor.fetchone()[0]
    return number


def _last_number(cursor: typing.Any) -> int:
    number: int = cursor.lastrowid
    return number


def _all_rows(cursor: typing.Any) -> Rows:
    rows: Rows = cursor.fetchall()
    return rows


def _rowcount(cursor: typing.Any) -> int:
    rowcount: int = cursor.rowcount
    return rowcount


def _arguments(plan: _Plan, parameters: Parameters) -> typing.Any:
    """Return parameters as the module takes them."""
    given = {**plan.own, **parameters}
    if plan.is_positional:
        return tuple([given[name] for name in plan.names])
    return {name: given[name] for name in plan.names}


def _execute(
    connection: sqlalchemy.Connection,
    plan: _Plan,
    arguments: typing.Any,
    take: collections.abc.Callable[[typing.Any], T],
    is_many: bool = False,
) -> T:
    """Return what is taken from the cursor once a statement is executed."""
    dialect = connection.dialect
    execute = dialect.do_executemany if is_many else dialect.do_execute
    try:
        deferred.send_waiting(connection)
        cursor = connection.connection.cursor()
        try:
            execute(cursor, plan.text, arguments)
            return take(cursor)
        finally:
            cursor.close()
    except dialect.loaded_dbapi.Error as error:
        failure = error
    except BaseException:
        # Broken off in the middle of an answer, of which the rest would be
        # taken for the next one.
        connection.invalidate()
        raise
    # It wraps the failure, and knows whether the connection is lost.
    connection.exec_driver_sql(
        plan.text,
        arguments[0] if is_many else arguments,
        execution_options={_FAILURE: failure},
    )
    raise failure


def _plan_for(
    connection: sqlalchemy.Connection, statement: Statement
) -> _Plan | None:
    if connection.dispatch.before_cursor_execute:
        return None
    return _plan(statement, connection.dialect)


@functools.lru_cache(maxsize=1024)
def _plan(statement: Statement, dialect: sqlalchemy.Dialect) -> _Plan | None:
    """Return how the module takes a statement, None if SQLAlchemy has to
    change its parameters or its values.
    """
    compiled: typing.Any = statement.compile(dialect=dialect)
    binds = compiled.binds.values()
    if any(bind.expanding or bind.literal_execute for bind in binds):
        return None
    for bind in binds:
        if _is_changed(bind.type, 'bind_processor', dialect):
            return None
    for column in getattr(statement, 'selected_columns', ()):
        if _is_changed(column.type, 'result_processor', dialect, None):
            return None
    own = {}
    for name, bind in compiled.binds.items():
        if not bind.required:
            own[name] = bind.value
    is_positional = compiled.positional
    names = compiled.positiontup if is_positional else compiled.binds
    return _Plan(
        str(compiled),
        tuple(names),
        is_positional,
        own,
    )


def _is_changed(
    type_: typing.Any, name: str, dialect: sqlalchemy.Dialect, *more: None
) -> bool:
    """Tell whether SQLAlchemy changes values of a type."""
    # All modules take bytes and return them.
    if isinstance(type_, sqlalchemy.LargeBinary):
        return False
    processor_of = getattr(type_.dialect_impl(dialect), name)
    return processor_of(dialect, *more) is not None
