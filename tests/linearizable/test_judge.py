"""The judge on histories of which everybody can see whether they are right, and against a slower
judge; and on what a right service does, spoilt and not.
"""

import collections.abc
import itertools
import math
import pathlib
import random

import fixtures
import testtools

from tests.linearizable import (
    campaign,
    findings,
    history,
    model,
    shown,
    simulation,
    spoiling,
)
from tests.linearizable.history import Answer, Asked, Operation
from tests.linearizable.judge import GaveUp, judge
from tests.linearizable.registers import is_free, random_history, read, step, swap, write
from tests.linearizable.states import Job, State


def judged_slowly(operations: collections.abc.Sequence[Operation]) -> bool:
    """Whether one of all orders fits, of all that ended and any of the others."""
    ended = [operation for operation in operations if operation.answer is not None]
    others = [operation for operation in operations if operation.answer is None]
    return any(
        _fits(order)
        for number in range(len(others) + 1)
        for taken in itertools.combinations(others, number)
        for order in itertools.permutations((*ended, *taken))
    )


def _fits(order: collections.abc.Sequence[Operation]) -> bool:
    latest = -math.inf
    state: int | None = 0
    for operation in order:
        latest = max(latest, operation.called)
        if operation.ended < latest or state is None:
            return False
        state = step(state, operation.asked, operation.answer)
    return state is not None


class TestRegister(testtools.TestCase):
    """Histories of a register."""

    def is_right(self, *operations: Operation) -> bool:
        return judge(operations, 0, step, is_free).linearizable

    def test_history_in_order_is_right(self):
        self.assertTrue(self.is_right(write(0, 1, 5), read(2, 3, 5)))

    def test_read_of_value_that_was_written_over_is_wrong(self):
        self.assertFalse(self.is_right(write(0, 1, 5), read(2, 3, 0)))

    def test_reads_during_write_may_see_either_value(self):
        self.assertTrue(self.is_right(write(0, 9, 5), read(1, 2, 0), read(3, 4, 5)))

    def test_value_that_was_seen_may_not_be_gone_again(self):
        self.assertFalse(self.is_right(write(0, 9, 5), read(1, 2, 5), read(3, 4, 0)))

    def test_two_writes_at_once_take_effect_in_either_order(self):
        writes = (write(0, 4, 5), write(1, 3, 6))
        self.assertTrue(self.is_right(*writes, read(5, 6, 5)))
        self.assertTrue(self.is_right(*writes, read(5, 6, 6)))

    def test_readers_have_to_agree_on_order_of_writes(self):
        writes = (write(0, 4, 5), write(0, 4, 6))
        self.assertFalse(self.is_right(*writes, read(5, 6, 5), read(7, 8, 6)))

    def test_write_without_answer_may_take_effect_late(self):
        lost = write(0, math.inf, 5)
        self.assertTrue(self.is_right(lost, read(1, 2, 0), read(3, 4, 5)))

    def test_write_without_answer_may_never_take_effect(self):
        self.assertTrue(self.is_right(write(0, math.inf, 5), write(1, 2, 6), read(3, 4, 6)))

    def test_write_without_answer_takes_effect_once(self):
        lost = write(0, math.inf, 5)
        reads = (read(1, 2, 5), write(3, 4, 6), read(5, 6, 5))
        self.assertFalse(self.is_right(lost, *reads))

    def test_write_without_answer_has_no_effect_before_it_was_called(self):
        self.assertFalse(self.is_right(read(0, 1, 5), write(2, math.inf, 5)))

    def test_one_of_two_swaps_from_same_value_has_to_fail(self):
        one, other = swap(0, 3, 0, 5, True), swap(1, 4, 0, 6, True)
        self.assertFalse(self.is_right(one, other))
        self.assertTrue(self.is_right(one, swap(1, 4, 0, 6, False)))

    def test_empty_history_is_right(self):
        self.assertTrue(self.is_right())

    def test_stuck_call_is_the_one_that_fits_nowhere(self):
        wrong = read(4, 5, 7)
        verdict = judge((write(0, 1, 5), read(2, 3, 5), wrong), 0, step, is_free)
        self.assertEqual(wrong, verdict.stuck)
        self.assertEqual(2, len(verdict.order))
        self.assertEqual(5, verdict.state)

    def test_judge_gives_up_after_as_many_tries_as_it_has(self):
        writes = [write(0, 9, value) for value in range(8)]
        self.assertRaises(GaveUp, judge, [*writes, read(10, 11, 99)], 0, step, is_free, 100)

    def test_verdicts_are_those_of_a_judge_that_tries_all_orders(self):
        chosen = random.Random(14)
        verdicts = []
        for _ in range(200):
            operations = random_history(chosen, 5)
            slowly = judged_slowly(operations)
            self.assertEqual(slowly, judge(operations, 0, step, is_free).linearizable, operations)
            verdicts.append(slowly)
        # Both are frequent, or little was compared.
        self.assertGreater(verdicts.count(True), 40)
        self.assertGreater(verdicts.count(False), 40)


