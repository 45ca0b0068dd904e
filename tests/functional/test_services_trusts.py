"""Whose rights a job has: those of who wrote what it does.

A double of Keystone says who may; the real one is in tests.live.
"""

import dataclasses

from freezer_api import exceptions
from freezer_api.db.base import TrustGone
from freezer_api.domain import search_query
from freezer_api.domain.documents import TRUSTS
from freezer_api.services import actions, clients, effects, jobs
from freezer_api.services.common import Caller
from freezer_api.services.trusts import Delegation
from tests.functional.use_cases import BACKUP, ME, STRANGER, UseCase

EXEC = {'action': 'exec'}
ANN, BOB, EVE = (Caller('alpha', name, token=name) for name in ('ann', 'bob', 'eve'))
REFUSAL = 'to change what a job does, you must lend it your own rights; '


class Keystone:
    """A double: it has trusts, and makes them for all but who is ``limited``."""

    def __init__(self):
        self.trusts = {}
        self.limited = set()
        self.asked = 0
        self.number = 0

    def holds_trust(self, token, trust_id, user_id, project_id, roles):
        """Whether there is such a trust, for who may use it."""
        self._ask(token)
        return self.trusts.get(trust_id) == user_id

    def make_trust(self, token, user_id, project_id, roles):
        """A new trust."""
        self._ask(token)
        self.number += 1
        self.trusts[f't{self.number}'] = user_id
        return f't{self.number}'

    def end_trust(self, trust_id, tokens):
        """No trust any more."""
        del self.trusts[trust_id]
        return True

    def _ask(self, token):
        self.asked += 1
        if token in self.limited:
            raise exceptions.Unprocessable('client_id: Keystone refuses', 'trust.refused')


class Trusting(UseCase):
    """Jobs of ``ann`` on the central client ``big``."""

    def setUp(self):
        super().setUp()
        clients.register(
            self.storage, STRANGER, {'client_id': 'big', 'is_central': True}, may_centralise=True
        )
        self.keystone = Keystone()
        self.delegation = Delegation(self.keystone, enabled=True, roles=frozenset(('member',)))
        self.new_job('j')

    def new_job(self, job_id, who=ANN, **keys):
        """Create a job with a trust."""
        body = {'client_id': 'big', 'job_id': job_id, 'job_actions': [{'freezer_action': BACKUP}]}
        jobs.create(self.storage, who, {**body, **keys}, self.delegation)

    def change(self, job_id, body, who=BOB):
        """Change a job."""
        jobs.update(self.storage, who, job_id, body, delegation=self.delegation)

    def replace(self, job_id, body, who=BOB):
        """Replace a job on the central client."""
        body = {'client_id': 'big', **body}
        jobs.replace(self.storage, who, job_id, body, delegation=self.delegation)

    def change_action(self, action_id, body, who=BOB):
        """Change an action."""
        actions.update(self.storage, who, action_id, body, delegation=self.delegation)

    def trustor(self, job_id='j'):
        """By whose rights a job runs, None without any; its trust is there, in both stores."""
        credentials = self.job(job_id).get('user_credentials')
        if credentials is None:
            return None
        self.storage.get(ME.scope, TRUSTS, credentials['trust_id'])
        trustor = credentials['trustor_user_id']
        self.assertEqual(self.keystone.trusts[credentials['trust_id']], trustor)
        return trustor

    def trustors(self):
        """Whose trusts there are; the service knows all."""
        known = self.storage.find(ME.scope, TRUSTS, search_query.Query(limit=100)).documents
        self.assertEqual({*self.keystone.trusts}, {trust.id for trust in known})
        return sorted(self.keystone.trusts.values())

    def entry(self, job_id='j'):
        """The first entry of a job."""
        return self.job(job_id)['job_actions'][0]

    def other(self, **keys):
        """Job actions that do something else."""
        return {'job_actions': [{'freezer_action': {**EXEC, **keys}}]}


