"""Restores and verifications: what they are made of, what is refused, and what is left of one that
breaks off.
"""

import datetime

from freezer_api import exceptions
from freezer_api.domain import documents, search, search_query
from freezer_api.services import backups, clients, jobs, restore_targets, restores, sessions
from freezer_api.tests.failing_storage import FailsAfterWrites
from tests.functional.use_cases import ME, STRANGER, UseCase

ACTION = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'local',
    'container': '/backups',
    'engine_name': 'tar',
    'encrypt_pass_file': '/key',
}
#: What steps of a restore write, in order, for two members.
WRITES = ['write_session', 'write_job', 'attach', 'write_job', 'attach', 'write_session']


class Restoring(UseCase):
    """A run of two members, which have both made a backup in it."""

    def setUp(self):
        super().setUp()
        self.session_id = sessions.create(self.storage, ME, {'schedule': {}}).id
        for job_id in ('etc', 'srv'):
            self.make_member(job_id)
        self.tag = self.make_run(('etc', 'srv'), {})

    def make_member(self, job_id, **action):
        """A member that backs up a folder of its own name."""
        definition = {**ACTION, 'backup_name': job_id, 'path_to_backup': f'/{job_id}', **action}
        body = {'client_id': 'c', 'job_id': job_id, 'job_actions': [{'freezer_action': definition}]}
        jobs.create(self.storage, ME, body)
        sessions.attach(self.storage, ME, self.session_id, job_id)

    def make_run(self, job_ids, results):
        """A run of these members."""
        self.advance(60)
        tag = self.session(self.session_id)['session_tag']
        for job_id in job_ids:
            sessions.act(
                self.storage, ME, self.session_id, {'start': {'job_id': job_id, 'current_tag': tag}}
            )
        self.advance(1)
        self.made = {
            job_id: self.make_backup(job_id)
            for job_id in job_ids
            if results.get(job_id, 'success') == 'success'
        }
        self.advance(4)
        for job_id in job_ids:
            end = {
                'job_id': job_id,
                'current_tag': tag + 1,
                'result': results.get(job_id, 'success'),
            }
            sessions.act(self.storage, ME, self.session_id, {'end': end})
        return tag + 1

    def make_backup(self, job_id, **metadata):
        """Record a backup of a member as its agent does; its id."""
        told = {
            **ACTION,
            'hostname': 'host',
            'backup_name': job_id,
            'path_to_backup': f'/{job_id}',
            'job_id': job_id,
            'time_stamp': self.now // documents.SECOND,
            'client_version': '19.0.0',
            **metadata,
        }
        return backups.create(self.storage, ME, told).id

    def shown_with_run(self, **differing):
        """What is shown with the run; or with one that differs from it."""
        run = sessions.run(self.storage, ME, self.session_id, self.tag)
        return restores.of_run(self.storage, ME, self.session_id, {**run, **differing})

    def restore(self, **body):
        """Restore the run."""
        return restores.restore(self.storage, ME, self.session_id, self.tag, body)

    def verify(self, **body):
        """Verify the run."""
        return restores.verify(self.storage, ME, self.session_id, self.tag, body)

    def problems(self, begun):
        """What stands against a plan."""
        return [(problem['job_id'], problem['code']) for problem in begun.plan['problems']]


