"""The commands' own parts; tests/live runs them as processes."""

import gc
import os
import pathlib
import sqlite3
import sys
import tempfile
import typing
import unittest.mock

import fixtures
import oslo_db.exception
import sqlalchemy
import testtools
from oslo_config import cfg
from oslo_policy import opts as policy_opts

from freezer_api import app, db, exceptions, middleware, policy
from freezer_api import conf as configuration
from freezer_api.cmd import api, common, lifecycle, standalone
from freezer_api.conf import files
from freezer_api.db import base


def hidden(module: str) -> typing.Any:
    """A patch by which nobody can import a module, whether it was imported before or not."""
    return unittest.mock.patch.dict(sys.modules, {module: None})


class TestMistakes(testtools.TestCase):
    """What an operator can mend is told in one line."""

    def run_command(self, error: BaseException) -> tuple[int, str]:
        """The exit code and what a command prints that ends with an error."""

        @common.command('some-command')
        def main(_argv: list[str]) -> int:
            raise error

        stderr = self.useFixture(fixtures.StringStream('stderr')).stream
        with fixtures.MonkeyPatch('sys.stderr', stderr):
            code = main([])
        stderr.seek(0)
        return code, stderr.read()

    def test_error_with_a_cause_is_one_line(self):
        """A cause of several lines is told too, in the same line; an operator isn't asked to try
        again.
        """
        error = exceptions.StorageUnavailable()
        error.__cause__ = ConnectionRefusedError('Connection\n refused.')
        code, text = self.run_command(error)
        self.assertEqual(1, code)
        self.assertEqual('some-command: the storage is unavailable: Connection refused\n', text)

    def test_database_error_has_the_words_of_the_database(self):
        """Neither a driver's classes nor its links, however deep its error is wrapped."""
        original = sqlite3.OperationalError(1045, 'Access denied for "u"')
        wrapped = sqlalchemy.exc.OperationalError('SELECT secret', {}, original)
        error = exceptions.StorageUnavailable()
        error.__cause__ = oslo_db.exception.DBError(wrapped)
        self.assertEqual(
            'some-command: the storage is unavailable: Access denied for "u"\n',
            self.run_command(error)[1],
        )
        for one in (wrapped, oslo_db.exception.DBError(wrapped)):
            self.assertTrue(self.run_command(one)[1].endswith(': Access denied for "u"\n'))
        linked = sqlalchemy.exc.ArgumentError('No URL', code='e3q8')
        self.assertIn('sqlalche.me', str(linked))
        self.assertEqual('some-command: ArgumentError: No URL\n', self.run_command(linked)[1])

    def test_invalid_option_value_is_named_without_it(self):
        """Which option has one that can't be, and in which file; no part of a password."""
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'freezer-api.conf')

        @common.command('some-command')
        def main(_argv: list[str]) -> int:
            conf = configuration.new()
            conf.register_opts([cfg.StrOpt('password')], group='keystone_authtoken')
            files.read(conf, ['--config-file', str(path)], 'some-command', use_defaults=False)
            return len(conf.keystone_authtoken.password)

        dollar = "contains a '$' that no option's name follows; write '$$' for '$'"
        for content, told in (
            (
                b'[database]\nconnection = mysql://u:pa$word@h/x\n',
                f'[database] connection: {dollar}',
            ),
            (
                b'[keystone_authtoken]\npassword = pa$word\n',
                f'[keystone_authtoken] password: {dollar}',
            ),
            (
                b'[DEFAULT]\nworkers = two\n',
                (
                    f'Value for option workers from {path} is not valid: invalid literal for int()'
                    " with base 10: 'two'"
                ),
            ),
            (b'\xff\xfe', 'a configuration file is not UTF-8: '),
        ):
            path.write_bytes(content)
            stderr = self.useFixture(fixtures.StringStream('stderr')).stream
            with fixtures.MonkeyPatch('sys.stderr', stderr):
                code = main([])
            stderr.seek(0)
            said = stderr.read()
            self.assertEqual(1, code)
            self.assertEqual(1, said.count('\n'))
            self.assertTrue(said.startswith(f'some-command: {told}'), said)
        self.assertEqual(
            f'some-command: the configuration {dollar}\n',
            self.run_command(cfg.NoSuchOptError('word'))[1],
        )

    def test_located_store_error_begins_with_its_address(self):
        """A store's failures say where it is; all else of it is as it was."""
        broken = common.Located(Broken())
        self.assertEqual('1', broken.version())
        error = self.assertRaises(common.Failed, broken.check)
        self.assertEqual('some-command: cellar: out of order\n', self.run_command(error)[1])

    def test_interrupt_is_one_line(self):
        """Ctrl-C is no traceback."""
        self.assertEqual((1, 'some-command: interrupted\n'), self.run_command(KeyboardInterrupt()))

    def test_unexpected_error_is_one_line_and_logged(self):
        """An error of the program itself is one line too; its traceback is in the log where there
        is one.
        """
        self.assertEqual(
            (1, 'some-command: ZeroDivisionError: by nought\n'),
            self.run_command(ZeroDivisionError('by nought')),
        )
        log = self.useFixture(fixtures.FakeLogger())
        self.run_command(ZeroDivisionError('by nought'))
        self.assertIn('Traceback', log.output)
        self.assertIn('raise error', log.output)


