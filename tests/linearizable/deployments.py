"""Several server processes of the service on one store, all of which can be killed."""

import collections.abc
import concurrent.futures
import contextlib
import functools
import pathlib
import sys
import tempfile
import typing

import requests

from freezer_api import conf, db
from freezer_api.conf import files
from tests import servers
from tests.servers import elasticsearch, mariadb, opensearch, postgresql, process

FOLDER = pathlib.Path(__file__).parents[2]
SETTINGS = """
[DEFAULT]
threads = 16
[api]
log_requests = false
[centralized_scheduler]
enabled = false
"""


class Killable(typing.Protocol):
    """A server that can be killed, and started again on what it holds."""

    url: str

    def kill(self) -> None:
        """End it as a power failure would."""

    def start(self) -> None:
        """Bring it back, and wait until it answers."""

    def stop(self) -> None:
        """End it for good."""


class Store(typing.NamedTuple):
    """A store by its name: the server of the test run that it is in, how to start a server of
    one's own, and the driver.
    """

    name: str
    server: str
    make: collections.abc.Callable[[], typing.Any] | None
    driver: str = 'sqlalchemy'


_elasticsearch = functools.partial(functools.partial, elasticsearch.Node)
_opensearch = functools.partial(functools.partial, opensearch.Node)
STORES = {
    store.name: store
    for store in (
        Store('SQLite', '', None),
        Store('MariaDB', servers.MYSQL, mariadb.MariaDB),
        Store('PostgreSQL', servers.POSTGRESQL, postgresql.PostgreSQL),
        Store(
            'Elasticsearch8',
            servers.ELASTICSEARCH8,
            _elasticsearch(elasticsearch.VERSION8),
            'elasticsearch',
        ),
        Store(
            'Elasticsearch9',
            servers.ELASTICSEARCH9,
            _elasticsearch(elasticsearch.VERSION9),
            'elasticsearch',
        ),
        Store('OpenSearch2', servers.OPENSEARCH2, _opensearch(opensearch.VERSION2), 'opensearch'),
        Store('OpenSearch3', servers.OPENSEARCH3, _opensearch(opensearch.VERSION3), 'opensearch'),
    )
}


class Api(process.Server):
    """A server process, which :meth:`start` starts."""

    def __init__(self, config_file: str, mutant: str = ''):
        self._process = process.Process('api')
        self._port = process.free_port()
        self._command = (sys.executable, '-m', 'tests.linearizable.serving', config_file)
        self._mutant = mutant
        self.url = f'http://127.0.0.1:{self._port}'

    def start(self) -> None:
        """Start it on its port, and wait until it answers."""
        arguments = (str(self._port), self._mutant) if self._mutant else (str(self._port),)
        self._process.spawn(*self._command, *arguments, ready=self._answers, PYTHONPATH=str(FOLDER))

    def said(self) -> str:
        """The end of what it has logged."""
        return self._process.tail()

    def _answers(self) -> None:
        requests.get(f'{self.url}/', timeout=process.ANSWER_SECONDS)


class Deployment:
    """``apis`` on a store; ``database`` is its server, None if that isn't one's own."""

    def __init__(self, apis: list[Api], database: Killable | None):
        self.apis, self.database = apis, database


@contextlib.contextmanager
def deployed(
    store: Store, processes: int = 3, own: bool = False, mutant: str = ''
) -> collections.abc.Iterator[Deployment]:
    """Serve a store that is empty. With ``own`` it has a server of its own."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='fz-li-'))
        database = None
        if own and store.make is not None:
            database = store.make()
            stack.callback(database.stop)
        address = database.url if database else store.server and servers.address(store.server)
        file = pathlib.Path(folder, 'freezer-api.conf')
        file.write_text(SETTINGS + stack.enter_context(_section(store, address, folder)))
        _sync(str(file))
        apis = [Api(str(file), mutant) for _ in range(processes)]
        for api in apis:
            stack.callback(api.stop)
        with concurrent.futures.ThreadPoolExecutor(processes) as pool:
            list(pool.map(Api.start, apis))
        yield Deployment(apis, database)


@contextlib.contextmanager
def _section(store: Store, address: str, folder: str) -> collections.abc.Iterator[str]:
    """Make an empty store at an address, which goes away afterwards; its configuration."""
    if store.driver != 'sqlalchemy':
        yield (
            f'[storage]\ndriver = {store.driver}\n[{store.driver}]\n'
            f'hosts = {address}\nindex = {servers.new_indices()}\n'
        )
        return
    url = servers.create_database(address) if address else f'sqlite:///{folder}/freezer.sqlite'
    yield f'[database]\nconnection = {url}\n'


def _sync(config_file: str) -> None:
    options = conf.new()
    files.read(options, ['--config-file', config_file], 'freezer-api')
    with contextlib.closing(db.load(options)) as storage:
        storage.sync()
