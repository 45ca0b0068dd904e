"""The manual can be built without a warning, and says what the service says."""

import argparse
import ast
import functools
import pathlib
import re
import subprocess
import sys
import tempfile

import docutils.core
import testtools

from freezer_api.cmd import manage

ROOT = pathlib.Path(__file__).parents[2]
SOURCE = ROOT / 'doc' / 'source'
#: The most characters of a line of code that a page shows without scrolling.
WIDEST = 100
#: Pages with outputs that are as wide as the tables of ``openstack``.
WIDE = {'restoring'}


class TestPages(testtools.TestCase):
    """What readers see."""

    def test_pages_are_built_without_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            program = [sys.executable, '-m', 'sphinx', '-q', '--keep-going', '-b', 'html']
            done = subprocess.run(
                [*program, str(SOURCE), folder],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual('', done.stderr)
            self.assertEqual(0, done.returncode)
            page = pathlib.Path(folder, 'sessions.html').read_text()
            self.assertIn('<svg', page, 'the picture of the states')

    def test_lines_of_code_fit_the_page(self):
        for page in sorted(SOURCE.rglob('*.rst')):
            if page.stem in WIDE:
                continue
            wide = [line for line in code_lines(page.read_text()) if len(line) > WIDEST]
            self.assertEqual([], wide, page)


def code_lines(text: str) -> list[str]:
    """Return the lines of a page's literal blocks, without their indentation."""
    found, indent, block = [], None, False
    for line in text.split('\n'):
        if block and line.strip():
            depth = len(line) - len(line.lstrip())
            indent = depth if indent is None else indent
            if depth < indent or depth == 0:
                block = False
            else:
                found.append(line[indent:])
                continue
        if line.startswith('.. code-block::') or re.match(r'(?!\.\. ).*::$', line):
            block, indent = True, None
    return found


class TestREADME(testtools.TestCase):
    """What PyPI shows of the package."""

    def test_readme_needs_nothing_of_sphinx(self):
        text = (ROOT / 'README.rst').read_text()
        # As PyPI has it: a warning is a failure.
        settings = {'halt_level': 2, 'raw_enabled': False, 'file_insertion_enabled': False}
        page = docutils.core.publish_doctree(text, settings_overrides=settings)
        self.assertIn('tools/standalone', page.astext())
        self.assertLessEqual(len(text.split('\n')), 150)


class TestCommands(testtools.TestCase):
    """The page on ``freezer-manage``."""

    def test_each_command_has_a_section(self):
        page = (SOURCE / 'commands' / 'freezer-manage.rst').read_text()
        shown = re.findall(r'^\.\. program-options:: freezer-manage (.+)$', page, re.MULTILINE)
        parser = argparse.ArgumentParser()
        manage.add_parsers(parser.add_subparsers())
        self.assertEqual(sorted(commands(parser)), sorted(shown))


def commands(parser: argparse.ArgumentParser, name: str = '') -> list[str]:
    """Return the names of the commands that a parser knows."""
    below = [action for action in parser._actions if isinstance(action.choices, dict)]
    if not below:
        return [name]
    (subparsers,) = below
    return [
        found
        for word, child in subparsers.choices.items()
        for found in commands(child, f'{name} {word}'.strip())
    ]


class TestTroubleshooting(testtools.TestCase):
    """The page on messages."""

    def test_messages_are_in_the_code(self):
        page = (SOURCE / 'operate' / 'troubleshooting.rst').read_text()
        messages = re.findall(r'^   \* - ``([^`]+)``', page, re.MULTILINE)
        self.assertGreater(len(messages), 15)
        for message in messages:
            if message in OF_OTHERS:
                continue
            # Where a page and a text have a value, they have it at the same place.
            found = any(message.strip('… ') in text for text in texts())
            self.assertTrue(found, message)


#: Messages of libraries.
OF_OTHERS = {'The request you have made requires authentication.'}


@functools.cache
def texts() -> list[str]:
    """Return all texts of the service's code, with ``…`` for each value in them."""
    found = []
    for path in (ROOT / 'freezer_api').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else '…' for part in node.values
                )
                found.append(''.join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r'%(\.\d+)?[sdf]', '…', node.value))
    return found
