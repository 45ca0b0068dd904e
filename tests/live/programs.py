"""The service's processes as tests run them: configuration files, servers, commands."""

import collections.abc
import os
import pathlib
import re
import signal
import subprocess
import sys
import typing
import unittest
import uuid

import fixtures
import requests

from tests import servers
from tests.live import commands_preloaded
from tests.servers import identity, process

#: Where the console scripts of this package, gunicorn and uwsgi are.
FOLDER = pathlib.Path(sys.executable).parent
SECONDS = 120
#: In place of a database server.
SQLITE = 'sqlite'
Fixture = typing.TypeVar('Fixture', bound=fixtures.Fixture)


#: What runs short commands of the service, by their programs; see :mod:`.preloading`.
ENTRIES = {
    'freezer-api': 'freezer_api.cmd.api:main',
    'freezer-manage': 'freezer_api.cmd.manage:main',
    'freezer-manager-status': 'freezer_api.cmd.status:main',
}
#: What they import on the way, besides.
IMPORTED = (
    'freezer_api.cmd.api',
    'freezer_api.cmd.manage',
    'freezer_api.cmd.status',
    'freezer_api.db.sqlalchemy.driver',
    'freezer_api.db.elasticsearch.driver',
    'psycopg',
    'pymysql',
)
#: The search path of modules that all processes of the tests have.
MODULES = os.environ.get('PYTHONPATH')