class Log(Trusting):
    """Which lines tell an operator what becomes of trusts."""

    MADE = "Made trust '{}' of user '{}' for {} of project 'alpha'."
    REUSED = "Reused trust '{}' of user '{}' for {} of project 'alpha'."
    ENDED = "Ended trust '{}' of user '{}'; no job of project 'alpha' has it any more."

    def logged(self, call, *args, level='INFO', **options):
        """What a call logs of trusts."""
        with self.assertLogs('freezer_api.services', level) as logs:
            call(*args, **options)
            # There has to be one.
            effects.LOG.error('trust of nobody')
        found = [record.getMessage() for record in logs.records[:-1]]
        return [text for text in found if 'trust' in text]

    def test_trust_made_reused_or_ended_is_logged(self):
        self.assertEqual(
            [self.REUSED.format('t1', 'ann', "job 'k'")], self.logged(self.new_job, 'k')
        )
        made = self.MADE.format('t2', 'bob', "job 'j'")
        self.assertEqual([made], self.logged(self.change, 'j', self.other()))
        reused = self.REUSED.format('t2', 'bob', "job 'k'")
        self.assertEqual(
            [reused, self.ENDED.format('t1', 'ann')], self.logged(self.change, 'k', self.other())
        )
        self.assertEqual([], self.logged(self.change, 'k', {'description': 'x'}))
        # It is given the trust that it has.
        self.assertEqual([], self.logged(self.replace, 'k', self.other()))
        for job_id, lines in (('j', []), ('k', [self.ENDED.format('t2', 'bob')])):
            told = self.logged(jobs.delete, self.storage, BOB, job_id, delegation=self.delegation)
            self.assertEqual(lines, told)

    def test_trust_made_in_vain_is_logged_as_ended(self):
        self.storage.write_job = self.fail_to_write
        with self.assertLogs('freezer_api.services', 'INFO') as logs:
            self.assertRaises(exceptions.StorageUnavailable, self.new_job, 'k', BOB)
        self.assertEqual(
            [self.MADE.format('t2', 'bob', "job 'k'"), self.ENDED.format('t2', 'bob')],
            [record.getMessage() for record in logs.records],
        )

    def test_trust_for_an_action_s_jobs_is_logged(self):
        actions.create(self.storage, ANN, {'action_id': 'a', 'freezer_action': BACKUP})
        self.new_job('k', job_actions=[{'action_id': 'a'}])
        jobs.delete(self.storage, ANN, 'j', delegation=self.delegation)
        made = self.MADE.format('t2', 'bob', "the jobs of action 'a'")
        ended = self.ENDED.format('t1', 'ann')
        change = {'freezer_action': {'path_to_backup': '/'}}
        self.assertEqual([made, ended], self.logged(self.change_action, 'a', change))
        self.assertEqual([], self.logged(self.change_action, 'a', change))
        self.new_job('l', EVE)
        reused = self.REUSED.format('t3', 'eve', "the jobs of action 'a'")
        change = {'freezer_action': {'path_to_backup': '/home'}}
        self.assertEqual(
            [reused, self.ENDED.format('t2', 'bob')],
            self.logged(self.change_action, 'a', change, EVE),
        )

    def test_trust_that_cannot_be_ended_names_the_command(self):
        self.keystone.end_trust = lambda trust_id, tokens: False
        delete = jobs.delete, self.storage, ANN, 'j'
        self.assertEqual([], self.logged(*delete, delegation=self.delegation))
        self.new_job('k', BOB)
        self.assertEqual(
            [
                "Unused trust 't2' was not deleted in Keystone, which this process does not use."
                " Run: openstack trust delete 't2'"
            ],
            self.logged(jobs.delete, self.storage, BOB, 'k', level='WARNING'),
        )

    def test_trust_of_unknown_use_names_the_command(self):
        self.storage.end_trust = self.fail_to_write
        self.assertEqual(
            [
                "Could not check whether trust 't1' is still used: The storage is unavailable."
                " Please try again. If no job has it, run: openstack trust delete 't1'"
            ],
            self.logged(
                jobs.delete, self.storage, ANN, 'j', delegation=self.delegation, level='WARNING'
            ),
        )

    def fail_to_write(self, *_arguments):
        """Stand for an operation of a storage that can't be reached."""
        raise exceptions.StorageUnavailable()


