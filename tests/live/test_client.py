"""The commands of the extra ``client``, given to the published ``openstack`` program."""

import concurrent.futures
import json
import pathlib
import time

import fixtures
import testtools

from tests.live import agents, callers, commands_steps, programs, runs, shells
from tests.servers import process

ID = r'req-[0-9a-f-]{36}'


class Commands(commands_steps.Steps):
    """One server for a class; a project with a run for each test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = programs.shared(cls, cls.Target())

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.home = self.target.home()
        self.shell = self.useFixture(shells.OpenStack(self.home, self.target.region))
        self.run_ = runs.Run(self.home)
        self.words = (self.run_.session_id, '1')

    def ended(self, code: int, command: str, *words: str) -> shells.Ended:
        """What became of a command that ends with a code."""
        ended = self.shell.run(command, *words)
        self.assertEqual(code, ended.code, ended.out + ended.err)
        return ended

    def json(self, command: str, *words: str):
        """The JSON that a command prints."""
        return json.loads(self.done(command, *words, '-f', 'json'))

    def test_runs_are_listed_and_shown_with_their_parts(self):
        (row,) = self.json('run list', self.run_.session_id)
        self.assertEqual(
            (1, 'completed', 'success', 2),
            tuple(row[key] for key in ('Session tag', 'Status', 'Result', 'Jobs')),
        )
        self.assertRegex(
            self.done('run list', self.run_.session_id),
            r'\|\s+1 \| completed \| success \| 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d \|',
        )
        self.assertEqual([], self.json('run list', self.run_.session_id, '--marker', '1'))
        run = self.home.call('GET', self.run_.path, 200)
        shown = self.json('run show', *self.words)
        for key in ('jobs', 'backups', 'restores', 'verifications', 'time_start'):
            self.assertEqual(run[key], shown[key.capitalize().replace('_', ' ')])
        table = self.done('run show', *self.words)
        for text in (
            '| db: south completed, success',
            '| web: north completed, success',
            *self.run_.backups.values(),
        ):
            self.assertIn(text, table)

    def test_dry_run_shows_the_plan_and_makes_nothing(self):
        """Nothing is made; the table has what agents would be told, no secrets, JSON the plan."""
        told = (
            '--dry-run',
            '--path-prefix',
            '/back',
            '--client',
            'south',
            '--job',
            'web:client_id=north',
            '--job',
            'db:log_file=/log=1',
            '--job',
            'db:overwrite=true',
            '--job',
            'db:path=/db2',
        )
        body = {
            'dry_run': True,
            'path_prefix': '/back',
            'client_id': 'south',
            'jobs': {
                'web': {'client_id': 'north'},
                'db': {'path': '/db2', 'overwrite': True, 'freezer_action': {'log_file': '/log=1'}},
            },
        }
        plan = self.home.call('POST', f'{self.run_.path}/restore', 200, body)['plan']
        self.assertEqual([], plan['problems'])
        self.assertEqual(plan, self.json('run restore', *self.words, *told))
        table = self.done('run restore', *self.words, *told)
        for text in (
            'restore_abs_path = /db2',
            'restore_abs_path = /back/web',
            'log_file = /log=1',
            'overwrite = True',
            'ssh_host = vault',
            'ssh_password = ***',
            '| south ',
            '| north ',
        ):
            self.assertIn(text, table)
        self.assertNotIn('unspeakable', table)
        for step in plan['steps']:
            self.assertIn(
                f'restore_from_date = {step["freezer_action"]["restore_from_date"]}', table
            )
        for command in ('run verify', 'run restore'):
            self.json(command, *self.words, '--dry-run')
        self.assertEqual([], self.home.call('GET', self.run_.path, 200)['restores'])

    def test_problem_is_shown_and_refuses_the_restore(self):
        """It is told below the table, and refuses the command itself."""
        self.home.call('PATCH', f'backups/{self.run_.backups["web"]}', 200, {'status': 'deleted'})
        table = self.done('run restore', *self.words, '--dry-run')
        self.assertIn(
            f'\nProblem: web: deleted: Backup {self.run_.backups["web"]}: Its status is deleted.\n',
            table,
        )
        self.assertIn('\nWarning: in-place: The backup is restored to where it came from.\n', table)
        self.assertIn('\nThe plan is not complete', table)
        self.assertRegex(
            self.refused('run restore', *self.words),
            r'^jobs.web: Backup \S+: Its status is deleted.'
            rf' \(HTTP 409, restore.backup-deleted, {ID}\)$',
        )
        self.assertIn(
            'web', self.json('run restore', *self.words, '--dry-run')['problems'][0]['job_id']
        )
        made = self.json('run restore', *self.words, '--job', 'web:skip=true')
        self.assertEqual({'db'}, set(made['jobs']))

    def test_restore_makes_a_session_with_a_job_for_each_member(self):
        """The session that does it, with a job for each member, under an id of one's own."""
        made = self.json('run restore', *self.words, '--new-session-id', 'back', '--hold-off', '5')
        session = self.home.call('GET', 'sessions/back', 200)
        self.assertEqual('back', made['session_id'])
        self.assertEqual(5, session['hold_off'])
        self.assertEqual(session, made['session'])
        self.assertEqual({'db', 'web'}, set(made['jobs']))
        again = self.json('run restore', *self.words, '-c', 'Job ID', '-c', 'Client ID')
        self.assertEqual(
            [{'Job ID': 'db', 'Client ID': 'south'}, {'Job ID': 'web', 'Client ID': 'north'}], again
        )
        self.assertRegex(
            self.refused('run restore', *self.words, '--new-session-id', 'back'),
            rf'session back exists already. \(HTTP 409, session.exists, {ID}\)$',
        )
        shown = self.done('run show', *self.words)
        self.assertIn('| back restore active', shown)

    def test_single_backup_is_restored_to_another_place(self):
        made = self.json(
            'restore', self.run_.backups['web'], '--client', 'south', '--path-prefix', '/r'
        )
        job = self.home.call('GET', f'jobs/{made["jobs"]["web"]}', 200)
        self.assertEqual('south', job['client_id'])
        self.assertEqual('/r/web', job['job_actions'][0]['freezer_action']['restore_abs_path'])
        self.assertEqual(self.run_.backups['web'], made['session']['restore']['backup_id'])

    def test_verification_by_restoring_needs_a_path(self):
        """By reading, or by restoring to a folder."""
        made = self.json('run verify', *self.words, '--mode', 'restore', '--path', '/v')
        self.assertEqual('verify-restore', made['session']['restore']['mode'])
        self.assertRegex(
            self.refused('run verify', *self.words, '--mode', 'restore'),
            rf'^path: is required if mode is restore. \(HTTP 400, request.invalid, {ID}\)$',
        )

    def test_waiting_tells_changes_and_exits_by_the_result(self):
        """Each change of a member is told; the code says whether all have succeeded."""
        for results, code in (
            ({'db': 'success', 'web': 'success'}, 0),
            ({'db': 'success', 'web': 'fail'}, 1),
        ):
            id = f'back-{code}'
            with concurrent.futures.ThreadPoolExecutor() as pool:
                waiting = pool.submit(
                    self.shell.run, 'run restore', *self.words, '--wait', '--new-session-id', id
                )
                jobs = agents.until(lambda id=id: self.begun(id), lambda jobs: len(jobs) == 2)
                for job_id in jobs.values():
                    self.run_.start(id, job_id, 0)
                for member, job_id in jobs.items():
                    self.run_.end(id, job_id, results[member])
                ended = waiting.result()
            self.assertEqual(code, ended.code, ended.err)
            for member, client_id in (('db', 'south'), ('web', 'north')):
                self.assertIn(f'{member} on {client_id}: completed, {results[member]}\n', ended.err)
                self.assertRegex(
                    ended.out,
                    rf'\| {member} +\| \w+ +\| {client_id} +\| completed \| {results[member]} ',
                )

    def begun(self, session_id: str) -> dict[str, str]:
        """The members of a restore that has been started, by those that they restore."""
        found = self.home.call(
            'GET', f'sessions?search={json.dumps({"match": [{"session_id": session_id}]})}', 200
        )
        jobs = [
            self.home.call('GET', f'jobs/{job_id}', 200)
            for session in found['sessions']
            for job_id in session['jobs']
            if session['session_id'] == session_id
        ]
        return {
            job['job_actions'][0]['freezer_action']['backup_name']: job['job_id']
            for job in jobs
            if job['job_schedule']['event'] == 'start'
        }

    def test_waiting_ends_at_its_timeout(self):
        """A member that never comes isn't waited for longer than one wants."""
        ended = self.ended(
            1, 'run restore', *self.words, '--wait', '--timeout', '1', '--new-session-id', 'back'
        )
        self.assertIn('Session back did not end within 1 seconds; it continues.', ended.err)

    def test_check_tells_what_agents_make_of_a_job(self):
        """What agents would make of a job, that is there or not."""
        self.assertEqual([], self.json('job check', 'web'))
        file = self.file(
            {'job_actions': [{'freezer_action': {'action': 'exec', 'command': 'true'}}]}
        )
        ended = self.ended(1, 'job check', '--file', file, '--client', 'north', '-f', 'json')
        self.assertEqual(
            [(0, 'exec')], [(row['Action'], row['Code']) for row in json.loads(ended.out)]
        )
        ended = self.ended(1, 'job check', '--file', file)
        self.assertRegex(
            ended.err, rf'^client_id: is required. \(HTTP 400, request.invalid, {ID}\)\n$'
        )
        for content in ('[]', '{'):
            file = self.file(content)
            self.assertIn(f'{file}: ', self.refused('job check', '--file', file))
        self.assertIn(
            'No such file',
            self.refused('job check', '--file', str(pathlib.Path(self.folder, 'none'))),
        )

    def test_refusal_is_one_line_with_code_and_request_id(self):
        for command, words, text in (
            (
                'run list',
                ('none',),
                'Session none could not be found. (HTTP 404, session.not-found, ',
            ),
            (
                'run show',
                (self.run_.session_id, '9'),
                ' could not be found. (HTTP 404, run.not-found, ',
            ),
            (
                'run restore',
                (self.run_.session_id, '9'),
                ' could not be found. (HTTP 404, run.not-found, ',
            ),
            ('restore', ('none',), 'Backup none could not be found. (HTTP 404, backup.not-found, '),
            ('job check', ('none',), 'Job none could not be found. (HTTP 404, job.not-found, '),
            (
                'run restore',
                (*self.words, '--client', 'none'),
                'could not be found. (HTTP 422, job.client-not-found, ',
            ),
            (
                'run restore',
                (*self.words, '--job', 'x:skip=true'),
                'jobs.x: is not a member of what is restored. (HTTP 400',
            ),
            (
                'run restore',
                (*self.words, '--job', 'db:Engine-Name=tar'),
                'must be spelt engine_name. (HTTP 400, request.inv',
            ),
        ):
            said = self.refused(command, *words)
            self.assertIn(text, said)
            self.assertRegex(said, rf'\(HTTP \d+, [a-z.-]+, {ID}\)$')
            self.assertNotIn('\n', said)
        for word in ('db', 'db:path', ':path=/x', 'db:=x', 'db:skip=perhaps'):
            self.assertIn('--job', self.ended(2, 'run restore', *self.words, '--job', word).err)


