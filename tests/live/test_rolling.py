"""Processes of two releases on one store, while callers are at it: an upgrade that rolls."""

import itertools
import json
import threading
import typing

import fixtures
import requests
import testscenarios
import testtools

from tests import servers
from tests.live import next_release, programs
from tests.servers import identity, process

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios

WORKERS = 2
#: Rounds of each worker in each phase of an upgrade.
ROUNDS = 2
#: Seconds between two rounds of a worker, and between two questions of the load balancer: they are
#: there all the time, and leave the machine to the commands that they wait for.
PAUSE = 0.5


class Caller(threading.Thread):
    """One of those who call meanwhile, each with documents of its own. What it was told is there
    has to be there, whichever process it asks.
    """

    def __init__(self, name: str, project_id: str, token: str, urls: list[str]):
        super().__init__(name=name, daemon=True)
        self.project = programs.Project(urls[0], project_id, token)
        self.urls = urls
        self.tag = 0
        self.session_id = ''
        self.rounds = 0
        self.over = threading.Event()
        self.error: BaseException | None = None
        self._turns = itertools.count(int(name[-1]))
        self._round_done = threading.Condition()
        #: By path, what is to be there: a key and its value.
        self.acknowledged: dict[str, tuple[str, typing.Any]] = {}

    def run(self) -> None:
        """Go round until told to stop."""
        try:
            session = {'schedule': {}, 'hold_off': 0}
            self.session_id = self.call('POST', 'sessions', 201, session)['session_id']
            while not self.over.wait(PAUSE):
                self._go_round(f'{self.name}-{self.rounds}')
                with self._round_done:
                    self.rounds += 1
                    self._round_done.notify_all()
        except BaseException as error:
            self.error = error
            with self._round_done:
                self._round_done.notify_all()

    def wait_for(self, rounds: int) -> None:
        """Wait until so many more rounds are done, or one has failed."""
        with self._round_done:
            target = self.rounds + rounds
            is_over = self._round_done.wait_for(
                lambda: self.error or self.rounds >= target, next_release.SECONDS
            )
            if not is_over:
                raise AssertionError(f'{self.name} is stuck in round {self.rounds}')

    def call(self, method: str, path: str, expected: int, body: typing.Any = None) -> typing.Any:
        """Call the process whose turn it is."""
        urls = list(self.urls)
        url = urls[next(self._turns) % len(urls)]
        base = f'{url}/v2/{self.project.base.rpartition("/")[2]}'
        return self.project.call(method, path, expected, body, base=base)

    def _go_round(self, name: str) -> None:
        """Store documents of every kind, change, find and delete some, and run the session once."""
        self.call('POST', 'clients', 201, {'client_id': name, 'hostname': name})
        self.acknowledged[f'clients/{name}'] = ('client_id', name)
        action = {'freezer_action': {'action': 'backup', 'mode': 'fs', 'path_to_backup': '/etc'}}
        job = {'job_id': name, 'client_id': name, 'description': name, 'job_actions': [action]}
        self.call('POST', 'jobs', 201, job)
        self.call('PATCH', f'jobs/{name}', 200, {'description': f'{name} changed'})
        self.acknowledged[f'jobs/{name}'] = ('description', f'{name} changed')
        self.call('PUT', f'sessions/{self.session_id}/jobs/{name}', 204)
        self._run_session(name)
        self._search('jobs', {'description': f'{name} changed'}, 'job_id', name)
        self._search('clients', {'hostname': name}, 'client_id', name)
        self.call('DELETE', f'sessions/{self.session_id}/jobs/{name}', 204)
        gone = f'{name}-gone'
        self.call('POST', 'clients', 201, {'client_id': gone})
        self.call('DELETE', f'clients/{gone}', 204)
        self.acknowledged[f'clients/{gone}'] = ('', None)
        for path in list(self.acknowledged)[-3:]:
            self.check(path)

    def _run_session(self, job_id: str) -> None:
        """Start and end a run of the session, with a backup that the run has to show."""
        path = f'sessions/{self.session_id}'
        start = {'start': {'job_id': job_id, 'current_tag': self.tag}}
        self.tag = self.call('POST', f'{path}/action', 202, start)['session_tag']
        metadata = {
            'job_id': job_id,
            'session_id': self.session_id,
            'session_tag': self.tag,
            'hostname': job_id,
            'backup_name': job_id,
            'container': 'backups',
        }
        backup_id = self.call('POST', 'backups', 201, metadata)['backup_id']
        self.acknowledged[f'backups/{backup_id}'] = ('backup_id', backup_id)
        end = {'end': {'job_id': job_id, 'current_tag': self.tag, 'result': 'success'}}
        self.call('POST', f'{path}/action', 202, end)
        run = self.call('GET', f'{path}/runs/{self.tag}', 200)
        if (run['result'], run['backups']) != ('success', [backup_id]):
            raise AssertionError(f'run {self.tag} of {job_id}: {run}')
        self.acknowledged[path] = ('session_tag', self.tag)

    def _search(self, kind: str, match: dict[str, str], key: str, expected: str) -> None:
        """Find one document by what it has."""
        search = json.dumps({'match': [match]})
        found = self.call('GET', f'{kind}?search={search}', 200)[kind]
        shown = [one.get(key) or one.get('client', {}).get(key) for one in found]
        if shown != [expected]:
            raise AssertionError(f'{kind} {match}: {shown}')

    def check(self, path: str) -> None:
        """Check that a document is as the caller was told."""
        key, value = self.acknowledged[path]
        shown = self.call('GET', path, 200 if key else 404)
        if key and (shown.get(key) or shown.get('client', {}).get(key)) != value:
            raise AssertionError(f'{path}: {key} is not {value}: {shown}')


