"""Many at once, on one storage by threads and on several processes: what was acknowledged is there,
and nothing contradicts.
"""

import collections
import random

import orjson

from freezer_api import exceptions
from freezer_api.db.base import Store
from freezer_api.domain import search
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS
from freezer_api.tests.base import EXPLORING
from freezer_api.tests.contract import bodies, parallel

#: Jobs of one session that act at once; more in the long form.
MANY = 64 if EXPLORING else 32


class ConcurrentJobs:
    """What threads and processes are put to; :meth:`live` makes the difference."""

    turned = False

    def live(self, session, jobs, life):
        return parallel.live(self.project, session, jobs, life)

    def _agrees(self, session, told):
        """Every answer is in its run, and every run has the members and results that were
        answered.
        """
        said = collections.defaultdict(dict)
        for one in told:
            said[one.tag][one.job] = one.result or said[one.tag].get(one.job, '')
        records = {record.tag: record for record in self.project.records(session)}
        self.assertEqual(set(range(1, self.project.session(session)['session_tag'] + 1)), set(said))
        for tag, results in said.items():
            shown = {
                job: entry['result']
                for job, entry in records[tag].jobs.items()
                if entry['status'] != 'scheduled'
            }
            self.assertEqual(results, shown)
            for job, entry in records[tag].jobs.items():
                self.assertEqual(entry['status'] == 'completed', bool(results.get(job)))
        return records

    def test_members_attaching_at_once_share_one_run(self):
        session = self.project.new_session(hold_off=3600)
        jobs = parallel.members(self.project, None, MANY)
        records = self._agrees(session, self.live(session, jobs, parallel.one_run))
        body = self.project.session(session)
        self.assertEqual('completed', body['status'])
        self.assertEqual('success', body['result'])
        self.assertEqual(1, body['session_tag'])
        self.assertEqual(set(jobs), set(body['jobs']))
        self.assertEqual([1], list(records))
        for job in jobs:
            self.assertEqual(
                (session, 1),
                tuple(self.project.job(job)[key] for key in ('session_id', 'session_tag')),
            )

    def test_members_starting_at_once_share_one_run(self):
        session = self.project.new_session(hold_off=3600)
        jobs = parallel.members(self.project, session, MANY)
        self._agrees(session, self.live(session, jobs, parallel.start_and_end))
        body = self.project.session(session)
        self.assertEqual('completed', body['status'])
        self.assertEqual('success', body['result'])
        self.assertEqual(1, body['session_tag'])

    def test_members_coming_and_going_at_once_stay_consistent(self):
        session = self.project.new_session(hold_off=3600)
        jobs = parallel.members(self.project, None, MANY)
        self.live(session, jobs, parallel.in_and_out)
        body, back = self.project.session(session), {job for job in jobs if int(job[-1], 16) % 2}
        self.assertEqual('completed', body['status'])
        self.assertEqual(1, body['session_tag'])
        self.assertEqual(back, set(body['jobs']))
        self.assertEqual({'completed'}, {entry['status'] for entry in body['jobs'].values()})
        self.assertEqual(back, {job for job in jobs if self.project.job(job)['session_id']})
        self.assertEqual(back, set(self.project.records(session)[0].jobs))

    def test_runs_that_overtake_each_other_lose_no_report(self):
        session = self.project.new_session(hold_off=0)
        jobs = parallel.members(self.project, session, 8)
        told = self.live(session, jobs, parallel.many_runs)
        records = self._agrees(session, told)
        current = self.project.session(session)['session_tag']
        for tag, record in records.items():
            results = {entry['result'] for entry in record.jobs.values()}
            if tag != current:
                self.assertEqual('completed', record.status)
                self.assertEqual('success' if results == {'success'} else 'fail', record.result)
        running = [
            one.job
            for one in told
            if one.tag == current
            and not one.result
            and not any(
                other.job == one.job and other.tag == current and other.result for other in told
            )
        ]
        self.assertEqual(
            'running' if running else 'completed', self.project.session(session)['status']
        )


