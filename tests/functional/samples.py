"""The samples of the API reference: what the application answers in a scenario, under ids and on a
clock of its own.

``python -m tests.functional.samples`` writes them to ``api-ref/source/samples``.
"""

import collections.abc
import dataclasses
import json
import pathlib
import re
import typing
import uuid

import fixtures
import webob

from freezer_api import app, error_codes
from freezer_api.domain import documents
from tests.functional import base

FOLDER = pathlib.Path(__file__).parents[2] / 'api-ref' / 'source' / 'samples'
CODES = FOLDER.parent / 'error-codes.inc'
#: 2026-01-05T22:00:00Z
START = 1_767_650_400
DAY = 86_400
_ID = re.compile('(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])')


def fixed_id(number: int) -> str:
    """The id that the reference shows for the one that appears as the ``number``-th in the
    scenario.
    """
    return uuid.uuid5(uuid.NAMESPACE_OID, str(number)).hex


#: Ids that the scenario chooses itself.
CHOSEN = [uuid.uuid5(uuid.NAMESPACE_DNS, name).hex for name in ('project', 'user', 'db', 'files')]
PROJECT, USER, DB_JOB, FILES_JOB = CHOSEN
#: Ids that the service makes, in order of appearance; among them a client's uuid and the action of
#: a job.
_UUID, ACTION, WEB_JOB, _ACTION, SESSION, BACKUP = [fixed_id(number) for number in range(6)]
WEB, DB = f'{PROJECT}_web.example.org', f'{PROJECT}_db.example.org'


@dataclasses.dataclass(frozen=True)
class Step:
    """A request of the scenario, ``later`` seconds after the one before. One without a name makes
    no samples.
    """

    name: str
    verb: str
    path: str
    body: typing.Any = None
    later: int = 5

    @property
    def url(self) -> str:
        """The full path; the scenario's are those below the project if they name a resource."""
        return (
            self.path
            if self.path.startswith('/v2') or self.path == '/'
            else f'/v2/{PROJECT}{self.path}'
        )


ETC = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'swift',
    'container': 'web-backups',
    'backup_name': 'etc',
    'path_to_backup': '/etc',
}
DUMP = {
    'action': 'backup',
    'mode': 'mysql',
    'storage': 'swift',
    'container': 'db-backups',
    'backup_name': 'orders',
    'mysql_conf': '/root/.my.cnf',
    'max_level': 6,
}
NIGHTLY = {'schedule_interval': '1 days', 'schedule_start_date': '2026-01-06T01:00:00+00:00'}
MEMBERS = f'/sessions/{SESSION}/jobs'
ACTIONS = f'/sessions/{SESSION}/actions'
RUN = f'/sessions/{SESSION}/runs/1'