class Probe(threading.Thread):
    """A load balancer, which asks processes again and again whether they are ready."""

    def __init__(self, urls: list[str]):
        super().__init__(daemon=True)
        self.urls = urls
        self.statuses: list[tuple[str, int]] = []
        self._over = threading.Event()

    def run(self) -> None:
        """Ask until told to stop."""
        while not self._over.wait(PAUSE):
            for url in list(self.urls):
                answer = requests.get(f'{url}/healthcheck/ready', timeout=programs.SECONDS)
                self.statuses.append((url, answer.status_code))

    def end(self) -> None:
        """Stop asking."""
        self._over.set()
        self.join()


class RollingTest(testtools.TestCase):
    """A store that this release has made, and callers of its process."""

    server: str
    callers: list[Caller]

    def setUp(self):
        super().setUp()
        if servers.absent(self.server):
            self.skipTest(servers.absent(self.server))
        self.config_file = self.useFixture(programs.Deployment(self.server)).config_file
        self.old = self.start()
        #: Addresses of the processes that are called, and of those that have to be ready.
        self.called, self.ready = [self.old.url], [self.old.url]
        self.member = identity.token('member')
        self.project = programs.Project(self.old.url, self.member.project_id, self.member.id)

    def start(self, **environment: str) -> programs.Server:
        """A process on the store: this release's, or that of an environment."""
        port = process.free_port()
        arguments = ('--config-file', self.config_file, '--port', str(port))
        url = f'http://127.0.0.1:{port}'
        return self.useFixture(programs.Server('freezer-api', *arguments, url=url, **environment))

    def ask_ready(self, server: programs.Server) -> int:
        """The status by which a process tells a load balancer whether it can serve."""
        answer = requests.get(f'{server.url}/healthcheck/ready', timeout=programs.SECONDS)
        return answer.status_code

    def begin(self) -> None:
        """Let the callers begin, and the load balancer."""
        self.probe = Probe(self.ready)
        self.callers = [
            Caller(f'caller{number}', self.member.project_id, self.member.id, self.called)
            for number in range(WORKERS)
        ]
        self.addCleanup(self.end)
        for thread in (self.probe, *self.callers):
            thread.start()
        self.go_on()

    def go_on(self) -> None:
        """Wait until each caller has gone round some times more."""
        for caller in self.callers:
            caller.wait_for(ROUNDS)
        self.assertEqual([], [caller.error for caller in self.callers if caller.error])

    def end(self) -> None:
        """Let the callers stop, and the load balancer."""
        for caller in self.callers:
            caller.over.set()
        for caller in self.callers:
            caller.join()
        self.probe.end()

    def run_next(
        self, release: next_release.NextRelease, *arguments: str, code: int = 0
    ) -> tuple[str, str]:
        """Run ``freezer-manage`` of the next release; what it prints and tells."""
        ended = release.run('freezer-manage', '--config-file', self.config_file, *arguments)
        self.assertEqual(code, ended.returncode, ended.stderr)
        return ended.stdout, ended.stderr

    def check_storage(self, release: next_release.NextRelease) -> tuple[int, str]:
        """What the upgrade check of the next release says of the store."""
        ended = release.run(
            'freezer-manager-status',
            '--config-file',
            self.config_file,
            'upgrade',
            'check',
            '--json',
        )
        first = json.loads(ended.stdout)['checks'][0]
        return first['result'], first['details'] or ''

    def expand(self, release: next_release.NextRelease) -> programs.Server:
        """Sync the store, start a process of the next release, and reindex, while callers go on;
        the new process.
        """
        said, _errors = self.run_next(release, 'db', 'sync')
        self.assertIn('The schema is at ', said)
        self.go_on()
        new = self.start(**release.environment)
        self.called.append(new.url)
        self.ready.append(new.url)
        self.go_on()
        self.assertIn('freezer-manage db reindex', self.check_storage(release)[1])
        self.run_next(release, 'db', 'reindex')
        self.go_on()
        return new

    def stop_old(self) -> None:
        """Take the process of this release out of the load balancer, and stop it."""
        self.called.remove(self.old.url)
        self.ready.remove(self.old.url)
        self.go_on()
        self.assertEqual(0, self.old.end())

    def assert_nothing_lost(self, url: str) -> None:
        """All that was acknowledged is there, and nothing was refused meanwhile."""
        self.end()
        self.assertEqual([], [caller.error for caller in self.callers if caller.error])
        self.assertEqual([], [told for told in self.probe.statuses if told[1] != 200])
        self.called[:] = [url]
        for caller in self.callers:
            for path in caller.acknowledged:
                caller.check(path)

    def finish(self, release: next_release.NextRelease, new: programs.Server) -> None:
        """Reindex what the old process has written since, and check all that there is."""
        self.run_next(release, 'db', 'reindex')
        self.assert_nothing_lost(new.url)
        self.assertEqual(self.list_clients(), self.find_clients(new.url))
        self.assertIn('No inconsistencies.', self.run_next(release, 'db', 'verify')[0])
        self.assertEqual((0, ''), self.check_storage(release))

    def find_clients(self, url: str) -> set[str]:
        """The callers' clients that are found by what only the next release indexes."""
        search = json.dumps({'match': [next_release.FOUND_BY]})
        base = f'{url}/v2/{self.member.project_id}'
        path = f'clients?search={search}&limit=1000'
        found = self.project.call('GET', path, 200, base=base)['clients']
        return {one['client']['client_id'] for one in found}

    def list_clients(self) -> set[str]:
        """The clients that are there, as the callers were told."""
        names = set()
        for caller in self.callers:
            for path, (key, value) in caller.acknowledged.items():
                if path.startswith('clients/') and key:
                    names.add(value)
        return names


