"""Trusts: none goes that a job has, no job gets one that is gone, and of all who want to end one a
single one does.
"""

import collections

from freezer_api.db.base import JobWrite, TrustGone
from freezer_api.domain import links
from freezer_api.domain.documents import ACTIONS, JOBS, TRUSTS
from tests.contract import actors, base, crowd, stepping


def give(actor, job, trust, **changes):
    """Write a job that has a trust (None: that has none)."""
    credentials = (
        {}
        if trust is None
        else {'user_credentials': {'trust_id': trust, 'trustor_user_id': 'user'}}
    )
    return actor.put_job(job, actors.job_body(job, actor.project_id, **credentials, **changes))


def lend(actor, action_id, trust, **freezer_action):
    """Change an action; the jobs with a trust that have it get another one."""

    def change(current, linked, now):
        return {**current.body, 'freezer_action': freezer_action}

    def follow(link, action):
        body = links.relinked(link.job.body, action_id, action)
        if 'user_credentials' not in body:
            return body
        return {**body, 'user_credentials': {'trust_id': trust, 'trustor_user_id': 'user'}}

    return actor.storage.write_action(actor.scope, action_id, change, follow)


@base.on_every_database()
class Trusts:
    def test_a_job_takes_a_trust_that_is_there(self):
        self.actor.put_trust('t')
        give(self.actor, 'j', 't')
        self.assertEqual('t', self.actor.job('j')['user_credentials']['trust_id'])

    def test_a_job_that_is_to_have_one_that_is_gone(self):
        write = JobWrite(
            actors.job_body('j', 'p', user_credentials={'trust_id': 't'}), {'a': {'action_id': 'a'}}
        )
        for prepare in (lambda: None, lambda: self.actor.new_job('j')):
            prepare()
            before = self.actor.page(JOBS).documents
            self.assertRaises(
                TrustGone, self.storage.write_job, self.actor.scope, 'j', lambda *arguments: write
            )
            self.assertEqual(before, self.actor.page(JOBS).documents)
            self.assertTrue(self.actor.missing(ACTIONS, 'a'))

    def test_a_trust_of_another_project_or_case_is_another_one(self):
        other = self.actor_in(f'{self.actor.project_id}-2')
        other.put_trust('t')
        self.assertRaises(TrustGone, give, self.actor, 'j', 't')
        self.actor.put_trust('t')
        self.assertRaises(TrustGone, give, self.actor, 'j', 'T')
        give(other, 'j', 't')
        self.assertEqual((True, False), (self.actor.end_trust('t'), other.end_trust('t')))
        self.assertFalse(other.missing(TRUSTS, 't'))

    def test_it_ends_once_no_job_has_it(self):
        self.actor.put_trust('t')
        give(self.actor, 'j', 't')
        give(self.actor, 'k', 't', schedule={'status': 'completed'})
        self.assertFalse(self.actor.end_trust('t'))
        self.actor.delete_job('j')
        self.assertFalse(self.actor.end_trust('t'))
        give(self.actor, 'k', None)
        self.assertEqual([True, False], [self.actor.end_trust('t') for _ in range(2)])
        self.assertTrue(self.actor.missing(TRUSTS, 't'))
        self.assertRaises(TrustGone, give, self.actor, 'k', 't')

    def test_a_job_changes_from_one_to_another(self):
        for trust in ('t', 'u'):
            self.actor.put_trust(trust)
        give(self.actor, 'j', 't')
        give(self.actor, 'j', 'u')
        self.assertEqual((True, False), (self.actor.end_trust('t'), self.actor.end_trust('u')))
        self.assertRaises(TrustGone, give, self.actor, 'j', 't')
        self.assertEqual('u', self.actor.job('j')['user_credentials']['trust_id'])

    def test_whatever_else_becomes_of_its_jobs_they_have_it(self):
        self.actor.put_trust('t')
        self.actor.put_action('a', action='info')
        session = self.actor.new_session()
        give(self.actor, 'j', 't', job_actions=[actors.entry('a', {'action': 'info'})])
        for change in (
            lambda: self.actor.attach(session, 'j'),
            lambda: self.actor.start(session, 'j', 0),
            lambda: self.actor.put_action('a', action='exec'),
            lambda: self.actor.delete_action('a'),
            lambda: self.actor.change_job('j', lambda job: {**job, 'description': 'other'}),
            lambda: self.actor.delete_session(session),
        ):
            change()
            self.assertFalse(self.actor.end_trust('t'))
        self.actor.delete_job('j')
        self.assertTrue(self.actor.end_trust('t'))

    def test_jobs_get_another_one_with_their_action(self):
        for trust in ('t', 'u'):
            self.actor.put_trust(trust)
        self.actor.put_action('a', action='info')
        for job, trust, action in (
            ('j', 't', 'a'),
            ('k', 't', 'a'),
            ('l', None, 'a'),
            ('m', 't', 'b'),
        ):
            give(self.actor, job, trust, job_actions=[actors.entry(action, {'action': 'info'})])
        before = self.actor.page(JOBS).documents
        self.assertRaises(TrustGone, lend, self.actor, 'a', 'v', action='exec')
        self.assertEqual(before, self.actor.page(JOBS).documents)
        self.assertEqual('info', self.actor.get(ACTIONS, 'a').body['freezer_action']['action'])
        lend(self.actor, 'a', 'u', action='exec')
        after = self.actor.page(JOBS).documents
        self.assertEqual(
            ['u', 'u', None, 't'],
            [job.body.get('user_credentials', {}).get('trust_id') for job in after],
        )
        self.assertEqual(
            ['exec', 'exec', 'exec', 'info'],
            [job.body['job_actions'][0]['freezer_action']['action'] for job in after],
        )
        self.assertEqual([2, 2, 2, 1], [job.version for job in after])
        self.assertEqual((False, False), (self.actor.end_trust('t'), self.actor.end_trust('u')))
        self.actor.delete_job('m')
        self.assertEqual((True, False), (self.actor.end_trust('t'), self.actor.end_trust('u')))

    def test_other_values_of_jobs_name_no_trust(self):
        self.actor.put_trust('t')
        self.actor.new_job(
            'j', description='t', trust_id='t', user_credentials={'trustor_user_id': 't'}
        )
        self.assertTrue(self.actor.end_trust('t'))

    def test_trusts_are_found_by_what_they_say(self):
        for trust, user in (('t', 'me'), ('u', 'you'), ('v', 'me')):
            self.actor.put_trust(trust, trustor_user_id=user)
        self.assertEqual(['t', 'v'], self.actor.ids(TRUSTS, [{'trustor_user_id': 'me'}]))
        self.assertEqual(['u'], self.actor.ids(TRUSTS, [{'trustor_user_id': 'you'}]))
        self.assertTrue(self.actor.end_trust('t'))
        self.assertEqual(['v'], self.actor.ids(TRUSTS, [{'trustor_user_id': 'me'}]))


