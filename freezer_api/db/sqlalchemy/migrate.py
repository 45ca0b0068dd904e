"""The schema's versions: creating it, upgrading it, telling which one is there. Alembic does the work."""

import collections.abc
import contextlib
import functools
import pathlib

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy
from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import engines, errors

#: The table that holds the version. Not Alembic's usual one, which an older service in the same database may have.
VERSION_TABLE = 'freezer_schema'
#: Seconds to wait for another process that changes the schema.
PATIENCE = 600
_REVISION: sqlalchemy.Select = sqlalchemy.select(sqlalchemy.column('version_num')).select_from(sqlalchemy.table(VERSION_TABLE))
_LOCK = 'freezer_schema'
_LOCK_NUMBER = 0x667265657A6572


def upgrade(conf: cfg.ConfigOpts, revision: str = 'head') -> None:
    """Bring the schema to a revision. One process at a time does, the others wait and find it done."""
    with _connected(conf) as connection, _alone(connection):
        _check_newer(current(connection))
        config = _config()
        config.attributes['connection'] = connection
        alembic.command.upgrade(config, revision)


def current(connection: sqlalchemy.Connection) -> str | None:
    """The revision of the schema that is there, None if there is none."""
    return alembic.migration.MigrationContext.configure(connection, opts={'version_table': VERSION_TABLE}).get_current_revision()


def check(connection: sqlalchemy.Connection) -> None:
    """Return if the schema is this release's, else raise ``SchemaOutOfDate``; one statement."""
    found = connection.execute(_REVISION).scalars().all()
    if found != [head()]:
        _check_newer(*found)
        raise exceptions.SchemaOutOfDate(errors.OUT_OF_DATE)


def _check_newer(*found: str | None) -> None:
    """``SchemaOutOfDate`` for a revision that this release doesn't know."""
    unknown = [revision for revision in found if revision and revision not in revisions()]
    if unknown:
        raise exceptions.SchemaOutOfDate(f'{errors.NEWER}: they are at {unknown[0]}, this release is at {head()}')


def revisions() -> list[str]:
    """All revisions, the oldest first."""
    return [script.revision for script in reversed(list(_scripts().walk_revisions()))]


@functools.cache
def head() -> str | None:
    """The revision of this release."""
    return _scripts().get_current_head()


def _scripts() -> alembic.script.ScriptDirectory:
    return alembic.script.ScriptDirectory.from_config(_config())


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option('script_location', str(pathlib.Path(__file__).parent / 'migrations').replace('%', '%%'))
    config.set_main_option('path_separator', 'os')
    return config


@contextlib.contextmanager
def _connected(conf: cfg.ConfigOpts) -> collections.abc.Iterator[sqlalchemy.Connection]:
    """A connection for changes of the schema, as one transaction where the database can; ``StorageUnavailable`` without one."""
    engine = engines.make_for_schema(conf)
    try:
        with engine.connect() as connection:
            yield connection
    except errors.FAILURES as error:
        if errors.meaning(error) in (errors.Meaning.LOST, errors.Meaning.UNAVAILABLE, errors.Meaning.CONFLICT):
            raise exceptions.StorageUnavailable() from error
        raise


@contextlib.contextmanager
def _alone(connection: sqlalchemy.Connection) -> collections.abc.Iterator[None]:
    """A transaction that no other process runs at the same time."""
    dialect = connection.dialect.name
    if dialect == 'mysql':
        # Changes of the schema end transactions there, so the lock is one of the connection.
        if connection.scalar(sqlalchemy.select(sqlalchemy.func.get_lock(_LOCK, PATIENCE))) != 1:
            raise exceptions.StorageUnavailable()
        connection.commit()
    with connection.begin():
        engines.begin(connection)
        if dialect == 'postgresql':
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
        yield
