"""The contributor guide says what the code is: its picture, its tables and the names in it. The
names in the other pages are looked up as well.
"""

import ast
import collections.abc
import csv
import dataclasses
import functools
import itertools
import pathlib
import re
import typing
from xml.etree import ElementTree

import testtools

from freezer_api import exceptions
from freezer_api.domain import documents, runs, session_state
from freezer_api.domain.session_state import Member, Record, Run, Session
from tests.unit import test_layers

ROOT = pathlib.Path(__file__).parents[2]
GUIDE = ROOT / 'doc' / 'source' / 'contributor'
PAGES = [
    ROOT / 'CONTRIBUTING.rst',
    ROOT / 'README.rst',
    ROOT / 'tests' / 'README.rst',
    *sorted((ROOT / 'doc' / 'source').rglob('*.rst')),
]
#: A file or a folder of the repository. Behind a slash it is one of the machine: /etc/freezer.
PATH = re.compile(
    r'(?<![\w/])(?:freezer_api|tests|tools|etc|benchmarks|api-ref|doc/source)/[\w./-]*[\w-](?![\w*])'
)
#: A class of contract tests on a store: no file spells it, so its module has to do.
ON_STORE = re.compile(r'\.\w+On[A-Z]\w+$')
#: A module, or something in it.
NAME = re.compile(r'\b(?:freezer_api|tests)(?:\.\w+)+')
SVG = '{http://www.w3.org/2000/svg}'

HOLD_OFF = 60
STARTED = 1_700_000_000 * documents.SECOND


class TestNames(testtools.TestCase):
    """What the pages name is there."""

    def test_paths_exist(self):
        for page in PAGES:
            for path in PATH.findall(page.read_text()):
                self.assertTrue((ROOT / path).exists(), f'{page}: {path}')

    def test_names_exist(self):
        for page in PAGES:
            for name in NAME.findall(page.read_text()):
                self.assertTrue(is_defined(ON_STORE.sub('', name)), f'{page}: {name}')

    def test_missing_names_are_seen(self):
        for name in ('freezer_api.domain.nothing', 'freezer_api.domain.runs.nothing'):
            self.assertFalse(is_defined(name), name)
        for name in ('freezer_api.domain.runs.start', 'freezer_api.db.unit.Unit.get', 'tests.unit'):
            self.assertTrue(is_defined(name), name)

    def test_every_page_is_in_the_index(self):
        listed = re.findall(r'^   (\w+)$', (GUIDE / 'index.rst').read_text(), re.MULTILINE)
        pages = {page.stem for page in GUIDE.glob('*.rst')} - {'index'}
        self.assertEqual(sorted(pages), sorted(listed))


def is_defined(name: str) -> bool:
    """Tell whether a module defines a name, without importing it."""
    path, rest = ROOT, name.split('.')
    while rest and (path / rest[0]).is_dir():
        path /= rest.pop(0)
    if rest and (path / f'{rest[0]}.py').exists():
        module = path / f'{rest.pop(0)}.py'
    else:
        module = path / '__init__.py'
    if not rest:
        return module.exists()
    scope: typing.Any = parsed(module)
    for part in rest:
        scope = defined(scope).get(part)
        if scope is None:
            return False
    return True


