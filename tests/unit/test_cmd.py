"""The commands' own parts; tests/live runs them as processes."""

import pathlib
import tempfile

import fixtures
import testtools
from oslo_policy import opts as policy_opts

from freezer_api import conf as configuration
from freezer_api import exceptions
from freezer_api.cmd import api, common, standalone


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

    def test_one_line_with_the_cause(self):
        """A cause of several lines is told too, in the same line."""
        error = exceptions.StorageUnavailable()
        error.__cause__ = ConnectionRefusedError('Connection\n refused.')
        code, text = self.run_command(error)
        self.assertEqual(1, code)
        self.assertEqual('some-command: The storage is unavailable. Please try again: Connection refused\n', text)

    def test_interrupt(self):
        """Ctrl-C is no traceback."""
        self.assertEqual((1, 'some-command: interrupted\n'), self.run_command(KeyboardInterrupt()))

    def test_defects_are_not_hidden(self):
        """An error of the program itself goes through."""
        self.assertRaises(ZeroDivisionError, self.run_command, ZeroDivisionError())


class TestStandalone(testtools.TestCase):
    """Where standalone mode keeps its data, and who may ask for it."""

    def test_folder_follows_the_environment(self):
        """XDG_STATE_HOME counts if it is absolute, else the home folder."""
        self.useFixture(fixtures.EnvironmentVariable('HOME', '/home/ann'))
        for value, folder in (('/s', '/s/freezer-api'), ('s', '/home/ann/.local/state/freezer-api'),
                              (None, '/home/ann/.local/state/freezer-api')):
            self.useFixture(fixtures.EnvironmentVariable('XDG_STATE_HOME', value))
            self.assertEqual(pathlib.Path(folder), standalone.default_folder())

    def test_file_cannot_ask_for_it(self):
        """Only the command line can switch authentication off; what else it says is oslo.config's to read."""
        registered = configuration.new()
        self.assertEqual([], [name for name in ('standalone', 'port', 'state_dir') if name in registered])
        ours, rest = api.split(['--config-file', 'x', '--port', '0', '--debug'])
        self.assertEqual((False, 0, ['--config-file', 'x', '--debug']), (ours.standalone, ours.port, rest))

    def test_private_folder(self):
        """Nobody else may read the data; the interface is the loopback's whatever a file says."""
        with tempfile.TemporaryDirectory() as folder:
            conf = configuration.new()
            policy_opts.set_defaults(conf)
            conf.set_override('bind_host', '0.0.0.0')
            state = pathlib.Path(folder, 'a', 'b')
            standalone.configure(conf, state)
            self.assertEqual(0o700, state.stat().st_mode & 0o777)
            self.assertEqual(('127.0.0.1', f'sqlite:///{state}/freezer.sqlite'), (conf.bind_host, conf.database.connection))
