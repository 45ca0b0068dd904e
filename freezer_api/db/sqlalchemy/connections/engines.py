"""Engines: how connections are made, and what is set on them."""

import dataclasses
import functools
import inspect
import typing

import sqlalchemy
from oslo_config import cfg
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy.engine import default

from freezer_api import permits
from freezer_api.conf import packages
from freezer_api.db.sqlalchemy.connections import (
    cursors,
    deferred,
    mysql,
    mysqlclient,
    opening,
    slow_statements,
)
from freezer_api.db.sqlalchemy.connections.opening import (
    DriverConnection,
    Settings,
)

PSYCOPG, SQLITE3 = 'postgresql+psycopg', 'sqlite+pysqlite'
#: The modules that this driver is built on, by what a URL calls the database.
DIALECTS = {
    'mysql': mysql.PYMYSQL,
    'mariadb': mysql.PYMYSQL,
    'postgresql': PSYCOPG,
    'postgres': PSYCOPG,
    'sqlite': SQLITE3,
}
#: Modules that are taken in the place of those, if a URL names them.
CHOICES = {
    'mysql+mysqldb': mysql.MYSQLCLIENT,
    'mariadb+mysqldb': mysql.MYSQLCLIENT,
}
#: The module of a dialect, the package that has it, and the extra of this
#: package that installs it.
PACKAGES = {
    mysql.PYMYSQL: ('pymysql', 'PyMySQL', 'mysql'),
    mysql.MYSQLCLIENT: ('MySQLdb', 'mysqlclient', 'mysqlclient'),
    PSYCOPG: ('psycopg', 'psycopg', 'postgresql'),
}
SQLITE_BUSY_TIMEOUT = 30
#: Tables for which PostgreSQL tries all orders of joining them. With its own
#: default, 8, that takes a hundred times as long as the search itself.
JOINS_ORDERED = 4


def _skip_rollbacks() -> Settings:
    """Return the argument by which SQLAlchemy sends no rollback at the end of
    each use of a connection that commits by itself: a round trip.

    Its option for that came with 2.0.43; see :func:`make` for before.
    """
    option = 'skip_autocommit_rollback'
    known = inspect.signature(default.DefaultDialect).parameters
    return {option: True} if option in known else {}


_NO_ROLLBACKS = _skip_rollbacks()


@dataclasses.dataclass(frozen=True, slots=True)
class Engines:
    """One engine for statements that stand alone, and one for transactions
    that write.
    """

    reader: sqlalchemy.Engine
    writer: sqlalchemy.Engine
    #: The connections that have to be told to be left to a parent process.
    opened: mysqlclient.Opened

    def forget(self) -> None:
        """Leave the connections to the parent process, whose they are."""
        self.opened.leave_to_parent()
        self.reader.dispose(close=False)
        self.writer.dispose(close=False)


def url_of(conf: cfg.ConfigOpts) -> sqlalchemy.URL:
    """Return the database that ``[database] connection`` names, with its
    dialect.

    ``cfg.Error`` if it names none that can be used, or a package for it is
    missing.
    """
    url = _parse(conf.database.connection)
    _check_database(url)
    if conf.database.connection_parameters:
        url = url.update_query_string(conf.database.connection_parameters)
    url = with_module(url)
    if url.drivername in PACKAGES:
        module, package, extra = PACKAGES[url.drivername]
        packages.require(module, '[database] connection', package, extra)
    return url


def with_module(url: sqlalchemy.URL) -> sqlalchemy.URL:
    """Return a URL that names the module that it is served by; as it is for a
    database that this driver doesn't know.
    """
    usual = DIALECTS.get(_backend(url), url.drivername)
    dialect = CHOICES.get(url.drivername, usual)
    return url.set(drivername=dialect)


def address(conf: cfg.ConfigOpts) -> str:
    """Return the configured database for an operator to read: without a
    password, and without parameters.
    """
    url = url_of(conf)
    shown = url.set(drivername=url.get_backend_name(), query={})
    return shown.render_as_string()