class Plans(Restoring):
    def test_a_dry_run_makes_nothing(self):
        before = self._everything()
        for begun in (self.restore(dry_run=True), self.verify(dry_run=True)):
            self.assertIsNone(begun.session_id)
            self.assertEqual({}, begun.jobs)
            self.assertIs(True, begun.plan['complete'])
            self.assertEqual([], begun.plan['problems'])
            self.assertEqual(['etc', 'srv'], [step['job_id'] for step in begun.plan['steps']])
        self.assertEqual(before, self._everything())

    def test_the_date_is_before_the_next_backup(self):
        at = backups.show(self.storage, ME, self.made['etc']).body['backup_metadata']['time_stamp']
        # What follows is recorded when the run is over.
        self.advance(86_400)
        for elsewhere in ({'hostname': 'other'}, {'container': '/other'}, {'backup_name': 'other'}):
            self.make_backup('etc', time_stamp=at + 20, **elsewhere)
        self.assertEqual(60, self.date('etc') - at)
        self.make_backup('etc', time_stamp=at + 40)
        self.make_backup('etc', time_stamp=at + 30)
        self.assertEqual(29, self.date('etc') - at)
        self.make_backup('etc', time_stamp=at)
        self.assertEqual(29, self.date('etc') - at)

    def date(self, job_id):
        """The date of a member's restore, in seconds."""
        (step,) = [
            step for step in self.restore(dry_run=True).plan['steps'] if step['job_id'] == job_id
        ]
        return int(
            datetime.datetime.fromisoformat(
                step['freezer_action']['restore_from_date'] + '+00:00'
            ).timestamp()
        )

    def test_many_backups_are_read_in_pages(self):
        at = backups.show(self.storage, ME, self.made['etc']).body['backup_metadata']['time_stamp']
        self.advance(86_400)
        for second in (50, 40, 30, 20):
            self.make_backup('etc', time_stamp=at + second)
        original, restore_targets.PAGE_SIZE = restore_targets.PAGE_SIZE, 2
        self.addCleanup(setattr, restore_targets, 'PAGE_SIZE', original)
        self.assertEqual(19, self.date('etc') - at)

    def test_deleted_job_is_planned_as_assumed(self):
        # The record of an earlier run keeps a member that has left.
        self.make_run(('etc', 'srv'), {})
        jobs.delete(self.storage, ME, 'etc')
        plan = self.restore(dry_run=True).plan
        self.assertEqual(['etc', 'srv'], [step['job_id'] for step in plan['steps']])
        self.assertEqual(['assumed', 'exact'], [step['sure'] for step in plan['steps']])

    def test_member_that_backs_nothing_up_is_no_problem(self):
        self.make_member('note', action='exec', command='true')
        self.tag = self.make_run(('etc', 'srv', 'note'), {})
        backups.delete(self.storage, ME, self.made['note'])
        self.assertIs(True, self.restore(dry_run=True).plan['complete'])
        self.assertEqual([], self.problems(self.restore(dry_run=True)))

    def test_wish_for_a_stranger_is_refused(self):
        with self.refused(exceptions.InvalidInput, 'jobs.other: is not a member'):
            self.restore(jobs={'other': {'skip': True}})


