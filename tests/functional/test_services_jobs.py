"""Jobs: what they refer to, who may see what, and what a refused request leaves behind: nothing."""

import concurrent.futures

from freezer_api import exceptions
from freezer_api.db.base import Store
from freezer_api.domain import search_query
from freezer_api.services import actions, clients, jobs, sessions
from freezer_api.services.common import Caller
from tests.functional.use_cases import BACKUP, COLLEAGUE, ME, STALE, STRANGER, THERE, UseCase

EXEC = {'action': 'exec'}
JOB = {'client_id': 'c', 'job_actions': [{'freezer_action': BACKUP}]}


class Documents(UseCase):
    def test_new_job_makes_its_action_and_has_an_owner(self):
        job_id = jobs.create(
            self.storage,
            ME,
            {
                **JOB,
                'description': 'd',
                'project_id': 'x',
                'user_id': 'y',
                'session_id': 's',
                'session_tag': 5,
                'user_credentials': {'trust_id': 't'},
            },
        ).id
        job = self.job(job_id)
        (entry,) = job.pop('job_actions')
        self.assertEqual(
            {
                'job_id': job_id,
                'project_id': 'alpha',
                'user_id': 'ann',
                'client_id': 'c',
                'description': 'd',
                'session_id': '',
                'session_tag': 0,
                '_version': 1,
                'job_schedule': {
                    'event': '',
                    'status': '',
                    'result': '',
                    'time_created': 1_700_000_000,
                    'time_started': -1,
                    'time_ended': -1,
                },
            },
            job,
        )
        action = self.action(entry['action_id'])
        self.assertEqual(entry, {key: action[key] for key in entry})
        self.assertEqual('alpha', action['project_id'])
        self.assertEqual('ann', action['user_id'])
        self.assertEqual(BACKUP, action['freezer_action'])

    def test_an_id_of_one_s_own_is_taken_once_per_project(self):
        self.assertEqual('j', jobs.create(self.storage, ME, {**JOB, 'job_id': 'j'}).id)
        with self.refused(exceptions.Conflict, 'job_id: job j exists already.'):
            jobs.create(self.storage, ME, {**JOB, 'job_id': 'j'})
        clients.register(self.storage, STRANGER, {'client_id': 'c'})
        jobs.create(self.storage, STRANGER, {**JOB, 'job_id': 'j'})

    def test_clone_of_horizon_starts_afresh_with_the_same_actions(self):
        self.make_job('j', job_schedule={'schedule_interval': '1 days', 'status': 'completed'})
        jobs.update(
            self.storage,
            ME,
            'j',
            {'job_schedule': {'result': 'fail', 'time_ended': 5, 'current_pid': 7}},
        )
        whole = {
            key: value for key, value in self.job('j').items() if key not in ('job_id', '_version')
        }
        clone = self.job(jobs.create(self.storage, ME, {**whole, 'session_name': None}).id)
        self.assertEqual(whole['job_actions'], clone['job_actions'])
        self.assertEqual(
            {
                'schedule_interval': '1 days',
                'event': '',
                'status': 'completed',
                'result': '',
                'time_created': 1_700_000_000,
                'time_started': -1,
                'time_ended': -1,
            },
            clone['job_schedule'],
        )

    def test_a_whole_document_sent_back_changes_nothing(self):
        self.make_job('j', job_schedule={'schedule_interval': '1 days', 'event': 'abort'})
        for write in (jobs.update, jobs.replace):
            shown = self.job('j')
            sanitised = [
                {**entry, 'freezer_action': {**entry['freezer_action'], 'engine': None}}
                for entry in shown['job_actions']
            ]
            self.assertEqual(
                1,
                write(
                    self.storage, ME, 'j', {**shown, 'job_actions': sanitised, 'session_name': None}
                ).version,
            )

    def test_missing_and_foreign_jobs_look_the_same(self):
        self.make_job('j')
        for caller, id in ((STRANGER, 'j'), (ME, 'none'), (ME, 'a/b')):
            with self.refused(exceptions.NotFound, f'Job {id} could not be found.'):
                jobs.show(self.storage, caller, id)
            for body in (
                {},
                {'job_actions': []},
                {'client_id': 'zz'},
                {'job_actions': [{'action_id': 'zz'}]},
            ):
                with self.refused(exceptions.NotFound):
                    jobs.update(self.storage, caller, id, body)
            with self.refused(exceptions.NotFound):
                jobs.event(self.storage, caller, id, {'start': None})
            jobs.delete(self.storage, caller, id)
        self.job('j')

    def test_unmet_precondition_is_refused(self):
        self.make_job('j')
        for id, precondition in (('j', STALE), ('none', THERE)):
            for write in (jobs.update, jobs.replace):
                with self.refused(exceptions.PreconditionFailed):
                    write(self.storage, ME, id, JOB, precondition)
            with self.refused(exceptions.PreconditionFailed):
                jobs.event(self.storage, ME, id, {'start': None}, precondition)
            with self.refused(exceptions.PreconditionFailed):
                jobs.delete(self.storage, ME, id, precondition)
        jobs.delete(self.storage, ME, 'j', THERE)

    def test_replace_creates_and_then_keeps_author_and_session(self):
        self.assertEqual(1, jobs.replace(self.storage, ME, 'j', {**JOB, 'job_id': 'other'}).version)
        session_id = self.make_session(schedule={'schedule_hour': '5'}, session_tag=3)
        sessions.attach(self.storage, ME, session_id, 'j')
        self.advance(60)
        body = {**JOB, 'description': 'new', 'session_id': '', 'job_schedule': {'event': 'stop'}}
        jobs.replace(self.storage, COLLEAGUE, 'j', body)
        job = self.job('j')
        self.assertEqual('ann', job['user_id'])
        self.assertEqual(session_id, job['session_id'])
        self.assertEqual(3, job['session_tag'])
        self.assertEqual('new', job['description'])
        self.assertEqual(
            ('5', 'stop', 1_700_000_000),
            tuple(job['job_schedule'][key] for key in ('schedule_hour', 'event', 'time_created')),
        )

    def test_a_deleted_job_leaves_its_session(self):
        session_id = self.make_session('j', 'k')
        jobs.delete(self.storage, ME, 'j')
        jobs.delete(self.storage, ME, 'j')
        self.assertEqual(['k'], [*self.session(session_id)['jobs']])

    def test_repeated_event_changes_nothing(self):
        self.make_job('j', job_schedule={'status': 'completed'})
        for command in ('start', 'stop', 'abort'):
            self.assertEqual(
                {'result': 'success'}, jobs.event(self.storage, ME, 'j', {command: None})
            )
            version = self.job('j')['_version']
            self.assertEqual(
                {'result': f'{command} already requested'},
                jobs.event(self.storage, ME, 'j', {command: None}),
            )
            self.assertEqual(command, self.job('j')['job_schedule']['event'])
            self.assertEqual('', self.job('j')['job_schedule']['status'])
            self.assertEqual(version, self.job('j')['_version'])


