"""Sessions that restore or verify a run: what they say of it is kept, and they are found by it.

And restores as a whole, from a run of two members to the session that brings it back.
"""

import dataclasses

from freezer_api import exceptions
from freezer_api.domain import (
    documents,
    search_pairs,
    search_query,
    session_state,
    sessions,
)
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.services import backups, clients, jobs, restores
from freezer_api.services import sessions as use_cases
from freezer_api.services.common import Caller
from freezer_api.tests.failing_storage import FailsAfterWrites, InterceptedCall

ACTION = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'local',
    'container': '/b',
    'engine_name': 'tar',
}
#: What the steps of a restore write, in order, for two members.
STEPS = ['write_session', 'write_job', 'attach', 'write_job', 'attach', 'write_session']


class RestoreSessions:
    def _restoring(self, id, run, tag, mode='restore', **more):
        """A new session that restores a run."""
        restore = {'session_id': run, 'session_tag': tag, 'mode': mode, **more}

        def decision(session, now, record):
            made = sessions.create(self.project.project_id, id, 'user', {'schedule': {}}, now)
            return session_state.Store(dataclasses.replace(made, restore=restore))

        self.storage.write_session(self.project.scope, id, decision)
        return restore

    def _found(self, run, tag, **page):
        pairs = frozenset((search_pairs.restore_pair(run, tag),))
        query = search_query.Query(pairs, **{'limit': 10, 'descending': True, **page})
        return [
            found.id for found in self.storage.find(self.project.scope, SESSIONS, query).documents
        ]

    def test_restores_are_found_by_their_run_newest_first(self):
        self.project.new_session('backup')
        for id, run, tag in (
            ('a', 's', 1),
            ('b', 's', 2),
            ('c', 's', 1),
            ('d', 't', 1),
            ('e', 's', 1),
        ):
            self._restoring(id, run, tag)
        self.assertEqual(['e', 'c', 'a'], self._found('s', 1))
        self.assertEqual(['e', 'c'], self._found('s', 1, limit=2))
        self.assertEqual(
            [['b'], ['d'], []], [self._found(*run) for run in (('s', 2), ('t', 1), ('s', 3))]
        )
        self.project.delete_session('c')
        self.assertEqual(['e', 'a'], self._found('s', 1))
        self.assertEqual([], self.in_project('other').ids(SESSIONS))

    def test_no_search_of_a_caller_is_one_for_a_run(self):
        self._restoring('a', 's', 1)
        for value in ('r1 s', '1 s', 's', 1):
            self.assertEqual([], self.project.ids(SESSIONS, [{'restore': value}]))
        # At the top a session has an id and a tag of its own.
        self.assertEqual([], self.project.ids(SESSIONS, [{'session_id': 's'}]))
        self.assertEqual(['a'], self.project.ids(SESSIONS, [{'mode': 'restore'}]))

    def test_restore_is_kept_through_a_run_and_changes(self):
        restore = self._restoring('a', 's', 1, 'verify-read', backup_id='b')
        self.project.new_job('j', session_id='a')
        self.assertEqual(('success', 1), self.project.start('a', 'j', 0))
        self.project.end('a', 'j', 1)
        self.project.patch_session('a', description='x', hold_off=9)
        self.project.put_session('a', description='y')
        body = self.project.session('a')
        self.assertEqual(restore, body['restore'])
        self.assertEqual('completed', body['status'])
        self.assertEqual('y', body['description'])
        self.assertEqual(['a'], self._found('s', 1))
        self.assertEqual(
            ['a'], self.project.ids(SESSIONS, [{'backup_id': 'b'}, {'mode': 'verify-read'}])
        )

    def test_plain_session_has_no_restore(self):
        self.project.new_session('plain')
        self.assertNotIn('restore', self.project.session('plain'))


