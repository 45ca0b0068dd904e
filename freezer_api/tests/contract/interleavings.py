"""Every pair of operations in every order of their steps; and a careless implementation that such a
walk must catch.
"""

import itertools

from freezer_api.tests.base import sample
from freezer_api.tests.contract import interleaving, session_scenarios


class Interleavings:
    def _problems(self, kind, situation, names):
        """What is wrong after any order of two operations: with what is stored, with what was
        answered, or with the whole, which must be what comes of doing one after the other.
        """
        problems, outcomes, made = [], {}, []

        def arrange():
            made.append(kind(self, situation))
            operations = made[-1].operations()
            return [operations[name] for name in names]

        for order, results in interleaving.interleavings(arrange):
            state = session_scenarios.State.of(made[-1])
            checks = [lambda state=state: session_scenarios.check_agreement(state, self.clock.now)]
            checks += [
                lambda state=state, name=name, result=result: session_scenarios.check_answer(
                    made[-1], state, name, result
                )
                for name, result in zip(names, results)
            ]
            for check in checks:
                try:
                    check()
                except AssertionError as error:
                    problems.append((order, str(error)))
            outcomes[order] = state, [self._said(result) for result in results]
        sequences = [
            outcome
            for order, outcome in outcomes.items()
            if len(list(itertools.groupby(order))) == 2
        ]
        return problems + [
            (order, 'not one after the other')
            for order, outcome in outcomes.items()
            if outcome not in sequences
        ]

    @staticmethod
    def _said(result):
        """What the caller learns, comparable between scenarios."""
        if isinstance(result, Exception):
            return type(result).__name__, str(result)
        return result if isinstance(result, dict) else getattr(result, 'version', None)

    def _every_pair(self, situation):
        names = session_scenarios.Scenario(self, situation).operations()
        pairs = itertools.combinations_with_replacement(names, 2)
        for pair in sample(self.share, pairs, self.name, situation):
            with self.subTest(pair):
                self.assertEqual([], self._problems(session_scenarios.Scenario, situation, pair))

    def test_every_pair_is_atomic_before_the_first_start(self):
        self._every_pair('never started')

    def test_every_pair_is_atomic_while_a_run_is_going_on(self):
        self._every_pair('going on')

    def test_every_pair_is_atomic_when_a_run_has_lapsed(self):
        self._every_pair('lapsed')

    def test_every_pair_is_atomic_when_a_run_is_overtaken(self):
        self._every_pair('to be overtaken')

    def test_the_walk_catches_a_careless_implementation(self):
        for situation, pair, lost in (
            ('never started', ('start j', 'start k'), 'the start is lost'),
            ('to be overtaken', ('start k', 'end j'), 'the end is lost'),
            ('going on', ('start k', 'detach j'), 'jobs and members differ'),
            ('going on', ('end j', 'patch schedule'), 'the schedule is lost'),
        ):
            with self.subTest(pair):
                self.assertEqual([], self._problems(session_scenarios.Scenario, situation, pair))
                problems = {
                    problem
                    for order, problem in self._problems(
                        session_scenarios.RacyScenario, situation, pair
                    )
                }
                self.assertLessEqual({lost, 'not one after the other'}, problems)
