"""What processes log when they start and stop, and what ``freezer-manage`` logs that it did."""

import pathlib
import re
import socket

import fixtures
import testscenarios

from freezer_api import version
from freezer_api.domain import search_pairs
from tests.importing.published import Published
from tests.live import programs, raw_http
from tests.live.test_manage import CommandTest, seed

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios

#: What each line ends with, for a store in SQLite.
STORE = (
    r'storage driver sqlalchemy \(sqlite:///{folder}/freezer\.sqlite\), schema 00\d\d,'
    rf' search index version {search_pairs.INDEX_VERSION}$'
)
RELEASE = re.escape(f'freezer-api {version.release()}')


class LifecycleTest(raw_http.ServerTest):
    """Servers whose lines are read."""

    def lines(self, pattern: str) -> list[str]:
        """The lines at INFO about this release that match."""
        found = re.compile(rf' INFO freezer_api\S* .*{RELEASE} {pattern}')
        return [line for line in self.server.said().splitlines() if found.search(line)]

    def store(self) -> str:
        """The pattern of the store's description."""
        return STORE.format(folder=re.escape(self.folder))

    def assert_started_and_stopped(self, what: str, count: int = 1) -> None:
        """Each process has logged its start, and at the end its stop."""
        self.assertEqual(count, len(self.lines(f'starts: {what}; {self.store()}')), what)
        self.assertEqual([], self.lines('stops'))
        self.assertEqual(0, self.server.end())
        self.assertEqual(count, len(self.lines(rf'stops after \d+ seconds; {self.store()}')))


class TestBuiltIn(LifecycleTest):
    """``freezer-api``."""

    def test_standalone_start_and_stop_are_logged(self):
        self.start()
        self.assert_started_and_stopped(f'standalone at {re.escape(self.server.url)}')

    def test_one_process_start_and_stop_are_logged(self):
        self.configured()
        self.assert_started_and_stopped(f'serving {re.escape(self.server.url)}')

    def test_each_worker_start_and_stop_are_logged(self):
        self.configured('workers = 2')
        url = re.escape(self.server.url)
        raw_http.wait_until(lambda: len(self.lines('starts: worker process serving')) == 2)
        self.assertEqual(2, len(self.lines(f'starts: worker process serving {url}; ')))
        self.assertEqual(1, len(self.lines(f'starts: 2 worker processes serving {url}; ')))
        self.assert_started_and_stopped('.*', 3)

    def test_store_without_schema_is_warned_of(self):
        file = programs.configuration(
            self.folder, f'sqlite:///{self.folder}/freezer.sqlite', raw_http.NOBODY
        )
        self.server = self.useFixture(programs.api(file))
        self.assertRegex(
            self.server.said(),
            ' WARNING .*Storage is not ready; requests get 503 until this is fixed: .*db sync',
        )
        self.assertEqual(1, len(self.lines('starts: .*, schema none, ')))


class TestWSGIServers(LifecycleTest):
    """``freezer_api.wsgi`` in other servers."""

    scenarios = [
        ('gunicorn', {'serve': staticmethod(programs.gunicorn)}),
        ('uwsgi', {'serve': staticmethod(programs.uwsgi)}),
    ]

    def launch(self, connection: str) -> str:
        """Start one worker process on a database; its configuration file."""
        file = programs.configuration(self.folder, connection, raw_http.NOBODY)
        if connection.startswith('sqlite'):
            programs.run('freezer-manage', '--config-file', file, 'db', 'sync').check_returncode()
        self.server = self.useFixture(self.serve(file, 1))
        return file

    def test_start_and_stop_are_logged(self):
        self.launch(f'sqlite:///{self.folder}/freezer.sqlite')
        self.works()
        self.assert_started_and_stopped('WSGI application')

    def test_silent_database_does_not_keep_it_from_starting(self):
        """Nor does its password get into the log."""
        with socket.create_server(('127.0.0.1', 0)) as silent:
            port = silent.getsockname()[1]
            self.launch(f'mysql+pymysql://u:secret@127.0.0.1:{port}/d?read_timeout=60')
            self.works()
            self.assertIn('Storage did not answer within 5 seconds', self.server.said())
            (line,) = self.lines('starts: ')
            self.assertIn(f'(mysql://127.0.0.1:{port}/d), schema unknown,', line)
            self.assertNotIn('secret', self.server.said())


