"""The published Horizon plugin, unchanged: its panels for jobs and sessions."""

from tests.live import dashboards, programs

SAVED_JOB = 'Job queued correctly. It will appear soon.'
SAVED_SESSION = 'Session queued correctly. It will appear soon.'
ATTACHED = 'Job attached successfully.'
NEVER = {'time_started': -1, 'time_ended': -1}


class TestJobs(dashboards.DashboardTest):
    """What a user does in the panels for jobs and sessions, in a project with two clients and three
    actions.
    """

    def setUp(self):
        super().setUp()
        for name in ('web', 'db'):
            self.api.call(
                'POST', 'clients', 201, {'client_id': name, 'hostname': f'{name}.example'}
            )
        self.actions = {}
        for name in ('etc', 'home', 'var'):
            definition = {
                'action': 'backup',
                'mode': 'fs',
                'backup_name': name,
                'path_to_backup': f'/{name}',
                'dashes-too': None,
            }
            body = {'freezer_action': definition, 'max_retries': 1, 'mandatory': True}
            self.actions[name] = self.api.call('POST', 'actions', 201, body)['action_id']

    def job(self, job_id: str) -> dict:
        """What the API says of a job."""
        return self.api.call('GET', f'jobs/{job_id}', 200)

    def session(self, session_id: str) -> dict:
        """What the API says of a session."""
        return self.api.call('GET', f'sessions/{session_id}', 200)

    def new_job(self, description: str, client_id: str = 'web') -> str:
        """A job made by the API itself."""
        return self.api.call(
            'POST',
            'jobs',
            201,
            {
                'client_id': client_id,
                'description': description,
                'job_actions': [{'action_id': self.actions['etc']}],
            },
        )['job_id']

    def in_job(self, job_id: str) -> list[str]:
        """The names of the actions that a job has by reference, in order."""
        names = {action_id: name for name, action_id in self.actions.items()}
        return [names[entry['action_id']] for entry in self.job(job_id)['job_actions']]

    def chosen(self, *names: str) -> str:
        """The form's hidden field, as its script fills it with the actions that were dragged to the
        right.
        """
        return ''.join(f'{self.actions[name]}===' for name in names)

    def test_jobs_are_made_changed_and_deleted(self):
        """Jobs are made, changed, cloned, told what to do, shown and deleted."""
        self.create()
        page = self.visit('freezer-jobs/')
        first, second = page['rows']
        self.assertEqual(['', 'nightly', 'web', 'stop', 'pending'], page['rows'][first][:5])
        self.edit(page, first)
        self.edit_actions(page, first)
        self.configure(second)
        self.attach(page, second)
        self.clone(page, second)
        self.command(page, first)
        self.actions_of(first)
        self.remove(first, second)
        # Both tables of the plugin leave their filter out where it would be of use.
        self.exercised['actions'].add(('freezer-jobs', 'jobs', 'filter'))
        self.assertNotIn('jobs__filter__q', dict(page['forms'][-1]['fields']))
        self.assertExercised('freezer-jobs')

    def create(self):
        """One job for each client that is chosen, with the actions in the order in which they were
        dragged, at rest.
        """
        dialogue = self.follow(self.visit('freezer-jobs/'), 'create')
        (form,) = dialogue['forms']
        listed = self.api.call('GET', 'clients', 200)['clients']
        clients = {entry['client']['hostname']: entry['client']['uuid'] for entry in listed}
        self.assertEqual(
            clients, {name: uuid for uuid, name in form['choices']['selected_clients_role_member']}
        )
        for name in self.actions:
            self.assertIn(f'(backup) {name}', dialogue['text'])
        self.save(
            dialogue,
            SAVED_JOB,
            'freezer-jobs/',
            description='nightly',
            actions=self.chosen('var', 'etc'),
            selected_clients_role_member=[clients['web.example'], clients['db.example']],
            interval_uint='days',
            interval_value='2',
            schedule_start_date='2030-01-02T03:04',
            schedule_end_date='2031-01-02T03:04:05',
        )
        jobs = self.api.call('GET', 'jobs', 200)['jobs']
        self.assertEqual(['web', 'db'], [job['client_id'] for job in jobs])
        for job in jobs:
            self.assertEqual(['var', 'etc'], self.in_job(job['job_id']))
            self.assertEqual(
                [(1, 6, True)] * 2,
                [
                    (entry['max_retries'], entry['max_retries_interval'], entry['mandatory'])
                    for entry in job['job_actions']
                ],
            )
            self.assertEqual(
                {
                    'schedule_interval': '2 days',
                    'schedule_start_date': '2030-01-02T03:04:00',
                    'status': '',
                    'result': '',
                    'schedule_end_date': '2031-01-02T03:04:05',
                    'event': 'stop',
                    **NEVER,
                },
                {key: value for key, value in job['job_schedule'].items() if key != 'time_created'},
            )

    def edit(self, page: dict, job_id: str):
        """The form shows what is there; keys of the schedule that are emptied go, the rest of the
        job stays.
        """
        before = self.job(job_id)
        dialogue = self.follow(page, 'edit', job_id)
        self.assertEqual(
            {
                'description': 'nightly',
                'schedule_interval': '2 days',
                'schedule_start_date': '2030-01-02T03:04:00',
                'schedule_end_date': '2031-01-02T03:04:05',
                'job_id': job_id,
            },
            dict(dialogue['forms'][0]['fields'][1:]),
        )
        self.save(
            dialogue,
            'Job updated correctly.',
            'freezer-jobs/',
            description='weekly',
            schedule_interval='1 weeks',
            schedule_start_date='',
            schedule_end_date='',
        )
        after = self.job(job_id)
        self.assertEqual('weekly', after['description'])
        self.assertEqual('1 weeks', after['job_schedule']['schedule_interval'])
        self.assertEqual(
            set(before['job_schedule']) - {'schedule_start_date', 'schedule_end_date'},
            set(after['job_schedule']),
        )
        self.assertEqual(before['job_actions'], after['job_actions'])

    def edit_actions(self, page: dict, job_id: str):
        """The whole document goes back with whole action documents in it, and is what it was but
        for the actions.
        """
        before = self.job(job_id)
        dialogue = self.follow(page, 'edit_actions_in_job', job_id)
        self.assertIn(
            'Available Actions (backup) home Selected Actions In Order (backup) var (backup) etc',
            dialogue['text'],
        )
        self.save(
            dialogue,
            'Actions updated correctly.',
            'freezer-jobs/',
            actions=self.chosen('home', 'etc', 'var'),
        )
        after = self.job(job_id)
        self.assertEqual(['home', 'etc', 'var'], self.in_job(job_id))
        for entry in after['job_actions']:
            action = self.api.call('GET', f'actions/{entry["action_id"]}', 200)
            self.assertEqual({key: action[key] for key in entry}, entry)
        self.assertEqual(
            {**before, 'job_actions': after['job_actions'], '_version': before['_version'] + 1},
            after,
        )

    def configure(self, job_id: str):
        """The form of creation on a job that is there, an address that no page names. It sends two
        keys of its own.
        """
        dialogue = self.visit(f'freezer-jobs/configure/{job_id}', ajax=True)
        self.save(
            dialogue,
            SAVED_JOB,
            'freezer-jobs/',
            description='configured',
            interval_uint='hours',
            interval_value='5',
        )
        job = self.job(job_id)
        self.assertEqual('configured', job['description'])
        self.assertEqual('5 hours', job['job_schedule']['schedule_interval'])
        self.assertEqual(2, len(job['job_actions']))

    def attach(self, page: dict, job_id: str):
        """A job is attached to a session from its own row."""
        body = {'description': 'all', 'schedule': {'schedule_interval': '5 days'}}
        session_id = self.api.call('POST', 'sessions', 201, body)['session_id']
        dialogue = self.follow(page, 'attach_job_to_session', job_id)
        self.assertEqual(
            [['', 'Select A Session'], [session_id, 'all']],
            dialogue['forms'][0]['choices']['session_id'],
        )
        self.save(dialogue, ATTACHED, 'freezer-jobs/', session_id=session_id)
        job = self.job(job_id)
        self.assertEqual(session_id, job['session_id'])
        self.assertEqual('5 days', job['job_schedule']['schedule_interval'])
        self.assertEqual({job_id}, set(self.session(session_id)['jobs']))
        shown = dict(self.visit(f'freezer-jobs/{job_id}')['details'][:14])
        self.assertEqual(session_id, shown['Session ID'])
        self.assertEqual('N/A', shown['Session Name'])
        self.assertEqual('configured', shown['Description'])

    def clone(self, page: dict, job_id: str):
        """A clone has all but the session, the runtime and a life of its own."""
        self.assertEqual([], self.press(page, 'clone', job_id))
        clone = next(
            job
            for job in self.api.call('GET', 'jobs', 200)['jobs']
            if job['description'] == 'configured_clone'
        )
        job = self.job(job_id)
        self.assertEqual('', clone['session_id'])
        self.assertEqual(0, clone['session_tag'])
        self.assertEqual('stop', clone['job_schedule']['event'])
        self.assertEqual('', clone['job_schedule']['status'])
        self.assertEqual(job['client_id'], clone['client_id'])
        self.assertEqual(job['job_actions'], clone['job_actions'])
        self.assertEqual('5 days', clone['job_schedule']['schedule_interval'])

    def command(self, page: dict, job_id: str):
        """Start and stop reach the job; a job at rest has no button to stop it, and pages show what
        its agent reports.
        """
        self.assertNotIn(
            ('stop_job', job_id), [(action['action'], action['row']) for action in page['actions']]
        )
        self.assertEqual([['success', 'Job has started']], self.press(page, 'start_job', job_id))
        self.assertEqual('start', self.job(job_id)['job_schedule']['event'])
        self.api.call(
            'PATCH',
            f'jobs/{job_id}',
            200,
            {
                'job_schedule': {
                    'event': '',
                    'status': 'running',
                    'time_started': 1767323045,
                    'current_pid': 7,
                },
                'session_id': '',
                'session_tag': 0,
            },
        )
        page = self.visit('freezer-jobs/')
        self.assertEqual(['', 'weekly', 'web', 'running', 'pending'], page['rows'][job_id][:5])
        self.assertEqual([['success', 'Job has stopped']], self.press(page, 'stop_job', job_id))
        self.assertEqual('stop', self.job(job_id)['job_schedule']['event'])
        self.api.call(
            'PATCH',
            f'jobs/{job_id}',
            200,
            {
                'job_schedule': {
                    'event': '',
                    'status': 'completed',
                    'result': 'success',
                    'time_ended': 1767323046,
                },
                'session_id': '',
                'session_tag': 0,
            },
        )
        shown = self.visit(f'freezer-jobs/{job_id}')
        self.assertEqual(
            {
                'Job ID': job_id,
                'Client / Host ID': 'web',
                'Description': 'weekly',
                'User ID': self.tenant.user_id,
                'Project ID': self.tenant.project_id,
                'Version': str(self.job(job_id)['_version']),
                'Event Status': 'N/A',
                'Status': 'Completed',
                'Result': 'Success',
                'Time Started': '01/02/2026 3:04 a.m.',
                'Time Ended': '01/02/2026 3:04 a.m.',
                'Schedule Interval': '1 weeks',
                'Start Date': 'N/A',
                'End Date': 'N/A',
                'Current PID': '7',
            },
            {name: said for name, said in shown['details'][:16] if name != 'Time Created'},
        )
        self.assertEqual(
            ['home', 'etc', 'var'],
            [said for name, said in shown['details'] if name == 'Backup Name'],
        )
        self.assertEqual([['success', 'Job has started']], self.press(shown, 'start_job', job_id))

    def actions_of(self, job_id: str):
        """The table of a job's actions, which no page of the plugin's shows, takes out one, then
        all.
        """
        page = self.visit(f'freezer-jobs/{job_id}/actions/')
        row = {name: f'{action_id}==={job_id}' for name, action_id in self.actions.items()}
        self.assertEqual(
            {row[name]: ['', 'backup', name] for name in ('home', 'etc', 'var')},
            {key: cells[:3] for key, cells in page['rows'].items()},
        )
        self.assertEqual(page['rows'], self.filtered(page, 'actions_in_job', 'etc')['rows'])
        self.assertEqual(
            [['success', f'Deleted Action File: {row["etc"]}']],
            self.press(page, 'delete', row['etc']),
        )
        self.assertEqual(['home', 'var'], self.in_job(job_id))
        page = self.visit(f'freezer-jobs/{job_id}/actions/')
        told = self.press(page, 'delete_multiple_actions', ticked=tuple(page['rows']))
        self.assertEqual([['success', f'Deleted Action Files: {row["home"]}, {row["var"]}']], told)
        self.assertEqual([], self.job(job_id)['job_actions'])
        self.assertEqual(3, len(self.api.call('GET', 'actions', 200)['actions']))

    def remove(self, *job_ids: str):
        """Jobs are deleted from their own page and from the list, by row and by tick; a session
        loses its member.
        """
        self.assertEqual(
            [['success', 'Deleted Job File: weekly']],
            self.press(self.visit(f'freezer-jobs/{job_ids[0]}'), 'delete', job_ids[0]),
        )
        page = self.visit('freezer-jobs/')
        self.assertEqual(
            [['success', 'Deleted Job File: configured']], self.press(page, 'delete', job_ids[1])
        )
        ticked = tuple(job_id for job_id in page['rows'] if job_id not in job_ids)
        self.assertEqual(
            [['success', 'Deleted Job File: configured_clone']],
            self.press(page, 'delete_multiple_jobs', ticked=ticked),
        )
        self.assertEqual([], self.api.call('GET', 'jobs', 200)['jobs'])
        self.assertEqual({}, self.api.call('GET', 'sessions', 200)['sessions'][0]['jobs'])

    def test_sessions_are_made_changed_and_deleted(self):
        """Sessions are made, changed, shown and deleted; jobs join and leave them in each of the
        ways that there are.
        """
        jobs = [self.new_job(name) for name in ('web etc', 'web home', 'web var')]
        session_id = self.create_session(jobs[:2])
        page = self.visit('freezer-sessions/')
        self.assertEqual(
            {session_id: ['', 'snapshot', 'active', 'Edit Session Manage Jobs Delete Session']},
            page['rows'],
        )
        self.edit_session(page, session_id, jobs)
        dialogue = self.follow(page, 'manage_jobs', session_id)
        chosen = [
            value
            for name, value in dialogue['forms'][0]['fields']
            if name == 'selected_jobs_role_member'
        ]
        self.assertEqual(set(jobs[1:]), set(chosen))
        self.save(
            dialogue,
            'Session jobs updated successfully.',
            'freezer-sessions/',
            selected_jobs_role_member=[jobs[0]],
        )
        self.assertEqual({jobs[0]}, set(self.session(session_id)['jobs']))
        self.attach_jobs(session_id, jobs)
        self.show_session(session_id, jobs)
        self.disassociate(session_id, jobs)
        self.remove_sessions(session_id)
        self.exercised['actions'].add(('freezer-sessions', 'sessions', 'filter'))
        self.assertNotIn('sessions__filter__q', dict(page['forms'][-1]['fields']))
        self.assertExercised('freezer-sessions')

    def create_session(self, jobs: list) -> str:
        """A session is made with members, which get its schedule."""
        dialogue = self.follow(self.visit('freezer-sessions/'), 'create_session')
        self.save(
            dialogue,
            SAVED_SESSION,
            'freezer-sessions/',
            description='snapshot',
            interval_unit='days',
            interval_value='3',
            schedule_start_date='2030-01-02T03:04',
            schedule_end_date='2031-01-02T03:04:05',
            selected_jobs_role_member=jobs,
        )
        (session,) = self.api.call('GET', 'sessions', 200)['sessions']
        schedule = {
            'schedule_start_date': '2030-01-02T03:04:00',
            'schedule_interval': '3 days',
            'schedule_end_date': '2031-01-02T03:04:05',
        }
        self.assertEqual('snapshot', session['description'])
        self.assertEqual(schedule, session['schedule'])
        self.assertEqual('active', session['status'])
        entry = {'client_id': 'web', 'status': 'scheduled', 'result': '', **NEVER}
        self.assertEqual(dict.fromkeys(jobs, entry), session['jobs'])
        for job_id in jobs:
            job = self.job(job_id)
            self.assertEqual(session['session_id'], job['session_id'])
            self.assertEqual(schedule, {key: job['job_schedule'].get(key) for key in schedule})
        return session['session_id']

    def edit_session(self, page: dict, session_id: str, jobs: list):
        """What the form shows it saves, with the members that are chosen now; from a session's page
        it leads back there.

        It never shows the interval, for it asks for a unit and a value, which documents don't have:
        if both dates are there, it has to be chosen anew, else a form that is saved as it is takes
        the interval out of the schedule. With a start alone that is refused, for the jobs would run
        at once.
        """
        dialogue = self.follow(page, 'edit_session', session_id)
        refused = self.sent(dialogue)
        self.assertEqual(200, refused['status'])
        self.assertEqual('', refused['location'])
        self.assertIn('Please provide this value.', refused['text'])
        self.save(
            dialogue, SAVED_SESSION, 'freezer-sessions/', interval_unit='hours', interval_value='7'
        )
        self.assertEqual('7 hours', self.session(session_id)['schedule']['schedule_interval'])
        self.save(
            dialogue,
            SAVED_SESSION,
            f'freezer-sessions/{session_id}',
            referer=f'/project/freezer-sessions/{session_id}',
            description='all',
            schedule_start_date='2032-01-02T03:04',
            schedule_end_date='',
            interval_unit='hours',
            interval_value='8',
            selected_jobs_role_member=jobs[1:],
        )
        session = self.session(session_id)
        schedule = {'schedule_start_date': '2032-01-02T03:04:00', 'schedule_interval': '8 hours'}
        self.assertEqual('all', session['description'])
        self.assertEqual(schedule, session['schedule'])
        self.assertEqual(set(jobs[1:]), set(session['jobs']))
        refused = self.sent(dialogue, schedule_end_date='')
        # The form doesn't expect to be refused: Horizon shows its own page for errors.
        self.assertNotIn(['success', SAVED_SESSION], refused['messages'])
        self.assertEqual(session, self.session(session_id))
        left = self.job(jobs[0])
        self.assertEqual('', left['session_id'])
        self.assertEqual('stop', left['job_schedule']['event'])
        self.assertEqual('8 hours', self.job(jobs[1])['job_schedule']['schedule_interval'])

    def attach_jobs(self, session_id: str, jobs: list):
        """A job is attached from the session's page and from its own row, and offered where it
        isn't a member yet.
        """
        dialogue = self.follow(self.visit(f'freezer-sessions/{session_id}'), 'attach_job')
        self.assertEqual(
            {'', *jobs[1:]}, {value for value, _ in dialogue['forms'][0]['choices']['job_id']}
        )
        self.save(
            dialogue, ATTACHED, f'freezer-sessions/{session_id}?tab=associated_jobs', job_id=jobs[1]
        )
        dialogue = self.follow(self.visit('freezer-jobs/'), 'attach_job_to_session', jobs[2])
        self.save(dialogue, ATTACHED, 'freezer-jobs/', session_id=session_id)
        self.assertEqual(set(jobs), set(self.session(session_id)['jobs']))

    def show_session(self, session_id: str, jobs: list):
        """The page of a session shows a run as it is."""
        for job_id in jobs:
            self.api.call(
                'POST',
                f'sessions/{session_id}/action',
                202,
                {'start': {'job_id': job_id, 'current_tag': 0}},
            )
        end = {'job_id': jobs[0], 'current_tag': 1, 'result': 'fail'}
        self.api.call('POST', f'sessions/{session_id}/action', 202, {'end': end})
        page = self.visit(f'freezer-sessions/{session_id}?tab=associated_jobs')
        shown = dict(page['details'])
        self.assertNotEqual('N/A', shown.pop('Time Started'))
        self.assertEqual(
            {
                'Session Tag': '1',
                'Session ID': session_id,
                'Description': 'all',
                'Status': 'Running',
                'Time Ended': 'N/A',
                'User ID': self.tenant.user_id,
                'Project ID': self.tenant.project_id,
                'End Date': 'N/A',
                'Start Date': '2032-01-02T03:04:00',
                'Interval': '8 hours',
            },
            shown,
        )
        self.assertEqual(
            {
                f'{job_id}==={session_id}': ['', job_id, 'web', result]
                for job_id, result in zip(jobs, ('fail', 'pending', 'pending'))
            },
            {key: cells[:4] for key, cells in page['rows'].items()},
        )

    def disassociate(self, session_id: str, jobs: list):
        """Members leave by row and by tick."""
        page = self.visit(f'freezer-sessions/{session_id}?tab=associated_jobs')
        self.assertEqual(page['rows'], self.filtered(page, 'jobs', 'web')['rows'])
        rows = [f'{job_id}==={session_id}' for job_id in jobs]
        self.assertEqual(
            [['success', f'Disassociated Job: {rows[0]}']],
            self.press(page, 'delete_job_from_session', rows[0]),
        )
        self.assertEqual(set(jobs[1:]), set(self.session(session_id)['jobs']))
        self.assertEqual(
            [['success', f'Disassociated Jobs: {rows[1]}, {rows[2]}']],
            self.press(page, 'delete_job_from_session', ticked=tuple(rows[1:])),
        )
        session = self.session(session_id)
        self.assertEqual({}, session['jobs'])
        self.assertEqual('completed', session['status'])
        self.assertEqual([''] * 3, [self.job(job_id)['session_id'] for job_id in jobs])

    def remove_sessions(self, session_id: str):
        """Sessions are deleted from their page and from the list, by row and by tick."""
        others = [
            self.api.call('POST', 'sessions', 201, {'description': name, 'schedule': {}})[
                'session_id'
            ]
            for name in ('two', 'three')
        ]
        self.assertEqual(
            [['success', 'Deleted Session: all']],
            self.press(self.visit(f'freezer-sessions/{session_id}'), 'delete', session_id),
        )
        page = self.visit('freezer-sessions/')
        self.assertEqual(
            [['success', 'Deleted Session: two']], self.press(page, 'delete', others[0])
        )
        self.assertEqual(
            [['success', 'Deleted Session: three']],
            self.press(page, 'delete_multiple_actions', ticked=(others[1],)),
        )
        self.assertEqual([], self.api.call('GET', 'sessions', 200)['sessions'])

    def test_every_interval_of_the_forms_is_accepted(self):
        """Each unit of both forms is one that schedules know, also the one that has no number, and
        none at all.
        """
        uuid = self.api.call('GET', 'clients/web', 200)['client']['uuid']
        dialogue = self.follow(self.visit('freezer-jobs/'), 'create')
        units = [value for value, _ in dialogue['forms'][0]['choices']['interval_uint']]
        for unit in units:
            self.save(
                dialogue,
                SAVED_JOB,
                'freezer-jobs/',
                description=unit or 'once',
                actions=self.chosen('etc'),
                selected_clients_role_member=uuid,
                interval_uint=unit,
                interval_value='3',
            )
        expected = {
            'once': None,
            'continuous': 'continuous',
            **{unit: f'3 {unit}' for unit in units[2:]},
        }
        self.assertEqual(
            expected,
            {
                job['description']: job['job_schedule'].get('schedule_interval')
                for job in self.api.call('GET', 'jobs', 200)['jobs']
            },
        )
        dialogue = self.follow(self.visit('freezer-sessions/'), 'create_session')
        self.assertEqual(
            units, [value for value, _ in dialogue['forms'][0]['choices']['interval_unit']]
        )
        for unit in units:
            self.save(
                dialogue,
                SAVED_SESSION,
                'freezer-sessions/',
                description=unit or 'once',
                interval_unit=unit,
                interval_value='3',
            )
        self.assertEqual(
            expected,
            {
                session['description']: session['schedule'].get('schedule_interval')
                for session in self.api.call('GET', 'sessions', 200)['sessions']
            },
        )

    def test_job_that_its_client_cannot_do_is_refused(self):
        """What a client can't do isn't offered for its jobs; the form of creation offers it all the
        same, and is refused.

        The plugin answers whatever the API refuses to a form by an error page, without the API's
        words.
        """
        self.api.call(
            'POST',
            'clients',
            201,
            {'client_id': 'web', 'hostname': 'web.example', 'supported_modes': ['fs', 'cinder']},
        )
        job_id = self.new_job('web etc')
        body = {'freezer_action': {'action': 'backup', 'mode': 'mysql', 'backup_name': 'shop'}}
        self.actions['shop'] = self.api.call('POST', 'actions', 201, body)['action_id']
        offered = self.follow(self.visit('freezer-jobs/'), 'edit_actions_in_job', job_id)['text']
        self.assertIn('(backup) home (backup) var Selected Actions In Order (backup) etc', offered)
        self.assertNotIn('shop', offered)
        dialogue = self.visit('freezer-jobs/create/', ajax=True)
        self.assertIn('(backup) shop', dialogue['text'])
        uuid = self.api.call('GET', 'clients/web', 200)['client']['uuid']
        refused = self.sent(
            dialogue,
            description='shop',
            actions=self.chosen('shop'),
            selected_clients_role_member=uuid,
        )
        self.assertEqual(500, refused['status'])
        self.assertIn('Error 422: ', self.horizon.said()[-1])
        self.assertIn('mysql', self.horizon.said()[-1])
        self.assertEqual(
            [job_id], [job['job_id'] for job in self.api.call('GET', 'jobs', 200)['jobs']]
        )


class TestJobsOnSQLite(TestJobs):
    """The same, where the service has a file for its store."""

    store = programs.SQLITE
