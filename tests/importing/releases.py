"""The published releases, each in an environment of its own: processes with a database, and callers
who use them. Nothing is known of them but what they say over HTTP.
"""

import os
import pathlib
import subprocess
import typing
import uuid

import fixtures
import requests

from tests.live import programs
from tests.servers import process

#: The releases that ``tools/releases`` installs.
RELEASES = (16, 17, 18, 19)
PROJECT = 'a' * 31 + '1'
OTHER_PROJECT = 'b' * 31 + '2'
USER, COLLEAGUE, OTHER_USER = '1' * 32, '2' * 32, '3' * 32
_CONFIGURATION = """
[DEFAULT]
use_stderr = true
[paste_deploy]
config_file = {pipeline}
[database]
connection = {connection}
[storage]
driver = sqlalchemy
backend = sqlalchemy
"""
_PROCESS = pathlib.Path(__file__).parent / 'published_process'
#: More than a test makes of anything.
_ALL = 1000

Body = dict[str, typing.Any]


def folder(release: int) -> pathlib.Path:
    """Where the programs of a release are."""
    environments = os.environ.get('FREEZER_TEST_RELEASES')
    if not environments:
        raise process.ServerFailed(
            'FREEZER_TEST_RELEASES is not set; make the environments by tools/releases, and set it'
            ' to their folder.'
        )
    return pathlib.Path(environments, str(release), 'bin')


class Release(fixtures.Fixture):
    """A release that serves a database, which its own ``db sync`` has made."""

    def __init__(self, release: int, server: str):
        super().__init__()
        self.release, self.server = release, server
        self.config_file = self.url = ''
        self.process: programs.Server

    def _setUp(self) -> None:
        connection = self.useFixture(programs.Database(self.server)).url
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'published.conf')
        path.write_text(
            _CONFIGURATION.format(pipeline=_PROCESS / 'paste.ini', connection=connection)
        )
        self.config_file = str(path)
        program = folder(self.release) / 'freezer-manage'
        # It exits with 0 on failures, too; they show once it is used.
        subprocess.run(
            [program, '--config-file', path, 'db', 'sync'],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=programs.SECONDS,
        )
        port = process.free_port()
        self.url = f'http://127.0.0.1:{port}/v2'
        self.process = self.useFixture(
            programs.Server(
                'freezer-api',
                '--config-file',
                str(path),
                '--bind-host',
                '127.0.0.1',
                '--bind-port',
                str(port),
                # What they answer at their root can't always be read.
                url=f'{self.url}/{PROJECT}/clients',
                program_folder=folder(self.release),
                PYTHONPATH=str(_PROCESS),
            )
        )

    def caller(self, project_id: str = PROJECT, user_id: str = USER) -> 'Caller':
        """Somebody who uses it."""
        return Caller(self, project_id, user_id)


class Caller:
    """A user of a project."""

    def __init__(self, release: Release, project_id: str, user_id: str):
        self.project_id = project_id
        self._url = f'{release.url}/{project_id}'
        self._session = requests.Session()
        self._session.headers.update({'X-Test-Project': project_id, 'X-Test-User': user_id})

    def call(self, method: str, path: str, body: Body | None = None) -> Body:
        """The answer to a request, which must succeed."""
        answer = self._session.request(
            method, f'{self._url}/{path}', json=body, timeout=programs.SECONDS
        )
        if not answer.ok:
            raise AssertionError(f'{method} {path}: {answer.status_code} {answer.text}')
        return answer.json() if answer.content else {}

    def listed(self, kind: str) -> list[Body]:
        """All documents of a kind that it is shown."""
        return self.call('GET', f'{kind}?limit={_ALL}')[kind]

    def client(self, client_id: str, **keys: typing.Any) -> None:
        """Register a client."""
        given = {'hostname': client_id, 'description': '', 'uuid': uuid.uuid4().hex}
        self.call('POST', 'clients', {**given, 'client_id': client_id, **keys})

    def action(self, **keys: typing.Any) -> str:
        """Make an action; its id."""
        given = {'action': 'backup', 'mode': 'fs', 'path_to_backup': '/srv', 'container': 'c'}
        rules = {key: keys.pop(key) for key in ('max_retries',) if key in keys}
        definition = {'freezer_action': {**given, **keys}, **rules}
        return self.call('POST', 'actions', definition)['action_id']

    def job(self, description: str = '', **keys: typing.Any) -> str:
        """Make a job of the client ``web1``, with a definition of its own unless it is given
        actions; its id.
        """
        definition = {'action': 'backup', 'path_to_backup': '/srv', 'backup_name': description}
        given = {
            'client_id': 'web1',
            'description': description,
            'job_schedule': {'schedule_interval': '1 days'},
            'job_actions': [{'freezer_action': definition}],
        }
        return self.call('POST', 'jobs', {**given, **keys})['job_id']

    def session(self, description: str, members: int = 0, **keys: typing.Any) -> 'Session':
        """Make a session with new jobs as its members."""
        given = {
            'description': description,
            'hold_off': 0,
            'schedule': {'schedule_interval': '1 days'},
        }
        id = self.call('POST', 'sessions', {**given, **keys})['session_id']
        made = Session(self, id)
        for number in range(members):
            made.attach(self.job(f'{description} {number}'))
        return made


class Session:
    """A session as agents and its user treat it."""

    def __init__(self, caller: Caller, id: str):
        self._caller = caller
        self.id = id
        self.members: list[str] = []

    def attach(self, job_id: str) -> None:
        """Make a job a member."""
        self._caller.call('PUT', f'sessions/{self.id}/jobs/{job_id}')
        self.members.append(job_id)

    def detach(self, job_id: str) -> None:
        """Take a job out."""
        self._caller.call('DELETE', f'sessions/{self.id}/jobs/{job_id}')
        self.members.remove(job_id)

    def start(self, job_id: str, tag: int = 0) -> None:
        """Let a member's agent begin a run, or join it."""
        self._act({'start': {'job_id': job_id, 'current_tag': tag}})

    def end(self, job_id: str, result: str = 'success', tag: int = 1) -> None:
        """Let a member's agent end."""
        self._act({'end': {'job_id': job_id, 'current_tag': tag, 'result': result}})

    def _act(self, body: Body) -> None:
        self._caller.call('POST', f'sessions/{self.id}/action', body)
