"""Backups of a project, and of the runs of its sessions."""

from freezer_api import exceptions
from freezer_api.domain import search
from freezer_api.services import backups, sessions
from tests.functional.use_cases import COLLEAGUE, ME, STALE, STRANGER, THERE, UseCase

DATA = {'backup_name': 'etc', 'container': 'c', 'hostname': 'h', 'time_stamp': 1_600_000_000}
#: What the agent records before Cinder makes a backup, and what it reports afterwards, flat as the
#: agent has it.
ANNOUNCED = {
    'status': 'creating',
    'mode': 'cindernative',
    'action': 'backup',
    'backup_media': 'cindernative',
    'backup_name': 'vol',
    'container': None,
    'cindernative_vol_id': 'v',
    'time_stamp': 1_600_000_000,
}
REPORTED = {
    'status': 'available',
    'curr_backup_level': 0,
    'time_stamp': 1_600_000_060,
    'backup_name': 'vol',
    'container': '',
    'hostname': 'h',
    'cinder_backup_id': 'x',
    'ssh_key': '',
    'job_id': 'j',
}


class Backups(UseCase):
    def make(self, caller=ME, **keys):
        return backups.create(self.storage, caller, {**DATA, **keys}).id

    def backup(self, id, caller=ME):
        return backups.show(self.storage, caller, id).body

    def listed(self, caller=ME, sought=None):
        query = search.parse(sought, 'backups', limit=100)
        return [item['backup_id'] for item in backups.list_page(self.storage, caller, query).items]

    def test_new_backup_has_a_status_and_an_owner(self):
        id = self.make(level=1)
        self.assertEqual(
            {
                'backup_id': id,
                'project_id': 'alpha',
                'user_id': 'ann',
                'status': 'available',
                'backup_metadata': {**DATA, 'level': 1},
            },
            self.backup(id),
        )

    def test_backup_without_a_time_is_of_now(self):
        self.now += 999_999
        id = backups.create(self.storage, ME, {'backup_name': 'etc', 'status': 'creating'}).id
        self.assertEqual(
            {'backup_name': 'etc', 'time_stamp': 1_700_000_000}, self.backup(id)['backup_metadata']
        )

    def test_id_in_a_body_becomes_metadata(self):
        first = self.make()
        second = self.make(backup_id=first, project_id='beta', user_id='eve')
        self.assertNotEqual(first, second)
        shown = self.backup(second)
        self.assertEqual(second, shown['backup_id'])
        self.assertEqual('alpha', shown['project_id'])
        self.assertEqual('ann', shown['user_id'])
        self.assertEqual(first, shown['backup_metadata']['backup_id'])
        self.assertEqual([first], self.listed(sought={'match': [{'backup_id': first}]}))

    def test_announced_backup_is_completed_by_its_report(self):
        id = backups.create(self.storage, ME, ANNOUNCED).id
        self.assertEqual('creating', self.backup(id)['status'])
        shown = backups.update(self.storage, COLLEAGUE, id, {**REPORTED, 'backup_id': id}).body
        known = {key: value for key, value in {**ANNOUNCED, **REPORTED}.items() if key != 'status'}
        self.assertEqual(
            {
                'backup_id': id,
                'project_id': 'alpha',
                'user_id': 'ann',
                'status': 'available',
                'backup_metadata': known,
            },
            shown,
        )
        self.assertEqual(shown, self.backup(id))

    def test_report_of_a_deleted_backup_makes_another(self):
        gone = backups.create(self.storage, ME, ANNOUNCED).id
        backups.delete(self.storage, ME, gone)
        report = {**REPORTED, 'backup_id': gone}
        with self.refused(exceptions.NotFound):
            backups.update(self.storage, ME, gone, report)
        id = backups.create(self.storage, ME, report).id
        self.assertEqual('available', self.backup(id)['status'])
        self.assertEqual(gone, self.backup(id)['backup_metadata']['backup_id'])

    def test_a_change_answers_the_whole_and_moves_nothing(self):
        id = self.make()
        before = backups.show(self.storage, ME, id)
        change = {
            'status': 'error',
            'backup_metadata': {'reason': 'full'},
            'project_id': 'beta',
            'user_id': 'eve',
            'backup_id': 'x',
        }
        changed = backups.update(self.storage, COLLEAGUE, id, change)
        self.assertEqual(
            {**before.body, 'status': 'error', 'backup_metadata': {**DATA, 'reason': 'full'}},
            changed.body,
        )
        self.assertEqual(backups.show(self.storage, ME, id), changed)
        self.assertNotEqual(before.etag, changed.etag)
        self.assertEqual([], self.listed(STRANGER))

    def test_unchanged_backup_keeps_its_etag(self):
        shown = backups.show(self.storage, ME, self.make())
        id = shown.body['backup_id']
        for body in ({}, shown.body, {'status': 'available'}, DATA, dict.fromkeys(shown.body)):
            self.assertEqual(shown, backups.update(self.storage, ME, id, body))
        self.assertNotEqual(shown.etag, backups.update(self.storage, ME, id, {'level': 1}).etag)
        self.assertIs(
            True,
            backups.update(self.storage, ME, id, {'level': True}).body['backup_metadata']['level'],
        )

    def test_a_whole_document_makes_another(self):
        shown = self.backup(self.make(status='error'))
        again = self.backup(backups.create(self.storage, COLLEAGUE, shown).id)
        self.assertEqual({**shown, 'backup_id': again['backup_id'], 'user_id': 'bob'}, again)

    def test_invalid_body_is_refused(self):
        id = self.make()
        for call, body in (
            (lambda body: backups.create(self.storage, ME, body), {**DATA, 'container': None}),
            (lambda body: backups.update(self.storage, ME, id, body), {'status': 'gone'}),
        ):
            with self.refused(exceptions.InvalidInput):
                call(body)

    def test_missing_and_foreign_backups_look_the_same(self):
        foreign = self.make(STRANGER)
        for id in (foreign, 'none', 'a/b'):
            for call in (
                backups.show,
                backups.delete,
                lambda *args: backups.update(*args, {'level': 1}),
            ):
                with self.refused(exceptions.NotFound, f'Backup {id} could not be found.'):
                    call(self.storage, ME, id)

    def test_second_delete_is_not_found(self):
        id = self.make()
        backups.delete(self.storage, COLLEAGUE, id)
        with self.refused(exceptions.NotFound):
            backups.delete(self.storage, ME, id)

    def test_unmet_precondition_is_refused(self):
        for call in (
            backups.delete,
            lambda *args: backups.update(*args[:3], {'level': 1}, *args[3:]),
        ):
            id = self.make()
            for target, precondition in (
                (id, STALE),
                ('none', THERE),
                (self.make(STRANGER), THERE),
            ):
                with self.refused(exceptions.PreconditionFailed):
                    call(self.storage, ME, target, precondition)
            call(self.storage, ME, id, THERE)

    def test_list_is_filtered_by_value_and_time(self):
        ids = [
            self.make(hostname=name, time_stamp=time)
            for name, time in (('a', 10), ('b', 20), ('a', 30))
        ]
        self.make(STRANGER, hostname='a')
        self.assertEqual(ids, self.listed())
        self.assertEqual([ids[0], ids[2]], self.listed(sought={'match': [{'hostname': 'a'}]}))
        self.assertEqual(ids[1:], self.listed(sought={'time_after': 20}))
        self.assertEqual(ids[:2], self.listed(sought={'time_before': 20}))
        self.assertEqual(
            ids[1:2],
            self.listed(
                sought={'time_after': 20, 'time_before': 29.5, 'match_not': [{'hostname': 'a'}]}
            ),
        )