class References(UseCase):
    def test_referenced_action_is_shared_by_jobs(self):
        actions.create(
            self.storage, ME, {'action_id': 'a', 'freezer_action': BACKUP, 'max_retries': 1}
        )
        self.make_job('j', job_actions=[{'action_id': 'a'}])
        self.make_job(
            'k', job_actions=[{'freezer_action': {**BACKUP, 'action_id': 'a', 'max_retries': '0'}}]
        )
        self.assertEqual(
            [('a', 1), ('a', 0)],
            [
                (
                    self.job(id)['job_actions'][0]['action_id'],
                    self.job(id)['job_actions'][0]['max_retries'],
                )
                for id in 'jk'
            ],
        )
        self.assertEqual(1, len(actions.list_page(self.storage, ME, search_query.Query()).items))

    def test_unknown_and_foreign_actions_are_refused_and_nothing_stays(self):
        self.make_job('j')
        actions.create(self.storage, STRANGER, {'action_id': 'b', 'freezer_action': BACKUP})
        for id in ('none', 'b'):
            body = {
                'client_id': 'c',
                'job_actions': [
                    {'freezer_action': EXEC},
                    {'action_id': 'new', 'freezer_action': EXEC},
                    {'action_id': id},
                ],
            }
            for write in self.writes(body):
                with self.refused(exceptions.Unprocessable, 'job_actions[2].action_id: '):
                    write()

    def writes(self, body):
        """All ways to write the job ``j`` or a new one from a body."""
        yield lambda: jobs.create(self.storage, ME, body)
        for id in ('j', 'new'):
            yield lambda id=id: jobs.replace(self.storage, ME, id, body)
        for change in (body, {key: value for key, value in body.items() if key != 'client_id'}):
            yield lambda change=change: jobs.update(self.storage, ME, 'j', change)

    def entry(self, job_id='j', number=0):
        """An entry of a job."""
        return self.job(job_id)['job_actions'][number]

    def all_actions(self):
        """The ids of the project's actions."""
        return [
            action['action_id']
            for action in actions.list_page(self.storage, ME, search_query.Query(limit=100)).items
        ]

    def test_edited_file_sent_again_makes_one_action(self):
        self.make_job('j')
        exported = self.job('j')
        first = exported['job_actions'][0]
        self.make_job('k', job_actions=[{'action_id': first['action_id']}])
        edited = {**exported, 'job_actions': [{**first, 'freezer_action': EXEC, 'max_retries': 1}]}
        for _ in range(5):
            jobs.update(self.storage, COLLEAGUE, 'j', edited)
        entry = self.entry()
        self.assertEqual(EXEC, entry['freezer_action'])
        self.assertEqual(1, entry['max_retries'])
        self.assertEqual([first['action_id'], entry['action_id']], self.all_actions())
        self.assertEqual(2, self.job('j')['_version'])
        self.assertEqual(BACKUP, self.entry('k')['freezer_action'])
        self.assertEqual('bob', self.action(entry['action_id'])['user_id'])

    def test_file_without_ids_sent_again_makes_one_action(self):
        self.make_job('j', job_actions=[])
        for _ in range(5):
            jobs.update(self.storage, ME, 'j', {'job_actions': [{'freezer_action': BACKUP}]})
        self.assertEqual([self.entry()['action_id']], self.all_actions())
        self.assertEqual(2, self.job('j')['_version'])
        for _ in range(2):
            jobs.replace(self.storage, ME, 'j', JOB)
        self.assertEqual(1, len(self.all_actions()))

    def test_file_of_another_project_makes_actions_of_its_own(self):
        clients.register(self.storage, STRANGER, {'client_id': 'c'})
        self.make_job('j', job_actions=[{'freezer_action': BACKUP, 'max_retries': 1}])
        exported, before = self.job('j'), self.action(self.entry()['action_id'])
        jobs.create(self.storage, STRANGER, exported)
        self.assertEqual(exported['job_actions'], self.job('j', STRANGER)['job_actions'])
        self.assertEqual(
            'beta', actions.show(self.storage, STRANGER, before['action_id']).body['project_id']
        )
        self.assertEqual(before, self.action(before['action_id']))

    def test_file_brings_its_deleted_action_back(self):
        self.make_job('j')
        exported = self.job('j')
        actions.delete(self.storage, ME, self.entry()['action_id'])
        self.assertEqual([], self.job('j')['job_actions'])
        for _ in range(2):
            jobs.update(self.storage, ME, 'j', exported)
            self.assertEqual(exported['job_actions'], self.job('j')['job_actions'])
        self.assertEqual([exported['job_actions'][0]['action_id']], self.all_actions())

    def test_same_file_sent_at_once_makes_one_action(self):
        """Neither is refused for the others, nor does any leave an action behind."""
        self.make_job('j')
        exported = self.job('j')
        before = self.all_actions()
        for entry, number in (
            ({'action_id': 'x', 'freezer_action': EXEC}, 2),
            ({'freezer_action': EXEC}, 2),
            ({**exported['job_actions'][0], 'freezer_action': {**EXEC, 'command': 'x'}}, 3),
        ):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                sent = [
                    pool.submit(
                        jobs.update, self.storage, ME, 'j', {**exported, 'job_actions': [entry]}
                    )
                    for _ in range(16)
                ]
            self.assertEqual({self.job('j')['_version']}, {one.result().version for one in sent})
            self.assertEqual(number, len(self.all_actions()))
        self.assertEqual(before, self.all_actions()[:1])

    def test_actions_that_are_left_unused_stay(self):
        self.make_job('j')
        jobs.update(self.storage, ME, 'j', {'job_actions': [{'freezer_action': EXEC}]})
        self.assertEqual(2, len(self.all_actions()))

    def test_action_made_meanwhile_is_referred_to_or_avoided(self):
        """Between the look and the write: it is referred to, or it is another one."""
        write_job = self.storage.write_job
        for id, definition, kept in (('x', EXEC, True), ('y', BACKUP, False)):
            made = []

            def overtaken(*args, id=id, definition=definition, made=made):
                if not made:
                    made.append(
                        actions.create(
                            self.storage, COLLEAGUE, {'action_id': id, 'freezer_action': definition}
                        )
                    )
                return write_job(*args)

            self.storage.write_job = overtaken
            jobs.create(
                self.storage,
                ME,
                {
                    'client_id': 'c',
                    'job_id': f'j{id}',
                    'job_actions': [{'action_id': id, 'freezer_action': EXEC}],
                },
            )
            entry = self.entry(f'j{id}')
            self.assertEqual(EXEC, entry['freezer_action'])
            self.assertEqual(kept, entry['action_id'] == id)
            self.assertEqual('bob', self.action(id)['user_id'])

    def test_a_patch_brings_actions_along_and_keeps_the_order(self):
        self.make_job('j')
        first = self.job('j')['job_actions'][0]
        jobs.update(
            self.storage,
            COLLEAGUE,
            'j',
            {
                'action_defaults': {'action': 'exec', 'storage': 's3'},
                'job_actions': [{}, first, {'freezer_action': {'storage': 'ssh'}}],
            },
        )
        entries = self.job('j')['job_actions']
        self.assertEqual(
            ['s3', 'local', 'ssh'], [entry['freezer_action']['storage'] for entry in entries]
        )
        self.assertEqual('bob', self.action(entries[0]['action_id'])['user_id'])

    def test_a_taken_id_leaves_no_action_behind(self):
        self.make_job('j')
        with self.refused(exceptions.Conflict):
            jobs.create(self.storage, ME, {**JOB, 'job_id': 'j'})