#: What the samples show, in the order in which the ids above appear.
STEPS = [
    Step('versions', 'GET', '/'),
    Step('home', 'GET', '/v2'),
    Step('', 'GET', '/v2/openapi.json', later=0),
    Step(
        'clients-create',
        'POST',
        '/clients',
        {
            'client_id': WEB,
            'hostname': 'web.example.org',
            'description': 'Front end',
            'supported_actions': ['backup', 'restore', 'exec'],
            'supported_modes': ['fs'],
        },
    ),
    Step('clients-get', 'GET', f'/clients/{WEB}'),
    Step(
        '',
        'POST',
        '/clients',
        {'client_id': DB, 'hostname': 'db.example.org', 'description': 'Orders'},
    ),
    Step('clients-list', 'GET', '/clients?limit=1', {'match': [{'supported_modes': 'fs'}]}),
    Step(
        'actions-create',
        'POST',
        '/actions',
        {'freezer_action': DUMP, 'max_retries': 3, 'mandatory': True},
    ),
    Step('actions-get', 'GET', f'/actions/{ACTION}'),
    Step(
        'actions-list',
        'GET',
        '/actions',
        {'match': [{'mode': 'mysql'}], 'match_not': [{'_all': 'restore'}]},
    ),
    Step(
        'actions-update',
        'PATCH',
        f'/actions/{ACTION}',
        {'freezer_action': {'max_level': 7}, 'max_retries_interval': 60},
    ),
    Step(
        'actions-replace',
        'POST',
        f'/actions/{ACTION}',
        {'freezer_action': {**DUMP, 'max_level': 7}, 'mandatory': True},
    ),
    Step(
        'jobs-create',
        'POST',
        '/jobs',
        {
            'client_id': WEB,
            'description': 'Configuration of the front end',
            'job_schedule': {'schedule_interval': '12 hours', 'event': 'start'},
            'job_actions': [{'freezer_action': ETC, 'max_retries': 2}],
        },
    ),
    Step('jobs-get', 'GET', f'/jobs/{WEB_JOB}'),
    Step(
        '',
        'POST',
        '/jobs',
        {
            'job_id': FILES_JOB,
            'client_id': WEB,
            'job_actions': [{'freezer_action': {**ETC, 'backup_name': 'files'}}],
        },
    ),
    Step(
        'jobs-replace',
        'POST',
        f'/jobs/{DB_JOB}',
        {
            'client_id': DB,
            'description': 'Orders',
            'job_schedule': {'schedule_hour': '3', 'schedule_minute': '30'},
            'job_actions': [{'action_id': ACTION}],
        },
    ),
    Step(
        'jobs-update',
        'PATCH',
        f'/jobs/{WEB_JOB}',
        {'description': 'Configuration', 'job_schedule': {'schedule_interval': '1 days'}},
    ),
    Step(
        'job-report',
        'PATCH',
        f'/jobs/{WEB_JOB}',
        {
            'job_schedule': {
                'status': 'running',
                'event': '',
                'time_started': START,
                'current_pid': 4711,
            },
            'session_id': '',
            'session_tag': 0,
        },
    ),
    Step('job-event', 'POST', f'/jobs/{WEB_JOB}/event', {'stop': None}),
    Step(
        'jobs-list',
        'GET',
        '/jobs?limit=1',
        {'match': [{'client_id': WEB}], 'match_not': [{'status': 'completed'}]},
    ),
    Step(
        'sessions-create',
        'POST',
        '/sessions',
        {
            'description': 'The shop',
            'hold_off': 60,
            'session_tag': 0,
            'schedule': {'schedule_interval': '10 days'},
        },
    ),
    Step('sessions-get', 'GET', f'/sessions/{SESSION}'),
    Step(
        'sessions-list',
        'GET',
        '/sessions',
        {'match': [{'hold_off': 60}], 'match_not': [{'schedule_interval': '1 weeks'}]},
    ),
    Step('sessions-update', 'PATCH', '/sessions', {'session_id': SESSION, 'schedule': NIGHTLY}),
    Step(
        'sessions-update-by-id', 'PATCH', f'/sessions/{SESSION}', {'hold_off': 90, 'event': 'start'}
    ),
    Step(
        'sessions-replace',
        'POST',
        f'/sessions/{SESSION}',
        {'description': 'The whole shop', 'hold_off': 60, 'schedule': NIGHTLY},
    ),
    Step('', 'PUT', f'{MEMBERS}/{FILES_JOB}'),
    Step('', 'PUT', f'{MEMBERS}/{DB_JOB}'),
    Step('job-check', 'GET', f'/jobs/{DB_JOB}/check'),
    Step('sessions-get-with-job', 'GET', f'/sessions/{SESSION}'),
    Step('session-start', 'POST', ACTIONS, {'start': {'job_id': DB_JOB, 'current_tag': 0}}),
    Step('', 'POST', ACTIONS, {'start': {'job_id': FILES_JOB, 'current_tag': 0}}),
    Step(
        'backups-create',
        'POST',
        '/backups',
        {
            'backup_name': 'files',
            'action': 'backup',
            'mode': 'fs',
            'storage': 'swift',
            'container': 'web-backups',
            'hostname': 'web.example.org',
            'path_to_backup': '/etc',
            'curr_backup_level': 0,
            'time_stamp': START + 155,
            'job_id': FILES_JOB,
        },
        later=290,
    ),
    Step(
        '',
        'POST',
        ACTIONS,
        {'end': {'job_id': FILES_JOB, 'current_tag': 1, 'result': 'success'}},
        later=10,
    ),
    Step('backups-get', 'GET', f'/backups/{BACKUP}'),
    Step(
        'backups-list', 'GET', '/backups', {'match': [{'job_id': FILES_JOB}], 'time_after': START}
    ),
    Step(
        'backups-update',
        'PATCH',
        f'/backups/{BACKUP}',
        {'status': 'error', 'backup_metadata': {'reason': 'The archive is incomplete.'}},
    ),
    Step(
        '',
        'POST',
        '/backups',
        {
            'backup_name': 'orders',
            'action': 'backup',
            'mode': 'mysql',
            'storage': 'swift',
            'container': 'db-backups',
            'hostname': 'db.example.org',
            'engine_name': 'tar',
            'path_to_backup': '/var/lib/mysql',
            'client_version': '19.0.0',
            'time_stamp': START + 160,
            'job_id': DB_JOB,
        },
    ),
    Step(
        'session-end',
        'POST',
        ACTIONS,
        {'end': {'job_id': DB_JOB, 'current_tag': 1, 'result': 'success'}},
        later=120,
    ),
    Step(
        'session-action',
        'POST',
        f'/sessions/{SESSION}/action',
        {'start': {'job_id': DB_JOB, 'current_tag': 1}},
        later=DAY,
    ),
    Step('runs-list', 'GET', f'/sessions/{SESSION}/runs?limit=1'),
    Step('', 'PATCH', f'/backups/{BACKUP}', {'status': 'available'}),
    Step('run-restore-dry', 'POST', f'{RUN}/restore', {'dry_run': True, 'path_prefix': '/restore'}),
    Step(
        'run-restore',
        'POST',
        f'{RUN}/restore',
        {'path_prefix': '/restore', 'jobs': {DB_JOB: {'path': '/var/lib/mysql-restored'}}},
    ),
    Step('run-verify', 'POST', f'{RUN}/verify', {'mode': 'read', 'jobs': {DB_JOB: {'skip': True}}}),
    Step('backup-restore', 'POST', f'/backups/{BACKUP}/restore', {'path_prefix': '/restore/files'}),
    Step('runs-get', 'GET', RUN),
]
#: What has no bodies to show; it takes away what the other steps made.
CLEARING = [
    Step('', 'DELETE', path)
    for path in (
        f'{MEMBERS}/{DB_JOB}',
        f'/sessions/{SESSION}',
        f'/jobs/{WEB_JOB}',
        f'/actions/{ACTION}',
        f'/clients/{DB}',
        f'/backups/{BACKUP}',
    )
]