def make(conf: cfg.ConfigOpts) -> Engines:
    """Make the engines for the configured database; nothing connects yet.

    Neither pings nor resets its connections, for that costs a round trip each:
    the reader has no transactions, the writer ends every one that it begins,
    and a lost connection is noticed where it is used.
    """
    url = url_of(conf)
    pool = _pool(conf)
    reader = _engine(
        url, conf, isolation_level='AUTOCOMMIT', **_NO_ROLLBACKS, **pool
    )
    if not _NO_ROLLBACKS:
        # Nothing is there to be rolled back. setattr, for it is a method.
        setattr(reader.dialect, 'do_rollback', lambda connection: None)  # noqa: B010
    writer = _engine(url, conf, **_isolation(url), **pool)
    seconds = conf.storage.slow_statement_seconds
    if seconds:
        slow_statements.log(reader, seconds)
        slow_statements.log(writer, seconds)
    opened = mysqlclient.Opened()
    if url.drivername == mysql.MYSQLCLIENT:
        opened.watch(reader)
        opened.watch(writer)
    return Engines(reader, writer, opened)


def make_for_schema(conf: cfg.ConfigOpts) -> sqlalchemy.Engine:
    """Make an engine for changes of the schema, which may take long: nothing
    is pooled, no statement counts as slow.
    """
    url = url_of(conf)
    return _engine(
        url,
        conf,
        patient=True,
        poolclass=sqlalchemy.pool.NullPool,
        **_isolation(url),
    )


def begin(connection: sqlalchemy.Connection) -> None:
    """Say what has to be said at the begin of a transaction that writes.

    SQLite would lock at the first write only, when what was read before may
    be stale.
    """
    if connection.dialect.name == 'sqlite':
        # Other processes may be writing.
        with permits.paused():
            connection.exec_driver_sql('BEGIN IMMEDIATE')


# What a URL may say


def _parse(text: str | None) -> sqlalchemy.URL:
    if not text:
        raise cfg.RequiredOptError('connection', cfg.OptGroup('database'))
    try:
        return sqlalchemy.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # Without the cause, which shows the URL and so the password.
        raise cfg.ConfigFileValueError(
            '[database] connection: is not the URL of a database.'
        ) from None


def _backend(url: sqlalchemy.URL) -> str:
    """Return the database as a URL calls it, whatever module it asks for."""
    return url.drivername.split('+')[0]


def _check_database(url: sqlalchemy.URL) -> None:
    """Raise ``cfg.Error`` for a database that can't be used."""
    backend = _backend(url)
    if backend not in DIALECTS:
        raise cfg.ConfigFileValueError(
            f'[database] connection: {backend} is not among sqlite, mysql,'
            ' mariadb and postgresql.'
        )
    in_memory = not url.database or url.database == ':memory:'
    if backend == 'sqlite' and in_memory:
        raise cfg.ConfigFileValueError(
            '[database] connection: SQLite needs a file.'
        )
    if backend in ('mysql', 'mariadb') and not url.database:
        raise cfg.ConfigFileValueError(
            '[database] connection: names no database.'
        )


# Arguments of engines


def _isolation(url: sqlalchemy.URL) -> Settings:
    """Return the isolation of transactions that write.

    Once a lock is there, what was committed before counts, not what was there
    at the transaction's begin. SQLite locks at the begin.
    """
    if url.get_backend_name() == 'sqlite':
        return {}
    return {'isolation_level': 'READ COMMITTED'}


