"""``freezer-manage`` and ``freezer-manager-status`` on each database."""

import json
import os
import pathlib
import pty
import socket
import subprocess
import uuid

import fixtures
import sqlalchemy
import testscenarios
import testtools

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.services import backups, clients, common, jobs, sessions
from tests import servers
from tests.live import programs

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios

DATABASES = [
    (name, {'server': server})
    for name, server in (
        ('sqlite', programs.SQLITE),
        ('mysql', servers.MYSQL),
        ('postgresql', servers.POSTGRESQL),
        ('elasticsearch', servers.ELASTICSEARCH9),
        ('opensearch', servers.OPENSEARCH3),
    )
]


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
        ended = programs.run(
            'freezer-manager-status',
            '--config-file',
            self.config_file,
            'upgrade',
            'check',
            '--json',
        )
        checks = json.loads(ended.stdout)['checks']
        return ended.returncode, {
            check['check']: (check['result'], check['details']) for check in checks
        }


class StoreTest(CommandTest):
    """A configuration file with an empty store, and with a Keystone that isn't asked."""

    server = programs.SQLITE

    def setUp(self):
        super().setUp()
        if servers.absent(self.server):
            self.skipTest(servers.absent(self.server))
        store = self.useFixture(programs.Database(self.server))
        keystone = '[keystone_authtoken]\nauth_type = none\nendpoint = http://127.0.0.1:1\n'
        self.configure(store.url or None, f'{store.extra}\n{keystone}')


class SeededTest(StoreTest):
    """The same, and in the store there are two projects, ``gone`` and ``kept``."""

    def setUp(self):
        super().setUp()
        self.manage('db', 'sync')
        seed(self.config_file)


class TestDatabases(StoreTest):
    """What works on every store."""

    scenarios = DATABASES

    def test_sync_twice_is_a_noop(self):
        """An empty store, the schema, the schema again."""
        self.assertEqual((0, 'none\n', ''), self.manage('db', 'version'))
        code, checks = self.upgrade_check()
        self.assertEqual(2, code)
        self.assertEqual(2, checks['Storage and schema'][0])
        self.assertIn('freezer-manage db sync', checks['Storage and schema'][1])
        for name in ('sync', 'update', 'sync'):
            code, said, errors = self.manage('db', name)
            self.assertEqual(0, code)
            self.assertEqual('', errors)
        version = self.manage('db', 'version')[1].strip()
        self.assertEqual(f'The schema is at {version}.\n', said)
        code, checks = self.upgrade_check()
        # The PostgreSQL of the test run doesn't wait for its disk.
        warned = {'Storage settings': 1} if self.server == servers.POSTGRESQL else {}
        self.assertEqual(len(warned), code, checks)
        results = {name: result for name, (result, _details) in checks.items()}
        self.assertEqual(dict.fromkeys(checks, 0) | warned, results, checks)
        self.assertEqual(6, len(checks))

    def test_purge_deletes_one_project(self):
        """Every document of one project goes, and is counted; the other project keeps its own."""
        self.manage('db', 'sync')
        seed(self.config_file)
        log = pathlib.Path(self.config_file).with_name('purge.log')
        code, said, errors = self.manage(f'--log-file={log}', 'project', 'purge', '--yes', 'gone')
        self.assertEqual(0, code)
        self.assertEqual('', errors)
        self.assertIn("Purged project 'gone': 1 sessions, 2 jobs, ", log.read_text())
        self.assertEqual(
            {'sessions': 1, 'jobs': 2, 'actions': 2, 'clients': 1, 'backups': 1, 'trusts': 0},
            {line.split(': ')[0]: int(line.split(': ')[1]) for line in said.splitlines()},
        )
        self.assertNotIn('no documents', said)
        self.assertIn('sessions: 1', self.manage('project', 'purge', 'kept', '--yes')[1])
        said = self.manage('project', 'purge', 'kept', '--yes')[1]
        self.assertIn('sessions: 0', said)
        self.assertIn('Project kept had no documents.', said)


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
            jobs.create(
                storage, caller, {'job_id': job_id, 'client_id': 'host', 'job_actions': [action]}
            )
            sessions.attach(storage, caller, session.id, job_id)
    storage.close()


