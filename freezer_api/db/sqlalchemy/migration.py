"""The schema's versions: creating and upgrading it, and telling which one is
there. Alembic does the work.

There are two lines of revisions. An upgrade *expands* the schema: what the
release before relies on stays. What only earlier releases need is removed when
their processes are gone: then the schema is *contracted*.
"""

import collections.abc
import contextlib
import dataclasses
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
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import engines, errors

LOG = logging.getLogger(__name__)
_JITTER = random.SystemRandom()


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of revisions: the folder that has them, and the table that says
    which one is there.
    """

    folder: str
    table: str

    @property
    def version(self) -> sqlalchemy.Select:
        """The statement that reads the revision."""
        table = sqlalchemy.table(self.table, sqlalchemy.column('version_num'))
        return sqlalchemy.select(table.c.version_num)


#: The table that has the revision. Not Alembic's usual one, which an older
#: service in the same database may have.
VERSION_TABLE = 'freezer_schema'
#: What processes of the release before tolerate.
EXPAND = Line('versions', VERSION_TABLE)
#: What they don't. The name of a revision is the lowest one of the other line
#: whose release may use the database from then on.
CONTRACT = Line('contract', 'freezer_contracted')
#: Seconds to wait for another process that changes the schema.
PATIENCE = 600
#: Seconds between two attempts, at most.
MAX_PAUSE = 1

#: The name and the number of the lock for changes of the schema.
_LOCK_NAME, _LOCK_NUMBER = 'freezer_schema', 0x667265657A6572
#: What an upgrade meets while another one runs at the same time.
_RIVALS = (
    errors.Meaning.CONFLICT,
    errors.Meaning.DUPLICATE,
    errors.Meaning.EXISTS,
)
#: What ends an upgrade through no fault of the schema's.
_UNAVAILABLE = (
    errors.Meaning.LOST,
    errors.Meaning.UNAVAILABLE,
    errors.Meaning.CONFLICT,
)
_VERSION: sqlalchemy.TableClause = sqlalchemy.table(
    VERSION_TABLE, sqlalchemy.column('version_num')
)
#: The revision, with what it says of other releases, if it says anything.
_FIT = sqlalchemy.select(
    _VERSION.c.version_num, *models.compatibility.c
).select_from(_VERSION.outerjoin(models.compatibility, sqlalchemy.true()))


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


class NotExpanded(Exception):
    """The schema has to be upgraded before it is contracted; for
    operators.
    """


class Overtaken(Exception):
    """Another process has changed the schema meanwhile."""


def upgrade(conf: cfg.ConfigOpts, revision: str = 'head') -> None:
    """Bring the schema to a revision, as far as the release before may use it,
    too. A schema that is new is contracted at once: nobody has used it.

    One process at a time does, the others wait and find it done. In a Galera
    cluster each node has locks of its own, so several processes may do it. One
    whose step another one has done begins again, and leaves out what is there.
    """
    _run_alone(conf, functools.partial(_upgrade, revision=revision))


def contract(conf: cfg.ConfigOpts) -> None:
    """Remove from the schema what only earlier releases need. Their processes
    get ``SchemaOutOfDate`` from then on.

    ``SchemaOutOfDate``, and nothing has changed, unless the schema has this
    release's revision.
    """
    _run_alone(conf, _contract)


def _run_alone(
    conf: cfg.ConfigOpts,
    change: collections.abc.Callable[[sqlalchemy.Connection], None],
) -> None:
    """Change the schema, again if another process was in the way."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with (
                engines.make_for_schema(conf).connect() as connection,
                _schema_lock(connection),
            ):
                return change(connection)
        except (Overtaken, *errors.FAILURES) as error:
            if not _is_rival(error):
                raise _final_error(error) from error
            if time.monotonic() > deadline:
                raise exceptions.StorageUnavailable() from error
            LOG.info(
                'Another process changes the schema, too (%s). Looking again'
                ' at what is left.',
                _reason(error),
            )
            time.sleep(_JITTER.uniform(0, MAX_PAUSE))


def _upgrade(connection: sqlalchemy.Connection, revision: str) -> None:
    before = current(connection)
    _refuse_newer(before)
    is_new = before is None and revision == 'head'
    if is_new:
        # So that what is broken off is known for a new one the next time.
        _begin_line(connection, CONTRACT)
    _walk(connection, EXPAND, revision)
    if is_new or _has_begun(connection, CONTRACT):
        _walk(connection, CONTRACT)


def _contract(connection: sqlalchemy.Connection) -> None:
    revision = current(connection)
    _refuse_newer(revision)
    if revision != head():
        raise exceptions.SchemaOutOfDate(errors.OUT_OF_DATE) from NotExpanded(
            f'The schema is at revision {revision or "none"}, and this release'
            f' contracts {head()}. Run freezer-manage db sync first, and'
            ' restart all processes with this release.'
        )
    _walk(connection, CONTRACT)


def _walk(
    connection: sqlalchemy.Connection, line: Line, revision: str = 'head'
) -> None:
    """Bring a line to a revision."""
    if not revisions(line):
        return
    before = current(connection, line)
    try:
        alembic.command.upgrade(_config_on(connection, line), revision)
    except alembic.util.CommandError as error:
        if current(connection, line) == before:
            raise
        raise Overtaken from error


def _begin_line(connection: sqlalchemy.Connection, line: Line) -> None:
    """Create the table that will have the revision of a line."""
    if revisions(line):
        alembic.command.ensure_version(_config_on(connection, line))


def _has_begun(connection: sqlalchemy.Connection, line: Line) -> bool:
    """Tell whether a line was begun, and has no revision yet."""
    has_table = sqlalchemy.inspect(connection).has_table(line.table)
    return has_table and current(connection, line) is None


