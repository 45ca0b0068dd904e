"""What the library's managers of clients, jobs and actions are called for, on any server."""

import socket
import uuid

from tests.live import callers

CAPABILITIES = {
    'supported_actions': ['backup', 'restore', 'info', 'admin', 'exec'],
    'supported_modes': [
        'fs',
        'mongo',
        'mysql',
        'sqlserver',
        'cinder',
        'glance',
        'cindernative',
        'nova',
    ],
    'supported_storages': ['local', 'swift', 'ssh', 's3', 'ftp', 'ftps'],
    'supported_engines': ['tar', 'rsync', 'rsyncv2', 'nova', 'osbrick', 'glance'],
}
RULES = {'max_retries': 5, 'max_retries_interval': 6, 'mandatory': False}
ETC = {
    'action': 'backup',
    'mode': 'fs',
    'path_to_backup': '/etc',
    'backup_name': 'etc',
    'container': '/backups',
}
IDLE = {'event': '', 'status': '', 'result': '', 'time_started': -1, 'time_ended': -1}


def job(client_id: str, **more: object) -> dict:
    """What a caller sends for a job of a client."""
    return {'client_id': client_id, 'job_actions': [{'freezer_action': ETC}], **more}


class Clients:
    """``clients``."""

    def test_every_method_of_clients_takes_every_argument(self):
        clients = self.manager('clients')
        self.register_clients(clients)
        self.list_clients(clients)
        self.refuse_clients(clients)
        self.assertIsNone(clients.delete('web'))
        self.assertIsNone(clients.get('web'))
        self.assertIsNone(clients.delete('web'))
        self.exercised(clients)

    def register_clients(self, clients: callers.Manager) -> None:
        """New ones, and one that registers again; a whole GET document says nothing new."""
        self.assertEqual(
            'web',
            clients.create(
                {'client_id': 'web', 'hostname': 'web.example', 'description': 'ein Gerät'}
            ),
        )
        uuid_of = clients.get('web')['client']['uuid']
        self.assertEqual(
            'web', clients.create({'client_id': 'web', 'description': 'serves pages', 'unknown': 1})
        )
        client = {
            'client_id': 'web',
            'hostname': 'web.example',
            'description': 'serves pages',
            'uuid': uuid_of,
            'is_central': False,
            **CAPABILITIES,
        }
        document = {
            'project_id': self.home.project_id,
            'user_id': self.home.user_id,
            'client': client,
        }
        self.assertEqual(document, clients.get('web'))
        for body in (
            document,
            {**document, 'client': {**client, 'description': None}},
            client,
            {**client, 'uuid': None},
        ):
            self.assertEqual('web', clients.create(body))
            self.assertEqual(document, clients.get('web'))
        mail = {
            'client_id': 'mail',
            'hostname': 'mail.example',
            'uuid': 'U-1',
            'supported_engines': ['tar'],
        }
        self.assertEqual('mail', clients.create(mail))
        self.assertEqual(['tar'], clients.get('mail')['client']['supported_engines'])

    def list_clients(self, clients: callers.Manager) -> None:
        """Pages and searches, as the commands and Horizon send them."""
        self.assertEqual([clients.get('web'), clients.get('mail')], clients.list())
        for found, arguments in (
            ('web', {'limit': 1}),
            ('mail', {'limit': '1', 'offset': '1'}),
            ('', {'offset': 2}),
            ('web mail', {'search': {}}),
            ('mail', {'search': {'match': [{'uuid': 'U-1'}]}}),
            ('web', {'search': {'match_not': [{'client_id': 'mail'}]}}),
            ('web', {'search': {'match': [{'_all': 'SERVES'}]}}),
            ('mail', {'search': {'match': [{'_all': '[{"hostname": "mail.example"}]'}]}}),
            ('', {'search': {'match': [{'uuid': 'u-1'}]}}),
        ):
            self.assertEqual(
                found.split(),
                [one['client']['client_id'] for one in clients.list(**arguments)],
                arguments,
            )

    def refuse_clients(self, clients: callers.Manager) -> None:
        """What isn't there is None, what is wrong is told."""
        self.assertIsNone(clients.get('nobody'))
        self.assertIsNone(clients.get('-'))
        self.refused(400, 'client_id: is required.', clients.create, {})
        self.refused(400, 'hostname: must be', clients.create, {'client_id': 'web', 'hostname': 1})
        self.refused(400, 'body: must be a JSON object.', clients.create, [])
        self.refused(400, 'offset', clients.list, offset=-1)
        self.refused(400, 'match', clients.list, search={'match': 'web'})
        # There is no method that changes one: a registration does.
        error = self.assertRaises(callers.Raised, clients.update, 'web', {})
        self.assertEqual('NotImplementedError', error.kind)


