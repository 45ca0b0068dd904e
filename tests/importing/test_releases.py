"""Databases that the published releases have made and served, and what is shown of them before and
after their import.
"""

import collections
import contextlib
import io
import json
import typing

import testscenarios
import testtools
import webob

from freezer_api.cmd import manage
from freezer_api.db import verifying
from tests import base, servers
from tests.functional.base import Service, send
from tests.importing.base import no_progress
from tests.importing.release_uses import Used
from tests.importing.releases import OTHER_PROJECT, PROJECT, RELEASES, Body, Release
from tests.live import programs

KINDS = ('clients', 'actions', 'jobs', 'sessions', 'backups')
IDS = {'actions': 'action_id', 'jobs': 'job_id', 'sessions': 'session_id', 'backups': 'backup_id'}
_NAMES = {programs.SQLITE: 'sqlite', servers.MYSQL: 'mysql'}


def cases() -> list[tuple[int, str]]:
    """Releases, each with the server of its database: the last one and one of those before in each
    run, on different servers; in the long form all on both.
    """
    if base.EXPLORING:
        return [(release, server) for release in RELEASES for server in _NAMES]
    (first,) = base.sample(0.5, _NAMES, 'server of the last release')
    (other,) = (server for server in _NAMES if server != first)
    (old,) = base.sample(0.3, RELEASES[:-1], 'release')
    return [(RELEASES[-1], first), (old, other)]


def without_nulls(value: typing.Any) -> typing.Any:
    """JSON without keys that are null, as the published service shows what isn't there."""
    if isinstance(value, list):
        return [without_nulls(element) for element in value]
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(one) for key, one in value.items() if one is not None}


def by_id(kind: str, shown: list[Body]) -> dict[str, Body]:
    """What is listed, by its ids."""
    if kind == 'clients':
        return {one['client']['client_id']: one for one in shown}
    return {one[IDS[kind]]: one for one in shown}


