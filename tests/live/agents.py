"""The published agent, unchanged in an environment of its own: ``freezer-scheduler`` processes,
what they find, do and print.
"""

import collections.abc
import dataclasses
import os
import pathlib
import re
import socket
import time
import typing
import uuid

import fixtures

from tests import servers
from tests.live import programs
from tests.servers import identity, keystone, process

#: How long something that an agent does may take on a busy machine.
SECONDS = 180
#: What an agent says without being asked.
GREETING = 'Freezer Scheduler running in no-daemon mode'
#: A record of its log begins so; lines that don't belong to the one before.
RECORD = re.compile(
    r'\S+ \S+ \d+ (?P<level>[A-Z]+) (?P<logger>\S+) \[[^]]*\] (?P<text>.*)', re.DOTALL
)

Found = typing.TypeVar('Found')


def until(
    found: collections.abc.Callable[[], Found], holds: collections.abc.Callable[[Found], object]
) -> Found:
    """What is found as soon as the condition holds for it; an ``AssertionError`` with the last one
    if it doesn't in time.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        last = found()
        if holds(last):
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f'still after {SECONDS} seconds: {last}')
        time.sleep(0.2)


@dataclasses.dataclass(frozen=True, slots=True)
class Login:
    """Who an agent logs in as, by the names of the tests' Keystone, and the API that it is told to
    use.

    The address is told, for an agent that looks into the catalogue takes any region's.
    """

    url: str
    user: str
    project: str

    def options(self) -> dict[str, str]:
        """The options of the agent's configuration."""
        return {
            'os_auth_url': servers.address(servers.KEYSTONE),
            'os_username': self.user,
            'os_password': keystone.PASSWORD,
            'os_user_domain_id': 'default',
            'os_project_name': self.project,
            'os_project_domain_id': 'default',
            'os_backup_url': self.url,
        }