class TestAddress(testtools.TestCase):
    """Which store it is, as logs have it: without user and password."""

    def test_credentials_are_left_out(self):
        conf = configuration.new()
        conf([], default_config_files=[], default_config_dirs=[])
        for connection, expected in (
            ('mysql+pymysql://u:se@cret@h:1/d?read_timeout=5', 'mysql://h:1/d'),
            ('postgresql+psycopg://u:secret@h/d', 'postgresql://h/d'),
            ('postgresql+psycopg://h/d', 'postgresql://h/d'),
            ('sqlite:////a@b/c.sqlite', 'sqlite:////a%40b/c.sqlite'),
            ('sqlite:///a@b.sqlite', 'sqlite:///a%40b.sqlite'),
        ):
            conf.set_override('connection', connection, 'database')
            self.assertEqual(expected, common.address(db.load(conf)))
        for product in ('Elasticsearch', 'OpenSearch'):
            driver = product.lower()
            conf.set_override('driver', driver, 'storage')
            conf.set_override('hosts', ['http://u:secret@h:9200', 'other:9200'], driver)
            self.assertEqual(
                f'{product} at http://h:9200, http://other:9200', common.address(db.load(conf))
            )

    def test_failing_check_is_warned_of(self):
        log = self.useFixture(fixtures.FakeLogger())
        self.assertEqual('unknown', lifecycle.check_storage(typing.cast(base.Storage, Broken())))
        self.assertIn('Storage is not ready', log.output)
        self.assertIn('out of order', log.output)


class Broken:
    """A store that is out of order."""

    def version(self) -> str:
        """What still works."""
        return '1'

    def check(self) -> None:
        """What doesn't."""
        raise exceptions.StorageUnavailable('out of order')

    def where(self) -> str:
        """Its address."""
        return 'cellar'


