"""Jobs and the actions that they have, and erasing a project."""

from freezer_api import exceptions
from freezer_api.db.base import Keep, Store
from freezer_api.domain import links
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    KINDS,
    SESSIONS,
)
from freezer_api.tests.contract import bodies


class JobsAndActions:
    def setUp(self):
        super().setUp()
        for id in ('a', 'b'):
            self.project.put_action(id, action='backup', path=f'/{id}')

    def _entries(self, job):
        return [
            (entry['action_id'], entry['freezer_action'])
            for entry in self.project.job(job)['job_actions']
        ]

    def test_a_job_follows_its_actions(self):
        first, second, other = (self.project.new_job(actions=ids) for ids in ('aba', 'a', 'b'))
        self.project.put_action('a', action='backup', path='/new')
        new, old = (
            ('a', {'action': 'backup', 'path': '/new'}),
            (
                'b',
                {'action': 'backup', 'path': '/b'},
            ),
        )
        self.assertEqual(
            ([new, old, new], [new], [old]),
            tuple(self._entries(job) for job in (first, second, other)),
        )
        self.assertEqual(
            [2, 2, 1], [self.project.get(JOBS, job).version for job in (first, second, other)]
        )
        self.assertEqual([first, second], self.project.ids(JOBS, [{'path': '/new'}]))
        self.assertEqual([first, other], self.project.ids(JOBS, [{'path': '/b'}]))
        self.assertEqual([first, second], self.project.ids(JOBS, [{'_all': '/NEW'}]))

    def test_deleted_action_leaves_its_jobs(self):
        first, second = self.project.new_job(actions='aba'), self.project.new_job(actions='a')
        self.project.delete_action('a')
        self.assertEqual(
            (['b'], []), tuple([id for id, action in self._entries(job)] for job in (first, second))
        )
        self.assertEqual([], self.project.ids(JOBS, [{'action_id': 'a'}]))
        self.project.put_action('a', action='backup', path='/again')
        self.assertEqual(
            [1, 2, 2],
            [
                self.project.get(kind, id).version
                for kind, id in ((ACTIONS, 'a'), (JOBS, first), (JOBS, second))
            ],
        )

    def test_an_unchanged_action_changes_no_job(self):
        job = self.project.new_job(actions='a')
        self.project.put_action('a', action='backup', path='/a')
        self.assertEqual(
            [1, 1], [self.project.get(ACTIONS, 'a').version, self.project.get(JOBS, job).version]
        )

    def test_a_change_of_an_action_is_given_the_jobs_that_have_it(self):
        self.project.put_client('client')
        with_client, without = (
            self.project.new_job('x', actions='ab'),
            self.project.new_job('y', actions='a', client_id='gone'),
        )
        self.project.new_job('z', actions='b')
        self.in_project(f'{self.project.project_id}-2').put_job('w', self.project.job('x'))
        given = []

        def change(current, linked, now):
            given.append((current, {link.job.id: link for link in linked}))
            raise exceptions.Unprocessable('no')

        before = self.project.get(ACTIONS, 'a'), self.project.get(JOBS, 'x')
        self.assertRaises(
            exceptions.Unprocessable, self.storage.write_action, self.project.scope, 'a', change
        )
        current, linked = given[-1]
        self.assertEqual(before[0], current)
        self.assertEqual({with_client, without}, set(linked))
        self.assertEqual(before[1], linked['x'].job)
        self.assertEqual(self.project.get(CLIENTS, 'client'), linked['x'].client)
        self.assertEqual(self.project.get(JOBS, 'y'), linked['y'].job)
        self.assertIsNone(linked['y'].client)
        self.assertEqual(before, (self.project.get(ACTIONS, 'a'), self.project.get(JOBS, 'x')))

    def test_the_client_of_a_job_may_be_a_central_one(self):
        central, plain, both = (bodies.new_id() for _ in range(3))
        other = self.in_project(f'{self.project.project_id}-2')
        other.put_client(central, central=True)
        other.put_client(plain)
        other.put_client(both, central=True)
        self.project.put_client(both)
        for client in (central, plain, both):
            self.project.new_job(client, actions='a', client_id=client)
        seen = {}
        self.storage.write_action(
            self.project.scope,
            'a',
            lambda current, linked, now: (
                seen.update(
                    (link.job.id, link.client and link.client.project_id) for link in linked
                )
                or Keep()
            ),
        )
        self.assertEqual(
            {central: other.project_id, plain: None, both: self.project.project_id}, seen
        )

    def test_a_job_is_given_the_actions_that_it_asks_for(self):
        given = []

        def change(current, stored, now):
            given.append((current, dict(stored), now))
            return Store(bodies.job_body('j', self.project.project_id))

        self.in_project(f'{self.project.project_id}-2').put_action('foreign', action='info')
        self.storage.write_job(self.project.scope, 'j', change, ('a', 'b', 'none', 'foreign'))
        self.assertEqual(
            (None, {id: self.project.get(ACTIONS, id) for id in 'ab'}, self.clock.now), given[-1]
        )
        self.storage.write_job(self.project.scope, 'j', change)
        self.assertEqual((self.project.get(JOBS, 'j'), {}, self.clock.now), given[-1])

    def test_job_that_is_said_to_be_there_is_made_if_it_is_not(self):
        given = []

        def change(current, stored, now):
            given.append(current)
            return Store(bodies.job_body('j', self.project.project_id))

        for _time in range(2):
            self.storage.write_job(self.project.scope, 'j', change, is_there=True)
        self.assertEqual([None, self.project.get(JOBS, 'j')], given)

    def test_job_that_gives_up_an_action_stops_following_it(self):
        job = self.project.new_job(actions='ab')
        self.project.change_job(job, lambda body: {**body, 'job_actions': body['job_actions'][1:]})
        self.project.put_action('a', action='backup', path='/new')
        self.assertEqual(['b'], [id for id, action in self._entries(job)])
        self.assertEqual(2, self.project.get(JOBS, job).version)
        self.assertEqual([], [link.job.id for link in self._linked('a')])
        self.project.delete_job(job)
        self.assertEqual([], self._linked('b'))

    def _linked(self, action):
        found = []

        def change(current, linked, now):
            found[:] = linked
            return Keep()

        self.storage.write_action(self.project.scope, action, change)
        return found

    def test_a_refused_job_leaves_no_action_behind(self):
        def change(current, stored, now):
            raise exceptions.Unprocessable('no')

        self.assertRaises(
            exceptions.Unprocessable, self.storage.write_job, self.project.scope, 'j', change, 'a'
        )
        self.assertTrue(self.project.missing(JOBS, 'j'))
        self.assertEqual(['a', 'b'], self.project.ids(ACTIONS))

    def test_a_job_that_was_a_member_follows_its_actions_too(self):
        session = self.project.new_session()
        job = self.project.new_job(actions='a', session_id=session)
        version = self.project.get(SESSIONS, session).version
        self.project.put_action('a', action='info')
        self.assertEqual([('a', {'action': 'info'})], self._entries(job))
        self.assertEqual(session, self.project.job(job)['session_id'])
        self.assertEqual(version, self.project.get(SESSIONS, session).version)

    def test_many_jobs_follow_one_action(self):
        jobs = [self.project.new_job(actions='a') for _ in range(70)]
        self.project.put_action('a', action='info')
        self.assertEqual(jobs, self.project.ids(JOBS, [{'action': 'info'}]))
        self.assertEqual([('a', {'action': 'info'})], self._entries(jobs[-1]))
        self.assertEqual(70, len(self._linked('a')))

    def test_relinked_agrees_with_the_stored_job(self):
        job = self.project.new_job(actions='ab')
        before = self.project.job(job)
        after = self.project.put_action('a', action='exec', command='x')
        self.assertEqual(links.relinked(before, 'a', after.body), self.project.job(job))


