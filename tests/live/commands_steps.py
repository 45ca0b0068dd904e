"""What every command is given, on any server and by any program, and what it prints."""

import ast
import csv
import json
import pathlib
import pprint
import typing
import uuid

from testtools import matchers

from tests.live import shells

ETC = {
    'action': 'backup',
    'mode': 'fs',
    'path_to_backup': '/etc',
    'backup_name': 'etc',
    'container': '/backups',
    'storage': 'local',
}


class Steps:
    """Gives commands to ``shell``, and reads what they print; ``folder`` has the files that they
    are given.
    """

    shell: shells.Shell
    folder: str

    def file(self, document: object) -> str:
        """A file with a document, as people write them; its path."""
        path = pathlib.Path(self.folder, f'my {uuid.uuid4().hex}.json')
        path.write_text(document if isinstance(document, str) else json.dumps(document, indent=4))
        return str(path)

    def done(self, command: str, *words: str) -> str:
        """What a command prints that is carried out."""
        ended = self.shell.run(command, *words)
        self.assertEqual(0 if ended.code is not None else None, ended.code, f'{command} {words}')
        self.assertEqual('', ended.err, f'{command} {words}')
        return ended.out

    def silent(self, command: str, *words: str) -> None:
        """A command that is carried out prints nothing."""
        self.assertEqual('', self.done(command, *words), f'{command} {words}')

    def shown(self, command: str, *words: str) -> typing.Any:
        """What a command shows, as JSON."""
        said = self.done(command, *words, '-f', 'json')
        self.assertIn(said[:1], ('{', '['), said)
        return json.loads(said)

    def column(self, name: str, command: str, *words: str) -> list[str]:
        """A column of what a command lists."""
        return [row[name] for row in self.shown(command, *words)]

    def refused(self, command: str, *words: str) -> str:
        """What a command prints as its error, alone."""
        ended = self.shell.run(command, *words)
        if ended.code is not None:
            self.assertEqual(1, ended.code, f'{command} {words}')
            self.assertEqual('', ended.out, f'{command} {words}')
        return (ended.err or ended.out).removesuffix('\n')

    def lists(self, command: str, name: str, mark: str, ids: list[str], search: str) -> None:
        """A list: whole, in pages, by a text that the first of the ``ids`` has; ``mark`` names the
        column of the ids.
        """
        self.assertEqual(ids, self.column(mark, command))
        self.assertEqual(ids[:1], self.column(mark, command, '--limit', '1'))
        self.assertEqual(ids[1:2], self.column(mark, command, '--limit', '1', '--offset', '1'))
        self.assertEqual(ids[:1], self.column(mark, command, '--search', search.upper()))
        # A list of nothing is a row of nothing.
        (row,) = self.shown(command, '--search', f'no such {name}')
        self.assertEqual({''}, set(row.values()))
        self.assertIn('offset', self.refused(command, '--offset', '-1'))


class Clients(Steps):
    """``backup client …``."""

    def test_every_client_command_works_with_each_option(self):
        client = {'client_id': 'web', 'hostname': 'web.example', 'description': 'serves pages'}
        made = self.shown('client register', '--file', self.file(client))
        self.assertEqual(
            {
                'Client ID': 'web',
                'Client UUID': made['Client UUID'],
                'hostname': 'web.example',
                'description': 'serves pages',
            },
            made,
        )
        self.assertEqual(made, self.shown('client show', 'web'))
        again = self.shown(
            'client register',
            '--file',
            self.file({'client_id': 'web', 'description': 'mirrors pages'}),
        )
        self.assertEqual({**made, 'description': 'mirrors pages'}, again)
        self.shown('client register', '--file', self.file({'client_id': 'mail', 'uuid': 'U-1'}))
        listed, other = self.shown('client list')
        self.assertEqual(
            {
                'Client ID': 'web',
                'uuid': made['Client UUID'],
                'hostname': 'web.example',
                'description': 'mirrors pages',
            },
            listed,
        )
        self.assertEqual('U-1', other['uuid'])
        self.lists('client list', 'client', 'Client ID', ['web', 'mail'], 'mirrors')
        self.refuse_clients()
        self.silent('client delete', 'web')
        self.assertEqual('Client not found', self.refused('client show', 'web'))
        self.silent('client delete', 'web')
        self.exercised('client')

    def refuse_clients(self) -> None:
        """Wrong files; and what is refused, of which this command says nothing, for it looks for
        what exceptions don't have.
        """
        self.assertIn(
            'No such file', self.refused('client register', '--file', f'{self.folder}/none')
        )
        self.assertIn(
            'Unable to load conf file.',
            self.refused('client register', '--file', self.file('{"client_id": ')),
        )
        self.assertEqual(
            "'ApiClientException' object has no attribute 'message'",
            self.refused('client register', '--file', self.file({'hostname': 'web.example'})),
        )