class Jobs(Trusting):
    def test_editor_of_a_job_becomes_its_trustor(self):
        edited = [{'action_id': self.entry()['action_id'], 'freezer_action': EXEC}]
        for body in (
            self.other(),
            {**self.other(x=1), 'client_id': 'big'},
            {'job_actions': []},
            {'job_actions': edited},
        ):
            with self.subTest(body=body):
                self.new_job('k')
                self.change('k', body)
                self.assertEqual('bob', self.trustor('k'))
                self.assertEqual('ann', self.trustor('j'))
                self.assertEqual(['ann', 'bob'], self.trustors())
                jobs.delete(self.storage, ANN, 'k', delegation=self.delegation)
        self.assertEqual(['ann'], self.trustors())

    def test_changed_rules_or_order_change_the_trustor(self):
        self.new_job('k', job_actions=[{'freezer_action': BACKUP}, {'freezer_action': EXEC}])
        first, second = self.job('k')['job_actions']
        for who, changed in (
            (BOB, [second, first]),
            (ANN, [second, {**first, 'max_retries': 99}]),
            (BOB, [second]),
        ):
            self.change('k', {'job_actions': changed}, who)
            self.assertEqual(who.user_id, self.trustor('k'))

    def test_the_old_trust_ends_with_the_last_job_that_has_it(self):
        self.new_job('k')
        self.change('k', self.other())
        self.assertEqual(['ann', 'bob'], self.trustors())
        self.change('j', self.other())
        self.assertEqual(['bob'], self.trustors())

    def test_unchanged_job_keeps_its_trust_without_asking_keystone(self):
        whole, asked = self.job('j'), self.keystone.asked
        for body in (
            whole,
            {'job_actions': whole['job_actions']},
            {'description': 'x', 'job_actions': [{'freezer_action': BACKUP}]},
            {**whole, 'job_schedule': {'event': 'start'}},
            {'job_schedule': {}, 'session_id': '', 'session_tag': 0},
        ):
            self.change('j', body)
            self.assertEqual('ann', self.trustor())
            self.assertEqual(asked, self.keystone.asked)

    def test_editor_who_cannot_lend_rights_is_refused(self):
        self.new_job('k', BOB)
        self.keystone.limited.add('bob')
        edited = {'job_actions': [{**self.entry(), 'freezer_action': EXEC}]}
        for body in (
            self.other(),
            {'job_actions': []},
            edited,
            {**self.other(), 'client_id': 'big'},
        ):
            for write in (self.change, self.replace):
                with self.refused(exceptions.Forbidden, f'job_actions: {REFUSAL}Keystone refuses'):
                    write('j', body)
        # Not even by a trust of their own, which such a token can't use.
        with self.refused(exceptions.Forbidden, 'job_actions: '):
            self.change('k', self.other())
        self.change('j', {'description': 'mine'})
        self.assertEqual('ann', self.trustor())
        self.assertEqual('mine', self.job('j')['description'])
        self.assertEqual(['ann', 'bob'], self.trustors())

    def test_job_without_trust_gets_one_when_its_client_is_named(self):
        jobs.create(self.storage, ANN, {'client_id': 'big', 'job_id': 'old', 'job_actions': []})
        asked = self.keystone.asked
        self.change('old', self.other())
        self.assertIsNone(self.trustor('old'))
        self.assertEqual(asked, self.keystone.asked)
        self.change('old', {'client_id': 'big'})
        self.assertEqual('bob', self.trustor('old'))

    def test_changed_job_loses_its_trust_where_trusts_are_disabled(self):
        self.delegation = dataclasses.replace(self.delegation, enabled=False)
        self.change('j', {'description': 'x'})
        self.assertEqual('ann', self.trustor())
        self.change('j', self.other())
        self.assertIsNone(self.trustor())
        self.assertEqual([], self.trustors())

    def test_trust_is_that_of_the_last_writer(self):
        """What was looked at isn't what is written: the trust is that of who wrote it last."""
        write_job, others = self.storage.write_job, [BOB]

        def overtaken(*args):
            if others:
                self.change('j', self.other(by='bob'), others.pop())
            return write_job(*args)

        self.storage.write_job = overtaken
        # It would be as it is, and so keep its trust, if the other one hadn't come between.
        self.change('j', {'job_actions': self.job('j')['job_actions']}, EVE)
        self.assertEqual(BACKUP, self.entry()['freezer_action'])
        self.assertEqual('eve', self.trustor())
        self.assertEqual(['eve'], self.trustors())

    def test_job_on_a_plain_client_asks_no_keystone(self):
        self.make_job('plain')
        asked = self.keystone.asked
        self.change('plain', self.other())
        self.change('plain', {'client_id': 'c', 'job_actions': []})
        self.replace('plain', {'client_id': 'c', **self.other()})
        self.assertEqual(asked, self.keystone.asked)


