"""The published Horizon plugin, unchanged: its panels for clients, actions and backups, and how it
gets at the API.
"""

from tests.live import dashboards, programs
from tests.servers import identity

#: What the form of an action asks for, a value for each field that it doesn't choose from a list.
WRITTEN = {
    'backup_name': 'nightly of web',
    'mysql_conf': '/etc/mysql/my.cnf',
    'sql_server_conf': 'C:\\sql.ini',
    'container': 'backups',
    'path_to_backup': '/var/www',
    'restore_abs_path': '/srv/restored',
    'restore_from_host': 'web',
    'nova_inst_id': 'n-1',
    'restore_from_date': '2026-01-02T03:04',
    'cinder_vol_id': 'c-1',
    'cindernative_vol_id': 'c-2',
    'fullbackup_rotation': '7',
    'glance_image_id': 'g-1',
    'nova_restore_network': 'net-1',
    'get_object': 'one',
    'dst_file': '/tmp/one',
    'remove_older_than': '30',
    'remove_from_date': '2026-01-01T00:00:01',
    'ssh_key': '/root/.ssh/id',
    'ssh_username': 'backup',
    'ssh_host': 'store.example',
    'snapshot': 'on',
    'max_retries': '2',
    'max_retries_interval': '60',
    'mandatory': 'on',
    'log_file': '/var/log/freezer.log',
    'exclude': '*.log, *.pyc',
    'proxy': 'http://proxy.example:3128',
    'upload_limit': '1000',
    'download_limit': '-1',
    'max_segment_size': '67108864',
    'hostname': 'web.example',
    'encryption_password': '/etc/key',
    'no_incremental': 'on',
    'max_level': '14',
    'always_level': '3',
    'restart_always_level': '5',
    'insecure': 'on',
    'dereference_symlink': 'on',
    'dry_run': 'on',
    'max_priority': 'on',
    'quiet': 'on',
}
NUMBERS = (
    'fullbackup_rotation',
    'upload_limit',
    'download_limit',
    'max_segment_size',
    'max_level',
    'always_level',
    'restart_always_level',
)
SAVED_ACTION = 'Action queued correctly. It will appear soon.'


#: What is changed in the form for each mode that the plugin makes something of, besides the file
#: system.
MODES = (
    {'mode': 'mongo'},
    {'mode': 'mysql', 'engine_name': 'rsync'},
    {'mode': 'cinder', 'engine_name': 'osbrick'},
    {'mode': 'cindernative', 'storage': 'local'},
    {'mode': 'nova', 'engine_name': 'nova', 'storage': 'ssh'},
    {'mode': 'glance', 'engine_name': 'glance'},
    {'action': 'restore', 'engine_name': 'rsyncv2', 'compression': 'bzip2'},
    {'action': 'restore', 'mode': 'nova', 'compression': 'xz'},
    {'action': 'restore', 'mode': 'glance'},
    {'action': 'admin'},
)
BACKUP = {
    'backup_name': 'nightly',
    'container': '/backups',
    'hostname': 'web.example',
    'time_stamp': 1767323045,
    'action': 'backup',
    'storage': 'local',
    'mode': 'fs',
    'curr_backup_level': 2,
    'level': 3,
    'encrypted': True,
    'total_broken_links': 4,
    'excluded_files': ['/a', '/b'],
    'path_to_backup': '/var/www',
    'backup_media': 'fs',
}
SSH = {
    'storage': 'ssh',
    'ssh_host': 'store.example',
    'ssh_key': '/root/.ssh/id',
    'ssh_username': 'backup',
    'ssh_port': 2222,
}
RESTORING = 'Restore job successfully queued. It will get executed soon.'