class Purge:
    def _fill(self, project, mark):
        project.put_action('a', action='info')
        session = project.new_session('s')
        for number in range(12):
            job = project.new_job(f'j{number}', actions='a', session_id='s')
        for tag in range(3):
            self.clock.advance(31)
            project.start(session, job, tag)
        project.put_client(f'central-{mark}', central=True)
        project.put_client('plain')
        project.put_backup('b', text='text')
        project.put_trust('t')

    def test_every_document_of_a_project_goes_and_no_other(self):
        mark, other = bodies.new_id(), self.in_project(f'{self.project.project_id}-2')
        self._fill(self.project, mark)
        self._fill(other, f'{mark}-2')
        before = {kind: other.page(kind).documents for kind in KINDS}
        self.assertEqual(
            {'sessions': 1, 'jobs': 12, 'actions': 1, 'clients': 2, 'backups': 1, 'trusts': 1},
            self.storage.purge(self.project.project_id),
        )
        self.assertEqual([[]] * len(KINDS), [self.project.ids(kind) for kind in KINDS])
        self.assertEqual(
            [],
            self.project.ids(BACKUPS, [{'_all': 'text'}])
            + self.project.ids(JOBS, [{'client_id': 'client'}]),
        )
        self.assertRaises(exceptions.NotFound, self.project.records, 's')
        self.assertEqual(before, {kind: other.page(kind).documents for kind in KINDS})
        self.assertEqual(3, len(other.records('s')))
        self.assertEqual(dict.fromkeys(KINDS, 0), self.storage.purge(self.project.project_id))

    def test_a_project_can_be_used_again(self):
        mark = bodies.new_id()
        self._fill(self.project, mark)
        self.storage.purge(self.project.project_id)
        other = self.in_project(f'{self.project.project_id}-2')
        other.put_client(f'central-{mark}', central=True)
        other.write(CLIENTS, f'central-{mark}', None)
        self._fill(self.project, mark)
        self.assertEqual([3, 2, 1], [record.tag for record in self.project.records('s')])
        self.assertEqual(12, len(self.project.session('s')['jobs']))
