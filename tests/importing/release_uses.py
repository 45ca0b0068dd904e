"""What callers do with a published release: ordinary work, and what left odd rows in databases that
were looked at.
"""

import time

from tests.importing.releases import (
    COLLEAGUE,
    OTHER_PROJECT,
    OTHER_USER,
    PROJECT,
    RELEASES,
    Caller,
    Release,
    Session,
)


class Used:
    """What callers have done with a release: documents by the names that tests give them."""

    def __init__(self, release: Release):
        self.release = release
        self.is_last = release.release == RELEASES[-1]
        self.user = release.caller()
        self.colleague = release.caller(PROJECT, COLLEAGUE)
        self.other = release.caller(OTHER_PROJECT, OTHER_USER)
        self.sessions: dict[str, Session] = {}
        self.jobs: dict[str, str] = {}
        self.actions: dict[str, str] = {}
        self._use_clients()
        self._use_actions()
        self._use_jobs()
        self._use_sessions()
        self._break_sessions()
        self._use_backups()

    @property
    def expected_sessions(self) -> dict[str, tuple[int, str, str]]:
        """By name the tag, the status and the result that each is to have in the end."""
        return {
            'empty': (0, 'active', ''),
            'success': (1, 'completed', 'success'),
            'fail': (1, 'completed', 'fail'),
            'failing': (1, 'running', ''),
            'running': (1, 'running', ''),
            'left': (0, 'active', ''),
            'high': (42, 'active', ''),
            'absent': (1, 'completed', 'fail'),
            'member-deleted': (1, 'completed', 'success'),
            'first': (0, 'active', ''),
            'second': (0, 'active', ''),
            'unlisted': (0, 'active', ''),
        }

    @property
    def callers(self) -> list[Caller]:
        """Those who see all documents between them."""
        # Up to release 18 each user sees only what is his own.
        return [self.user, self.other] + ([] if self.is_last else [self.colleague])

    def _use_clients(self) -> None:
        self.user.client('web1', description='Web server 1')
        self.user.client('old')
        self.other.client('web1')
        for _time in range(2):
            self.user.client('twice')
            self.user.call('DELETE', 'clients/twice')
        self.user.client('twice')
        if not self.is_last:
            # MariaDB keeps whole seconds: within one nobody knows who was first.
            time.sleep(1.1)
            self.colleague.client('web1')

    def _use_actions(self) -> None:
        self.actions['plain'] = self.user.action(backup_name='plain')
        self.actions['shared'] = self.user.action(backup_name='shared')
        patched = self.user.action(backup_name='patched')
        change = {'freezer_action': {'action': 'backup', 'max_level': 7}}
        self.user.call('PATCH', f'actions/{patched}', change)
        self.actions['patched'] = patched
        self.actions['vol'] = self.user.action(mode='vol', max_retries=-1)
        self.user.call('DELETE', f'actions/{self.user.action()}')

    def _use_jobs(self) -> None:
        user = self.user
        shared = user.call('GET', f'actions/{self.actions["shared"]}')
        entries = [{key: shared[key] for key in ('action_id', 'freezer_action')}]
        self.jobs['shares'] = user.job('shares', job_actions=entries)
        self.jobs['oldclient'] = user.job('oldclient', client_id='old')
        self.jobs['other'] = self.other.job('other')
        self.jobs['odd'] = user.job(
            't\u00e4glich', job_schedule={'schedule_interval': '10   days', 'schedule_hour': '99'}
        )
        self.jobs['nosuch'] = user.job('nosuch', session_id='nosuch', session_tag=-1)
        self.jobs['stopped'] = user.job('stopped')
        user.call('POST', f'jobs/{self.jobs["stopped"]}/event', {'stop': None})
        ran = user.job('ran')
        schedule = {'status': 'completed', 'result': 'success', 'time_started': 5, 'time_ended': 9}
        schedule |= {'schedule_interval': '1 days', 'current_pid': 0}
        user.call('PATCH', f'jobs/{ran}', {'job_schedule': schedule})
        self.jobs['ran'] = ran
        user.call('DELETE', f'jobs/{user.job("deleted")}')
        user.call('DELETE', 'clients/old')
        user.call('DELETE', f'actions/{self.actions["shared"]}')
        if self.is_last:
            self.jobs['dash'] = user.job('dash', job_id='-dash')

    def _use_sessions(self) -> None:
        user, made = self.user, self.sessions
        made['empty'] = user.session('empty', schedule={})
        made['success'] = user.session('success', 2)
        for id in made['success'].members:
            made['success'].start(id)
        for id in made['success'].members:
            made['success'].end(id)
        made['fail'] = user.session('fail', 2)
        for id in made['fail'].members:
            made['fail'].start(id)
        made['fail'].end(made['fail'].members[0], 'fail')
        made['fail'].end(made['fail'].members[1])
        made['failing'] = user.session('failing', 2)
        for id in made['failing'].members:
            made['failing'].start(id)
        made['failing'].end(made['failing'].members[0], 'fail')
        made['running'] = user.session('running', 2, hold_off=600)
        made['running'].start(made['running'].members[0])
        made['left'] = user.session('left', 2)
        made['left'].detach(made['left'].members[1])
        made['high'] = user.session('high')
        user.call('PATCH', f'sessions/{made["high"].id}', {'session_tag': 42})

    def _break_sessions(self) -> None:
        user, made = self.user, self.sessions
        made['absent'] = user.session('absent', 2)
        made['absent'].start(made['absent'].members[0])
        made['absent'].end(made['absent'].members[0])
        made['member-deleted'] = user.session('member-deleted', 2)
        for id in made['member-deleted'].members:
            made['member-deleted'].start(id)
        made['member-deleted'].end(made['member-deleted'].members[0])
        user.call('DELETE', f'jobs/{made["member-deleted"].members.pop()}')
        gone = user.session('gone', 1)
        user.call('DELETE', f'sessions/{gone.id}')
        self.jobs['of gone'] = gone.members[0]
        made['first'] = user.session('first', 1)
        made['second'] = user.session('second')
        made['second'].attach(made['first'].members.pop())
        made['unlisted'] = user.session('unlisted')
        unlisted = user.job('unlisted', session_id=made['unlisted'].id)
        made['unlisted'].members.append(unlisted)

    def _use_backups(self) -> None:
        metadata = {
            'backup_name': 'b',
            'container': 'c',
            'hostname': 'h',
            'curr_backup_level': 0,
            'time_stamp': 1234,
        }
        odd = {'time_stamp': '1234', 'note': '\U0001f4be', 'nested': {'a': [1, None]}}
        for given in (metadata, metadata | odd):
            self.user.call('POST', 'backups', given)
