"""Restores over HTTP: what is said beside the body."""

from tests.functional import base

ACTION = {
    'action': 'backup',
    'storage': 'local',
    'container': '/b',
    'backup_name': 'etc',
    'path_to_backup': '/etc',
}


class TestRestores(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.make_job(job_actions=[{'freezer_action': ACTION}])
        self.make_session(hold_off=0)
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        self.do(
            202, 'POST', '/sessions/session/action', {'start': {'job_id': 'job', 'current_tag': 0}}
        )
        told = {
            **ACTION,
            'hostname': 'h',
            'job_id': 'job',
            'session_id': 'session',
            'session_tag': 1,
        }
        self.backup = self.do(201, 'POST', '/backups', told)['backup_id']
        self.do(
            202,
            'POST',
            '/sessions/session/action',
            {'end': {'job_id': 'job', 'current_tag': 1, 'result': 'success'}},
        )
        self.paths = [
            '/sessions/session/runs/1/restore',
            '/sessions/session/runs/1/verify',
            f'/backups/{self.backup}/restore',
        ]

    def test_empty_body_begins_a_restore(self):
        for path in self.paths:
            answer = self.call('POST', f'/v2/alpha{path}', environ={'SCRIPT_NAME': '/backup'})
            self.assertEqual(202, answer.code, answer.raw)
            location = answer.headers['Location']
            self.assertEqual(f'/backup/v2/alpha/sessions/{answer.json["session_id"]}', location)
            session = self.do(200, 'GET', location.removeprefix('/backup/v2/alpha'))
            self.assertEqual([answer.json['jobs']['job']], [*session['jobs']])
            self.assertEqual(0, answer.json['session_tag'])

    def test_dry_run_has_no_location(self):
        for path in self.paths:
            answer = self.call('POST', f'/v2/alpha{path}', {'dry_run': True})
            self.assertEqual(200, answer.code)
            self.assertEqual({'plan'}, set(answer.json))
            self.assertNotIn('Location', answer.headers)

    def test_if_match_gets_412(self):
        for path in self.paths:
            self.assert_error(self.call('POST', f'/v2/alpha{path}', {}, If_Match='*'), '412')

    def test_errors_have_codes(self):
        self.do(200, 'PATCH', f'/backups/{self.backup}', {'status': 'deleted'})
        for path, code in zip(self.paths, ('backup-deleted', 'nothing-left', 'backup-deleted')):
            answer = self.call('POST', f'/v2/alpha{path}')
            self.assert_error(answer, '409')
            self.assertEqual(f'restore.{code}', answer.json['code'])

    def test_restores_are_shown_with_the_run_only(self):
        self.do(202, 'POST', self.paths[0])
        run = self.do(200, 'GET', '/sessions/session/runs/1')
        self.assertEqual(1, len(run['restores']))
        self.assertEqual([], run['verifications'])
        self.assertEqual(202, self.call('POST', f'/v2/alpha{self.paths[1]}').code)
        self.assertNotIn('restores', self.do(200, 'GET', '/sessions/session/runs')['runs'][0])
        self.assertNotIn('restore', self.do(200, 'GET', '/sessions/session'))
