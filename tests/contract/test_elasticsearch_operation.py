"""What the Elasticsearch driver makes of hosts that hang or are gone, of credentials and of
certificates.
"""

import concurrent.futures

from freezer_api import exceptions
from freezer_api.db.elasticsearch.connections import client
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests.base import EXPLORING
from tests.contract import stores
from tests.servers import process, proxy

#: Seconds after which an answer is no longer in time: far more than the driver is told to wait.
PATIENCE = 60
#: What the driver waits for a host that may hang, and what for one that answers, however busy the
#: machine is.
SHORT, LONG = 1, 30
#: Nothing that says what the storage is, or where.
INTERNAL = '(?i)elastic|index|node|host|http|certificate|credential|ssl|127[.]|Traceback'


class _Proxied:
    """Behind two proxies of the class's own, which stand for two hosts of one cluster; the first
    one is what ``storage`` asks.
    """

    tls = False

    @classmethod
    def make_options(cls):
        options = super().make_options()
        (server,) = options[cls.driver]['hosts']
        cls.proxies = []
        for _ in range(2):
            cls.proxies.append(proxy.Proxy(server, tls=cls.tls))
            cls.addClassCleanup(cls.proxies[-1].stop)
        first = cls.proxies[0]
        return {
            **options,
            cls.driver: {
                **options[cls.driver],
                'number_of_replicas': 0,
                'hosts': [first.url],
                'ca_certs': first.ca_certs,
                'timeout': LONG,
            },
        }

    def project_with(self, **options):
        """The project on another storage, with other options of the driver."""
        storage = self.make_storage(base.configured(self.with_options(**options)))
        storage.clock = self.clock
        return project_operations.Project(storage, self.project.scope)

    def log_of(self, *calls):
        """What the driver logs while calls that are made at once fail in time, of which their
        callers are told nothing.
        """
        pool = concurrent.futures.ThreadPoolExecutor(len(calls))
        self.addCleanup(pool.shutdown, wait=False)
        with self.assertLogs(client.LOG, 'WARNING') as logged:
            for waiting in [pool.submit(call) for call in calls]:
                with self.assertRaises(exceptions.StorageUnavailable) as caught:
                    waiting.result(PATIENCE)
                self.assertNotRegex(caught.exception.message, INTERNAL)
        return logged.output


class Proxied8(_Proxied, stores.Elasticsearch8):
    pass


class Proxied9(_Proxied, stores.Elasticsearch9):
    pass


class ProxiedOpenSearch2(_Proxied, stores.OpenSearch2):
    pass


class ProxiedOpenSearch3(_Proxied, stores.OpenSearch3):
    pass


class Encrypted8(_Proxied, stores.Elasticsearch8):
    tls = True


class Encrypted9(_Proxied, stores.Elasticsearch9):
    tls = True


class EncryptedOpenSearch2(_Proxied, stores.OpenSearch2):
    tls = True


class EncryptedOpenSearch3(_Proxied, stores.OpenSearch3):
    tls = True


ENCRYPTED = (Encrypted8, Encrypted9) if EXPLORING else (Encrypted9,)
ENCRYPTED_OPENSEARCH = (
    (EncryptedOpenSearch2, EncryptedOpenSearch3) if EXPLORING else (EncryptedOpenSearch3,)
)


@stores.on_stores(Proxied8, Proxied9, ProxiedOpenSearch2, ProxiedOpenSearch3)
class Hosts:
    """One that takes connections and says nothing, one that takes none, and another one beside
    them.
    """

    alone = True

    def setUp(self):
        super().setUp()
        for one in self.proxies:
            self.addCleanup(one.resume)
        self.session, self.other = self.project.new_session(), self.project.new_session()
        self.job = self.project.new_job(session_id=self.session)

    def calls(self, project):
        """All kinds of operations, which can be done again."""
        return (
            lambda: project.get(SESSIONS, self.session),
            lambda: project.page(JOBS),
            lambda: project.put_client('client'),
            lambda: project.put_action('action', action='info'),
            lambda: project.attach(self.other, self.job),
            lambda: project.attach(self.session, self.job),
            lambda: project.start(self.session, self.job, 0),
            lambda: project.end(self.session, self.job),
            lambda: project.records(self.session),
            project.storage.check,
            project.storage.version,
        )

    def during(self, project, act):
        """Let something happen in the next operation, after it has read and before it writes."""

        def clock():
            project.storage.clock = self.clock
            act()
            return self.clock()

        project.storage.clock = clock

    def in_one(self):
        """The session that the job is in, by all that is shown."""
        own = self.project.job(self.job)['session_id']
        self.assertEqual(
            {own},
            {
                one
                for one in (self.session, self.other)
                if self.job in self.project.session(one)['jobs']
            },
        )
        self.assertEqual([self.job], self.project.ids(JOBS, [{'session_id': own}]))
        return own

    def test_the_only_one_hangs(self):
        impatient = self.project_with(timeout=SHORT)
        self.proxies[0].pause()
        for line in self.log_of(*self.calls(impatient)):
            self.assertIn('no host answers', line)
        self.proxies[0].resume()
        for call in self.calls(self.project):
            call()
        self.assertEqual(self.session, self.in_one())

    def test_the_only_one_hangs_in_the_midst(self):
        """An operation fails in time then, and has happened as a whole or not at all."""
        impatient = self.project_with(timeout=SHORT)
        self.during(impatient, self.proxies[0].pause)
        self.assertIn(
            'no host answers', self.log_of(lambda: impatient.attach(self.other, self.job))[0]
        )
        self.proxies[0].resume()
        self.in_one()
        self.project.attach(self.other, self.job)
        self.assertEqual(self.other, self.in_one())

    def test_one_of_two_is_away(self):
        for gone, one in enumerate(self.proxies):
            for take_away, bring_back in ((one.halt, one.start), (one.pause, one.resume)):
                with self.subTest(gone=gone, how=take_away.__name__):
                    project = self.project_with(
                        timeout=SHORT, hosts=[host.url for host in self.proxies]
                    )
                    take_away()
                    try:
                        for call in self.calls(project):
                            call()
                    finally:
                        bring_back()

    def test_one_of_two_goes_away_in_the_midst(self):
        for gone, one in enumerate(self.proxies):
            for take_away, bring_back in ((one.halt, one.start), (one.pause, one.resume)):
                for number in range(3):
                    with self.subTest(gone=gone, how=take_away.__name__, number=number):
                        self._moves_while(take_away, bring_back, number)

    def _moves_while(self, take_away, bring_back, number):
        project = self.project_with(timeout=SHORT, hosts=[host.url for host in self.proxies])
        goal = self.other if self.in_one() == self.session else self.session
        self.during(project, take_away)
        try:
            project.attach(goal, self.job)
            self.during(project, lambda: None)
            made = project.put_client(f'client-{number}')
            self.assertEqual(made, project.get(CLIENTS, made.id))
        finally:
            bring_back()
        self.assertEqual(goal, self.in_one())

    def test_a_proxy_whose_node_is_gone(self):
        lonely = proxy.Proxy(f'http://127.0.0.1:{process.free_port()}', tls=False)
        self.addCleanup(lonely.stop)
        self.assertIn(
            'answers with status 502',
            self.log_of(self.project_with(hosts=[lonely.url]).storage.check)[0],
        )
        for hosts in ([lonely.url, self.proxies[0].url], [self.proxies[0].url, lonely.url]):
            for call in self.calls(self.project_with(hosts=hosts)):
                call()

    def test_version_is_told_whichever_host_is_asked_first(self):
        """What says that a request was sent again is no index."""
        lonely = proxy.Proxy(f'http://127.0.0.1:{process.free_port()}', tls=False)
        self.addCleanup(lonely.stop)
        project = self.project_with(hosts=[lonely.url, self.proxies[0].url])
        versions = {project.storage.version() for _ in range(4)}
        self.assertEqual({self.storage.version()}, versions)