class Scheduler(fixtures.Fixture):
    """Who a central scheduler is in Keystone: a user in a project of its own, who may register
    there and see all projects' jobs.
    """

    def _setUp(self) -> None:
        self.name = f'scheduler-{uuid.uuid4().hex}'
        administrator = identity.Administrator()

        def add(kind: str, **keys: str) -> str:
            made = administrator.add(kind, name=self.name, domain_id='default', **keys)
            self.addCleanup(administrator.remove, kind, made)
            return made

        self.project_id = add('project')
        self.user_id = add('user', password=keystone.PASSWORD)
        for role in ('member', 'service'):
            administrator.grant(role, self.user_id, self.project_id)

    def configuration(self) -> str:
        """What the service's configuration has for it: jobs on central clients get trusts, which
        are given to this user.
        """
        credentials = {
            'auth_type': 'password',
            'auth_url': servers.address(servers.KEYSTONE),
            'username': self.name,
            'password': keystone.PASSWORD,
            'project_name': self.name,
            'user_domain_id': 'default',
            'project_domain_id': 'default',
        }
        return '\n'.join(
            (
                '[centralized_scheduler]',
                'enabled = true',
                'auth_section = scheduler',
                'trusts_delegated_roles = member',
                '[scheduler]',
                *(f'{name} = {value}' for name, value in credentials.items()),
            )
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A record of an agent's log."""

    level: str
    logger: str
    text: str

    @property
    def serious(self) -> bool:
        """Whether it tells of something that went wrong: an error, or a warning of the agent's
        own.
        """
        return (
            self.level in ('ERROR', 'CRITICAL')
            or self.level == 'WARNING'
            and self.logger.startswith('freezer.')
        )


class Agent(fixtures.Fixture):
    """A ``freezer-scheduler`` process with a configuration, a job folder and a log of its own.

    It polls each second and runs many jobs at once. ``project`` is where it registers; ``options``
    are more of those of its section ``scheduler``. ``previous`` runs the release before, which
    nodes that haven't been upgraded have.
    """

    def __init__(
        self, name: str, login: Login, project: 'Project', previous: bool = False, **options: str
    ):
        super().__init__()
        self.name, self._login, self._project, self._previous, self._options = (
            name,
            login,
            project,
            previous,
            options,
        )
        self._process: process.Process

    def _setUp(self) -> None:
        self._process = process.Process(self.name)
        self.addCleanup(self._process.stop)
        self.folder = self._process.folder
        config_file = self.folder / 'scheduler.conf'
        config_file.write_text(self._configuration())
        program = pathlib.Path(programs.environment('FREEZER_TEST_AGENT', 'freezer-scheduler'))
        environment = {
            'HOME': str(self.folder),
            'TMPDIR': str(self.folder),
            'PYTHONWARNINGS': 'ignore',
        }
        if self._previous:
            environment['PYTHONPATH'] = str(program.parent.parent / 'previous')
            # It doesn't tell its actions' processes who it is.
            environment |= {name.upper(): value for name, value in self._login.options().items()}
            program = program.parent.parent / 'previous' / 'bin' / program.name
        environment['PATH'] = os.pathsep.join((str(program.parent), os.environ['PATH']))
        self._process.spawn(
            str(program),
            '--config-file',
            str(config_file),
            'start',
            ready=self._registered,
            **environment,
        )

    def _configuration(self) -> str:
        own = {'log_file': str(self.folder / 'scheduler.log')}
        scheduler = {
            'client_id': self.name,
            'jobs_dir': str(self.folder / 'jobs'),
            'interval': '1',
            'no_daemon': 'true',
            'concurrent_jobs': '20',
            **self._options,
        }
        sections = {'DEFAULT': own, 'scheduler': scheduler, 'service_auth': self._login.options()}
        if self._previous:
            sections = {'DEFAULT': own | scheduler | self._login.options()}
        return '\n'.join(
            line
            for section, options in sections.items()
            for line in (
                f'[{section}]',
                *(f'{name} = {value}' for name, value in options.items()),
                '',
            )
        )

    def _registered(self) -> None:
        # It may have been announced before it came.
        if (
            self._project.call('GET', f'clients/{self.name}', 200)['client']['hostname']
            != socket.gethostname()
        ):
            raise AssertionError('it has not registered')

    def printed(self) -> list[str]:
        """What it has printed, but for the greeting."""
        return [
            line
            for line in self._process.log.read_text(errors='replace').splitlines()
            if line != GREETING
        ]

    def records(self) -> list[Record]:
        """What it has logged."""
        grouped: list[str] = []
        for line in (self.folder / 'scheduler.log').read_text(errors='replace').splitlines():
            if RECORD.match(line) or not grouped:
                grouped.append(line)
            else:
                grouped[-1] += f'\n{line}'
        return [Record(**found.groupdict()) for found in map(RECORD.match, grouped) if found]

    def has_logged(self, pattern: str) -> bool:
        """Whether a record's text begins so."""
        return any(re.match(pattern, record.text) for record in self.records())

    def polled(self, times: int) -> None:
        """Wait until it has polled so often from now on."""

        def polls() -> int:
            return sum(record.text.startswith('Polling for jobs') for record in self.records())

        wanted = polls() + times
        until(polls, lambda found: found >= wanted)

    def complaints(self, expected: collections.abc.Iterable[str]) -> list[Record]:
        """The records that tell of something that went wrong, but for those whose text one of the
        patterns is the beginning of.
        """
        return [
            record
            for record in self.records()
            if record.serious and not any(re.match(pattern, record.text) for pattern in expected)
        ]


class Gate(fixtures.Fixture):
    """A job whose log is to go to ``path`` waits there until the gate is opened: it's a pipe that
    nobody reads before.
    """

    def _setUp(self) -> None:
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'log')
        os.mkfifo(self.path)

    def open(self) -> None:
        """Let the job go on, and others that come."""
        self.addCleanup(os.close, os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))


