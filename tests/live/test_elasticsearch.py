"""``freezer-api`` while its Elasticsearch or OpenSearch is away, hangs, has no indices, or doesn't
let it in.
"""

import concurrent.futures

import fixtures
import requests
import testscenarios
import testtools

from tests import servers
from tests.base import EXPLORING
from tests.live import programs
from tests.servers import elasticsearch, identity, opensearch, proxy

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios

#: What callers are told, and can tell whoever runs the service.
NO_INDICES = (
    'The indices of the storage are not those of this release. The operator has to run:'
    ' freezer-manage db sync'
)


#: The nodes of one's own; the long form has all.
NODES = (
    (elasticsearch, elasticsearch.VERSION8),
    (opensearch, opensearch.VERSION3),
    (elasticsearch, elasticsearch.VERSION9),
    (opensearch, opensearch.VERSION2),
)[: None if EXPLORING else 2]


class _Serving(testtools.TestCase):
    """A service on a cluster, and a member who calls it."""

    server: programs.Server
    driver: str

    def configure(self, *options: str) -> None:
        """A configuration file with options of the driver."""
        sections = [
            programs.keystone_section(),
            '[storage]',
            f'driver = {self.driver}',
            f'[{self.driver}]',
            'number_of_replicas = 0',
        ]
        folder = self.useFixture(fixtures.TempDir()).path
        self.config_file = programs.configuration(folder, None, '\n'.join([*sections, *options]))

    def serve(self) -> None:
        """Start the service."""
        self.member = identity.token('member')
        self.server = self.useFixture(programs.api(self.config_file))

    def sync(self) -> None:
        """Make the indices, as an operator does."""
        ended = programs.run('freezer-manage', '--config-file', self.config_file, 'db', 'sync')
        self.assertEqual((0, ''), (ended.returncode, ended.stderr))

    def call(self, method: str, path: str, json: object = None) -> requests.Response:
        """An answer of the API to the member, which must come in time."""
        return requests.request(
            method,
            f'{self.server.url}/v2/{self.member.project_id}/{path}',
            json=json,
            headers={'X-Auth-Token': self.member.id},
            timeout=programs.SECONDS,
        )

    def project(self) -> programs.Project:
        """The member's project, to whom everything is answered as expected."""
        return programs.Project(self.server.url, self.member.project_id, self.member.id)

    def unavailable(
        self,
        description: str = 'The storage is unavailable. Please try again.',
        session_id: str = 's',
    ) -> None:
        """Everything that needs the store is answered 503, and no more is said than this."""
        start = {'start': {'job_id': 'j', 'current_tag': 0}}
        calls = (
            ('GET', 'sessions', None),
            ('POST', 'sessions', {'schedule': {}}),
            ('GET', 'jobs/j', None),
            ('POST', 'clients', {'client_id': 'late'}),
            ('POST', f'sessions/{session_id}/action', start),
            ('DELETE', f'sessions/{session_id}/jobs/k', None),
            ('DELETE', f'sessions/{session_id}', None),
        )
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            for answer in pool.map(lambda call: self.call(*call), calls):
                self.assertEqual(503, answer.status_code, answer.text)
                self.assertGreater(int(answer.headers['Retry-After']), 0)
                told = answer.json()
                code = 'schema-out-of-date' if description == NO_INDICES else 'unavailable'
                self.assertEqual(f'storage.{code}', told.pop('code'))
                self.assertEqual({'title': 'Service Unavailable', 'description': description}, told)
        self.assertEqual(
            503,
            requests.get(
                f'{self.server.url}/healthcheck/ready', timeout=programs.SECONDS
            ).status_code,
        )
        self.assertEqual(
            300, requests.get(f'{self.server.url}/', timeout=programs.SECONDS).status_code
        )

    def logged(self, line: str) -> None:
        """Each line of the log is one with a date, and one of them says this."""
        said = self.server.said()
        self.assertIn(line, said)
        self.assertEqual(
            [],
            [one for one in said.splitlines() if not one.startswith('20')],
            'lines without a date',
        )


