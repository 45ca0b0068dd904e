"""What a run takes of tests that need not all be in each run (``tools/sampling.py``)."""

import re

import testtools
from tools import sampling, seconds

RULES = sampling.rules(
    [
        '# a comment',
        '',
        r'0.5 class ^tests\.contract\..*OnOld\.',
        r'0.25 test ^tests\.live\.',
        r'0.5 class ^tests\.',
    ]
)
OLD = [
    f'tests.contract.test_{theme}.{theme.title()}OnOld.test_{number}'
    for theme in ('lists', 'runs', 'jobs', 'trusts')
    for number in (1, 2, 3)
]
LIVE = [f'tests.live.test_agents.TestAgents.test_{number}({number})' for number in range(8)]
OTHERS = ['checks.unit.test_ids.TestIds.test_1']
COSTS = {seconds.class_of(test): 3.0 for test in OLD} | {'tests.live.test_agents.TestAgents': 8.0}


def chosen(seed, tests=(*OLD, *LIVE, *OTHERS)):
    return sampling.chosen(list(tests), seed, RULES, COSTS)


class TestChosen(testtools.TestCase):
    """Which tests a run takes."""

    def test_tests_without_a_rule_are_all_taken_in_their_order(self):
        tests = [*OTHERS, *OLD, *LIVE]
        taken = chosen('1', tests)
        self.assertEqual([test for test in tests if test in taken], taken)
        self.assertIn(OTHERS[0], taken)

    def test_rule_of_classes_takes_its_share_of_whole_classes(self):
        taken = [test for test in chosen('1') if test in OLD]
        self.assertEqual(6, len(taken))
        classes = {seconds.class_of(test) for test in taken}
        self.assertEqual([test for test in OLD if seconds.class_of(test) in classes], taken)

    def test_rule_of_tests_takes_its_share_of_single_tests(self):
        self.assertEqual(2, len([test for test in chosen('1') if test in LIVE]))

    def test_share_below_one_unit_takes_one(self):
        self.assertEqual(1, len(chosen('1', LIVE[:2])))

    def test_first_rule_that_finds_a_test_is_its_rule(self):
        """The last one would find all of them, and leave half."""
        taken = chosen('1', [*LIVE, 'tests.unit.test_ids.TestIds.test_1'])
        self.assertEqual(3, len(taken))

    def test_same_seed_takes_the_same_and_others_take_all_in_the_end(self):
        self.assertEqual(chosen('1'), chosen('1'))
        taken = set().union(*(chosen(f'{seed}') for seed in range(60)))
        self.assertEqual({*OLD, *LIVE, *OTHERS}, taken)


class TestTable(testtools.TestCase):
    """``tests/sampled.txt``."""

    def test_every_rule_is_a_share_with_a_reason(self):
        lines = sampling.TABLE.read_text().splitlines()
        for rule in sampling.rules(lines):
            self.assertGreater(rule.share, 0)
            self.assertLess(rule.share, 1)
        blocks = '\n'.join(lines).split('\n\n')
        for block in blocks:
            self.assertRegex(block, r'\A# ', 'A rule follows the comment that says why.')

    def test_unknown_unit_is_refused(self):
        error = self.assertRaises(ValueError, sampling.rules, ['0.5 module ^tests'])
        self.assertTrue(re.match("'0.5 module", str(error)), error)