class Actions(Steps):
    """``backup action …``."""

    def test_every_action_command_works_with_each_option(self):
        made = self.shown(
            'action create',
            '--file',
            self.file({'freezer_action': {**ETC, 'log_file': '/var/log/etc'}}),
        )
        home, action_id = self.shell.home, made['Action ID']
        self.assertEqual(
            {
                'Action ID': action_id,
                'Name': 'etc',
                'Action': 'backup',
                'Mode': 'fs',
                'Path to Backup or Restore': '/etc',
                'Storage': 'local',
                'Snapshot': 'False',
                'Container': '/backups',
                'Log_file': '/var/log/etc',
                'Remove_older_than': '365',
                'Max_retries_interval': 6,
                'Max_retries': 5,
                'User_id': home.user_id,
                'Project_id': home.project_id,
            },
            made,
        )
        self.assertEqual(made, self.shown('action show', action_id))
        other = self.shown(
            'action create',
            '--file',
            self.file({'action_id': 'info', 'freezer_action': {'action': 'info'}}),
        )
        self.assertEqual('info', other['Action ID'])
        self.assertEqual(
            {
                'Action ID': action_id,
                'Name': 'etc',
                'Action': 'backup',
                'Path to Backup or Restore': '/etc',
                'Mode': 'fs',
                'Storage': 'local',
                'snapshot': 'False',
            },
            self.shown('action list')[0],
        )
        self.lists('action list', 'action', 'Action ID', [action_id, 'info'], 'backups')
        changed = self.shown(
            'action update',
            action_id,
            self.file({'max_retries': 2, 'freezer_action': {'mode': 'mysql'}}),
        )
        self.assertEqual({**made, 'Max_retries': 2, 'Mode': 'mysql'}, changed)
        wrong = self.file({'freezer_action': {'action': 'destroy'}})
        for said in (
            self.refused('action create', '--file', wrong),
            self.refused('action update', action_id, wrong),
        ):
            self.assertIn("[*] Error 400: freezer_action.action: must be one of 'backup',", said)
        self.assertEqual(
            '[*] Error 404: Action none could not be found.',
            self.refused('action update', 'none', self.file({})),
        )
        for _ in range(2):
            self.silent('action delete', action_id)
        self.assertEqual('Action not found', self.refused('action show', action_id))
        self.exercised('action')


