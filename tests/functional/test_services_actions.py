"""Actions, and the jobs that have them."""

from freezer_api import exceptions
from freezer_api.domain import search_query
from freezer_api.services import actions, clients, jobs
from tests.functional.use_cases import BACKUP, COLLEAGUE, ME, STALE, STRANGER, THERE, UseCase

RULES = {'max_retries': 5, 'max_retries_interval': 6, 'mandatory': False}


class Actions(UseCase):
    def test_new_action_has_defaults_and_an_owner(self):
        written = actions.create(
            self.storage,
            ME,
            {'freezer_action': BACKUP, 'extra': 1, 'user_id': 'x', 'project_id': 'y'},
        )
        self.assertEqual(
            {
                'action_id': written.id,
                'project_id': 'alpha',
                'user_id': 'ann',
                'freezer_action': BACKUP,
                **RULES,
                '_version': 1,
            },
            self.action(written.id),
        )

    def test_an_id_of_one_s_own_is_taken_once(self):
        self.assertEqual(
            'a', actions.create(self.storage, ME, {'action_id': 'a', 'freezer_action': BACKUP}).id
        )
        with self.refused(exceptions.Conflict, 'action_id: there is an action a already.'):
            actions.create(self.storage, ME, {'action_id': 'a', 'freezer_action': BACKUP})
        self.assertEqual(
            'a',
            actions.create(self.storage, STRANGER, {'action_id': 'a', 'freezer_action': BACKUP}).id,
        )

    def test_patch_merges_inside_and_leaves_what_it_omits(self):
        actions.create(
            self.storage,
            ME,
            {
                'action_id': 'a',
                'freezer_action': {**BACKUP, 'no-incremental': True},
                'max_retries': 1,
            },
        )
        written = actions.update(
            self.storage,
            COLLEAGUE,
            'a',
            {'freezer_action': {'mode': None, 'x': [1]}, 'mandatory': 'true'},
        )
        self.assertEqual(2, written.version)
        self.assertEqual(
            {
                'action_id': 'a',
                'project_id': 'alpha',
                'user_id': 'ann',
                'freezer_action': {**BACKUP, 'mode': None, 'no-incremental': True, 'x': [1]},
                'max_retries': 1,
                'max_retries_interval': 6,
                'mandatory': True,
                '_version': 2,
            },
            self.action('a'),
        )

    def test_replace_creates_or_takes_the_place(self):
        self.assertEqual(
            1,
            actions.replace(
                self.storage, ME, 'a', {'freezer_action': BACKUP, 'max_retries': 0}
            ).version,
        )
        self.assertEqual(
            2,
            actions.replace(
                self.storage, COLLEAGUE, 'a', {'freezer_action': {'action': 'exec'}}
            ).version,
        )
        self.assertEqual(
            {
                'action_id': 'a',
                'project_id': 'alpha',
                'user_id': 'ann',
                'freezer_action': {'action': 'exec'},
                **RULES,
                '_version': 2,
            },
            self.action('a'),
        )

    def test_a_whole_document_sent_back_changes_nothing(self):
        actions.create(
            self.storage, ME, {'action_id': 'a', 'freezer_action': {**BACKUP, 'mode': None}}
        )
        for write in (actions.update, actions.replace):
            self.assertEqual(1, write(self.storage, ME, 'a', self.action('a')).version)

    def test_missing_and_foreign_actions_look_the_same(self):
        actions.create(self.storage, ME, {'action_id': 'a', 'freezer_action': BACKUP})
        for caller, id in ((STRANGER, 'a'), (ME, 'none'), (ME, 'x/y')):
            with self.refused(exceptions.NotFound, f'Action {id} could not be found.'):
                actions.show(self.storage, caller, id)
            with self.refused(exceptions.NotFound):
                actions.update(self.storage, caller, id, {})
            actions.delete(self.storage, caller, id)
        self.assertEqual(
            ['a'],
            [
                item['action_id']
                for item in actions.list_page(self.storage, ME, search_query.Query()).items
            ],
        )

    def test_unmet_precondition_is_refused(self):
        actions.create(self.storage, ME, {'action_id': 'a', 'freezer_action': BACKUP})
        for id, precondition in (('a', STALE), ('none', THERE), ('x/y', THERE)):
            with self.refused(exceptions.PreconditionFailed):
                actions.delete(self.storage, ME, id, precondition)
        for id, precondition in (('a', STALE), ('none', THERE)):
            for write in (actions.update, actions.replace):
                with self.refused(exceptions.PreconditionFailed):
                    write(self.storage, ME, id, {'freezer_action': BACKUP}, precondition)
        actions.delete(self.storage, ME, 'a', THERE)