@servers.needs(*servers.OWN)
class TestOutage(_Serving):
    """A node of one's own."""

    scenarios = [
        (
            f'{module.PRODUCT.name.lower()}{version.partition(".")[0]}',
            {'make': module.Node, 'version': version, 'product': module.PRODUCT.name},
        )
        for module, version in NODES
    ]
    make: type[elasticsearch.Node]
    version: str
    product: str

    def setUp(self):
        super().setUp()
        self.driver = self.product.lower()
        self.node = self.make(self.version, started=False)
        self.addCleanup(self.node.stop)
        self.configure(f'hosts = {self.node.url}', 'timeout = 3', 'retries = 1')

    def test_outage(self):
        """It starts without its store, serves once that and its indices are there, and again after
        each outage.
        """
        self.serve()
        self.logged('Storage is not ready; requests get 503')
        self.unavailable()
        self.logged(f'{self.product}: no host answers (ConnectionError)')
        self.node.start()
        self.unavailable(NO_INDICES)
        self.logged(NO_INDICES)
        self.sync()
        project = self.project()
        session_id = project.session(['j', 'k'])
        before = project.call('GET', f'sessions/{session_id}', 200)
        self.node.kill()
        self.unavailable(session_id=session_id)
        self.node.start()
        self.assertEqual(before, project.call('GET', f'sessions/{session_id}', 200))
        self.node.pause()
        try:
            self.unavailable(session_id=session_id)
        finally:
            self.node.resume()
        self.logged(f'{self.product}: no host answers (ConnectionTimeout)')
        self.whole(project, session_id)

    def whole(self, project: programs.Project, session_id: str) -> None:
        """The session and its jobs name each other, and everything is done with them again."""
        members = project.call('GET', f'sessions/{session_id}', 200)['jobs']
        jobs = project.call('GET', 'jobs', 200)['jobs']
        self.assertEqual(
            ({'j', 'k'}, {session_id}),
            ({job['job_id'] for job in jobs}, {job['session_id'] for job in jobs}),
        )
        self.assertEqual({'j', 'k'}, set(members))
        for job_id in members:
            project.call(
                'POST',
                f'sessions/{session_id}/action',
                202,
                {'start': {'job_id': job_id, 'current_tag': 0}},
            )
        self.assertEqual(1, project.call('GET', f'sessions/{session_id}', 200)['session_tag'])
        self.assertEqual(
            [session_id],
            [one['session_id'] for one in project.call('GET', 'sessions', 200)['sessions']],
        )
        self.assertEqual(
            'OK',
            requests.get(f'{self.server.url}/healthcheck/ready', timeout=programs.SECONDS).text,
        )


@servers.needs(*servers.OWN)
class TestAccess(_Serving):
    """A proxy that speaks TLS before the node, and asks for what its operator tells it to."""

    scenarios = [
        ('elasticsearch8', {'name': servers.ELASTICSEARCH8}),
        ('elasticsearch9', {'name': servers.ELASTICSEARCH9}),
        ('opensearch3', {'name': servers.OPENSEARCH3}),
    ]
    name: str

    def setUp(self):
        super().setUp()
        self.driver = servers.DRIVERS[self.name]
        self.proxy = proxy.Proxy(servers.address(self.name), asks_for=proxy.BY_PASSWORD)
        self.addCleanup(self.proxy.stop)
        prefix = servers.new_indices()
        self.addCleanup(servers.drop_indices, servers.address(self.name), prefix)
        self.options = (
            f'hosts = {self.proxy.url}',
            f'index = {prefix}',
            f'http_auth = {proxy.USER}:{proxy.PASSWORD}',
        )

    def test_credentials(self):
        """Refused ones are told to the operator; once they are the right ones they serve without a
        restart.
        """
        self.configure(*self.options, f'ca_certs = {self.proxy.ca_certs}')
        self.sync()
        self.serve()
        session_id = self.project().session(['j'])
        self.proxy.ask_for(proxy.BY_API_KEY)
        self.unavailable()
        options = 'http_auth or api_key' if self.driver == 'elasticsearch' else 'http_auth'
        self.logged(f'the credentials ([{self.driver}] {options}) are refused with status 401')
        self.proxy.ask_for(proxy.BY_PASSWORD)
        self.assertEqual(
            {'j'}, set(self.project().call('GET', f'sessions/{session_id}', 200)['jobs'])
        )

    def test_a_certificate(self):
        """One that isn't trusted is told to the operator, by the service and by the command."""
        self.configure(*self.options)
        self.serve()
        self.unavailable()
        untrusted = f'the certificate of a host is not trusted ([{self.driver}] ca_certs)'
        self.logged(untrusted)
        ended = programs.run('freezer-manage', '--config-file', self.config_file, 'db', 'sync')
        self.assertNotEqual(0, ended.returncode)
        self.assertIn(untrusted, ended.stderr)
        self.assertNotIn('Traceback', ended.stderr)
        self.configure(*self.options, 'verify_certs = false')
        self.sync()
        self.serve()
        self.project().session(['j'])