class TestDatabases(RollingTest):
    """The schema is expanded, both releases serve, and it is contracted."""

    scenarios = [
        ('sqlite', {'server': programs.SQLITE}),
        ('mysql', {'server': servers.MYSQL}),
        ('postgresql', {'server': servers.POSTGRESQL}),
    ]

    def test_upgrade_rolls_under_load(self):
        release = self.useFixture(next_release.NextRelease())
        code, details = self.check_storage(release)
        self.assertEqual(2, code)
        self.assertIn('freezer-manage db sync', details)
        _said, errors = self.run_next(release, 'db', 'sync', '--contract', code=1)
        self.assertIn('Run freezer-manage db sync first', errors)
        self.begin()

        new = self.expand(release)
        self.stop_old()
        said, errors = self.run_next(release, 'db', 'version')
        self.assertEqual(f'{next_release.REVISION}\n', said)
        self.assertIn('freezer-manage db sync --contract', errors)
        forgotten = self.start()
        self.assertEqual(200, self.ask_ready(forgotten))
        said, _errors = self.run_next(release, 'db', 'sync', '--contract')
        self.assertIn(
            f'Only releases of schema {next_release.REVISION} and later can use it.', said
        )
        self.go_on()

        self.finish(release, new)
        self._assert_contracted(release, forgotten)

    def _assert_contracted(
        self, release: next_release.NextRelease, forgotten: programs.Server
    ) -> None:
        """Nothing is left to do, and a process of this release that was forgotten refuses the
        store without doing harm.
        """
        said, errors = self.run_next(release, 'db', 'sync', '--contract')
        self.assertIn('Nothing is left to contract.', said)
        self.assertEqual('', self.run_next(release, 'db', 'version')[1])
        self.assertEqual(503, self.ask_ready(forgotten))
        base = f'{forgotten.url}/v2/{self.member.project_id}'
        self.project.call('POST', 'clients', 503, {'client_id': 'late'}, base=base)

    def test_new_store_is_contracted_at_once(self):
        release = self.useFixture(next_release.NextRelease())
        folder = self.useFixture(fixtures.TempDir()).path
        database = self.useFixture(programs.Database(self.server))
        self.config_file = programs.configuration(folder, database.url, programs.keystone_section())
        said, _errors = self.run_next(release, 'db', 'sync')
        self.assertEqual(f'The schema is at {next_release.REVISION}.\n', said)
        said, _errors = self.run_next(release, 'db', 'sync', '--contract')
        self.assertIn('Nothing is left to contract.', said)