class RestoredRuns:
    def setUp(self):
        super().setUp()
        self.caller = Caller(self.project.project_id, 'user')
        clients.register(self.storage, self.caller, {'client_id': 'c', 'hostname': 'host'})
        self.run = self.project.new_session(hold_off=30)
        for name in ('etc', 'srv'):
            action = {**ACTION, 'backup_name': name, 'path_to_backup': f'/{name}'}
            job = {'job_id': name, 'client_id': 'c', 'job_actions': [{'freezer_action': action}]}
            jobs.create(self.storage, self.caller, job)
            self.project.attach(self.run, name)
        for tag in (0, 1):
            self._back_up(tag)

    def _back_up(self, tag):
        """A run of both, a minute after the one before."""
        self.clock.advance(60)
        for name in ('etc', 'srv'):
            self.project.start(self.run, name, tag)
        self.clock.advance(1)
        told = {**ACTION, 'hostname': 'host', 'time_stamp': self.clock.now // documents.SECOND}
        for name in ('etc', 'srv'):
            made = {**told, 'backup_name': name, 'path_to_backup': f'/{name}', 'job_id': name}
            backups.create(self.storage, self.caller, made)
        self.clock.advance(9)
        for name in ('etc', 'srv'):
            self.project.end(self.run, name, tag + 1)

    def _restore(self, storage=None, **body):
        return restores.restore(storage or self.storage, self.caller, self.run, 1, body)

    def test_restore_runs_from_its_plan_to_its_result(self):
        plan = self._restore(dry_run=True, path_prefix='/r').plan
        self.assertIs(True, plan['complete'])
        self.assertEqual([], plan['problems'])
        self.assertEqual(
            ['/r/etc', '/r/srv'],
            [step['freezer_action']['restore_abs_path'] for step in plan['steps']],
        )
        begun = self._restore(path_prefix='/r')
        self.assertEqual(
            {'start'}, {self.project.job(id)['job_schedule']['event'] for id in begun.jobs.values()}
        )
        for id in begun.jobs.values():
            self.project.start(begun.session_id, id, 0)
        for id in begun.jobs.values():
            self.project.end(begun.session_id, id, 1)
        verification = restores.verify(self.storage, self.caller, self.run, 1, {})
        run = use_cases.run(self.storage, self.caller, self.run, 1)
        shown = restores.of_run(self.storage, self.caller, self.run, run)
        self.assertEqual(
            [(begun.session_id, 'completed', 'success')],
            [
                (entry['session_id'], entry['status'], entry['result'])
                for entry in shown['restores']
            ],
        )
        self.assertEqual(
            [verification.session_id], [entry['session_id'] for entry in shown['verifications']]
        )
        self.assertEqual(
            {'restores': [], 'verifications': []},
            restores.of_run(self.storage, self.caller, self.run, {**run, 'session_tag': 2}),
        )

    def test_the_date_is_before_the_next_backup(self):
        first = self._restore(dry_run=True).plan['steps'][0]
        at = self.clock.now // documents.SECOND - 70 - 9
        self.assertEqual(at, first['time_stamp'])
        self.assertEqual('2023-11-14T22:15:21', first['freezer_action']['restore_from_date'])
        for second in (30, 20):
            told = {**ACTION, 'hostname': 'host', 'backup_name': 'etc', 'time_stamp': at + second}
            backups.create(self.storage, self.caller, told)
        first = self._restore(dry_run=True).plan['steps'][0]
        self.assertEqual('2023-11-14T22:14:40', first['freezer_action']['restore_from_date'])

    def test_restore_that_dies_leaves_nothing_running(self):
        """Nothing runs, the session says what it is, and goes without a trace in its jobs."""
        for writes in range(1, len(STEPS)):
            id = f'back-{writes}'
            failing = FailsAfterWrites(self.storage, writes)
            self.assertRaises(exceptions.StorageUnavailable, self._restore, failing, session_id=id)
            self.assertEqual(STEPS[:writes], failing.written)
            made = [job for job in self.project.ids(JOBS) if job not in ('etc', 'srv')]
            self.assertEqual(STEPS[:writes].count('write_job'), len(made))
            self.assertEqual(STEPS[:writes].count('attach'), len(self.project.session(id)['jobs']))
            self.assertRaises(exceptions.Conflict, self._restore, session_id=id)
            use_cases.delete(self.storage, self.caller, id)
            for job in made:
                body = self.project.job(job)
                self.assertEqual('', body['session_id'])
                self.assertEqual('stop', body['job_schedule']['event'])
                self.project.delete_job(job)

    def test_failed_restore_is_taken_away_again(self):
        """What it has made is taken away again, unless it may have begun."""

        def after(write):
            write()
            raise exceptions.StorageUnavailable()

        for name, number, stays in (('write_job', 2, 0), ('attach', 2, 0), ('write_session', 2, 3)):
            before = len(self.project.ids(SESSIONS)) + len(self.project.ids(JOBS))
            storage = InterceptedCall(self.storage, name, number, after)
            self.assertRaises(exceptions.StorageUnavailable, self._restore, storage)
            self.assertEqual(
                before + stays, len(self.project.ids(SESSIONS)) + len(self.project.ids(JOBS)), name
            )

    def test_pruned_backups_are_not_restored(self):
        prune = {**ACTION, 'action': 'admin', 'backup_name': 'etc', 'remove_older_than': 0}
        jobs.create(
            self.storage,
            self.caller,
            {'job_id': 'prune', 'client_id': 'c', 'job_actions': [{'freezer_action': prune}]},
        )
        now = self.clock.now // documents.SECOND
        told = {
            'status': 'completed',
            'result': 'success',
            'time_started': now - 50,
            'time_ended': now,
        }
        report = {'job_schedule': told, 'session_id': '', 'session_tag': 0}
        jobs.update(self.storage, self.caller, 'prune', report)
        self.assertEqual(
            [('etc', 'deleted')],
            [
                (problem['job_id'], problem['code'])
                for problem in self._restore(dry_run=True).plan['problems']
            ],
        )
        self.assertEqual(1, len(self.project.ids(documents.BACKUPS, [{'status': 'deleted'}])))
