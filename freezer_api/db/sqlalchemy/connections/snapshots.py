"""Reading one state of the database by several statements."""

import collections.abc
import contextlib

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy.connections import cursors

#: How a database begins a transaction whose statements all see what was there
#: at one moment.
_BEGIN = {
    # The isolation is that of the next transaction alone.
    'mysql': (
        'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
        'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY',
    ),
    'postgresql': ('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',),
    # It is that of the first statement that reads.
    'sqlite': ('BEGIN',),
}


@contextlib.contextmanager
def snapshot(
    connection: sqlalchemy.Connection,
) -> collections.abc.Iterator[None]:
    """Let all that is read meanwhile be of one state. ``connection`` is one of
    those whose statements stand alone.
    """
    try:
        for statement in _BEGIN[connection.dialect.name]:
            cursors.write_text(connection, statement)
        yield
    except exceptions.FreezerError:
        _end(connection)
        raise
    except BaseException:
        # It may be in the transaction still.
        connection.invalidate()
        raise
    _end(connection)


def _end(connection: sqlalchemy.Connection) -> None:
    cursors.write_text(connection, 'COMMIT')
