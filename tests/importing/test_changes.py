"""What other imports tell of documents that either side has changed or deleted since."""

from freezer_api import exceptions
from freezer_api.db.base import Delete, Scope, Storage, Store
from freezer_api.domain.documents import ACTIONS, BACKUPS, CLIENTS, JOBS, SESSIONS
from freezer_api.domain.session_state import Delete as DeleteSession
from freezer_api.tests import failing_storage
from tests.importing.base import SECOND, ImportTest
from tests.importing.published import (
    BEGIN_SECONDS,
    DEFINITION,
    PROJECT,
    RELEASE_19,
    USER,
    member,
)


class TestBothSides(ImportTest):
    """What has changed since an earlier import is told by its side, and stays as it is here."""

    def setUp(self):
        super().setUp()
        self.origin = self.database(RELEASE_19)
        for id in ('here', 'there', 'both', 'same'):
            self.origin.add('actions', id)

    def change_here(self, storage: Storage, id: str, container: str = 'of the store') -> None:
        """Change an action in the store."""

        def changed(current, _linked, _now):
            definition = {**current.body['freezer_action'], 'container': container}
            return Store({**current.body, 'freezer_action': definition})

        storage.write_action(Scope(PROJECT), id, changed)

    def change_there(self, id: str, container: str = 'of the source') -> None:
        """Change an action in the source."""
        self.origin.execute('UPDATE actions SET container = ? WHERE id = ?', container, id)

    def delete_there(self, table: str, id: str) -> None:
        """Delete a row as the published service does."""
        self.origin.execute(f'UPDATE {table} SET deleted = 1 WHERE id = ?', id)

    def delete_here(self, storage: Storage, kind: str, id: str) -> None:
        """Delete a document that is no job in the store."""
        scope = Scope(PROJECT)
        if kind == SESSIONS:
            storage.write_session(scope, id, lambda *_: DeleteSession(None))
        elif kind == ACTIONS:
            storage.write_action(scope, id, lambda *_: Delete())
        else:
            storage.write(scope, kind, id, lambda *_: Delete())

    def container(self, storage: Storage, id: str) -> str:
        """Where an action backs up to."""
        return self.body(storage, ACTIONS, id)['freezer_action']['container']

    def test_changes_of_either_side_are_told_at_each_import(self):
        storage = self.imported(self.origin)
        self.change_here(storage, 'here')
        self.change_there('there')
        self.change_here(storage, 'both')
        self.change_there('both')
        self.change_here(storage, 'same', 'new')
        self.change_there('same', 'new')
        for _time in range(2):
            self.run_import(self.origin, storage)
            expected = {('changed-here', 'here'), ('changed-there', 'there')}
            self.assertEqual(expected | {('changed-both', 'both')}, set(self.fates))
            self.assertEqual('of the store', self.container(storage, 'here'))
            self.assertEqual('c', self.container(storage, 'there'))
            self.assertEqual('of the store', self.container(storage, 'both'))

    def test_changed_back_is_not_told(self):
        storage = self.imported(self.origin)
        self.change_here(storage, 'here')
        self.change_here(storage, 'here', 'c')
        self.change_there('there')
        self.change_there('there', 'c')
        self.run_import(self.origin, storage)
        self.assertEqual([], self.fates)

    def test_what_was_deleted_here_stays_deleted(self):
        self.origin.add('backups', 'b')
        self.origin.add('sessions', 's')
        storage = self.imported(self.origin)
        self.delete_here(storage, ACTIONS, 'here')
        self.delete_here(storage, BACKUPS, 'b')
        self.delete_here(storage, SESSIONS, 's')
        self.delete_here(storage, CLIENTS, 'web1')
        keeper = self.run_import(self.origin, storage)
        self.assertEqual(0, keeper.count('imported'))
        gone = {'here', 'b', 's', 'web1'}
        self.assertEqual({('deleted-here', id) for id in gone}, set(self.fates))
        self.assertEqual((0, 0), (storage.count(SESSIONS), storage.count(CLIENTS)))

    def test_what_was_deleted_there_is_told_and_stays(self):
        self.origin.add_job('j', 'act')
        storage = self.imported(self.origin)
        self.delete_there('jobs', 'j')
        self.delete_there('actions', 'there')
        for is_dry in (True, False):
            self.run_import(self.origin, storage, is_dry=is_dry)
            expected = {('deleted-there', 'j'), ('deleted-there', 'there')}
            self.assertEqual(expected, set(self.fates))
        self.assertEqual(1, storage.count(JOBS))

    def test_new_documents_of_deleted_ones(self):
        """A job whose session, action and trust were deleted here, and a session whose member
        was.
        """
        self.origin.add('sessions', 's', job={'j': member()})
        self.origin.add_job('j', 'act', session_id='s')
        self.origin.add('user_credentials', 'r1', trust_id='t', trustor_user_id=USER, job_id='j')
        storage = self.imported(self.origin)
        storage.delete_job(Scope(PROJECT), 'j')
        self.assertTrue(storage.end_trust(Scope(PROJECT), 't'))
        self.delete_here(storage, SESSIONS, 's')
        self.delete_here(storage, ACTIONS, 'act')
        self.origin.add_job('late', 'act', session_id='s')
        self.origin.add('user_credentials', 'r2', trust_id='t', trustor_user_id=USER, job_id='late')
        self.origin.add('sessions', 'other')
        self.origin.execute("UPDATE jobs SET session_id = 'other' WHERE id = 'j'")
        self.run_import(self.origin, storage)
        self.assert_consistent(storage)
        late = self.body(storage, JOBS, 'late')
        self.assertEqual('', late['session_id'])
        self.assertNotIn('user_credentials', late)
        self.assertEqual(DEFINITION, late['job_actions'][0]['freezer_action'])
        self.assertEqual({}, self.body(storage, SESSIONS, 'other').get('jobs', {}))
        deleted = {id for fate, id in self.fates if fate == 'deleted-here'}
        self.assertEqual({'s', 'act', 't', 'j'}, deleted)
        self.run_import(self.origin, storage)
        self.assertEqual({'deleted-here'}, {fate for fate, _id in self.fates})

    def test_run_that_lapses_is_no_change(self):
        self.origin.add(
            'sessions',
            's',
            job={'j': member('completed', time_ended=BEGIN_SECONDS + 20), 'k': member()},
            session_tag=1,
            status='running',
            time_start=BEGIN_SECONDS,
        )
        for id in ('j', 'k'):
            self.origin.add_job(id, 'act', session_id='s')
        storage = self.store()
        self.run_import(self.origin, storage, now=BEGIN_SECONDS * SECOND)
        self.run_import(self.origin, storage)
        self.assertEqual([], self.fates)

    def test_new_member_is_no_change(self):
        self.origin.add('sessions', 's', job=None)
        storage = self.imported(self.origin)
        self.origin.add_job('late', 'act', session_id='s')
        for _time in range(2):
            self.run_import(self.origin, storage)
        self.assertEqual([], self.fates)

    def test_interrupted_before_it_was_noted(self):
        """What is there and equal counts as brought."""

        def fail(_call: object) -> None:
            raise exceptions.StorageUnavailable

        storage = self.store()
        failing = failing_storage.InterceptedCall(storage, 'write_stamps', 2, fail)
        self.assertRaises(exceptions.StorageUnavailable, self.run_import, self.origin, failing)
        self.run_import(self.origin, storage)
        self.delete_here(storage, ACTIONS, 'here')
        self.run_import(self.origin, storage)
        self.assertEqual([('deleted-here', 'here')], self.fates)
