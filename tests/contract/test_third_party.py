"""The contract's tests on the driver of a third party: the one that the documentation shows, as it
stands there.
"""

import importlib
import os
import pathlib
import pkgutil
import re
import subprocess
import sys
import tempfile
import textwrap

import testtools

import tests.contract
from tests.contract import base, suite

ROOT = pathlib.Path(__file__).parents[2]
FILES = re.compile(r'^\.\. file: (\S+)\n\n\.\. code-block:: \w+\n\n((?:   .*\n|\n)+)', re.MULTILINE)
#: One that forks and starts processes, and one that doesn't.
SOME = ('OperationOnMine', 'DocumentsOnMine')


class TestThirdParty(testtools.TestCase):
    """Whoever writes a driver has the whole suite."""

    def test_the_documented_example(self):
        """Its files are put where its author would; the tests find the driver by its name."""
        folder = self._folder()
        for name, text in FILES.findall((ROOT / 'doc/source/drivers.rst').read_text()):
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(text))
        command = (sys.executable, '-m', 'unittest', *(f'test_mine.{name}' for name in SOME))
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, 'PYTHONPATH': f'{ROOT}:{folder}'},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertRegex(done.stdout, r'(?m)^Ran [1-9]\d+ tests')

    def test_the_suite_has_every_theme(self):
        """Those that all drivers of this repository pass."""
        themes = set()
        for module in pkgutil.iter_modules(tests.contract.__path__, 'tests.contract.'):
            members = vars(importlib.import_module(module.name))
            themes |= {
                name
                for name in members
                if {f'{name}OnSQLite', f'{name}OnElasticsearch9'} <= members.keys()
                and members[f'{name}OnSQLite'].__bases__[-1] is base.SQLite
            }
        self.assertEqual(sorted(themes), sorted(theme.__name__ for theme in suite.THEMES))

    def _folder(self):
        """A folder of the test's own."""
        folder = tempfile.TemporaryDirectory(prefix='fz-tp-')
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)