class TestPackages(testtools.TestCase):
    """What is missing is named at the start: package, and the extra that has it."""

    def conf(self, **options: typing.Any) -> cfg.ConfigOpts:
        """A configuration with options of ``[keystone_authtoken]``."""
        conf = configuration.new()
        conf([], default_config_files=[], default_config_dirs=[])
        middleware.require_token_cache(conf)
        for name, value in options.items():
            conf.set_override(name, value, 'keystone_authtoken')
        return conf

    def hide(self, name: str) -> None:
        """Let a module not be importable."""
        hiding = hidden(name)
        hiding.start()
        self.addCleanup(hiding.stop)

    def test_default_options_need_no_package(self):
        """Without servers no package."""
        self.hide('memcache')
        middleware.require_token_cache(self.conf())

    def test_memcached_servers_need_their_package(self):
        """The package that keystonemiddleware imports at the first request."""
        conf = self.conf(memcached_servers=['127.0.0.1:11211'])
        middleware.require_token_cache(conf)
        self.hide('memcache')
        error = self.assertRaises(cfg.Error, middleware.require_token_cache, conf)
        for text in ('memcached_servers', 'python-memcached', 'freezer-api[memcached]'):
            self.assertIn(text, str(error))
        self.assertRaises(cfg.Error, app.build, conf, Broken())

    def test_memcached_with_sasl_needs_another_package(self):
        """Another package then."""
        conf = self.conf(memcached_servers=['127.0.0.1:11211'], memcache_sasl_enabled=True)
        middleware.require_token_cache(conf)
        self.hide('bmemcached')
        self.assertIn(
            'python-binary-memcached',
            str(self.assertRaises(cfg.Error, middleware.require_token_cache, conf)),
        )

    def test_database_url_needs_the_package_of_its_driver(self):
        """The extra is that of the database."""
        for url, module, extra in (
            ('mysql://u@h/d', 'pymysql', 'mysql'),
            ('mysql+mysqldb://u@h/d', 'MySQLdb', 'mysqlclient'),
            ('mariadb+mysqldb://u@h/d', 'MySQLdb', 'mysqlclient'),
            ('postgresql://u@h/d', 'psycopg', 'postgresql'),
        ):
            conf = self.conf()
            conf.set_override('connection', url, 'database')
            with hidden(module):
                error = self.assertRaises(cfg.Error, db.load, conf)
            self.assertIn(f'freezer-api[{extra}]', str(error))

    def test_database_url_without_a_name_is_refused(self):
        """MySQL takes an address without one, and then has no tables."""
        for url in ('mysql+pymysql://u:p@h', 'mysql://u:p@h/', 'mariadb://u:p@h/?charset=utf8'):
            conf = self.conf()
            conf.set_override('connection', url, 'database')
            error = self.assertRaises(cfg.ConfigFileValueError, db.load, conf)
            self.assertEqual('[database] connection: names no database.', str(error))

    def test_store_address_has_no_password(self):
        """What commands print of a database."""
        conf = self.conf()
        conf.set_override('connection', 'mysql+pymysql://u:secret@h:1/d?read_timeout=5', 'database')
        self.assertEqual('mysql://u:***@h:1/d', db.load(conf).where())