def run(program: str, *arguments: str, entry: str = '') -> subprocess.CompletedProcess[str]:
    """Run one of the commands until it ends; ``entry`` is another ``MODULE:FUNCTION`` than that of
    :data:`ENTRIES`.

    Where a test has changed the search path of modules, and for other programs than those that are
    run often, an interpreter is started for it.
    """
    # Libraries warn of what other libraries of the tests' environment, Keystone's, bring along.
    environment = {**os.environ, 'PYTHONWARNINGS': 'ignore'}
    if program in ENTRIES and os.environ.get('PYTHONPATH') == MODULES:
        return commands_preloaded.preloaded(sys.executable, *IMPORTED).run(
            entry or ENTRIES[program], [str(FOLDER / program), *arguments], environment, SECONDS
        )
    return subprocess.run(
        [str(FOLDER / program), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def configuration(folder: str, connection: str | None, extra: str = '') -> str:
    """Write a configuration file as an operator would, with the tests' Keystone; its path."""
    lines = [
        '[DEFAULT]',
        'bind_host = 127.0.0.1',
        '[oslo_middleware]',
        'max_request_body_size = 100000',
    ]
    if connection is not None:
        lines += ['[database]', f'connection = {connection}', 'max_retries = 0']
    path = pathlib.Path(folder, 'freezer-api.conf')
    path.write_text('\n'.join([*lines, extra, '']))
    return str(path)


def keystone_section() -> str:
    """The section of the configuration that names the tests' Keystone."""
    options = identity.service_options() | {'service_token_roles_required': 'true'}
    return '\n'.join(
        ['[keystone_authtoken]', *(f'{name} = {value}' for name, value in options.items())]
    )


class Server(fixtures.Fixture):
    """A process that serves the API from when the fixture is set up until it is cleaned up.

    ``url`` is its address; ``announced`` finds it in what the process says, for those that pick a
    port themselves.
    """

    def __init__(
        self,
        program: str,
        *arguments: str,
        url: str = '',
        announced: str = '',
        program_folder: str | pathlib.Path = FOLDER,
        **environment: str,
    ):
        super().__init__()
        self._folder = pathlib.Path(program_folder)
        self.program, self.arguments, self.url = program, arguments, url
        self._announced = announced
        self._environment = environment
        self.process: process.Process

    def _setUp(self) -> None:
        self.process = process.Process(self.program)
        self.addCleanup(self.process.stop)
        self.process.spawn(
            str(self._folder / self.program),
            *self.arguments,
            ready=self._answers,
            **self._environment,
        )

    def _answers(self) -> None:
        if self._announced:
            found = re.search(self._announced, self.said())
            self.url = found[1] if found else ''
        requests.get(f'{self.url}/', timeout=SECONDS)

    def said(self) -> str:
        """All that it has printed and logged."""
        return self.process.log.read_text(errors='replace')

    @property
    def running(self) -> subprocess.Popen:
        """The process itself."""
        return self.process._popen

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal; its exit code."""
        self.running.send_signal(number)
        return self.running.wait(SECONDS)


def standalone(folder: str, *arguments: str) -> Server:
    """``freezer-api --standalone`` with its data in a folder, on a free port unless one is
    given.
    """
    port = () if '--port' in arguments else ('--port', '0')
    return Server(
        'freezer-api',
        '--standalone',
        '--state-dir',
        folder,
        *port,
        *arguments,
        announced=r'(http://[^/\s]+)/v2/',
    )


def api(config_file: str) -> Server:
    """``freezer-api`` as a configuration file says."""
    port = process.free_port()
    return Server(
        'freezer-api',
        '--config-file',
        config_file,
        '--port',
        str(port),
        url=f'http://127.0.0.1:{port}',
    )


def gunicorn(config_file: str, workers: int) -> Server:
    """gunicorn with several worker processes."""
    port = process.free_port()
    arguments = (
        '--workers',
        str(workers),
        '--threads',
        '8',
        '--bind',
        f'127.0.0.1:{port}',
        '--no-control-socket',
    )
    return Server(
        'gunicorn',
        *arguments,
        'freezer_api.wsgi:application',
        url=f'http://127.0.0.1:{port}',
        OS_FREEZER_CONFIG_FILES=config_file,
    )


def uwsgi(config_file: str, workers: int) -> Server:
    """uwsgi with several processes, which find the configuration as deployments tell them: in
    ``pyargv``.
    """
    port = process.free_port()
    arguments = (
        '--master',
        '--die-on-term',
        '--lazy-apps',
        '--need-app',
        '--processes',
        str(workers),
        '--threads',
        '8',
    )
    return Server(
        'uwsgi',
        '--http-socket',
        f'127.0.0.1:{port}',
        *arguments,
        '--module',
        'freezer_api.wsgi:application',
        '--virtualenv',
        str(FOLDER.parent),
        '--buffer-size',
        '65535',
        '--pyargv',
        f'--config-file {config_file}',
        url=f'http://127.0.0.1:{port}',
    )


class Database(fixtures.Fixture):
    """An empty store in one of the tests' servers, or a file (:data:`SQLITE`), as an operator gives
    the service.

    ``url`` is what ``[database] connection`` is to be, ``extra`` the sections of the configuration
    for a store of another kind.
    """

    def __init__(self, server: str):
        super().__init__()
        self.server = server
        self.url = self.extra = ''

    def _setUp(self) -> None:
        if self.server in servers.OWN:
            host, prefix = servers.address(self.server), servers.new_indices()
            self.addCleanup(servers.drop_indices, host, prefix)
            driver = servers.DRIVERS[self.server]
            self.extra = (
                f'[storage]\ndriver = {driver}\n[{driver}]\nhosts = {host}\nindex = {prefix}'
            )
            return
        if self.server == SQLITE:
            self.url = f'sqlite:///{self.useFixture(fixtures.TempDir()).path}/freezer.sqlite'
            return
        self.url = servers.create_database(servers.address(self.server))
        self.addCleanup(servers.drop_database, self.url)


class Deployment(fixtures.Fixture):
    """A configuration file, with a store that has the schema, and the tests' Keystone; ``extra``
    lines end it.
    """

    def __init__(self, server: str, extra: str = ''):
        super().__init__()
        self.server, self.extra = server, extra
        self.config_file = ''

    def _setUp(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        database = self.useFixture(Database(self.server))
        self.config_file = configuration(
            folder,
            database.url or None,
            '\n'.join((keystone_section(), database.extra, self.extra)),
        )
        run('freezer-manage', '--config-file', self.config_file, 'db', 'sync').check_returncode()


class Region(fixtures.Fixture):
    """A region in the tests' Keystone whose catalogue has the API at an address, as an operator
    registers it.
    """

    def __init__(self, url: str):
        super().__init__()
        self.url, self.name = url, f'region-{uuid.uuid4().hex}'

    def _setUp(self) -> None:
        administrator = identity.Administrator()

        def add(kind: str, **keys: str) -> str:
            made = administrator.add(kind, **keys)
            self.addCleanup(administrator.remove, kind, made)
            return made

        add('region', id=self.name)
        # Commands find a service by its name as well, if it is the only one of that name.
        service = add('service', type='backup', name=self.name)
        add('endpoint', service_id=service, interface='public', region_id=self.name, url=self.url)


class Cloud(fixtures.Fixture):
    """What callers of a cloud find: Keystone, whose catalogue has the API, and two processes that
    serve it on a store.
    """

    def __init__(self, extra: str = '', store: str = servers.MYSQL):
        super().__init__()
        self.extra, self.store = extra, store
        self.url = self.region = self.config_file = ''
        self.server: Server

    def _setUp(self) -> None:
        self.config_file = self.useFixture(Deployment(self.store, self.extra)).config_file
        self.server = self.useFixture(gunicorn(self.config_file, workers=2))
        self.url = self.server.url
        self.region = self.useFixture(Region(self.url)).name


def shared(test_class: type[unittest.TestCase], fixture: Fixture) -> Fixture:
    """Set a fixture up that is there for all tests of a class; the fixture."""
    fixture.setUp()
    test_class.addClassCleanup(fixture.cleanUp)
    return fixture


def environment(variable: str, program: str) -> str:
    """A program of an environment of published callers, which ``tools/test`` makes and names in a
    variable.
    """
    folder = os.environ.get(variable)
    if not folder:
        raise process.ServerFailed(f'{variable} is not set; run the tests by: tools/test')
    return str(pathlib.Path(folder, 'bin', program))


class Project:
    """One project as a plain HTTP caller sees it. A call that isn't answered as expected is an
    ``AssertionError``.
    """

    def __init__(self, url: str, project_id: str, token: str = ''):
        self.base = f'{url}/v2/{project_id}'
        self.headers = {'X-Auth-Token': token} if token else {}

    def call(
        self, method: str, path: str, expected: int, body: typing.Any = None, base: str = ''
    ) -> typing.Any:
        """The answer's document (None without one); ``base`` is another server's address of the
        project.
        """
        answer = requests.request(
            method, f'{base or self.base}/{path}', json=body, headers=self.headers, timeout=SECONDS
        )
        if answer.status_code != expected:
            raise AssertionError(
                f'{method} {path}: {answer.status_code} instead of {expected}: {answer.text}'
            )
        return answer.json() if answer.content else None

    def member(self, session_id: str, job_id: str) -> None:
        """Create a job of the client ``host`` and attach it to a session."""
        action = {'freezer_action': {'action': 'backup', 'mode': 'fs', 'path_to_backup': '/etc'}}
        self.call(
            'POST', 'jobs', 201, {'job_id': job_id, 'client_id': 'host', 'job_actions': [action]}
        )
        self.call('PUT', f'sessions/{session_id}/jobs/{job_id}', 204)

    def session(self, job_ids: collections.abc.Iterable[str]) -> str:
        """Register the client ``host``, create a session with jobs of it as members; its id."""
        self.call('POST', 'clients', 201, {'client_id': 'host', 'hostname': 'host'})
        session_id = self.call('POST', 'sessions', 201, {'schedule': {}})['session_id']
        for job_id in job_ids:
            self.member(session_id, job_id)
        return session_id
