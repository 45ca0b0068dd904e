"""What is imported of a database, at each revision, and what another import brings."""

import collections

import testscenarios

from freezer_api import exceptions
from freezer_api.db import verifying
from freezer_api.db.base import Scope, Storage, Store
from freezer_api.domain import documents
from freezer_api.domain.documents import ACTIONS, BACKUPS, CLIENTS, JOBS, KINDS, SESSIONS, TRUSTS
from freezer_api.importing import addresses, index, pending, source
from freezer_api.tests import failing_storage
from tests.importing.base import ImportTest, no_progress
from tests.importing.published import (
    BEGIN_SECONDS,
    DEFINITION,
    OTHER_PROJECT,
    PROJECT,
    RELEASE_18,
    RELEASE_19,
    REVISIONS,
    USER,
    Published,
    member,
    reaches,
)


class TestRevisions(testscenarios.WithScenarios, ImportTest):
    """An ordinary database at every revision."""

    scenarios = [(revision, {'revision': revision}) for revision in REVISIONS]
    revision: str

    def test_everything_is_imported(self):
        origin = self.database(self.revision)
        origin.add('sessions', 's', job={'j': member()})
        origin.add_job('j', 'act', session_id='s')
        origin.add('backups', 'b')
        origin.add('actions', 'deleted', deleted=1)
        before = origin.dump()

        storage = self.imported(origin)
        self.assertEqual([], self.notes)
        counts = {kind: storage.count(kind) for kind in KINDS if kind != TRUSTS}
        self.assertEqual(dict.fromkeys(counts, 1), counts)
        job = self.body(storage, JOBS, 'j')
        self.assertEqual(('s', USER, 'web1'), (job['session_id'], job['user_id'], job['client_id']))
        self.assertEqual(DEFINITION, job['job_actions'][0]['freezer_action'])
        self.assertEqual(5, job['job_actions'][0]['max_retries'])
        self.assertEqual(['j'], list(self.body(storage, SESSIONS, 's')['jobs']))
        self.assertEqual('available', self.body(storage, BACKUPS, 'b')['status'])
        client = self.body(storage, CLIENTS, 'web1')['client']
        self.assertIn('restore', client['supported_actions'])
        self.assertEqual(before, origin.dump(), 'the source is never changed')

    def test_path_of_an_action(self):
        origin = self.database(self.revision)
        column = 'path_to_backup' if reaches(self.revision, 'e74c32f034c5') else 'src_file'
        origin.add('actions', 'patched', backup_metadata={'action': 'backup'}, **{column: '/p'})
        storage = self.imported(origin)
        definition = self.body(storage, ACTIONS, 'patched')['freezer_action']
        self.assertEqual({'action': 'backup', 'mode': 'fs', 'path_to_backup': '/p'}, definition)


class TestRefused(ImportTest):
    """A database that can't be imported is refused, with the way to go."""

    def refusal(self, origin: Published) -> str:
        opened = source.Source(origin.url)
        self.addCleanup(opened.close)
        return str(self.assertRaises(addresses.NotImportable, opened.open))

    def test_migrate_version_alone(self):
        origin = self.database()
        origin.execute('ALTER TABLE alembic_version RENAME TO migrate_version')
        self.assertIn('release 18', self.refusal(origin))

    def test_migrate_version_beside_alembic(self):
        origin = self.database()
        origin.execute('CREATE TABLE migrate_version (version INTEGER)')
        self.assertEqual(1, self.imported(origin).count(ACTIONS))

    def test_unknown_revision(self):
        origin = self.database()
        origin.execute("UPDATE alembic_version SET version_num = 'feedface'")
        self.assertIn('feedface', self.refusal(origin))

    def test_half_made_schema(self):
        origin = self.database()
        origin.execute('DROP TABLE backups')
        self.assertIn('no table backups', self.refusal(origin))

    def test_other_database(self):
        origin = self.database()
        origin.execute('DROP TABLE alembic_version')
        self.assertIn('check the URL', self.refusal(origin))

    def test_documents_without_project(self):
        origin = self.database()
        origin.add_job('v1', 'act', project_id=None)
        self.assertIn('--project', self.refusal(origin))
        storage = self.store()
        self.run_import(origin, storage, project_id=PROJECT)
        self.assertEqual(PROJECT, self.body(storage, JOBS, 'v1')['project_id'])
        self.assertEqual(['project-assigned'], self.rules('v1'))


