"""Trusts: none goes that a job has, no job gets one that is gone, and of all who want to end one a
single one does.
"""

import collections

from freezer_api.db.base import Store, TrustGone
from freezer_api.domain import links
from freezer_api.domain.documents import ACTIONS, JOBS, TRUSTS
from freezer_api.tests.contract import (
    bodies,
    interleaving,
    parallel,
    project_operations,
)


def give(project, job, trust, **changes):
    """Write a job that has a trust (None: that has none)."""
    credentials = (
        {}
        if trust is None
        else {'user_credentials': {'trust_id': trust, 'trustor_user_id': 'user'}}
    )
    return project.put_job(job, bodies.job_body(job, project.project_id, **credentials, **changes))


def lend(project, action_id, trust, **freezer_action):
    """Change an action; the jobs with a trust that have it get another one."""

    def change(current, linked, now):
        return Store({**current.body, 'freezer_action': freezer_action})

    def follow(link, action):
        body = links.relinked(link.job.body, action_id, action)
        if 'user_credentials' not in body:
            return body
        return {**body, 'user_credentials': {'trust_id': trust, 'trustor_user_id': 'user'}}

    return project.storage.write_action(project.scope, action_id, change, follow).document


class Trusts:
    def test_a_job_takes_a_trust_that_is_there(self):
        self.project.put_trust('t')
        give(self.project, 'j', 't')
        self.assertEqual('t', self.project.job('j')['user_credentials']['trust_id'])

    def test_job_with_a_missing_trust_is_refused(self):
        write = Store(
            bodies.job_body('j', 'p', user_credentials={'trust_id': 't'}),
            actions={'a': {'action_id': 'a'}},
        )
        for prepare in (lambda: None, lambda: self.project.new_job('j')):
            prepare()
            before = self.project.page(JOBS).documents
            self.assertRaises(
                TrustGone, self.storage.write_job, self.project.scope, 'j', lambda *arguments: write
            )
            self.assertEqual(before, self.project.page(JOBS).documents)
            self.assertTrue(self.project.missing(ACTIONS, 'a'))

    def test_a_trust_of_another_project_or_case_is_another_one(self):
        other = self.in_project(f'{self.project.project_id}-2')
        other.put_trust('t')
        self.assertRaises(TrustGone, give, self.project, 'j', 't')
        self.project.put_trust('t')
        self.assertRaises(TrustGone, give, self.project, 'j', 'T')
        give(other, 'j', 't')
        self.assertIs(True, self.project.end_trust('t'))
        self.assertIs(False, other.end_trust('t'))
        self.assertFalse(other.missing(TRUSTS, 't'))

    def test_trust_ends_once_no_job_has_it(self):
        self.project.put_trust('t')
        give(self.project, 'j', 't')
        give(self.project, 'k', 't', schedule={'status': 'completed'})
        self.assertFalse(self.project.end_trust('t'))
        self.project.delete_job('j')
        self.assertFalse(self.project.end_trust('t'))
        give(self.project, 'k', None)
        self.assertEqual([True, False], [self.project.end_trust('t') for _ in range(2)])
        self.assertTrue(self.project.missing(TRUSTS, 't'))
        self.assertRaises(TrustGone, give, self.project, 'k', 't')

    def test_job_that_changes_trusts_frees_the_first(self):
        for trust in ('t', 'u'):
            self.project.put_trust(trust)
        give(self.project, 'j', 't')
        give(self.project, 'j', 'u')
        self.assertIs(True, self.project.end_trust('t'))
        self.assertIs(False, self.project.end_trust('u'))
        self.assertRaises(TrustGone, give, self.project, 'j', 't')
        self.assertEqual('u', self.project.job('j')['user_credentials']['trust_id'])

    def test_other_changes_of_a_job_keep_its_trust(self):
        self.project.put_trust('t')
        self.project.put_action('a', action='info')
        session = self.project.new_session()
        give(self.project, 'j', 't', job_actions=[bodies.entry('a', {'action': 'info'})])
        for change in (
            lambda: self.project.attach(session, 'j'),
            lambda: self.project.start(session, 'j', 0),
            lambda: self.project.put_action('a', action='exec'),
            lambda: self.project.delete_action('a'),
            lambda: self.project.change_job('j', lambda job: {**job, 'description': 'other'}),
            lambda: self.project.delete_session(session),
        ):
            change()
            self.assertFalse(self.project.end_trust('t'))
        self.project.delete_job('j')
        self.assertTrue(self.project.end_trust('t'))

    def test_jobs_get_another_trust_with_their_action(self):
        for trust in ('t', 'u'):
            self.project.put_trust(trust)
        self.project.put_action('a', action='info')
        for job, trust, action in (
            ('j', 't', 'a'),
            ('k', 't', 'a'),
            ('l', None, 'a'),
            ('m', 't', 'b'),
        ):
            give(self.project, job, trust, job_actions=[bodies.entry(action, {'action': 'info'})])
        before = self.project.page(JOBS).documents
        self.assertRaises(TrustGone, lend, self.project, 'a', 'v', action='exec')
        self.assertEqual(before, self.project.page(JOBS).documents)
        self.assertEqual('info', self.project.get(ACTIONS, 'a').body['freezer_action']['action'])
        lend(self.project, 'a', 'u', action='exec')
        after = self.project.page(JOBS).documents
        self.assertEqual(
            ['u', 'u', None, 't'],
            [job.body.get('user_credentials', {}).get('trust_id') for job in after],
        )
        self.assertEqual(
            ['exec', 'exec', 'exec', 'info'],
            [job.body['job_actions'][0]['freezer_action']['action'] for job in after],
        )
        self.assertEqual([2, 2, 2, 1], [job.version for job in after])
        self.assertIs(False, self.project.end_trust('t'))
        self.assertIs(False, self.project.end_trust('u'))
        self.project.delete_job('m')
        self.assertIs(True, self.project.end_trust('t'))
        self.assertIs(False, self.project.end_trust('u'))

    def test_other_values_of_jobs_name_no_trust(self):
        self.project.put_trust('t')
        self.project.new_job(
            'j', description='t', trust_id='t', user_credentials={'trustor_user_id': 't'}
        )
        self.assertTrue(self.project.end_trust('t'))

    def test_trusts_are_found_by_what_they_say(self):
        for trust, user in (('t', 'me'), ('u', 'you'), ('v', 'me')):
            self.project.put_trust(trust, trustor_user_id=user)
        self.assertEqual(['t', 'v'], self.project.ids(TRUSTS, [{'trustor_user_id': 'me'}]))
        self.assertEqual(['u'], self.project.ids(TRUSTS, [{'trustor_user_id': 'you'}]))
        self.assertTrue(self.project.end_trust('t'))
        self.assertEqual(['v'], self.project.ids(TRUSTS, [{'trustor_user_id': 'me'}]))


