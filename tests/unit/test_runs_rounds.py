"""Members that miss rounds of their session or come late: nobody is left behind for ever."""

import unittest

import hypothesis
from hypothesis import strategies as st

from freezer_api.domain import documents, run_state, runs
from freezer_api.domain.session_state import Session
from tests import base

base.explore()

T0 = 1_700_000_000 * documents.SECOND
HOURS = 1
PERIOD = 3600 * HOURS * documents.SECOND
HOLD_OFF = 60
WINDOW = HOLD_OFF * documents.SECOND
MEMBERS = 'abcd'
#: When a member starts, after the moment of the schedule: on time, late, or not at all.
ON_TIME = st.integers(0, WINDOW)
LATE = st.integers(2 * WINDOW + 1, PERIOD // 2 - WINDOW - 1)
ROUND = st.fixed_dictionaries(dict.fromkeys(MEMBERS, st.none() | ON_TIME | LATE))
HISTORY = st.lists(ROUND, min_size=1, max_size=8)


class Rounds:
    """A session and the tags that its members' agents know: those of their jobs at the last
    poll.
    """

    def __init__(self):
        self.session = Session(
            'p', 's', 'u', hold_off=HOLD_OFF, schedule={'schedule_interval': f'{HOURS} hours'}
        )
        for member in MEMBERS:
            self.session = run_state.joined(self.session, member, 'c')
        self.jobs = dict.fromkeys(MEMBERS, {'session_tag': 0})

    def round(self, number, offsets):
        """What each start was answered, in the order of time."""
        coming = sorted(
            (offset, member) for member, offset in offsets.items() if offset is not None
        )
        return [
            (member, offset, self.start(member, T0 + number * PERIOD + offset))
            for offset, member in coming
        ]

    def start(self, member, now):
        tag = self.jobs[member]['session_tag']
        before = self.session
        outcome = runs.start(run_state.lapse(before, now), member, tag, now)
        self.session = outcome.session
        for job_id in outcome.followers:
            self.jobs[job_id] = outcome.follow(self.jobs[job_id])
        return outcome.answer['result'], self.session.tag - before.tag


class MissedRounds(unittest.TestCase):
    @hypothesis.given(HISTORY, st.permutations(MEMBERS))
    def test_all_take_part_in_the_next_round_whoever_comes_first(self, history, order):
        rounds = Rounds()
        for number, offsets in enumerate(history):
            rounds.round(number, offsets)
        offsets = {member: place * documents.SECOND for place, member in enumerate(order)}
        found = rounds.round(len(history), offsets)
        self.assertEqual([('success', 1)] + [('success', 0)] * 3, [answer for *_, answer in found])
        self.assertEqual({'running'}, {member.status for member in rounds.session.members.values()})

    @hypothesis.given(HISTORY)
    def test_each_round_is_one_run_for_all_that_are_on_time(self, history):
        rounds = Rounds()
        for number, offsets in enumerate(history):
            found = rounds.round(number, offsets)
            on_time = [answer for _, offset, answer in found if offset <= WINDOW]
            self.assertTrue(all(result == 'success' for result, _ in on_time), found)
            self.assertEqual(min(1, len(on_time)), sum(opened for _, opened in on_time))

    @hypothesis.given(HISTORY)
    def test_one_that_is_late_opens_no_run_beside_that_of_its_round(self, history):
        rounds = Rounds()
        everybody = dict.fromkeys(MEMBERS, 0)
        rounds.round(0, everybody)
        for number, offsets in enumerate(history, start=1):
            # Somebody is on time, so that there is a run to be late for.
            found = rounds.round(number, {**offsets, 'a': 0})
            for _, offset, answer in found:
                if offset > WINDOW:
                    self.assertEqual(('out-of-sync', 0), answer, found)
            followed = {
                job['session_tag']
                for member, job in rounds.jobs.items()
                if member == 'a' or offsets[member] is not None
            }
            self.assertEqual({rounds.session.tag}, followed)