class Spelling(UseCase):
    """Keys of a definition that agents take for others, on every path by which one comes in."""

    BAD = (
        ({'Action': 'exec'}, 'Action: must be spelt action.'),
        ({'engine-name': 'nova'}, 'engine-name: must be spelt engine_name.'),
        ({'MODE': 'cindernative'}, 'MODE: must be spelt mode.'),
        ({'Os-Trust-Id': 't'}, 'Os-Trust-Id: must be spelt os_trust_id.'),
        ({'a-b': 1, 'A_B': 2}, 'A_B: is the same key as a-b for agents.'),
        ({'x=y': 1}, 'x=y: agents cannot read this key'),
    )

    def test_misspelt_keys_of_jobs_are_refused(self):
        self.make_job('j')
        for keys, text in self.BAD:
            bodies = (
                {
                    **JOB,
                    'job_actions': [
                        {'freezer_action': EXEC},
                        {'freezer_action': {**BACKUP, **keys}},
                    ],
                },
                {
                    **JOB,
                    'job_actions': [
                        {'freezer_action': EXEC},
                        {'action_id': 'new', 'freezer_action': {**BACKUP, **keys}},
                    ],
                },
                {
                    **JOB,
                    'action_defaults': keys,
                    'job_actions': [
                        {'action_id': self.job('j')['job_actions'][0]['action_id']},
                        {'freezer_action': BACKUP},
                    ],
                },
            )
            for body in bodies:
                for write in References.writes(self, body):
                    with self.refused(
                        exceptions.InvalidInput, f'job_actions[1].freezer_action.{text}'
                    ):
                        write()

    def test_default_that_equals_a_key_for_agents_is_refused(self):
        body = {
            **JOB,
            'action_defaults': {'Path-To-Backup': '/'},
            'job_actions': [{'freezer_action': {**BACKUP, 'path_to_backup': '/etc'}}],
        }
        with self.refused(
            exceptions.InvalidInput,
            'job_actions[0].freezer_action.path_to_backup: is the same key as Path-To-Backup',
        ):
            jobs.create(self.storage, ME, body)

    def test_misspelt_keys_of_actions_are_refused(self):
        self.make_job('j')
        linked = self.job('j')['job_actions'][0]['action_id']
        for keys, text in self.BAD:
            body = {'freezer_action': {**BACKUP, **keys}}
            for write in (
                lambda body=body: actions.create(self.storage, ME, body),
                *(
                    lambda id=id, body=body: actions.replace(self.storage, ME, id, body)
                    for id in ('new', linked)
                ),
                lambda body=body: actions.update(self.storage, ME, linked, body),
                lambda keys=keys: actions.update(
                    self.storage, ME, linked, {'freezer_action': keys}
                ),
            ):
                with self.refused(exceptions.InvalidInput, f'freezer_action.{text}'):
                    write()

    def test_key_that_equals_a_stored_one_is_refused(self):
        actions.create(
            self.storage,
            ME,
            {'action_id': 'a', 'freezer_action': {**BACKUP, 'path_to_backup': '/etc'}},
        )
        with self.refused(
            exceptions.InvalidInput,
            'freezer_action.Path-To-Backup: is the same key as path_to_backup for agents.',
        ):
            actions.update(self.storage, ME, 'a', {'freezer_action': {'Path-To-Backup': '/'}})

    def test_an_agent_s_credentials_are_left_away(self):
        own = {**BACKUP, 'os_trust_id': 't'}
        actions.create(self.storage, ME, {'action_id': 'a', 'freezer_action': own})
        actions.update(self.storage, ME, 'a', {'freezer_action': {'os_trust_id': 't'}})
        self.make_job(
            'j', job_actions=[{'freezer_action': own}], action_defaults={'os_trust_id': 't'}
        )
        self.assertEqual(
            [BACKUP, BACKUP],
            [self.action('a')['freezer_action'], self.job('j')['job_actions'][0]['freezer_action']],
        )

    def test_misspelt_keys_stored_before_are_kept(self):
        """It is read, reported on and sent back; but who changes what the job does is told."""
        definition = {**BACKUP, 'engine-name': 'tar', 'os_trust_id': 't'}
        self.make_job('j')
        action_id = self.job('j')['job_actions'][0]['action_id']
        self.storage.write_action(
            ME.scope,
            action_id,
            lambda action, linked, now: Store({**action.body, 'freezer_action': definition}),
        )
        whole, action = self.job('j'), self.action(action_id)
        self.assertEqual(definition, whole['job_actions'][0]['freezer_action'])
        self.assertEqual(definition, action['freezer_action'])
        jobs.update(
            self.storage,
            ME,
            'j',
            {'job_schedule': {'status': 'running'}, 'session_id': '', 'session_tag': 0},
        )
        jobs.event(self.storage, ME, 'j', {'stop': None})
        jobs.update(self.storage, ME, 'j', {**whole, 'description': 'new'})
        actions.update(self.storage, ME, action_id, {**action, 'max_retries': 1})
        self.assertEqual('new', self.job('j')['description'])
        self.assertEqual(definition, self.job('j')['job_actions'][0]['freezer_action'])
        for change in (
            lambda: jobs.update(
                self.storage,
                ME,
                'j',
                {'job_actions': [*whole['job_actions'], {'freezer_action': EXEC}]},
            ),
            lambda: jobs.create(
                self.storage, ME, {**JOB, 'job_actions': [{'action_id': action_id}]}
            ),
            lambda: actions.update(self.storage, ME, action_id, {'freezer_action': {'x': 1}}),
        ):
            with self.refused(exceptions.InvalidInput, 'engine-name: must be spelt engine_name.'):
                change()


