"""How the workers of a run share its tests while it goes on (``tests/sharing.py``)."""

import concurrent.futures
import pathlib
import subprocess
import sys
import unittest

import fixtures
import testtools
from tools import plan

from tests import sharing

FIRST = [f'tests.live.test_agents.TestAgents.test_{number}({number})' for number in range(3)]
SECOND = ['tests.unit.test_ids.TestIds.test_1']
PAGES = [
    'tests.functional.test_gabbi.lists_one.test_request',
    'tests.functional.test_gabbi.lists_two.test_request',
]
#: A worker that writes down which groups it gets.
TAKER = """
import sys
from tests import sharing
for ids in sharing.Queue(sys.argv[1]).take():
    print(*sorted(ids), sep='|')
"""


class TestQueue(testtools.TestCase):
    """Groups in a file."""

    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'tests')

    def test_tests_of_a_class_or_a_file_of_requests_are_one_group(self):
        self.path.write_text('\n'.join([*FIRST, *SECOND, *PAGES]))
        groups = [sorted(ids) for ids in sharing.Queue(self.path).take()]
        self.assertEqual([FIRST, SECOND, PAGES], groups)

    def test_processes_take_each_group_once(self):
        names = [f'tests.unit.test_ids.Test{number}.test_1' for number in range(200)]
        self.path.write_text('\n'.join(names))
        command = (sys.executable, '-c', TAKER, self.path)

        def take(_number):
            return subprocess.run(command, cwd=sharing.ROOT, stdout=subprocess.PIPE, text=True)

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            takers = list(pool.map(take, range(3)))
        self.assertEqual([0, 0, 0], [taker.returncode for taker in takers])
        taken = [line for taker in takers for line in taker.stdout.splitlines()]
        self.assertEqual(sorted(names), sorted(taken))


def named(name):
    """A test of that name, which passes."""

    class Named(unittest.TestCase):
        def id(self):
            return name

        def runTest(self):
            pass

    return Named()


class Begun(unittest.TestResult):
    """Notes which tests have begun; ``until`` is the last one."""

    def __init__(self, until=''):
        super().__init__()
        self.ids = []
        self._until = until

    def startTest(self, test):
        super().startTest(test)
        self.ids.append(test.id())
        if test.id() == self._until:
            self.stop()


class Fixtures(unittest.TestSuite):
    """A suite with a fixture, as those of gabbi's files are."""

    runs: list[int]

    def run(self, result, debug=False):
        self.runs.append(len(self._tests))
        return super().run(result, debug)


class TestShared(testtools.TestCase):
    """What a worker runs."""

    def _shared(self, listed, *suites):
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'tests')
        path.write_text('\n'.join(listed))
        return sharing.Shared(unittest.TestSuite(suites), sharing.Queue(path))

    def test_listed_tests_run_once_in_their_order_whatever_part_stestr_gives(self):
        everything = unittest.TestSuite(map(named, [*SECOND, *FIRST, *PAGES]))
        shared = self._shared([*FIRST[:2], *SECOND], everything)
        result = Begun()
        shared.filter_by_ids({FIRST[2]}).run(result)
        self.assertEqual([*FIRST[:2], *SECOND], result.ids)

    def test_process_that_stops_leaves_the_next_group_to_others(self):
        everything = unittest.TestSuite(map(named, [*FIRST, *SECOND, *PAGES]))
        shared = self._shared([*FIRST, *SECOND, *PAGES], everything)
        stopped = Begun(until=FIRST[-1])
        shared.run(stopped)
        other = Begun()
        shared.run(other)
        self.assertEqual(FIRST, stopped.ids)
        self.assertEqual([*SECOND, *PAGES], other.ids)

    def test_suite_with_a_fixture_is_kept_with_its_tests_alone(self):
        suite = Fixtures(map(named, PAGES))
        suite.runs = []
        shared = self._shared([PAGES[0], *SECOND], suite, named(SECOND[0]))
        shared.run(unittest.TestResult())
        self.assertEqual([1], suite.runs)


class TestDiscovery(testtools.TestCase):
    """What is found of the tests of a folder."""

    def _discover(self):
        folder = sharing.ROOT / 'tests'
        return unittest.TestLoader().discover(str(folder), 'test_sampling.py', str(sharing.ROOT))

    def test_list_in_the_environment_is_shared(self):
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'tests')
        test = 'tests.unit.test_sampling.TestTable.test_unknown_unit_is_refused'
        path.write_text(f'{test}\n')
        self.useFixture(fixtures.EnvironmentVariable(sharing.LIST, str(path)))
        result = Begun()
        self._discover().run(result)
        self.assertEqual([test], result.ids)

    def test_without_a_list_all_tests_are_there(self):
        self.useFixture(fixtures.EnvironmentVariable(sharing.LIST))
        self.assertEqual(8, self._discover().countTestCases())


class TestOrder(testtools.TestCase):
    """The list that ``tools/plan.py`` writes."""

    def test_groups_that_take_long_come_first_and_stay_together(self):
        costs = dict.fromkeys(FIRST, 1.0) | {SECOND[0]: 2.0} | dict.fromkeys(PAGES, 0.1)
        tests = [PAGES[0], FIRST[0], SECOND[0], *FIRST[1:], PAGES[1]]
        self.assertEqual([*FIRST, *SECOND, *PAGES], plan.order(tests, costs))
