"""What Skyline sends, as plain requests: its console from the browser, and its API server for what
takes several calls.

The console lists each kind by one page of 500 without a body, and makes of ``backup_metadata`` and
``job_schedule`` what its tables show. A restore is the API server's: it looks the backup up in the
list, makes an action of its metadata and a job of that action, and starts the job. Neither ends a
path with a slash, and bodies are bare documents.
"""

import collections.abc
import json
import typing
import urllib.parse
import uuid

import requests
import testtools

from tests import servers
from tests.live import callers, programs

KINDS = ('jobs', 'actions', 'clients', 'backups')
#: What the console's library (axios) sends along; a request without a body has no content type.
CONSOLE = {
    'Accept': 'application/json, text/plain, */*',
    'Cache-Control': 'no-cache',
    'Pragma': 'no-cache',
}
JSON = {'Content-Type': 'application/json;charset=utf-8'}
#: Backups as agents record them, and what a restore by Skyline asks for beside: a path, or a
#: network.
BACKUPS: dict[str, tuple[dict[str, typing.Any], dict[str, typing.Any]]] = {
    'fs': (
        {'mode': 'fs', 'storage': 'swift', 'path_to_backup': '/home/me', 'curr_backup_level': 0},
        {'path': '/tmp/restored'},
    ),
    'ssh': (
        {
            'storage': 'ssh',
            'ssh_host': '192.0.2.7',
            'ssh_username': None,
            'ssh_key': None,
            'ssh_port': None,
        },
        {'path': '/srv'},
    ),
    'nova': ({'mode': 'nova', 'storage': 'swift', 'nova_inst_id': 'f0f0'}, {'network_id': 'net-1'}),
    'cinder': ({'mode': 'cinder', 'storage': 'swift', 'cinder_vol_id': 'c1c1'}, {}),
}
ACTION = {'freezer_action': {'action': 'backup', 'mode': 'fs'}}


def refused(client_id: str) -> collections.abc.Iterator[tuple[str, str, typing.Any, int, str]]:
    """Calls that its forms or its buttons come to when something is wrong: what is said to them."""
    job = {'client_id': client_id, 'job_actions': [ACTION]}
    for key, value in (
        ('schedule_interval', 'daily'),
        ('schedule_start_date', 'tomorrow'),
        ('schedule_end_date', '31.1.2030'),
    ):
        yield (
            'POST',
            'jobs',
            {**job, 'job_schedule': {key: value}},
            400,
            f'job_schedule.{key}: must be',
        )
    alone = {**job, 'job_schedule': {'schedule_start_date': '2030-01-31T22:30:00'}}
    yield 'POST', 'jobs', alone, 400, 'job_schedule.schedule_start_date: requires schedule_interval'
    yield 'POST', 'jobs', {'job_actions': [ACTION]}, 400, 'client_id: is required'
    yield (
        'POST',
        'jobs',
        {**job, 'client_id': 'nobody'},
        422,
        'client_id: client nobody could not be found',
    )
    yield 'POST', 'jobs', {**job, 'name': 'daily'}, 400, 'name: unknown key'
    mode = {'freezer_action': {'action': 'backup', 'mode': 'mssql'}}
    yield 'POST', 'actions', mode, 400, 'freezer_action.mode: must be one of'
    yield 'POST', 'actions', {'action': ACTION}, 400, 'freezer_action: is required'
    for kind in ('job', 'action', 'client', 'backup'):
        yield 'GET', f'{kind}s/none', None, 404, f'{kind.capitalize()} none could not be found'
    yield 'DELETE', 'backups/none', None, 404, 'Backup none could not be found'
    yield 'POST', 'jobs/none/event', {'start': None}, 404, 'Job none could not be found'
    yield 'POST', 'backups/none/restore', {}, 404, 'Backup none could not be found'