class TestAgain(ImportTest):
    """Imports that go on, and later ones."""

    def test_nothing_new(self):
        origin = self.database()
        origin.add('sessions', 's', job={'j': member()})
        origin.add_job('j', 'act', session_id='s')
        storage = self.imported(origin)
        keeper = self.run_import(origin, storage)
        self.assertEqual((0, 4), (keeper.count('imported'), keeper.count('present')))
        self.assertEqual([], self.fates)

    def test_dry_run_writes_nothing(self):
        origin = self.database()
        storage = self.store()
        for target in (storage, None):
            keeper = self.run_import(origin, target, is_dry=True)
            self.assertEqual(2, keeper.count('imported'))
        self.assertEqual(0, storage.count(ACTIONS))

    def test_new_and_changed_documents(self):
        origin = self.database()
        origin.add('actions', 'there')
        origin.add('actions', 'here')
        storage = self.imported(origin)
        origin.execute("UPDATE actions SET container = 'other' WHERE id = 'there'")
        storage.write_action(
            Scope(PROJECT),
            'here',
            lambda current, linked, now: Store({**current.body, 'mandatory': True}),
        )
        origin.add('actions', 'new')
        keeper = self.run_import(origin, storage)
        self.assertEqual(1, keeper.count('imported'))
        self.assertEqual([('changed-there', 'there'), ('changed-here', 'here')], self.fates)
        self.assertTrue(self.body(storage, ACTIONS, 'here')['mandatory'])

    def test_new_member_of_an_imported_session(self):
        origin = self.database()
        origin.add('sessions', 's', job=None)
        storage = self.imported(origin)
        origin.add_job('late', 'act', session_id='s')
        self.run_import(origin, storage)
        self.assertEqual(['late'], list(self.body(storage, SESSIONS, 's')['jobs']))
        self.assertEqual('s', self.body(storage, JOBS, 'late')['session_id'])

    def test_interrupted_import_goes_on(self):
        """Broken off at each of its writes, which are seven pages."""
        origin = self.database(RELEASE_19)
        origin.add('sessions', 's', job={'j': member()})
        origin.add('actions', 'deleted', deleted=1)
        origin.add_job('j', 'act', 'deleted', session_id='s')
        origin.add('user_credentials', 'r', trust_id='t', trustor_user_id=USER, job_id='j')
        origin.add('backups', 'b')

        def fail(_call: object) -> None:
            raise exceptions.StorageUnavailable

        whole = [self._all_entries(self.imported(origin))]
        for number in range(1, 8):
            storage = self.store()
            failing = failing_storage.InterceptedCall(storage, 'restore', number, fail)
            self.assertRaises(exceptions.StorageUnavailable, self.run_import, origin, failing)
            self.run_import(origin, storage)
            self.assertEqual([], self.fates)
            whole.append(self._all_entries(storage))
        for entries in whole:
            self.assertEqual(whole[0], entries)

    def _all_entries(self, storage: Storage) -> list[bytes]:
        return [entry.dump() for kind in KINDS for entry in storage.entries(kind, (), 10)]

    def test_source_in_use(self):
        """What is made or deleted while the import runs is left to the next one."""
        origin = self.database()
        origin.add('sessions', 's', job={'j': member()})
        origin.add_job('j', 'act', session_id='s')
        origin.add_job('deleted', 'act')

        def use(call):
            origin.add_job('late', 'act', session_id='s')
            origin.execute("UPDATE jobs SET deleted = 1 WHERE id = 'deleted'")
            origin.execute("UPDATE jobs SET session_id = '' WHERE id = 'j'")
            return call()

        storage = self.store()
        self.run_import(origin, failing_storage.InterceptedCall(storage, 'restore', 1, use))
        self.assertEqual(1, storage.count(JOBS))
        self.assertEqual('s', self.body(storage, JOBS, 'j')['session_id'])
        outdated: collections.Counter[str] = collections.Counter()
        self.assertEqual([], list(verifying.verify(storage, no_progress, outdated)))
        self.run_import(origin, storage)
        self.assertEqual(2, storage.count(JOBS))
        self.assertEqual([], list(verifying.verify(storage, no_progress, outdated)))
        self.assertEqual({'j', 'late'}, set(self.body(storage, SESSIONS, 's')['jobs']))
        self.assertEqual([('changed-there', 's'), ('changed-there', 'j')], self.fates)

    def test_interrupted_before_a_new_member_joins(self):
        origin = self.database()
        origin.add('sessions', 's', job=None)
        storage = self.imported(origin)
        origin.add_job('late', 'act', session_id='s')

        def fail(_call: object) -> None:
            raise exceptions.StorageUnavailable

        failing = failing_storage.InterceptedCall(storage, 'attach', 1, fail)
        self.assertRaises(exceptions.StorageUnavailable, self.run_import, origin, failing)
        self.assertEqual('', self.body(storage, JOBS, 'late')['session_id'])
        self.run_import(origin, storage)
        self.assertEqual(['late'], list(self.body(storage, SESSIONS, 's')['jobs']))

    def test_other_document_in_the_place(self):
        """A central client whose id another project has here."""
        origin = self.database(RELEASE_19)
        origin.add('clients', 'c2', client_id='central', is_central=1)
        storage = self.imported(origin)
        other = self.database(RELEASE_19)
        other.add('clients', 'c3', client_id='central', is_central=1, project_id=OTHER_PROJECT)
        keeper = self.run_import(other, storage)
        self.assertEqual([('refused', 'central')], self.fates)
        self.assertEqual(1, keeper.count('refused'))

    def test_more_than_a_page(self):
        origin = self.database()
        for number in range(7):
            origin.add('backups', f'b{number}', created_at=None if number < 2 else '2026-01-01')
        self.patch(index, 'PAGE_SIZE', 3)
        storage = self.imported(origin)
        found = [entry.id for entry in storage.entries(BACKUPS, (), 10)]
        self.assertEqual([f'b{number}' for number in range(7)], found)


