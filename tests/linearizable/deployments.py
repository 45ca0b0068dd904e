"""Several server processes of the service on one store, all of which can be killed."""

import collections.abc
import concurrent.futures
import contextlib
import pathlib
import sys
import tempfile
import typing

import requests

from freezer_api import conf, db
from freezer_api.conf import files
from tests import servers
from tests.linearizable import mutants
from tests.servers import elasticsearch, galera, mariadb, opensearch, postgresql, process

FOLDER = pathlib.Path(__file__).parents[2]
SETTINGS = """
[DEFAULT]
threads = 16
[centralized_scheduler]
enabled = false
[api]
log_requests = false
"""


class Killable(typing.Protocol):
    """A server that can be killed, and started again on what it holds."""

    url: str

    def kill(self) -> None:
        """End it as a power failure would."""

    def start(self) -> None:
        """Bring it back, and wait until it answers."""

    def pause(self) -> None:
        """Let it stand still, until :meth:`resume`."""

    def resume(self) -> None:
        """Let it go on."""

    def stop(self) -> None:
        """End it for good."""


class Nodes:
    """A cluster of several nodes, of which one is killed at a time, the next one each time."""

    def __init__(self, cluster: elasticsearch.Cluster):
        self._cluster, self._turn = cluster, 0
        self.url = ','.join(cluster.urls)

    @property
    def _node(self) -> elasticsearch.Node:
        return self._cluster.nodes[self._turn % len(self._cluster.nodes)]

    def kill(self) -> None:
        """End the node whose turn it is as a power failure would."""
        self._node.kill()

    def start(self) -> None:
        """Bring it back, and wait until all copies are."""
        self._node.start()
        self._cluster.settle()
        self._turn += 1

    def pause(self) -> None:
        """Let the node whose turn it is stand still."""
        self._node.pause()

    def resume(self) -> None:
        """Let it go on, and wait until the cluster has it again."""
        self._node.resume()
        self._cluster.settle()
        self._turn += 1

    def isolate(self, whole: bool) -> None:
        """Cut the node whose turn it is off from the ``whole`` cluster, or from one other node,
        while it still answers the service; until :meth:`rejoin`.
        """
        edges = self._cluster.network.edges_of(self._node.name)
        self._cluster.network.cut(*(edges if whole else edges[:1]))

    def rejoin(self) -> None:
        """Let all nodes reach each other, and wait until all copies are current."""
        self._cluster.network.heal()
        self._cluster.settle()
        self._turn += 1

    def move_shards(self, is_primary: bool) -> None:
        """Move one copy of each index to the node that has none."""
        for patience in (2, 1, 0):
            shards = self._cluster.shards('*')
            chosen = [shard for shard in shards if shard.is_primary == is_primary]
            try:
                self._cluster.move(*chosen)
                return
            except requests.HTTPError:
                # After a cut the cluster moves some itself, and refuses to.
                if not patience:
                    raise
                self._cluster.settle()

    def stop(self) -> None:
        """End all for good."""
        self._cluster.stop()


class Store(typing.NamedTuple):
    """A store by its name: the server of the test run that it is in ('' if there is none), how to
    start a server of one's own (of nodes: with settings), and the driver.
    """

    name: str
    server: str
    make: collections.abc.Callable[..., typing.Any] | None
    driver: str = 'sqlalchemy'


def _in_node(name: str, server: str, kind: type[elasticsearch.Node], version: str) -> Store:
    """A store in one node of a kind."""
    return Store(name, server, lambda: kind(version), servers.DRIVERS[server])


def _in_nodes(name: str, kind: type[elasticsearch.Cluster], version: str, driver: str) -> Store:
    """A store in a cluster of several nodes, which no test run has."""
    return Store(name, '', lambda **settings: Nodes(kind(version, **settings)), driver)


