"""Imports point downwards only, and nothing below the controllers knows the web."""

import ast
import collections.abc
import pathlib
import textwrap

import testtools

import freezer_api

PACKAGE = pathlib.Path(freezer_api.__file__).parent
#: From top to bottom; a module may import from its own room and from those below.
ROOMS = [
    {'client'},
    {'cmd', 'wsgi'},
    {'app'},
    {'controllers', 'middleware'},
    {'importing', 'services'},
    {'policies', 'policy', 'context', 'identity'},
    {'db'},
    {'domain', 'schemas'},
    {'conf', 'error_codes', 'exceptions', 'permits', 'version'},
]
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}
WEB = {'pecan', 'wsme', 'wsmeext', 'webob', 'waitress', 'oslo_middleware', 'keystonemiddleware'}
#: What libraries of the web have that isn't of the web: the names and defaults of their options.
OPTIONS = {
    f'oslo_middleware.{name}'
    for name in ('cors', 'healthcheck.opts', 'http_proxy_to_wsgi', 'sizelimit')
}


def imported(source: str) -> collections.abc.Iterator[str]:
    """Full names of what a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                '.' * node.level + f'{node.module or ""}.{alias.name}' for alias in node.names
            )


def faults(room: str, source: str) -> list[str]:
    """What a module of a room imports that it may not."""
    found = []
    for name in imported(source):
        first, _dot, rest = name.partition('.')
        if not first:
            found.append(f'{name}: is relative')
        elif first == 'freezer_api' and rest and RANK[rest.partition('.')[0]] < RANK[room]:
            found.append(f'{name}: stands above')
        elif room == 'client' and first == 'freezer_api' and rest.partition('.')[0] != 'client':
            found.append(f'{name}: is of the server, which commands for people ask by its API')
        elif (
            first in WEB
            and RANK[room] > RANK['controllers']
            and not (room == 'conf' and name in OPTIONS)
        ):
            found.append(f'{name}: is of the web')
    return found


class TestLayers(testtools.TestCase):
    def test_every_module_imports_downwards_only(self):
        for path in sorted(PACKAGE.rglob('*.py')):
            parts = path.relative_to(PACKAGE).with_suffix('').parts
            # The contract's tests stand beside the rooms.
            if parts[0] == 'tests':
                continue
            if parts == ('__init__',):
                self.assertEqual(
                    [], list(imported(path.read_text())), 'the package itself imports nothing'
                )
                continue
            self.assertIn(parts[0], RANK, 'a room that has no place yet')
            self.assertEqual([], faults(parts[0], path.read_text()), path)

    def test_upward_imports_are_found(self):
        source = textwrap.dedent("""
            from freezer_api import app
            import freezer_api.controllers.base
            from . import models
            def late():
                from webob import exc
        """)
        self.assertEqual(4, len(faults('services', source)))
        for room, source in (
            ('cmd', 'from freezer_api.client import runs'),
            ('client', 'from freezer_api.domain import jobs'),
            ('client', 'from freezer_api import conf'),
        ):
            self.assertEqual(1, len(faults(room, source)), source)
        self.assertEqual([], faults('client', 'from freezer_api.client import calls'))
        self.assertEqual([], faults('services', 'from freezer_api.db import base\nimport json\n'))
