"""The session flow by the published python-freezerclient: its library, and its ``openstack backup`` commands."""

import json
import os
import pathlib
import subprocess
import typing
import uuid

import fixtures
import testscenarios
import testtools

from tests import servers
from tests.live import programs
from tests.servers import identity, keystone, process

TARGETS = [('standalone', {'behind_keystone': False}), ('keystone', {'behind_keystone': True})]


def caller(program: str) -> str:
    """A program of the callers' environment, which ``tools/test`` makes."""
    folder = os.environ.get('FREEZER_TEST_CALLERS')
    if not folder:
        raise process.ServerFailed('FREEZER_TEST_CALLERS is not set; run the tests by: tools/test')
    return str(pathlib.Path(folder, 'bin', program))


class FlowTest(testscenarios.WithScenarios, testtools.TestCase):
    """A server, standalone or with MariaDB behind Keystone, and a project."""

    scenarios = TARGETS
    behind_keystone: bool

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixtures.TempDir()).path
        if not self.behind_keystone:
            self.url = self.useFixture(programs.standalone(self.folder)).url
            self.project_id, self.token = 'demo', ''
            return
        self.url = self.useFixture(programs.api(self.useFixture(programs.Deployment(servers.MYSQL)).config_file)).url
        member = identity.token('member')
        self.project_id, self.token = member.project_id, member.id

    def project(self) -> programs.Project:
        """The project by plain HTTP."""
        return programs.Project(self.url, self.project_id, self.token)


class TestLibrary(FlowTest):
    """``freezerclient.v2.client.Client``."""

    def test_flow(self):
        """Each step answers what the library's callers go on with."""
        script = pathlib.Path(__file__).with_name('flow.py')
        ended = subprocess.run([caller('python'), str(script), self.url, self.project_id, self.token],
                               capture_output=True, text=True, timeout=programs.SECONDS, check=False)
        self.assertEqual(0, ended.returncode, ended.stderr)
        found = {step['step']: step['found'] for step in map(json.loads, ended.stdout.splitlines())}
        self.assertEqual(('host', 'nightly'), (found['client'], found['job']))
        self.assertEqual({'result': 'success', 'session_tag': 1}, found['start'])
        self.assertEqual(('running', 1), (found['running']['status'], found['running']['session_tag']))
        self.assertEqual({'result': 'success', 'session_tag': 1}, found['end'])
        self.assertEqual(('completed', 'success'), (found['ended']['status'], found['ended']['result']))
        self.assertEqual('success', found['ended']['jobs']['nightly']['result'])
        self.assertEqual([found['ended']], found['found'])
        self.assertEqual(('nightly', 1), (found['poll'][0]['job_id'], found['poll'][0]['session_tag']))
        self.assertEqual('1 days', found['poll'][0]['job_schedule']['schedule_interval'])
        self.assertEqual(found['ended']['_version'] + 1, found['update'])
        self.assertEqual(('', 0, 'stop'), (found['member']['session_id'], found['member']['session_tag'],
                                           found['member']['job_schedule']['event']))
        self.assertEqual([None, None, None], found['gone'])


class TestCommands(FlowTest):
    """``openstack backup …``."""

    def setUp(self):
        super().setUp()
        self.arguments = ['--os-auth-type', 'none', '--os-endpoint', f'{self.url}/v2/{self.project_id}']
        if self.behind_keystone:
            region = self.useFixture(programs.Region(self.url)).name
            self.arguments = [
                '--os-auth-url', servers.address(servers.KEYSTONE), '--os-region-name', region,
                '--os-username', 'alpha-member', '--os-password', keystone.PASSWORD, '--os-user-domain-id', 'default',
                '--os-project-name', 'alpha', '--os-project-domain-id', 'default']

    def backup(self, *words: str, code: int = 0) -> str:
        """What a command prints."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
        ended = subprocess.run([caller('openstack'), *self.arguments, 'backup', *words], env=environment,
                               capture_output=True, text=True, timeout=programs.SECONDS, check=False)
        self.assertEqual(code, ended.returncode, f'{words}: {ended.stdout}{ended.stderr}')
        return ended.stdout if code == 0 else ended.stderr

    def table(self, *words: str) -> typing.Any:
        """What a command that shows something prints as JSON."""
        return json.loads(self.backup(*words, '-f', 'json'))

    def made(self, *words: str, **document: object) -> dict:
        """What a command shows that makes something of a document in a file."""
        path = pathlib.Path(self.folder, f'{uuid.uuid4()}.json')
        path.write_text(json.dumps(document))
        return self.table(*words, '--file', str(path))

    def test_flow(self):
        """Register, create, add, start, look, look at the run, remove. There is no command that ends: the agent does."""
        client = self.made('client', 'register', client_id='host', hostname='host', description='a machine')
        self.assertEqual('host', client['Client ID'])
        action = {'freezer_action': {'action': 'backup', 'mode': 'fs', 'path_to_backup': '/etc'}}
        job = self.made('job', 'create', '--client', 'host', description='etc', job_actions=[action])
        session = self.made('session', 'create', description='all of it', schedule={'schedule_interval': '1 days'}, hold_off=60)
        ids = ('--session-id', session['Session ID'], '--job-id', job['Job ID'])
        self.assertEqual((0, 'active'), (session['Session tag'], session['Status']))
        self.backup('session', 'add', 'job', *ids)
        self.backup('session', 'start', *ids, '--job-tag', '0')
        shown = self.table('session', 'show', session['Session ID'])
        self.assertEqual((1, 'running'), (shown['Session tag'], shown['Status']))
        self.look_at_the_run(session['Session ID'], job['Job ID'])
        self.assertEqual('completed', self.table('session', 'list')[0]['Status'])
        self.assertEqual(session['Session ID'], self.table('job', 'show', job['Job ID'])['Session ID'])
        self.assertEqual([job['Job ID']], [one['Job ID'] for one in self.table('job', 'list', '--client', 'host')])
        self.backup('session', 'remove', 'job', *ids)
        self.assertEqual('', self.table('job', 'show', job['Job ID'])['Session ID'])
        for words in (('session', 'delete', session['Session ID']), ('job', 'delete', job['Job ID']), ('client', 'delete', 'host')):
            self.backup(*words)
        self.assertEqual('Session not found\n', self.backup('session', 'show', session['Session ID'], code=1))

    def look_at_the_run(self, session_id: str, job_id: str) -> None:
        """End the job as its agent would, and look at the run, for which there is no command."""
        project = self.project()
        said = project.call('POST', f'sessions/{session_id}/action', 202,
                            {'end': {'job_id': job_id, 'current_tag': 1, 'result': 'success'}})
        self.assertEqual({'result': 'success', 'session_tag': 1}, said)
        run, = project.call('GET', f'sessions/{session_id}/runs', 200)['runs']
        self.assertEqual((1, 'completed', 'success'), (run['session_tag'], run['status'], run['result']))
        self.assertEqual([job_id], list(run['jobs']))
        self.assertEqual(run['jobs'], project.call('GET', f'sessions/{session_id}/runs/1', 200)['jobs'])

    def test_errors(self):
        """A command that is refused prints what the API says."""
        session = self.made('session', 'create', schedule={})
        said = self.backup('session', 'add', 'job', '--session-id', session['Session ID'], '--job-id', 'nobody', code=1)
        self.assertIn('nobody', said)
