"""Two published agents back up; files change; a run is restored crosswise, and verified.

Identity is not what this is about: a double stands for Keystone.
"""

import os
import pathlib
import shutil
import time

import fixtures
import testtools

from tests.live import agents, keystone_double, programs, shells

PROJECT = 'alpha'
FILES = {'one': b'first\n', 'two': bytes(range(256)) * 40, 'below/three': b'deep\n', 'empty': b''}
#: Seconds within which members of a run start: one agent comes after the other.
WINDOW = 25
#: Bytes of a file that takes a while to be read many times.
LARGE = 2**27


class Project(agents.Project):
    """A project whose jobs have folders of their own."""

    def member(self, job_id: str, client_id: str, **action: str) -> str:
        """A job that backs up a folder of its own; its id."""
        data = self.folder / 'data' / job_id
        write(data, FILES)
        definition = {
            'action': 'backup',
            'mode': 'fs',
            'storage': 'local',
            'engine_name': 'tar',
            'backup_name': job_id,
            'path_to_backup': str(data),
            'container': str(self.folder / 'archives' / job_id),
            'log_file': str(self.folder / f'{job_id}.log'),
            **action,
        }
        return self.job(job_id, client_id, definition)

    def restored(self, session_id: str, operation: str, /, **body: object) -> dict:
        """Restore or verify a run; the answer, when it has ended."""
        answer = self.call('POST', f'sessions/{session_id}/{operation}', 202, body)
        return {**answer, 'session': self.session_when(answer['session_id'], status='completed')}


