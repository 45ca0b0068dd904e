"""The page of documentation that lists what the services log has all of it, and nothing else."""

import ast
import collections.abc
import pathlib
import re
import unittest

import freezer_api

PACKAGE = pathlib.Path(freezer_api.__file__).parent
PAGE = PACKAGE.parent / 'doc/source/log-messages.rst'
#: Modules whose lines the page lists.
MODULES = (
    *sorted((PACKAGE / 'services').glob('*.py')),
    PACKAGE / 'identity.py',
    PACKAGE / 'db/effects.py',
)
#: Levels that are shown without ``debug``.
LEVELS = ('info', 'warning', 'error', 'exception')


def logged(path: pathlib.Path) -> collections.abc.Iterator[str]:
    """What a module logs, with ``…`` in the place of each value."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == 'LOG'
            and node.func.attr in LEVELS
        ):
            yield re.sub('%[a-z]', '…', ast.literal_eval(node.args[0]))


class LogMessages(unittest.TestCase):
    def test_page_lists_every_message(self):
        messages = {message for path in MODULES for message in logged(path)}
        self.assertGreater(len(messages), 20)
        listed = re.findall(r'^   \* - ``([^`]+)``$', PAGE.read_text(), re.MULTILINE)
        self.assertEqual(sorted(messages), sorted(listed))
