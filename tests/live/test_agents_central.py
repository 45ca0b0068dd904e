"""A central scheduler: the published agent in a project of its own, which executes other projects'
jobs by trusts.
"""

import fixtures
import requests
import testtools

from tests import servers
from tests.live import agents, programs
from tests.servers import identity, keystone

EXPECTED = (
    # It reports the abort of a running job as who it is and not by the job's trust: in its own
    # project, where there is no such job.
    r'Job update error: \[\*\] Error 404: Job held',
)


class TestCentralScheduler(testtools.TestCase):
    """It has a client that all projects see, and a job in each of two."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scheduler = programs.shared(cls, agents.Scheduler())
        cls.cloud = programs.shared(cls, programs.Cloud(cls.scheduler.configuration()))
        cls.gate = programs.shared(cls, agents.Gate())
        cls.members = {name: identity.token('member', name) for name in ('alpha', 'beta')}
        folders = {name: programs.shared(cls, fixtures.TempDir()).path for name in cls.members}
        cls.projects = {
            name: agents.Project(cls.cloud.url, member.project_id, member.id, folders[name])
            for name, member in cls.members.items()
        }
        login = agents.Login(cls.cloud.url, cls.scheduler.name, cls.scheduler.name)
        cls.agent = programs.shared(
            cls, agents.Agent('central', login, cls.projects['alpha'], centralized_scheduler='true')
        )
        cls.sessions = {
            name: project.together(project.backup(f'of-{name}', 'central'))
            for name, project in cls.projects.items()
        }
        cls.held = cls.projects['alpha'].together(
            cls.projects['alpha'].backup('held', 'central', log=cls.gate.path)
        )

    def tearDown(self):
        super().tearDown()
        self.assertEqual([], self.agent.printed())
        self.assertEqual([], self.agent.complaints(EXPECTED))
        self.assertNotRegex(self.cloud.server.said(), 'ERROR|Traceback')

    def test_scheduler_runs_each_project_by_its_trust(self):
        """A session of each project has its run; the trust for it is who made the job's, and ends
        with the last job that has it.
        """
        for name in self.projects:
            self.assert_ran(name)
        project, member = self.projects['beta'], self.members['beta']
        credentials = project.call('GET', 'jobs/of-beta', 200)['user_credentials']
        self.assertEqual(member.user_id, credentials['trustor_user_id'])
        project.backup('later', 'central', schedule_date='2100-01-01T00:00:00')
        self.assertEqual(
            credentials, project.job_when('later', status='scheduled')['user_credentials']
        )
        trust = self.trust(credentials['trust_id'])
        self.assertEqual(member.project_id, trust['project_id'])
        self.assertEqual(self.scheduler.user_id, trust['trustee_user_id'])
        self.assertIs(False, trust['impersonation'])
        self.assertEqual(['member'], [role['name'] for role in trust['roles']])
        project.call('DELETE', 'jobs/later', 204)
        self.trust(credentials['trust_id'])
        project.call('DELETE', 'jobs/of-beta', 204)
        gone = self.assertRaises(requests.HTTPError, self.trust, credentials['trust_id'])
        self.assertEqual(404, gone.response.status_code)

    def assert_ran(self, name: str) -> None:
        """A project's session has had a run, with the backup that the scheduler has made in that
        project.
        """
        project = self.projects[name]
        session = project.session_when(self.sessions[name], status='completed')
        self.assertEqual('success', session['result'])
        self.assertEqual(1, session['session_tag'])
        self.assertEqual(
            {f'of-{name}': 'success'},
            {job_id: entry['result'] for job_id, entry in session['jobs'].items()},
        )
        self.assertEqual(
            1,
            project.job_when(f'of-{name}', status='completed', result='success', event='')[
                'session_tag'
            ],
        )
        (backup_id,) = project.run_of(self.sessions[name], 1)['backups']
        backup = project.call('GET', f'backups/{backup_id}', 200)
        self.assertEqual(self.members[name].project_id, backup['project_id'])
        self.assertEqual(self.scheduler.user_id, backup['user_id'])
        self.assertEqual(f'of-{name}', backup['backup_metadata']['job_id'])
        self.assertEqual('available', backup['status'])
        self.assertEqual(1, len(project.archived(f'of-{name}')))

    def test_every_project_sees_the_central_client(self):
        """Every project sees the client, which is the scheduler's."""
        for project in self.projects.values():
            client = project.call('GET', 'clients/central', 200)
            self.assertEqual(self.scheduler.project_id, client['project_id'])
            self.assertEqual(self.scheduler.user_id, client['user_id'])
            self.assertTrue(client['client']['is_central'])

    def trust(self, trust_id: str) -> dict:
        """A trust, as who has made it sees it in Keystone."""
        url = f'{servers.address(servers.KEYSTONE)}/OS-TRUST/trusts/{trust_id}'
        return keystone.request('GET', url, token=self.members['beta'].id).json()['trust']

    def test_aborted_job_keeps_the_command_until_it_ends(self):
        """The command reaches it, what it answers misses the job, which keeps the command until it
        is over.
        """
        project = self.projects['alpha']
        self.assertEqual('running', project.session_when(self.held, session_tag=1)['status'])
        # The process is the scheduler's, not this project's.
        self.assertNotIn('current_pid', project.job_when('held', status='running')['job_schedule'])
        project.event('held', 'abort')
        agents.until(lambda: self.agent.has_logged(EXPECTED[0]), bool)
        schedule = project.call('GET', 'jobs/held', 200)['job_schedule']
        self.assertEqual('running', schedule['status'])
        self.assertEqual('abort', schedule['event'])
        self.gate.open()
        project.over('held')
        self.assertEqual('success', project.session_when(self.held, status='completed')['result'])