class Trusting:
    """Who works with trusts as a service does: a job gets the one that is there or a new one, and
    the last to go ends it.
    """

    def __init__(self, project, storage, ended):
        self.project = project_operations.Project(storage, project.scope)
        self.ended = ended

    def make(self, job):
        """Give a job a trust; try again where that went meanwhile."""
        while True:
            there = self.project.ids(TRUSTS)
            trust = there[0] if there else bodies.new_id()
            if not there:
                self.project.put_trust(trust)
            try:
                return give(self.project, job, trust)
            except TrustGone:
                continue

    def drop(self, job):
        """Delete a job, and its trust with the last one that has it."""
        had = [
            document.body['user_credentials']['trust_id']
            for document in self.project.page(JOBS).documents
            if document.id == job
        ]
        self.project.delete_job(job)
        for trust in had:
            self.ended.append((trust, self.project.end_trust(trust)))

    def lend(self, number):
        """Change an action whose jobs get a trust; try again where that went meanwhile."""
        while True:
            there = self.project.ids(TRUSTS)
            trust = there[-1] if there else bodies.new_id()
            if not there:
                self.project.put_trust(trust)
            try:
                return lend(self.project, 'a', trust, action='exec', number=number)
            except TrustGone:
                continue

    def sweep(self):
        """End the trusts that no job has."""
        for trust in self.project.ids(TRUSTS):
            self.ended.append((trust, self.project.end_trust(trust)))


class Races:
    def _check(self, ended):
        """No job has a trust that is gone, no trust ended twice, and those that are there weren't
        said to have ended.
        """
        there = set(self.project.ids(TRUSTS))
        had = {
            document.body['user_credentials']['trust_id']
            for document in self.project.page(JOBS).documents
        }
        self.assertLessEqual(had, there)
        times = collections.Counter(trust for trust, really in ended if really)
        self.assertLessEqual(set(times.values()), {1})
        self.assertFalse(there & set(times))
        return times


