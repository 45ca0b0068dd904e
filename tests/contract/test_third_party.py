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
from freezer_api.tests.contract import suite
from tests.base import sample
from tests.contract import stores

ROOT = pathlib.Path(__file__).parents[2]
#: What a file of the example is called, and its text or the path that it is included from.
FILES = re.compile(
    r'^\.\. file: (\S+)\n\n'
    r'\.\. (?:code-block:: \w+\n\n((?:   .*\n|\n)+)|literalinclude:: (\S+))',
    re.MULTILINE,
)


class TestThirdParty(testtools.TestCase):
    """Whoever writes a driver has the whole suite."""

    def test_documented_example_passes_the_suite(self):
        """Its files are put where its author would; the tests find the driver by its name."""
        folder = self._folder()
        page = ROOT / 'doc/source/drivers.rst'
        for name, text, path in FILES.findall(page.read_text()):
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            included = (page.parent / path).read_text() if path else ''
            file.write_text(textwrap.dedent(text) or included)
        # A fifth of the themes in each run, all in the long form.
        names = sample(0.2, (theme.__name__ for theme in suite.THEMES))
        chosen = [argument for name in names for argument in ('-k', f'*.{name}OnMine.*')]
        command = sys.executable, '-m', 'unittest', *chosen, 'test_mine'
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, 'PYTHONPATH': f'{folder}'},
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
            for name, member in members.items():
                # The theme itself may be in another module.
                theme = name.removesuffix('OnSQLite')
                is_everywhere = theme != name and f'{theme}OnElasticsearch9' in members
                if is_everywhere and member.__bases__[-1] is stores.SQLite:
                    themes.add(theme)
        self.assertEqual(sorted(themes), sorted(theme.__name__ for theme in suite.THEMES))

    def _folder(self):
        """A folder of the test's own."""
        folder = tempfile.TemporaryDirectory(prefix='fz-tp-')
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)