class Clients(UseCase):
    def setUp(self):
        super().setUp()
        clients.register(
            self.storage,
            ME,
            {'client_id': 'few', 'supported_actions': ['backup'], 'supported_modes': ['fs']},
        )

    def test_job_of_a_missing_client_is_refused(self):
        clients.register(self.storage, STRANGER, {'client_id': 'foreign'})
        self.make_job('j')
        for client_id in ('none', 'foreign'):
            for write in (
                lambda body: jobs.create(self.storage, ME, body),
                lambda body: jobs.replace(self.storage, ME, 'j', body),
                lambda body: jobs.update(self.storage, ME, 'j', {'client_id': body['client_id']}),
            ):
                with self.refused(
                    exceptions.Unprocessable, f'client_id: client {client_id} could not be found.'
                ):
                    write({**JOB, 'client_id': client_id})

    def test_job_that_its_client_cannot_do_is_refused(self):
        self.make_job('j', client_id='few')
        self.make_job('k', job_actions=[{'freezer_action': EXEC}])
        body = {
            'client_id': 'few',
            'job_actions': [{'freezer_action': BACKUP}, {'freezer_action': EXEC}],
        }
        place = 'job_actions[1].freezer_action.action: exec is not supported by client few.'
        with self.refused(exceptions.Unprocessable, place):
            jobs.create(self.storage, ME, body)
        with self.refused(exceptions.Unprocessable, place):
            jobs.replace(self.storage, ME, 'j', body)
        with self.refused(exceptions.Unprocessable, place):
            jobs.update(self.storage, ME, 'j', {'job_actions': body['job_actions']})
        with self.refused(exceptions.Unprocessable, 'exec is not supported by client few.'):
            jobs.update(self.storage, ME, 'k', {'client_id': 'few'})

    def test_a_member_s_entry_follows_to_another_client(self):
        session_id = self.make_session('j')
        jobs.update(self.storage, ME, 'j', {'client_id': 'few'})
        self.assertEqual('few', self.session(session_id)['jobs']['j']['client_id'])

    def test_jobs_of_a_deleted_client_take_other_changes(self):
        self.make_job('j', client_id='few')
        clients.delete(self.storage, ME, 'few')
        jobs.event(self.storage, ME, 'j', {'start': None})
        jobs.update(
            self.storage,
            ME,
            'j',
            {
                'job_schedule': {'status': 'running', 'event': ''},
                'session_id': '',
                'session_tag': 0,
            },
        )
        jobs.update(self.storage, ME, 'j', {**self.job('j'), 'description': 'new'})
        self.assertEqual('running', self.job('j')['job_schedule']['status'])
        self.assertEqual('new', self.job('j')['description'])
        jobs.update(self.storage, ME, 'j', {'job_actions': [{'freezer_action': BACKUP}]})
        for change in ({'job_actions': []}, {'job_actions': [{'freezer_action': EXEC}]}):
            with self.refused(
                exceptions.Unprocessable, 'client_id: client few could not be found.'
            ):
                jobs.update(self.storage, ME, 'j', change)
        with self.refused(exceptions.Unprocessable, 'client_id: client few could not be found.'):
            jobs.replace(self.storage, ME, 'j', self.job('j'))
        jobs.update(self.storage, ME, 'j', {'client_id': 'c'})

    def test_client_changed_before_the_write_is_looked_at_again(self):
        self.make_job('j')
        write_job, moves = self.storage.write_job, ['few']

        def overtaken(*args):
            if moves:
                write_job(ME.scope, 'j', lambda job, stored, now: write_of(job, moves.pop()))
            return write_job(*args)

        def write_of(job, client_id):
            return Store({**job.body, 'client_id': client_id})

        self.storage.write_job = overtaken
        with self.assertRaisesRegex(
            exceptions.Unprocessable, 'exec is not supported by client few.'
        ):
            jobs.update(self.storage, ME, 'j', {'job_actions': [{'freezer_action': EXEC}]})
        jobs.update(self.storage, ME, 'j', {'job_actions': []})


