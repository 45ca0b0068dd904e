"""The configuration: fresh objects, defaults, and where a process finds its files."""

import pathlib
import tempfile

import fixtures
import testtools
from oslo_config import cfg

from freezer_api import conf
from freezer_api.conf import files, opts


class TestOptions(testtools.TestCase):
    """What is registered, and with which defaults."""

    def test_defaults_stay_what_operators_rely_on(self):
        made = conf.new()
        made([], default_config_files=[], default_config_dirs=[])
        self.assertEqual('0.0.0.0', made.bind_host)
        self.assertEqual(9090, made.bind_port)
        self.assertEqual('sqlalchemy', made.storage.driver)
        self.assertEqual(1000, made.api.max_limit)
        self.assertIs(False, made.api.implicit_all_projects)
        self.assertEqual(262_144, made.api.max_document_size)
        self.assertEqual(33_554_432, made.api.max_response_size)
        self.assertEqual(100, made.sessions.runs_kept)
        self.assertEqual(4 * 1024 * 1024, made.oslo_middleware.max_request_body_size)
        self.assertEqual(['http://127.0.0.1:9200'], made.elasticsearch.hosts)
        self.assertEqual('freezer', made.elasticsearch.index)
        self.assertEqual(1, made.elasticsearch.number_of_replicas)
        self.assertEqual('refresh', made.elasticsearch.read_your_writes)
        self.assertIs(True, made.elasticsearch.verify_certs)

        self.assertEqual(set(made.elasticsearch), {*made.opensearch, 'api_key'})
        for name in made.opensearch:
            self.assertEqual(made.elasticsearch[name], made.opensearch[name])

        trusts = made.centralized_scheduler
        self.assertIs(True, trusts.enabled)
        self.assertIs(False, trusts.enforce_trusts)
        self.assertEqual('keystone_authtoken', trusts.auth_section)
        self.assertEqual(['member'], trusts.trusts_delegated_roles)

    def test_options_of_older_files_are_accepted(self):
        """Who is the trustee was told by a name; it is the user of a section."""
        file = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'freezer-api.conf')
        file.write_text(
            '[centralized_scheduler]\nservice_user = freezer\nservice_user_domain = Default\n'
        )
        made = conf.new()
        made([], default_config_files=[str(file)], default_config_dirs=[])
        self.assertEqual('freezer', made.centralized_scheduler.service_user)
        self.assertEqual('Default', made.centralized_scheduler.service_user_domain)

    def test_two_configurations_share_no_value(self):
        first, second = conf.new(), conf.new()
        first.set_override('runs_kept', 1, group='sessions')
        first.set_default('max_request_body_size', 1, group='oslo_middleware')
        self.assertEqual(100, second.sessions.runs_kept)
        self.assertEqual(4 * 1024 * 1024, second.oslo_middleware.max_request_body_size)

    def test_sample_lists_every_option_with_help(self):
        """The sample's list has each option once, with a help text."""
        listed = [(group, option.dest) for group, options in opts.list_opts() for option in options]
        self.assertIn((None, 'bind_port'), listed)
        self.assertIn(('sessions', 'runs_kept'), listed)
        self.assertEqual(len(listed), len(set(listed)))
        self.assertTrue(
            all(option.help for _group, options in opts.list_opts() for option in options)
        )

    def test_sample_lists_what_is_read_of_oslo_db(self):
        listed = dict(opts.list_opts())['database']
        self.assertEqual(conf.database.READ, {option.dest for option in listed})
        made = conf.new()
        made([], default_config_files=[], default_config_dirs=[])
        self.assertEqual(10, made.database.max_retries)
        unread = set(made.database) - conf.database.READ
        sources = pathlib.Path(conf.__file__).parents[1]
        driver = '\n'.join(path.read_text() for path in sources.glob('db/sqlalchemy/**/*.py'))
        for name in conf.database.READ:
            self.assertRegex(driver, rf'(database|options)\.{name}\b')
        for name in unread:
            self.assertNotRegex(driver, rf'(database|options)\.{name}\b')


