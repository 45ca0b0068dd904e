"""The real servers that tests speak to. They are started once for a run of the tests, by::

    python -m tests.servers run -- COMMAND…

which tells the command, through the environment, where they are. Nothing is skipped where one is
missing: a test that needs it fails, and says so. The one exception is a server that can't run on
this machine at all, see :func:`needs`.
"""

import collections.abc
import contextlib
import os
import typing
import unittest
import uuid

import requests
import sqlalchemy

from tests.servers import process

MYSQL, POSTGRESQL, KEYSTONE = (
    'FREEZER_TEST_MYSQL_URL',
    'FREEZER_TEST_POSTGRESQL_URL',
    'FREEZER_TEST_KEYSTONE_URL',
)
ELASTICSEARCH8, ELASTICSEARCH9 = (
    'FREEZER_TEST_ELASTICSEARCH8_URL',
    'FREEZER_TEST_ELASTICSEARCH9_URL',
)
OPENSEARCH2, OPENSEARCH3 = (
    'FREEZER_TEST_OPENSEARCH2_URL',
    'FREEZER_TEST_OPENSEARCH3_URL',
)
#: Two addresses, of the nodes of one cluster, with a blank between them.
GALERA = 'FREEZER_TEST_GALERA_URLS'
NAMES = (
    MYSQL,
    GALERA,
    POSTGRESQL,
    KEYSTONE,
    ELASTICSEARCH8,
    ELASTICSEARCH9,
    OPENSEARCH2,
    OPENSEARCH3,
)
#: Whoever has one of these sets its name in the environment to the address, and it is used instead.
OWN = (ELASTICSEARCH8, ELASTICSEARCH9, OPENSEARCH2, OPENSEARCH3)
#: The drivers for these.
DRIVERS = {
    ELASTICSEARCH8: 'elasticsearch',
    ELASTICSEARCH9: 'elasticsearch',
    OPENSEARCH2: 'opensearch',
    OPENSEARCH3: 'opensearch',
}
#: Behind the name of a server that can't run on this machine: the variable that says why.
ABSENT = '_ABSENT'
_Class = typing.TypeVar('_Class', bound=type)


def address(name: str) -> str:
    """The address of one of :data:`NAMES`, or :class:`~tests.servers.process.ServerFailed` if
    nobody started it.
    """
    try:
        return os.environ[name]
    except KeyError:
        raise process.ServerFailed(
            f'{name} is not set; run the tests by: python -m tests.servers run -- stestr run'
        ) from None


def absent(name: str) -> str:
    """Why one of these servers can't run here; '' if it can."""
    return os.environ.get(name + ABSENT, '')


def needs(*names: str) -> collections.abc.Callable[[_Class], _Class]:
    """A decorator of test classes: those derived too are skipped, and say why, where one of these
    servers can't run.
    """
    reasons = [absent(name) for name in names if absent(name)]
    return unittest.skipIf(bool(reasons), '; '.join(reasons))


def create_database(server: str) -> str:
    """Make an empty database of a random name in a server (an SQLAlchemy URL without a database);
    its URL.
    """
    url = sqlalchemy.make_url(server).set(database=f'fz_{uuid.uuid4().hex}')
    _administer(server, f'CREATE DATABASE {url.database}')
    return url.render_as_string(hide_password=False)


def database_in(server: str, database: str) -> str:
    """The URL of a database as another node of its cluster has it."""
    name = sqlalchemy.make_url(database).database
    return sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)


def await_database(server: str, database: str) -> None:
    """Wait until another node of a database's cluster has it."""
    engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql('SET SESSION wsrep_sync_wait = 15')
        connection.exec_driver_sql(f'SHOW CREATE DATABASE {sqlalchemy.make_url(database).database}')


def drop_database(database: str) -> None:
    """Remove a database, also one that somebody is still connected to."""
    url = sqlalchemy.make_url(database)
    forced = ' WITH (FORCE)' if url.get_backend_name() == 'postgresql' else ''
    _administer(
        url.set(database=None).render_as_string(hide_password=False),
        f'DROP DATABASE {url.database}{forced}',
    )


@contextlib.contextmanager
def database(name: str) -> collections.abc.Iterator[str]:
    """An empty database of one's own in the server of that name, as an SQLAlchemy URL; dropped
    afterwards.
    """
    url = create_database(address(name))
    try:
        yield url
    finally:
        drop_database(url)


def new_indices() -> str:
    """A name that the indices and templates of one test begin with."""
    return f'fz-{uuid.uuid4().hex}'


def drop_indices(server: str, prefix: str) -> None:
    """Remove the indices and templates whose names begin so from a cluster, which need not allow
    patterns for it.
    """
    with requests.Session() as session:

        def ask(method: str, path: str, **parameters: str) -> requests.Response:
            answer = session.request(
                method, f'{server}/{path}', params=parameters, timeout=process.ANSWER_SECONDS
            )
            if answer.status_code != requests.codes.not_found:
                answer.raise_for_status()
            return answer

        for found in ask(
            'GET', f'_cat/indices/{prefix}*', h='index', format='json', expand_wildcards='all'
        ).json():
            ask('DELETE', found['index'])
        ask('DELETE', f'_index_template/{prefix}*')
        ask('DELETE', f'_component_template/{prefix}*')


@contextlib.contextmanager
def indices(name: str) -> collections.abc.Iterator[tuple[str, str]]:
    """The cluster of that name, and a prefix of one's own in it; what begins with it is
    removed afterwards.
    """
    server, prefix = address(name), new_indices()
    try:
        yield server, prefix
    finally:
        drop_indices(server, prefix)


def _administer(server: str, statement: str) -> None:
    url = sqlalchemy.make_url(server)
    engine = sqlalchemy.create_engine(
        url.set(database='postgres') if url.get_backend_name() == 'postgresql' else url,
        isolation_level='AUTOCOMMIT',
        poolclass=sqlalchemy.NullPool,
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