def administer(url: str, statement: str) -> None:
    """Execute one statement in a database."""
    engine = sqlalchemy.create_engine(
        url, isolation_level='AUTOCOMMIT', poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


class TestMistakes(CommandTest):
    """One clear line and exit code 1 for what an operator can mend."""

    def refused(self, ended: tuple[int, str, str], text: str) -> None:
        """Check the exit code and the one line."""
        code, said, errors = ended
        self.assertEqual(1, code, errors)
        self.assertEqual('', said, errors)
        self.assertEqual(1, len(errors.splitlines()), errors)
        self.assertIn(text, errors)

    def test_missing_file_is_one_line(self):
        """The file that was named isn't there."""
        self.config_file = '/nowhere/freezer-api.conf'
        self.refused(self.manage('db', 'sync'), '/nowhere/freezer-api.conf')

    def test_malformed_file_is_one_line(self):
        """The file can't be parsed."""
        path = pathlib.Path(self.folder, 'bad.conf')
        path.write_text('[DEFAULT\nbind_port = 1\n')
        self.config_file = str(path)
        self.refused(self.manage('db', 'sync'), 'bad.conf')

    def test_invalid_value_is_one_line(self):
        """A value that can't be."""
        self.configure('sqlite:////nowhere', '[sessions]\nruns_kept = many\n')
        self.refused(self.manage('db', 'version'), 'runs_kept')

    def test_missing_connection_is_one_line(self):
        """Nothing says where the store is; the line says where it belongs."""
        self.configure(None)
        ended = self.manage('db', 'version')
        self.refused(ended, 'connection')
        self.refused(ended, '/etc/freezer/freezer-api.conf')

    def test_database_that_is_down_is_one_line(self):
        """Nobody listens there."""
        for connection in (
            'mysql+pymysql://root@127.0.0.1:1/freezer',
            'postgresql+psycopg://postgres@127.0.0.1:1/freezer',
        ):
            self.configure(connection)
            self.refused(self.manage('db', 'sync'), 'storage')
            self.refused(self.manage('project', 'purge', '--yes', 'p'), 'storage')
            code, checks = self.upgrade_check()
            self.assertEqual(2, code)
            self.assertEqual(2, checks['Storage and schema'][0])

    def test_unknown_driver_is_one_line(self):
        """No such driver is installed."""
        self.configure('sqlite:////nowhere', '[storage]\ndriver = stone\n')
        self.refused(self.manage('db', 'version'), 'stone')

    def test_missing_library_of_a_driver_names_the_extra(self):
        """The line says how it is installed."""
        folder = self.useFixture(fixtures.TempDir()).path
        with open(f'{folder}/elastic_transport.py', 'w') as file:
            file.write('raise ModuleNotFoundError(name=__name__)\n')
        self.useFixture(fixtures.EnvironmentVariable('PYTHONPATH', folder))
        for driver in ('elasticsearch', 'opensearch'):
            self.configure('sqlite:////nowhere', f'[storage]\ndriver = {driver}\n')
            ended = self.manage('db', 'version')
            self.refused(ended, 'elastic_transport')
            self.refused(ended, f'pip install "freezer-api[{driver}]"')

    def test_newer_schema_is_refused(self):
        """Neither sync nor the check advises what doesn't help."""
        for server in (programs.SQLITE, servers.MYSQL, servers.POSTGRESQL):
            store = self.useFixture(programs.Database(server))
            self.configure(store.url)
            self.manage('db', 'sync')
            administer(store.url, "UPDATE freezer_schema SET version_num = '9999'")
            self.refused(self.manage('db', 'sync'), 'newer release: they are at 9999')
            code, checks = self.upgrade_check()
            self.assertEqual(2, code)
            self.assertIn('newer release', checks['Storage and schema'][1])
            self.assertNotIn('db sync', checks['Storage and schema'][1])

    def test_refusal_of_a_database_is_one_line_without_password(self):
        """Each reason by the words of the database, and which database it is; no password, nothing
        of the driver.
        """
        for connection, text in (*self.mysql(), *self.postgresql(), *self.sqlite()):
            self.configure(connection, f'[DEFAULT]\nlog_file = {self.folder}/log\n')
            ended = self.manage('db', 'sync')
            self.refused(ended, text)
            for internal in ('secret', 'sqlalche.me', 'Error', 'pymysql', 'psycopg'):
                self.assertNotIn(internal, ended[2])
            self.assertIn(connection.partition('+')[0].partition(':')[0], ended[2])

    def mysql(self) -> list[tuple[str, str]]:
        """Connections that MariaDB refuses, and what it says."""
        url = sqlalchemy.make_url(self.useFixture(programs.Database(servers.MYSQL)).url)
        user = f'u{uuid.uuid4().hex[:12]}'
        for statement in (
            f"CREATE USER {user} IDENTIFIED BY 'secret'",
            f'GRANT SELECT ON {url.database}.* TO {user}',
        ):
            administer(str(url), statement)
        self.addCleanup(administer, servers.address(servers.MYSQL), f'DROP USER {user}')
        theirs = url.set(username=user, password='secret')
        return [
            (one.render_as_string(hide_password=False), text)
            for one, text in (
                (theirs.set(password='secret-but-wrong'), 'Access denied'),
                (url.set(database='nowhere'), 'Unknown database'),
                (theirs, 'denied to user'),
            )
        ]

    def postgresql(self) -> list[tuple[str, str]]:
        """Connections that PostgreSQL refuses, and what it says."""
        url = sqlalchemy.make_url(self.useFixture(programs.Database(servers.POSTGRESQL)).url)
        user = f'u{uuid.uuid4().hex[:12]}'
        administer(str(url), f'CREATE ROLE {user} LOGIN')
        self.addCleanup(administer, servers.address(servers.POSTGRESQL), f'DROP ROLE {user}')
        fixed = self.useFixture(programs.Database(servers.POSTGRESQL)).url
        administer(
            fixed,
            f'ALTER DATABASE {sqlalchemy.make_url(fixed).database} SET'
            ' default_transaction_read_only = on',
        )
        return [
            (one.render_as_string(hide_password=False), text)
            for one, text in (
                (url.set(username='nobody_at_all', password='secret'), 'does not exist'),
                (url.set(database='nowhere'), 'does not exist'),
                (url.set(username=user), 'permission denied'),
                (sqlalchemy.make_url(fixed), 'read-only transaction'),
            )
        ]

    def sqlite(self) -> list[tuple[str, str]]:
        """Files that SQLite refuses, and what it says."""
        path = pathlib.Path(self.folder, 'text.sqlite')
        path.write_text('This is no database. ' * 100)
        return [
            ('sqlite:////nowhere/freezer.sqlite', 'unable to open database file'),
            (f'sqlite:///{path}', 'not a database'),
        ]

    def test_server_that_never_answers_is_one_line(self):
        """It takes the connection, and that is all."""
        with socket.create_server(('127.0.0.1', 0)) as silent:
            port = silent.getsockname()[1]
            for connection in (
                f'mysql+pymysql://u:secret@127.0.0.1:{port}/d',
                f'postgresql+psycopg://u:secret@127.0.0.1:{port}/d',
            ):
                self.configure(connection)
                self.refused(self.manage('db', 'sync'), f'127.0.0.1:{port}')
            self.configure(
                None,
                '[storage]\ndriver = elasticsearch\n[elasticsearch]\ntimeout = 1\n'
                f'hosts = http://u:secret@127.0.0.1:{port}\n',
            )
            ended = self.manage('db', 'sync')
            self.refused(ended, f'http://127.0.0.1:{port}')
            self.assertNotIn('secret', ended[2])

    def test_log_that_cannot_be_written_is_one_line(self):
        """The line names the file."""
        for option in ('log_file', 'log_config_append'):
            self.configure(
                'sqlite:////nowhere/x.sqlite', f'[DEFAULT]\n{option} = /nowhere/freezer.log\n'
            )
            self.refused(self.manage('db', 'sync'), '/nowhere/freezer.log')

    def test_missing_package_of_the_token_cache_names_the_extra(self):
        """No process starts, and the upgrade check fails; both name the package and the extra."""
        self.hide('memcache')
        self.configure(
            f'sqlite:///{self.folder}/freezer.sqlite',
            '[keystone_authtoken]\nmemcached_servers = 127.0.0.1:11211\n',
        )
        self.manage('db', 'sync')
        ended = programs.run('freezer-api', '--config-file', self.config_file)
        self.assertEqual(1, ended.returncode)
        self.assertIn('python-memcached', ended.stderr.splitlines()[-1])
        self.assertIn('pip install "freezer-api[memcached]"', ended.stderr.splitlines()[-1])
        self.useFixture(fixtures.EnvironmentVariable('OS_FREEZER_CONFIG_FILES', self.config_file))
        ended = programs.run('python', '-c', 'import freezer_api.wsgi')
        # By this code gunicorn knows that another worker is of no use.
        self.assertEqual(3, ended.returncode)
        self.assertIn('python-memcached', ended.stderr.splitlines()[-1])
        code, checks = self.upgrade_check()
        self.assertEqual(2, code)
        self.assertEqual(2, checks['Installed packages'][0])
        self.assertIn('python-memcached', checks['Installed packages'][1])

    def test_missing_package_of_the_journal_names_the_extra(self):
        """Likewise."""
        self.hide('systemd')
        self.configure('sqlite:////nowhere/x.sqlite', '[DEFAULT]\nuse_journal = true\n')
        self.refused(self.manage('db', 'sync'), 'freezer-api[journal]')
        ended = programs.run(
            'freezer-manager-status', '--config-file', self.config_file, 'upgrade', 'check'
        )
        self.assertEqual(255, ended.returncode)
        self.assertEqual('', ended.stdout)
        self.assertIn('systemd-python', ended.stderr)

    def hide(self, module: str) -> None:
        """Let no process find a module."""
        folder = self.useFixture(fixtures.TempDir()).path
        pathlib.Path(folder, f'{module}.py').write_text(
            'raise ModuleNotFoundError(name=__name__)\n'
        )
        self.useFixture(fixtures.EnvironmentVariable('PYTHONPATH', folder))

    def test_unknown_options_are_a_warning(self):
        """A warning lists those of our own sections, and what may be meant; others are others'
        business.
        """
        self.configure(
            f'sqlite:///{self.folder}/freezer.sqlite',
            'conection = x\n[sessions]\nruns_keept = 1\n[elsewhere]\nx = y\n[keystone_authtoken]\nx'
            ' = y\n',
        )
        self.manage('db', 'sync')
        code, checks = self.upgrade_check()
        self.assertEqual(1, code, checks)
        self.assertEqual(1, checks['Names of options'][0], checks)
        self.assertEqual(
            'Unknown options: [database] conection (is connection meant?), [sessions] runs_keept'
            ' (is runs_kept meant?).',
            checks['Names of options'][1],
        )

    def test_wrong_command_line_shows_usage_and_exits_2(self):
        """A command that isn't, or none, or half of one: the usage, exit code 2."""
        self.configure('sqlite:////nowhere')
        for arguments in ((), ('db',), ('db', 'burn'), ('project', 'purge')):
            code, said, errors = self.manage(*arguments)
            self.assertEqual(2, code)
            self.assertEqual('', said)
            self.assertIn('usage:', errors)

    def test_api_without_configuration_is_one_line(self):
        """freezer-api says what it lacks."""
        self.configure(None)
        ended = programs.run('freezer-api', '--config-file', self.config_file)
        self.refused((ended.returncode, ended.stdout, ended.stderr), 'connection')


class TestQuestion(SeededTest):
    """What ``project purge`` asks for before it erases."""

    def ask(self, answer: bytes) -> tuple[int, str]:
        """The exit code and what is said to somebody at a terminal who answers so."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        command = [
            str(programs.FOLDER / 'freezer-manage'),
            '--config-file',
            self.config_file,
            'project',
            'purge',
            'gone',
        ]
        with subprocess.Popen(
            command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            os.close(theirs)
            os.write(ours, answer)
            said, _none = process.communicate(timeout=programs.SECONDS)
        return process.returncode, said

    def test_purge_deletes_after_yes_only(self):
        """Only a yes is one."""
        for answer in (b'\n', b'n\n', b'gone\n', b'\x04'):
            code, said = self.ask(answer)
            self.assertEqual(1, code)
            self.assertIn('project gone', said)
            self.assertTrue(said.endswith('freezer-manage: nothing was deleted\n'), said)
        code, said = self.ask(b'yes\n')
        self.assertEqual(0, code)
        self.assertIn('sessions: 1', said)

    def test_purge_without_terminal_needs_yes_option(self):
        """Without a terminal the answer has to be given in advance; nothing is erased meanwhile."""
        code, said, errors = self.manage('project', 'purge', 'gone')
        self.assertEqual(1, code)
        self.assertEqual('', said)
        self.assertEqual(1, len(errors.splitlines()))
        self.assertIn('--yes', errors)
        self.assertIn('sessions: 1', self.manage('project', 'purge', 'gone', '--yes')[1])

    def test_purge_of_an_empty_id_is_refused(self):
        """An empty one, as an unset variable of a script makes it."""
        for project_id in ('', ' '):
            code, said, errors = self.manage('project', 'purge', '--yes', project_id)
            self.assertEqual(1, code)
            self.assertEqual('', said)
            self.assertEqual(1, len(errors.splitlines()))
