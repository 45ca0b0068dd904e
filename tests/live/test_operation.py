"""What an operator's monitoring and proxies meet: a database that doesn't answer, request ids in
the log, a path in front.
"""

import concurrent.futures
import time
import uuid

import fixtures
import requests
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity, mariadb, process

#: Seconds that a load balancer waits for an answer, far more than the health check takes.
PATIENCE = 60


class TestDatabaseHangs(testtools.TestCase):
    """The database's host takes connections and says nothing, as one does whose disks or memory are
    gone.
    """

    def setUp(self):
        super().setUp()
        self.database = mariadb.MariaDB()
        self.addCleanup(self.database.stop)
        folder = self.useFixture(fixtures.TempDir()).path
        # An operator may wait less for the database than a minute, though more than the health
        # check does.
        url = f'{servers.create_database(self.database.url)}&connect_timeout=15&read_timeout=15'
        config_file = programs.configuration(
            folder, url, f'{programs.keystone_section()}\n[healthcheck]\ndetailed = true'
        )
        programs.run(
            'freezer-manage', '--config-file', config_file, 'db', 'sync'
        ).check_returncode()
        self.server = self.useFixture(programs.api(config_file))
        self.member = identity.token('member')

    def get(self, path: str, **headers: str) -> requests.Response:
        """An answer, which must come in time."""
        return requests.get(f'{self.server.url}{path}', headers=headers, timeout=PATIENCE)

    def sessions(self, request_id: str) -> requests.Response:
        """A list, as a member asks for it."""
        headers = {'X-Auth-Token': self.member.id, 'X-OpenStack-Request-Id': request_id}
        return self.get(f'/v2/{self.member.project_id}/sessions', **headers)

    def test_requests_get_503_until_the_database_answers(self):
        """The health check says so in time, as often as it is asked; requests are answered 503;
        nothing needs a restart.
        """
        before, paused, after = (f'req-{uuid.uuid4()}' for _ in range(3))
        self.assertEqual(200, self.sessions(before).status_code)
        self.assertEqual('OK', self.get('/healthcheck').text)
        self.assertEqual('OK', self.get('/healthcheck/ready').text)
        self.addCleanup(self.database.resume)
        self.database.pause()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.sessions, paused)
            checks = [
                pool.submit(self.get, '/healthcheck/ready', Accept='application/json')
                for _ in range(3)
            ]
            answers = [self.get(path).status_code for path in ('/', '/v2', '/healthcheck')]
            self.assertEqual([300, 200, 200], answers, 'what needs no database')
        for answer in (check.result() for check in checks):
            self.assertEqual(503, answer.status_code)
            self.assertEqual('storage timed out', answer.json()['reasons'][0]['reason'])
        answer = waiting.result()
        self.assertEqual(503, answer.status_code)
        self.assertEqual(paused, answer.headers['X-OpenStack-Request-Id'])
        self.assertGreater(int(answer.headers['Retry-After']), 0)
        self.assertEqual({'title', 'description', 'code'}, set(answer.json()))
        self.database.resume()
        self.assertEqual('OK', self.healthy())
        self.assertEqual(200, self.sessions(after).status_code)
        self.assertEqual([], self.sessions(after).json()['sessions'])
        self.logged(paused, before, after)
        self.detailed()

    def detailed(self) -> None:
        """What the database's driver says of it is for operators who ask for it, as this one
        does.
        """
        self.database.halt()
        reasons = self.get('/healthcheck/ready', Accept='application/json').json()['reasons']
        self.assertEqual(['storage unavailable'], [reason['reason'] for reason in reasons])
        self.assertNotEqual('', reasons[0]['details'])

    def logged(self, request_id: str, *others: str) -> None:
        """The service tells of the storage in one request, in one line that bears its id and
        project, and of no other.
        """
        said = self.server.said().splitlines()
        (line,) = [line for line in said if 'WARNING freezer_api.middleware.errors' in line]
        self.assertIn(request_id, line)
        self.assertIn(self.member.project_id, line)
        for other in others:
            self.assertNotIn(other, line)
        self.assertEqual(
            [], [line for line in said if not line.startswith('20')], 'no line without a date'
        )

    def healthy(self) -> str:
        """What the health check says once it is content; a check that had hung may still be under
        way.
        """
        deadline = time.monotonic() + PATIENCE
        while (
            answer := self.get('/healthcheck/ready')
        ).status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        return answer.text


class TestPrefix(testtools.TestCase):
    """Two processes below the path ``/backup``, as in front of them a proxy has it."""

    def setUp(self):
        super().setUp()
        config_file = self.useFixture(programs.Deployment(servers.MYSQL)).config_file
        port = process.free_port()
        self.server = self.useFixture(
            programs.Server(
                'gunicorn',
                '--workers',
                '2',
                '--threads',
                '2',
                '--bind',
                f'127.0.0.1:{port}',
                '--no-control-socket',
                'freezer_api.wsgi:application',
                url=f'http://127.0.0.1:{port}/backup',
                SCRIPT_NAME='/backup',
                OS_FREEZER_CONFIG_FILES=config_file,
            )
        )
        self.origin = self.server.url.removesuffix('/backup')

    def test_links_have_the_prefix_on_each_host(self):
        """The versions' link and the links to further pages lead on, whichever host was asked."""
        member = identity.token('member')
        for host in (
            self.origin.removeprefix('http://'),
            f'localhost:{self.origin.rpartition(":")[2]}',
        ):
            (version,) = requests.get(
                f'{self.server.url}/', headers={'Host': host}, timeout=PATIENCE
            ).json()['versions']
            self.assertEqual(f'http://{host}/backup/v2/', version['links'][0]['href'])
        project = programs.Project(
            version['links'][0]['href'].removesuffix('/v2/'), member.project_id, member.id
        )
        ids = [
            project.call('POST', 'sessions/', 201, {'schedule': {}})['session_id'] for _ in range(3)
        ]
        seen, link = [], f'/backup/v2/{member.project_id}/sessions?limit=1'
        while link:
            page = requests.get(
                self.origin + link, headers=project.headers, timeout=PATIENCE
            ).json()
            seen += [session['session_id'] for session in page['sessions']]
            link = page['sessions_links'][0]['href'] if 'sessions_links' in page else ''
        self.assertEqual(ids, seen)
        answer = requests.get(
            f'{self.server.url}/healthcheck',
            headers={'Accept': 'application/json'},
            timeout=PATIENCE,
        )
        self.assertEqual(200, answer.status_code)
        self.assertEqual({'detailed': False, 'reasons': ['OK']}, answer.json())
