"""What the library's managers of sessions and backups are called for, on any server."""

from tests.live import callers
from tests.live.library_jobs import job

STATE = {
    'status': 'active',
    'result': '',
    'time_start': -1,
    'time_end': -1,
    'time_started': -1,
    'time_ended': -1,
    'jobs': {},
}
#: What an agent tells of a backup of a folder.
ETC = {
    'backup_name': 'etc',
    'container': '/backups',
    'hostname': 'web',
    'path_to_backup': '/etc',
    'time_stamp': 1428529956,
    'curr_backup_level': 0,
    'mode': 'fs',
    'storage': 'local',
    'engine_name': 'tar',
    'job_id': 'nightly',
    'ssh_key': None,
    'end_time_stamp': 1428529999,
    'dry_run': False,
}


class Sessions:
    """``sessions``."""

    def test_every_method_of_sessions_takes_every_argument(self):
        self.home.call('POST', 'clients', 201, {'client_id': 'web'})
        for job_id in ('first', 'second'):
            self.home.call('POST', 'jobs', 201, job('web', job_id=job_id))
        sessions = self.manager('sessions')
        made = self.create_sessions(sessions)
        self.list_sessions(sessions, made)
        self.update_sessions(sessions)
        self.run_session(sessions, made)
        self.refuse_sessions(sessions, made)
        self.assertIsNone(sessions.delete(made))
        self.assertIsNone(sessions.get(made))
        self.assertIsNone(sessions.delete(made))
        self.exercised(sessions)

    def session(self, session_id: str, version: int = 1, **more: object) -> dict:
        """The document of a session."""
        return {
            'session_id': session_id,
            'project_id': self.home.project_id,
            'user_id': self.home.user_id,
            'description': '',
            'session_tag': 0,
            'hold_off': 30,
            'schedule': {},
            **STATE,
            '_version': version,
            **more,
        }

    def create_sessions(self, sessions: callers.Manager) -> str:
        """With an id of the server's, of the argument's and of the document's; the id of the
        first.
        """
        made = sessions.create(
            {
                'description': 'all of it',
                'schedule': {'schedule_interval': '1 days'},
                'hold_off': 60,
            }
        )
        document = self.session(
            made, description='all of it', hold_off=60, schedule={'schedule_interval': '1 days'}
        )
        self.assertEqual(document, sessions.get(made))
        self.assertEqual('by-argument', sessions.create({'schedule': {}}, session_id='by-argument'))
        self.assertEqual(
            'by-document',
            sessions.create({'session_id': 'by-document', 'schedule': {}, 'session_tag': 4}),
        )
        self.assertEqual(self.session('by-document', session_tag=4), sessions.get('by-document'))
        return made

    def list_sessions(self, sessions: callers.Manager, made: str) -> None:
        """Pages and searches; one of the two methods sends a search always."""
        every = [sessions.get(made), sessions.get('by-argument'), sessions.get('by-document')]
        self.assertEqual(every, sessions.list())
        self.assertEqual(every, sessions.list_all())
        for found, arguments in (
            (made, {'limit': 1}),
            ('by-argument', {'limit': '1', 'offset': '1'}),
            ('', {'offset': 3}),
            (f'{made} by-argument by-document', {'search': {}}),
            (made, {'search': {'match': [{'hold_off': 60}]}}),
            (
                'by-argument by-document',
                {'search': {'match_not': [{'schedule_interval': '1 days'}]}},
            ),
            (made, {'search': {'match': [{'_all': 'ALL OF'}]}}),
            ('', {'search': {'match': [{'description': 'ALL OF IT'}]}}),
        ):
            self.assertEqual(
                found.split(), [one['session_id'] for one in sessions.list(**arguments)], arguments
            )
            self.assertEqual(
                found.split(),
                [one['session_id'] for one in sessions.list_all(**arguments)],
                arguments,
            )

    def update_sessions(self, sessions: callers.Manager) -> None:
        """A change grows the version; a whole document sent back, by PATCH or as a new one of that
        id, doesn't.
        """
        self.assertEqual(
            2,
            sessions.update(
                'by-argument', {'description': 'some of it', 'schedule': {'schedule_minute': '5'}}
            ),
        )
        document = self.session(
            'by-argument', 2, description='some of it', schedule={'schedule_minute': '5'}
        )
        self.assertEqual(document, sessions.get('by-argument'))
        for body in (
            document,
            {**document, 'hold_off': None, 'schedule': {**document['schedule'], 'event': None}},
        ):
            self.assertEqual(2, sessions.update('by-argument', body))
            self.assertEqual('by-argument', sessions.create({**body, 'hold_off': 30}))
            self.assertEqual(document, sessions.get('by-argument'))
        self.assertEqual('copy', sessions.create(document, session_id='copy'))
        self.assertEqual({**document, 'session_id': 'copy', '_version': 1}, sessions.get('copy'))

    def run_session(self, sessions: callers.Manager, made: str) -> None:
        """Two members join a run and end it; a run is the record of it afterwards."""
        for job_id in ('first', 'second', 'second'):
            self.assertIsNone(sessions.add_job(made, job_id))
        member = self.home.call('GET', 'jobs/first', 200)
        self.assertEqual(made, member['session_id'])
        self.assertEqual(0, member['session_tag'])
        self.assertEqual('1 days', member['job_schedule']['schedule_interval'])
        started = {'result': 'success', 'session_tag': 1}
        self.assertEqual(started, sessions.start_session(made, 'first', 0))
        # The command sends the tag as it was typed.
        self.assertEqual(started, sessions.start_session(made, 'second', '0'))
        self.assertEqual(
            {'result': 'hold-off', 'session_tag': 1}, sessions.start_session(made, 'second', 1)
        )
        self.assertEqual(('running', 1), self.state(sessions, made))
        polled = self.manager('jobs').list(
            client_id='web', search={'match_not': [{'status': 'completed'}]}
        )
        self.assertEqual(
            [('first', 1, '1 days'), ('second', 1, '1 days')],
            [
                (one['job_id'], one['session_tag'], one['job_schedule']['schedule_interval'])
                for one in polled
            ],
        )
        self.refused(409, 'session_tag', sessions.update, made, {'session_tag': 9})
        self.assertEqual(started, sessions.end_session(made, 'first', 1, 'success'))
        self.assertEqual(
            started, sessions.end_session(made, session_tag=1, job_id='second', result='success')
        )
        self.assertEqual(('completed', 1), self.state(sessions, made))
        self.assertEqual('success', sessions.get(made)['result'])
        (run,) = self.home.call('GET', f'sessions/{made}/runs', 200)['runs']
        self.assertEqual(sessions.get(made)['jobs'], run['jobs'])
        for job_id in ('second', 'second', 'nothing'):
            self.assertIsNone(sessions.remove_job(made, job_id))
        left = self.home.call('GET', 'jobs/second', 200)
        self.assertEqual('', left['session_id'])
        self.assertEqual(0, left['session_tag'])
        self.assertEqual('stop', left['job_schedule']['event'])
        self.assertEqual(['first'], [*sessions.get(made)['jobs']])

    def state(self, sessions: callers.Manager, session_id: str) -> tuple[str, int]:
        """The status and the tag of a session."""
        document = sessions.get(session_id)
        return document['status'], document['session_tag']

    def refuse_sessions(self, sessions: callers.Manager, made: str) -> None:
        """What isn't there is None, what is wrong is told."""
        self.assertIsNone(sessions.get('nothing'))
        missing = 'Session nothing could not be found.'
        self.refused(404, missing, sessions.update, 'nothing', {})
        self.refused(404, missing, sessions.add_job, 'nothing', 'first')
        self.refused(404, 'Job nothing could not be found.', sessions.add_job, made, 'nothing')
        self.refused(404, missing, sessions.start_session, 'nothing', 'first', 0)
        self.refused(404, missing, sessions.end_session, 'nothing', 'first', 0, 'success')
        self.refused(400, 'second', sessions.start_session, made, 'second', 1)
        self.refused(400, 'requested tag value too high', sessions.start_session, made, 'first', 2)
        self.refused(
            400, 'end.result: must be one of', sessions.end_session, made, 'first', 1, 'perfect'
        )
        self.refused(400, 'schedule: is required.', sessions.create, {'description': 'no schedule'})
        self.refused(400, 'hold_off: must be', sessions.update, made, {'hold_off': 'soon'})
        self.refused(400, 'match', sessions.list, search={'match': [{'a': 1, 'b': 2}]})