class TestTrusts(ImportTest):
    def test_shared_trust_of_live_jobs(self):
        origin = self.database(RELEASE_19)
        for id in ('one', 'two'):
            origin.add_job(id, 'act')
        origin.add_job('gone', 'act', deleted=1)
        rows = (('one', 'old', 0), ('one', 't', 0), ('two', 't', 0), ('gone', 'u', 1))
        for id, trust, deleted in rows:
            origin.add(
                'user_credentials',
                f'row-{id}-{trust}',
                trust_id=trust,
                trustor_user_id=USER,
                job_id=id,
                deleted=deleted,
            )
        storage = self.imported(origin)
        self.assertEqual(1, storage.count(TRUSTS))
        for id in ('one', 'two'):
            job = self.body(storage, JOBS, id)
            self.assertEqual({'trust_id': 't', 'trustor_user_id': USER}, job[documents.CREDENTIALS])


class TestPending(ImportTest):
    """Published documents beside an empty store are told of."""

    def test_until_they_are_imported(self):
        origin = self.database()
        storage = self.store(origin.url)
        self.assertEqual(2, pending.count(storage, origin.url))
        self.run_import(origin, storage)
        self.assertEqual(0, pending.count(storage, origin.url))

    def test_no_published_tables(self):
        storage = self.store()
        self.assertEqual(0, pending.count(storage, str(storage.conf.database.connection)))