class TestSkyline(testtools.TestCase):
    """A cloud with two API processes for all, a project with one client for each test: lists, forms
    and buttons, and what the API server does in several calls.
    """

    store = servers.MYSQL
    cloud: typing.ClassVar[callers.Cloud]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud = programs.shared(cls, callers.Cloud(store=cls.store))

    def setUp(self):
        super().setUp()
        self.home = self.cloud.home()
        self.client_id = f'{self.home.project_id}_web'
        self.send('POST', 'clients', {'client_id': self.client_id, 'hostname': 'web'})

    def send(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        expected: int | None = None,
        **headers: str,
    ) -> typing.Any:
        """A call as Skyline makes it; its answer's document. Anything but success is an error to
        Skyline.
        """
        return self.answer(method, path, body, expected, **headers).json()

    def answer(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        expected: int | None = None,
        **headers: str,
    ) -> requests.Response:
        """The answer itself; it bears the id that the console made for the request."""
        request_id = f'req-{uuid.uuid4()}'
        data = None if body is None else json.dumps(body)
        sent = {
            'X-Auth-Token': self.home.token,
            'X-Openstack-Request-Id': request_id,
            **CONSOLE,
            **({} if data is None else JSON),
        }
        answer = requests.request(
            method,
            f'{self.home.base}/{path}',
            data=data,
            headers={**sent, **headers},
            timeout=programs.SECONDS,
        )
        wanted = (expected,) if expected else (200, 201, 202, 204)
        self.assertIn(answer.status_code, wanted, f'{method} {path}: {answer.text}')
        self.assertEqual(request_id, answer.headers['X-Openstack-Request-Id'])
        return answer

    def job(self, **keys: typing.Any) -> str:
        """A job of the form's; its id."""
        action = {
            'action': 'backup',
            'backup_name': 'daily',
            'storage': 'swift',
            'container': 'c',
            'mode': 'fs',
            'log_file': '/var/log/freezer/daily.log',
            'path_to_backup': '/home/me',
        }
        body = {
            'description': 'daily',
            'client_id': self.client_id,
            'job_schedule': {},
            'job_actions': [{'freezer_action': action, 'max_retries': 0}],
            **keys,
        }
        return self.send('POST', 'jobs', body)['job_id']

    def backup(self, name: str) -> str:
        """A backup as an agent records it; its id."""
        metadata = {
            'backup_name': f'daily_{name}',
            'container': 'c',
            'hostname': 'web',
            **BACKUPS[name][0],
        }
        return self.send('POST', 'backups', metadata)['backup_id']

    def test_lists_show_all_of_a_kind_on_one_page(self):
        """All of each kind on one page, as the tables show it."""
        backup_id, ids = self.backup('fs'), {self.job() for _ in range(12)}
        for kind in KINDS:
            answer = self.answer('GET', f'{kind}?limit=500')
            self.assertEqual('application/json', answer.headers['Content-Type'])
            self.assertEqual([kind], list(answer.json()))
        self.assertEqual(ids, {job['job_id'] for job in self.send('GET', 'jobs?limit=500')['jobs']})
        (client,) = self.send('GET', 'clients?limit=500')['clients']
        self.assertEqual(self.client_id, client['client']['client_id'])
        self.assertEqual('web', client['client']['hostname'])
        (backup,) = self.send('GET', 'backups?limit=500')['backups']
        self.assertEqual(
            (backup_id, 'daily_fs', 'web', 'c', 0),
            (
                backup['backup_id'],
                *(
                    backup['backup_metadata'][key]
                    for key in ('backup_name', 'hostname', 'container', 'curr_backup_level')
                ),
            ),
        )
        self.assertEqual(int, type(backup['backup_metadata']['time_stamp']))

    def test_document_is_shown_bare(self):
        """A document by its id, bare."""
        job_id = self.job()
        job = self.send('GET', f'jobs/{job_id}')
        self.assertEqual('daily', job['description'])
        self.assertEqual('', job['job_schedule']['status'])
        self.assertEqual('', job['job_schedule']['result'])
        self.assertEqual(1, len(job['job_actions']))
        action_id = job['job_actions'][0]['action_id']
        self.assertEqual(
            '/home/me', self.send('GET', f'actions/{action_id}')['freezer_action']['path_to_backup']
        )

    def test_form_of_a_job_is_stored_as_sent(self):
        """With an interval the form sends status and event along; dates have no zone; blank fields
        aren't sent.
        """
        common = {'storage': 'swift', 'container': 'c'}
        prune = {
            'freezer_action': {
                'action': 'admin',
                'backup_name': 'daily',
                'mode': 'fs',
                'remove_older_than': 0.5,
                **common,
            }
        }
        snapshot = {
            'freezer_action': {
                'action': 'backup',
                'backup_name': 'vm',
                'mode': 'nova',
                'nova_inst_id': 'f0f0',
                'engine_name': 'nova',
                **common,
            },
            'max_retries': 0,
        }
        dates = {
            'schedule_start_date': '2030-01-31T22:30:00',
            'schedule_end_date': '2031-01-31T22:30:00',
        }
        for schedule in (
            {'schedule_interval': '24 hours', 'status': 'scheduled', 'event': 'start'},
            {'schedule_interval': '1 weeks', 'status': 'scheduled', 'event': 'start', **dates},
            {},
        ):
            job = self.send(
                'GET', f'jobs/{self.job(job_schedule=schedule, job_actions=[snapshot, prune])}'
            )
            shown = job['job_schedule']
            self.assertEqual(
                {
                    'event': '',
                    'status': '',
                    **schedule,
                    'result': '',
                    'time_created': shown['time_created'],
                    'time_started': -1,
                    'time_ended': -1,
                },
                shown,
            )
            self.assertEqual([0, 5], [entry['max_retries'] for entry in job['job_actions']])
            self.assertEqual(
                [snapshot['freezer_action'], prune['freezer_action']],
                [entry['freezer_action'] for entry in job['job_actions']],
            )

    def test_form_of_an_action_keeps_retries_of_zero(self):
        """Retries of 0 are 0, and what isn't chosen isn't sent."""
        body = {
            'freezer_action': {'action': 'backup', 'backup_name': 'etc', 'path_to_backup': '/etc'}
        }
        for retries in ({}, {'max_retries': 0, 'max_retries_interval': 0}):
            action = self.send(
                'GET', f'actions/{self.send("POST", "actions", {**body, **retries})["action_id"]}'
            )
            self.assertEqual(
                {
                    'max_retries': 5,
                    'max_retries_interval': 6,
                    'mandatory': False,
                    **body,
                    **retries,
                },
                {
                    key: action[key]
                    for key in (
                        'max_retries',
                        'max_retries_interval',
                        'mandatory',
                        'freezer_action',
                    )
                },
            )

    def test_buttons_start_stop_and_delete(self):
        """Start and stop, and stop again; delete."""
        job_id = self.job()
        again = 'stop already requested'
        for command, result in (
            ('start', 'success'),
            ('stop', 'success'),
            ('stop', again),
            ('start', 'success'),
        ):
            answer = self.answer('POST', f'jobs/{job_id}/event', {command: None}, expected=202)
            self.assertEqual({'result': result}, answer.json())
            self.assertEqual(command, self.send('GET', f'jobs/{job_id}')['job_schedule']['event'])
        action_id = self.send('GET', f'jobs/{job_id}')['job_actions'][0]['action_id']
        for path in (
            f'jobs/{job_id}',
            f'actions/{action_id}',
            f'clients/{self.client_id}',
            f'backups/{self.backup("fs")}',
        ):
            self.assertEqual(b'', self.answer('DELETE', path, expected=204).content)
        for kind in KINDS:
            self.assertEqual([], self.send('GET', f'{kind}?limit=500')[kind])

    def test_errors_say_what_to_do_and_nothing_internal(self):
        """The console shows the body of what is refused; it says what to do, and nothing of the
        inside.
        """
        for method, path, body, code, words in refused(self.client_id):
            answer = self.answer(method, path, body, expected=code)
            self.assertEqual('application/json', answer.headers['Content-Type'])
            self.assertEqual({'title', 'description', 'code'}, set(answer.json()))
            self.assertIn(words, answer.json()['description'])
            self.assertEqual(answer.reason, answer.json()['title'])
        for token, code in (('made-up', 401), (self.cloud.home('reader').token, 403)):
            told = self.answer(
                'POST', 'actions', ACTION, expected=code, **{'X-Auth-Token': token}
            ).json()
            self.assertNotEqual({}, told, 'the console goes to its login page by the status alone')

    def found(self, kind: str, text: str) -> list[dict]:
        """What the search field of a table finds: as a body on the GET, and in the same way as a
        parameter.
        """
        search = {'match': [{'_all': text}]}
        found = self.send('GET', f'{kind}?limit=500&offset=0', search)[kind]
        query = urllib.parse.urlencode({'limit': 500, 'offset': 0, 'search': json.dumps(search)})
        self.assertEqual(found, self.send('GET', f'{kind}?{query}')[kind])
        return found

    def test_search_finds_a_part_of_any_text(self):
        """A part of any text of a document, whatever its case."""
        job_id, backup_id = self.job(description='Nightly 100% of /home'), self.backup('fs')
        self.job(description='weekly')
        for text in ('nightly', 'NIGHTLY 100%', '100% of /'):
            self.assertEqual([job_id], [job['job_id'] for job in self.found('jobs', text)])
        self.assertEqual(2, len(self.found('jobs', self.client_id.upper())))
        self.assertEqual(
            [backup_id], [backup['backup_id'] for backup in self.found('backups', 'Daily_FS')]
        )
        self.assertEqual(
            [self.client_id],
            [client['client']['client_id'] for client in self.found('clients', 'WEB')],
        )
        self.assertEqual(2, len(self.found('actions', '/var/log')))
        for kind in KINDS:
            self.assertEqual([], self.found(kind, 'nothing%'))

    def restore(
        self, backup_id: str, path: str | None = None, network_id: str | None = None
    ) -> str:
        """Restore a backup on the client; the id of the job that does it."""
        search = {'match': [{'backup_id': backup_id}]}
        (backup,) = self.send('GET', 'backups?limit=1&offset=0', search)['backups']
        told = backup['backup_metadata'].get
        action = {
            'action': 'restore',
            'backup_name': told('backup_name'),
            'container': told('container'),
            'hostname': told('hostname'),
            'storage': told('storage'),
            'mode': told('mode') or 'fs',
        }
        if action['mode'] == 'nova':
            action |= {
                'engine_name': 'nova',
                'nova-inst-id': told('nova_inst_id'),
                'restore_abs_path': '/tmp/freezer-nova-restore',
                'nova-restore-network': network_id,
            }
        elif action['mode'] == 'cinder':
            action['cinder_vol_id'] = told('cinder_vol_id')
        else:
            action |= {'restore_abs_path': path, 'overwrite': True}
        if action['storage'] == 'ssh':
            action |= {
                key: told(key) for key in ('ssh_host', 'ssh_key', 'ssh_username', 'ssh_port')
            }
        action_id = self.send('POST', 'actions', {'freezer_action': action})['action_id']
        job_id = self.send(
            'POST',
            'jobs',
            {
                'job_actions': [{'action_id': action_id, 'freezer_action': action}],
                'client_id': self.client_id,
                'description': f'Restore {action["backup_name"]} for {self.client_id}',
                'job_schedule': {},
            },
        )['job_id']
        self.send('POST', f'jobs/{job_id}/event', {'start': None})
        (entry,) = self.send('GET', f'jobs/{job_id}')['job_actions']
        self.assertEqual(action_id, entry['action_id'], 'shared, nulls and all')
        self.assertEqual(action, entry['freezer_action'], 'shared, nulls and all')
        return job_id

    def test_restore_starts_a_job_for_each_kind_of_backup(self):
        """Look up, action, job, start: for each way to back up, with dashes and nulls in the
        action.
        """
        for name, (_metadata, asked) in BACKUPS.items():
            job_id = self.restore(self.backup(name), **asked)
            (polled,) = self.polled(job_id)
            self.assertEqual('start', polled['job_schedule']['event'])
            self.assertEqual('', polled['job_schedule']['status'])
            told = polled['job_actions'][0]['freezer_action']
            self.assertLessEqual(
                {*asked.values()}, {told.get('restore_abs_path'), told.get('nova-restore-network')}
            )
        self.assertEqual(
            len(BACKUPS), len(self.send('GET', 'actions?limit=500')['actions']), 'no copies'
        )
        unknown = {'match': [{'backup_id': uuid.uuid4().hex}]}
        self.assertEqual([], self.send('GET', 'backups?limit=1&offset=0', unknown)['backups'])

    def polled(self, job_id: str) -> collections.abc.Iterable[dict]:
        """The job, as the client's agent finds it."""
        search = {'match_not': [{'status': 'completed'}], 'match': [{'client_id': self.client_id}]}
        return [job for job in self.send('GET', 'jobs', search)['jobs'] if job['job_id'] == job_id]

    def test_pausing_a_machine_commands_all_its_jobs(self):
        """Every job of a client is stopped, and started again, by as many events; again does no
        harm.
        """
        ids = [
            self.job(
                job_schedule={
                    'schedule_interval': '1 days',
                    'status': 'scheduled',
                    'event': 'start',
                }
            )
            for _ in range(3)
        ]
        for command in ('stop', 'stop', 'start', 'start'):
            jobs = self.send('GET', 'jobs?limit=500&offset=0')['jobs']
            self.assertEqual(
                ids, [job['job_id'] for job in jobs if job['client_id'].endswith('_web')]
            )
            for job in jobs:
                self.answer('POST', f'jobs/{job["job_id"]}/event', {command: None}, expected=202)
            self.assertEqual(
                {command},
                {job['job_schedule']['event'] for job in self.send('GET', 'jobs')['jobs']},
            )


class TestSkylineOnSQLite(TestSkyline):
    """The same, where the service has a file for its store."""

    store = programs.SQLITE