class Actions:
    """``actions``."""

    def test_every_method_of_actions_takes_every_argument(self):
        actions = self.manager('actions')
        made = actions.create({'freezer_action': ETC})
        self.assertEqual(self.action(made), actions.get(made))
        self.assertEqual(
            'by-argument',
            actions.create({'freezer_action': ETC, 'max_retries': 1}, action_id='by-argument'),
        )
        self.assertEqual(
            'by-document',
            actions.create({'action_id': 'by-document', 'freezer_action': {'action': 'info'}}),
        )
        self.list_actions(actions, made)
        self.update_actions(actions)
        self.refuse_actions(actions)
        self.assertIsNone(actions.delete(made))
        self.assertIsNone(actions.get(made))
        self.assertIsNone(actions.delete(made))
        self.exercised(actions)

    def action(self, action_id: str, version: int = 1, **more: object) -> dict:
        """The document of an action."""
        return {
            'action_id': action_id,
            'project_id': self.home.project_id,
            'user_id': self.home.user_id,
            'freezer_action': ETC,
            **RULES,
            '_version': version,
            **more,
        }

    def list_actions(self, actions: callers.Manager, made: str) -> None:
        """Pages and searches."""
        self.assertEqual(
            [
                self.action(made),
                self.action('by-argument', max_retries=1),
                self.action('by-document', freezer_action={'action': 'info'}),
            ],
            actions.list(),
        )
        for found, arguments in (
            (made, {'limit': 1}),
            ('by-argument', {'limit': '1', 'offset': '1'}),
            ('', {'offset': 3}),
            (
                'by-argument',
                {'search': {'match': [{'path_to_backup': '/etc'}, {'max_retries': 1}]}},
            ),
            ('by-document', {'search': {'match_not': [{'mode': 'fs'}]}}),
            (f'{made} by-argument', {'search': {'match': [{'_all': 'BACKUPS'}]}}),
        ):
            self.assertEqual(
                found.split(), [one['action_id'] for one in actions.list(**arguments)], arguments
            )

    def update_actions(self, actions: callers.Manager) -> None:
        """A change grows the version; a whole document sent back, by PATCH or as a new one of that
        id, doesn't.
        """
        self.assertEqual(
            2,
            actions.update(
                'by-argument', {'mandatory': True, 'freezer_action': {'no-incremental': True}}
            ),
        )
        document = self.action(
            'by-argument',
            2,
            max_retries=1,
            mandatory=True,
            freezer_action={**ETC, 'no-incremental': True},
        )
        self.assertEqual(document, actions.get('by-argument'))
        self.assertEqual(2, actions.update('by-argument', {**document, 'max_retries': None}))
        self.assertEqual('by-argument', actions.create(document))
        self.assertEqual(document, actions.get('by-argument'))
        self.assertEqual('copy', actions.create(document, action_id='copy'))
        self.assertEqual({**document, 'action_id': 'copy', '_version': 1}, actions.get('copy'))

    def refuse_actions(self, actions: callers.Manager) -> None:
        """What isn't there is None, what is wrong is told."""
        self.assertIsNone(actions.get('nothing'))
        self.refused(
            404, 'Action nothing could not be found.', actions.update, 'nothing', {'max_retries': 1}
        )
        self.refused(400, 'freezer_action: is required.', actions.create, {})
        self.refused(
            400,
            "freezer_action.mode: must be one of 'fs',",
            actions.create,
            {'freezer_action': {**ETC, 'mode': 'tape'}},
        )
        self.refused(400, 'max_retries: must be', actions.update, 'copy', {'max_retries': 'many'})
        self.refused(400, 'body: must be a JSON object.', actions.update, 'copy', [])
        self.refused(400, 'limit', actions.list, limit=-1)
        # The library puts the id into the path, where there can't be such a one.
        self.refused(
            404,
            'The resource could not be found.',
            actions.create,
            {'freezer_action': ETC},
            action_id='-',
        )