class Runs(UseCase):
    def record(self, **keys):
        """A backup made now, unless it says otherwise."""
        return backups.create(
            self.storage, ME, {'backup_name': 'etc', 'container': 'c', 'hostname': 'h', **keys}
        ).id

    def act(self, session_id, **told):
        sessions.act(self.storage, ME, session_id, told)

    def test_run_lists_the_backups_of_its_members(self):
        session_id = self.make_session('one', 'two', hold_off=60)
        self.record(job_id='one')
        self.advance(1)
        self.act(session_id, start={'job_id': 'one', 'current_tag': 0})
        self.advance(10)
        first = self.record(job_id='one')
        self.record(job_id='two')
        self.advance(1)
        self.act(session_id, start={'job_id': 'two', 'current_tag': 0})
        second = self.record(job_id='two')
        self.act(session_id, end={'job_id': 'one', 'current_tag': 1, 'result': 'success'})
        self.advance(5)
        self.record(job_id='one')
        third = self.record(job_id='two')
        named = self.record(session_id=session_id, session_tag=1, time_stamp=5)
        self.record(session_id=session_id, session_tag=2)
        backups.create(self.storage, STRANGER, {**DATA, 'session_id': session_id, 'session_tag': 1})
        self.act(session_id, end={'job_id': 'two', 'current_tag': 1, 'result': 'success'})
        belonging = [first, second, third, named]
        self.assertEqual(belonging, sessions.run(self.storage, ME, session_id, 1)['backups'])
        self.assertNotIn('backups', sessions.runs(self.storage, ME, session_id, 10)[0][0])
        backups.delete(self.storage, ME, second)
        backups.update(self.storage, ME, first, {'job_id': 'other'})
        self.assertEqual([third, named], sessions.run(self.storage, ME, session_id, 1)['backups'])

    def test_later_run_lists_its_own_backups(self):
        session_id = self.make_session('one', hold_off=0)
        made = []
        for tag in range(3):
            self.advance(100)
            self.act(session_id, start={'job_id': 'one', 'current_tag': tag})
            self.advance(10)
            made.append(self.record(job_id='one'))
            self.act(session_id, end={'job_id': 'one', 'current_tag': tag + 1, 'result': 'success'})
        for tag in range(3):
            self.assertEqual(
                [made[tag]], sessions.run(self.storage, ME, session_id, tag + 1)['backups']
            )
