"""The database goes away and comes back while ``freezer-api`` serves."""

import collections.abc

import fixtures
import requests
import testscenarios
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity, mariadb, postgresql

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios


class TestOutage(testtools.TestCase):
    """A database server of one's own, which the test may kill."""

    scenarios = [
        ('mysql', {'make': mariadb.MariaDB}),
        ('postgresql', {'make': postgresql.PostgreSQL}),
    ]
    make: collections.abc.Callable[[], mariadb.MariaDB | postgresql.PostgreSQL]

    def setUp(self):
        super().setUp()
        self.database = self.make()
        self.addCleanup(self.database.stop)
        folder = self.useFixture(fixtures.TempDir()).path
        self.config_file = programs.configuration(
            folder, servers.create_database(self.database.url), programs.keystone_section()
        )
        self.member = identity.token('member')

    def call(self, method: str, path: str, **request: object) -> requests.Response:
        """An answer of the API to a member."""
        url = f'{self.server.url}/{path}'.replace('PROJECT', self.member.project_id)
        return requests.request(
            method,
            url,
            headers={'X-Auth-Token': self.member.id},
            timeout=programs.SECONDS,
            **request,
        )

    def unavailable(self) -> None:
        """Everything that needs the store is answered 503, without a word on why."""
        for answer in (
            self.call('GET', 'v2/PROJECT/sessions'),
            self.call('POST', 'v2/PROJECT/sessions', json={'schedule': {}}),
        ):
            self.assertEqual(503, answer.status_code, answer.text)
            self.assertGreater(int(answer.headers['Retry-After']), 0)
            self.assertEqual({'title', 'description', 'code'}, set(answer.json()))
            self.assertNotIn('sql', answer.text.lower())
        self.assertEqual(503, self.call('GET', 'healthcheck/ready').status_code)
        self.assertEqual(300, self.call('GET', '').status_code)

    def test_service_recovers_from_each_outage(self):
        """It starts without its store, serves once that is there, and again after each outage."""
        self.database.halt()
        self.server = self.useFixture(programs.api(self.config_file))
        self.assertIn('requests get 503 until this is fixed', self.server.said())
        self.unavailable()
        self.database.start()
        self.unavailable()
        self.assertEqual(
            0,
            programs.run(
                'freezer-manage', '--config-file', self.config_file, 'db', 'sync'
            ).returncode,
        )
        self.assertEqual(200, self.call('GET', 'healthcheck/ready').status_code)
        kept = self.call('POST', 'v2/PROJECT/sessions', json={'schedule': {}}).json()['session_id']
        self.database.kill()
        self.unavailable()
        self.database.start()
        self.assertEqual(
            [kept],
            [
                session['session_id']
                for session in self.call('GET', 'v2/PROJECT/sessions').json()['sessions']
            ],
        )
        self.assertEqual(200, self.call('GET', 'healthcheck/ready').status_code)
