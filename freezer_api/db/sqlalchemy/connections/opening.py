"""What all databases' connections have in common: for how long they wait, and
that something is set on each new one.
"""

import collections.abc
import typing

import sqlalchemy
from sqlalchemy.engine import interfaces

#: Seconds until a host counts as unreachable; until a statement stops waiting
#: for a lock; until an answer counts as lost.
CONNECT_TIMEOUT, LOCK_TIMEOUT, READ_TIMEOUT = 10, 10, 60

Settings = dict[str, typing.Any]
#: A connection of PyMySQL, mysqlclient, psycopg or sqlite3. They have no type
#: in common that tells what is used of them here.
DriverConnection = typing.Any


def on_connect(
    engine: sqlalchemy.Engine,
    apply: collections.abc.Callable[[DriverConnection], None],
) -> None:
    """Apply something to each new connection of an engine."""

    def _connected(
        connection: interfaces.DBAPIConnection, record: object
    ) -> None:
        apply(connection)

    sqlalchemy.event.listen(engine, 'connect', _connected)


def without_given(settings: Settings, url: sqlalchemy.URL) -> Settings:
    """Return those settings that the URL doesn't have already."""
    return {
        name: value
        for name, value in settings.items()
        if name not in url.query
    }