class TrustsInEveryOrder(Races):
    def test_every_order_of_steps_keeps_needed_trusts(self):
        for pair in (
            ('make', 'drop'),
            ('make', 'sweep'),
            ('drop', 'drop other'),
            ('drop', 'drop'),
            ('drop', 'sweep'),
            ('make', 'make'),
            ('lend', 'sweep'),
            ('lend', 'lend'),
            ('lend', 'drop'),
        ):
            orders = 0
            for order, results in interleaving.interleavings(lambda pair=pair: self._arrange(pair)):
                orders += 1
                with self.subTest(pair=pair, order=order):
                    self.assertEqual(
                        [], [result for result in results if isinstance(result, Exception)]
                    )
                    times = self._check(self.ended)
                    if not {'make', 'lend'} & {*pair}:
                        self.assertEqual({'t': 1}, times)
            self.assertGreater(orders, 2)

    def _arrange(self, pair):
        self.project, self.ended = self.in_project(f'p-{bodies.new_id()}'), []
        self.project.put_trust('t')
        for job, who in (('j', 'drop'), ('other', 'drop other')):
            if who in pair:
                give(self.project, job, 't')
        if 'lend' in pair:
            self.project.put_action('a', action='exec')
            self.project.put_trust('u')
            for job in ('j', 'k'):
                give(self.project, job, 't', job_actions=[bodies.entry('a', {'action': 'exec'})])
        one = Trusting(self.project, interleaving.SteppedStorage(self.storage), self.ended)
        acts = {
            'make': lambda number: one.make(f'new{number}'),
            'drop': lambda number: one.drop('j'),
            'drop other': lambda number: one.drop('other'),
            'sweep': lambda number: one.sweep(),
            'lend': one.lend,
        }
        return [
            lambda name=name, number=number: acts[name](number) for number, name in enumerate(pair)
        ]


class TrustsOfManyThreads(Races):
    turned = False

    def test_trusts_made_and_dropped_at_once_leave_none(self):
        ended = []
        one = Trusting(self.project, self.storage, ended)

        def act(number):
            for _ in range(6):
                one.make(f'j{number}')
                one.drop(f'j{number}')

        parallel.threads(10, act)
        self._check(ended)
        one.sweep()
        self.assertEqual([], self.project.ids(TRUSTS))
        self.assertEqual([], self.project.ids(JOBS))
        self._check(ended)

    def test_trust_that_jobs_take_does_not_end(self):
        for round_ in range(8):
            self.project.put_trust('t')

            def act(number, round_=round_):
                if number % 2:
                    return self.project.end_trust('t')
                try:
                    return give(self.project, f'j{number}-{round_}', 't')
                except TrustGone:
                    return None

            results = parallel.threads(8, act)
            jobs, ends = [document for document in results[::2] if document], results[1::2]
            self.assertEqual(0 if jobs else 1, sum(ends))
            self.assertEqual(not jobs, self.project.missing(TRUSTS, 't'))
            for document in jobs:
                self.project.delete_job(document.id)
            if jobs:
                self.assertTrue(self.project.end_trust('t'))

    def test_trust_that_an_action_lends_does_not_end(self):
        self.project.put_action('a', action='info')
        for round_ in range(5):
            for trust in ('t', 'u'):
                self.project.put_trust(trust)
            for job in ('j', 'k'):
                give(self.project, job, 't', job_actions=[bodies.entry('a', {'action': 'info'})])

            def act(number, round_=round_):
                if number % 2:
                    return self.project.end_trust('u')
                try:
                    return lend(self.project, 'a', 'u', action='exec', number=f'{number}-{round_}')
                except TrustGone:
                    return None

            results = parallel.threads(6, act)
            lent, ends = any(results[::2]), results[1::2]
            has = {
                job.body['user_credentials']['trust_id']
                for job in self.project.page(JOBS).documents
            }
            self.assertEqual({'u' if lent else 't'}, has)
            self.assertEqual(0 if lent else 1, sum(ends))
            self.assertLessEqual(has, set(self.project.ids(TRUSTS)))