def write(folder: pathlib.Path, files: dict[str, bytes]) -> None:
    """Write files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(folder: pathlib.Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


class TestRestores(testtools.TestCase):
    """The agents are started once; two runs are over when the tests begin."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = programs.shared(cls, fixtures.TempDir()).path
        cls.server = programs.shared(cls, programs.standalone(f'{folder}/state'))
        cls.project = Project(cls.server.url, PROJECT, '', folder)
        key = cls.project.folder / 'key'
        key.write_text('secret\n')
        for name in ('north', 'old'):
            cls.project.call('POST', 'clients', 201, {'client_id': name, 'hostname': 'announced'})
        # A template as name, an encrypted archive with a checksum, and one by the release before.
        members = (
            cls.project.member('web', 'north', backup_name='{mode}_of_{resource_id}'),
            cls.project.member('db', 'north', encrypt_pass_file=str(key), consistency_check='true'),
            cls.project.member('log', 'old'),
        )
        cls.session_id = cls.project.together(*members, hold_off=WINDOW)
        login = programs.shared(cls, keystone_double.KeystoneDouble(PROJECT, cls.server.url))
        cls.agents = {
            name: programs.shared(
                cls, agents.Agent(name, login, cls.project, previous=name == 'old')
            )
            for name in ('north', 'old')
        }
        first = cls.project.session_when(
            cls.session_id, session_tag=1, status='completed', result='success'
        )
        # As long as its window is open no member begins another run.
        agents.until(time.time, lambda now: now > first['time_start'] + WINDOW)
        for job_id in members:
            data = cls.project.folder / 'data' / job_id
            shutil.rmtree(data)
            write(data, {'one': b'second\n', 'new': b'new\n'})
        agents.until(
            lambda: cls.project.call(
                'PATCH', f'sessions/{cls.session_id}', 200, {'event': 'start'}
            ),
            bool,
        )
        cls.project.session_when(
            cls.session_id, session_tag=2, status='completed', result='success'
        )

    def target(self, name):
        """A folder to restore to."""
        return pathlib.Path(self.useFixture(fixtures.TempDir()).path, name)

    def results(self, answer):
        """What became of each member."""
        jobs = answer['session']['jobs']
        return {member: jobs[job_id]['result'] for member, job_id in answer['jobs'].items()}

    def test_run_is_restored_to_the_other_nodes(self):
        """Run 1 is brought back to the other node, byte for byte; run 2 stays what it is."""
        crosswise = {
            'web': {'client_id': 'old'},
            'log': {'client_id': 'north'},
            'db': {'client_id': 'old'},
        }
        for tag, files in ((1, FILES), (2, {'one': b'second\n', 'new': b'new\n'})):
            target = self.target('all')
            body = {'path_prefix': str(target), 'jobs': crosswise}
            plan = self.project.call(
                'POST',
                f'sessions/{self.session_id}/runs/{tag}/restore',
                200,
                {**body, 'dry_run': True},
            )['plan']
            self.assertIs(True, plan['complete'])
            self.assertEqual([], plan['problems'])
            self.assertEqual(['exact'] * 3, [step['sure'] for step in plan['steps']])
            answer = self.project.restored(self.session_id, f'runs/{tag}/restore', **body)
            self.assertEqual(dict.fromkeys(crosswise, 'success'), self.results(answer))
            for job_id in crosswise:
                self.assertEqual(
                    files, read(target / str(self.project.folder / 'data' / job_id).lstrip('/'))
                )
            entry = self.project.run_of(self.session_id, tag)['restores'][0]
            self.assertEqual(answer['session_id'], entry['session_id'])
            self.assertEqual('completed', entry['status'])
            self.assertEqual('success', entry['result'])

    def test_a_strangers_file_survives(self):
        """An agent refuses a folder that isn't empty; that member alone fails. Asked to overwrite,
        it deletes what was there.
        """
        target = self.target('here')
        write(target, {'mine': b'not yours\n'})
        for overwrite, files, result in (
            (False, {'mine': b'not yours\n'}, 'fail'),
            (True, FILES, 'success'),
        ):
            wishes = {
                'web': {'path': str(target), 'overwrite': overwrite},
                'db': {'skip': True},
                'log': {'path': str(self.target('log'))},
            }
            answer = self.project.restored(self.session_id, 'runs/1/restore', jobs=wishes)
            self.assertEqual({'web': result, 'log': 'success'}, self.results(answer))
            self.assertEqual(files, read(target))

    def test_older_backup_is_restored_beside_a_newer_one(self):
        """The older backup of two, which is in the storage beside a newer one."""
        run = self.project.run_of(self.session_id, 1)
        documents = [self.project.call('GET', f'backups/{id}', 200) for id in run['backups']]
        (backup,) = [
            document for document in documents if document['backup_metadata']['job_id'] == 'log'
        ]
        target = self.target('one')
        answer = self.project.call(
            'POST',
            f'backups/{backup["backup_id"]}/restore',
            202,
            {'jobs': {'log': {'path': str(target), 'client_id': 'north'}}},
        )
        self.project.session_when(answer['session_id'], status='completed', result='success')
        self.assertEqual(FILES, read(target))

    def test_verification_fails_for_the_damaged_archive_only(self):
        """Both ways succeed; where an archive is damaged, only that member's fails."""
        target = self.target('verify')
        nodes = {
            'db': {'client_id': 'old'},
            'web': {'client_id': 'old'},
            'log': {'client_id': 'north'},
        }
        for body in ({}, {'mode': 'restore', 'path': str(target)}):
            answer = self.project.restored(self.session_id, 'runs/2/verify', jobs=nodes, **body)
            self.assertEqual(dict.fromkeys(nodes, 'success'), self.results(answer), body)
        self.assertEqual({'one': b'second\n', 'new': b'new\n'}, read(target / 'db'))
        self.damage('web')
        answer = self.project.restored(self.session_id, 'runs/2/verify', jobs=nodes)
        self.assertEqual({'db': 'success', 'log': 'success', 'web': 'fail'}, self.results(answer))
        listed = self.project.run_of(self.session_id, 2)['verifications']
        self.assertEqual(
            [('read', 'fail'), ('restore', 'success'), ('read', 'success')],
            [(entry['mode'], entry['result']) for entry in listed],
        )

    def test_a_pruned_run_is_refused(self):
        """What an admin job has removed is no longer listed as available."""
        session_id = self.project.together(self.project.member('brief', 'north'), hold_off=3)
        self.project.event('brief', 'start')
        self.project.session_when(session_id, session_tag=1, status='completed', result='success')
        (backup_id,) = self.project.run_of(session_id, 1)['backups']
        container = self.project.folder / 'archives' / 'brief'
        self.assertNotEqual({}, read(container))
        self.project.job(
            'prune',
            'north',
            {
                'action': 'admin',
                'mode': 'fs',
                'storage': 'local',
                'engine_name': 'tar',
                'backup_name': 'brief',
                'container': str(container),
                'remove_older_than': '0',
                'log_file': str(self.project.folder / 'prune.log'),
            },
        )
        self.project.over('prune')
        self.assertEqual({}, read(container))
        self.assertEqual('deleted', self.project.call('GET', f'backups/{backup_id}', 200)['status'])
        refused = self.project.call('POST', f'sessions/{session_id}/runs/1/restore', 409)
        self.assertEqual('restore.backup-deleted', refused['code'])

    def test_command_restores_and_exits_by_the_result(self):
        """A person restores a run, sees how it goes, and learns from the code what became of it."""
        target = self.target('all')
        ended = self.command('run', 'restore', '--path-prefix', str(target), '--client', 'north')
        self.assertEqual(0, ended.code, ended.err)
        for job_id in ('web', 'db', 'log'):
            self.assertIn(f'{job_id} on north: completed, success\n', ended.err)
            folder = str(self.project.folder / 'data' / job_id).lstrip('/')
            self.assertEqual(FILES, read(target / folder))
        self.damage('log', 0)
        ended = self.command('run', 'verify', '--job', 'log:client_id=north')
        self.assertEqual(1, ended.code, ended.err)
        for job_id, result in (('web', 'success'), ('db', 'success'), ('log', 'fail')):
            self.assertIn(f'{job_id} on north: completed, {result}\n', ended.err)

    def test_member_that_never_comes_fails_the_restore(self):
        """It is waited for as long as was said; then the restore has failed, what came is back,
        and the caller is told which one is missing.
        """
        self.project.call('POST', 'clients', 201, {'client_id': 'gone', 'hostname': 'gone'})
        target = self.target('all')
        words = ('--hold-off', '20', '--path-prefix', str(target), '--new-session-id', 'partly')
        ended = self.command(
            'run', 'restore', *words, '--job', 'web:client_id=gone', '--job', 'log:client_id=north'
        )
        self.assertEqual(1, ended.code, ended.err)
        self.assertIn('web on gone: scheduled\n', ended.err)
        self.assertNotIn('web on gone: completed', ended.err)
        for job_id in ('db', 'log'):
            self.assertIn(f'{job_id} on north: completed, success\n', ended.err)
            folder = str(self.project.folder / 'data' / job_id).lstrip('/')
            self.assertEqual(FILES, read(target / folder))
        self.assertRegex(ended.out, r'\| web +\| \w+ +\| gone +\| scheduled +\| +\|')
        session = self.project.call('GET', 'sessions/partly', 200)
        self.assertEqual('completed', session['status'])
        self.assertEqual('fail', session['result'])
        self.assertGreaterEqual(session['time_end'] - session['time_start'], 20)
        courses = {
            (entry['client_id'], entry['status'], entry['result'])
            for entry in session['jobs'].values()
        }
        self.assertEqual({('north', 'completed', 'success'), ('gone', 'scheduled', '')}, courses)
        (entry,) = [
            entry
            for entry in self.project.run_of(self.session_id, 1)['restores']
            if entry['session_id'] == 'partly'
        ]
        keys = ('status', 'result', 'time_start', 'time_end')
        self.assertEqual([session[key] for key in keys], [entry[key] for key in keys])
        self.come_late(session, target)

    def come_late(self, session, target):
        """The agent of a member that was given up runs its job all the same; only the job tells."""
        (job_id,) = [
            job_id for job_id, entry in session['jobs'].items() if entry['client_id'] == 'gone'
        ]
        login = self.useFixture(keystone_double.KeystoneDouble(PROJECT, self.server.url))
        self.useFixture(agents.Agent('gone', login, self.project))
        self.project.over(job_id)
        folder = str(self.project.folder / 'data' / 'web').lstrip('/')
        self.assertEqual(FILES, read(target / folder))
        after = self.project.call('GET', 'sessions/partly', 200)
        self.assertEqual(
            [session[key] for key in ('status', 'result', 'jobs')],
            [after[key] for key in ('status', 'result', 'jobs')],
        )

    def test_slow_checksum_does_not_hide_the_backup(self):
        """It delays what the storage is stamped with; the date finds the backup all the same, and
        not the one after it.
        """
        data = self.project.folder / 'data' / 'slow'
        member = self.project.member('slow', 'north', consistency_check='true')
        # Many names of one file: all are summed up, and one is stored.
        data.joinpath('large').touch()
        os.truncate(data / 'large', LARGE)
        for number in range(15):
            os.link(data / 'large', data / f'large-{number}')
        session_id = self.project.together(member, hold_off=0)
        for tag in (1, 2):
            self.project.call('PATCH', f'sessions/{session_id}', 200, {'event': 'start'})
            self.project.session_when(session_id, session_tag=tag, status='completed')
            self.project.over(member)
            data.joinpath('one').write_bytes(b'second\n')
        (backup_id,) = self.project.run_of(session_id, 1)['backups']
        told = self.project.call('GET', f'backups/{backup_id}', 200)['backup_metadata']
        stored = (self.project.folder / 'archives' / 'slow' / 'data').rglob('data')
        stamps = sorted(int(path.parent.parent.name) for path in stored if path.is_file())
        self.assertLess(told['time_stamp'], stamps[0])
        target = self.target('slow')
        answer = self.project.restored(
            session_id, 'runs/1/verify', mode='restore', path=str(target)
        )
        self.assertEqual({'slow': 'success'}, self.results(answer))
        self.assertEqual(
            told['consistency_checksum'],
            answer['plan']['steps'][0]['freezer_action']['consistency_checksum'],
        )
        found = {name: (target / 'slow' / name).read_bytes() for name in FILES}
        self.assertEqual(FILES, found)
        self.assertEqual(LARGE, (target / 'slow' / 'large-14').stat().st_size)

    def command(self, *words):
        """A command on run 1 that waits until it has ended."""
        address = ('--os-auth-type', 'none', '--os-endpoint', f'{self.server.url}/v2/{PROJECT}')
        return shells.run('openstack', *address, 'backup', *words, '--wait', self.session_id, '1')

    def damage(self, job_id, number=-1):
        """Flip bytes of an archive of a member, the one of run 2, until the test is over."""
        archives = (self.project.folder / 'archives' / job_id / 'data').rglob('data')
        found = (path for path in archives if path.is_file())
        latest = sorted(found, key=lambda path: path.stat().st_mtime)[number]
        whole = latest.read_bytes()
        self.addCleanup(latest.write_bytes, whole)
        middle = len(whole) // 2
        latest.write_bytes(
            whole[:middle]
            + bytes(byte ^ 0xFF for byte in whole[middle : middle + 8])
            + whole[middle + 8 :]
        )