def _engine(
    url: sqlalchemy.URL,
    conf: cfg.ConfigOpts,
    patient: bool = False,
    **arguments: typing.Any,
) -> sqlalchemy.Engine:
    """Make an engine; ``patient``: its statements may take long."""
    backend = url.get_backend_name()
    engine = sqlalchemy.create_engine(
        url,
        connect_args=_CONNECT_ARGS[backend](url, patient),
        **_PARAMETERS.get(backend, {}),
        # Errors get logged; what users store must not be.
        hide_parameters=True,
        **arguments,
    )
    # The rest of exc_filters.register_engine() serves savepoints, which nobody
    # uses here, and costs at every statement.
    sqlalchemy.event.listen(
        engine, 'handle_error', exc_filters.handler, retval=True
    )
    _SET_UP[backend](engine, url, conf, patient)
    # The last to replace what executes: a failure that is handed over is
    # raised before anything is sent.
    cursors.set_up(engine)
    return engine


def _pool(conf: cfg.ConfigOpts) -> Settings:
    options = conf.database
    pool = {
        'pool_reset_on_return': None,
        'pool_size': options.max_pool_size,
        'pool_recycle': options.connection_recycle_time,
    }
    # oslo.db leaves these two to SQLAlchemy's defaults.
    if options.max_overflow is not None:
        pool['max_overflow'] = options.max_overflow
    if options.pool_timeout is not None:
        pool['pool_timeout'] = options.pool_timeout
    return pool


def _postgresql_arguments(url: sqlalchemy.URL, patient: bool) -> Settings:
    timeouts = {
        'connect_timeout': opening.CONNECT_TIMEOUT,
        'keepalives_idle': opening.READ_TIMEOUT,
        'tcp_user_timeout': opening.READ_TIMEOUT * 1000,
    }
    # The server plans prepared statements without regard to the terms in
    # them, after a while: a plan that reads a whole table for a rare one.
    return opening.without_given(timeouts, url) | {'prepare_threshold': None}


def _sqlite_arguments(url: sqlalchemy.URL, patient: bool) -> Settings:
    return {'timeout': SQLITE_BUSY_TIMEOUT}


_CONNECT_ARGS = {
    'mysql': mysql.arguments,
    'postgresql': _postgresql_arguments,
    'sqlite': _sqlite_arguments,
}


# What is set on each new connection


def _set_up_postgresql(
    engine: sqlalchemy.Engine,
    url: sqlalchemy.URL,
    conf: cfg.ConfigOpts,
    patient: bool,
) -> None:
    # JIT costs more than it saves here. A page is some rows of long lists,
    # which other joins than nested loops read to the end.
    settings: Settings = {
        'jit': 'off',
        'enable_mergejoin': 'off',
        'enable_hashjoin': 'off',
        'join_collapse_limit': JOINS_ORDERED,
        'from_collapse_limit': JOINS_ORDERED,
    }
    if not patient:
        settings['lock_timeout'] = f"'{opening.LOCK_TIMEOUT}s'"
    opening.on_connect(engine, functools.partial(_set_in_postgresql, settings))
    deferred.set_up(engine)


def _set_up_sqlite(
    engine: sqlalchemy.Engine,
    url: sqlalchemy.URL,
    conf: cfg.ConfigOpts,
    patient: bool,
) -> None:
    synchronous = 'FULL' if conf.database.sqlite_synchronous else 'OFF'
    opening.on_connect(engine, functools.partial(_set_in_sqlite, synchronous))


#: MariaDB's statements are put together (:mod:`.deferred`). Two of them may
#: use one name for a value, so values have places instead.
_PARAMETERS: dict[str, Settings] = {'mysql': {'paramstyle': 'format'}}
_SET_UP = {
    'mysql': mysql.set_up,
    'postgresql': _set_up_postgresql,
    'sqlite': _set_up_sqlite,
}


def _set_in_postgresql(
    settings: Settings, connection: DriverConnection
) -> None:
    # By statements, for poolers refuse options of the connection.
    assignments = [f'SET {name} = {value}' for name, value in settings.items()]
    with connection.cursor() as cursor:
        cursor.execute('; '.join(assignments))
    connection.commit()


def _set_in_sqlite(synchronous: str, connection: DriverConnection) -> None:
    # sqlite3 would begin transactions by itself, and too late: see begin().
    connection.isolation_level = None
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute(f'PRAGMA synchronous = {synchronous}')
