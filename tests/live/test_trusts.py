"""Trusts of jobs on a central client: two API processes on MariaDB, and Keystone, which can be out
of reach.
"""

import concurrent.futures
import typing
import uuid

import requests
import testtools

from tests.live import delegation, programs

OPTIONS = {'enabled': 'true', 'auth_section': 'trustee', 'trusts_delegated_roles': 'member'}
#: What the libraries log that ask Keystone: each request and its answer.
LOGGING = {'debug': 'true', 'default_log_levels': 'keystoneauth=DEBUG,keystonemiddleware=DEBUG'}
EXEC = {'freezer_action': {'action': 'exec'}}


class TestTrusts(testtools.TestCase):
    """The service gives the scheduler the role ``member`` of who makes a job; reaching Keystone for
    that takes a way of its own.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people, cls.way = (
            programs.shared(cls, delegation.People()),
            programs.shared(cls, delegation.Way()),
        )
        trustee = cls.people.credentials(auth_url=cls.way.url, timeout='60')
        sections = (
            delegation.section('centralized_scheduler', OPTIONS),
            delegation.section('trustee', trustee),
            delegation.section('DEFAULT', LOGGING),
        )
        cls.cloud = programs.shared(cls, programs.Cloud('\n'.join(sections)))
        cls.ann, cls.bob, cls.scheduler = (
            cls.project(cls.people.token(name))
            for name in (*delegation.MEMBERS, delegation.TRUSTEE)
        )
        cls.central, cls.plain = (f'{kind}-{cls.people.name}' for kind in ('central', 'plain'))
        cls.scheduler.call(
            'POST',
            'clients',
            201,
            {'client_id': cls.central, 'is_central': True, 'supported_modes': ['fs']},
        )
        cls.ann.call('POST', 'clients', 201, {'client_id': cls.plain})

    @classmethod
    def project(cls, token):
        """The project as who has a token sees it."""
        return programs.Project(cls.cloud.url, cls.people.project_id, token)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean)

    def clean(self):
        """No test leaves a job behind, nor a trust."""
        self.way.mend()
        for job in self.jobs():
            self.scheduler.call('DELETE', f'jobs/{job["job_id"]}', 204)
        self.assertEqual([], self.people.trusts())

    def jobs(self):
        """All jobs of the project."""
        return self.scheduler.call('GET', 'jobs?limit=1000', 200)['jobs']

    def job(self, who, job_id=None, expected=201, **keys):
        """Somebody makes a job on the central client; its id."""
        body = {
            'job_id': job_id or uuid.uuid4().hex,
            'client_id': self.central,
            'job_actions': [],
            **keys,
        }
        return (who.call('POST', 'jobs', expected, body) or {}).get('job_id')

    def credentials(self, job_id):
        """The credentials of a job; None without."""
        return self.scheduler.call('GET', f'jobs/{job_id}', 200).get('user_credentials')

    def said(self, who, method, path, body=None) -> typing.Any:
        """An answer as it came."""
        return requests.request(
            method, f'{who.base}/{path}', json=body, headers=who.headers, timeout=programs.SECONDS
        )

    def test_all_jobs_of_a_user_share_one_trust(self):
        forged = {'trust_id': 'forged', 'trustor_user_id': self.people.ids['bob']}
        first = self.job(self.ann, user_credentials=forged, job_actions=[EXEC])
        credentials = self.credentials(first)
        trust = self.people.trust(credentials['trust_id'])
        self.assertEqual(
            {'trust_id': trust['id'], 'trustor_user_id': self.people.ids['ann']}, credentials
        )
        expected = {
            'trustor_user_id': self.people.ids['ann'],
            'trustee_user_id': self.people.ids[delegation.TRUSTEE],
            'project_id': self.people.project_id,
            'impersonation': False,
            'expires_at': None,
        }
        self.assertEqual(expected, {key: trust[key] for key in expected})
        self.assertEqual(['member'], [role['name'] for role in trust['roles']])
        second = self.job(self.ann)
        whole = self.ann.call('GET', f'jobs/{second}', 200)
        for method, body, code in (
            ('PATCH', {'user_credentials': forged}, 200),
            ('PATCH', {**whole, 'description': 'x'}, 200),
            (
                'PATCH',
                {'job_schedule': {'status': 'running'}, 'session_id': '', 'session_tag': 0},
                200,
            ),
            ('PATCH', {'job_actions': [EXEC]}, 200),
            ('POST', {**whole, 'user_credentials': forged}, 201),
        ):
            self.ann.call(method, f'jobs/{second}', code, body)
            self.assertEqual(credentials, self.credentials(second))
        self.assertEqual([trust['id']], self.people.trusts())
        for search in ({'match': [{'trust_id': trust['id']}]}, {'match': [{'_all': trust['id']}]}):
            self.assertEqual([], self.ann.call('GET', 'jobs', 200, search)['jobs'])
        self.ann.call('DELETE', f'jobs/{first}', 204)
        self.assertEqual([trust['id']], self.people.trusts())
        self.ann.call('DELETE', f'jobs/{second}', 204)
        self.assertEqual([], self.people.trusts())

    def test_the_scheduler_acts_by_the_trust(self):
        job_id = self.job(self.ann)
        token = self.people.trust_token(self.credentials(job_id)['trust_id'])
        polled = self.scheduler.call(
            'GET', 'jobs?all_projects=True', 200, {'match': [{'client_id': self.central}]}
        )['jobs']
        self.assertEqual(
            [(job_id, {**self.credentials(job_id)})],
            [(job['job_id'], job['user_credentials']) for job in polled],
        )
        by_trust = self.project(token)
        by_trust.call(
            'PATCH',
            f'jobs/{job_id}',
            200,
            {'job_schedule': {'status': 'running'}, 'session_id': '', 'session_tag': 0},
        )
        self.assertEqual(
            'running', self.ann.call('GET', f'jobs/{job_id}', 200)['job_schedule']['status']
        )
        # What was passed on is less than what the scheduler may otherwise, and can't be passed on
        # further.
        by_trust.call('GET', 'jobs?all_projects=True', 403)
        self.job(by_trust, expected=422)
        self.assertEqual(1, len(self.people.trusts()))

    def test_jobs_made_and_deleted_at_once_leave_no_trust(self):
        def come_and_go(number):
            who = (self.ann, self.bob)[number % 2]
            for _ in range(2):
                job_id = self.job(who)
                credentials = self.credentials(job_id)
                self.assertEqual(
                    self.people.trust(credentials['trust_id'])['trustor_user_id'],
                    credentials['trustor_user_id'],
                )
                who.call('DELETE', f'jobs/{job_id}', 204)
            return True

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertTrue(all(pool.map(come_and_go, range(8))))
        self.assertEqual([], self.people.trusts())

    def test_trust_is_that_of_who_places_the_job(self):
        job_id = self.job(self.ann)
        first = self.credentials(job_id)
        whole = {'client_id': self.central, 'job_actions': []}
        self.bob.call('PATCH', f'jobs/{job_id}', 200, {**whole, 'description': 'by bob'})
        self.assertEqual(first, self.credentials(job_id))
        self.bob.call('POST', f'jobs/{job_id}', 201, whole)
        second = self.credentials(job_id)
        self.assertEqual(self.people.ids['bob'], second['trustor_user_id'])
        self.assertEqual([second['trust_id']], self.people.trusts())
        self.ann.call('PATCH', f'jobs/{job_id}', 200, {'client_id': self.plain})
        self.assertIsNone(self.credentials(job_id))
        self.assertEqual([], self.people.trusts())
        self.ann.call('PATCH', f'jobs/{job_id}', 200, {'client_id': self.central})
        third = self.credentials(job_id)
        self.assertEqual(self.people.ids['ann'], third['trustor_user_id'])
        self.assertEqual([third['trust_id']], self.people.trusts())
        self.ann.call('POST', f'jobs/{job_id}', 201, {**whole, 'client_id': self.plain})
        self.assertIsNone(self.credentials(job_id))
        self.assertEqual([], self.people.trusts())

    def test_trust_is_that_of_who_changes_what_is_done(self):
        """The job and the action that it has: the trust is that of who wrote last what is done."""
        action_id = self.ann.call('POST', 'actions', 201, EXEC)['action_id']
        job_id, other = (
            self.job(self.ann, job_actions=[{'action_id': action_id}]) for _ in range(2)
        )
        first = self.credentials(job_id)
        whole = self.bob.call('GET', f'jobs/{job_id}', 200)
        for body in (whole, {'job_actions': whole['job_actions']}, {'description': 'by bob'}):
            self.bob.call('PATCH', f'jobs/{job_id}', 200, body)
            self.assertEqual(first, self.credentials(job_id))
        self.bob.call(
            'PATCH',
            f'jobs/{job_id}',
            200,
            {'job_actions': [{'freezer_action': {'action': 'info'}}]},
        )
        second = self.credentials(job_id)
        trust = self.people.trust(second['trust_id'])
        self.assertEqual(self.people.ids['bob'], trust['trustor_user_id'])
        self.assertIs(False, trust['impersonation'])
        self.assertEqual(first, self.credentials(other))
        self.assertEqual({first['trust_id'], second['trust_id']}, {*self.people.trusts()})
        self.bob.call('PATCH', f'actions/{action_id}', 200, {'freezer_action': {'command': 'id'}})
        self.assertEqual(second, self.credentials(other))
        self.assertEqual([second['trust_id']], self.people.trusts())
        self.scheduler.call('POST', f'actions/{action_id}', 201, EXEC)
        third = self.credentials(other)
        self.assertEqual(self.people.ids[delegation.TRUSTEE], third['trustor_user_id'])
        self.assertEqual({second['trust_id'], third['trust_id']}, {*self.people.trusts()})

    def test_editor_without_rights_to_lend_is_refused(self):
        """An administrator without a role in the project, and a token that may not delegate."""
        action_id = self.ann.call('POST', 'actions', 201, EXEC)['action_id']
        job_id = self.job(self.ann, job_actions=[{'action_id': action_id}])
        before, credentials = self.ann.call('GET', f'jobs/{job_id}', 200), self.credentials(job_id)
        stranger = self.project(programs.identity.token('admin', 'beta').id)
        for who in (stranger, self.project(self.people.application_token('bob'))):
            for method, path, body, place in (
                ('PATCH', f'jobs/{job_id}', {'job_actions': []}, 'job_actions'),
                (
                    'POST',
                    f'jobs/{job_id}',
                    {'client_id': self.central, 'job_actions': []},
                    'job_actions',
                ),
                (
                    'PATCH',
                    f'actions/{action_id}',
                    {'freezer_action': {'command': 'id'}},
                    'freezer_action',
                ),
                (
                    'POST',
                    f'actions/{action_id}',
                    {'freezer_action': {'action': 'info'}},
                    'freezer_action',
                ),
            ):
                answer = self.said(who, method, path, body)
                self.assertEqual(403, answer.status_code, answer.text)
                self.assertEqual('trust.editor-refused', answer.json()['code'], answer.text)
                self.assertRegex(
                    answer.json()['description'],
                    f'^{place}: .* roles member, which Keystone refuses to this token',
                )
            who.call('PATCH', f'jobs/{job_id}', 200, before)
        self.assertEqual(before, self.ann.call('GET', f'jobs/{job_id}', 200))
        self.assertEqual(credentials, self.credentials(job_id))
        self.assertEqual([credentials['trust_id']], self.people.trusts())
        self.way.cut()
        answer = self.said(
            self.bob, 'PATCH', f'actions/{action_id}', {'freezer_action': {'command': 'id'}}
        )
        self.assertEqual(503, answer.status_code, answer.text)
        self.bob.call('PATCH', f'actions/{action_id}', 200, {'max_retries': 1})

    def test_sessions_leave_trusts_alone(self):
        job_id = self.job(self.ann)
        credentials = self.credentials(job_id)
        session_id = self.ann.call('POST', 'sessions', 201, {'schedule': {}})['session_id']
        for method, path in (
            ('PUT', f'/jobs/{job_id}'),
            ('DELETE', f'/jobs/{job_id}'),
            ('PUT', f'/jobs/{job_id}'),
            ('DELETE', ''),
        ):
            self.ann.call(method, f'sessions/{session_id}{path}', 204)
            self.assertEqual(credentials, self.credentials(job_id))

    def test_a_refused_request_costs_no_trust(self):
        """Keystone isn't even asked for one."""
        self.ann.call(
            'POST', 'jobs', 201, {'job_id': 'taken', 'client_id': self.plain, 'job_actions': [EXEC]}
        )
        actions = self.ann.call('GET', 'actions?limit=1000', 200)
        foreign = programs.identity.token('member')
        other = programs.Project(self.cloud.url, foreign.project_id, foreign.id)
        held = self.job(other)
        self.way.cut()
        for path, code, keys in (
            (
                'jobs',
                422,
                {'job_actions': [{'freezer_action': {'action': 'backup', 'mode': 'nova'}}]},
            ),
            ('jobs', 422, {'job_actions': [EXEC, {'action_id': 'none'}]}),
            ('jobs', 409, {'job_id': 'taken'}),
            ('jobs', 400, {'job_schedule': {'schedule_interval': 'now'}}),
            ('jobs', 422, {'client_id': 'none'}),
            ('jobs/taken', 422, {'job_actions': [{'action_id': 'none'}]}),
            ('jobs', 409, {'job_id': held}),
            (f'jobs/{held}', 409, {}),
        ):
            self.ann.call(
                'POST', path, code, {'client_id': self.central, 'job_actions': [EXEC], **keys}
            )
        self.ann.call('PATCH', 'jobs/none', 404, {'client_id': self.central})
        stale = programs.Project(
            self.cloud.url, self.people.project_id, self.ann.headers['X-Auth-Token']
        )
        stale.headers = {**self.ann.headers, 'If-Match': '"0-0"'}
        stale.call('POST', 'jobs/taken', 412, {'client_id': self.central, 'job_actions': []})
        self.assertEqual(actions, self.ann.call('GET', 'actions?limit=1000', 200))
        self.way.mend()
        other.call('DELETE', f'jobs/{held}', 204)

    def test_job_is_refused_where_keystone_refuses_the_trust(self):
        """A token that may not pass roles on, and a user who doesn't have the role in the
        project.
        """
        stranger = self.project(programs.identity.token('admin', 'beta').id)
        for who in (self.project(self.people.application_token('ann')), stranger):
            answer = self.said(
                who, 'POST', 'jobs', {'client_id': self.central, 'job_actions': [EXEC]}
            )
            self.assertEqual(422, answer.status_code, answer.text)
            self.assertRegex(
                answer.json()['description'],
                '^client_id: .* roles member, which Keystone refuses to this token: ',
            )
        self.assertEqual([], self.jobs())
        self.assertEqual([], self.people.trusts())
        # Nor may it be had of somebody else: what a token can't pass on, it can't use either.
        self.job(self.ann)
        self.assertEqual(
            422,
            self.said(
                self.project(self.people.application_token('ann')),
                'POST',
                'jobs',
                {'client_id': self.central, 'job_actions': [EXEC]},
            ).status_code,
        )
        self.assertEqual(1, len(self.jobs()))

    def test_job_is_refused_while_keystone_is_away(self):
        kept, there = self.job(self.ann), self.job(self.bob)
        trusts, actions = self.people.trusts(), self.ann.call('GET', 'actions?limit=1000', 200)
        self.way.cut()
        for path in ('jobs', 'jobs/new', f'jobs/{kept}'):
            answer = self.said(
                self.ann, 'POST', path, {'client_id': self.central, 'job_actions': [EXEC]}
            )
            self.assertEqual(503, answer.status_code, answer.text)
            self.assertGreater(int(answer.headers['Retry-After']), 0)
            self.assertIn('Keystone', answer.json()['description'])
        self.assertEqual({kept, there}, {job['job_id'] for job in self.jobs()})
        self.assertEqual(actions, self.ann.call('GET', 'actions?limit=1000', 200))
        self.assertEqual(trusts, self.people.trusts())
        lost = self.credentials(there)['trust_id']
        self.bob.call('DELETE', f'jobs/{there}', 204)
        self.assertIn(
            f'Unused trust {lost!r} could not be deleted in Keystone: ',
            self.cloud.server.said(),
        )
        self.way.mend()
        self.assertIn(lost, self.people.trusts())
        self.people.ask('DELETE', f'OS-TRUST/trusts/{lost}')
        self.job(self.bob)

    def test_tokens_are_not_logged(self):
        """Neither those of callers nor the service's own, where everything is logged that is asked
        of Keystone.
        """
        token = self.people.token('ann')
        self.job(self.project(token))
        said = self.cloud.server.said()
        self.assertRegex(said, 'DEBUG keystoneauth.* X-Subject-Token: {SHA256}')
        self.assertRegex(said, 'DEBUG keystoneauth.* POST .*/v3/OS-TRUST/trusts ')
        self.assertNotIn(token, said)
        self.assertNotIn(token[:7], said, 'what all tokens begin with')
