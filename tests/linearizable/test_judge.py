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
    acknowledged,
    campaign,
    findings,
    history,
    model,
    shown,
    simulation,
    spoiling,
    windows,
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

    def histories(
        self, lost: float = 0.02
    ) -> collections.abc.Iterator[tuple[random.Random, list[Operation]]]:
        for seed in range(10):
            chosen = random.Random(seed)
            yield chosen, simulation.Simulation(chosen, lost=lost).run(80)

    def test_right_histories_are_accepted(self):
        for _, operations in self.histories():
            verdict = campaign.judged(operations)
            self.assertTrue(verdict.linearizable, findings.explain(verdict))

    def test_right_histories_keep_what_was_acknowledged(self):
        for _, operations in self.histories():
            verdict = acknowledged.judged(operations)
            self.assertTrue(verdict.linearizable, findings.explain(verdict))

    def test_spoilt_histories_are_rejected(self):
        self.check_rejected(spoiling.SPOILINGS, campaign.judged, lost=0.02)

    def test_writes_that_are_lost_doubled_or_halved_are_noticed_by_what_was_acknowledged(self):
        self.check_rejected(spoiling.OF_WRITES, acknowledged.judged, lost=0)

    def test_writes_that_are_lost_doubled_or_halved_are_rejected(self):
        self.check_rejected(spoiling.OF_WRITES, campaign.judged, lost=0)

    def check_rejected(self, spoilings, question, lost):
        spoilt = dict.fromkeys(spoilings, 0)
        for chosen, operations in self.histories(lost):
            for name, spoil in spoilings.items():
                found = spoil(operations, chosen)
                if found is not None:
                    self.assertFalse(question(found).linearizable, name)
                    spoilt[name] += 1
        for name, number in spoilt.items():
            self.assertGreater(number, 2, name)

    def test_stale_reads_are_no_matter_of_what_was_acknowledged(self):
        kinds = []
        for chosen, operations in self.histories():
            found = spoiling.swap_reads(operations, chosen)
            if found is not None:
                kinds.append(campaign.opinion(found).kind)
        self.assertGreater(len(kinds), 2)
        self.assertEqual({campaign.Kind.STALE}, set(kinds))

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


class TestAcknowledged(testtools.TestCase):
    """What the second question makes of calls."""

    def kind(self, *calls: tuple[int, Asked, Answer]) -> campaign.Kind:
        """What is said of calls, one after the other."""
        operations = [
            Operation(caller, at, at + 0.5, asked, answer)
            for at, (caller, asked, answer) in enumerate((*BEGINNING, *calls))
        ]
        return campaign.opinion(operations).kind

    def test_attaching_that_is_lost_is_noticed(self):
        for answer in (model.DONE, {'status': 404}):
            attach = (1, {'name': 'attach', 'session': 's1', 'job': 'j1'}, answer)
            at_the_end = {'status': 200, 'body': shown.show_job(Job(''))}
            kind = self.kind(attach, (windows.READER, {'name': 'get_job', 'job': 'j1'}, at_the_end))
            is_acknowledged = answer is model.DONE
            expected = campaign.Kind.LOST if is_acknowledged else campaign.Kind.STALE
            self.assertEqual(expected, kind)

    def test_end_that_is_lost_is_noticed(self):
        """Though its answer is the same where there was nothing to do."""
        session = {'name': 'get_session', 'session': 's1'}
        calls = [
            (1, {'name': 'attach', 'session': 's1', 'job': 'j1'}, model.DONE),
            (1, START, {'status': 202, 'body': {'result': 'success', 'session_tag': 1}}),
        ]
        before = model_after(*BEGINNING, *calls)
        at_the_end = model.expected(before, session)
        calls.append((1, END, {'status': 202, 'body': {'result': 'success', 'session_tag': 1}}))
        self.assertEqual(
            campaign.Kind.LOST, self.kind(*calls, (windows.READER, session, at_the_end))
        )
        ended = model.expected(model_after(*BEGINNING, *calls), session)
        self.assertEqual(campaign.Kind.RIGHT, self.kind(*calls, (windows.READER, session, ended)))

    def test_member_that_is_out_of_sync_may_have_been_told_the_tag(self):
        job = {'name': 'get_job', 'job': 'j1'}
        calls = [
            (1, {'name': 'attach', 'session': 's1', 'job': 'j1'}, model.DONE),
            (1, START, {'status': 202, 'body': {'result': 'success', 'session_tag': 1}}),
            (1, END, {'status': 202, 'body': {'result': 'success', 'session_tag': 1}}),
            (
                1,
                START | {'id': '2', 'tag': 0},
                {'status': 202, 'body': {'result': 'out-of-sync', 'session_tag': 1}},
            ),
        ]
        told = model.expected(model_after(*BEGINNING, *calls), job)
        self.assertEqual(1, told['body']['session_tag'])
        self.assertEqual(campaign.Kind.RIGHT, self.kind(*calls, (windows.READER, job, told)))

    def test_precondition_of_a_version_that_only_a_read_has_shown_holds(self):
        told = {'status': 200, 'versions': {'jobs/j1': [1, 'e1']}}
        read = (1, {'name': 'get_job', 'job': 'j1'}, told | {'body': shown.show_job(Job(''))})
        patch = {'name': 'patch_job', 'job': 'j1', 'description': 'x', 'if_match': 'e1'}
        changed = {'status': 200, 'versions': {'jobs/j1': [2, 'e2']}}
        self.assertEqual(campaign.Kind.RIGHT, self.kind(read, (1, patch, changed)))
        operations = [
            Operation(caller, at, at + 0.5, asked, answer)
            for at, (caller, asked, answer) in enumerate((*BEGINNING, read, (1, patch, changed)))
        ]
        self.assertTrue(acknowledged.judged(operations).linearizable)
        twice = (1, patch | {'description': 'y'}, {'status': 200, 'versions': {}})
        self.assertEqual(campaign.Kind.LOST, self.kind(read, (1, patch, changed), twice))


def model_after(*calls: tuple[int, Asked, Answer]) -> State:
    state = EMPTY
    for _, asked, answer in calls:
        found = model.step(state, asked, answer)
        assert found is not None, (asked, answer)
        state = found
    return state


EMPTY = State()
START: Asked = {'name': 'start', 'session': 's1', 'job': 'j1', 'tag': 0, 'id': '1'}
END: Asked = {'name': 'end', 'session': 's1', 'job': 'j1', 'tag': 1, 'result': 'success'}


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
#: A session whose runs have no window, and a job.
BEGINNING: tuple[tuple[int, Asked, Answer], ...] = (
    (windows.READER, PUT, {'status': 201}),
    (
        windows.READER,
        {'name': 'create_job', 'job': 'j1', 'description': ''},
        {'status': 201},
    ),
)