class TestStandalone(Commands, testtools.TestCase):
    """``freezer-api --standalone``: nobody needs a token, and the address has the project."""

    Target = callers.Standalone

    def test_address_without_project_or_service_is_refused(self):
        """Where no token tells the project the address has to, and a service that is away."""
        options = ('--os-auth-type', 'none', '--os-endpoint')
        words = ('backup', 'run', 'list', self.run_.session_id)
        for endpoint in (self.home.url, f'{self.home.url}/v2', f'{self.home.url}/v2/'):
            ended = shells.run('openstack', *options, endpoint, *words)
            self.assertEqual(1, ended.code)
            self.assertEqual(
                'The project is unknown: --os-endpoint must end with /v2/PROJECT.\n', ended.err
            )
        ended = shells.run(
            'openstack', *options, f'{self.home.url}/v2/{self.home.project_id}/', *words
        )
        self.assertEqual(0, ended.code)
        self.assertEqual('', ended.err)
        ended = shells.run('openstack', *options, 'http://127.0.0.1:1/v2/p', *words)
        self.assertEqual(1, ended.code)
        self.assertRegex(
            ended.err,
            r'^The backup service: Unable to establish connection to http://127.0.0.1:1[\w/]*\n$',
        )

    def test_waiting_goes_on_once_the_service_is_back(self):
        """Who waits is told so, and goes on when it is back."""
        folder, port = self.useFixture(fixtures.TempDir()).path, str(process.free_port())
        first = programs.standalone(folder, '--port', port)
        first.setUp()
        self.home = callers.Home(first.url, 'alpha', 'standalone')
        self.shell = self.useFixture(shells.OpenStack(self.home))
        self.run_ = runs.Run(self.home)
        words = (self.run_.session_id, '1', '--wait', '--new-session-id', 'back')
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.shell.run, 'run restore', *words)
            jobs = agents.until(lambda: self.begun('back'), lambda jobs: len(jobs) == 2)
            first.cleanUp()
            # Long enough to be noticed: it looks each five seconds.
            time.sleep(8)
            self.useFixture(programs.standalone(folder, '--port', port))
            for job_id in jobs.values():
                self.run_.start('back', job_id, 0)
            for job_id in jobs.values():
                self.run_.end('back', job_id)
            ended = waiting.result()
        self.assertEqual(0, ended.code, ended.err)
        self.assertIn('Unable to establish connection', ended.err)