class TestSimulatedService(testtools.TestCase):
    """Histories of a service that is right, as the model says."""

    def histories(self) -> collections.abc.Iterator[tuple[random.Random, list[Operation]]]:
        for seed in range(10):
            chosen = random.Random(seed)
            yield chosen, simulation.Simulation(chosen, lost=0.02).run(80)

    def test_right_histories_are_accepted(self):
        for _, operations in self.histories():
            verdict = campaign.judged(operations)
            self.assertTrue(verdict.linearizable, findings.explain(verdict))

    def test_spoilt_histories_are_rejected(self):
        spoilt = dict.fromkeys(spoiling.SPOILINGS, 0)
        for chosen, operations in self.histories():
            for name, spoil in spoiling.SPOILINGS.items():
                found = spoil(operations, chosen)
                if found is not None:
                    self.assertFalse(campaign.judged(found).linearizable, name)
                    spoilt[name] += 1
        for name, number in spoilt.items():
            self.assertGreater(number, 2, name)

    def test_history_in_file_gets_the_same_verdict(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        operations = simulation.Simulation(random.Random(1)).run(120)
        file = findings.keep(operations, folder, 'one', seed='1')
        about, loaded = history.load(file)
        self.assertEqual({'seed': '1'}, about)
        self.assertEqual(operations, loaded)

    def test_explanation_names_call_that_fits_nowhere(self):
        chosen = random.Random(3)
        operations = simulation.Simulation(chosen, lost=0).run(40)
        spoilt = spoiling.raise_tag(operations, chosen)
        verdict = campaign.judged(spoilt)
        self.assertEqual('list_sessions', verdict.stuck.asked['name'])
        said = findings.explain(verdict)
        self.assertIn(str(verdict.stuck), said)
        self.assertIn('should be', said)


EMPTY = State()


class TestVersions(testtools.TestCase):
    """What the model makes of versions and preconditions."""

    def test_precondition_holds_for_the_version_that_was_shown_last(self):
        state = self.state_after(PUT, {'status': 201, 'versions': {'sessions/s1': [1, 'e1']}})
        patch = {'name': 'patch_session', 'session': 's1', 'description': 'x', 'if_match': 'e1'}
        self.assertEqual({'status': 200}, model.expected(state, patch))
        state = self.state_after(patch, None, state)
        self.assertEqual({'status': 412}, model.expected(state, patch))

    def test_version_that_does_not_grow_with_a_change_is_wrong(self):
        state = self.state_after(PUT, {'status': 201, 'versions': {'sessions/s1': [4, 'e4']}})
        patch = {'name': 'patch_session', 'session': 's1', 'description': 'x'}
        told = {'status': 200, 'versions': {'sessions/s1': [4, 'e4']}}
        self.assertIsNone(model.step(state, patch, told))

    def test_version_that_grows_without_a_change_is_wrong(self):
        state = self.state_after(PUT, {'status': 201, 'versions': {'sessions/s1': [4, 'e4']}})
        same = {'name': 'patch_session', 'session': 's1', 'description': ''}
        told = {'status': 200, 'versions': {'sessions/s1': [5, 'e5']}}
        self.assertIsNone(model.step(state, same, told))

    def test_read_of_what_looks_as_before_may_be_of_the_later_moment(self):
        """A job that leaves a session and comes back looks as it did, but for the version."""
        state = self.state_after(PUT, {'status': 201})
        for asked in (
            PUT | {'session': 's2'},
            {'name': 'create_job', 'job': 'j1', 'description': ''},
        ):
            state = self.state_after(asked, {'status': 201}, state)
        joined = [
            {'name': 'attach', 'session': session, 'job': 'j1'} for session in ('s1', 's2', 's1')
        ]
        body = shown.show_job(Job('', 's1'))
        listed = {'status': 200, 'body': {'j1': body}, 'versions': {'jobs/j1': [4, None]}}
        operations = [
            *(Operation(1, at, at + 0.5, asked, model.DONE) for at, asked in enumerate(joined)),
            Operation(2, 0.1, 9, {'name': 'list_jobs'}, listed),
            Operation(2, 10, 11, {'name': 'list_jobs'}, listed),
        ]
        verdict = judge(operations, state, model.step, model.is_free)
        self.assertTrue(verdict.linearizable, findings.explain(verdict))

    def state_after(self, asked: Asked, answer: Answer | None, state: State = EMPTY) -> State:
        found = model.step(state, asked, answer)
        assert found is not None
        return found


PUT: Asked = {
    'name': 'put_session',
    'session': 's1',
    'description': '',
    'hold_off': 0,
    'schedule': '',
}
