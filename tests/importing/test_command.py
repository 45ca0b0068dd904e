"""``freezer-manage db import``, and the commands that tell of a database that wasn't imported."""

import contextlib
import io
import json
import pathlib

import fixtures
import testtools
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from freezer_api import conf as configuration
from freezer_api.cmd import manage, status
from freezer_api.importing.notes import RULES
from tests.importing import published
from tests.importing.published import Published

PAGE = pathlib.Path(__file__).parents[2] / 'doc/source/importing.rst'


class TestCommand(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.useFixture(Published())
        self.origin.add('clients', 'c1')
        self.origin.add('actions', 'act')
        self.origin.add_job('j', 'act', session_id='never')
        folder = self.useFixture(fixtures.TempDir()).path
        self.config_file = pathlib.Path(folder, 'freezer-api.conf')
        self.configure(f'sqlite:///{folder}/own.db')

    def configure(self, url: str) -> None:
        """Write the configuration of the store."""
        self.config_file.write_text(f'[database]\nconnection = {url}\n')

    def manage(self, *arguments: str) -> tuple[int, str, str]:
        """Run freezer-manage; return the exit code and what it printed."""
        said, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            code = manage.main(['--config-file', str(self.config_file), *arguments])
        return code, said.getvalue(), errors.getvalue()

    def test_import_and_again(self):
        self.manage('db', 'sync')
        for imported, present in ((1, 0), (0, 1)):
            code, said, _errors = self.manage('db', 'import', '--from', self.origin.url)
            self.assertEqual(0, code, said)
            self.assertRegex(said, rf'(?m)^jobs +{imported} +{present}$')
            self.assertIn(f'jobs j in project {published.PROJECT}: session-gone: ', said)
            self.assertIn(RULES['session-gone'], said)
            self.assertIn('Verified', said)

    def test_dry_run_without_a_schema(self):
        code, said, _errors = self.manage(
            'db', 'import', '--from', self.origin.url, '--dry-run', '--json'
        )
        self.assertEqual(0, code)
        *notes, last = [json.loads(line) for line in said.splitlines()]
        self.assertEqual('session-gone', notes[0]['note']['rule'])
        summary = last['summary']
        self.assertEqual({'imported': 1}, summary['documents']['jobs'])
        self.assertEqual({'session-gone': 1}, summary['rules'])
        self.assertEqual('none\n', self.manage('db', 'version')[1])

    def test_source_by_configuration_file(self):
        other = self.config_file.parent / 'published.conf'
        other.write_text(f'[database]\nconnection = {self.origin.url}\n')
        self.manage('db', 'sync')
        self.assertEqual(0, self.manage('db', 'import', '--from', str(other))[0])

    def test_same_database(self):
        """Nothing looks upgraded that isn't."""
        self.configure(self.origin.url)
        code, said, errors = self.manage('db', 'sync')
        self.assertEqual(0, code)
        self.assertRegex(said, r'^The schema is at \d+\.\n$')
        self.assertIn('has 3 documents of the published freezer-api', errors)
        self.assertEqual(0, self.manage('db', 'import')[0])
        self.assertNotIn('published', self.manage('db', 'sync')[2])

    def test_upgrade_check(self):
        self.configure(self.origin.url)
        self.manage('db', 'sync')
        checks = status.Checks(self._conf())
        result = checks.storage()
        self.assertEqual(upgradecheck.Code.WARNING, result.code)
        self.assertIn('freezer-manage db import', result.details)
        self.manage('db', 'import')
        self.assertEqual(upgradecheck.Code.SUCCESS, checks.storage().code)

    def _conf(self) -> cfg.ConfigOpts:
        conf = configuration.new()
        conf([f'--config-file={self.config_file}'], default_config_dirs=[])
        return conf

    def test_no_import_without_a_schema(self):
        code, _said, errors = self.manage('db', 'import', '--from', self.origin.url)
        self.assertEqual(1, code)
        self.assertIn('db sync', errors)

    def test_refused_source_is_one_line(self):
        for url in (f'sqlite:///{self.config_file.parent}/none.db', 'nonsense'):
            self.manage('db', 'sync')
            code, _said, errors = self.manage('db', 'import', '--from', url)
            self.assertEqual(1, code, url)
            self.assertEqual(1, errors.count('\n'), errors)


class TestPage(testtools.TestCase):
    def test_rules_are_documented(self):
        page = PAGE.read_text()
        for rule, sentence in RULES.items():
            self.assertIn(f'``{rule}``\n    {sentence}\n', page)