class TestReleases(testscenarios.WithScenarios, testtools.TestCase):
    scenarios = [
        (f'{release}-{_NAMES[server]}', {'release': release, 'server': server})
        for release, server in cases()
    ]
    release: int
    server: str

    def setUp(self):
        super().setUp()
        if servers.absent(self.server):
            self.skipTest(servers.absent(self.server))
        self.used = Used(self.useFixture(Release(self.release, self.server)))
        self.before = {
            (caller.project_id, kind): {} for caller in self.used.callers for kind in KINDS
        }
        for caller in reversed(self.used.callers):
            for kind in KINDS:
                found = by_id(kind, caller.listed(kind))
                self.before[caller.project_id, kind].update(found)
        self.service = self.useFixture(Service())
        self.notes: list[Body] = []
        self.summary: Body = {}

    def run_import(self, *arguments: str) -> int:
        """Import by the command, and keep what it says; its exit code."""
        said = io.StringIO()
        own = str(self.service.folder / 'freezer-api.conf')
        with contextlib.redirect_stdout(said):
            code = manage.main(
                [
                    '--config-file',
                    own,
                    'db',
                    'import',
                    '--from',
                    self.used.release.config_file,
                    '--json',
                    *arguments,
                ]
            )
        *told, last = [json.loads(line) for line in said.getvalue().splitlines()]
        self.notes = [one['note'] for one in told if 'note' in one]
        self.summary = last['summary']
        return code

    def listed(self, project_id: str, kind: str) -> dict[str, Body]:
        """What our API lists, by id."""
        return by_id(kind, self._get(project_id, f'{kind}?limit=1000')[kind])

    def _get(self, project_id: str, path: str) -> Body:
        headers = {'X-Auth-Token': f'admin@{project_id}'}
        request = webob.Request.blank(f'/v2/{project_id}/{path}', headers=headers)
        answer = send(self.service.app, request.environ)
        self.assertEqual(200, answer.code, answer.raw)
        return answer.json

    def rules(self, id: str) -> set[str]:
        """The rules that decided about a document."""
        return {note['rule'] for note in self.notes if note['id'] == id}

    def test_what_was_shown_is_shown_after_the_import(self):
        # All at once: the release takes most of the time.
        self.assertEqual(0, self.run_import())
        outdated: collections.Counter[str] = collections.Counter()
        self.assertEqual([], list(verifying.verify(self.service.storage, no_progress, outdated)))
        for project_id in (PROJECT, OTHER_PROJECT):
            self._compare_clients(project_id)
            self._compare_actions(project_id)
            self._compare_jobs(project_id)
            self._compare_backups(project_id)
        self._check_odd_jobs()
        self._check_sessions()
        self._check_runs()
        self._check_again()

    def _both(self, project_id: str, kind: str) -> list[tuple[str, Body, Body]]:
        """What both sides show, without nulls, by id; no side has more than the other."""
        theirs = self.before[project_id, kind]
        ours = self.listed(project_id, kind)
        if kind == 'actions' and project_id == PROJECT and not self.used.is_last:
            # A job still has this one, though it was deleted.
            ours.pop(self.used.actions['shared'])
        self.assertEqual(set(theirs), set(ours), kind)
        return [(id, without_nulls(one), without_nulls(ours[id])) for id, one in theirs.items()]

    def _assert_kept(self, theirs: Body, ours: Body, id: str) -> None:
        """Every key that was shown has the value that it had."""
        self.assertEqual(theirs, {key: ours[key] for key in theirs if key in ours}, id)

    def _compare_clients(self, project_id: str) -> None:
        for id, theirs, ours in self._both(project_id, 'clients'):
            self._assert_kept(theirs['client'], ours['client'], id)
            self.assertEqual(theirs['user_id'], ours['user_id'])

    def _compare_actions(self, project_id: str) -> None:
        for id, theirs, ours in self._both(project_id, 'actions'):
            # Released agents take these where there are none.
            self._assert_kept({'max_retries': 5, 'max_retries_interval': 6} | theirs, ours, id)

    def _compare_jobs(self, project_id: str) -> None:
        odd = {self.used.jobs[name] for name in ('nosuch', 'of gone')}
        for id, theirs, ours in self._both(project_id, 'jobs'):
            schedule, entries = theirs.pop('job_schedule'), theirs.pop('job_actions')
            if id in odd or ours['session_id']:
                # Of these another test says what they become.
                del theirs['session_id'], theirs['session_tag']
            self._assert_kept(theirs, ours, id)
            self._assert_kept(schedule, ours['job_schedule'], id)
            self.assertEqual(len(entries), len(ours['job_actions']), id)
            for their, our in zip(entries, ours['job_actions'], strict=True):
                for key in ('user_id', 'project_id'):
                    their.pop(key, None)
                self._assert_kept(their, our, id)

    def _compare_backups(self, project_id: str) -> None:
        for id, theirs, ours in self._both(project_id, 'backups'):
            # Release 19 has dropped it.
            theirs.pop('user_name', None)
            self._assert_kept(theirs, ours, id)

    def _check_odd_jobs(self) -> None:
        jobs, used = self.listed(PROJECT, 'jobs'), self.used
        self.assertEqual({'client-gone'}, self.rules(used.jobs['oldclient']))
        self.assertEqual({'value-kept'}, self.rules(used.jobs['odd']))
        self.assertEqual({'value-kept'}, self.rules(used.actions['vol']))
        self.assertEqual({'session-gone'}, self.rules(used.jobs['nosuch']))
        self.assertEqual({'session-gone'}, self.rules(used.jobs['of gone']))
        for name in ('nosuch', 'of gone'):
            job = jobs[used.jobs[name]]
            self.assertEqual(('', 0), (job['session_id'], job['session_tag']))
        # Up to release 18 jobs have their definitions; 19 has lost this one.
        kept = len(jobs[used.jobs['shares']]['job_actions'])
        self.assertEqual(0 if used.is_last else 1, kept)
        if used.is_last:
            self.assertEqual({'id-kept'}, self.rules(used.jobs['dash']))
        else:
            self.assertEqual({'client-registered-twice'}, self.rules('web1'))

    def _check_sessions(self) -> None:
        sessions, used = self.listed(PROJECT, 'sessions'), self.used
        jobs = self.listed(PROJECT, 'jobs')
        shown = self.before[PROJECT, 'sessions']
        self.assertEqual({made.id for made in used.sessions.values()}, set(sessions))
        for name, (tag, status, result) in used.expected_sessions.items():
            session = sessions[used.sessions[name].id]
            found = session['session_tag'], session['status'], session['result']
            self.assertEqual((tag, status, result), found, name)
            before = shown[session['session_id']]
            for key in ('description', 'hold_off', 'schedule', 'user_id', 'time_start'):
                self.assertEqual(before[key], session[key], (name, key))
            members = used.sessions[name].members
            self.assertEqual(set(members), set(session.get('jobs') or {}), name)
            for job_id in members:
                self.assertEqual(session['session_id'], jobs[job_id]['session_id'], name)
        self.assertEqual(
            {'member-gone', 'run-settled'}, self.rules(used.sessions['member-deleted'].id)
        )
        self.assertEqual({'member-elsewhere'}, self.rules(used.sessions['first'].id))
        self.assertEqual({'member-added'}, self.rules(used.sessions['unlisted'].id))

    def _check_runs(self) -> None:
        """Each session that has run has one run, of what its row knew."""
        shown = self.before[PROJECT, 'sessions']
        for name, (tag, status, result) in self.used.expected_sessions.items():
            id = self.used.sessions[name].id
            runs = self._get(PROJECT, f'sessions/{id}/runs')['runs']
            has_run = shown[id]['time_start'] > 0
            self.assertEqual([tag] if has_run else [], [run['session_tag'] for run in runs], name)
            if has_run:
                self.assertEqual((status, result), (runs[0]['status'], runs[0]['result']), name)
        success = self.used.sessions['success'].id
        (run,) = self._get(PROJECT, f'sessions/{success}/runs')['runs']
        for job_id, member in shown[success]['jobs'].items():
            self._assert_kept(member, run['jobs'][job_id], job_id)

    def _check_again(self) -> None:
        """Another import brings what is new."""
        new = self.used.user.job('new')
        self.assertEqual(0, self.run_import())
        self.assertEqual(
            {'imported': 1},
            {key: n for key, n in self.summary['documents']['jobs'].items() if key != 'present'},
        )
        self.assertIn(new, self.listed(PROJECT, 'jobs'))
