"""A Keystone of the tests' own: SQLite, gunicorn, loopback, in a private folder."""

import concurrent.futures
import contextlib
import getpass
import grp
import os
import pathlib
import sqlite3
import sys
import typing

import requests

from tests.servers import process

PASSWORD = 'secret'
#: How long an answer may take, on a busy machine and after those to all others who ask.
SECONDS = 60
PROJECTS = ('alpha', 'beta')
#: Roles that every project has a user of; ``stranger`` is one that no policy knows.
ROLES = ('admin', 'member', 'reader', 'service', 'stranger')
#: Who validates tokens, as an operator's service user does; and a user without any role.
SERVICE_USER, SERVICE_PROJECT, NOBODY = 'freezer', 'service', 'nobody'

CONFIGURATION = """
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
"""
#: Keystone reads the command line itself, so gunicorn gets its settings from a file.
GUNICORN = """
wsgi_app = 'keystone.wsgi.api:application'
bind = '127.0.0.1:{port}'
workers = 1
threads = 1
control_socket_disable = True
"""


class Keystone(process.Server):
    """Starts when made, with projects, users and roles; :meth:`stop` removes it."""

    def __init__(self):
        manage = process.program(
            'keystone-manage',
            str(pathlib.Path(sys.executable).parent),
            package='keystone and gunicorn (Python packages)',
        )
        self._bin = str(pathlib.Path(manage).parent)
        self._process = process.Process('keystone')
        self._folder = self._process.folder
        self._environment = {
            'OS_KEYSTONE_CONFIG_DIR': str(self._folder),
            'PATH': f'{self._bin}:{os.environ["PATH"]}',
        }
        self.url = f'http://127.0.0.1:{process.free_port()}/v3'
        try:
            self._prepare()
            self.start()
            populate(self.url)
        except BaseException:
            self.stop()
            raise

    def _prepare(self) -> None:
        (self._folder / 'keystone.conf').write_text(CONFIGURATION.format(folder=self._folder))
        port = self.url.rpartition(':')[2].partition('/')[0]
        (self._folder / 'gunicorn.py').write_text(GUNICORN.format(port=port))
        owner = (
            '--keystone-user',
            getpass.getuser(),
            '--keystone-group',
            grp.getgrgid(os.getegid()).gr_name,
        )
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(
                pool.map(
                    lambda command: self._manage(*command),
                    (('db_sync',), ('fernet_setup', *owner), ('credential_setup', *owner)),
                )
            )
        # A reader that hasn't closed its statement yet would keep a writer out.
        with contextlib.closing(sqlite3.connect(self._folder / 'keystone.db')) as database:
            database.execute('PRAGMA journal_mode = WAL')
        self._manage(
            'bootstrap',
            '--bootstrap-password',
            PASSWORD,
            '--bootstrap-region-id',
            'RegionOne',
            *(
                word
                for face in ('admin', 'internal', 'public')
                for word in (f'--bootstrap-{face}-url', self.url)
            ),
        )

    def _manage(self, *command: str) -> None:
        self._process.run(
            f'{self._bin}/keystone-manage', '--config-dir', str(self._folder), *command
        )

    def start(self) -> None:
        """Start it on the data that it has, and wait until it answers."""
        self._process.spawn(
            f'{self._bin}/gunicorn',
            ready=self._answers,
            GUNICORN_CMD_ARGS=f'-c {self._folder}/gunicorn.py',
            **self._environment,
        )

    def _answers(self) -> None:
        request('GET', self.url)

    def stop(self) -> None:
        """End it for good."""
        self._process.halt()
        self._process.stop()


def request(method: str, url: str, body: typing.Any = None, token: str = '') -> requests.Response:
    """Keystone's answer; an exception of ``requests`` if it is none, or an error."""
    answer = requests.request(
        method, url, json=body, headers={'X-Auth-Token': token} if token else {}, timeout=SECONDS
    )
    answer.raise_for_status()
    return answer


def populate(url: str) -> None:
    """Make the projects, one user for each of their roles, the service user, and the user without
    any role.
    """
    token = request('POST', f'{url}/auth/tokens', authentication('admin', 'admin')).headers[
        'X-Subject-Token'
    ]

    def create(kind: str, **body: str) -> str:
        return request('POST', f'{url}/{kind}s', {kind: body}, token).json()[kind]['id']

    roles = {
        role['name']: role['id']
        for role in request('GET', f'{url}/roles', token=token).json()['roles']
    }
    roles |= {name: create('role', name=name) for name in (*ROLES, 'service') if name not in roles}
    grants = {f'{project}-{role}': (project, role) for project in PROJECTS for role in ROLES}
    grants[SERVICE_USER] = (SERVICE_PROJECT, 'service')
    projects = {
        name: create('project', name=name, domain_id='default')
        for name in (*PROJECTS, SERVICE_PROJECT)
    }
    for user, (project, role) in grants.items():
        user_id = create('user', name=user, password=PASSWORD, domain_id='default')
        request(
            'PUT',
            f'{url}/projects/{projects[project]}/users/{user_id}/roles/{roles[role]}',
            token=token,
        )
    create('user', name=NOBODY, password=PASSWORD, domain_id='default')


def authentication(user: str, project: str | None) -> dict:
    """The body that asks for a token of a user, for a project or unscoped."""
    domain = {'id': 'default'}
    auth: dict = {
        'identity': {
            'methods': ['password'],
            'password': {'user': {'name': user, 'password': PASSWORD, 'domain': domain}},
        }
    }
    if project is not None:
        auth['scope'] = {'project': {'name': project, 'domain': domain}}
    return {'auth': auth}
