"""A restore from end to end in a cloud: Keystone, the catalogue, two agents with users of their
own, and an operator who gives commands.
"""

import json
import pathlib
import shutil
import uuid

import fixtures
import testtools

from tests.live import agents, callers, shells, test_restores
from tests.servers import identity, keystone

AGENTS = ('north', 'old')


class User(fixtures.Fixture):
    """A user of Keystone with a role in one project alone."""

    def __init__(self, project_id: str, role: str):
        super().__init__()
        self.project_id, self.role = project_id, role
        self.name = f'{role}-{uuid.uuid4().hex}'

    def _setUp(self) -> None:
        administrator = identity.Administrator()
        id = administrator.add(
            'user', name=self.name, domain_id='default', password=keystone.PASSWORD
        )
        self.addCleanup(administrator.remove, 'user', id)
        administrator.grant(self.role, id, self.project_id)


class TestRestoresWithKeystone(testtools.TestCase):
    """Two nodes are backed up and damaged; a run is shown, restored crosswise and verified."""

    def setUp(self):
        super().setUp()
        self.cloud = self.useFixture(callers.Cloud())
        self.home = self.cloud.home()
        self.project = test_restores.Project(
            self.cloud.url,
            self.home.project_id,
            self.home.token,
            self.useFixture(fixtures.TempDir()).path,
        )
        self.key = self.project.folder / 'key'
        self.key.write_text('secret\n')
        for name in AGENTS:
            self.project.call('POST', 'clients', 201, {'client_id': name, 'hostname': 'announced'})
        self.jobs = (
            self.project.member('web', 'north', encrypt_pass_file=str(self.key)),
            self.project.member('db', 'old'),
        )
        self.session_id = self.project.together(*self.jobs, hold_off=60)
        self.agents = [self.agent(name) for name in AGENTS]
        self.project.session_when(self.session_id, status='completed', result='success')
        self.shell = self.useFixture(shells.OpenStack(self.home, self.cloud.region))

    def agent(self, name):
        """A running agent that logs in as a user of its own."""
        user = self.useFixture(User(self.home.project_id, 'member')).name
        login = agents.Login(self.cloud.url, user, self.home.name)
        return self.useFixture(agents.Agent(name, login, self.project, previous=name == 'old'))

    def done(self, code, command, *words):
        """What a command on the run prints that ends with a code."""
        ended = self.shell.run(command, self.session_id, '1', *words)
        self.assertEqual(code, ended.code, ended.out + ended.err)
        return ended

    def test_member_restores_and_reader_is_refused(self):
        """What a member of the project asks for is done by the agents' users, byte for byte; a
        reader is refused.
        """
        for job_id in self.jobs:
            shutil.rmtree(self.project.folder / 'data' / job_id)
        target = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'back')
        crosswise = ('--job', 'web:client_id=old', '--job', 'db:client_id=north')
        words = ('--path-prefix', str(target), *crosswise)
        plan = json.loads(self.done(0, 'run restore', *words, '--dry-run', '-f', 'json').out)
        self.assertIs(True, plan['complete'])
        self.assertEqual([], plan['problems'])
        self.assertEqual(['exact', 'exact'], [step['sure'] for step in plan['steps']])
        self.refuse_a_reader(words)
        self.assertEqual([], self.shown()['Restores'])
        for command, asked in (('run restore', words), ('run verify', crosswise)):
            told = self.done(0, command, *asked, '--wait').err
            for job_id, client_id in (('web', 'old'), ('db', 'north')):
                self.assertIn(f'{job_id} on {client_id}: completed, success\n', told)
        for job_id in self.jobs:
            folder = str(self.project.folder / 'data' / job_id).lstrip('/')
            self.assertEqual(test_restores.FILES, test_restores.read(target / folder))
        for kept in ('Restores', 'Verifications'):
            (entry,) = self.shown()[kept]
            self.assertEqual('completed', entry['status'])
            self.assertEqual('success', entry['result'])
        for agent in self.agents:
            self.assertEqual([], agent.printed(), agent.name)
            self.assertEqual([], agent.complaints(()), agent.name)
        self.assertNotRegex(self.cloud.server.said(), 'ERROR|Traceback')

    def shown(self):
        """The run, as the command shows it."""
        return json.loads(self.done(0, 'run show', '-f', 'json').out)

    def refuse_a_reader(self, words):
        """Plans show definitions; who only reads the project gets none."""
        reader = self.useFixture(User(self.home.project_id, 'reader')).name
        home = callers.Home(
            self.home.url, self.home.project_id, '', user=reader, name=self.home.name
        )
        shell = self.useFixture(shells.OpenStack(home, self.cloud.region))
        for more in ((), ('--dry-run',)):
            ended = shell.run('run restore', self.session_id, '1', *words, *more)
            self.assertEqual(1, ended.code, ended.out + ended.err)
            self.assertIn('HTTP 403', ended.err)
        self.assertEqual(0, shell.run('run show', self.session_id, '1').code)