class Project(programs.Project):
    """A project, with a folder that its jobs back up, and one where the backups go."""

    def __init__(self, url: str, project_id: str, token: str, folder: str):
        super().__init__(url, project_id, token)
        self.folder = pathlib.Path(folder)
        self.data = self.folder / 'data'
        self.data.mkdir()
        (self.data / 'file').write_text('hello\n')

    def job(self, job_id: str, client_id: str, action: dict, **schedule: str) -> str:
        """Create a job of one action, which isn't retried; its id."""
        body = {
            'job_id': job_id,
            'client_id': client_id,
            'job_schedule': schedule,
            'job_actions': [{'freezer_action': action, 'max_retries': 0}],
        }
        return self.call('POST', 'jobs', 201, body)['job_id']

    def backup(
        self, job_id: str, client_id: str, path: str = '', log: object = '', **schedule: str
    ) -> str:
        """Create a job that makes an archive of a small folder (or of ``path``) and writes its log
        to a file; its id.
        """
        action = {
            'action': 'backup',
            'mode': 'fs',
            'storage': 'local',
            'engine_name': 'tar',
            'backup_name': job_id,
            'path_to_backup': path or str(self.data),
            'container': str(self.folder / job_id),
            'log_file': str(log or self.folder / f'{job_id}.log'),
        }
        return self.job(job_id, client_id, action, **schedule)

    def together(self, *job_ids: str, hold_off: int = 600) -> str:
        """Create a session with members; its id."""
        session_id = self.call('POST', 'sessions', 201, {'schedule': {}, 'hold_off': hold_off})[
            'session_id'
        ]
        for job_id in job_ids:
            self.call('PUT', f'sessions/{session_id}/jobs/{job_id}', 204)
        return session_id

    def event(self, job_id: str, event: str) -> None:
        """Give a job a command."""
        self.call('POST', f'jobs/{job_id}/event', 202, {event: None})

    def job_when(self, job_id: str, **schedule: object) -> dict:
        """The job as soon as its ``job_schedule`` has these keys and values."""
        return until(
            lambda: self.call('GET', f'jobs/{job_id}', 200),
            lambda job: schedule.items() <= job['job_schedule'].items(),
        )

    def obeyed(self, job_id: str, event: str, status: str) -> dict:
        """Give a job a command, and wait until it has the status and no command any more.

        An agent that was polling when it obeyed the command before obeys that once more, and so
        puts this one away: then it is given again.
        """
        self.event(job_id, event)

        def look() -> dict:
            job = self.call('GET', f'jobs/{job_id}', 200)
            told = job['job_schedule']
            if not told['event'] and told['status'] != status:
                self.event(job_id, event)
            return job

        expected = {'status': status, 'event': ''}
        return until(look, lambda job: expected.items() <= job['job_schedule'].items())

    def over(self, job_id: str) -> dict:
        """The job as soon as it has succeeded, with nothing that it is still told to do, after it
        was told to end.

        It's completed; or stopped, if its agent was polling at that moment: then it obeys once
        more.
        """
        job = self.job_when(job_id, result='success', event='')
        if job['job_schedule']['status'] not in ('completed', 'stop'):
            raise AssertionError(f'it is not over: {job}')
        return job

    def session_when(self, session_id: str, **keys: object) -> dict:
        """The session as soon as it has these keys and values."""
        return until(
            lambda: self.call('GET', f'sessions/{session_id}', 200),
            lambda session: keys.items() <= session.items(),
        )

    def running(self, job_id: str) -> dict:
        """The job as soon as its agent has begun with its action."""
        return until(
            lambda: self.call('GET', f'jobs/{job_id}', 200),
            lambda job: (
                job['job_schedule']['status'] == 'running'
                and job['job_schedule'].get('current_pid', -1) > 0
            ),
        )

    def run_of(self, session_id: str, tag: int) -> dict:
        """A run of a session, with its backups."""
        return self.call('GET', f'sessions/{session_id}/runs/{tag}', 200)

    def archived(self, job_id: str) -> list[pathlib.Path]:
        """The archives that a job has made."""
        return [path for path in (self.folder / job_id / 'data').rglob('data') if path.is_file()]