class LinkedActions(Trusting):
    def setUp(self):
        super().setUp()
        actions.create(self.storage, ANN, {'action_id': 'a', 'freezer_action': BACKUP})
        for job_id, client_id in (('k', 'big'), ('l', 'big'), ('plain', 'c')):
            self.new_job(job_id, client_id=client_id, job_actions=[{'action_id': 'a'}])

    def linked(self):
        """By whose rights the jobs on the central client run that have the action."""
        return [self.trustor(job_id) for job_id in 'kl']

    def test_editor_of_an_action_becomes_trustor_of_its_jobs(self):
        self.change_action('a', {'freezer_action': {'path_to_backup': '/'}})
        self.assertEqual(['bob', 'bob'], self.linked())
        self.assertIsNone(self.trustor('plain'))
        self.assertEqual('ann', self.trustor('j'))
        self.assertEqual(['ann', 'bob'], self.trustors())
        for job_id in ('k', 'l', 'plain'):
            self.assertEqual('/', self.entry(job_id)['freezer_action']['path_to_backup'])
        jobs.delete(self.storage, ANN, 'j', delegation=self.delegation)
        actions.replace(
            self.storage, EVE, 'a', {'freezer_action': EXEC}, delegation=self.delegation
        )
        self.assertEqual(['eve', 'eve'], self.linked())
        self.assertEqual(['eve'], self.trustors())

    def test_unchanged_action_keeps_trusts_without_asking_keystone(self):
        asked = self.keystone.asked
        for definition in ({}, {'mode': 'fs', 'new': None}, BACKUP):
            self.change_action('a', {'freezer_action': definition, 'max_retries': 1})
        whole = self.action('a')
        self.change_action('a', whole)
        actions.replace(self.storage, BOB, 'a', whole, delegation=self.delegation)
        self.assertEqual(['ann', 'ann'], self.linked())
        self.assertEqual(asked, self.keystone.asked)

    def test_editor_who_cannot_lend_rights_is_refused(self):
        self.keystone.limited.add('bob')
        for write in (actions.update, actions.replace):
            with self.refused(exceptions.Forbidden, f'freezer_action: {REFUSAL}Keystone refuses'):
                write(self.storage, BOB, 'a', {'freezer_action': EXEC}, delegation=self.delegation)
        self.assertEqual(['ann'], self.trustors())

    def test_refused_change_asks_no_keystone(self):
        asked = self.keystone.asked
        clients.register(self.storage, ME, {'client_id': 'c', 'supported_actions': ['backup']})
        with self.refused(exceptions.Unprocessable, 'is not supported by client c.'):
            self.change_action('a', {'freezer_action': EXEC})
        with self.refused(exceptions.InvalidInput):
            self.change_action('a', {'freezer_action': {'MODE': 'fs'}})
        self.assertEqual(asked, self.keystone.asked)

    def test_action_of_jobs_without_trust_asks_no_keystone(self):
        for job_id in 'kl':
            jobs.delete(self.storage, ANN, job_id, delegation=self.delegation)
        asked = self.keystone.asked
        self.change_action('a', {'freezer_action': EXEC})
        self.assertEqual(asked, self.keystone.asked)

    def test_deleted_action_leaves_the_trusts_of_its_jobs(self):
        """Nobody gives anything else to run; so nobody's rights are needed."""
        asked = self.keystone.asked
        self.keystone.limited.add('bob')
        actions.delete(self.storage, BOB, 'a')
        self.assertEqual(['ann', 'ann'], self.linked())
        self.assertEqual([], self.job('k')['job_actions'])
        self.assertEqual(asked, self.keystone.asked)

    def test_jobs_of_a_deleted_client_get_the_editor_s_trust(self):
        clients.delete(self.storage, STRANGER, 'big')
        self.change_action('a', {'freezer_action': EXEC})
        self.assertEqual(['bob', 'bob'], self.linked())

    def test_jobs_lose_their_trusts_where_trusts_are_disabled(self):
        self.delegation = dataclasses.replace(self.delegation, enabled=False)
        self.change_action('a', {'freezer_action': EXEC})
        self.assertEqual([None, None], self.linked())
        self.assertEqual(['ann'], self.trustors())

    def meanwhile(self, number, act):
        """Let something happen before the storage is told for the ``number``-th time."""
        write_action, calls = self.storage.write_action, []

        def overtaken(*args):
            calls.append(args)
            if len(calls) == number:
                act()
            return write_action(*args)

        self.storage.write_action = overtaken
        return calls

    def test_trust_that_ends_meanwhile_is_made_anew(self):
        """It was taken, and goes before it is given: another one is."""

        def end():
            trust_id = f't{self.keystone.number}'
            self.assertTrue(self.storage.end_trust(ME.scope, trust_id))
            self.keystone.end_trust(trust_id, ())

        calls = self.meanwhile(2, end)
        self.change_action('a', {'freezer_action': EXEC})
        self.assertEqual(['bob', 'bob'], self.linked())
        self.assertEqual(4, len(calls))
        self.assertEqual(['ann', 'bob'], self.trustors())

    def test_no_trust_is_left_that_nobody_needs(self):
        """The jobs go between the look and the write."""
        self.meanwhile(
            2,
            lambda: [
                jobs.delete(self.storage, ANN, job_id, delegation=self.delegation)
                for job_id in 'kl'
            ],
        )
        self.change_action('a', {'freezer_action': EXEC})
        self.assertEqual(['ann'], self.trustors())

    def test_trusts_that_always_end_meanwhile_fail_the_change(self):
        def gone(*args):
            raise TrustGone('gone')

        self.storage.write_action = gone
        with self.assertRaises(exceptions.StorageUnavailable):
            self.change_action('a', {'freezer_action': EXEC})