class Restores(Restoring):
    def test_a_restore_is_a_session(self):
        begun = self.restore(path_prefix='/restore', client_id='c', session_id='back', hold_off=5)
        self.assertEqual('back', begun.session_id)
        session = self.session('back')
        self.assertEqual(
            {'session_id': self.session_id, 'session_tag': self.tag, 'mode': 'restore'},
            session['restore'],
        )
        self.assertEqual(5, session['hold_off'])
        self.assertEqual('active', session['status'])
        self.assertEqual(sorted(begun.jobs.values()), sorted(session['jobs']))
        for step in begun.plan['steps']:
            job = self.job(begun.jobs[step['job_id']])
            (entry,) = job['job_actions']
            self.assertEqual(step['freezer_action'], entry['freezer_action'])
            self.assertEqual(0, entry['max_retries'])
            self.assertEqual('back', job['session_id'])
            self.assertEqual('start', job['job_schedule']['event'])
            self.assertEqual('', job['job_schedule']['status'])
            self.assertEqual('c', job['client_id'])

    def test_run_of_a_new_session_has_no_restore_of_a_deleted_one(self):
        """Though both have the id and the tag."""
        self.restore(session_id='of-the-old')
        self.verify(session_id='proves-the-old')
        sessions.delete(self.storage, ME, self.session_id)
        self.advance(60)
        sessions.replace(self.storage, ME, self.session_id, {'schedule': {}})
        for job_id in ('etc', 'srv'):
            sessions.attach(self.storage, ME, self.session_id, job_id)
        self.assertEqual(self.tag, self.make_run(('etc', 'srv'), {}))
        self.assertEqual({'restores': [], 'verifications': []}, self.shown_with_run())
        self.restore(session_id='of-the-new')
        (entry,) = self.shown_with_run()['restores']
        self.assertEqual('of-the-new', entry['session_id'])

    def test_restores_and_verifications_are_shown_with_the_run(self):
        first, second, third = self.restore(), self.verify(), self.verify(mode='restore', path='/v')
        run = self.shown_with_run()
        self.assertEqual([first.session_id], [entry['session_id'] for entry in run['restores']])
        self.assertEqual(
            [(third.session_id, 'restore'), (second.session_id, 'read')],
            [(entry['session_id'], entry['mode']) for entry in run['verifications']],
        )
        self.assertEqual(
            {
                'session_id': first.session_id,
                'mode': 'restore',
                'status': 'active',
                'result': '',
                'time_start': -1,
                'time_end': -1,
            },
            run['restores'][0],
        )
        for job_id in first.jobs.values():
            sessions.act(
                self.storage, ME, first.session_id, {'start': {'job_id': job_id, 'current_tag': 0}}
            )
        for job_id in first.jobs.values():
            sessions.act(
                self.storage,
                ME,
                first.session_id,
                {'end': {'job_id': job_id, 'current_tag': 1, 'result': 'success'}},
            )
        (entry,) = self.shown_with_run()['restores']
        now = self.now // documents.SECOND
        self.assertEqual(
            ('completed', 'success', now, now),
            tuple(entry[key] for key in ('status', 'result', 'time_start', 'time_end')),
        )
        self.assertEqual(
            [],
            self.shown_with_run(session_tag=self.tag + 1)['restores'],
        )

    def test_several_backups_of_a_member_become_one_job(self):
        self.advance(-3)
        self.make_backup('etc', path_to_backup='/etc2', backup_name='etc2')
        self.advance(3)
        jobs.update(
            self.storage,
            ME,
            'etc',
            {
                'job_actions': [
                    {
                        'freezer_action': {
                            **ACTION,
                            'backup_name': name,
                            'path_to_backup': f'/{name}',
                        }
                    }
                    for name in ('etc', 'etc2')
                ]
            },
        )
        begun = self.restore()
        entries = self.job(begun.jobs['etc'])['job_actions']
        self.assertEqual(
            ['/etc', '/etc2'],
            sorted(entry['freezer_action']['restore_abs_path'] for entry in entries),
        )
        self.assertEqual([True, True], [entry['mandatory'] for entry in entries])

    def test_single_backup_is_restored_by_a_session(self):
        backup_id = self.make_backup('etc', time_stamp=5)
        begun = restores.restore_backup(self.storage, ME, backup_id, {})
        self.assertEqual({'etc'}, set(begun.jobs))
        self.assertEqual(
            {'session_id': '', 'session_tag': 0, 'backup_id': backup_id, 'mode': 'restore'},
            self.session(begun.session_id)['restore'],
        )
        found = sessions.list_page(
            self.storage, ME, search.parse({'match': [{'backup_id': backup_id}]}, 'sessions')
        ).items
        self.assertEqual([begun.session_id], [session['session_id'] for session in found])

    def test_single_backup_is_shown_with_the_run_it_names(self):
        backup_id = self.make_backup('gone', session_id=self.session_id, session_tag=self.tag)
        with self.refused(exceptions.Unprocessable, 'Client  could not be found'):
            restores.restore_backup(self.storage, ME, backup_id, {})
        restores.restore_backup(self.storage, ME, backup_id, {'client_id': 'c'})
        (entry,) = self.shown_with_run()['restores']
        self.assertEqual(backup_id, entry['backup_id'])

    def test_verification_is_a_dry_run_of_each_member(self):
        begun = self.verify()
        self.assertEqual('verify-read', self.session(begun.session_id)['restore']['mode'])
        for job_id in begun.jobs.values():
            action = self.job(job_id)['job_actions'][0]['freezer_action']
            self.assertIs(True, action['dry_run'])
            self.assertEqual('/tmp/freezer-verify', action['restore_abs_path'])

    def test_what_cannot_be_verified_is_left_out(self):
        backups.update(self.storage, ME, self.made['etc'], {'status': 'deleted'})
        begun = self.verify()
        self.assertEqual({'srv'}, set(begun.jobs))
        self.assertEqual([('etc', 'deleted')], self.problems(begun))
        self.assertIs(False, begun.plan['complete'])
        backups.update(self.storage, ME, self.made['srv'], {'status': 'error'})
        with self.refused(exceptions.Conflict, 'There is nothing to do'):
            self.verify()


