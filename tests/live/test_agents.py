"""Two agents of the published release, and one of the release before, in the sessions of one
project.
"""

import pathlib
import socket

import fixtures
import testtools

from tests import servers
from tests.live import agents, programs
from tests.servers import identity

FAR = '2100-01-01T00:00:00'
#: More than one page of an agent's poll.
WAITING = [f'waiting-{number}' for number in range(12)]
NOWHERE = '/nonexistent/folder'
#: Its option disable_exec is in the group scheduler; it looks for it in none.
BROKEN = (
    r'(?s)Job "Job\.execute .*" raised an exception.*no such option disable_exec in group'
    r' \[DEFAULT\]'
)
#: What agents complain of here, and why no server can keep them from it.
EXPECTED = (
    # The folder that this job is to back up doesn't exist: the complaint is right.
    rf'(?s)Freezer client error: .*Path to backup does not exist {NOWHERE}',
    r'Job fails-south action backup failed after 1 tries',
    # It asks by offsets: a job of the second page is skipped when one of the first completes in
    # between; found again, it's new.
    r'Resetting scheduled status from job waiting-',
    BROKEN,
)


class TestAgents(testtools.TestCase):
    """All of it happens at the same time, as on real nodes: agents are started once, and each test
    looks at jobs of its own.
    """

    store = servers.MYSQL

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud = programs.shared(cls, programs.Cloud(store=cls.store))
        member = identity.token('member')
        cls.project = agents.Project(
            cls.cloud.url,
            member.project_id,
            member.id,
            programs.shared(cls, fixtures.TempDir()).path,
        )
        for name in ('north', 'south', 'old'):
            cls.project.call(
                'POST',
                'clients',
                201,
                {'client_id': name, 'hostname': 'announced', 'description': 'a node'},
            )
        cls.gates = {
            name: programs.shared(cls, agents.Gate()) for name in ('stopped', 'aborted', 'detached')
        }
        cls.prepare()
        login = agents.Login(cls.cloud.url, 'alpha-member', 'alpha')
        cls.north = programs.shared(cls, agents.Agent('north', login, cls.project))
        cls.old = programs.shared(cls, agents.Agent('old', login, cls.project, previous=True))
        # This one comes when the others' run of a session is over.
        cls.project.session_when(cls.late, status='completed')
        cls.south = programs.shared(cls, agents.Agent('south', login, cls.project))

    @classmethod
    def prepare(cls):
        """The jobs and sessions that the agents find."""
        project = cls.project
        cls.late = project.together(
            project.backup('late-north', 'north'), project.backup('late-south', 'south'), hold_off=1
        )
        cls.both = project.together(
            project.backup('both-north', 'north'), project.backup('both-south', 'south')
        )
        cls.fails = project.together(
            project.backup('fails-north', 'north'), project.backup('fails-south', 'south', NOWHERE)
        )
        # Without a storage an agent looks for Swift, whatever it does.
        touch = {
            'action': 'exec',
            'command': f'touch {project.folder}/touched',
            'storage': 'local',
            'container': str(project.folder),
        }
        cls.mixed = project.together(
            project.job('mixed-old', 'old', touch), project.backup('mixed-north', 'north')
        )
        cls.broken = project.together(project.job('broken', 'north', touch))
        cls.left = project.together(
            project.backup('detached', 'north', log=cls.gates['detached'].path)
        )
        project.backup(
            'stopped', 'north', log=cls.gates['stopped'].path, schedule_interval='continuous'
        )
        project.backup('aborted', 'north', log=cls.gates['aborted'].path)
        for job_id in ('told', *WAITING):
            project.backup(job_id, 'north', schedule_date=FAR)

    def tearDown(self):
        super().tearDown()
        # One came too late, which was the answer to each of its tries; then it ran its job all the
        # same.
        expected = (
            *EXPECTED,
            f'Retrying to start session {self.late}',
            f'Unable to start session {self.late}',
        )
        for agent in (self.north, self.south, self.old):
            self.assertEqual([], agent.printed(), agent.name)
            self.assertEqual([], agent.complaints(expected), agent.name)
        self.assertNotRegex(self.cloud.server.said(), 'ERROR|Traceback')

    def entries(self, document: dict) -> dict[str, tuple]:
        """What the members of a session or a run have done."""
        return {
            job_id: (entry['client_id'], entry['status'], entry['result'])
            for job_id, entry in document['jobs'].items()
        }

    def backups(self, run: dict) -> dict[str, dict]:
        """The backups of a run by the jobs that have made them."""
        documents = [
            self.project.call('GET', f'backups/{backup_id}', 200) for backup_id in run['backups']
        ]
        return {document['backup_metadata']['job_id']: document for document in documents}

    def test_agent_registers_and_keeps_what_is_known(self):
        """An agent announces what its machine is called and what it can do, and keeps what else is
        known of it.
        """
        client = self.project.call('GET', 'clients/north', 200)['client']
        self.assertEqual(socket.gethostname(), client['hostname'])
        self.assertEqual('a node', client['description'])
        self.assertIs(False, client['is_central'])
        self.assertEqual(
            ['backup', 'restore', 'info', 'admin', 'exec'], client['supported_actions']
        )
        self.assertEqual(
            ['local', 'swift', 'ssh', 's3', 'ftp', 'ftps'], client['supported_storages']
        )

    def test_agent_finds_its_jobs_on_all_pages(self):
        """It finds all of its jobs, however many pages they take, arms them and keeps them in its
        folder.
        """
        for job_id in WAITING:
            job = self.project.job_when(job_id, status='scheduled')
            self.assertEqual(
                ('', '', FAR),
                tuple(job['job_schedule'][key] for key in ('event', 'result', 'schedule_date')),
            )
        kept = {path.stem for path in (self.north.folder / 'jobs').iterdir()}
        self.assertTrue({f'job_{job_id}' for job_id in WAITING} <= kept, kept)
        self.assertFalse(any('south' in name for name in kept), kept)

    def test_waiting_job_obeys_each_command_once(self):
        """It is stopped, started again and aborted, and each command is gone once it is done."""
        self.project.job_when('told', status='scheduled')
        for event, status in (('stop', 'stop'), ('start', 'scheduled'), ('abort', 'stop')):
            self.project.obeyed('told', event, status)

    def test_two_agents_share_one_run(self):
        """Two agents, one run: the same tag, success, and both archives' documents in it."""
        session = self.project.session_when(self.both, status='completed')
        self.assertEqual('success', session['result'])
        self.assertEqual(1, session['session_tag'])
        self.assertEqual(
            {
                'both-north': ('north', 'completed', 'success'),
                'both-south': ('south', 'completed', 'success'),
            },
            self.entries(session),
        )
        run = self.project.run_of(self.both, 1)
        self.assertEqual('completed', run['status'])
        self.assertEqual('success', run['result'])
        self.assertEqual(self.entries(session), self.entries(run))
        made = self.backups(run)
        self.assertEqual({'both-north', 'both-south'}, made.keys())
        for job_id, document in made.items():
            self.assert_made(job_id, document)
            job = self.project.job_when(job_id, status='completed')
            self.assertEqual(
                (self.both, 1, 'success', ''),
                (job['session_id'], job['session_tag'], *self.outcome(job)),
            )

    def outcome(self, job: dict) -> tuple[str, str]:
        """A job's result, and the command that it still has to take."""
        return job['job_schedule']['result'], job['job_schedule']['event']

    def assert_made(self, job_id: str, document: dict) -> None:
        """A backup's document describes the one archive that its job has made."""
        self.assertEqual(
            {'backup_id', 'project_id', 'user_id', 'status', 'backup_metadata'}, document.keys()
        )
        metadata = document['backup_metadata']
        self.assertEqual('available', document['status'])
        self.assertEqual('fs', metadata['mode'])
        self.assertEqual('tar', metadata['engine_name'])
        self.assertEqual(job_id, metadata['backup_name'])
        self.assertEqual(socket.gethostname(), metadata['hostname'])
        self.assertEqual(str(self.project.data), metadata['path_to_backup'])
        (archive,) = self.project.archived(job_id)
        self.assertIn(str(metadata['time_stamp']), archive.parts)

    def test_failed_member_fails_the_run(self):
        """One member fails: so does the run, which has the other's backup alone."""
        session = self.project.session_when(self.fails, status='completed')
        self.assertEqual('fail', session['result'])
        self.assertEqual(1, session['session_tag'])
        self.assertEqual(
            {
                'fails-north': ('north', 'completed', 'success'),
                'fails-south': ('south', 'completed', 'fail'),
            },
            self.entries(session),
        )
        self.assertEqual({'fails-north'}, self.backups(self.project.run_of(self.fails, 1)).keys())
        self.assertEqual(
            ('fail', ''), self.outcome(self.project.job_when('fails-south', status='completed'))
        )

    def test_late_member_misses_the_run_and_joins_the_next(self):
        """One comes when the run is over, which fails for it; it is told so, and follows the next
        one, which a command begins.
        """
        self.project.job_when('late-south', status='completed')
        self.assertTrue(self.south.has_logged(f'Unable to start session {self.late}'))
        session = self.project.call('GET', f'sessions/{self.late}', 200)
        self.assertEqual('completed', session['status'])
        self.assertEqual('fail', session['result'])
        self.assertEqual(1, session['session_tag'])
        self.assertEqual(
            {
                'late-north': ('north', 'completed', 'success'),
                'late-south': ('south', 'scheduled', ''),
            },
            self.entries(session),
        )
        self.assertEqual(1, self.project.call('GET', 'jobs/late-south', 200)['session_tag'])
        # It has run its job all the same, outside of the run.
        self.assertEqual({'late-north'}, self.backups(self.project.run_of(self.late, 1)).keys())
        self.assertEqual(1, len(self.project.archived('late-south')))

        self.project.call(
            'PATCH', f'sessions/{self.late}', 200, {'hold_off': 600, 'event': 'start'}
        )
        session = self.project.session_when(self.late, session_tag=2, status='completed')
        self.assertEqual('success', session['result'])
        made = self.backups(self.project.run_of(self.late, 2))
        self.assertEqual({'late-north', 'late-south'}, made.keys())
        self.assertEqual(
            {2}, {self.project.call('GET', f'jobs/{job_id}', 200)['session_tag'] for job_id in made}
        )
        self.assertEqual({'late-north'}, self.backups(self.project.run_of(self.late, 1)).keys())

    def test_stopped_job_ends_its_run_and_begins_no_other(self):
        """A recurring job that is stopped ends the execution that is going on, and begins no
        other.
        """
        self.project.running('stopped')
        self.project.event('stopped', 'stop')
        self.assertEqual(
            'stop', self.project.job_when('stopped', status='running')['job_schedule']['event']
        )
        # Until it has been told it may begin again, once the one that goes on is over.
        self.north.polled(2)
        self.gates['stopped'].open()
        began = self.project.over('stopped')['job_schedule']['time_started']
        # It would have begun anew each second.
        self.north.polled(3)
        self.assertEqual(began, self.project.over('stopped')['job_schedule']['time_started'])
        self.assertEqual(1, len(self.project.archived('stopped')))

    def test_aborted_job_keeps_the_command_until_it_ends(self):
        """The agent takes the command, but kills nothing: it compares the method that tells the
        process's name with a name.

        It keeps the command until its job ends by itself; nothing that it reports in between makes
        the server forget it.
        """
        pid = self.project.running('aborted')['job_schedule']['current_pid']
        self.project.event('aborted', 'abort')
        agents.until(lambda: self.north.has_logged('JOB aborted event: ABORT'), bool)
        agents.until(lambda: self.north.has_logged('JOB aborted aborted.'), bool)
        self.assertIn('freezer-agent', pathlib.Path(f'/proc/{pid}/cmdline').read_text())
        schedule = self.project.call('GET', 'jobs/aborted', 200)['job_schedule']
        self.assertEqual('running', schedule['status'])
        self.assertEqual('abort', schedule['event'])
        self.assertEqual(pid, schedule['current_pid'])
        self.gates['aborted'].open()
        self.project.over('aborted')
        self.assertEqual(1, len(self.project.archived('aborted')))

    def test_detached_job_stays_outside_while_it_runs(self):
        """A member that leaves while it runs stays outside, whatever its agent, which doesn't know
        yet, reports.
        """
        self.project.running('detached')
        self.assertEqual('running', self.project.session_when(self.left, session_tag=1)['status'])
        self.project.call('DELETE', f'sessions/{self.left}/jobs/detached', 204)
        self.gates['detached'].open()
        job = self.project.job_when('detached', result='success')
        self.assertEqual('', job['session_id'])
        self.assertEqual(0, job['session_tag'])
        session = self.project.call('GET', f'sessions/{self.left}', 200)
        self.assertEqual(
            ('completed', 'fail', 1, {}),
            tuple(session[key] for key in ('status', 'result', 'session_tag', 'jobs')),
        )

    def test_agents_of_two_releases_share_one_run(self):
        """A command that the release before executes, and a backup of today's: one run."""
        session = self.project.session_when(self.mixed, status='completed')
        self.assertEqual('success', session['result'])
        self.assertEqual(1, session['session_tag'])
        self.assertEqual(
            {
                'mixed-old': ('old', 'completed', 'success'),
                'mixed-north': ('north', 'completed', 'success'),
            },
            self.entries(session),
        )
        self.assertTrue((self.project.folder / 'touched').exists())
        self.assertEqual({'mixed-north'}, self.backups(self.project.run_of(self.mixed, 1)).keys())
        self.assertEqual(
            ('success', ''), self.outcome(self.project.job_when('mixed-old', status='completed'))
        )

    def test_exec_of_this_release_never_ends_its_run(self):
        """It reports the job as running, starts its session, fails for an option of its own and
        never says so.

        The run waits for it until the member is taken away.
        """
        agents.until(lambda: self.north.has_logged(BROKEN), bool)
        self.assertEqual(
            'running', self.project.job_when('broken', status='running')['job_schedule']['status']
        )
        session = self.project.session_when(self.broken, session_tag=1)
        self.assertEqual({'broken': ('north', 'running', '')}, self.entries(session))
        self.project.call('DELETE', 'jobs/broken', 204)
        self.project.session_when(self.broken, status='completed', result='fail', jobs={})


@servers.needs(servers.ELASTICSEARCH9)
class TestAgentsOnElasticsearch(TestAgents):
    """The same, where the service keeps its documents in Elasticsearch."""

    store = servers.ELASTICSEARCH9


@servers.needs(servers.OPENSEARCH3)
class TestAgentsOnOpenSearch(TestAgents):
    """The same, where the service keeps its documents in OpenSearch."""

    store = servers.OPENSEARCH3