def applied(
    line: Line,
    ctx: alembic.migration.MigrationContext,
    *_: typing.Any,
    **_what: typing.Any,
) -> None:
    """Raise ``Overtaken`` if another process has gone further on a line
    meanwhile.

    Alembic calls this with each revision before it takes effect.
    """
    if ctx.connection is None:
        return
    if len(ctx.connection.execute(line.version).all()) != 1:
        raise Overtaken


def _is_rival(error: Exception) -> bool:
    """Tell whether an upgrade failed because another one was under way."""
    return isinstance(error, Overtaken) or errors.meaning(error) in _RIVALS


def _reason(error: Exception) -> str:
    if isinstance(error, Overtaken):
        return 'it has done the step already'
    return errors.describe(error)


def _final_error(error: Exception) -> Exception:
    """Return the error to raise for one that ends an upgrade."""
    if errors.meaning(error) in _UNAVAILABLE:
        return exceptions.StorageUnavailable()
    return error


def current(
    connection: sqlalchemy.Connection, line: Line = EXPAND
) -> str | None:
    """Return the revision of the schema that is there, None if there is
    none.
    """
    context = alembic.migration.MigrationContext.configure(
        connection, opts={'version_table': line.table}
    )
    return context.get_current_revision()


def uncontracted(connection: sqlalchemy.Connection) -> list[str]:
    """Return the revisions by which this release would contract the schema,
    the oldest first; [] as long as it has to be expanded.
    """
    known = revisions(CONTRACT)
    if not known or current(connection) != head():
        return []
    done = current(connection, CONTRACT)
    if done is not None and done not in known:
        # A later release has done all of them, and more.
        return []
    return known[known.index(done) + 1 :] if done else known


def check(connection: sqlalchemy.Connection) -> None:
    """Return if this release may use the schema, else raise
    ``SchemaOutOfDate``; by one statement.

    It may use its own, and a later one that says so.
    """
    # Several rows would be a schema that several upgrades have met on.
    found = connection.execute(_FIT).all()
    if len(found) == 1:
        (row,) = found
        if _fits(
            row[0],
            declared_by=row[1],
            lowest=row[2],
        ):
            return
    existing = sorted({row.version_num for row in found})
    _refuse_newer(*existing)
    raise exceptions.SchemaOutOfDate(errors.OUT_OF_DATE) from Misfit(
        f'The schema is at revision {", ".join(existing) or "none"}, and this'
        f' release needs {head()}.'
    )


def _refuse_newer(*found: str | None) -> None:
    """Raise ``SchemaOutOfDate`` for a revision that this release doesn't
    know.
    """
    for revision in found:
        if revision and revision not in revisions():
            raise exceptions.SchemaOutOfDate(f'{errors.NEWER}.') from Newer(
                f'they are at {revision}, this release is at {head()}'
            )


def _fits(revision: str, declared_by: str, lowest: str | None) -> bool:
    """Tell whether this release may use a schema.

    ``declared_by``: the revision that wrote which is the ``lowest`` one whose
    release may use it. Releases before that table leave an old row there, which
    says nothing of a newer revision.
    """
    own = head()
    if revision == own:
        return True
    is_later = revision not in revisions() and declared_by == revision
    return (
        is_later and lowest is not None and own is not None and lowest <= own
    )


@functools.cache
def revisions(line: Line = EXPAND) -> list[str]:
    """Return all revisions of a line, the oldest first."""
    scripts = _scripts(line)
    newest_first = [script.revision for script in scripts.walk_revisions()]
    return newest_first[::-1]


@functools.cache
def head() -> str | None:
    """Return the revision of this release."""
    return _scripts(EXPAND).get_current_head()


def _scripts(line: Line) -> alembic.script.ScriptDirectory:
    return alembic.script.ScriptDirectory.from_config(_config(line))


def _config_on(
    connection: sqlalchemy.Connection, line: Line
) -> alembic.config.Config:
    """Return the configuration of commands that change the schema."""
    config = _config(line)
    config.attributes['connection'] = connection
    config.attributes['line'] = line
    return config


def _config(line: Line) -> alembic.config.Config:
    config = alembic.config.Config()
    folder = pathlib.Path(__file__).parent / 'migrations'
    options = {
        'script_location': folder,
        'version_locations': folder / line.folder,
    }
    # Earlier versions of Alembic know the second name.
    config.set_main_option('path_separator', 'os')
    config.set_main_option('version_path_separator', 'os')
    for name, path in options.items():
        # A percent sign would begin an interpolation.
        config.set_main_option(name, str(path).replace('%', '%%'))
    return config


@contextlib.contextmanager
def _schema_lock(
    connection: sqlalchemy.Connection,
) -> collections.abc.Iterator[None]:
    """Begin a transaction that no other process has at the same time, and end
    it.

    SQLite locks at the begin of any that writes.
    """
    dialect = connection.dialect.name
    if dialect == 'mysql':
        # Changes of the schema end transactions there, so the lock is the
        # connection's.
        lock = sqlalchemy.func.get_lock(_LOCK_NAME, PATIENCE)
        if connection.scalar(sqlalchemy.select(lock)) != 1:
            raise exceptions.StorageUnavailable() from TimeoutError(
                'Another process has been changing the schema for'
                f' {PATIENCE} seconds.'
            )
        connection.commit()
    with connection.begin():
        engines.begin(connection)
        if dialect == 'postgresql':
            lock = sqlalchemy.func.pg_advisory_xact_lock(_LOCK_NUMBER)
            connection.execute(sqlalchemy.select(lock))
        yield