class TestCloud(Commands, testtools.TestCase):
    """Keystone, whose catalogue has the service, and two processes of the API on MariaDB."""

    Target = callers.Cloud

    def test_reader_sees_runs_and_restores_none(self):
        reader = self.target.home('reader')
        self.shell = self.useFixture(shells.OpenStack(reader, self.target.region))
        self.assertRegex(
            self.refused('run restore', 'any', '1', '--dry-run'),
            rf'\(HTTP 403, policy.forbidden, {ID}\)$',
        )
        self.assertIn('session.not-found', self.refused('run list', 'any'))

    def test_token_beside_an_address_is_enough(self):
        """A token beside an address will do; one that nobody gave is refused by what checks it."""
        address = f'{self.home.url}/v2/{self.home.project_id}'
        options = ('--os-auth-type', 'admin_token', '--os-endpoint', address, '--os-token')
        words = ('backup', 'run', 'list', self.run_.session_id)
        ended = shells.run('openstack', *options, self.home.token, *words)
        self.assertEqual(0, ended.code)
        self.assertEqual('', ended.err)
        ended = shells.run('openstack', *options, 'made-up', *words)
        self.assertEqual(1, ended.code)
        self.assertEqual('', ended.out)
        self.assertRegex(ended.err, rf'^The request you have made .* \(HTTP 401, {ID}\)\n$')