class Jobs(Steps):
    """``backup job …``."""

    def test_every_job_command_works_with_each_option(self):
        self.shell.home.call('POST', 'clients', 201, {'client_id': 'web'})
        self.shell.home.call(
            'POST', 'clients', 201, {'client_id': 'mail', 'supported_modes': ['mysql']}
        )
        job_id = self.create_jobs()
        self.list_jobs(job_id)
        self.get_jobs(job_id)
        self.command_jobs(job_id)
        self.refuse_jobs(job_id)
        for _ in range(2):
            self.silent('job delete', job_id)
        self.assertEqual('Job not found', self.refused('job show', job_id))
        self.exercised('job')

    def create_jobs(self) -> str:
        """One with all that is shown, and one under an id of one's own; the id of the first."""
        schedule = {
            'schedule_start_date': '2031-01-01T00:00:00',
            'schedule_end_date': '2032-01-01T00:00:00',
            'schedule_interval': '1 days',
        }
        body = {
            'description': 'nightly',
            'job_actions': [{'freezer_action': ETC, 'max_retries': 2}],
            'job_schedule': schedule,
        }
        made = self.shown('job create', '--client', 'web', '--file', self.file(body))
        document = self.shell.home.call('GET', f'jobs/{made["Job ID"]}', 200)
        self.assertEqual(
            {
                'Job ID': document['job_id'],
                'Client ID': 'web',
                'User ID': self.shell.home.user_id,
                'Session ID': '',
                'Description': 'nightly',
                'Actions': pprint.pformat(document['job_actions']),
                'Start Date': '2031-01-01T00:00:00',
                'End Date': '2032-01-01T00:00:00',
                'Interval': '1 days',
                'Status': '',
                'Result': '',
                'Current pid': '',
                'Event': '',
            },
            made,
        )
        self.assertEqual(made, self.shown('job show', made['Job ID']))
        mysql = {
            'job_actions': [{'freezer_action': {'action': 'backup', 'mode': 'mysql'}}],
            'job_id': 'dump',
            'client_id': 'web',
        }
        dump = self.shown('job create', '-C', 'mail', '--file', self.file(mysql))
        self.assertEqual('dump', dump['Job ID'])
        self.assertEqual('mail', dump['Client ID'])
        return made['Job ID']

    def list_jobs(self, job_id: str) -> None:
        """All, and those of a client; those of all projects."""
        self.assertEqual(
            {
                'Job ID': job_id,
                'Description': 'nightly',
                '# Actions': 1,
                'Result': '',
                'Status': '',
                'Event': '',
                'Session ID': '',
            },
            self.shown('job list')[0],
        )
        self.lists('job list', 'job', 'Job ID', [job_id, 'dump'], 'nightly')
        for option in ('--client', '-C'):
            self.assertEqual(['dump'], self.column('Job ID', 'job list', option, 'mail'))
        self.assertEqual(
            [''], self.column('Job ID', 'job list', '--client', 'mail', '--search', 'nightly')
        )
        other, elsewhere = self.target.home(), uuid.uuid4().hex
        other.call('POST', 'clients', 201, {'client_id': 'web'})
        other.call(
            'POST',
            'jobs',
            201,
            {'job_id': elsewhere, 'client_id': 'web', 'job_actions': [{'freezer_action': ETC}]},
        )
        self.assertThat(
            self.column('Job ID', 'job list', '--all-projects'),
            matchers.ContainsAll([job_id, 'dump', elsewhere]),
        )
        self.assertIn(
            elsewhere, self.column('Job ID', 'job list', '--all-projects', '--client', 'web')
        )
        self.assertNotIn(elsewhere, self.column('Job ID', 'job list', '--client', 'web'))

    def get_jobs(self, job_id: str) -> None:
        """The document in two forms, neither of which is JSON; written as JSON it can be sent back
        whole.
        """
        document = self.shell.home.call('GET', f'jobs/{job_id}', 200)
        self.assertEqual(f'{pprint.pformat(document)}\n', self.done('job get', job_id))
        self.assertEqual(f'{document}\n', self.done('job get', job_id, '--no-format'))
        whole = ast.literal_eval(self.done('job get', job_id))
        self.assertEqual(
            'nightly', self.shown('job update', job_id, self.file(whole))['Description']
        )
        self.assertEqual(document, self.shell.home.call('GET', f'jobs/{job_id}', 200))
        changed = self.shown(
            'job update', job_id, self.file({**whole, 'description': None, 'job_schedule': {}})
        )
        self.assertEqual('', changed['Interval'])
        self.assertEqual('nightly', changed['Description'])

    def command_jobs(self, job_id: str) -> None:
        """Each command, twice: it prints nothing, the job has the event."""
        for command, event in (
            ('job start', 'start'),
            ('job stop', 'stop'),
            ('job abort', 'abort'),
        ):
            for _ in range(2):
                self.silent(command, job_id)
            self.assertEqual(event, self.shown('job show', job_id)['Event'])
            self.assertEqual(
                '[*] Error 404: Job none could not be found.', self.refused(command, 'none')
            )
        self.assertEqual(-1, self.shown('job show', job_id)['Current pid'])

    def refuse_jobs(self, job_id: str) -> None:
        """What the API says is printed."""
        plain = self.file({'job_actions': [{'freezer_action': ETC}]})
        self.assertEqual(
            '[*] Error 422: client_id: client none could not be found.',
            self.refused('job create', '--file', plain, '--client', 'none'),
        )
        self.assertIn(
            '[*] Error 422: job_actions[0].freezer_action',
            self.refused('job create', '--file', plain, '-C', 'mail'),
        )
        daily = self.file({'job_schedule': {'schedule_interval': 'daily'}})
        self.assertIn(
            '[*] Error 400: job_schedule.schedule_interval: must be',
            self.refused('job update', job_id, daily),
        )
        self.assertEqual(
            '[*] Error 404: Job none could not be found.',
            self.refused('job update', 'none', self.file({})),
        )
        self.assertEqual('Job not found', self.refused('job get', 'none'))


