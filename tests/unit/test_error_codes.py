"""The codes of errors: each that the service uses is described, and each that is described is
used.
"""

import ast
import collections.abc
import pathlib
import re

import testtools

import freezer_api
from freezer_api import error_codes, exceptions
from freezer_api.domain import documents

PACKAGE = pathlib.Path(freezer_api.__file__).parent
CODE = re.compile(r'[a-z]+\.[a-z]+(-[a-z]+)*')
#: Raised under the name of the kind of document that they are about.
OF_KINDS = {f'{kind.removesuffix("s")}.not-found' for kind in (*documents.RESOURCES, 'runs')} | {
    'client.id-taken',
    'job.id-taken',
}


def texts(path: pathlib.Path) -> collections.abc.Iterator[str]:
    """Every text in a module that stands by itself, so no part of a formatted one."""
    tree = ast.parse(path.read_text())
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def kinds(error: type) -> collections.abc.Iterator[type]:
    """A class of errors and all that are made of it."""
    yield error
    for below in error.__subclasses__():
        yield from kinds(below)


class TestErrorCodes(testtools.TestCase):
    def test_every_code_is_used(self):
        used = {
            text
            for path in PACKAGE.rglob('*.py')
            if path.stem != 'error_codes'
            for text in texts(path)
        }
        self.assertEqual(set(), set(error_codes.MEANINGS) - used - OF_KINDS)

    def test_every_class_of_errors_has_a_known_code(self):
        codes = {kind.code for kind in kinds(exceptions.FreezerError)}
        self.assertEqual(set(), codes - set(error_codes.MEANINGS))

    def test_every_missing_kind_has_a_known_code(self):
        codes = {exceptions.NotFound(kind, 'id').code for kind in (*documents.RESOURCES, 'runs')}
        self.assertEqual(set(), codes - set(error_codes.MEANINGS))

    def test_codes_and_meanings_are_well_formed(self):
        for code, meaning in error_codes.MEANINGS.items():
            self.assertTrue(code == 'internal' or CODE.fullmatch(code), code)
            self.assertEqual('.', meaning[-1], code)

    def test_raised_errors_have_known_codes(self):
        """A second argument of an error is a code, but for the errors whose second argument is
        something else.
        """
        for path in PACKAGE.rglob('*.py'):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if (
                    node.func.attr in ('InvalidInput', 'Conflict', 'Unprocessable', 'Forbidden')
                    and len(node.args) == 2
                ):
                    code = node.args[1]
                    if isinstance(code, ast.Constant):
                        self.assertIn(code.value, error_codes.MEANINGS, path)
