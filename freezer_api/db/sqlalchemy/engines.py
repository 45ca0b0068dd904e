"""Engines: how connections to the three databases are made and what is set on
them.
"""

import dataclasses
import inspect
import typing

import sqlalchemy
from oslo_config import cfg
from oslo_db.sqlalchemy import exc_filters
from sqlalchemy.engine import default

from freezer_api.conf import packages

#: However a URL spells the database: the modules that this driver is built on.
DIALECTS = {
    'mysql': 'mysql+pymysql',
    'mariadb': 'mysql+pymysql',
    'postgresql': 'postgresql+psycopg',
    'postgres': 'postgresql+psycopg',
    'sqlite': 'sqlite+pysqlite',
}
#: The module of a dialect, the package that has it, and the extra that brings
#: it.
PACKAGES = {
    'mysql': ('pymysql', 'PyMySQL', 'mysql'),
    'postgresql': ('psycopg', 'psycopg', 'postgresql'),
}
#: Seconds until a host counts as unreachable; until a statement waits no
#: longer for a lock; for an answer.
CONNECT_TIMEOUT, LOCK_TIMEOUT, READ_TIMEOUT = 10, 10, 60
SQLITE_BUSY_TIMEOUT = 30
#: Tables for which PostgreSQL tries all orders of joining them. With its own
#: default, 8, that takes a hundred times as long as the search itself.
JOINS_ORDERED = 4
#: Galera's mask for SELECT and the begin of a transaction.
READS_WAIT = 1
#: At the end of each use SQLAlchemy would roll back what commits by itself: a
#: round trip. Its option against that came with 2.0.43.
_NO_ROLLBACKS = (
    {'skip_autocommit_rollback': True}
    if 'skip_autocommit_rollback'
    in inspect.signature(default.DefaultDialect).parameters
    else {}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Engines:
    """One for statements that stand alone, and one for transactions that
    write.
    """

    reader: sqlalchemy.Engine
    writer: sqlalchemy.Engine

    def dispose(self, close: bool = True) -> None:
        """Give up the connections; ``close`` is false where they belong to the
        parent process.
        """
        self.reader.dispose(close)
        self.writer.dispose(close)


def url_of(conf: cfg.ConfigOpts) -> sqlalchemy.URL:
    """The database that ``[database] connection`` names, with its dialect.

    ``cfg.Error`` if it names none that serves, or one that a package is
    missing for.
    """
    if not conf.database.connection:
        raise cfg.RequiredOptError('connection', cfg.OptGroup('database'))
    try:
        url = sqlalchemy.make_url(conf.database.connection)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise cfg.ConfigFileValueError(
            '[database] connection: is not the URL of a database.'
        ) from None
    backend = url.drivername.split('+')[0]
    if backend not in DIALECTS:
        raise cfg.ConfigFileValueError(
            f'[database] connection: {backend} is not among sqlite, mysql,'
            ' mariadb and postgresql.'
        )
    if backend == 'sqlite' and (
        not url.database or url.database == ':memory:'
    ):
        raise cfg.ConfigFileValueError(
            '[database] connection: SQLite needs a file.'
        )
    if backend in ('mysql', 'mariadb') and not url.database:
        raise cfg.ConfigFileValueError(
            '[database] connection: names no database.'
        )
    if conf.database.connection_parameters:
        url = url.update_query_string(conf.database.connection_parameters)
    url = url.set(drivername=DIALECTS[backend])
    if url.get_backend_name() in PACKAGES:
        module, package, extra = PACKAGES[url.get_backend_name()]
        packages.require(module, '[database] connection', package, extra)
    return url


def address(conf: cfg.ConfigOpts) -> str:
    """The configured database for an operator to read: without a password, and
    without parameters.
    """
    url = url_of(conf)
    return url.set(
        drivername=url.get_backend_name(), query={}
    ).render_as_string()


def make(conf: cfg.ConfigOpts) -> Engines:
    """The engines for the configured database; nothing connects yet.

    Neither pings nor resets its connections, for that costs a round trip each:
    the reader has no transactions, the writer ends every one that it begins,
    and a lost connection is noticed where it is used.
    """
    url, pool = url_of(conf), _pool(conf)
    reader = _engine(
        url, conf, isolation_level='AUTOCOMMIT', **_NO_ROLLBACKS, **pool
    )
    if not _NO_ROLLBACKS:
        # Nothing is there to be rolled back. setattr, for it is a method.
        setattr(reader.dialect, 'do_rollback', lambda connection: None)  # noqa: B010
    return Engines(reader, _engine(url, conf, **_isolation(url), **pool))


def make_for_schema(conf: cfg.ConfigOpts) -> sqlalchemy.Engine:
    """An engine for changes of the schema, which may take long: nothing is
    pooled.
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
    """What has to be said at the begin of a transaction: to SQLite, that it is
    going to write.
    """
    if connection.dialect.name == 'sqlite':
        connection.exec_driver_sql('BEGIN IMMEDIATE')


def _isolation(url: sqlalchemy.URL) -> dict[str, typing.Any]:
    """What is committed counts once locks are held, not what was at the
    transaction's begin. SQLite locks at the begin.
    """
    return (
        {}
        if url.get_backend_name() == 'sqlite'
        else {'isolation_level': 'READ COMMITTED'}
    )


def _engine(
    url: sqlalchemy.URL,
    conf: cfg.ConfigOpts,
    patient: bool = False,
    **arguments: typing.Any,
) -> sqlalchemy.Engine:
    backend = url.get_backend_name()
    # Errors come to be logged, what users store is not to be.
    engine = sqlalchemy.create_engine(
        url,
        connect_args=_CONNECT_ARGS[backend](url, patient),
        hide_parameters=True,
        **arguments,
    )
    # The rest of exc_filters.register_engine() serves savepoints, which nobody
    # uses here, and costs at every statement.
    sqlalchemy.event.listen(
        engine, 'handle_error', exc_filters.handler, retval=True
    )
    if backend == 'sqlite':
        sqlalchemy.event.listen(
            engine,
            'connect',
            _sqlite_settings(conf.database.sqlite_synchronous),
        )
    if backend == 'mysql':
        sqlalchemy.event.listen(
            engine, 'connect', _mysql_settings(conf.database, patient)
        )
        if 'read_timeout' not in url.query:
            sqlalchemy.event.listen(
                engine,
                'connect',
                _mysql_patience(None if patient else READ_TIMEOUT),
            )
    if backend == 'postgresql':
        sqlalchemy.event.listen(
            engine, 'connect', _postgresql_settings(patient)
        )
    return engine


def _pool(conf: cfg.ConfigOpts) -> dict[str, typing.Any]:
    options = conf.database
    pool = {
        'pool_reset_on_return': None,
        'pool_size': options.max_pool_size,
        'pool_recycle': options.connection_recycle_time,
    }
    if options.max_overflow is not None:
        pool['max_overflow'] = options.max_overflow
    if options.pool_timeout is not None:
        pool['pool_timeout'] = options.pool_timeout
    return pool


def _mysql_args(url: sqlalchemy.URL, patient: bool) -> dict[str, typing.Any]:
    # The time to connect doesn't count the server's greeting: see
    # _mysql_patience.
    args = {
        'connect_timeout': CONNECT_TIMEOUT,
        'read_timeout': CONNECT_TIMEOUT,
        'write_timeout': READ_TIMEOUT,
    }
    # The charset is no matter of taste: tables are in it, and without the
    # prefix bytes would be taken for text.
    return {
        key: value for key, value in args.items() if key not in url.query
    } | {'charset': 'utf8mb4', 'binary_prefix': True}


def _postgresql_args(
    url: sqlalchemy.URL, patient: bool
) -> dict[str, typing.Any]:
    args = {
        'connect_timeout': CONNECT_TIMEOUT,
        'keepalives_idle': READ_TIMEOUT,
        'tcp_user_timeout': READ_TIMEOUT * 1000,
    }
    args = {key: value for key, value in args.items() if key not in url.query}
    # Prepared statements come to be planned without regard to the terms in
    # them: a plan that reads a whole table for a rare one.
    return args | {'prepare_threshold': None}


def _sqlite_args(url: sqlalchemy.URL, patient: bool) -> dict[str, typing.Any]:
    return {'timeout': SQLITE_BUSY_TIMEOUT}


_CONNECT_ARGS = {
    'mysql': _mysql_args,
    'postgresql': _postgresql_args,
    'sqlite': _sqlite_args,
}


def _postgresql_settings(patient: bool) -> typing.Callable[..., None]:
    # JIT costs more than it brings here. A page is some rows of long lists,
    # which other joins than nested loops read to the end.
    settings = {
        'jit': 'off',
        'enable_mergejoin': 'off',
        'enable_hashjoin': 'off',
        'join_collapse_limit': JOINS_ORDERED,
        'from_collapse_limit': JOINS_ORDERED,
    }
    if not patient:
        settings['lock_timeout'] = f"'{LOCK_TIMEOUT}s'"

    def apply(connection: typing.Any, record: typing.Any) -> None:
        # Not as options of the connection, which poolers refuse.
        with connection.cursor() as cursor:
            cursor.execute(
                '; '.join(
                    f'SET {name} = {value}' for name, value in settings.items()
                )
            )
        connection.commit()

    return apply


def _mysql_settings(
    options: typing.Any, patient: bool
) -> typing.Callable[..., None]:
    settings = {} if patient else {'innodb_lock_wait_timeout': LOCK_TIMEOUT}
    if options.mysql_sql_mode is not None:
        settings['sql_mode'] = options.mysql_sql_mode
    if options.mysql_wsrep_sync_wait is not None:
        settings['wsrep_sync_wait'] = options.mysql_wsrep_sync_wait

    def apply(connection: typing.Any, record: typing.Any) -> None:
        with connection.cursor() as cursor:
            # A node of a Galera cluster shows what was written at others a
            # moment later, unless it is told to wait for it.
            cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
            waits = ('wsrep_on', 'ON') in cursor.fetchall()
            all_settings = (
                {'wsrep_sync_wait': READS_WAIT} if waits else {}
            ) | settings
            if all_settings:
                assignments = ', '.join(
                    f'SESSION {name} = %s' for name in all_settings
                )
                cursor.execute(
                    f'SET {assignments}', list(all_settings.values())
                )

    return apply


def _mysql_patience(seconds: int | None) -> typing.Callable[..., None]:
    """Wait longer for answers once the server has greeted and let us in; None:
    for ever, as changes of the schema may last.
    """

    def apply(connection: typing.Any, record: typing.Any) -> None:
        # PyMySQL has no other way to change it.
        connection._read_timeout = seconds

    return apply


def _sqlite_settings(synchronous: bool) -> typing.Callable[..., None]:
    def apply(connection: typing.Any, record: typing.Any) -> None:
        # sqlite3 would begin transactions by itself, and too late: at the
        # first write, when the reads before are stale.
        connection.isolation_level = None
        connection.execute('PRAGMA journal_mode = WAL')
        connection.execute(
            f'PRAGMA synchronous = {"FULL" if synchronous else "OFF"}'
        )

    return apply