class Person:
    """Stands where keystonemiddleware does: a member of the project calls, or whoever the request
    says.
    """

    def __init__(self, application: app.Application):
        self._application = application

    def __call__(
        self, environ: dict[str, typing.Any], start_response: typing.Any
    ) -> typing.Iterable[bytes]:
        identity = {
            'HTTP_X_IDENTITY_STATUS': 'Confirmed',
            'HTTP_X_ROLES': 'member,reader',
            'HTTP_X_USER_ID': USER,
            'HTTP_X_PROJECT_ID': PROJECT,
        }
        return self._application({**identity, **environ}, start_response)


class Stage(fixtures.Fixture):
    """An empty service to play on. Requests and answers have fixed ids, whatever ids the service
    makes.
    """

    def _setUp(self) -> None:
        self.service = self.useFixture(base.Service())
        self.now = START
        self.service.storage.clock = lambda: self.now * documents.SECOND
        self._app = app.build(self.service.conf, self.service.storage, authenticate=Person)
        self._real: dict[str, str] = {}
        self._fixed = {id: id for id in CHOSEN}

    def play(self, step: Step, body: typing.Any = None) -> base.Answer:
        """The answer to a step, with ``body`` in place of its own if there is one."""
        self.now += step.later
        chosen = step.body if body is None else body
        return self.call(step.verb, step.url, None if chosen is None else json.dumps(chosen))

    def call(
        self, verb: str, path: str, body: str | None = None, environ: dict[str, str] | None = None
    ) -> base.Answer:
        """The answer to one request."""
        answer = sent(
            self._app, verb, self._translated(path), self._translated(body or ''), environ
        )
        return answer._replace(raw=_ID.sub(self._fix, answer.raw.decode()).encode())

    def _translated(self, text: str) -> str:
        return _ID.sub(lambda match: self._real.get(match[0], match[0]), text)

    def _fix(self, match: re.Match[str]) -> str:
        real = match[0]
        if real not in self._fixed:
            self._fixed[real] = fixed_id(len(self._real))
            self._real[self._fixed[real]] = real
        return self._fixed[real]


def sent(
    application: app.Application,
    verb: str,
    path: str,
    body: str | None,
    environ: dict[str, str] | None = None,
) -> base.Answer:
    """What an application answers to a request; ``environ`` is set over what WSGI makes of it."""
    request = webob.Request.blank(path, method=verb, body=(body or '').encode())
    return base.send(application, {**request.environ, **(environ or {})})


def written(value: typing.Any) -> str:
    """A JSON value as samples show it."""
    return json.dumps(value, indent=4, ensure_ascii=False) + '\n'


def made() -> collections.abc.Iterator[tuple[str, str]]:
    """Play the scenario: the names of all samples, and their texts."""
    with Stage() as stage:
        for step in STEPS:
            answer = stage.play(step)
            if answer.code >= 400:
                raise RuntimeError(
                    f'{step.verb} {step.url}: {answer.status}: {answer.raw.decode()}'
                )
            if step.name and step.body is not None:
                yield f'{step.name}-request.json', written(step.body)
            if step.name:
                yield f'{step.name}-response.json', written(answer.json)


def codes() -> str:
    """The section of the reference that lists the codes of errors."""
    lines = [
        '.. Written by tools/samples from freezer_api/error_codes.py.',
        '',
        '.. _error-codes:',
        '',
        'Error codes',
        '===========',
        '',
        'What the ``code`` of an error can be. A code keeps its meaning; new ones may come.',
        '',
        '.. list-table::',
        '   :header-rows: 1',
        '',
        '   * - Code',
        '     - Meaning',
    ]
    for code, meaning in sorted(error_codes.MEANINGS.items()):
        lines += [f'   * - ``{code}``', f'     - {meaning}']
    return '\n'.join(lines) + '\n'


def main() -> None:
    """Write the samples and the list of error codes in place of those that are there."""
    CODES.write_text(codes())
    texts = dict(made())
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob('*.json'):
        old.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text)


if __name__ == '__main__':
    main()
