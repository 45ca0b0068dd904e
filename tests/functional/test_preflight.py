"""The preflight of a job that is there, and of one that isn't made."""

from tests.functional import base

PROBLEM = {
    'action': 0,
    'key': 'engine',
    'code': 'unknown-key',
    'agents': '>=19.0.0',
    'effect': 'fails',
}
JOB = {
    'client_id': 'client',
    'job_actions': [{'freezer_action': {'action': 'backup', 'engine': 'tar'}}],
}


class TestPreflight(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.make_client()

    def problems(self, answer):
        """The problems of an answer, without their texts."""
        return [
            {key: value for key, value in problem.items() if key != 'text'}
            for problem in answer['problems']
        ]

    def test_check_of_a_job_tells_its_problems(self):
        self.do(201, 'POST', '/jobs', {**JOB, 'job_id': 'job'})
        self.assertEqual([PROBLEM], self.problems(self.do(200, 'GET', '/jobs/job/check')))
        self.make_session(schedule={'schedule_interval': '1 days'})
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        self.assertEqual(
            ['unknown-key', 'interval-in-session'],
            [problem['code'] for problem in self.do(200, 'GET', '/jobs/job/check')['problems']],
        )
        self.do(404, 'GET', '/jobs/none/check')

    def test_dry_run_tells_problems_and_stores_nothing(self):
        before = self.do(200, 'GET', '/actions')
        for value in ('true', 'True'):
            self.assertEqual(
                [PROBLEM], self.problems(self.do(200, 'POST', f'/jobs?dry_run={value}', JOB))
            )
        self.assertEqual([], self.do(200, 'GET', '/jobs')['jobs'])
        self.assertEqual(before, self.do(200, 'GET', '/actions'))
        self.do(201, 'POST', '/jobs?dry_run=false', JOB)

    def test_dry_run_of_a_replacement_changes_nothing(self):
        new = {**JOB, 'description': 'new'}
        path = '/jobs/job?dry_run=true'
        self.assertEqual([PROBLEM], self.problems(self.do(200, 'POST', path, new)))
        self.do(404, 'GET', '/jobs/job')
        self.do(201, 'POST', '/jobs/job', JOB)
        before = self.do(200, 'GET', '/jobs/job')
        self.assertEqual([PROBLEM], self.problems(self.do(200, 'POST', path, new)))
        self.assertEqual(before, self.do(200, 'GET', '/jobs/job'))
        self.do(400, 'POST', '/jobs/job?dry_run=1', new)
        self.do(422, 'POST', path, {**new, 'client_id': 'other'})
        self.do(412, 'POST', path, new, If_Match='"1-1"')
        self.assertEqual(before, self.do(200, 'GET', '/jobs/job'))
        # A member keeps the schedule of its session.
        self.make_session(schedule={'schedule_interval': '1 days'})
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        self.assertEqual(
            ['unknown-key', 'interval-in-session'],
            [problem['code'] for problem in self.do(200, 'POST', path, new)['problems']],
        )
        self.do(201, 'POST', '/jobs/job?dry_run=false', new)
        self.assertEqual('new', self.do(200, 'GET', '/jobs/job')['description'])

    def test_dry_run_refuses_what_create_refuses(self):
        self.do(400, 'POST', '/jobs?dry_run=1', JOB)
        self.do(400, 'POST', '/jobs?dry_run=true', {'client_id': 'client'})
        self.do(422, 'POST', '/jobs?dry_run=true', {**JOB, 'client_id': 'other'})
        self.do(
            422,
            'POST',
            '/jobs?dry_run=true',
            {'client_id': 'client', 'job_actions': [{'action_id': 'none'}]},
        )
        self.make_client('weak', supported_engines=[])
        self.do(422, 'POST', '/jobs?dry_run=true', {**JOB, 'client_id': 'weak'})

    def test_dry_run_looks_up_the_action(self):
        self.do(
            201,
            'POST',
            '/actions',
            {'action_id': 'a', 'freezer_action': {'action': 'exec', 'command': 'x'}},
        )
        answer = self.do(
            200,
            'POST',
            '/jobs?dry_run=true',
            {'client_id': 'client', 'job_actions': [{'action_id': 'a'}]},
        )
        self.assertEqual(['exec'], [problem['code'] for problem in answer['problems']])