class Trusting:
    """Who works with trusts as a service does: a job gets the one that is there or a new one, and
    the last to go ends it.
    """

    def __init__(self, actor, storage, ended):
        self.actor = actors.Actor(storage, actor.scope)
        self.ended = ended

    def make(self, job):
        """Give a job a trust; try again where that went meanwhile."""
        while True:
            there = self.actor.ids(TRUSTS)
            trust = there[0] if there else actors.new_id()
            if not there:
                self.actor.put_trust(trust)
            try:
                return give(self.actor, job, trust)
            except TrustGone:
                continue

    def drop(self, job):
        """Delete a job, and its trust with the last one that has it."""
        had = [
            document.body['user_credentials']['trust_id']
            for document in self.actor.page(JOBS).documents
            if document.id == job
        ]
        self.actor.delete_job(job)
        for trust in had:
            self.ended.append((trust, self.actor.end_trust(trust)))

    def lend(self, number):
        """Change an action whose jobs get a trust; try again where that went meanwhile."""
        while True:
            there = self.actor.ids(TRUSTS)
            trust = there[-1] if there else actors.new_id()
            if not there:
                self.actor.put_trust(trust)
            try:
                return lend(self.actor, 'a', trust, action='exec', number=number)
            except TrustGone:
                continue

    def sweep(self):
        """End the trusts that no job has."""
        for trust in self.actor.ids(TRUSTS):
            self.ended.append((trust, self.actor.end_trust(trust)))