class TestActions(ImportTest):
    """Definitions that jobs have, and actions."""

    def test_deleted_action_of_a_live_job(self):
        for revision in (RELEASE_18, RELEASE_19):
            origin = self.database(revision)
            origin.add('actions', 'deleted', deleted=1)
            origin.add_job('j', 'act', 'deleted')
            storage = self.imported(origin)
            entries = self.body(storage, JOBS, 'j')['job_actions']
            self.assertEqual(['act', 'deleted'], [entry['action_id'] for entry in entries])
            self.assertEqual(['action-restored'], self.rules('j'))

    def test_definition_that_no_action_has(self):
        origin = self.database()
        other = {'action': 'backup', 'container': 'own'}
        for id in ('one', 'two'):
            entries = [
                {'action_id': 'act', 'freezer_action': other},
                {'action_id': 'never', 'freezer_action': {**other, 'backup_name': id}},
            ]
            origin.add_job(id, job_actions=entries)
        storage = self.imported(origin)
        seen = set()
        for id in ('one', 'two'):
            changed, unknown = self.body(storage, JOBS, id)['job_actions']
            self.assertEqual('own', changed['freezer_action']['container'])
            self.assertEqual(id, unknown['freezer_action']['backup_name'])
            seen |= {changed['action_id'], unknown['action_id']}
        self.assertEqual(4, len(seen))
        self.assertIn('never', seen)

    def test_action_of_another_project(self):
        origin = self.database(RELEASE_19)
        origin.add_job('moved', 'act', project_id=OTHER_PROJECT)
        storage = self.imported(origin)
        copied = self.body(storage, ACTIONS, 'act', OTHER_PROJECT)
        self.assertEqual(DEFINITION, copied['freezer_action'])
        self.assertEqual(['action-copied', 'client-gone'], self.rules('moved'))

    def test_rules_of_entries(self):
        origin = self.database()
        entry = {
            'action_id': 'act',
            'freezer_action': DEFINITION,
            'max_retries': 1,
            'max_retries_interval': 10,
            'mandatory': True,
        }
        origin.add_job('j', job_actions=[entry])
        storage = self.imported(origin)
        self.assertEqual([entry], self.body(storage, JOBS, 'j')['job_actions'])

    def test_patched_action(self):
        origin = self.database()
        origin.add(
            'actions',
            'patched',
            actionmode=None,
            container='of column',
            max_retries=None,
            backup_metadata={'action': 'backup', 'max_level': 7, 'mandatory': True},
        )
        storage = self.imported(origin)
        action = self.body(storage, ACTIONS, 'patched')
        self.assertEqual(
            {'action': 'backup', 'max_level': 7, 'container': 'of column', 'mode': None},
            action['freezer_action'],
        )
        self.assertEqual(
            (5, 6, True),
            (action['max_retries'], action['max_retries_interval'], action['mandatory']),
        )


class TestClients(ImportTest):
    def test_registered_by_several_users(self):
        origin = self.database()
        origin.add('clients', 'c0', deleted=1, client_id='web2', uuid='deleted')
        origin.add('clients', 'c2', uuid='second', user_id='2' * 32)
        origin.add('clients', 'c3', client_id='web2', uuid='again')
        storage = self.imported(origin)
        self.assertEqual(2, storage.count(CLIENTS))
        self.assertEqual('u', self.body(storage, CLIENTS, 'web1')['client']['uuid'])
        self.assertEqual('again', self.body(storage, CLIENTS, 'web2')['client']['uuid'])
        self.assertEqual(['client-registered-twice'], self.rules('web1'))

    def test_central_client_of_two_projects(self):
        origin = self.database(RELEASE_19)
        for id, project in (('c2', PROJECT), ('c3', OTHER_PROJECT)):
            origin.add('clients', id, client_id='central', is_central=1, project_id=project)
        origin.add_job('j', 'act', client_id='central')
        storage = self.imported(origin)
        first = self.body(storage, CLIENTS, 'central')
        second = self.body(storage, CLIENTS, 'central', OTHER_PROJECT)
        self.assertTrue(first['client']['is_central'])
        self.assertFalse(second['client']['is_central'])
        self.assertEqual(['client-not-central'], self.rules('central'))
        self.assertEqual(PROJECT, self.body(storage, JOBS, 'j')['_central'])


