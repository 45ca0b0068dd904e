"""Every command of the published python-freezerclient: ``openstack backup …``, and ``freezer``."""

import fixtures
import testtools

from tests import servers
from tests.live import callers, commands_steps, programs, shells
from tests.servers import keystone

OBJECTS = {'backup', 'client', 'job', 'session', 'action'}


class Commands(
    commands_steps.Clients,
    commands_steps.Actions,
    commands_steps.Jobs,
    commands_steps.Sessions,
    commands_steps.Backups,
):
    """One server for a class, a project and a shell for each test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = programs.shared(cls, cls.Target())
        cls.commands = shells.commands()

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.useFixture(fixtures.EnvironmentVariable('TZ', 'UTC'))
        self.shell = self.useFixture(
            self.Shell(self.target.home('admin'), self.target.region, interactive=True)
        )

    def known(self, kind: str) -> set[str]:
        """The commands on a kind of object that the package has, and their options."""
        return {
            word
            for command, options in self.commands[self.Shell.program].items()
            if object_of(command) == kind
            for word in (command, *(f'{command} {option}' for option in options))
        }

    def exercised(self, kind: str) -> None:
        """Nothing of the commands on a kind of object has been left out."""
        self.assertEqual(set(), self.known(kind) - self.shell.given)

    def test_every_command_has_a_test(self):
        """There is no command on what isn't tested, and no other program."""
        self.assertEqual(
            OBJECTS, {object_of(command) for command in self.commands[self.Shell.program]}
        )
        self.assertEqual(['freezer'], self.commands['programs'])


def object_of(command: str) -> str:
    """What a command is about."""
    return command.split()[0] if ' ' in command else 'backup'


class TestStandalone(Commands, testtools.TestCase):
    """``openstack``, which isn't asked for a token, and ``freezer-api --standalone``."""

    Target, Shell = callers.Standalone, shells.OpenStack


class TestFreezer(Commands, testtools.TestCase):
    """``freezer``, and a cloud: Keystone, and two processes of the API on MariaDB."""

    Target, Shell = callers.Cloud, shells.Freezer