class Refusals(Restoring):
    def test_missing_and_foreign_runs_are_not_found(self):
        for caller, id, tag in (
            (STRANGER, self.session_id, self.tag),
            (ME, 'none', 1),
            (ME, self.session_id, 9),
            (ME, 'a/b', 1),
        ):
            with self.refused(exceptions.NotFound):
                restores.restore(self.storage, caller, id, tag, {})
            with self.refused(exceptions.NotFound):
                restores.verify(self.storage, caller, id, tag, {})
        for caller, id in ((STRANGER, self.made['etc']), (ME, 'none'), (ME, 'a/b')):
            with self.refused(exceptions.NotFound):
                restores.restore_backup(self.storage, caller, id, {})

    def test_run_in_progress_is_refused(self):
        self.advance(60)
        sessions.act(
            self.storage, ME, self.session_id, {'start': {'job_id': 'etc', 'current_tag': self.tag}}
        )
        self.tag += 1
        with self.refused(exceptions.Conflict, 'The run is in progress'):
            self.restore(allow_incomplete=True)
        self.assertIn(('', 'running'), self.problems(self.restore(dry_run=True)))

    def test_incomplete_run_is_refused_unless_allowed(self):
        self.tag = self.make_run(('etc', 'srv'), {'srv': 'fail'})
        with self.refused(exceptions.Conflict, 'jobs.srv: The member did not succeed'):
            self.restore()
        begun = self.restore(allow_incomplete=True)
        self.assertEqual({'etc'}, set(begun.jobs))
        self.assertIs(False, begun.plan['complete'])
        self.assertEqual({'etc'}, set(self.verify().jobs))

    def test_deleted_backup_is_refused(self):
        backups.delete(self.storage, ME, self.made['srv'])
        with self.refused(exceptions.Conflict, 'has no backup'):
            self.restore()
        backups.update(self.storage, ME, self.made['etc'], {'status': 'deleted'})
        with self.refused(exceptions.Conflict, 'Its status is deleted'):
            self.restore(allow_incomplete=True)
        with self.refused(exceptions.Conflict, 'There is nothing to do'):
            self.restore(allow_incomplete=True, jobs={'etc': {'skip': True}})

    def test_changed_job_is_refused_unless_keys_are_set(self):
        jobs.update(
            self.storage,
            ME,
            'etc',
            {'job_actions': [{'freezer_action': {**ACTION, 'container': '/new'}}]},
        )
        with self.refused(exceptions.Conflict, 'have changed since') as _:
            self.restore()
        begun = self.restore(jobs={'etc': {'freezer_action': {'encrypt-pass-file': '/old'}}})
        action = self.job(begun.jobs['etc'])['job_actions'][0]['freezer_action']
        self.assertEqual(
            ('/backups', 'etc', '/old'),
            tuple(action[key] for key in ('container', 'backup_name', 'encrypt_pass_file')),
        )

    def test_missing_or_incapable_client_is_refused(self):
        with self.refused(exceptions.Unprocessable, 'Client d could not be found'):
            self.restore(client_id='d')
        clients.register(self.storage, ME, {'client_id': 'd', 'supported_actions': ['backup']})
        with self.refused(
            exceptions.Unprocessable, 'freezer_action.action: restore is not supported by client d'
        ):
            self.restore(client_id='d', path_prefix='/r')

    def test_taken_session_id_is_refused(self):
        with self.refused(exceptions.Conflict, 'session_id: session '):
            self.restore(session_id=self.session_id)

    def test_unrestorable_engine_is_refused(self):
        jobs.update(
            self.storage,
            ME,
            'etc',
            {
                'job_actions': [
                    {'freezer_action': {**ACTION, 'engine_name': 'rsyncv2', 'backup_name': 'etc'}}
                ]
            },
        )
        backups.update(self.storage, ME, self.made['etc'], {'engine_name': 'rsyncv2'})
        with self.refused(exceptions.Unprocessable, 'engine rsyncv2'):
            self.restore()

    def test_invalid_bodies_are_refused(self):
        for body, text in (
            ({'dryrun': True}, 'dryrun: unknown key'),
            ({'dry_run': 1}, 'dry_run: must be'),
            ({'path_prefix': 'r'}, 'path_prefix: must be'),
            ({'path_prefix': '/50%'}, 'path_prefix: must be'),
            ({'path_prefix': '/a\nb'}, 'path_prefix: must be'),
            ({'hold_off': -1}, 'hold_off'),
            ({'session_id': 'a/b'}, 'session_id'),
            ({'jobs': []}, 'jobs: must be'),
            ({'jobs': {'etc': []}}, 'jobs.etc: must be'),
            ({'jobs': {'etc': {'ski': True}}}, 'jobs.etc.ski: unknown key'),
            ({'jobs': {'etc': {'freezer_action': 'x'}}}, 'freezer_action: must'),
            (
                {'jobs': {'etc': {'freezer_action': {'remove_older_than': 1}}}},
                'jobs.etc.freezer_action.remove_older_than: must not be set',
            ),
            (
                {'jobs': {'etc': {'freezer_action': {'nova_inst_id': 'x'}}}},
                'nova_inst_id: must not be set',
            ),
            (
                {'jobs': {'etc': {'freezer_action': {'overwrite': True}}}},
                'overwrite: must not be set',
            ),
            (
                {'jobs': {'etc': {'freezer_action': {'container': 'a%b'}}}},
                'container: must be a scalar',
            ),
            (
                {'jobs': {'etc': {'freezer_action': {'container': []}}}},
                'container: must be a scalar',
            ),
            (
                {'jobs': {'etc': {'freezer_action': {'engine': 'tar', 'engine_name': 'tar'}}}},
                'engine_name: is given twice',
            ),
        ):
            with self.refused(exceptions.InvalidInput, text):
                self.restore(**body)
        for body, text in (
            ({'mode': 'restore'}, 'path: is required'),
            ({'mode': 'x'}, 'mode: must be one of'),
            ({'path_prefix': '/r'}, 'path_prefix: unknown key'),
        ):
            with self.refused(exceptions.InvalidInput, text):
                self.verify(**body)

    def test_a_null_takes_a_key_away(self):
        begun = self.restore(
            dry_run=True,
            path_prefix=None,
            jobs={
                'srv': None,
                'etc': {'path': None, 'freezer_action': {'encrypt_pass_file': None}},
            },
        )
        self.assertNotIn('encrypt_pass_file', begun.plan['steps'][0]['freezer_action'])


