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
    """An empty store: the file that configures the service for it, the
    process of its server, if it has one, and its version.
    """

    configuration: pathlib.Path
    process: psutil.Process | None
    version: str


class Databases:
    """Servers, each of which is started for the first store in it."""

    def __init__(self) -> None:
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix='fz-be-'))
        self._servers: dict[str, typing.Any] = {}
        self._made = 0

    def make(self, kind: str) -> Store:
        """Make a store of a kind."""
        self._made += 1
        if kind == SQLITE:
            return self._in_file()
        if kind in _SQL:
            return self._in_database(kind)
        return self._in_cluster(kind)

    def stop(self) -> None:
        """Stop all servers and remove what they have stored."""
        for server in self._servers.values():
            server.stop()
        shutil.rmtree(self._folder)

    def _in_file(self) -> Store:
        file = self._folder / f'{self._made}.sqlite'
        options = {
            'connection': f'sqlite:///{file}',
            # No other store waits for its disk either.
            'sqlite_synchronous': 'false',
        }
        return Store(self._configure('database', options), None, _sqlite())

    def _in_database(self, kind: str) -> Store:
        server = self._server(kind, _SQL)
        url = sqlalchemy.make_url(servers.create_database(server.url))
        version = _version(url)
        options = {'connection': url.render_as_string(hide_password=False)}
        return Store(
            self._configure('database', options), _process(server), version
        )

    def _in_cluster(self, kind: str) -> Store:
        server = self._server(kind, _CLUSTERS)
        driver = 'opensearch' if kind == OPENSEARCH3 else 'elasticsearch'
        options = {'hosts': server.url, 'index': f'fz-{self._made}'}
        file = self._configure(driver, options)
        with file.open('a') as text:
            text.write(f'[storage]\ndriver = {driver}\n')
        version, _, _digest = server._assembly.folder.name.partition('-')
        return Store(file, _process(server), version)

    def _server(
        self,
        kind: str,
        starters: dict[str, collections.abc.Callable[[], typing.Any]],
    ) -> typing.Any:
        if kind not in self._servers:
            self._servers[kind] = starters[kind]()
        return self._servers[kind]

    def _configure(self, group: str, options: dict[str, str]) -> pathlib.Path:
        file = self._folder / f'{self._made}.conf'
        lines = [f'{name} = {value}\n' for name, value in options.items()]
        file.write_text(''.join([f'[{group}]\n', *lines]))
        return file


def _process(server: typing.Any) -> psutil.Process:
    return psutil.Process(contestants.pid(server._process))


def _version(url: sqlalchemy.URL) -> str:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect():
        found = engine.dialect.server_version_info or ()
    return '.'.join(map(str, found))


def _sqlite() -> str:
    engine = sqlalchemy.create_engine('sqlite://')
    with engine.connect() as connection:
        select = 'SELECT sqlite_version()'
        return str(connection.exec_driver_sql(select).scalar())