class Jobs:
    """``jobs``."""

    def test_every_method_of_jobs_takes_every_argument(self):
        for client_id in ('web', 'mail'):
            self.home.call('POST', 'clients', 201, {'client_id': client_id})
        jobs = self.manager('jobs')
        made = self.create_jobs(jobs)
        self.list_jobs(jobs, made)
        self.update_jobs(jobs)
        self.command_jobs(jobs)
        self.refuse_jobs(jobs)
        self.assertIsNone(jobs.delete(made))
        self.assertIsNone(jobs.get(made))
        self.assertIsNone(jobs.delete(made))
        self.exercised(jobs)

    def create_jobs(self, jobs: callers.Manager) -> str:
        """With an id of the server's, of the argument's and of the document's; the id of the
        first.
        """
        made = jobs.create(job('web', description='nightly'))
        document = jobs.get(made)
        action_id = document['job_actions'][0]['action_id']
        created = document['job_schedule']['time_created']
        self.assertEqual(
            {
                'job_id': made,
                'project_id': self.home.project_id,
                'user_id': self.home.user_id,
                'client_id': 'web',
                'description': 'nightly',
                'job_schedule': {**IDLE, 'time_created': created},
                'job_actions': [{'action_id': action_id, 'freezer_action': ETC, **RULES}],
                'session_id': '',
                'session_tag': 0,
                '_version': 1,
            },
            document,
        )
        slow = {'schedule_interval': '2 days'}
        self.assertEqual(
            'by-argument', jobs.create(job('mail', job_schedule=slow), job_id='by-argument')
        )
        self.assertEqual('by-document', jobs.create(job('web', job_id='by-document')))
        return made

    def list_jobs(self, jobs: callers.Manager, made: str) -> None:
        """All, and a client's; pages and searches."""
        self.assertEqual(
            [jobs.get(made), jobs.get('by-argument'), jobs.get('by-document')], jobs.list_all()
        )
        for found, arguments in (
            (made, {'limit': 1}),
            ('by-argument', {'limit': '1', 'offset': '1'}),
            ('', {'offset': 3}),
            (f'{made} by-argument by-document', {'search': {}, 'all_projects': False}),
            ('by-argument', {'search': {'match': [{'schedule_interval': '2 days'}]}}),
            (f'{made} by-document', {'search': {'match_not': [{'client_id': 'mail'}]}}),
            (made, {'search': {'match': [{'_all': 'NIGHT'}]}}),
        ):
            self.assertEqual(
                found.split(), [one['job_id'] for one in jobs.list_all(**arguments)], arguments
            )
        for found, arguments in (
            (f'{made} by-document', {}),
            (made, {'limit': 1}),
            ('by-document', {'limit': 1, 'offset': 1, 'all_projects': False}),
            (made, {'search': {'match': [{'description': 'nightly'}]}}),
            (f'{made} by-document', {'search': {'match_not': [{'status': 'completed'}]}}),
        ):
            self.assertEqual(
                found.split(),
                [one['job_id'] for one in jobs.list(client_id='web', **arguments)],
                arguments,
            )

    def update_jobs(self, jobs: callers.Manager) -> None:
        """A change grows the version; a whole document sent back, by PATCH or as a new one of that
        id, doesn't.
        """
        self.assertEqual(
            2,
            jobs.update(
                'by-argument',
                {'description': 'weekly', 'job_schedule': {'schedule_interval': '1 weeks'}},
            ),
        )
        document = jobs.get('by-argument')
        self.assertEqual('weekly', document['description'])
        self.assertEqual('1 weeks', document['job_schedule']['schedule_interval'])
        self.assertEqual(2, document['_version'])
        horizon = {
            **document,
            'session_name': '',
            'job_schedule': {**document['job_schedule'], 'schedule_end_date': None},
        }
        for body in (document, horizon):
            self.assertEqual(2, jobs.update('by-argument', body))
            self.assertEqual('by-argument', jobs.create(body))
            self.assertEqual(document, jobs.get('by-argument'))
        self.assertEqual('copy', jobs.create(document, job_id='copy'))
        copy = jobs.get('copy')
        self.assertEqual(document['job_actions'], copy['job_actions'])
        self.assertEqual('1 weeks', copy['job_schedule']['schedule_interval'])
        self.assertEqual('mail', copy['client_id'])
        self.assertEqual(1, copy['_version'])

    def command_jobs(self, jobs: callers.Manager) -> None:
        """Each command, twice; a start forgets how the job ended before."""
        jobs.update('copy', {'job_schedule': {'status': 'completed', 'result': 'fail'}})
        for event, command in (
            ('start', jobs.start_job),
            ('stop', jobs.stop_job),
            ('abort', jobs.abort_job),
        ):
            self.assertEqual({'result': 'success'}, command('copy'))
            self.assertEqual({'result': f'{event} already requested'}, command('copy'))
            schedule = jobs.get('copy')['job_schedule']
            self.assertEqual(event, schedule['event'])
            self.assertEqual('', schedule['status'])
            self.assertEqual('', schedule['result'])
            self.refused(404, 'Job nothing could not be found.', command, 'nothing')
        self.assertEqual(-1, schedule['current_pid'])

    def refuse_jobs(self, jobs: callers.Manager) -> None:
        """What isn't there is None, what is wrong is told."""
        self.assertIsNone(jobs.get('nothing'))
        self.refused(404, 'Job nothing could not be found.', jobs.update, 'nothing', {})
        self.refused(400, 'unknown: unknown key.', jobs.create, job('web', unknown=1))
        daily = {'job_schedule': {'schedule_interval': 'daily'}}
        self.refused(400, 'job_schedule.schedule_interval: must be', jobs.update, 'copy', daily)
        self.refused(400, 'job_actions: is required.', jobs.create, {'client_id': 'web'})
        self.refused(400, 'not finite', jobs.create, job('web', description=float('nan')))
        self.refused(400, 'search', jobs.list_all, search={'matches': []})
        self.refused(
            422, 'client_id: client nobody could not be found.', jobs.create, job('nobody')
        )
        unknown = job('web', job_actions=[{'action_id': 'nothing'}])
        self.refused(
            422,
            'job_actions[0].action_id: action nothing could not be found.',
            jobs.create,
            unknown,
        )
        self.home.call('POST', 'clients', 201, {'client_id': 'web', 'supported_modes': ['mysql']})
        self.refused(422, 'job_actions[0].freezer_action', jobs.create, job('web'))

    def test_job_without_client_is_of_this_machine(self):
        """Without a client a job is this machine's, by the name that its agent registers under."""
        logged_in = (
            self.library.client('v2', endpoint=self.home.url, **self.home.credentials)
            if self.home.user
            else self.client
        )
        jobs, own = logged_in.manager('jobs'), logged_in.read('client_id')
        # Who is given an address instead of logging in never learns the project, and says None.
        self.assertEqual(
            f'{self.home.project_id if self.home.user else None}_{socket.gethostname()}', own
        )
        document = job('', description='no client')
        self.refused(422, f'client_id: client {own} could not be found.', jobs.create, document)
        self.home.call('POST', 'clients', 201, {'client_id': own})
        self.assertEqual('mine', jobs.create(document, 'mine'))
        self.assertEqual(own, jobs.args[0]['client_id'])
        self.assertEqual([jobs.get('mine')], jobs.list())
        self.assertEqual(own, jobs.get('mine')['client_id'])

    def test_list_adds_the_client_to_the_caller_s_search(self):
        """``list`` adds the client to the caller's own ``match``: who uses a search twice, for two
        clients, finds nothing.
        """
        for client_id in ('web', 'mail'):
            self.home.call('POST', 'clients', 201, {'client_id': client_id})
            self.home.call('POST', 'jobs', 201, job(client_id, job_id=client_id))
        jobs, search = self.manager('jobs'), {'match': [{'action': 'backup'}]}
        self.assertEqual(['web'], [one['job_id'] for one in jobs.list(10, 0, search, 'web')])
        self.assertEqual({'match': [{'action': 'backup'}, {'client_id': 'web'}]}, jobs.args[2])
        self.assertEqual([], jobs.list(10, 0, jobs.args[2], 'mail'))

    def test_poll_finds_open_jobs_page_by_page(self):
        """The agent's poll, in pages of ten until a short one; a job without a status is one that
        isn't completed.
        """
        self.home.call('POST', 'clients', 201, {'client_id': 'web'})
        ids = [
            self.home.call('POST', 'jobs', 201, job('web', job_id=f'job-{number:02}'))['job_id']
            for number in range(13)
        ]
        self.home.call(
            'PATCH',
            'jobs/job-05',
            200,
            {'job_schedule': {'status': 'completed', 'result': 'success'}},
        )
        jobs, pages = self.manager('jobs'), []
        while not pages or len(pages[-1]) == 10:
            search = {'match_not': [{'status': 'completed'}]}
            pages.append(
                jobs.list(limit=10, offset=len(pages) * 10, search=search, client_id='web')
            )
        self.assertEqual([10, 2], [len(page) for page in pages])
        self.assertEqual(
            [id for id in ids if id != 'job-05'], [one['job_id'] for page in pages for one in page]
        )

    def test_all_projects_are_listed_only_where_asked_for(self):
        """Who may sees the jobs of all projects where they ask for it, else those of their own."""
        mark, admin, other = uuid.uuid4().hex, self.target.home('admin'), self.target.home()
        for home, job_id in ((admin, 'here'), (other, 'there')):
            home.call('POST', 'clients', 201, {'client_id': mark})
            home.call('POST', 'jobs', 201, job(mark, job_id=job_id))
        jobs = self.library.working_in(admin).manager('jobs')
        search = {'match': [{'client_id': mark}]}
        here, there = (admin.project_id, 'here'), (other.project_id, 'there')
        for expected, found in (
            ([here, there], jobs.list_all(search=search, all_projects=True)),
            ([here], jobs.list_all(search=search)),
            ([there], jobs.list_all(1, 1, search, True)),
            ([here, there], jobs.list(client_id=mark, all_projects=True)),
            ([here], jobs.list(client_id=mark)),
        ):
            self.assertEqual(expected, [(one['project_id'], one['job_id']) for one in found])

    def test_job_ids_of_a_central_client_conflict_everywhere(self):
        """A central client is one for all projects, and so are the ids of its jobs: another's is a
        conflict.
        """
        admin, central, taken = (
            self.target.home('admin'),
            f'central-{uuid.uuid4().hex}',
            uuid.uuid4().hex,
        )
        caller = self.library.working_in(admin)
        clients, theirs = caller.manager('clients'), caller.manager('jobs')
        self.assertEqual(central, clients.create({'client_id': central, 'is_central': True}))
        self.addCleanup(clients.delete, central)
        self.assertEqual(taken, theirs.create(job(central, job_id=taken)))
        self.assertEqual(clients.get(central), self.manager('clients').get(central))
        self.refused(409, taken, self.manager('jobs').create, job(central), taken)
        self.assertEqual([], self.manager('jobs').list_all())
        theirs.delete(taken)
        self.assertEqual(taken, self.manager('jobs').create(job(central), taken))
