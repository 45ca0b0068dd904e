"""Reading by the cursors of the database's module.

What SQLAlchemy does to execute a statement that it has compiled before, and to
make rows of the answer, costs as much of the processor as the module's own
work. Statements that are executed with most requests do without.
"""

import collections.abc
import functools
import typing

import sqlalchemy

Parameters = collections.abc.Mapping[str, typing.Any]
#: Values in the order of the statement's columns.
Rows = collections.abc.Sequence[collections.abc.Sequence[typing.Any]]


class _Plan(typing.NamedTuple):
    """A statement as the module takes it."""

    text: str
    #: The names of its parameters, in their order.
    names: tuple[str, ...]
    is_positional: bool
    #: Values that the statement itself has.
    own: dict[str, typing.Any]


def fetch(
    connection: sqlalchemy.Connection,
    statement: sqlalchemy.Select | sqlalchemy.CompoundSelect,
    parameters: Parameters,
) -> Rows:
    """Return the rows of a statement that only reads, on a connection that
    commits by itself.

    The statement is one that is kept: what is made of it is kept with it. If
    it fails, SQLAlchemy executes it again, which knows what a failure means
    and whether the connection is lost. Whoever listens to its events is told
    of the statement, too.
    """
    plan = None
    if not connection.dispatch.before_cursor_execute:
        plan = _plan(statement, connection.dialect)
    if plan is not None:
        found = _execute(connection, plan, parameters)
        if found is not None:
            return found
    return connection.execute(statement, parameters).all()


def _execute(
    connection: sqlalchemy.Connection, plan: _Plan, parameters: Parameters
) -> Rows | None:
    """Return the rows, None if the module tells a failure."""
    dialect = connection.dialect
    given = {**plan.own, **parameters}
    arguments: typing.Any
    if plan.is_positional:
        arguments = tuple([given[name] for name in plan.names])
    else:
        arguments = {name: given[name] for name in plan.names}
    try:
        cursor = connection.connection.cursor()
        try:
            dialect.do_execute(cursor, plan.text, arguments)
            rows: Rows = cursor.fetchall()
        finally:
            cursor.close()
    except dialect.loaded_dbapi.Error:
        return None
    except BaseException:
        # Broken off in the middle of an answer, of which the rest would be
        # taken for the next one.
        connection.invalidate()
        raise
    return rows


@functools.lru_cache(maxsize=1024)
def _plan(
    statement: sqlalchemy.Select | sqlalchemy.CompoundSelect,
    dialect: sqlalchemy.Dialect,
) -> _Plan | None:
    """Return how the module takes a statement, None if SQLAlchemy has to
    change its parameters or its values.
    """
    compiled: typing.Any = statement.compile(dialect=dialect)
    binds = compiled.binds.values()
    if any(bind.expanding or bind.literal_execute for bind in binds):
        return None
    for bind in binds:
        if bind.type.dialect_impl(dialect).bind_processor(dialect):
            return None
    for column in statement.selected_columns:
        if column.type.dialect_impl(dialect).result_processor(dialect, None):
            return None
    own = {
        name: bind.value
        for name, bind in compiled.binds.items()
        if not bind.required
    }
    is_positional = compiled.positional
    names = compiled.positiontup if is_positional else compiled.binds
    return _Plan(str(compiled), tuple(names), is_positional, own)
