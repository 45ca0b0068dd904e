"""``freezer-manage`` and ``freezer-manager-status`` on each database."""

import json
import pathlib

import fixtures
import testscenarios
import testtools

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.services import backups, clients, common, jobs, sessions
from tests import servers
from tests.live import programs

DATABASES = [(name, {'server': server}) for name, server in (
    ('sqlite', programs.SQLITE), ('mysql', servers.MYSQL), ('postgresql', servers.POSTGRESQL),
    ('elasticsearch', servers.ELASTICSEARCH9))]


class CommandTest(testtools.TestCase):
    """A configuration file and the commands that read it."""

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path

    def configure(self, connection: str | None, extra: str = '') -> None:
        """Write the configuration file."""
        self.config_file = programs.configuration(self.folder, connection, extra)

    def manage(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, output and errors of freezer-manage."""
        ended = programs.run('freezer-manage', '--config-file', self.config_file, *arguments)
        return ended.returncode, ended.stdout, ended.stderr

    def upgrade_check(self) -> tuple[int, dict[str, tuple[int, str]]]:
        """The exit code, and code and details of each check."""
        ended = programs.run('freezer-manager-status', '--config-file', self.config_file, 'upgrade', 'check', '--json')
        checks = json.loads(ended.stdout)['checks']
        return ended.returncode, {check['check']: (check['result'], check['details']) for check in checks}


class TestDatabases(testscenarios.WithScenarios, CommandTest):
    """What works on every store."""

    scenarios = DATABASES
    server: str

    def setUp(self):
        super().setUp()
        if servers.absent(self.server):
            self.skipTest(servers.absent(self.server))
        store = self.useFixture(programs.Database(self.server))
        self.configure(store.url or None, f'{store.extra}\n[keystone_authtoken]\nauth_type = none\nendpoint = http://127.0.0.1:1\n')

    def test_schema(self):
        """An empty store, the schema, the schema again."""
        self.assertEqual((0, 'none\n', ''), self.manage('db', 'version'))
        code, checks = self.upgrade_check()
        self.assertEqual((2, 2), (code, checks['Storage and schema'][0]))
        self.assertIn('freezer-manage db sync', checks['Storage and schema'][1])
        for _time in range(2):
            code, said, errors = self.manage('db', 'sync')
            self.assertEqual((0, ''), (code, errors))
        version = self.manage('db', 'version')[1].strip()
        self.assertEqual(f'The schema is at {version}.\n', said)
        code, checks = self.upgrade_check()
        self.assertEqual((0, [0, 0, 0]), (code, [result for result, _details in checks.values()]), checks)

    def test_purge(self):
        """Every document of one project goes, and is counted; the other project keeps its own."""
        self.manage('db', 'sync')
        seed(self.config_file)
        code, said, errors = self.manage('project', 'purge', 'gone')
        self.assertEqual((0, ''), (code, errors))
        self.assertEqual({'sessions': 1, 'jobs': 2, 'actions': 2, 'clients': 1, 'backups': 1, 'trusts': 0},
                         {line.split(': ')[0]: int(line.split(': ')[1]) for line in said.splitlines()})
        self.assertIn('sessions: 1', self.manage('project', 'purge', 'kept')[1])
        self.assertIn('sessions: 0', self.manage('project', 'purge', 'kept')[1])


def seed(config_file: str) -> None:
    """Give two projects a client, a backup, and a session with two members each."""
    conf = configuration.new()
    conf([f'--config-file={config_file}'], default_config_files=[], default_config_dirs=[])
    storage = db.load(conf)
    action = {'freezer_action': {'action': 'backup', 'mode': 'fs'}}
    for project_id in ('gone', 'kept'):
        caller = common.Caller(project_id, 'user')
        clients.register(storage, caller, {'client_id': 'host', 'hostname': 'host'})
        backups.create(storage, caller, {'backup_name': 'b', 'container': 'c', 'hostname': 'host'})
        session = sessions.create(storage, caller, {'schedule': {}})
        for job_id in ('one', 'two'):
            jobs.create(storage, caller, {'job_id': job_id, 'client_id': 'host', 'job_actions': [action]})
            sessions.attach(storage, caller, session.id, job_id)
    storage.close()


class TestMistakes(CommandTest):
    """One clear line and exit code 1 for what an operator can mend."""

    def refused(self, ended: tuple[int, str, str], text: str) -> None:
        """Check the exit code and the one line."""
        code, said, errors = ended
        self.assertEqual((1, ''), (code, said), errors)
        self.assertEqual(1, len(errors.splitlines()), errors)
        self.assertIn(text, errors)

    def test_missing_file(self):
        """The file that was named isn't there."""
        self.config_file = '/nowhere/freezer-api.conf'
        self.refused(self.manage('db', 'sync'), '/nowhere/freezer-api.conf')

    def test_malformed_file(self):
        """The file can't be parsed."""
        path = pathlib.Path(self.folder, 'bad.conf')
        path.write_text('[DEFAULT\nbind_port = 1\n')
        self.config_file = str(path)
        self.refused(self.manage('db', 'sync'), 'bad.conf')

    def test_wrong_value(self):
        """A value that can't be."""
        self.configure('sqlite:////nowhere', '[sessions]\nruns_kept = many\n')
        self.refused(self.manage('db', 'version'), 'runs_kept')

    def test_no_database(self):
        """Nothing says where the store is; the line says where it belongs."""
        self.configure(None)
        ended = self.manage('db', 'version')
        self.refused(ended, 'connection')
        self.refused(ended, '/etc/freezer/freezer-api.conf')

    def test_database_down(self):
        """Nobody listens there."""
        for connection in ('mysql+pymysql://root@127.0.0.1:1/freezer', 'postgresql+psycopg://postgres@127.0.0.1:1/freezer'):
            self.configure(connection)
            self.refused(self.manage('db', 'sync'), 'storage')
            self.refused(self.manage('project', 'purge', 'p'), 'storage')
            code, checks = self.upgrade_check()
            self.assertEqual((2, 2), (code, checks['Storage and schema'][0]))

    def test_unknown_driver(self):
        """No such driver is installed."""
        self.configure('sqlite:////nowhere', '[storage]\ndriver = stone\n')
        self.refused(self.manage('db', 'version'), 'stone')

    def test_library_of_a_driver_is_missing(self):
        """The line says how it is installed."""
        folder = self.useFixture(fixtures.TempDir()).path
        with open(f'{folder}/elastic_transport.py', 'w') as file:
            file.write('raise ModuleNotFoundError(name=__name__)\n')
        self.useFixture(fixtures.EnvironmentVariable('PYTHONPATH', folder))
        self.configure('sqlite:////nowhere', '[storage]\ndriver = elasticsearch\n')
        ended = self.manage('db', 'version')
        self.refused(ended, 'elastic_transport')
        self.refused(ended, 'pip install "freezer-api[elasticsearch]"')

    def test_wrong_command_line(self):
        """A command that isn't, or none, or half of one: the usage, exit code 2."""
        self.configure('sqlite:////nowhere')
        for arguments in ((), ('db',), ('db', 'burn'), ('project', 'purge')):
            code, said, errors = self.manage(*arguments)
            self.assertEqual((2, ''), (code, said))
            self.assertIn('usage:', errors)

    def test_serving_without_configuration(self):
        """freezer-api says what it lacks."""
        self.configure(None)
        ended = programs.run('freezer-api', '--config-file', self.config_file)
        self.refused((ended.returncode, ended.stdout, ended.stderr), 'connection')


class TestPolicyFile(CommandTest):
    """What the upgrade check says of a policy file."""

    def check(self, text: str) -> tuple[int, dict[str, tuple[int, str]]]:
        """Write a policy file and check."""
        pathlib.Path(self.folder, 'policy.yaml').write_text(text)
        self.configure(f'sqlite:///{self.folder}/freezer.sqlite')
        self.manage('db', 'sync')
        return self.upgrade_check()

    def test_good(self):
        """Rules of the service, and rules that they use."""
        code, checks = self.check('"operators": "role:operator"\n"sessions:delete": "rule:operators"\n')
        self.assertEqual(0, code, checks)

    def test_json(self):
        """JSON fails."""
        code, checks = self.check('{"sessions:delete": "role:operator"}')
        self.assertEqual((2, 2), (code, checks['Policy file format'][0]))

    def test_broken(self):
        """What can't be parsed, or is no mapping, fails."""
        for text in ('a: [', '- a\n- b\n'):
            code, checks = self.check(text)
            self.assertEqual((2, 2), (code, checks['Policy file rules'][0]), text)

    def test_unknown_rule(self):
        """A rule that nothing asks for is a warning."""
        code, checks = self.check('"sessions:destroy": "role:operator"\n')
        self.assertEqual((1, 1), (code, checks['Policy file rules'][0]))
        self.assertIn('sessions:destroy', checks['Policy file rules'][1])