class TestStandalone(testtools.TestCase):
    """Where standalone mode keeps its data, and who may ask for it."""

    def test_default_folder_follows_the_environment(self):
        """XDG_STATE_HOME counts if it is absolute, else the home folder."""
        self.useFixture(fixtures.EnvironmentVariable('HOME', '/home/ann'))
        for value, folder in (
            ('/s', '/s/freezer-api'),
            ('s', '/home/ann/.local/state/freezer-api'),
            (None, '/home/ann/.local/state/freezer-api'),
        ):
            self.useFixture(fixtures.EnvironmentVariable('XDG_STATE_HOME', value))
            self.assertEqual(pathlib.Path(folder), standalone.default_folder())

    def test_configuration_file_cannot_enable_standalone(self):
        """Only the command line can switch authentication off; what else it says is oslo.config's
        to read.
        """
        registered = configuration.new()
        self.assertEqual(
            [], [name for name in ('standalone', 'port', 'state_dir') if name in registered]
        )
        ours, rest = api.split_arguments(['--config-file', 'x', '--port', '0', '--debug'])
        self.assertIs(False, ours.standalone)
        self.assertEqual(0, ours.port)
        self.assertEqual(['--config-file', 'x', '--debug'], rest)

    def configure(self, state: pathlib.Path) -> tuple[cfg.ConfigOpts, list[str]]:
        """A configuration that a file has said something else for, and what is told."""
        self.addCleanup(os.umask, os.umask(0o022))
        conf = configuration.new()
        policy_opts.set_defaults(conf)
        conf([], project='freezer', default_config_files=[], default_config_dirs=[])
        conf.set_override('bind_host', '0.0.0.0')
        return conf, standalone.configure(conf, state)

    def test_new_folder_is_private(self):
        """Nobody else may read the data; the interface is the loopback's whatever a file says."""
        with tempfile.TemporaryDirectory() as folder:
            state = pathlib.Path(folder, 'a', 'b')
            conf, told = self.configure(state)
            self.assertEqual(0o700, state.stat().st_mode & 0o777)
            self.assertEqual('127.0.0.1', conf.bind_host)
            self.assertEqual(f'sqlite:///{state}/freezer.sqlite', conf.database.connection)
            self.assertEqual([], told)

    def test_folder_name_may_have_any_character(self):
        """The database is where the folder is, whatever is in its name."""
        with tempfile.TemporaryDirectory() as folder:
            for name in (
                'a?b=c',
                '50%',
                '%2e',
                '$HOME',
                '${bind_host}',
                'a#b',
                'two  words',
                "it's",
                'ä',
                'a:b@c',
                'file:x',
            ):
                state = pathlib.Path(folder, name)
                conf, _told = self.configure(state)
                storage = db.load(conf)
                storage.sync()
                storage.close()
                self.assertTrue((state / 'freezer.sqlite').is_file(), name)
                self.assertEqual(0o600, (state / 'freezer.sqlite').stat().st_mode & 0o777)
                self.assertEqual(str(state / 'policy.yaml'), conf.oslo_policy.policy_file)

    def test_database_permissions_of_others_are_removed(self):
        """The database's are taken away from others, and both are told; the folder is the
        user's.
        """
        with tempfile.TemporaryDirectory() as folder:
            state = pathlib.Path(folder)
            state.chmod(0o755)
            files = [state / f'freezer.sqlite{suffix}' for suffix in ('', '-wal', '-shm')]
            for file in (*files, state / 'other'):
                file.touch(0o644)
            _conf, told = self.configure(state)
            rights = [file.stat().st_mode & 0o777 for file in (*files, state / 'other')]
            self.assertEqual([0o600] * 3 + [0o644], rights)
            self.assertEqual(4, len(told), told)
            self.assertIn(f'chmod 700 {folder}', told[-1])
            self.assertEqual(0o755, state.stat().st_mode & 0o777)

    def test_policy_of_a_deployment_is_ignored(self):
        """What lies in the folders of a deployment on the same machine, or in the user's, doesn't
        count.
        """
        with tempfile.TemporaryDirectory() as folder:
            self.useFixture(fixtures.EnvironmentVariable('HOME', folder))
            rules = pathlib.Path(folder, '.freezer', 'policy.d')
            rules.mkdir(parents=True)
            (rules / 'closed.yaml').write_text('sessions:get_all: "!"')
            state = pathlib.Path(folder, 'state')
            conf, _told = self.configure(state)
            who = {'roles': ['admin'], 'project_id': 'p'}
            asked = ('sessions:get_all', {'project_id': 'p'}, who)
            self.assertTrue(policy.Policy(conf).allows(*asked))
            (state / 'policy.yaml').write_text('sessions:get_all: "!"')
            self.assertFalse(policy.Policy(conf).allows(*asked))

    def test_missing_home_folder_is_reported(self):
        """Where the user's folder can't be found out, one is asked for."""
        self.useFixture(fixtures.EnvironmentVariable('HOME', None))
        self.useFixture(fixtures.EnvironmentVariable('XDG_STATE_HOME', None))
        with fixtures.MonkeyPatch('os.getuid', lambda: 4000000000):
            self.assertRaisesRegex(standalone.Unusable, '--state-dir', standalone.default_folder)


class TestCollector(testtools.TestCase):
    """What a process does before it serves."""

    def test_existing_objects_are_not_searched(self):
        """Nor are new ones often: large bodies have many."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        lifecycle.limit_garbage_collection()
        self.assertLess(10000, gc.get_freeze_count())
        self.assertLess(10000, gc.get_threshold()[0])
