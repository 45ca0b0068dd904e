"""Database servers of the benchmarks' own, and empty stores in them."""

import collections.abc
import dataclasses
import functools
import pathlib
import shutil
import tempfile
import typing

import psutil
import sqlalchemy

from benchmarks.comparison import contestants
from tests import servers
from tests.servers import elasticsearch, mariadb, opensearch, postgresql

MARIADB, POSTGRESQL, SQLITE = 'MariaDB', 'PostgreSQL', 'SQLite'
ELASTICSEARCH8, ELASTICSEARCH9 = 'Elasticsearch 8', 'Elasticsearch 9'
OPENSEARCH3 = 'OpenSearch 3'
#: Those of the SQL driver that have a server.
_SQL: dict[str, collections.abc.Callable[[], typing.Any]] = {
    MARIADB: mariadb.MariaDB,
    POSTGRESQL: postgresql.PostgreSQL,
}
#: Clusters of one node.
_CLUSTERS: dict[str, collections.abc.Callable[[], typing.Any]] = {
    ELASTICSEARCH8: functools.partial(
        elasticsearch.Node, elasticsearch.VERSION8
    ),
    ELASTICSEARCH9: functools.partial(
        elasticsearch.Node, elasticsearch.VERSION9
    ),
    OPENSEARCH3: functools.partial(opensearch.Node, opensearch.VERSION3),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Store:
    """An empty store."""

    #: The file that configures the service for it.
    configuration: pathlib.Path
    #: The process of its server, if it has one.
    process: psutil.Process | None
    #: The version of its server.
    version: str


class Databases:
    """Servers, each of which is started for the first store in it."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix='fz-be-')
        self._folder = pathlib.Path(folder)
        self._servers: dict[str, typing.Any] = {}
        self._made = 0

    def make(self, kind: str, scheme: str = '') -> Store:
        """Make a store of a kind; ``scheme`` is what the URL of a database
        begins with, if that isn't the usual one.
        """
        self._made += 1
        if kind == SQLITE:
            return self._in_file()
        if kind in _SQL:
            return self._in_database(kind, scheme)
        return self._in_cluster(kind)

    def stop(self) -> None:
        """Stop all servers and remove what they have stored."""
        for server in self._servers.values():
            server.stop()
        shutil.rmtree(self._folder)

    def _in_file(self) -> Store:
        file = self._folder / f'{self._made}.sqlite'
        configuration = self._configure(
            'database',
            connection=f'sqlite:///{file}',
            # No other store waits for its disk either.
            sqlite_synchronous='false',
        )
        return Store(configuration, None, _sqlite_version())

    def _in_database(self, kind: str, scheme: str) -> Store:
        server = self._server(kind, _SQL)
        made = servers.create_database(server.url)
        url = sqlalchemy.make_url(made)
        version = _version(url)

        if scheme:
            url = url.set(drivername=scheme)
        connection = url.render_as_string(hide_password=False)
        configuration = self._configure('database', connection=connection)
        return Store(configuration, _process(server), version)

    def _in_cluster(self, kind: str) -> Store:
        server = self._server(kind, _CLUSTERS)
        driver = 'elasticsearch'
        if kind == OPENSEARCH3:
            driver = 'opensearch'

        index = f'fz-{self._made}'
        file = self._configure(driver, hosts=server.url, index=index)
        with file.open('a') as text:
            text.write(f'[storage]\ndriver = {driver}\n')

        # The folder of its programs is named after version and contents.
        programs = server._assembly.folder.name
        version, _, _digest = programs.partition('-')
        return Store(file, _process(server), version)

    def _server(
        self,
        kind: str,
        starters: dict[str, collections.abc.Callable[[], typing.Any]],
    ) -> typing.Any:
        if kind not in self._servers:
            start = starters[kind]
            self._servers[kind] = start()
        return self._servers[kind]

    def _configure(self, group: str, **options: str) -> pathlib.Path:
        """Write a configuration file with options of one group."""
        lines = [f'[{group}]']
        for name, value in options.items():
            lines.append(f'{name} = {value}')
        text = '\n'.join(lines)

        file = self._folder / f'{self._made}.conf'
        file.write_text(f'{text}\n')
        return file


def _process(server: typing.Any) -> psutil.Process:
    number = contestants.pid(server._process)
    return psutil.Process(number)


def _version(url: sqlalchemy.URL) -> str:
    engine = sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.NullPool,
    )
    # SQLAlchemy asks for it when it first connects.
    with engine.connect():
        found = engine.dialect.server_version_info or ()
    return '.'.join(map(str, found))


def _sqlite_version() -> str:
    engine = sqlalchemy.create_engine('sqlite://')
    select = 'SELECT sqlite_version()'
    with engine.connect() as connection:
        answer = connection.exec_driver_sql(select)
        return str(answer.scalar())