class Backups:
    """``backups``."""

    def test_every_method_of_backups_takes_every_argument(self):
        backups = self.manager('backups')
        made = self.create_backups(backups)
        self.list_backups(backups, made)
        self.update_backups(backups, made[0])
        self.refuse_backups(backups, made[0])
        self.assertIsNone(backups.delete(made[0]))
        self.assertIsNone(backups.get(made[0]))
        self.refused(404, f'Backup {made[0]} could not be found.', backups.delete, made[0])
        self.exercised(backups)

    def backup(self, backup_id: str, status: str = 'available', **more: object) -> dict:
        """The document of a backup."""
        return {
            'backup_id': backup_id,
            'project_id': self.home.project_id,
            'user_id': self.home.user_id,
            'status': status,
            'backup_metadata': {**ETC, **more},
        }

    def create_backups(self, backups: callers.Manager) -> list[str]:
        """One that is done, a later one, and one that has yet to be made; their ids."""
        made = [
            backups.create(ETC),
            backups.create({**ETC, 'time_stamp': 1428600000, 'curr_backup_level': 1}),
            backups.create({'backup_name': 'volume', 'status': 'creating'}),
        ]
        self.assertEqual(self.backup(made[0]), backups.get(made[0]))
        awaited = backups.get(made[2])
        self.assertEqual('creating', awaited['status'])
        self.assertEqual('volume', awaited['backup_metadata']['backup_name'])
        # The command can't list what has no time.
        self.assertIsInstance(awaited['backup_metadata']['time_stamp'], int)
        return made

    def list_backups(self, backups: callers.Manager, made: list[str]) -> None:
        """Pages and searches; bounds of time stand in the search, and are part of the span."""
        self.assertEqual([backups.get(backup_id) for backup_id in made], backups.list())
        for found, arguments in (
            ([0], {'limit': 1}),
            ([1], {'limit': '1', 'offset': '1'}),
            ([], {'offset': 3}),
            ([0, 1, 2], {'search': {}}),
            ([0], {'search': {'time_before': 1428529956}}),
            ([], {'search': {'time_before': 1428529955}}),
            ([1, 2], {'search': {'time_after': 1428529957}}),
            ([0, 1, 2], {'search': {'time_after': 1428529956}}),
            ([1], {'search': {'time_after': 1428529957, 'time_before': 1428600000}}),
            ([1], {'search': {'time_after': 1, 'match': [{'curr_backup_level': 1}]}}),
            ([2], {'search': {'match_not': [{'container': '/backups'}]}}),
            ([2], {'search': {'match': [{'status': 'creating'}]}}),
            ([0, 1], {'search': {'match': [{'_all': 'WEB'}]}}),
        ):
            self.assertEqual(
                [made[number] for number in found],
                [one['backup_id'] for one in backups.list(**arguments)],
                arguments,
            )

    def update_backups(self, backups: callers.Manager, made: str) -> None:
        """A change, in the documents' form or the agents' flat one, answers the document; a whole
        one sent back changes nothing.
        """
        document = self.backup(made, 'error', curr_backup_level=2)
        self.assertEqual(
            document,
            backups.update(made, {'backup_metadata': {'curr_backup_level': 2}, 'status': 'error'}),
        )
        document = self.backup(made, 'available', curr_backup_level=2, end_time_stamp=1428530000)
        self.assertEqual(
            document, backups.update(made, {'end_time_stamp': 1428530000, 'status': 'available'})
        )
        self.assertEqual(document, backups.update(made, {**document, 'status': None}))
        self.assertEqual(document, backups.update(made, document))
        self.assertEqual(document, backups.get(made))
        for body in (document, {**document, 'status': None}, document['backup_metadata']):
            copy = backups.create(body)
            self.assertEqual({**document, 'backup_id': copy}, backups.get(copy))

    def refuse_backups(self, backups: callers.Manager, made: str) -> None:
        """What isn't there is None, what is wrong is told."""
        self.assertIsNone(backups.get('nothing'))
        self.refused(
            404,
            'Backup nothing could not be found.',
            backups.update,
            'nothing',
            {'status': 'error'},
        )
        self.refused(400, 'status: must be one of', backups.update, made, {'status': 'lost'})
        for key in ('backup_name', 'container', 'hostname'):
            self.refused(
                400,
                key,
                backups.create,
                {name: value for name, value in ETC.items() if name != key},
            )
        self.refused(400, 'backup_name', backups.create, {**ETC, 'backup_name': ''})
        self.refused(400, 'time_before', backups.list, search={'time_before': 'yesterday'})