class TestImport(LifecycleTest):
    """``freezer_api.wsgi``, as any server imports it."""

    def test_modules_are_not_searched_for_garbage(self):
        """That took a tenth of a second, in which a process answered nobody."""
        file = programs.configuration(
            self.folder, f'sqlite:///{self.folder}/freezer.sqlite', raw_http.NOBODY
        )
        self.useFixture(fixtures.EnvironmentVariable('OS_FREEZER_CONFIG_FILES', file))
        asked = 'gc.get_freeze_count() > 50_000, gc.get_threshold()[0] >= 10_000'
        ended = programs.run('python', '-c', f'import gc, freezer_api.wsgi; print({asked})')
        self.assertEqual('True True', ended.stdout.strip(), ended.stderr)


class TestManage(CommandTest):
    """``freezer-manage`` with a log file."""

    def setUp(self):
        super().setUp()
        self.log = pathlib.Path(self.folder, 'manage.log')
        self.url = f'sqlite:///{self.folder}/freezer.sqlite'
        self.configure(self.url, f'[DEFAULT]\nlog_file = {self.log}\n')

    def assert_logged(self, command: str, effect: str, *arguments: str, where: str = '') -> None:
        """The command logs one line, with the release, the address, its effect and the seconds that
        it took, and nothing on standard error.
        """
        self.log.write_text('')
        code, _said, errors = self.manage(*command.split(), *arguments)
        self.assertEqual(0, code)
        self.assertEqual('', errors)
        prefix = f'freezer-manage {version.release()}, {command}, {where or self.url}: '
        self.assertRegex(
            self.log.read_text(),
            rf' INFO freezer_api\S* .*{re.escape(prefix)}{effect}; \d+\.\d seconds\n$',
        )

    def test_what_was_done_is_logged(self):
        self.assert_logged('db sync', r'schema none -> 00\d\d')
        self.assert_logged('db sync', r'schema (00\d\d) -> \1')
        seed(self.config_file)
        self.assert_logged('db reindex', 'nothing reindexed, nothing repaired')
        self.assert_logged(
            'db verify',
            '0 inconsistencies, 0 of them repairable; nothing indexed by an earlier release',
        )
        other = pathlib.Path(self.folder, 'other.conf')
        target = f'sqlite:///{self.folder}/other.sqlite'
        other.write_text(f'[database]\nconnection = {target}\n')
        self.assert_logged(
            'db copy',
            '2 sessions, 4 jobs, 4 actions, 2 clients, 2 backups copied',
            '--from',
            self.config_file,
            '--to',
            str(other),
            where=f'{self.url} to {target}',
        )
        origin = self.useFixture(Published())
        origin.add('clients', 'imported')
        self.assert_logged('db import', '1 clients imported', '--from', origin.url)
        self.assert_logged('db import', 'nothing imported', '--from', origin.url)
        self.assert_logged(
            'project purge',
            'project gone: 1 sessions, 2 jobs, 2 actions, 1 clients, 1 backups deleted',
            '--yes',
            'gone',
        )

    def test_failure_is_logged_and_nothing_is_said_to_be_done(self):
        self.configure('sqlite:////nowhere/x.sqlite', f'[DEFAULT]\nlog_file = {self.log}\n')
        self.assertEqual(1, self.manage('db', 'sync')[0])
        said = self.log.read_text()
        self.assertIn(' ERROR ', said)
        self.assertNotIn(' INFO freezer_api', said)
