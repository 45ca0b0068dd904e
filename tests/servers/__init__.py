"""The real servers that tests speak to. They are started once for a run of the tests, by::

    python -m tests.servers run -- COMMAND…

which tells the command, through the environment, where they are. Nothing is skipped where one is missing: a test that
needs it fails, and says so.
"""

import collections.abc
import contextlib
import os
import uuid

import sqlalchemy

from tests.servers import process

MYSQL, POSTGRESQL, KEYSTONE = NAMES = ('FREEZER_TEST_MYSQL_URL', 'FREEZER_TEST_POSTGRESQL_URL', 'FREEZER_TEST_KEYSTONE_URL')


def address(name: str) -> str:
    """The address of one of :data:`NAMES`, or :class:`~tests.servers.process.ServerFailed` if nobody started it."""
    try:
        return os.environ[name]
    except KeyError:
        raise process.ServerFailed(f'{name} is not set; run the tests by: python -m tests.servers run -- stestr run') from None


def create_database(server: str) -> str:
    """Make an empty database of a random name in a server (an SQLAlchemy URL without a database); its URL."""
    url = sqlalchemy.make_url(server).set(database=f'fz_{uuid.uuid4().hex}')
    _administer(server, f'CREATE DATABASE {url.database}')
    return url.render_as_string(hide_password=False)


def drop_database(database: str) -> None:
    """Remove a database, also one that somebody is still connected to."""
    url = sqlalchemy.make_url(database)
    forced = ' WITH (FORCE)' if url.get_backend_name() == 'postgresql' else ''
    _administer(url.set(database=None).render_as_string(hide_password=False), f'DROP DATABASE {url.database}{forced}')


@contextlib.contextmanager
def database(name: str) -> collections.abc.Iterator[str]:
    """An empty database of one's own in the server of that name, as an SQLAlchemy URL; dropped afterwards."""
    url = create_database(address(name))
    try:
        yield url
    finally:
        drop_database(url)


def _administer(server: str, statement: str) -> None:
    url = sqlalchemy.make_url(server)
    engine = sqlalchemy.create_engine(url.set(database='postgres') if url.get_backend_name() == 'postgresql' else url,
                                      isolation_level='AUTOCOMMIT', poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