class Processes(commands_steps.Steps):
    """Each command is a process of its own, and has an exit code."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = programs.shared(cls, cls.Target())

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.home = self.target.home()
        self.shell = self.useFixture(shells.OpenStack(self.home, self.target.region))

    def member(self) -> tuple[str, str]:
        """Register a client, create a job of it and a session, attach; the ids of session and
        job.
        """
        client = {'client_id': 'host', 'hostname': 'host', 'description': 'a machine'}
        self.assertEqual(
            'host', self.shown('client register', '--file', self.file(client))['Client ID']
        )
        body = {'description': 'etc', 'job_actions': [{'freezer_action': commands_steps.ETC}]}
        job = self.shown('job create', '--client', 'host', '--file', self.file(body))
        body = {
            'description': 'all of it',
            'schedule': {'schedule_interval': '1 days'},
            'hold_off': 60,
        }
        session = self.shown('session create', '--file', self.file(body))
        self.assertEqual(0, session['Session tag'])
        self.assertEqual('active', session['Status'])
        self.silent(
            'session add job', '--session-id', session['Session ID'], '--job-id', job['Job ID']
        )
        return session['Session ID'], job['Job ID']


class TestOpenStack(Processes, testtools.TestCase):
    """``openstack``, and a cloud: Keystone, whose catalogue has the service, and two processes of
    the API on MariaDB.
    """

    Target = callers.Cloud

    def test_session_is_made_run_and_deleted(self):
        """Register, create, add, start, look, look at the run, remove."""
        session_id, job_id = self.member()
        ids = ('--session-id', session_id, '--job-id', job_id)
        self.silent('session start', *ids, '--job-tag', '0')
        shown = self.shown('session show', session_id)
        self.assertEqual(1, shown['Session tag'])
        self.assertEqual('running', shown['Status'])
        self.look_at_the_run(session_id, job_id)
        self.assertEqual(['completed'], self.column('Status', 'session list'))
        self.assertEqual(session_id, self.shown('job show', job_id)['Session ID'])
        self.assertEqual([job_id], self.column('Job ID', 'job list', '--client', 'host'))
        self.silent('session remove job', *ids)
        for command in (
            ('session delete', session_id),
            ('job delete', job_id),
            ('client delete', 'host'),
        ):
            self.silent(*command)
        self.assertEqual('Session not found', self.refused('session show', session_id))

    def look_at_the_run(self, session_id: str, job_id: str) -> None:
        """End the job as its agent would, and look at the run, for which there is no command."""
        said = self.home.call(
            'POST',
            f'sessions/{session_id}/action',
            202,
            {'end': {'job_id': job_id, 'current_tag': 1, 'result': 'success'}},
        )
        self.assertEqual({'result': 'success', 'session_tag': 1}, said)
        (run,) = self.home.call('GET', f'sessions/{session_id}/runs', 200)['runs']
        self.assertEqual(1, run['session_tag'])
        self.assertEqual('completed', run['status'])
        self.assertEqual('success', run['result'])
        self.assertEqual([job_id], list(run['jobs']))
        self.assertEqual(
            run['jobs'], self.home.call('GET', f'sessions/{session_id}/runs/1', 200)['jobs']
        )

    def test_backup_and_action_are_made_shown_and_deleted(self):
        """A backup and an action, and tables as people read them."""
        metadata = {**commands_steps.ETC, 'hostname': 'host', 'time_stamp': 1428529956}
        self.assertEqual('available', self.shown('create', '--file', self.file(metadata))['Status'])
        (backup_id,) = (
            one['backup_id'] for one in self.home.call('GET', 'backups', 200)['backups']
        )
        self.assertIn(f'| {backup_id} |             | host     | /etc |', self.done('list'))
        self.assertRegex(self.done('show', backup_id), r'(?m)^\| Status     \| available +\|$')
        self.silent('delete', backup_id)
        self.assertEqual(
            f'[*] Error 404: Backup {backup_id} could not be found.',
            self.refused('delete', backup_id),
        )
        self.shown(
            'action create',
            '--file',
            self.file({'action_id': 'etc', 'freezer_action': commands_steps.ETC}),
        )
        self.assertIn(
            '[*] Error 400: max_retries: must be',
            self.refused('action update', 'etc', self.file({'max_retries': 'x'})),
        )

    def test_version_is_accepted_and_all_projects_denied(self):
        """The one option that the package adds for all commands; and what there isn't."""
        variables = {f'OS_{name.upper()}': value for name, value in self.shell.options().items()}
        ended = shells.run(
            'openstack',
            '--os-backup-api-version',
            '2',
            'backup',
            'job',
            'list',
            '-f',
            'value',
            **variables,
        )
        self.assertEqual(0, ended.code)
        self.assertEqual('', ended.err)
        ended = shells.run('openstack', 'backup', 'job', 'list', '--all-projects', **variables)
        self.assertEqual(1, ended.code)
        self.assertIn('[*] Error 403: ', ended.err)


class TestOpenStackStandalone(Processes, testtools.TestCase):
    """``openstack`` and ``freezer-api --standalone``, as its banner and the manual say."""

    Target = callers.Standalone

    def test_session_is_made_and_found_without_login(self):
        """It is told the address, and that there is nobody to log in to."""
        session_id = self.shown(
            'session create', '--file', self.file({'schedule': {}, 'description': 'all of it'})
        )['Session ID']
        self.assertIn(
            f'| {session_id} | all of it   | active |        |      0 |', self.done('session list')
        )
        for typed, found in (
            (f'[{{"session_id": "{session_id}"}}]', [session_id]),
            ('{"match": [{"description": "all of it"}]}', [session_id]),
            ('{"match": [{"_all": "ALL OF"}]}', [session_id]),
            ('{"match_not": [{"description": "all of it"}]}', ['']),
        ):
            self.assertEqual(found, self.column('Session ID', 'session list', '--search', typed))
        said = self.refused('session add job', '--session-id', session_id, '--job-id', 'nobody')
        self.assertEqual('[*] Error 404: Job nobody could not be found.', said)