class TestWSGIServer(testtools.TestCase):
    """How a process finds its files whose command line belongs to a WSGI server."""

    def test_files_variable_names_several_files(self):
        """Several files, blanks around them, relative ones in the folder."""
        environ = {
            'OS_FREEZER_CONFIG_FILES': 'a.conf ; /else/b.conf;',
            'OS_FREEZER_CONFIG_DIR': '/srv/freezer',
        }
        self.assertEqual(
            ['--config-file=/srv/freezer/a.conf', '--config-file=/else/b.conf'],
            files.of_wsgi_server(environ, []),
        )

    def test_folder_variable_alone_means_the_usual_file(self):
        """The folder alone means the file of the usual name in it."""
        self.assertEqual(
            ['--config-file=/srv/f/freezer-api.conf'],
            files.of_wsgi_server({'OS_FREEZER_CONFIG_DIR': '/srv/f'}, []),
        )

    def test_relative_file_is_in_the_default_folder(self):
        """A relative file without a folder is in /etc/freezer."""
        self.assertEqual(
            ['--config-file=/etc/freezer/x.conf'],
            files.of_wsgi_server({'OS_FREEZER_CONFIG_FILES': 'x.conf'}, []),
        )

    def test_arguments_of_uwsgi_are_parsed(self):
        """uwsgi's pyargv counts, in both spellings; what else stands there is the server's."""
        argv = [
            '--workers',
            '2',
            '--config-file',
            '/a',
            '--config-file=/b',
            '--config-dir',
            '/c',
            'freezer_api.wsgi',
        ]
        self.assertEqual(
            ['--config-file=/a', '--config-file=/b', '--config-dir=/c'],
            files.of_wsgi_server({}, argv),
        )

    def test_environment_overrides_arguments(self):
        """The environment counts where both name files."""
        environ = {'OS_FREEZER_CONFIG_FILES': '/env.conf'}
        self.assertEqual(
            ['--config-file=/env.conf'],
            files.of_wsgi_server(environ, ['--config-file', '/argv.conf']),
        )

    def test_abbreviated_options_of_servers_are_ignored(self):
        """gunicorn's --config isn't ours."""
        self.assertEqual([], files.of_wsgi_server({}, ['--config', '/gunicorn.py']))


class TestDefaultFiles(testtools.TestCase):
    """Which file counts where none is named."""

    def test_only_the_first_existing_file_is_read(self):
        """The API's own, else that of all of Freezer; never both."""
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.useFixture(fixtures.MonkeyPatch('freezer_api.conf.files.FOLDER', str(folder)))
        self.assertEqual(([], []), files.defaults())
        (folder / 'freezer.conf').touch()
        self.assertEqual([str(folder / 'freezer.conf')], files.defaults()[0])
        (folder / 'freezer-api.conf').touch()
        self.assertEqual([str(folder / 'freezer-api.conf')], files.defaults()[0])


class TestRead(testtools.TestCase):
    """Parsing files."""

    def read(self, text: str) -> cfg.ConfigOpts:
        """A configuration from a file of that text."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, 'freezer-api.conf')
            path.write_text(text)
            made = conf.new()
            files.read(made, [f'--config-file={path}'], prog='freezer-api')
            return made

    def test_unknown_options_are_ignored(self):
        """Files of deployments have sections and options that nobody reads."""
        made = self.read(
            '[storage]\nbackend = mine\nold = 1\n[mine]\nx = y\n[sessions]\nruns_kept = 7\n'
        )
        self.assertEqual(7, made.sessions.runs_kept)
        self.assertEqual('mine', made.storage.backend)

    def test_missing_file_is_refused(self):
        """A file that is named has to be there."""
        self.assertRaises(
            cfg.ConfigFilesNotFoundError,
            files.read,
            conf.new(),
            ['--config-file=/nowhere/x.conf'],
            'freezer-api',
        )

    def test_value_out_of_range_is_refused(self):
        """A value that can't be is an error of the configuration's own kind."""
        prefixes = [
            f'[elasticsearch]\nindex = {prefix}\n'
            for prefix in ('Upper', '_x', 'a,b', 'a/b', 'a*', 'x' * 200)
        ]
        for text in (
            *prefixes,
            '[elasticsearch]\nread_your_writes = never\n',
            '[elasticsearch]\ntimeout = 0\n',
            '[sessions]\nruns_kept = -1\n',
            '[DEFAULT]\nbind_port = many\n',
            '[database]\nmax_pool_size = x\n',
        ):
            self.assertRaises(cfg.ConfigFileValueError, self.read, text)