class LinkedJobs(UseCase):
    def setUp(self):
        super().setUp()
        clients.register(
            self.storage,
            ME,
            {'client_id': 'few', 'supported_modes': ['fs'], 'supported_engines': ['tar']},
        )
        actions.create(self.storage, ME, {'action_id': 'a', 'freezer_action': BACKUP})
        self.make_job(
            'j',
            client_id='few',
            job_actions=[{'action_id': 'a'}, {'freezer_action': {'action': 'exec'}}],
        )

    def test_jobs_follow_their_changed_action(self):
        actions.update(self.storage, ME, 'a', {'freezer_action': {'storage': 's3'}})
        job = self.job('j')
        self.assertEqual('s3', job['job_actions'][0]['freezer_action']['storage'])
        self.assertEqual(2, job['_version'])

    def test_jobs_keep_the_rules_of_their_entries(self):
        actions.update(self.storage, ME, 'a', {'max_retries': 9})
        self.assertEqual(5, self.job('j')['job_actions'][0]['max_retries'])
        self.assertEqual(1, self.job('j')['_version'])

    def test_change_that_a_client_cannot_do_is_refused(self):
        for change in ({'mode': 'nova'}, {'engine': 'rsync'}, {'engine_name': 'rsync'}):
            for write in (actions.update, actions.replace):
                with self.refused(exceptions.Unprocessable, 'is not supported by client few.'):
                    write(self.storage, ME, 'a', {'freezer_action': {**BACKUP, **change}})

    def test_a_client_that_can_less_by_now_hinders_no_other_change(self):
        clients.register(self.storage, ME, {'client_id': 'few', 'supported_storages': []})
        actions.update(self.storage, ME, 'a', {'max_retries': 1})
        actions.replace(self.storage, ME, 'a', self.action('a'))
        with self.refused(exceptions.Unprocessable, 'freezer_action.storage'):
            actions.update(self.storage, ME, 'a', {'freezer_action': {'backup_name': 'n'}})

    def test_deleted_client_hinders_no_change(self):
        clients.delete(self.storage, ME, 'few')
        actions.update(self.storage, ME, 'a', {'freezer_action': {'mode': 'nova'}})
        self.assertEqual('nova', self.job('j')['job_actions'][0]['freezer_action']['mode'])

    def test_deleted_action_leaves_its_jobs(self):
        actions.delete(self.storage, ME, 'a')
        self.assertEqual(
            ['exec'], [entry['freezer_action']['action'] for entry in self.job('j')['job_actions']]
        )

    def test_deleted_action_spares_jobs_of_other_projects(self):
        clients.register(self.storage, STRANGER, {'client_id': 'c'})
        actions.create(self.storage, STRANGER, {'action_id': 'a', 'freezer_action': BACKUP})
        jobs.create(
            self.storage,
            STRANGER,
            {'client_id': 'c', 'job_id': 'j', 'job_actions': [{'action_id': 'a'}]},
        )
        actions.delete(self.storage, ME, 'a')
        self.assertEqual(1, len(self.job('j', STRANGER)['job_actions']))
