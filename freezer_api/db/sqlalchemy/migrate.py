"""The schema's versions: creating it, upgrading it, telling which one is
there. Alembic does the work.
"""

import collections.abc
import contextlib
import functools
import logging
import pathlib
import random
import time
import typing

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import alembic.util
import sqlalchemy
from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import engines, errors, models

LOG = logging.getLogger(__name__)
_JITTER = random.SystemRandom()
#: The table that holds the version. Not Alembic's usual one, which an older
#: service in the same database may have.
VERSION_TABLE = 'freezer_schema'
#: Seconds to wait for another process that changes the schema.
PATIENCE = 600
_REVISION: sqlalchemy.Select = sqlalchemy.select(
    sqlalchemy.column('version_num')
).select_from(sqlalchemy.table(VERSION_TABLE))
#: Seconds between two attempts, at most.
LONGEST_PAUSE = 1
#: What an upgrade meets that comes in between another one's statements.
_RIVALS = (
    errors.Meaning.CONFLICT,
    errors.Meaning.DUPLICATE,
    errors.Meaning.EXISTS,
)
_FIT = sqlalchemy.select(
    sqlalchemy.column('version_num'), *models.compatibility.c
).select_from(
    sqlalchemy.table(VERSION_TABLE).outerjoin(
        models.compatibility, sqlalchemy.true()
    )
)
_LOCK = 'freezer_schema'
_LOCK_NUMBER = 0x667265657A6572


class Misfit(Exception):
    """The schema isn't one that this release may use; for operators, so it
    says what to run.
    """

    def __init__(self, why: str):
        super().__init__(
            'Run freezer-manage db sync of the newest release that uses the'
            f' database. {why}'
        )


class Newer(Exception):
    """The schema is a later release's; for operators."""


class Overtaken(Exception):
    """Another process has changed the schema meanwhile."""


def upgrade(conf: cfg.ConfigOpts, revision: str = 'head') -> None:
    """Bring the schema to a revision. One process at a time does, the others
    wait and find it done.

    Locks are each node's own in a Galera cluster. There several may meet:
    whose step another one has done begins again, and leaves out what is there.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _upgrade(conf, revision)
        except (Overtaken, *errors.FAILURES) as error:
            if (
                not isinstance(error, Overtaken)
                and errors.meaning(error) not in _RIVALS
            ):
                raise _told(error) from error
            if time.monotonic() > deadline:
                raise exceptions.StorageUnavailable() from error
            LOG.info(
                'Another process changes the schema, too; looking again at'
                ' what is left.'
            )
            time.sleep(_JITTER.uniform(0, LONGEST_PAUSE))


def _upgrade(conf: cfg.ConfigOpts, revision: str) -> None:
    with (
        engines.make_for_schema(conf).connect() as connection,
        _alone(connection),
    ):
        config, before = _config(), current(connection)
        _check_newer(before)
        config.attributes['connection'] = connection
        try:
            alembic.command.upgrade(config, revision)
        except alembic.util.CommandError as error:
            if current(connection) == before:
                raise
            raise Overtaken from error


def applied(
    ctx: alembic.migration.MigrationContext,
    *_: typing.Any,
    **_what: typing.Any,
) -> None:
    """Called with each revision before it takes effect: ``Overtaken`` if
    another process has gone further meanwhile.
    """
    if (
        ctx.connection is not None
        and len(ctx.connection.execute(_REVISION).all()) != 1
    ):
        raise Overtaken


def _told(error: Exception) -> Exception:
    """What an error that ends an upgrade is to its caller."""
    away = (
        errors.Meaning.LOST,
        errors.Meaning.UNAVAILABLE,
        errors.Meaning.CONFLICT,
    )
    return (
        exceptions.StorageUnavailable()
        if errors.meaning(error) in away
        else error
    )


def current(connection: sqlalchemy.Connection) -> str | None:
    """The revision of the schema that is there, None if there is none."""
    return alembic.migration.MigrationContext.configure(
        connection, opts={'version_table': VERSION_TABLE}
    ).get_current_revision()


def check(connection: sqlalchemy.Connection) -> None:
    """Return if this release may use the schema, else raise
    ``SchemaOutOfDate``; one statement.

    It may use its own, and a later one that declares it.
    """
    found = connection.execute(_FIT).all()
    if len(found) == 1 and _fits(*found[0]):
        return
    there = sorted({row.version_num for row in found})
    _check_newer(*there)
    raise exceptions.SchemaOutOfDate(errors.OUT_OF_DATE) from Misfit(
        f'The schema is at revision {", ".join(there) or "none"}, and this'
        f' release needs {head()}.'
    )


def _check_newer(*found: str | None) -> None:
    """``SchemaOutOfDate`` for a revision that this release doesn't know."""
    unknown = [
        revision
        for revision in found
        if revision and revision not in revisions()
    ]
    if unknown:
        raise exceptions.SchemaOutOfDate(f'{errors.NEWER}.') from Newer(
            f'they are at {unknown[0]}, this release is at {head()}'
        )


def _fits(revision: str, declared_by: str, lowest: str | None) -> bool:
    own = head()
    if revision == own:
        return True
    later = revision not in revisions() and declared_by == revision
    return later and lowest is not None and own is not None and lowest <= own


@functools.cache
def revisions() -> list[str]:
    """All revisions, the oldest first."""
    return [
        script.revision
        for script in reversed(list(_scripts().walk_revisions()))
    ]


@functools.cache
def head() -> str | None:
    """The revision of this release."""
    return _scripts().get_current_head()


def _scripts() -> alembic.script.ScriptDirectory:
    return alembic.script.ScriptDirectory.from_config(_config())


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option(
        'script_location',
        str(pathlib.Path(__file__).parent / 'migrations').replace('%', '%%'),
    )
    config.set_main_option('path_separator', 'os')
    return config


@contextlib.contextmanager
def _alone(
    connection: sqlalchemy.Connection,
) -> collections.abc.Iterator[None]:
    """A transaction that no other process runs at the same time."""
    dialect = connection.dialect.name
    if dialect == 'mysql':
        # Changes of the schema end transactions there, so the lock is one of
        # the connection.
        if (
            connection.scalar(
                sqlalchemy.select(sqlalchemy.func.get_lock(_LOCK, PATIENCE))
            )
            != 1
        ):
            raise exceptions.StorageUnavailable()
        connection.commit()
    with connection.begin():
        engines.begin(connection)
        if dialect == 'postgresql':
            connection.execute(
                sqlalchemy.select(
                    sqlalchemy.func.pg_advisory_xact_lock(_LOCK_NUMBER)
                )
            )
        yield
