"""The stores that this repository has drivers for, as the contract's tests take them."""

import collections.abc
import importlib.util
import shutil
import sys
import tempfile
import types
import typing

import sqlalchemy

from freezer_api.tests.base import EXPLORING
from freezer_api.tests.contract.base import ContractCase, Options, on
from tests import servers


class SQLite(ContractCase):
    """A file in a folder of its own; it need not outlive the machine, so nothing waits for the
    disk.
    """

    name = 'SQLite'
    shared = True

    @classmethod
    def make_options(cls) -> Options:
        folder = tempfile.mkdtemp(prefix='fz-sq-')
        cls.addClassCleanup(shutil.rmtree, folder)
        return {'database': {'connection': f'sqlite:///{folder}/db', 'sqlite_synchronous': False}}


class _InServer(ContractCase):
    shared = True
    server: typing.ClassVar[str]

    @classmethod
    def make_options(cls) -> Options:
        url = servers.create_database(servers.address(cls.server))
        cls.addClassCleanup(servers.drop_database, url)
        return {'database': {'connection': url}}


class MariaDB(_InServer):
    """A database in the MariaDB of the test run."""

    name = 'MariaDB'
    server = servers.MYSQL
    share = 0.2


#: Whether mysqlclient is there. To install it takes a compiler and the headers of a client library;
#: where these are, ``tools/test`` does.
HAS_MYSQLCLIENT = importlib.util.find_spec('MySQLdb') is not None


def by_mysqlclient(url: str) -> str:
    """The URL of a database of MariaDB, for mysqlclient in the place of PyMySQL."""
    changed = sqlalchemy.make_url(url).set(drivername='mysql+mysqldb')
    return changed.render_as_string(hide_password=False)


class MariaDBByMysqlclient(MariaDB):
    """A database in the MariaDB of the test run, that mysqlclient connects to."""

    name = 'MariaDBByMysqlclient'

    @classmethod
    def make_options(cls) -> Options:
        database = super().make_options()['database']
        return {'database': {'connection': by_mysqlclient(database['connection'])}}


class PostgreSQL(_InServer):
    """A database in the PostgreSQL of the test run."""

    name = 'PostgreSQL'
    server = servers.POSTGRESQL
    share = 0.2


class _InCluster(ContractCase):
    # orjson reserves twelve times what it reads, whether it is used or not.
    room = 25_000_000
    shared = True
    server: typing.ClassVar[str]
    #: The driver, and the group of its options.
    driver = 'elasticsearch'

    @classmethod
    def make_options(cls) -> Options:
        server, prefix = servers.address(cls.server), servers.new_indices()
        cls.addClassCleanup(servers.drop_indices, server, prefix)
        return {
            'storage': {'driver': cls.driver},
            cls.driver: {'hosts': [server], 'index': prefix},
        }

    @classmethod
    def with_options(cls, **options: typing.Any) -> Options:
        """The options of the class's store, with some of the driver's own changed."""
        return {**cls.options, cls.driver: {**cls.options[cls.driver], **options}}


@servers.needs(servers.ELASTICSEARCH8)
class Elasticsearch8(_InCluster):
    """Indices in the Elasticsearch 8 of the test run."""

    name = 'Elasticsearch8'
    server = servers.ELASTICSEARCH8
    share = 0.05


@servers.needs(servers.ELASTICSEARCH9)
class Elasticsearch9(_InCluster):
    """Indices in the Elasticsearch 9 of the test run."""

    name = 'Elasticsearch9'
    server = servers.ELASTICSEARCH9
    share = 0.05


@servers.needs(servers.OPENSEARCH2)
class OpenSearch2(_InCluster):
    """Indices in the OpenSearch 2 of the test run."""

    name = 'OpenSearch2'
    driver = 'opensearch'
    server = servers.OPENSEARCH2
    share = 0.05


@servers.needs(servers.OPENSEARCH3)
class OpenSearch3(_InCluster):
    """Indices in the OpenSearch 3 of the test run."""

    name = 'OpenSearch3'
    driver = 'opensearch'
    server = servers.OPENSEARCH3
    share = 0.05


CLUSTERS: tuple[type[ContractCase], ...] = (
    Elasticsearch8,
    Elasticsearch9,
    OpenSearch2,
    OpenSearch3,
)
#: For what one version of a product shows as well as the other one; the long form has all.
ONE_OF_EACH: tuple[type[ContractCase], ...] = (
    CLUSTERS if EXPLORING else (Elasticsearch8, OpenSearch3)
)
SQL_STORES: tuple[type[ContractCase], ...] = (SQLite, MariaDB, PostgreSQL)
STORES: tuple[type[ContractCase], ...] = (*SQL_STORES, *CLUSTERS)


def on_stores(*cases: type[ContractCase]) -> collections.abc.Callable[[type], type]:
    """A decorator of the tests of a theme: makes a class of them for each of the stores (without
    any: for all that this repository has drivers for), beside it, by
    :func:`freezer_api.tests.contract.base.on`.

    The theme itself is no ``TestCase``. What has this decorator, or is put there by
    :func:`put_on_stores`, is all that runs on stores, but for :mod:`.test_sql_galera` and
    :mod:`.test_sql_pooler`.
    """

    def decorate(theme: type) -> type:
        put_on_stores(sys.modules[theme.__module__], theme, cases=cases)
        return theme

    return decorate


def put_on_stores(
    module: types.ModuleType,
    *themes: type,
    cases: collections.abc.Sequence[type[ContractCase]] = (),
) -> None:
    """Put the test classes of themes on stores (without any: on all) into a module."""
    for theme in themes:
        for case in cases or STORES:
            made = on(case, theme, module.__name__)
            setattr(module, made.__name__, made)