class Threads(ConcurrentJobs):
    def test_jobs_moved_at_once_stay_consistent(self):
        sessions = [self.project.new_session() for _ in range(3)]
        jobs = parallel.members(self.project, None, 6)

        def move(number):
            choose = random.Random(number)
            for _ in range(6):
                job, session = choose.choice(jobs), choose.choice(sessions)
                choose.choice((self.project.attach, self.project.attach, self.project.detach))(
                    session, job
                )

        parallel.threads(24, move)
        self._consistent()

    def test_everything_at_once_stays_consistent(self):
        sessions = [self.project.new_session(hold_off=0) for _ in range(2)]
        jobs = parallel.members(self.project, sessions[0], 6)
        acts = (
            self.project.attach,
            self.project.detach,
            lambda session, job: self.project.start(session, job, 0),
            lambda session, job: self.project.start(
                session, job, self.project.session(session)['session_tag']
            ),
            self.project.end,
            lambda session, job: self.project.delete_job(job),
            lambda session, job: self.project.new_job(job, session_id=session),
            lambda session, job: self.project.delete_session(session),
            lambda session, job: self.project.put_session(session, hold_off=0),
            lambda session, job: self.project.change_job(
                job, lambda body: {**body, 'client_id': session}
            ),
            lambda session, job: self.project.patch_session(
                session, schedule={'schedule_day': job[:4]}
            ),
        )

        def act(number):
            choose = random.Random(number)
            for _ in range(12):
                try:
                    choose.choice(acts)(choose.choice(sessions), choose.choice(jobs))
                except (exceptions.NotFound, exceptions.InvalidInput):
                    continue

        parallel.threads(24, act)
        self._consistent()

    def _consistent(self):
        """Jobs and sessions name each other, and no run is kept going for nobody."""
        stored = {job.id: job.body for job in self.project.page(JOBS).documents}
        for session in self.project.page(SESSIONS).documents:
            members = {id for id, job in stored.items() if job['session_id'] == session.id}
            self.assertEqual(set(session.body['jobs']), members)
            for id in members:
                self.assertEqual(stored[id]['client_id'], session.body['jobs'][id]['client_id'])
                self.assertLessEqual(stored[id]['session_tag'], session.body['session_tag'])
            if session.body['status'] == 'running':
                self.assertIn(
                    'running', [entry['status'] for entry in session.body['jobs'].values()]
                )
        there = {session.id for session in self.project.page(SESSIONS).documents} | {''}
        self.assertLessEqual({job['session_id'] for job in stored.values()}, there)

    def test_one_claim_is_won_once(self):
        projects = [self.in_project(f'{self.project.project_id}-{number}') for number in range(12)]
        for kind in (CLIENTS, JOBS):
            for _ in range(3):
                id = bodies.new_id()

                def claim(number, kind=kind, id=id):
                    project = projects[number]
                    try:
                        if kind == CLIENTS:
                            project.put_client(id, central=True)
                        else:
                            project.put_job(
                                id, bodies.job_body(id, project.project_id, _central=True)
                            )
                    except exceptions.Conflict:
                        return False
                    return True

                won = parallel.threads(12, claim)
                self.assertEqual(won, [not project.missing(kind, id) for project in projects])
                self.assertEqual(1, sum(won))

    def test_writes_of_one_id_at_once_all_count(self):
        puts = {
            SESSIONS: lambda id, n: self.project.put_session(id, description=f'{n}'),
            JOBS: lambda id, n: self.project.put_job(
                id, bodies.job_body(id, 'p', description=f'{n}')
            ),
            ACTIONS: lambda id, n: self.project.put_action(id, action='info', log=f'{n}'),
            CLIENTS: lambda id, n: self.project.put_client(id, description=f'{n}'),
        }
        for kind, put in puts.items():
            for id in ('a', 'b', 'c'):
                parallel.threads(12, lambda number, put=put, id=id: put(id, number))
                self.assertEqual(12, self.project.get(kind, id).version)
                self.assertEqual(1, self.project.ids(kind).count(id))

    def test_document_made_and_deleted_at_once_leaves_nothing(self):
        def create_and_delete(number):
            for _ in range(4):
                self.project.put_session('s', description=f'{number}')
                self.project.new_job('j')
                self.project.put_client('c', description=f'{number}')
                self.project.delete_session('s')
                self.project.delete_job('j')
                self.project.write(CLIENTS, 'c', None)

        parallel.threads(8, create_and_delete)
        for kind, id in ((SESSIONS, 's'), (JOBS, 'j'), (CLIENTS, 'c')):
            self.assertIs(True, self.project.missing(kind, id))
            self.assertEqual([], self.project.ids(kind))

    def test_jobs_that_take_a_changing_action_follow_it(self):
        self.project.put_action('a', action='info', log='first')

        def take(current, stored, now):
            if 'a' not in stored:
                raise exceptions.Unprocessable('gone')
            return Store(
                bodies.job_body(
                    '', 'p', job_actions=[bodies.entry('a', stored['a'].body['freezer_action'])]
                )
            )

        def act(number):
            for step in range(5):
                if number % 2:
                    self.storage.write_job(self.project.scope, f'j{number}-{step}', take, ('a',))
                else:
                    self.project.put_action('a', action='info', log=f'{number}-{step}')

        parallel.threads(12, act)
        action = self.project.get(ACTIONS, 'a')
        jobs = self.project.page(JOBS).documents
        self.assertEqual(31, action.version)
        self.assertEqual(30, len(jobs))
        for job in jobs:
            self.assertEqual(
                action.body['freezer_action'], job.body['job_actions'][0]['freezer_action']
            )

    def test_jobs_that_take_a_deleted_action_never_keep_it(self):
        def take(current, stored, now):
            if 'a' not in stored:
                raise exceptions.Unprocessable('gone')
            return Store(
                bodies.job_body(
                    '', 'p', job_actions=[bodies.entry('a', stored['a'].body['freezer_action'])]
                )
            )

        def act(number):
            if number == 0:
                return self.project.delete_action('a')
            try:
                return self.storage.write_job(self.project.scope, f'j{number}', take, ('a',))
            except exceptions.Unprocessable:
                return None

        for _ in range(5):
            self.project.put_action('a', action='info')
            parallel.threads(6, act)
            for job in self.project.page(JOBS).documents:
                self.assertEqual([], job.body['job_actions'])
                self.project.delete_job(job.id)

    def test_action_brought_by_many_jobs_is_made_once(self):
        """One of them makes it, the others find it; and none sees that there was anybody else."""
        definition = {'action': 'info'}

        def bring(current, stored, now):
            body = bodies.job_body('', 'p', job_actions=[bodies.entry('a', definition)])
            made = {
                'action_id': 'a',
                'project_id': 'p',
                'user_id': 'u',
                'freezer_action': definition,
            }
            return Store(body, actions={} if 'a' in stored else {'a': made})

        for _ in range(5):
            written = parallel.threads(
                8,
                lambda number: self.storage.write_job(
                    self.project.scope, f'j{number}', bring, ('a',)
                ),
            )
            self.assertEqual([1] * 8, [one.document.version for one in written])
            self.assertEqual(1, self.project.get(ACTIONS, 'a').version)
            self.assertEqual(8, len(self.project.ids(JOBS)))
            self.project.put_action('a', action='exec')
            for job in self.project.page(JOBS).documents:
                self.assertEqual({'action': 'exec'}, job.body['job_actions'][0]['freezer_action'])
                self.project.delete_job(job.id)
            self.project.delete_action('a')

    def test_what_is_read_is_of_one_version(self):
        session = self.project.new_session(hold_off=0)
        jobs = parallel.members(self.project, session, 4)
        seen, left = collections.defaultdict(set), list(jobs)
        wanted = {
            status: search.parse({'match': [{'status': status}]}, SESSIONS)
            for status in ('running', 'completed')
        }

        def read():
            while left:
                for status, query in wanted.items():
                    for document in self.storage.find(
                        self.project.scope, SESSIONS, query
                    ).documents:
                        self.assertEqual(status, document.body['status'])
                        seen[document.etag].add(orjson.dumps(document.body))
                document = self.project.get(SESSIONS, session)
                seen[document.etag].add(orjson.dumps(document.body))

        def act(number):
            if number < 2:
                return read()
            try:
                return parallel.many_runs(self.project, session, jobs[number - 2])
            finally:
                left.pop()

        parallel.threads(2 + len(jobs), act)
        self.assertEqual({1}, {len(bodies) for bodies in seen.values()})
