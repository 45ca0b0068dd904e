"""A run as agents would have made it, by plain HTTP."""

from tests.live import callers

ACTION = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'ssh',
    'engine_name': 'tar',
    'container': '/archives',
    'ssh_host': 'vault',
    'ssh_password': 'unspeakable',
}


class Run:
    """A run of the jobs ``db`` on ``south`` and ``web`` on ``north``, with a backup each."""

    def __init__(self, home: callers.Home):
        self.home = home
        self.backups: dict[str, str] = {}
        for client_id in ('north', 'south'):
            home.call('POST', 'clients', 201, {'client_id': client_id, 'hostname': client_id})
        self.session_id = home.call('POST', 'sessions', 201, {'schedule': {}})['session_id']
        for job_id, client_id in (('db', 'south'), ('web', 'north')):
            action = {**ACTION, 'backup_name': job_id, 'path_to_backup': f'/{job_id}'}
            job = {
                'job_id': job_id,
                'client_id': client_id,
                'job_actions': [{'freezer_action': action}],
            }
            home.call('POST', 'jobs', 201, job)
            home.call('PUT', f'sessions/{self.session_id}/jobs/{job_id}', 204)
        for job_id in ('db', 'web'):
            self.start(self.session_id, job_id, 0)
        for job_id in ('db', 'web'):
            told = {
                **{key: value for key, value in ACTION.items() if key != 'ssh_password'},
                'backup_name': job_id,
                'path_to_backup': f'/{job_id}',
                'hostname': job_id,
                'job_id': job_id,
                'client_version': '19.0.0',
            }
            self.backups[job_id] = home.call('POST', 'backups', 201, told)['backup_id']
            self.end(self.session_id, job_id)

    def start(self, session_id: str, job_id: str, tag: int) -> None:
        """Begin a member's part."""
        body = {'start': {'job_id': job_id, 'current_tag': tag}}
        self.home.call('POST', f'sessions/{session_id}/action', 202, body)

    def end(self, session_id: str, job_id: str, result: str = 'success') -> None:
        """End a member's part."""
        body = {'end': {'job_id': job_id, 'current_tag': 1, 'result': result}}
        self.home.call('POST', f'sessions/{session_id}/action', 202, body)

    @property
    def path(self) -> str:
        """The path of the run."""
        return f'sessions/{self.session_id}/runs/1'