class Sessions(Steps):
    """``backup session …``."""

    def test_every_session_command_works_with_each_option(self):
        home = self.shell.home
        home.call('POST', 'clients', 201, {'client_id': 'web'})
        home.call(
            'POST',
            'jobs',
            201,
            {'job_id': 'nightly', 'client_id': 'web', 'job_actions': [{'freezer_action': ETC}]},
        )
        body = {
            'description': 'all of it',
            'schedule': {'schedule_interval': '1 days'},
            'hold_off': 60,
        }
        made = self.shown('session create', '--file', self.file(body))
        session_id = made['Session ID']
        # No document has what is looked for as the last start.
        self.assertEqual(
            {
                'Session ID': session_id,
                'Session tag': 0,
                'Description': 'all of it',
                'Status': 'active',
                'Result': '',
                'Jobs': '{}',
                'Hold off': 60,
                'Schedule': "{'schedule_interval': '1 days'}",
                'Last start': None,
                'Time start': -1,
                'Time end': -1,
                'Project id': home.project_id,
                'User id': home.user_id,
            },
            made,
        )
        self.assertEqual(made, self.shown('session show', session_id))
        own = self.file({'session_id': 'own', 'schedule': {}})
        self.assertEqual('own', self.shown('session create', '--file', own)['Session ID'])
        self.lists('session list', 'session', 'Session ID', [session_id, 'own'], 'all of')
        whole = home.call('GET', f'sessions/{session_id}', 200)
        self.assertEqual(made, self.shown('session update', session_id, self.file(whole)))
        changed = self.shown(
            'session update',
            session_id,
            self.file({**whole, 'description': 'some of it', 'schedule': {}}),
        )
        self.assertEqual({**made, 'Description': 'some of it', 'Schedule': '{}'}, changed)
        self.run_session(session_id)
        self.refuse_sessions(session_id)
        self.silent('session delete', session_id)
        for command in ('session show', 'session delete'):
            self.assertEqual('Session not found', self.refused(command, session_id))
        self.exercised('session')

    def run_session(self, session_id: str) -> None:
        """A job joins, starts a run, and leaves; there is no command that ends: the agent does."""
        ids = ('--session-id', session_id, '--job-id', 'nightly')
        for _ in range(2):
            self.silent('session add job', *ids)
        self.silent('session start', *ids, '--job-tag', '0')
        shown = self.shown('session show', session_id)
        self.assertEqual(1, shown['Session tag'])
        self.assertEqual('running', shown['Status'])
        self.assertEqual(-1, shown['Time end'])
        self.assertEqual('running', ast.literal_eval(shown['Jobs'])['nightly']['status'])
        self.assertEqual(
            {
                'Session ID': session_id,
                'Description': 'some of it',
                'Status': 'running',
                'Result': '',
                '# Jobs': 1,
            },
            self.shown('session list')[0],
        )
        end = {'end': {'job_id': 'nightly', 'current_tag': 1, 'result': 'success'}}
        self.shell.home.call('POST', f'sessions/{session_id}/action', 202, end)
        self.assertEqual(['success', ''], self.column('Result', 'session list'))
        # Whether it starts or has to hold off isn't printed.
        self.silent('session start', *ids, '--job-tag', '1')
        self.assertEqual(1, self.shown('session show', session_id)['Session tag'])
        for _ in range(2):
            self.silent('session remove job', *ids)
        self.assertEqual(0, self.shown('session list')[0]['# Jobs'])

    def refuse_sessions(self, session_id: str) -> None:
        """What the API says is printed."""
        ids = ('--session-id', session_id, '--job-id')
        self.assertEqual(
            '[*] Error 404: Job none could not be found.',
            self.refused('session add job', *ids, 'none'),
        )
        self.assertIn(
            '[*] Error 400: ', self.refused('session start', *ids, 'nightly', '--job-tag', '1')
        )
        self.assertIn(
            'current_tag', self.refused('session start', *ids, 'nightly', '--job-tag', 'first')
        )
        self.assertEqual(
            '[*] Error 400: schedule: is required.',
            self.refused('session create', '--file', self.file({})),
        )
        self.assertIn(
            '[*] Error 400: hold_off: must be',
            self.refused('session update', session_id, self.file({'hold_off': -1})),
        )
        none = ('--session-id', 'none', '--job-id', 'nightly')
        self.assertEqual(
            'Session not found', self.refused('session start', *none, '--job-tag', '0')
        )
        self.assertEqual(
            '[*] Error 404: Session none could not be found.',
            self.refused('session add job', *none),
        )


