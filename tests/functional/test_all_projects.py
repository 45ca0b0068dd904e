"""Lists of the jobs of all projects: who may have them, what is in them, and how they are paged."""

import itertools

from tests.functional import base, matrix

CLIENT = {'client_id': 'central', 'is_central': True}
OPERATORS = ('admin@ops', 'admin@alpha', 'service@services', 'service@alpha')


class TestAllProjects(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.seed()

    def seed(self):
        """A central client of ``ops``, with jobs of three projects on it, and a job of ``alpha`` on
        a client of its own.
        """
        self.assertEqual(201, self.call('POST', '/v2/ops/clients', CLIENT, token='admin@ops').code)
        for project, job_id in (('alpha', 'a'), ('beta', 'b'), ('ops', 'o'), ('alpha', 'c')):
            body = {
                'client_id': 'central',
                'job_id': job_id,
                'description': project,
                'job_actions': [],
            }
            self.assertEqual(
                201, self.call('POST', f'/v2/{project}/jobs', body, token=f'member@{project}').code
            )
        self.make_client('own')
        self.make_job('plain', 'own')

    def ids(self, token, parameters='', body=None, project='alpha'):
        """The ids of the jobs in a list."""
        answer = self.call('GET', f'/v2/{project}/jobs{parameters}', body, token=token)
        self.assertEqual(200, answer.code, answer.raw)
        return [job['job_id'] for job in answer.json['jobs']]

    def test_only_privileged_callers_list_all_projects(self):
        for value in ('True', 'true', 'TRUE', 'tRuE'):
            for token in OPERATORS:
                self.assertEqual(
                    ['a', 'b', 'o', 'c', 'plain'], self.ids(token, f'?all_projects={value}')
                )
            for token in ('member@alpha', 'reader@alpha', 'member,reader@alpha'):
                answer = self.call('GET', f'/v2/alpha/jobs?all_projects={value}', token=token)
                self.assert_error(
                    answer, '403', 'Policy does not allow jobs:get_all_projects to be performed.'
                )

    def test_project_whose_jobs_are_denied_lists_nothing(self):
        self.assert_error(
            self.call('GET', '/v2/alpha/jobs?all_projects=True', token='member@beta'),
            '403',
            'jobs:get_all ',
        )

    def test_absent_or_false_lists_the_own_project(self):
        for token in (*OPERATORS, 'member@alpha'):
            for parameters in (
                '',
                '?all_projects=False',
                '?all_projects=false',
                '?all_projects=fALSE',
            ):
                self.assertEqual(['a', 'c', 'plain'], self.ids(token, parameters))

    def test_other_values_are_refused(self):
        for token in (*OPERATORS, 'member@alpha'):
            for value in ('', '1', 'yes', 'None', 'True%20', 'Tr%C3%BCe'):
                self.assert_error(
                    self.call('GET', f'/v2/alpha/jobs?all_projects={value}', token=token),
                    '400',
                    'all_projects: must be True or False.',
                )
            self.assert_error(
                self.call('GET', '/v2/alpha/jobs?all_projects=True&all_projects=True', token=token),
                '400',
                'all_projects: is given twice.',
            )

    def test_searches_and_pages_span_all_projects(self):
        poll = {'match': [{'client_id': 'central'}], 'match_not': [{'status': 'completed'}]}
        self.do(200, 'PATCH', '/jobs/a', {'job_schedule': {'status': 'completed'}})
        self.assertEqual(['b', 'o', 'c'], self.ids('admin@ops', '?all_projects=True', poll))
        self.assertEqual(['o'], self.ids('admin@ops', '?all_projects=True&limit=1&offset=1', poll))
        self.assertEqual(
            ['b'], self.ids('admin@ops', '?all_projects=True', {'match': [{'_all': 'BETA'}]})
        )
        self.assertEqual(
            ['b'], self.ids('admin@ops', '?all_projects=True', {'match': [{'project_id': 'beta'}]})
        )
        self.assertEqual([], self.ids('admin@ops', '', {'match': [{'project_id': 'beta'}]}))
        self.assertEqual(
            ['c', 'o', 'b'], self.ids('admin@ops', '?all_projects=True&sort=created:desc', poll)
        )

    def test_next_link_repeats_all_projects(self):
        path, found = '/v2/beta/jobs?all_projects=tRuE&limit=2&sort=created:desc', []
        while path:
            answer = self.call('GET', path, token='service@services').json
            found += [job['job_id'] for job in answer['jobs']]
            path = answer.get('jobs_links', [{'href': ''}])[0]['href']
            self.assertTrue(not path or 'all_projects=tRuE' in path, path)
        self.assertEqual(['plain', 'c', 'o', 'b', 'a'], found)
        answer = self.call('GET', '/v2/alpha/jobs?limit=1', token='service@services').json
        self.assertNotIn('all_projects', answer['jobs_links'][0]['href'])

    def test_an_ambiguous_marker_is_the_own_project_s(self):
        for project in ('beta', 'gamma'):
            self.call(
                'POST', f'/v2/{project}/clients', {'client_id': 'own'}, token=f'member@{project}'
            )
            self.call(
                'POST',
                f'/v2/{project}/jobs',
                {'client_id': 'own', 'job_id': 'plain', 'job_actions': []},
                token=f'member@{project}',
            )
        self.assertEqual(
            ['plain', 'plain'],
            self.ids('admin@ops', '?all_projects=True&marker=plain', project='alpha'),
        )
        self.assertEqual(
            ['plain'], self.ids('admin@ops', '?all_projects=True&marker=plain', project='beta')
        )
        self.assertEqual(
            [], self.ids('admin@ops', '?all_projects=True&marker=plain', project='gamma')
        )
        self.assertEqual(
            ['plain', 'plain'],
            self.ids('admin@ops', '?all_projects=True&marker=plain', project='ops'),
        )
        answer = self.call('GET', '/v2/ops/jobs?marker=plain', token='admin@ops')
        self.assert_error(answer, '400', 'marker')

    def test_links_lead_on_where_ids_are_equal(self):
        for project in ('beta', 'gamma', 'ops'):
            self.call(
                'POST', f'/v2/{project}/clients', {'client_id': 'own'}, token=f'member@{project}'
            )
            for job_id in ('plain', 'more'):
                self.call(
                    'POST',
                    f'/v2/{project}/jobs',
                    {'client_id': 'own', 'job_id': job_id, 'job_actions': []},
                    token=f'member@{project}',
                )
        every = [
            (job['project_id'], job['job_id'])
            for job in self.call(
                'GET', '/v2/alpha/jobs?all_projects=True&limit=100', token='admin@ops'
            ).json['jobs']
        ]
        self.assertEqual(11, len(set(every)))
        for project, order, limit in itertools.product(
            ('alpha', 'beta', 'nowhere'), ('asc', 'desc'), (1, 2, 3)
        ):
            path, found = (
                f'/v2/{project}/jobs?all_projects=True&limit={limit}&sort=created:{order}',
                [],
            )
            while path and len(found) <= len(every):
                answer = self.call('GET', path, token='admin@ops').json
                found += [(job['project_id'], job['job_id']) for job in answer['jobs']]
                path = answer.get('jobs_links', [{'href': ''}])[0]['href']
            self.assertEqual(
                every if order == 'asc' else every[::-1], found, (project, order, limit)
            )

    def test_marker_project_without_its_marker_is_refused(self):
        for path in (
            '?marker=plain&marker_project=alpha',
            '?marker_project=alpha&all_projects=True',
            '?marker_project=alpha&all_projects=False&marker=plain',
        ):
            self.assert_error(
                self.call('GET', f'/v2/ops/jobs{path}', token='admin@ops'),
                '400',
                'marker_project: can only be given with',
            )
        self.assert_error(
            self.call(
                'GET',
                '/v2/ops/jobs?all_projects=True&marker=plain&marker_project=beta',
                token='admin@ops',
            ),
            '400',
            'marker: there is no document with this id.',
        )

    def test_process_id_is_shown_across_projects(self):
        self.do(200, 'PATCH', '/jobs/a', {'job_schedule': {'status': 'running', 'current_pid': 42}})
        jobs = self.call('GET', '/v2/ops/jobs?all_projects=True', token='service@services').json[
            'jobs'
        ]
        self.assertEqual(
            [42],
            [
                job['job_schedule']['current_pid']
                for job in jobs
                if 'current_pid' in job['job_schedule']
            ],
        )

    def test_implicit_option_lists_all_for_privileged_callers(self):
        self.use(api__implicit_all_projects=True)
        self.seed()
        for token in OPERATORS:
            self.assertEqual(['a', 'b', 'o', 'c', 'plain'], self.ids(token))
            self.assertEqual(['a', 'c', 'plain'], self.ids(token, '?all_projects=False'))
        for token in ('member@alpha', 'reader@alpha'):
            self.assertEqual(['a', 'c', 'plain'], self.ids(token))
            self.assert_error(
                self.call('GET', '/v2/alpha/jobs?all_projects=True', token=token), '403'
            )
        answer = self.call('GET', '/v2/alpha/jobs?limit=2', token='admin@ops').json
        self.assertEqual(
            ['o', 'c', 'plain'],
            [
                job['job_id']
                for job in self.call(
                    'GET',
                    answer['jobs_links'][0]['href'].replace('limit=2', 'limit=9'),
                    token='admin@ops',
                ).json['jobs']
            ],
        )

    def test_policy_changes_who_lists_all_projects(self):
        service = self.use()
        self.seed()
        (service.folder / 'policy.yaml').write_text('jobs:get_all_projects: role:reader\n')
        self.use(oslo_policy__policy_file=f'{service.folder}/policy.yaml')
        self.seed()
        self.assertEqual(5, len(self.ids('reader@alpha', '?all_projects=True')))
        self.assert_error(
            self.call('GET', '/v2/alpha/jobs?all_projects=True', token='admin@ops'), '403'
        )


class TestOtherKinds(matrix.MatrixTest):
    """Their lists stay in the project, whoever asks, and whatever else."""

    def test_other_kinds_ignore_all_projects(self):
        for project in ('beta', 'alpha'):
            self.prepare(project)
        for kind in ('actions', 'backups', 'clients', 'sessions'):
            own = self.do(200, 'GET', f'/{kind}')
            self.assertEqual({'alpha'}, {one['project_id'] for one in own[kind]})
            for value, token in itertools.product(('True', 'maybe'), (*OPERATORS, base.MEMBER)):
                self.assertEqual(
                    own,
                    self.do(200, 'GET', f'/{kind}?all_projects={value}', token=token),
                    (kind, token),
                )