class Breaking(Restoring):
    """The process that restores dies after any of its writes."""

    def test_restore_broken_off_at_any_write_runs_nothing(self):
        whole = FailsAfterWrites(self.storage, 99)
        restores.restore(whole, ME, self.session_id, self.tag, {})
        self.assertEqual(WRITES, whole.written)
        for writes in range(len(WRITES)):
            with self.subTest(writes):
                self.break_off(writes)

    def polled(self):
        """The jobs that the agent finds."""
        asked = {'match': [{'client_id': 'c'}], 'match_not': [{'status': 'completed'}]}
        page = jobs.list_page(self.storage, ME, search.parse(asked, 'jobs', limit=100))
        return {job['job_id'] for job in page.items}

    def test_begun_restore_is_polled_by_agents(self):
        begun = self.restore()
        self.assertLessEqual(set(begun.jobs.values()), self.polled())

    def break_off(self, writes):
        """Die after some writes: nothing runs, the session says what it is, and goes without a
        trace in its jobs.
        """
        id = f'back-{writes}'
        with self.assertRaises(exceptions.StorageUnavailable):
            restores.restore(
                FailsAfterWrites(self.storage, writes),
                ME,
                self.session_id,
                self.tag,
                {'session_id': id},
            )
        every = jobs.list_page(self.storage, ME, search_query.Query(limit=100)).items
        made = [job for job in every if job['job_schedule']['event'] == 'stop']
        self.assertEqual(WRITES[:writes].count('write_job'), len(made))
        self.assertEqual(set(), {job['job_id'] for job in made} & self.polled())
        if writes == 0:
            self.assertRaises(exceptions.NotFound, self.session, id)
            return
        session = self.session(id)
        self.assertEqual('active', session['status'])
        self.assertEqual(self.tag, session['restore']['session_tag'])
        self.assertEqual(WRITES[:writes].count('attach'), len(session['jobs']))
        with self.refused(exceptions.Conflict, 'session_id: session '):
            self.restore(session_id=id)
        sessions.delete(self.storage, ME, id)
        for job in made:
            free = self.job(job['job_id'])
            self.assertEqual('', free['session_id'])
            self.assertEqual('stop', free['job_schedule']['event'])
            jobs.delete(self.storage, ME, job['job_id'])