@functools.cache
def parsed(module: pathlib.Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(module.read_text())


def defined(scope: typing.Any) -> dict[str, typing.Any]:
    """Return what a module, a class or a function defines directly, by name."""
    found: dict[str, typing.Any] = {}
    for node in getattr(scope, 'body', ()):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                found |= {part.id: node for part in ast.walk(target) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


class TestArchitecture(testtools.TestCase):
    """The picture shows the rooms whose imports :mod:`.test_layers` checks."""

    def test_picture_has_the_rooms_in_their_order(self):
        tree = ElementTree.parse(GUIDE / 'architecture.svg')
        ranks = [
            {text.text for text in group.iter(f'{SVG}text') if text.get('class') == 'room'}
            for group in tree.iter(f'{SVG}g')
            if group.get('class') == 'rank'
        ]
        self.assertEqual(test_layers.ROOMS, ranks)

    def test_page_has_the_rooms_in_their_order(self):
        page = (GUIDE / 'architecture.rst').read_text()
        rooms = re.findall(r'^``freezer_api/(\w+)(?:\.py)?``  ', page, re.MULTILINE)
        ranks = [test_layers.RANK[room] for room in rooms]
        self.assertEqual(sorted(test_layers.RANK), sorted(rooms))
        self.assertEqual(sorted(ranks), ranks)


def table(name: str) -> list[list[str]]:
    """Return the rows of a table in the page on runs."""
    page = (GUIDE / 'runs.rst').read_text()
    found = re.search(rf':name: {name}\n   :header: .*\n\n((?:   .+\n)+)', page)
    assert found, name
    return [[cell.strip() for cell in row] for row in csv.reader(found[1].splitlines())]


def each(cell: str, values: collections.abc.Iterable[str]) -> list[str]:
    """Return what a cell stands for."""
    return [*values] if cell == 'any' else [cell]


MEMBERS = {
    'scheduled': Member('c', counted=True),
    'running': Member('c', session_state.RUNNING, '', 1_700_000_000, -1, True),
    'completed': Member(
        'c', session_state.COMPLETED, session_state.SUCCESS, 1_700_000_000, 1, True
    ),
    'new': Member('c'),
}
TAGS = {'current': 0, 'lower': -1, 'higher': 1}
TAG = 5


def session(member: str, window: str, due: str) -> tuple[Session, int]:
    """Return a session in a situation that the tables name, and the time."""
    often, seldom = {'schedule_interval': '1 seconds'}, {'schedule_interval': '1 days'}
    if window == 'no run':
        run, counted = None, ()
        schedule = often if due == 'due' else {}
    else:
        run = Run(TAG, HOLD_OFF, STARTED)
        # Another member keeps the run going.
        counted = (('other', MEMBERS['running']),)
        schedule = often if due == 'due' else seldom
    passed = HOLD_OFF * 2 if window == 'over' else HOLD_OFF // 2
    members = {'job': MEMBERS[member], **dict(counted)}
    made = Session(
        'p', 's', 'u', tag=TAG, hold_off=HOLD_OFF, schedule=schedule, run=run, members=members
    )
    return made, STARTED + passed * documents.SECOND


def answered(
    decide: collections.abc.Callable[[], session_state.Outcome], before: Session
) -> typing.Any:
    """Return the answer of a decision and what happened, in the words of the tables."""
    try:
        outcome = decide()
    except exceptions.FreezerError as error:
        return error.code, 'error'
    after = outcome.session
    assert outcome.answer['session_tag'] == after.tag
    member, run = after.members['job'], after.run
    if outcome.records and after == before:
        effect = 'recorded'
    elif after == before:
        effect = 'nothing'
    elif (
        after.tag == before.tag + 1
        and run.tag == after.tag
        and member.status == session_state.RUNNING
    ):
        effect = 'begins'
    elif run == before.run and member.status == session_state.RUNNING:
        effect = 'joins'
    elif run == before.run and member.status == session_state.COMPLETED:
        effect = 'ended'
    else:
        effect = 'something else'
    return outcome.answer['result'], effect


class TestRuns(testtools.TestCase):
    """The tables of runs say what the functions do, and leave nothing out."""

    def test_table_of_starts_agrees_with_runs_start(self):
        windows = {'no run': ['new'], 'open': [*MEMBERS], 'over': [*MEMBERS]}
        cases = [
            (tag, window, member, due)
            for window, members in windows.items()
            for tag, member, due in itertools.product(TAGS, members, ('due', 'not due'))
        ]
        expected = {}
        for tag, window, member, due, *result in table('runs-start'):
            for case in cases:
                cells = zip((tag, window, member, due), case, strict=True)
                if all(cell in ('any', value) for cell, value in cells):
                    self.assertNotIn(case, expected, 'two rows for one case')
                    expected[case] = tuple(result)
        self.assertEqual(set(cases), set(expected))
        for case, result in expected.items():
            tag, window, member, due = case
            before, now = session(member, window, due)
            told = TAG + TAGS[tag]
            decide = functools.partial(runs.start, before, 'job', told, now)
            self.assertEqual(result, answered(decide, before), case)

    def test_table_of_ends_agrees_with_runs_end(self):
        expected = {}
        for tag, cell, *result in table('runs-end'):
            for member in each(cell, MEMBERS):
                self.assertNotIn((tag, member), expected)
                expected[tag, member] = tuple(result)
        earlier = {('lower', member) for member in ('running', 'completed', 'absent')}
        others = itertools.product(('none', 'current', 'higher'), MEMBERS)
        self.assertEqual(earlier | {*others}, set(expected))
        for (tag, member), result in expected.items():
            before, now = session('new' if tag == 'lower' else member, 'open', 'due')
            record = None
            if tag == 'lower' and member != 'absent':
                jobs = {'job': MEMBERS[member].shown()}
                record = Record(TAG - 1, session_state.COMPLETED, session_state.FAIL, 1, 2, jobs)
            told = None if tag == 'none' else TAG + TAGS[tag]
            decide = functools.partial(
                runs.end, before, 'job', told, session_state.FAIL, now, record
            )
            self.assertEqual(result, answered(decide, before), (tag, member))

    def test_first_start_begins_a_run_of_the_raised_tag(self):
        for member in MEMBERS:
            before, now = session(member, 'open', 'due')
            run = dataclasses.replace(before.run, status=session_state.COMPLETED, ended=STARTED)
            raised = dataclasses.replace(before, tag=TAG + 3, run=run)
            after = runs.start(raised, 'job', TAG + 3, now).session
            self.assertEqual(TAG + 3, after.tag, member)
            self.assertEqual(TAG + 3, after.run.tag, member)

    def test_all_answers_but_hold_off_give_the_job_the_tag(self):
        for tag, window, member, due, answer, _effect in table('runs-start'):
            if tag == 'higher' or 'any' in (window, member):
                continue
            before, now = session(member, window, each(due, ('due',))[0])
            outcome = runs.start(before, 'job', TAG + TAGS[tag], now)
            followers = frozenset() if answer == 'hold-off' else {'job'}
            self.assertEqual(followers, outcome.followers, (tag, window, member))
