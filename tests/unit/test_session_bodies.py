"""Whether two sessions are shown alike, which is told without making their bodies."""

import dataclasses
import unittest

from freezer_api.domain import documents, run_state, runs, sessions

NOW = 1_700_000_000_500_000


def started():
    """A session of two members of which one has started."""
    session = sessions.create('p', 's', 'u', {'schedule': {'x': True}}, NOW)
    for job_id in ('a', 'b'):
        session = run_state.joined(session, job_id, 'c')
    return runs.start(session, 'a', 0, NOW).session


class ShownLike(unittest.TestCase):
    def setUp(self):
        self.session = started()
        self.member = self.session.members['a']

    def with_member(self, **changes):
        member = dataclasses.replace(self.member, **changes)
        return {**self.session.members, 'a': member}

    def check(self, expected, **changes):
        """Check a session with changes, by what is known of it and by the bodies."""
        other = dataclasses.replace(self.session, **changes)
        self.assertIs(expected, self.session.is_shown_like(other))
        self.assertIs(expected, other.is_shown_like(self.session))
        self.assertIs(expected, documents.is_same(self.session.body(), other.body()))

    def test_what_is_not_shown_makes_no_difference(self):
        in_other_order = dict(sorted(self.session.members.items(), reverse=True))
        for changes in (
            {},
            {'version': 9},
            {'members': in_other_order},
            {'members': self.with_member()},
            {'members': self.with_member(counted=not self.member.counted)},
        ):
            with self.subTest(changes):
                self.check(True, **changes)

    def test_what_is_shown_makes_a_difference(self):
        for changes in (
            {'members': self.with_member(status='completed')},
            {'members': self.with_member(client_id='d')},
            {'members': {'a': self.member}},
            {'members': {}},
            {'tag': 7},
            {'run': None},
            {'schedule': {'x': 1}},
            {'restore': {'session_id': 'r'}},
        ):
            with self.subTest(changes):
                self.check(False, **changes)