class _Asked:
    """A proxy that speaks TLS before the node, and asks for credentials."""

    alone = True
    #: The options that may be wrong where credentials are refused.
    credentials = 'http_auth or api_key'

    def setUp(self):
        super().setUp()
        self.addCleanup(self.proxies[0].ask_for, proxy.NOTHING)

    def works(self, **options):
        """What is written with these options is read by them."""
        project = self.project_with(**options)
        made = project.put_client('client', description=f'{options}')
        self.assertEqual(made, project.get(CLIENTS, 'client'))

    def refused(self, line, **options):
        """With these options nothing can be done, and a line in the log says why."""
        project = self.project_with(**options)
        for call in (
            lambda: project.get(CLIENTS, 'client'),
            lambda: project.put_client('client'),
            project.storage.check,
        ):
            self.assertIn(line, ' '.join(self.log_of(call)))

    def refused_credentials(self, **options):
        """With these nobody is let in, and the log names the options."""
        self.refused(
            f'the credentials ([{self.driver}] {self.credentials}) are refused with status 401',
            **options,
        )

    def test_certificates(self):
        self.works()
        self.works(ca_certs=None, verify_certs=False)
        self.works(hosts=[self.proxies[0].url.removeprefix('https://')], use_ssl=True)
        for authority in (None, self.proxies[1].ca_certs):
            self.refused(
                f'the certificate of a host is not trusted ([{self.driver}] ca_certs)',
                ca_certs=authority,
            )

    def test_a_password(self):
        self.proxies[0].ask_for(proxy.BY_PASSWORD)
        self.works(http_auth=f'{proxy.USER}:{proxy.PASSWORD}')
        for wrong in ({}, {'http_auth': f'{proxy.USER}:wrong'}):
            self.refused_credentials(**wrong)


@stores.on_stores(*ENCRYPTED_OPENSEARCH)
class AccessToOpenSearch(_Asked):
    """It has no API keys."""

    credentials = 'http_auth'


@stores.on_stores(*ENCRYPTED)
class Access(_Asked):
    """A password or an API key."""

    def test_a_key_where_a_password_is_asked_for(self):
        self.proxies[0].ask_for(proxy.BY_PASSWORD)
        self.refused_credentials(api_key=proxy.ENCODED_API_KEY)

    def test_an_api_key(self):
        self.proxies[0].ask_for(proxy.BY_API_KEY)
        self.works(api_key=proxy.ENCODED_API_KEY)
        self.works(api_key=proxy.ENCODED_API_KEY, http_auth=f'{proxy.USER}:wrong')
        for wrong in (
            {},
            {'api_key': 'd3Jvbmc6a2V5'},
            {'http_auth': f'{proxy.USER}:{proxy.PASSWORD}'},
        ):
            self.refused_credentials(**wrong)


@stores.on_stores(*stores.CLUSTERS)
class OtherProduct:
    """The driver for one product where the other one serves."""

    def test_other_product_is_told_from_the_first_request_on(self):
        (other,) = {'elasticsearch', 'opensearch'} - {self.driver}
        options = {'storage': {'driver': other}, other: self.options[self.driver]}
        storage = self.make_storage(base.configured(options))
        for call in (storage.check, storage.sync, storage.version):
            with self.assertLogs(client.LOG, 'ERROR') as logged:
                self.assertRaises(exceptions.StorageUnavailable, call)
            (line,) = logged.output
            self.assertIn(f'what answers at [{other}] hosts is not ', line)
