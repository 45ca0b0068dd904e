"""What is compared: deployments of this service that differ in one thing."""

import dataclasses
import importlib.util
import pathlib
import sys

from benchmarks.comparison import bursts, cases, contestants
from benchmarks.deployments import databases

#: What is served, with the options of a configuration file.
MODULE = 'benchmarks.comparison.served_here'
UWSGI, GUNICORN, GRANIAN = 'uwsgi', 'gunicorn', 'granian'


@dataclasses.dataclass(frozen=True, slots=True)
class Deployment:
    """One way to run the service."""

    name: str
    store: str = databases.MARIADB
    #: The WSGI server.
    server: str = UWSGI
    #: The name of what an operator would have instead.
    usual: str = ''
    #: Python modules, without which it isn't measured.
    needs: tuple[str, ...] = ()
    #: Variables that the processes get.
    environment: tuple[tuple[str, str], ...] = ()
    #: What the URL of the database begins with, '' for what is usual.
    scheme: str = ''
    #: What the processes have to tell of their connections, see
    #: :func:`.served_here.name_driver`; '': they aren't asked.
    driver: str = ''

    def missing(self) -> list[str]:
        """Return the modules that it needs and that aren't installed."""
        found = importlib.util.find_spec
        return [name for name in self.needs if found(name) is None]

    def command(self, port: int) -> list[str]:
        """Return the command that serves it at a port."""
        if self.server == UWSGI:
            return contestants.uwsgi(port, MODULE)
        spell = _OPTIONS[self.server]
        interpreter = pathlib.Path(sys.executable)
        program = interpreter.with_name(self.server)
        return [
            str(program),
            *spell(port),
            f'{MODULE}:application',
        ]


def _gunicorn(port: int) -> list[str]:
    return [
        f'--bind=127.0.0.1:{port}',
        '--worker-class=gthread',
        f'--workers={contestants.PROCESSES}',
        f'--threads={contestants.THREADS}',
        '--log-level=warning',
    ]


def _granian(port: int) -> list[str]:
    return [
        '--interface=wsgi',
        '--host=127.0.0.1',
        f'--port={port}',
        f'--workers={contestants.PROCESSES}',
        f'--blocking-threads={contestants.THREADS}',
        '--no-ws',
        '--log-level=warning',
    ]


_OPTIONS = {GUNICORN: _gunicorn, GRANIAN: _granian}


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """Deployments to compare, and by which cases."""

    #: What the command calls it; the name of the report's folder.
    name: str
    #: What the report is headed by.
    title: str
    deployments: tuple[Deployment, ...]
    #: Names of :data:`.cases.CASES` and :data:`.bursts.BURSTS`.
    cases: tuple[str, ...]
    #: Those whose versions count.
    packages: tuple[str, ...]
    #: Whether statements or requests of the storage are counted, too.
    counts: bool = False


STORES = Subject(
    'stores',
    'What requests cost on each store',
    tuple(
        Deployment(store, store)
        for store in (
            databases.MARIADB,
            databases.POSTGRESQL,
            databases.SQLITE,
            databases.ELASTICSEARCH8,
            databases.ELASTICSEARCH9,
            databases.OPENSEARCH3,
        )
    ),
    (
        'get, no members',
        'get, 3 members',
        'get, 64 members',
        'list of 10',
        'list of 100',
        'list of 100 behind a marker',
        'search of two fields',
        'poll: 10 of 120 jobs',
        'report of an agent',
        'patch of one session',
        'patch of different sessions',
        'create',
        *bursts.BURSTS,
    ),
    ('uWSGI', 'PyMySQL', 'psycopg'),
    counts=True,
)
#: What differs in another way than the storage does: reads of one document
#: and of many, and a write.
_FEW = ('get, 3 members', 'list of 100', 'poll: 10 of 120 jobs', 'create')
SERVERS = Subject(
    'servers',
    'What requests cost under each WSGI server',
    (
        Deployment(UWSGI),
        Deployment(
            GUNICORN, server=GUNICORN, usual=UWSGI, needs=('gunicorn',)
        ),
        Deployment(GRANIAN, server=GRANIAN, usual=UWSGI, needs=('granian',)),
    ),
    _FEW,
    ('uWSGI', GUNICORN, GRANIAN, 'PyMySQL'),
)
PYMYSQL, MYSQLCLIENT = 'PyMySQL', 'mysqlclient'
PSYCOPG_BINARY, PSYCOPG_C = 'psycopg, binary', 'psycopg, C'
DRIVERS = Subject(
    'drivers',
    'What requests cost by each database driver',
    (
        # On MariaDB.
        Deployment(
            PYMYSQL,
            scheme='mysql+pymysql',
            driver='pymysql',
        ),
        Deployment(
            MYSQLCLIENT,
            usual=PYMYSQL,
            needs=('MySQLdb',),
            scheme='mysql+mysqldb',
            driver='MySQLdb',
        ),
        # On PostgreSQL. The variable is psycopg's own.
        Deployment(
            PSYCOPG_BINARY,
            databases.POSTGRESQL,
            needs=('psycopg_binary',),
            environment=(('PSYCOPG_IMPL', 'binary'),),
            driver='psycopg binary',
        ),
        Deployment(
            PSYCOPG_C,
            databases.POSTGRESQL,
            usual=PSYCOPG_BINARY,
            needs=('psycopg_c',),
            environment=(('PSYCOPG_IMPL', 'c'),),
            driver='psycopg c',
        ),
    ),
    _FEW,
    ('uWSGI', PYMYSQL, MYSQLCLIENT, 'psycopg', 'psycopg-c'),
)
SUBJECTS = {each.name: each for each in (STORES, SERVERS, DRIVERS)}


def chosen(subject: Subject) -> list[cases.Case]:
    """Return the cases of a subject that ``wrk`` makes the requests of."""
    return [case for case in cases.CASES if case.name in subject.cases]