class TestIndices(RollingTest):
    """Elasticsearch, where nothing is to be contracted."""

    scenarios = [
        ('elasticsearch', {'server': servers.ELASTICSEARCH9}),
        ('opensearch', {'server': servers.OPENSEARCH3}),
    ]

    def test_upgrade_with_the_same_mappings_rolls_under_load(self):
        release = self.useFixture(next_release.NextRelease())
        self.begin()
        new = self.expand(release)
        self.stop_old()
        said, _errors = self.run_next(release, 'db', 'sync', '--contract')
        self.assertIn('Nothing is left to contract.', said)
        self.go_on()
        self.finish(release, new)

    def test_upgrade_with_other_mappings_is_announced_and_loses_nothing(self):
        """Processes of the release before are not ready any more; until they are stopped they
        answer 503, or keep what they acknowledge.
        """
        release = self.useFixture(next_release.NextRelease(with_mappings=True))
        answers: dict[str, int] = {}
        over = threading.Event()

        def write() -> None:
            """Register one client after the other with the old process."""
            for number in itertools.count():
                if over.is_set():
                    return
                name = f'client-{number}'
                answer = requests.post(
                    f'{self.project.base}/clients',
                    json={'client_id': name},
                    headers=self.project.headers,
                    timeout=programs.SECONDS,
                )
                answers[name] = answer.status_code

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        self.addCleanup(over.set)
        self.run_next(release, 'db', 'sync')
        self.assertEqual(503, self.ask_ready(self.old))
        new = self.start(**release.environment)
        self.assertEqual(200, self.ask_ready(new))
        over.set()
        writer.join()
        self.old.end()
        self.assertLessEqual(set(answers.values()), {201, 503})
        acknowledged = {name for name, status in answers.items() if status == 201}
        self.assertNotEqual(set(), acknowledged)
        self.run_next(release, 'db', 'reindex')
        self.assertLessEqual(acknowledged, self.find_clients(new.url))
        self.assertIn('No inconsistencies.', self.run_next(release, 'db', 'verify')[0])