class TestOddValues(ImportTest):
    """What the API would refuse is kept, and told."""

    def test_values(self):
        origin = self.database()
        schedules = [
            {'schedule_interval': '0 days'},
            {'schedule_interval': '3 days\n'},
            {'schedule_hour': '99'},
            {'schedule_date': '2026-02-31T00:00:00'},
        ]
        for number, schedule in enumerate(schedules):
            origin.add_job(f'odd{number}', 'act', schedule=schedule)
        origin.add_job('long', 'act', description='x' * 1500)
        origin.add('actions', 'vol', backup_metadata={'action': 'backup'}, actionmode='vol')
        origin.add('actions', 'retries', max_retries=-1)
        origin.add('sessions', 'hold', hold_off=-5)
        storage = self.imported(origin)
        for number, schedule in enumerate(schedules):
            kept = self.body(storage, JOBS, f'odd{number}')['job_schedule']
            self.assertEqual(schedule, {key: kept[key] for key in schedule})
            self.assertEqual(['value-kept'], self.rules(f'odd{number}'))
        for id in ('long', 'vol', 'retries', 'hold'):
            self.assertEqual(['value-kept'], self.rules(id), id)
        self.assertEqual(-5, self.body(storage, SESSIONS, 'hold')['hold_off'])

    def test_row_without_a_word_on_its_deletion_lives(self):
        origin = self.database(RELEASE_19)
        origin.add('actions', 'null', deleted=None)
        origin.add_job('j', 'null', deleted=None)
        storage = self.imported(origin)
        self.assertEqual(2, storage.count(ACTIONS))
        entries = self.body(storage, JOBS, 'j')['job_actions']
        self.assertEqual(['null'], [entry['action_id'] for entry in entries])
        self.assertEqual([], self.notes)

    def test_text_of_a_binary_column(self):
        origin = self.database()
        origin.add('actions', 'binary', path_to_backup='/\u00fc'.encode())
        storage = self.imported(origin)
        definition = self.body(storage, ACTIONS, 'binary')['freezer_action']
        self.assertEqual('/\u00fc', definition['path_to_backup'])

    def test_ids(self):
        origin = self.database()
        long = 'x' * 300
        for id in ('-dash', 'j\u00f6b', long):
            origin.add_job(id, 'act', session_id='s')
        origin.add('sessions', 's', job={'j\u00f6b': member()})
        storage = self.imported(origin)
        entries = storage.entries(JOBS, (), 10)
        self.assertEqual('-dash', entries[0].id)
        self.assertIn('id-kept', self.rules('-dash'))
        for id in ('j\u00f6b', long):
            self.assertIn('id-replaced', self.rules(id))
        members = self.body(storage, SESSIONS, 's')['jobs']
        self.assertEqual({entry.id for entry in entries}, set(members))

    def test_json(self):
        origin = self.database()
        origin.add_job('cut', 'act', schedule=b'{"schedule_inter')
        origin.add_job('string', 'act', schedule=b'""')
        origin.add('backups', 'odd', backup_metadata=b'{"a": "\\ud800", "b": NaN, "c": 1e999}')
        storage = self.imported(origin)
        self.assertIn('json-repaired', self.rules('cut'))
        self.assertEqual([], self.rules('string'))
        metadata = self.body(storage, BACKUPS, 'odd')['backup_metadata']
        self.assertEqual({'a': '?', 'b': None, 'c': None}, metadata)

    def test_runtime_keys(self):
        origin = self.database()
        origin.add_job('bare', 'act', schedule={})
        given = {
            'schedule_interval': '5 minutes',
            'event': 'abort',
            'status': 'running',
            'result': '',
            'time_created': 5,
            'time_started': 6,
            'time_ended': -1,
            'current_pid': 4711,
        }
        origin.add_job('running', 'act', schedule=given)
        storage = self.imported(origin)
        bare = self.body(storage, JOBS, 'bare')['job_schedule']
        self.assertEqual(BEGIN_SECONDS + 3, bare['time_created'])
        self.assertEqual(('', -1), (bare['event'], bare['time_started']))
        self.assertEqual(given, self.body(storage, JOBS, 'running')['job_schedule'])
