"""Connections to MariaDB and MySQL: by PyMySQL, or by mysqlclient where the
URL asks for it.
"""

import functools
import typing

import sqlalchemy
from oslo_config import cfg

from freezer_api.db.sqlalchemy.connections import (
    deferred,
    mysqlclient,
    opening,
)
from freezer_api.db.sqlalchemy.connections.opening import (
    DriverConnection,
    Settings,
)

PYMYSQL, MYSQLCLIENT = 'mysql+pymysql', 'mysql+mysqldb'
#: The bit of a server's status that says that a backslash is like any other
#: character.
NO_BACKSLASH_ESCAPES = 512
#: Descriptions of columns that are kept: there are some hundred.
MAX_COLUMNS = 1024
#: Galera's mask for SELECT and the begin of a transaction.
READS_WAIT = 1


def arguments(url: sqlalchemy.URL, patient: bool) -> Settings:
    """Return the arguments by which a module connects; ``patient``: answers
    are waited for without end.
    """
    if url.drivername == MYSQLCLIENT:
        module = mysqlclient.arguments(url, patient)
    else:
        module = _pymysql_arguments(url)
    # The charset can't be chosen: tables are in it. Without the prefix bytes
    # would be taken for text.
    return module | {'charset': 'utf8mb4', 'binary_prefix': True}


def set_up(
    engine: sqlalchemy.Engine,
    url: sqlalchemy.URL,
    conf: cfg.ConfigOpts,
    patient: bool,
) -> None:
    """Have each new connection of an engine set as the service needs it."""
    options = conf.database
    # MariaDB cuts JSON arrays here. It takes no more than this.
    settings: Settings = {'group_concat_max_len': 2**30}
    if not patient:
        settings['innodb_lock_wait_timeout'] = opening.LOCK_TIMEOUT
    if options.mysql_sql_mode is not None:
        settings['sql_mode'] = options.mysql_sql_mode
    if options.mysql_wsrep_sync_wait is not None:
        settings['wsrep_sync_wait'] = options.mysql_wsrep_sync_wait
    if url.drivername == MYSQLCLIENT:
        # First of all, for it refuses connections.
        mysqlclient.set_up(engine, url)
    opening.on_connect(engine, functools.partial(_set, settings))
    deferred.set_up(engine)
    if url.drivername == PYMYSQL:
        sqlalchemy.event.listen(engine, 'do_connect', _connect_by_pymysql)
        if 'read_timeout' not in url.query:
            # A change of the schema is waited for without end.
            seconds = None if patient else opening.READ_TIMEOUT
            wait = functools.partial(_wait_longer, seconds)
            opening.on_connect(engine, wait)


def _pymysql_arguments(url: sqlalchemy.URL) -> Settings:
    # The time to connect doesn't count the server's greeting, the time to
    # read does: so it is short at first, see _wait_longer.
    timeouts = {
        'connect_timeout': opening.CONNECT_TIMEOUT,
        'read_timeout': opening.CONNECT_TIMEOUT,
        'write_timeout': opening.READ_TIMEOUT,
    }
    return opening.without_given(timeouts, url)


def _connect_by_pymysql(
    dialect: sqlalchemy.Dialect,
    _record: object,
    given: list[typing.Any],
    named: Settings,
) -> DriverConnection:
    connections = typing.cast(typing.Any, dialect).dbapi.connections
    make = _quicker(
        connections.Connection,
        connections.MysqlPacket,
        connections.FieldDescriptorPacket,
    )
    return typing.cast(DriverConnection, make(*given, **named))


@functools.cache
def _quicker(base: type, packet: type, describe: typing.Any) -> type:
    """Return PyMySQL's class of connections, ``base``, with two things done in
    less time: texts are escaped in a fortieth of it, for a session's texts
    have thousands of characters, and descriptions of columns are read once.

    ``packet``, ``describe``: its classes of packets, and of those that
    describe a column.
    """
    read = typing.cast(typing.Any, base)._read_packet
    #: Columns, by the bytes that describe them.
    described: dict[bytes, typing.Any] = {}

    class Connection(base):
        def _read_packet(self, kind: type = packet) -> typing.Any:
            """Return the next packet of an answer. Each answer describes its
            columns, and most do it alike: PyMySQL reads a description, which
            nobody changes afterwards, in ten calls.
            """
            if kind is not describe:
                return read(self, kind)
            data = read(self).get_all_data()
            column = described.get(data)
            if column is None:
                if len(described) == MAX_COLUMNS:
                    described.clear()
                column = describe(data, self.encoding)
                described[data] = column
            return column

        def escape(self, value: typing.Any, mapping: typing.Any = None) -> str:
            """Return a value as SQL. Of a text only that is escaped which a
            server requires, single quotes and backslashes; PyMySQL does it
            with all that is hard to read in a log, character by character.
            """
            if type(value) is not str or (
                self.server_status & NO_BACKSLASH_ESCAPES
            ):
                return typing.cast(str, super().escape(value, mapping))
            text = value.replace('\\', '\\\\').replace("'", "\\'")
            return f"'{text}'"

    return Connection


def _set(settings: Settings, connection: DriverConnection) -> None:
    with connection.cursor() as cursor:
        # A node of a Galera cluster shows what was written at others a moment
        # later, unless it is told to wait for it.
        cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
        in_galera = ('wsrep_on', 'ON') in cursor.fetchall()
        if in_galera:
            settings = {'wsrep_sync_wait': READS_WAIT, **settings}
        if settings:
            assignments = ', '.join(
                f'SESSION {name} = %s' for name in settings
            )
            cursor.execute(f'SET {assignments}', list(settings.values()))


def _wait_longer(seconds: int | None, connection: DriverConnection) -> None:
    """Wait longer for answers once the server has greeted and let us in."""
    # PyMySQL has no other way to change it.
    connection._read_timeout = seconds