class Races:
    def _check(self, ended):
        """No job has a trust that is gone, no trust ended twice, and those that are there weren't
        said to have ended.
        """
        there = set(self.actor.ids(TRUSTS))
        had = {
            document.body['user_credentials']['trust_id']
            for document in self.actor.page(JOBS).documents
        }
        self.assertLessEqual(had, there)
        times = collections.Counter(trust for trust, really in ended if really)
        self.assertLessEqual(set(times.values()), {1})
        self.assertFalse(there & set(times))
        return times


@base.on_every_database()
class TrustsInEveryOrder(Races):
    def test_every_order_of_steps(self):
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
            for order, results in stepping.interleavings(lambda pair=pair: self._arrange(pair)):
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
        self.actor, self.ended = self.actor_in(f'p-{actors.new_id()}'), []
        self.actor.put_trust('t')
        for job, who in (('j', 'drop'), ('other', 'drop other')):
            if who in pair:
                give(self.actor, job, 't')
        if 'lend' in pair:
            self.actor.put_action('a', action='exec')
            self.actor.put_trust('u')
            for job in ('j', 'k'):
                give(self.actor, job, 't', job_actions=[actors.entry('a', {'action': 'exec'})])
        one = Trusting(self.actor, stepping.Stepping(self.storage), self.ended)
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


@base.on_every_database()
class TrustsOfManyThreads(Races):
    turned = False

    def test_made_and_dropped_by_many(self):
        ended = []
        one = Trusting(self.actor, self.storage, ended)

        def act(number):
            for _ in range(6):
                one.make(f'j{number}')
                one.drop(f'j{number}')

        crowd.threads(10, act)
        self._check(ended)
        one.sweep()
        self.assertEqual(([], []), (self.actor.ids(TRUSTS), self.actor.ids(JOBS)))
        self._check(ended)

    def test_one_that_ends_while_jobs_take_it(self):
        for round_ in range(8):
            self.actor.put_trust('t')

            def act(number, round_=round_):
                if number % 2:
                    return self.actor.end_trust('t')
                try:
                    return give(self.actor, f'j{number}-{round_}', 't')
                except TrustGone:
                    return None

            results = crowd.threads(8, act)
            jobs, ends = [document for document in results[::2] if document], results[1::2]
            self.assertEqual(0 if jobs else 1, sum(ends))
            self.assertEqual(not jobs, self.actor.missing(TRUSTS, 't'))
            for document in jobs:
                self.actor.delete_job(document.id)
            if jobs:
                self.assertTrue(self.actor.end_trust('t'))

    def test_one_that_ends_while_jobs_get_it_with_their_action(self):
        self.actor.put_action('a', action='info')
        for round_ in range(5):
            for trust in ('t', 'u'):
                self.actor.put_trust(trust)
            for job in ('j', 'k'):
                give(self.actor, job, 't', job_actions=[actors.entry('a', {'action': 'info'})])

            def act(number, round_=round_):
                if number % 2:
                    return self.actor.end_trust('u')
                try:
                    return lend(self.actor, 'a', 'u', action='exec', number=f'{number}-{round_}')
                except TrustGone:
                    return None

            results = crowd.threads(6, act)
            lent, ends = any(results[::2]), results[1::2]
            has = {
                job.body['user_credentials']['trust_id'] for job in self.actor.page(JOBS).documents
            }
            self.assertEqual({'u' if lent else 't'}, has)
            self.assertEqual(0 if lent else 1, sum(ends))
            self.assertLessEqual(has, set(self.actor.ids(TRUSTS)))
