"""Many callers at once, on several server processes of two kinds, on each database server."""

import collections.abc
import concurrent.futures

import requests
import testscenarios
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios

MEMBERS = [f'job-{number}' for number in range(64)]


class _Served(testtools.TestCase):
    """gunicorn and uwsgi, two processes each, in front of one store, behind Keystone."""

    server = servers.MYSQL

    def setUp(self):
        super().setUp()
        if servers.absent(self.server):
            self.skipTest(servers.absent(self.server))
        config_file = self.useFixture(programs.Deployment(self.server)).config_file
        self.apis = [
            self.useFixture(programs.gunicorn(config_file, 2)),
            self.useFixture(programs.uwsgi(config_file, 2)),
        ]
        member = identity.token('member')
        self.project = programs.Project(self.apis[0].url, member.project_id, member.id)


class TestProcesses(_Served):
    """All of a session's members at the same time, on each store."""

    scenarios = [
        ('mysql', {'server': servers.MYSQL}),
        ('postgresql', {'server': servers.POSTGRESQL}),
        ('elasticsearch8', {'server': servers.ELASTICSEARCH8}),
        ('elasticsearch9', {'server': servers.ELASTICSEARCH9}),
        ('opensearch3', {'server': servers.OPENSEARCH3}),
    ]

    def at_once(self, call: collections.abc.Callable[[str, str], dict]) -> list[dict]:
        """Let every member call at the same time, each the server whose turn it is; what they were
        answered.
        """
        bases = [f'{api.url}/v2/{self.project.base.rpartition("/")[2]}' for api in self.apis]
        with concurrent.futures.ThreadPoolExecutor(len(MEMBERS)) as pool:
            turns = [
                pool.submit(call, job_id, bases[number % len(bases)])
                for number, job_id in enumerate(MEMBERS)
            ]
            return [turn.result() for turn in turns]

    def act(self, session_id: str, **action: dict) -> collections.abc.Callable[[str, str], dict]:
        """A start or an end by any member."""
        ((name, details),) = action.items()
        return lambda job_id, base: self.project.call(
            'POST',
            f'sessions/{session_id}/action',
            202,
            {name: {'job_id': job_id, **details}},
            base=base,
        )

    def test_members_acting_at_once_lose_nothing(self):
        """Attached, started, ended, by 64 at once: every answer is in the document, the tag moves
        once for each run.
        """
        session_id = self.project.session([])
        action = {'freezer_action': {'action': 'backup', 'mode': 'fs'}}
        for job_id in MEMBERS:
            self.project.call(
                'POST',
                'jobs',
                201,
                {'job_id': job_id, 'client_id': 'host', 'job_actions': [action]},
            )
        self.at_once(
            lambda job_id, base: self.project.call(
                'PUT', f'sessions/{session_id}/jobs/{job_id}', 204, base=base
            )
        )
        self.assertEqual(
            set(MEMBERS), set(self.project.call('GET', f'sessions/{session_id}', 200)['jobs'])
        )

        started = {'result': 'success', 'session_tag': 1}
        self.assertEqual(
            [started] * len(MEMBERS), self.at_once(self.act(session_id, start={'current_tag': 0}))
        )
        session = self.project.call('GET', f'sessions/{session_id}', 200)
        self.assertEqual(1, session['session_tag'])
        self.assertEqual('running', session['status'])
        self.assertEqual({'running'}, {entry['status'] for entry in session['jobs'].values()})
        self.assertEqual(
            {1},
            {self.project.call('GET', f'jobs/{job_id}', 200)['session_tag'] for job_id in MEMBERS},
        )

        ended = self.at_once(self.act(session_id, end={'current_tag': 1, 'result': 'success'}))
        self.assertEqual([started] * len(MEMBERS), ended)
        session = self.project.call('GET', f'sessions/{session_id}', 200)
        self.assertEqual(1, session['session_tag'])
        self.assertEqual('completed', session['status'])
        self.assertEqual('success', session['result'])
        self.assertEqual(
            {('completed', 'success')},
            {(entry['status'], entry['result']) for entry in session['jobs'].values()},
        )
        (run,) = self.project.call('GET', f'sessions/{session_id}/runs', 200)['runs']
        self.assertEqual(session['jobs'], run['jobs'])


class TestBodies(_Served):
    """What servers make of bodies, whatever the store."""

    def test_chunked_body_is_read_up_to_the_limit(self):
        """A body without a length is taken by both kinds of servers; one that is too large by
        neither.
        """
        headers = {**self.project.headers, 'Connection': 'close'}
        for number, api in enumerate(self.apis):
            address = (
                f'{api.url}/v2/{self.project.base.rpartition("/")[2]}/sessions/chunked-{number}'
            )
            parts = (b'{"schedule": {}, "descr', b'iption": "', b'long ' * 200, b'"}')
            answer = requests.post(
                address, data=iter(parts), headers=headers, timeout=programs.SECONDS
            )
            self.assertEqual(201, answer.status_code, answer.text)
            shown = requests.get(address, headers=headers, timeout=programs.SECONDS).json()
            self.assertEqual('long ' * 200, shown['description'])
            large = requests.post(
                address,
                data=(b'x' * 60000 for _ in range(80)),
                headers=headers,
                timeout=programs.SECONDS,
            )
            self.assertEqual(413, large.status_code, large.text)
