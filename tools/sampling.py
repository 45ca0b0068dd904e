"""Choose what a run takes of tests that need not all be in each run.

``tests/sampled.txt`` says of which tests a run takes a share only, and why.
Others are taken each time: by the seed of the run, which it prints.
"""

import collections
import collections.abc
import pathlib
import random
import re
import typing

from tools import seconds

TABLE = pathlib.Path(__file__).parents[1] / 'tests' / 'sampled.txt'


class Rule(typing.NamedTuple):
    """A share (of the seconds, from 0 to 1) of the classes or of the tests
    whose names a pattern finds.
    """

    share: float
    unit: str
    pattern: re.Pattern[str]


def rules(lines: collections.abc.Iterable[str]) -> list[Rule]:
    """The rules in lines of the table: ``SHARE class|test PATTERN``."""
    found = []
    for line in lines:
        if line.strip() and not line.startswith('#'):
            share, unit, pattern = line.split()
            if unit not in ('class', 'test'):
                raise ValueError(f'{line!r}: neither of classes nor of tests')
            found.append(Rule(float(share), unit, re.compile(pattern)))
    return found


def chosen(
    tests: collections.abc.Sequence[str],
    seed: str,
    table: collections.abc.Iterable[Rule],
    expected: collections.abc.Mapping[str, float],
) -> list[str]:
    """The tests that a run takes, in their order: of those of each rule (the
    first one that finds it is a test's rule) as many as its share of the
    seconds that they are expected to take, one at least; and all others.
    """
    ruled: dict[Rule, list[str]] = {rule: [] for rule in table}
    members = collections.Counter(seconds.class_of(test) for test in tests)
    for test in tests:
        rule = next(
            (rule for rule in ruled if rule.pattern.search(test)), None
        )
        if rule:
            ruled[rule].append(test)

    def cost(test: str) -> float:
        name = seconds.class_of(test)
        return expected.get(name, seconds.UNKNOWN) / members[name]

    left_out = set[str]()
    for rule, found in ruled.items():
        left_out |= _left_out(rule, found, seed, cost)
    return [test for test in tests if test not in left_out]


def _left_out(
    rule: Rule,
    found: list[str],
    seed: str,
    cost: collections.abc.Callable[[str], float],
) -> set[str]:
    """The tests that a rule has found and a run doesn't take."""
    units = collections.defaultdict(list)
    for test in found:
        name = seconds.class_of(test) if rule.unit == 'class' else test
        units[name].append(test)
    names = list(units)
    random.Random(f'{seed} {rule.pattern.pattern}').shuffle(names)
    room = rule.share * sum(map(cost, found))
    left_out = set[str]()
    for at, name in enumerate(names):
        taken = sum(map(cost, units[name]))
        # However small the share is, one is taken.
        if at and taken > room:
            left_out.update(units[name])
        else:
            room -= taken
    return left_out