class Backups(Steps):
    """``backup …`` without an object."""

    def test_every_backup_command_works_with_each_option(self):
        """Each, with each option. None but the list tells a backup's id: they look for it under
        another name.
        """
        home, late = (
            self.shell.home,
            {
                **ETC,
                'hostname': 'web',
                'time_stamp': 1428600000,
                'curr_backup_level': 1,
            },
        )
        made = self.shown('create', '--file', self.file(late))
        self.assertEqual(
            {
                'Backup ID': None,
                'Project ID': home.project_id,
                'User ID': home.user_id,
                'Status': 'available',
                'Metadata': pprint.pformat(late),
            },
            made,
        )
        self.shown(
            'create',
            '--file',
            self.file(
                {**late, 'time_stamp': 1428529956, 'hostname': 'mail', 'curr_backup_level': 0}
            ),
        )
        rows = self.list_backups()
        backup_id = rows[1]['Backup ID']
        self.assertEqual(made, self.shown('show', backup_id))
        nameless = self.file({'hostname': 'web', 'container': '/backups'})
        self.assertEqual(
            '[*] Error 400: backup_name: is required.', self.refused('create', '--file', nameless)
        )
        self.silent('delete', backup_id)
        self.assertEqual('Backup not found', self.refused('show', backup_id))
        self.assertEqual(
            f'[*] Error 404: Backup {backup_id} could not be found.',
            self.refused('delete', backup_id),
        )
        self.exercised('backup')

    def list_backups(self) -> list[dict[str, str]]:
        """The list, which is by time; it can't be had as JSON, which knows no times."""
        ids = [one['backup_id'] for one in self.shell.home.call('GET', 'backups', 200)['backups']]
        rows = self.rows()
        expected = [
            (ids[1], 'mail', '2015-04-08 21:52:36', '0'),
            (ids[0], 'web', '2015-04-09 17:20:00', '1'),
        ]
        self.assertEqual(
            [
                {
                    'Backup ID': backup_id,
                    'Backup UUID': '',
                    'Hostname': host,
                    'Path': '/etc',
                    'Created at': at,
                    'Status': 'available',
                    'Level': level,
                }
                for backup_id, host, at, level in expected
            ],
            rows,
        )
        self.assertEqual([ids[0]], [row['Backup ID'] for row in self.rows('--limit', '1')])
        self.assertEqual(
            [ids[1]], [row['Backup ID'] for row in self.rows('--limit', '1', '--offset', '1')]
        )
        self.assertEqual([ids[0]], [row['Backup ID'] for row in self.rows('--search', 'WEB')])
        self.assertEqual(
            [''], [row['Backup ID'] for row in self.rows('--search', 'no such backup')]
        )
        ended = self.shell.run('list', '-f', 'json')
        self.assertIn('Object of type datetime is not JSON serializable', ended.out + ended.err)
        return rows

    def rows(self, *words: str) -> list[dict[str, str]]:
        """What is listed, by its columns."""
        return [*csv.DictReader(self.done('list', *words, '-f', 'csv').splitlines())]