class CentralClients(UseCase):
    def setUp(self):
        super().setUp()
        clients.register(
            self.storage, STRANGER, {'client_id': 'big', 'is_central': True}, may_centralise=True
        )

    def test_job_ids_are_taken_over_all_projects(self):
        self.make_job('j', client_id='big')
        self.assertNotIn('_central', self.job('j'))
        with self.refused(exceptions.Conflict):
            jobs.create(self.storage, STRANGER, {**JOB, 'client_id': 'big', 'job_id': 'j'})
        clients.register(self.storage, STRANGER, {'client_id': 'c'})
        jobs.create(self.storage, STRANGER, {**JOB, 'job_id': 'j'})
        with self.refused(exceptions.Conflict):
            jobs.update(self.storage, STRANGER, 'j', {'client_id': 'big'})
        jobs.update(self.storage, ME, 'j', {'client_id': 'c'})
        jobs.update(self.storage, STRANGER, 'j', {'client_id': 'big'})

    def test_pids_are_for_the_client_s_project(self):
        self.make_job('j', client_id='big')
        jobs.update(self.storage, ME, 'j', {'job_schedule': {'current_pid': 7}})
        self.assertNotIn('current_pid', self.job('j')['job_schedule'])
        self.assertEqual(
            7,
            self.job('j', Caller('alpha', 'root', all_projects=True))['job_schedule'][
                'current_pid'
            ],
        )
        jobs.update(
            self.storage,
            ME,
            'j',
            {**self.job('j'), 'description': 'sent back by one who does not see it'},
        )
        jobs.update(self.storage, ME, 'j', {'client_id': 'c'})
        self.assertEqual(7, self.job('j')['job_schedule']['current_pid'])


class Callers(UseCase):
    def test_token_of_a_caller_is_not_shown(self):
        self.assertNotIn('secret', repr(Caller('p', 'u', token='secret')))

    def test_names_have_a_limit(self):
        Caller('p' * 255, 'u' * 255)
        for names in (('p' * 256, 'u'), ('p', 'u' * 256)):
            with self.assertRaisesRegex(exceptions.InvalidInput, 'is longer than 255 characters.'):
                Caller(*names)