class TestFreezerProcesses(Processes, testtools.TestCase):
    """``freezer``, and a cloud."""

    Target = callers.Cloud

    def setUp(self):
        super().setUp()
        self.shell = self.useFixture(shells.Freezer(self.home))

    def test_session_is_made_listed_and_refused_a_stranger(self):
        """Documents in files, tables, exit codes."""
        session_id, job_id = self.member()
        self.assertEqual([1], self.column('# Jobs', 'session list'))
        self.assertIn(
            f'| {session_id} | all of it   | active |        |      1 |', self.done('session list')
        )
        said = self.refused('session add job', '--session-id', session_id, '--job-id', 'nobody')
        self.assertEqual('[*] Error 404: Job nobody could not be found.', said)
        self.assertEqual(2, self.shell.run('job list', '--everything').code)
        self.silent('job delete', job_id)

    def test_every_option_of_the_program_is_accepted(self):
        """All that the program has; it takes a region and does nothing with it."""
        given = {
            f'--os-{name.replace("_", "-")}': value for name, value in self.shell.options().items()
        } | {
            '--os-backup-api-version': '2',
            '--os-endpoint-type': 'public',
            '--os-project-id': self.home.project_id,
            '--os-project-domain-name': 'Default',
            '--os-user-domain-name': 'Default',
            '--os-token': 'unused',
            '--os-region-name': 'nowhere',
            '--os-cacert': self.file(''),
            '--os-cert': self.file(''),
            '-k': '',
            '--insecure': '',
        }
        known = shells.commands()['options']
        self.assertEqual(known, {name: value != '' for name, value in given.items()})
        words = [word for name, value in given.items() for word in (name, value) if word]
        self.assertEqual(0, shells.run('freezer', *words, 'job-list').code)
        variables = {f'OS_{name.upper()}': value for name, value in self.shell.options().items()}
        self.assertEqual(0, shells.run('freezer', 'job-list', **variables).code)

    def test_token_does_not_log_in(self):
        """It changes a token for one that is for no project, so a token is of no use; and without
        Keystone it does nothing.
        """
        address = ('--os-backup-url', self.home.url)
        ended = shells.run(
            'freezer',
            *address,
            '--os-auth-url',
            servers.address(servers.KEYSTONE),
            '--os-token',
            self.home.token,
            '--os-project-id',
            self.home.project_id,
            'job-list',
        )
        self.assertEqual(1, ended.code)
        self.assertEqual('', ended.out)
        self.assertIn('[*] Error 40', ended.err)
        ended = shells.run('freezer', *address, 'job-list')
        self.assertEqual(1, ended.code)
        self.assertEqual('OS_AUTH_URL should be provided.\n', ended.err)

    def test_forbidden_removal_is_reported_by_a_wrong_text(self):
        """Who may not remove a job from a session isn't told so: the command looks for what
        exceptions don't have.
        """
        reader = self.target.home('reader')
        self.shell = self.useFixture(shells.Freezer(reader))
        self.assertEqual(
            "'ApiClientException' object has no attribute 'message'",
            self.refused('session remove job', '--session-id', 'any', '--job-id', 'any'),
        )
        self.assertIn(
            '[*] Error 403: ',
            self.refused('session add job', '--session-id', 'any', '--job-id', 'any'),
        )
        wrong = {
            **self.home.credentials,
            'password': f'{keystone.PASSWORD} not',
            'backup_url': self.home.url,
        }
        ended = shells.run(
            'freezer', 'job-list', **{f'OS_{name.upper()}': value for name, value in wrong.items()}
        )
        self.assertEqual(1, ended.code)
        self.assertIn('401', ended.err)