class TestPanels(dashboards.DashboardTest):
    """What a user does in the panels for clients, actions and backups, and what is refused."""

    def clients(self, *names: str) -> None:
        """Register clients."""
        for name in names:
            self.api.call(
                'POST',
                'clients',
                201,
                {'client_id': name, 'hostname': f'{name}.example', 'description': name * 2},
            )

    def uuid(self, client_id: str) -> str:
        """What the API says is a client's uuid."""
        return self.api.call('GET', f'clients/{client_id}', 200)['client']['uuid']

    def central(self, client_id: str) -> None:
        """A central client of another project."""
        tenant = self.useFixture(dashboards.Tenant(self.cloud.region, 'admin'))
        owner = programs.Project(self.cloud.url, tenant.project_id, tenant.token())
        self.addCleanup(owner.call, 'DELETE', f'clients/{client_id}', 204)
        owner.call(
            'POST',
            'clients',
            201,
            {'client_id': client_id, 'hostname': f'{client_id}.example', 'is_central': True},
        )

    def test_clients_are_listed_found_and_deleted(self):
        """Clients are listed, found, shown and deleted; central ones have no button to delete
        them.
        """
        self.clients('web', 'db', 'mail')
        self.central('hub')
        page = self.visit('freezer-clients/')
        self.assertEqual({'web', 'db', 'mail', 'hub'}, set(page['rows']))
        self.assertEqual(['', 'web', 'web.example', 'Delete Client'], page['rows']['web'])
        self.assertEqual(['', 'hub', 'hub.example', ''], page['rows']['hub'])
        for text, found in (
            (self.uuid('mail'), {'mail'}),
            ('WEB.exam', {'web'}),
            ('dbdb', {'db'}),
            ('%', set()),
            ('', set(page['rows'])),
        ):
            self.assertEqual(found, set(self.filtered(page, 'clients', text)['rows']), text)
        shown = self.visit('freezer-clients/web')
        self.assertEqual(
            {
                'Client ID': 'web',
                'Hostname': 'web.example',
                'UUID': self.uuid('web'),
                'Description': 'webweb',
                'Is Central Agent': 'No',
                'User ID': self.tenant.user_id,
                'Project ID': self.tenant.project_id,
                'Supported Actions': 'backup restore info admin exec',
            },
            dict(shown['details'][:8]),
        )
        self.assertEqual(
            'Yes', dict(self.visit('freezer-clients/hub')['details'])['Is Central Agent']
        )
        self.assertEqual(
            [['success', 'Deleted Client: web.example']], self.press(shown, 'delete', 'web')
        )
        self.assertEqual(
            [['success', 'Deleted Client: db.example']], self.press(page, 'delete', 'db')
        )
        self.assertEqual(
            [
                ['error', 'You are not allowed to delete client: hub.example'],
                ['info', 'Deleted Client: mail.example'],
            ],
            self.press(page, 'delete_multiple_clients', ticked=('mail', 'hub')),
        )
        self.assertEqual({'hub'}, set(self.visit('freezer-clients/')['rows']))
        self.assertExercised('freezer-clients')

    def test_actions_are_made_changed_and_deleted(self):
        """Actions are made with all that the form has, found, shown, changed and deleted."""
        dialogue = self.follow(self.visit('freezer-actions/'), 'create_action')
        (form,) = dialogue['forms']
        unticked = {
            'snapshot',
            'mandatory',
            'insecure',
            'dereference_symlink',
            'dry_run',
            'max_priority',
            'quiet',
        }
        self.assertEqual(
            {*WRITTEN, 'csrfmiddlewaretoken', 'action_id', *form['choices']},
            {name for name, _ in form['fields']} | unticked,
        )
        self.save(dialogue, SAVED_ACTION, 'freezer-actions/', **WRITTEN)
        (made,) = self.api.call('GET', 'actions', 200)['actions']
        self.assertEqual(2, made['max_retries'])
        self.assertEqual(60, made['max_retries_interval'])
        self.assertIs(True, made['mandatory'])
        self.assertEqual(self.expected(), made['freezer_action'])
        page = self.visit('freezer-actions/')
        self.assertEqual(
            {
                made['action_id']: [
                    '',
                    'nightly_of_web',
                    'backup',
                    '/var/www',
                    'swift',
                    'fs',
                    'Edit Delete Action',
                ]
            },
            page['rows'],
        )
        self.edit_action(page, made)
        shown = self.visit(f'freezer-actions/action/{made["action_id"]}')
        self.assertEqual(
            {
                'Action ID': made['action_id'],
                'User ID': self.tenant.user_id,
                'Project ID': self.tenant.project_id,
                'Mandatory': 'No',
                'Max Retries': '9',
                'Max Retries Interval (seconds)': '60',
                'Action Type': 'backup',
                'Backup/Restore Mode': 'mongo',
                'Backup Name': 'weekly',
                'Path to Backup': '/var/www',
                'Restore Absolute Path': '/srv/restored',
                'Storage': 'ssh',
                'Container': 'backups',
                'Cinder Volume ID': 'c-1',
            },
            dict(shown['details']),
        )
        for changes in MODES:
            self.save(dialogue, SAVED_ACTION, 'freezer-actions/', **{**WRITTEN, **changes})
        for changes, entry in zip(
            MODES, self.api.call('GET', 'actions?limit=50', 200)['actions'][1:]
        ):
            self.assertEqual({**self.expected(), **changes}, entry['freezer_action'])
        self.remove_actions(shown, made['action_id'])
        self.assertExercised('freezer-actions')

    def expected(self) -> dict:
        """The definition that the form makes of what is written into it. Blanks in a name are
        underscores.
        """
        values = {
            key: int(value) if key in NUMBERS else value == 'on' or value
            for key, value in WRITTEN.items()
            if key not in ('max_retries', 'max_retries_interval', 'mandatory')
        }
        return {
            **values,
            'backup_name': 'nightly_of_web',
            'restore_from_date': '2026-01-02T03:04:00',
            'action': 'backup',
            'mode': 'fs',
            'storage': 'swift',
            'engine_name': 'tar',
            'os_identity_api_version': '3',
            'compression': 'gzip',
        }

    def edit_action(self, page: dict, made: dict):
        """The form shows what is there: saved as it is, nothing changes. It can't clear a field:
        what is empty it doesn't send.
        """
        path = f'actions/{made["action_id"]}'
        dialogue = self.follow(page, 'edit_action', made['action_id'])
        self.save(dialogue, SAVED_ACTION, 'freezer-actions/')
        self.assertEqual(made, self.api.call('GET', path, 200))
        self.save(
            dialogue,
            SAVED_ACTION,
            'freezer-actions/',
            backup_name='weekly',
            mode='mongo',
            storage='ssh',
            max_retries='9',
            mandatory=None,
            quiet=None,
            exclude='',
            max_retries_interval='',
        )
        self.assertEqual(
            {
                **made,
                'max_retries': 9,
                'mandatory': False,
                '_version': made['_version'] + 1,
                'freezer_action': {
                    **made['freezer_action'],
                    'backup_name': 'weekly',
                    'mode': 'mongo',
                    'storage': 'ssh',
                },
            },
            self.api.call('GET', path, 200),
        )

    def remove_actions(self, shown: dict, action_id: str):
        """Actions are found, and deleted from their own page and from the list, by row and by
        tick.
        """
        page = self.visit('freezer-actions/')
        self.assertEqual({action_id}, set(self.filtered(page, 'actions_table', 'WEEK')['rows']))
        self.filtered(page, 'actions_table', '')
        ids = [key for key in page['rows'] if key != action_id]
        self.assertEqual(
            [['success', 'Deleted Action: weekly']], self.press(shown, 'delete', action_id)
        )
        self.assertEqual(
            [['success', 'Deleted Action: nightly_of_web']], self.press(page, 'delete', ids[0])
        )
        self.assertEqual(
            [['success', f'Deleted Actions: {", ".join(["nightly_of_web"] * len(ids[1:]))}']],
            self.press(page, 'delete_multiple_actions', ticked=tuple(ids[1:])),
        )
        self.assertEqual({}, self.visit('freezer-actions/')['rows'])

    def test_refused_form_of_an_action_makes_nothing(self):
        """The form asks for what it needs; what the plugin gets wrong is an error page, and nothing
        is made.

        Its mode "Microsoft SQL Server" is sent as ``mssql``, which neither the API nor the agent
        knows (it is ``sqlserver``); and an action without a name, which the form has none for with
        ``admin``, isn't sent at all.
        """
        dialogue = self.visit('freezer-actions/create/', ajax=True)
        again = self.sent(dialogue, action='backup', mode='fs')
        self.assertEqual(200, again['status'])
        self.assertEqual('', again['location'])
        self.assertIn('You must define a path to backup.', again['text'])
        self.assertEqual(500, self.sent(dialogue, **{**WRITTEN, 'mode': 'mssql'})['status'])
        self.assertIn('Error 400: freezer_action.mode', self.horizon.said()[-1])
        self.assertEqual(500, self.sent(dialogue, action='admin', remove_older_than='30')['status'])
        self.assertIn("'NoneType' object has no attribute 'replace'", self.horizon.said()[-1])
        self.assertEqual([], self.api.call('GET', 'actions', 200)['actions'])

    def test_backups_are_listed_found_and_deleted(self):
        """Backups are listed, found, shown and deleted."""
        ids = [
            self.api.call('POST', 'backups', 201, body)['backup_id']
            for body in (
                BACKUP,
                {**BACKUP, **SSH, 'backup_name': 'remote'},
                {'backup_name': 'volume', 'status': 'creating'},
            )
        ]
        page = self.visit('freezer-backups/')
        self.assertEqual(
            [
                '',
                'nightly',
                'web.example',
                'available',
                '01/02/2026 3:04 a.m.',
                '2',
                'Restore Delete Backup',
            ],
            page['rows'][ids[0]],
        )
        self.assertEqual(['', 'volume', '-', 'creating'], page['rows'][ids[2]][:4])
        for text, found in (
            (ids[2], {ids[2]}),
            (ids[0][3:20], {ids[0]}),
            ('STORE.exam', {ids[1]}),
            ('nightlies', set()),
            ('', set(ids)),
        ):
            self.assertEqual(found, set(self.filtered(page, 'backups', text)['rows']), text)
        self.assertEqual(
            {
                'Backup Name': 'nightly',
                'Backup ID': ids[0],
                'Status': 'available',
                'Action Type': 'backup',
                'Created At': '01/02/2026 3:04 a.m.',
                'Backup Media': 'fs',
                'Path to Backup': '/var/www',
                'Client Hostname': 'web.example',
                'Backup Level': '2 (Max level: 3)',
                'Encrypted': 'Yes',
                'Total Broken Links': '4',
                'Excluded Files': '/a /b',
                'Storage Engine': 'local',
                'Container / Bucket / Directory': '/backups',
            },
            dict(self.visit(f'freezer-backups/{ids[0]}')['details']),
        )
        shown = self.visit(f'freezer-backups/{ids[1]}')
        self.assertEqual(
            ('store.example', 'backup', '2222', '/root/.ssh/id'),
            tuple(
                dict(shown['details'])[name]
                for name in ('SSH Host', 'SSH Username', 'SSH Port', 'SSH Key / Mode')
            ),
        )
        self.assertIn(
            "Restore 'remote' from 2026/01/02 03:04", self.follow(shown, 'restore', ids[1])['text']
        )
        self.assertEqual(
            [['success', 'Deleted Backup: remote']], self.press(shown, 'delete', ids[1])
        )
        self.assertEqual(
            [['success', 'Deleted Backup: nightly']], self.press(page, 'delete', ids[0])
        )
        self.assertEqual(
            [['success', 'Deleted Backup: volume']],
            self.press(page, 'delete_multiple_backups', ticked=(ids[2],)),
        )
        self.assertEqual([], self.api.call('GET', 'backups', 200)['backups'])
        self.assertExercised('freezer-backups')

    def test_restore_makes_an_action_and_starts_its_job(self):
        """A restore is a new action, and a job of it that is told to start.

        The plugin's form offers no client to restore to: its template looks for them where they
        aren't. What follows sends what a browser would if there were one to choose.
        """
        self.clients('web', 'db')
        for name, changes in (('nightly', {}), ('remote', SSH)):
            backup_id = self.api.call(
                'POST', 'backups', 201, {**BACKUP, 'backup_name': name, **changes}
            )['backup_id']
            dialogue = self.visit(f'freezer-backups/restore/{backup_id}', ajax=True)
            self.assertIn('No clients found.', dialogue['text'])
            self.assertIn('Client is required', self.sent(dialogue, path='/srv/restored')['text'])
            self.save(dialogue, RESTORING, 'freezer-backups/', path='/srv/restored', client='db')
            (action,) = self.found('actions', 'backup_name', name)
            self.assertEqual(
                {
                    'action': 'restore',
                    'backup_name': name,
                    'restore_abs_path': '/srv/restored',
                    'container': '/backups',
                    'restore_from_host': 'web.example',
                    'restore_from_date': '2026-01-02T03:04:05',
                    'storage': 'local',
                    **changes,
                },
                action['freezer_action'],
            )
            (job,) = self.found('jobs', 'action_id', action['action_id'])
            self.assertEqual('db', job['client_id'])
            self.assertEqual(f'Restore {name} for db', job['description'])
            self.assertEqual('start', job['job_schedule']['event'])
            self.assertEqual(1, len(job['job_actions']))

    def found(self, kind: str, key: str, value: str) -> list[dict]:
        """What the API finds."""
        return self.api.call('GET', f'{kind}?limit=50', 200, {'match': [{key: value}]})[kind]

    def test_restore_keeps_the_blanks_of_a_name(self):
        """The plugin makes an action with underscores in the name, then sends a job that names it
        beside a definition with blanks.

        The two differ: so the job has an action of its own, with the name that the agent has to
        look for.
        """
        self.clients('web')
        backup_id = self.api.call(
            'POST', 'backups', 201, {**BACKUP, 'backup_name': 'nightly of web'}
        )['backup_id']
        dialogue = self.visit(f'freezer-backups/restore/{backup_id}', ajax=True)
        self.sent(dialogue, path='/srv/restored', client='web')
        (job,) = self.api.call('GET', 'jobs', 200)['jobs']
        (entry,) = job['job_actions']
        self.assertEqual('nightly of web', entry['freezer_action']['backup_name'])
        (action,) = self.found('actions', 'backup_name', 'nightly_of_web')
        self.assertNotEqual(action['action_id'], entry['action_id'])

    def test_scripts_get_clients_and_actions(self):
        """What the plugin has for scripts: clients, actions, and the actions that are in a job and
        those that aren't.
        """
        self.clients('web')
        ids = [
            self.api.call(
                'POST', 'actions', 201, {'freezer_action': {'action': 'exec', 'command': name}}
            )['action_id']
            for name in ('one', 'two')
        ]
        job_id = self.api.call(
            'POST', 'jobs', 201, {'client_id': 'web', 'job_actions': [{'action_id': ids[1]}]}
        )['job_id']
        self.assertEqual(self.api.call('GET', 'clients', 200)['clients'], self.script('clients/'))
        actions = self.script('actions/')
        self.assertEqual(
            [(ids[0], 'one', None), (ids[1], 'two', None)],
            [
                (
                    action['action_id'],
                    *(action['freezer_action'][key] for key in ('command', 'backup_name')),
                )
                for action in actions
            ],
        )
        found = self.script(f'actions/job/{job_id}')
        self.assertEqual(
            {'available': ids[:1], 'selected': ids[1:]},
            {where: [action['action_id'] for action in listed] for where, listed in found.items()},
        )
        self.assertExercised('freezer-api')
        # No panel is without a test.
        self.assertEqual(
            {
                f'freezer-{name}'
                for name in ('actions', 'api', 'backups', 'clients', 'jobs', 'sessions')
            },
            set(self.horizon.ask(kind='inventory')),
        )

    def script(self, path: str):
        """What a script gets."""
        answer = self.send(f'/project/freezer-api/{path}', ajax=True)
        self.assertEqual(200, answer['status'], self.why(answer))
        return answer['json']

    def test_missing_and_foreign_documents_lead_to_the_list(self):
        """What is not there leads back to the list, with a complaint; so does what is another
        project's.
        """
        other = self.useFixture(dashboards.Tenant(self.cloud.region))
        owner = programs.Project(self.cloud.url, other.project_id, other.token())
        owner.call('POST', 'clients', 201, {'client_id': 'foreign', 'hostname': 'foreign'})
        owner.call(
            'POST', 'jobs', 201, {'job_id': 'foreign', 'client_id': 'foreign', 'job_actions': []}
        )
        owner.call('POST', 'sessions/foreign', 201, {'schedule': {}})
        owner.call(
            'POST', 'actions', 201, {'action_id': 'foreign', 'freezer_action': {'action': 'exec'}}
        )
        for panel in ('clients', 'jobs', 'sessions', 'backups', 'actions'):
            detail = 'action/' if panel == 'actions' else ''
            missing, foreign = (
                self.send(f'/project/freezer-{panel}/{detail}{name}')
                for name in ('missing', 'foreign')
            )
            self.assertEqual(302, missing['status'])
            self.assertEqual(f'/project/freezer-{panel}/', missing['location'])
            self.assertEqual(['error'], [kind for kind, _ in missing['messages']])
            self.assertEqual(missing, foreign)

    def test_reader_sees_all_panels_and_deletes_nothing(self):
        """Who may only read sees all panels, and is told so where they press a button that changes
        something.
        """
        reader = self.useFixture(dashboards.Tenant(self.cloud.region, 'reader'))
        programs.Project(self.cloud.url, reader.project_id, identity.token('admin').id).call(
            'POST', 'clients', 201, {'client_id': 'web', 'hostname': 'web.example'}
        )
        self.log_in(reader)
        for panel in ('jobs', 'sessions', 'backups', 'actions'):
            self.visit(f'freezer-{panel}/')
        page = self.visit('freezer-clients/')
        self.assertEqual(
            [['error', 'Unable to delete client: web.example']], self.press(page, 'delete', 'web')
        )
        self.assertEqual({'web'}, set(self.visit('freezer-clients/')['rows']))

    def test_user_without_a_default_project_is_denied(self):
        """The plugin's client trades the token of the chosen project for one of the user's default
        project, if there is any.
        """
        self.log_in(self.useFixture(dashboards.Tenant(self.cloud.region, default_project=False)))
        answer = self.send('/project/freezer-jobs/')
        self.assertEqual(302, answer['status'])
        self.assertEqual('/project/', answer['location'])
        self.assertIn(
            'Error 403: Policy does not allow jobs:get_all to be performed.',
            answer['messages'][0][1],
        )


class TestPanelsOnSQLite(TestPanels):
    """The same, where the service has a file for its store."""

    store = programs.SQLITE