#: Stores of which each test run has a server.
STORES = (
    Store('SQLite', '', None),
    Store('MariaDB', servers.MYSQL, mariadb.MariaDB),
    Store('PostgreSQL', servers.POSTGRESQL, postgresql.PostgreSQL),
    _in_node('Elasticsearch8', servers.ELASTICSEARCH8, elasticsearch.Node, elasticsearch.VERSION8),
    _in_node('Elasticsearch9', servers.ELASTICSEARCH9, elasticsearch.Node, elasticsearch.VERSION9),
    _in_node('OpenSearch2', servers.OPENSEARCH2, opensearch.Node, opensearch.VERSION2),
    _in_node('OpenSearch3', servers.OPENSEARCH3, opensearch.Node, opensearch.VERSION3),
)
#: Each process writes through another one of its nodes.
GALERA = Store('Galera', servers.GALERA, galera.Galera)
#: Several nodes.
CLUSTERS = (
    GALERA,
    _in_nodes(
        'Elasticsearch9Nodes', elasticsearch.Cluster, elasticsearch.VERSION9, 'elasticsearch'
    ),
    _in_nodes('OpenSearch3Nodes', opensearch.Cluster, opensearch.VERSION3, 'opensearch'),
)
BY_NAME = {store.name: store for store in (*STORES, *CLUSTERS)}


class Api(process.Server):
    """A server process, which :meth:`start` starts."""

    def __init__(self, config_file: str, mutant: str = '', number: int = 0):
        self._process = process.Process('api')
        self._port = process.free_port()
        self._command = (sys.executable, '-m', 'tests.linearizable.serving', config_file)
        self._mutant = mutant
        self._environment = {'PYTHONPATH': str(FOLDER), mutants.PROCESS: str(number)}
        self.url = f'http://127.0.0.1:{self._port}'

    def start(self) -> None:
        """Start it on its port, and wait until it answers."""
        arguments = (str(self._port), self._mutant) if self._mutant else (str(self._port),)
        command = *self._command, *arguments
        self._process.spawn(*command, ready=self._answers, **self._environment)

    def said(self) -> str:
        """The end of what it has logged."""
        return self._process.tail()

    def _answers(self) -> None:
        requests.get(f'{self.url}/', timeout=process.ANSWER_SECONDS)


class Deployment:
    """``apis`` on a store; ``database`` is its server, None if it can't be killed."""

    def __init__(self, apis: list[Api], database: Killable | None):
        self.apis, self.database = apis, database


@contextlib.contextmanager
def deployed(
    store: Store, processes: int = 3, own: bool = False, mutant: str = '', **settings: str
) -> collections.abc.Iterator[Deployment]:
    """Serve a store that is empty. With ``own`` it has a server of its own, with settings of its
    nodes if it is a cluster of them.
    """
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='fz-li-')))
        database = store.make(**settings) if own and store.make else None
        if database is not None:
            stack.callback(database.stop)
        address = database.url if database else store.server and servers.address(store.server)
        files = _configure(store, address, folder)
        _sync(files[0])
        apis = [Api(files[at % len(files)], mutant, at) for at in range(processes)]
        for api in apis:
            stack.callback(api.stop)
        with concurrent.futures.ThreadPoolExecutor(processes) as pool:
            list(pool.map(Api.start, apis))
        yield Deployment(apis, database if hasattr(database, 'kill') else None)


def _configure(store: Store, address: str, folder: pathlib.Path) -> list[str]:
    """Write files of configuration, at least one for each address of an empty store, which is made.

    Every other one has its process work on one request at a time, so that most operations that may
    be done together are.
    """
    sections = _sections(store, address, folder)
    files = []
    for number in range(max(2, len(sections))):
        file = folder / f'freezer-api-{number}.conf'
        # In the last section of the settings.
        limit = f'max_concurrent_requests = {number % 2}\n'
        file.write_text(SETTINGS + limit + sections[number % len(sections)])
        files.append(str(file))
    return files


def _sections(store: Store, address: str, folder: pathlib.Path) -> list[str]:
    if store.driver != 'sqlalchemy':
        options = f'hosts = {address}\nindex = {servers.new_indices()}\n'
        return [f'[storage]\ndriver = {store.driver}\n[{store.driver}]\n{options}']
    if not address:
        return [f'[database]\nconnection = sqlite:///{folder}/freezer.sqlite\n']
    # A server of several nodes has several addresses.
    first, *others = address.split()
    url = servers.create_database(first)
    for other in others:
        servers.await_database(other, url)
    urls = [url, *(servers.database_in(other, url) for other in others)]
    return [f'[database]\nconnection = {url}\n' for url in urls]


def _sync(config_file: str) -> None:
    options = conf.new()
    files.read(options, ['--config-file', config_file], 'freezer-api')
    with contextlib.closing(db.load(options)) as storage:
        storage.sync()
