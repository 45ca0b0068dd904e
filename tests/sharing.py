"""Tests that the workers of a run share while it goes on.

stestr gives each of its workers a part of the tests before any of them begins, by what they took
in earlier runs. That is wrong by minutes where servers, machines and samples differ, and then some
workers wait for the last one. So where the environment names a list of tests, each worker takes
the next class from it whenever it has done one, until none is left.
"""

import collections.abc
import copy
import fcntl
import gc
import itertools
import os
import pathlib
import re
import unittest

#: The variable that names the list: a test in each line, those of a class behind each other.
LIST = 'FREEZER_TEST_SHARED'
ROOT = pathlib.Path(__file__).parents[1]
#: What those tests have in common that one worker has to take together, as for stestr.
_GROUP = re.compile(
    re.search(r'(?m)^group_regex=(.*)$', (ROOT / '.stestr.conf').read_text()).group(1)
)


def group(test_id: str) -> str:
    """Name the tests that one worker takes together with this one."""
    found = _GROUP.match(test_id)
    return found[0] if found else test_id


class Queue:
    """The groups of tests in a file, for the processes that take them."""

    def __init__(self, path: str | os.PathLike):
        lines = pathlib.Path(path).read_text().splitlines()
        self.groups = [frozenset(ids) for _name, ids in itertools.groupby(lines, group)]
        self._taken = f'{path}.taken'

    def take(self) -> collections.abc.Iterator[frozenset[str]]:
        """Yield groups that no other process gets, until none is left."""
        while True:
            with open(self._taken, 'a+') as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                number = file.seek(0, os.SEEK_END)
                # As many bytes as there are groups that somebody has taken.
                file.write('.')
            if number >= len(self.groups):
                return
            yield self.groups[number]


class Shared(unittest.TestSuite):
    """All tests, of which this process runs those that it gets from a queue."""

    def __init__(self, tests: unittest.TestSuite, queue: Queue):
        super().__init__()
        self._parts = split(tests, frozenset().union(*queue.groups))
        self._queue = queue

    def filter_by_ids(self, _ids: collections.abc.Container[str]) -> 'Shared':
        """Run other tests than stestr has given this worker: those that come next."""
        return self

    def run(self, result: unittest.TestResult, debug: bool = False) -> unittest.TestResult:
        """Run groups of tests until none is left; each group has its classes' fixtures."""
        groups = self._queue.take()
        # What a process that has to stop doesn't take is left to others.
        while not result.shouldStop and (ids := next(groups, None)):
            self._parts[group(min(ids))].run(result, debug)
        return result


def split(
    tests: unittest.TestSuite, ids: collections.abc.Container[str]
) -> dict[str, unittest.TestSuite]:
    """Return the tests of these ids by their groups, in suites like those that they are in."""
    parts: dict[str, list] = {}
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            found = split(test, ids)
        else:
            found = {group(test.id()): test} if test.id() in ids else {}
        for name, part in found.items():
            parts.setdefault(name, []).append(part)
    return {name: _like(tests, members) for name, members in parts.items()}


def _like(suite: unittest.TestSuite, members: list) -> unittest.TestSuite:
    """A suite of the same kind, of some of its tests: it may set up what they need."""
    part = copy.copy(suite)
    part._tests = members
    return part


def load_tests(
    loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None
) -> unittest.TestSuite:
    """Find the tests of the package that calls this; share them, if a list says so."""
    # What is imported stays: a search for garbage in it took a sixth of the time of a test run.
    gc.disable()
    tests.addTests(loader.discover(str(ROOT / 'tests'), pattern or 'test*.py', str(ROOT)))
    gc.freeze()
    gc.enable()
    path = os.environ.get(LIST)
    return Shared(tests, Queue(path)) if path else tests
