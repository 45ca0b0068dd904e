"""Many at once, on one storage by threads and on several processes: what was acknowledged is there,
and nothing contradicts.
"""

import collections
import random

import orjson

from freezer_api import exceptions
from freezer_api.db.base import JobWrite
from freezer_api.domain import search
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS
from tests.contract import actors, base, crowd

MANY = 64


class Crowds:
    """What threads and processes are put to; :meth:`live` makes the difference."""

    turned = False

    def live(self, session, jobs, life):
        return crowd.live(self.actor, session, jobs, life)

    def _agrees(self, session, told):
        """Every answer is in its run, and every run has the members and results that were
        answered.
        """
        said = collections.defaultdict(dict)
        for one in told:
            said[one.tag][one.job] = one.result or said[one.tag].get(one.job, '')
        records = {record.tag: record for record in self.actor.records(session)}
        self.assertEqual(set(range(1, self.actor.session(session)['session_tag'] + 1)), set(said))
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

    def test_all_attach_start_and_end_at_once(self):
        session = self.actor.new_session(hold_off=3600)
        jobs = crowd.members(self.actor, None, MANY)
        records = self._agrees(session, self.live(session, jobs, crowd.one_run))
        body = self.actor.session(session)
        self.assertEqual(
            ('completed', 'success', 1, set(jobs)),
            (body['status'], body['result'], body['session_tag'], set(body['jobs'])),
        )
        self.assertEqual([1], list(records))
        for job in jobs:
            self.assertEqual(
                (session, 1),
                tuple(self.actor.job(job)[key] for key in ('session_id', 'session_tag')),
            )

    def test_all_members_start_and_end_at_once(self):
        session = self.actor.new_session(hold_off=3600)
        jobs = crowd.members(self.actor, session, MANY)
        self._agrees(session, self.live(session, jobs, crowd.start_and_end))
        body = self.actor.session(session)
        self.assertEqual(
            ('completed', 'success', 1), (body['status'], body['result'], body['session_tag'])
        )

    def test_all_come_and_go(self):
        session = self.actor.new_session(hold_off=3600)
        jobs = crowd.members(self.actor, None, MANY)
        self.live(session, jobs, crowd.in_and_out)
        body, back = self.actor.session(session), {job for job in jobs if int(job[-1], 16) % 2}
        self.assertEqual(
            ('completed', 1, back), (body['status'], body['session_tag'], set(body['jobs']))
        )
        self.assertEqual({'completed'}, {entry['status'] for entry in body['jobs'].values()})
        self.assertEqual(back, {job for job in jobs if self.actor.job(job)['session_id']})
        self.assertEqual(back, set(self.actor.records(session)[0].jobs))

    def test_runs_that_overtake_each_other(self):
        session = self.actor.new_session(hold_off=0)
        jobs = crowd.members(self.actor, session, 8)
        told = self.live(session, jobs, crowd.many_runs)
        records = self._agrees(session, told)
        current = self.actor.session(session)['session_tag']
        for tag, record in records.items():
            results = {entry['result'] for entry in record.jobs.values()}
            if tag != current:
                self.assertEqual(
                    ('completed', 'success' if results == {'success'} else 'fail'),
                    (record.status, record.result),
                )
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
            'running' if running else 'completed', self.actor.session(session)['status']
        )


@base.on_every_database()
class Threads(Crowds):
    def test_jobs_that_are_moved_about(self):
        sessions = [self.actor.new_session() for _ in range(3)]
        jobs = crowd.members(self.actor, None, 6)

        def move(number):
            choose = random.Random(number)
            for _ in range(6):
                job, session = choose.choice(jobs), choose.choice(sessions)
                choose.choice((self.actor.attach, self.actor.attach, self.actor.detach))(
                    session, job
                )

        crowd.threads(24, move)
        self._consistent()

    def test_everything_at_once(self):
        sessions = [self.actor.new_session(hold_off=0) for _ in range(2)]
        jobs = crowd.members(self.actor, sessions[0], 6)
        acts = (
            self.actor.attach,
            self.actor.detach,
            lambda session, job: self.actor.start(session, job, 0),
            lambda session, job: self.actor.start(
                session, job, self.actor.session(session)['session_tag']
            ),
            self.actor.end,
            lambda session, job: self.actor.delete_job(job),
            lambda session, job: self.actor.new_job(job, session_id=session),
            lambda session, job: self.actor.delete_session(session),
            lambda session, job: self.actor.put_session(session, hold_off=0),
            lambda session, job: self.actor.change_job(
                job, lambda body: {**body, 'client_id': session}
            ),
            lambda session, job: self.actor.patch_session(
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

        crowd.threads(24, act)
        self._consistent()

    def _consistent(self):
        """Jobs and sessions name each other, and no run is kept going for nobody."""
        stored = {job.id: job.body for job in self.actor.page(JOBS).documents}
        for session in self.actor.page(SESSIONS).documents:
            members = {id for id, job in stored.items() if job['session_id'] == session.id}
            self.assertEqual(set(session.body['jobs']), members)
            for id in members:
                self.assertEqual(stored[id]['client_id'], session.body['jobs'][id]['client_id'])
                self.assertLessEqual(stored[id]['session_tag'], session.body['session_tag'])
            if session.body['status'] == 'running':
                self.assertIn(
                    'running', [entry['status'] for entry in session.body['jobs'].values()]
                )
        there = {session.id for session in self.actor.page(SESSIONS).documents} | {''}
        self.assertLessEqual({job['session_id'] for job in stored.values()}, there)

    def test_one_claim_is_won_once(self):
        projects = [self.actor_in(f'{self.actor.project_id}-{number}') for number in range(12)]
        for kind in (CLIENTS, JOBS):
            for _ in range(3):
                id = actors.new_id()

                def claim(number, kind=kind, id=id):
                    actor = projects[number]
                    try:
                        if kind == CLIENTS:
                            actor.put_client(id, central=True)
                        else:
                            actor.put_job(id, actors.job_body(id, actor.project_id, _central=True))
                    except exceptions.Conflict:
                        return False
                    return True

                won = crowd.threads(12, claim)
                self.assertEqual(won, [not actor.missing(kind, id) for actor in projects])
                self.assertEqual(1, sum(won))

    def test_one_id_is_created_or_replaced_by_many(self):
        puts = {
            SESSIONS: lambda id, n: self.actor.put_session(id, description=f'{n}'),
            JOBS: lambda id, n: self.actor.put_job(
                id, actors.job_body(id, 'p', description=f'{n}')
            ),
            ACTIONS: lambda id, n: self.actor.put_action(id, action='info', log=f'{n}'),
            CLIENTS: lambda id, n: self.actor.put_client(id, description=f'{n}'),
        }
        for kind, put in puts.items():
            for id in ('a', 'b', 'c'):
                crowd.threads(12, lambda number, put=put, id=id: put(id, number))
                self.assertEqual(12, self.actor.get(kind, id).version)
                self.assertEqual(1, self.actor.ids(kind).count(id))

    def test_one_is_created_and_deleted_by_many(self):
        def churn(number):
            for _ in range(4):
                self.actor.put_session('s', description=f'{number}')
                self.actor.new_job('j')
                self.actor.put_client('c', description=f'{number}')
                self.actor.delete_session('s')
                self.actor.delete_job('j')
                self.actor.write(CLIENTS, 'c', None)

        crowd.threads(8, churn)
        for kind, id in ((SESSIONS, 's'), (JOBS, 'j'), (CLIENTS, 'c')):
            self.assertEqual((True, []), (self.actor.missing(kind, id), self.actor.ids(kind)))

    def test_an_action_changes_while_jobs_take_it(self):
        self.actor.put_action('a', action='info', log='first')

        def take(current, stored, now):
            if 'a' not in stored:
                raise exceptions.Unprocessable('gone')
            return JobWrite(
                actors.job_body(
                    '', 'p', job_actions=[actors.entry('a', stored['a'].body['freezer_action'])]
                )
            )

        def act(number):
            for step in range(5):
                if number % 2:
                    self.storage.write_job(self.actor.scope, f'j{number}-{step}', take, ('a',))
                else:
                    self.actor.put_action('a', action='info', log=f'{number}-{step}')

        crowd.threads(12, act)
        action = self.actor.get(ACTIONS, 'a')
        jobs = self.actor.page(JOBS).documents
        self.assertEqual((31, 30), (action.version, len(jobs)))
        for job in jobs:
            self.assertEqual(
                action.body['freezer_action'], job.body['job_actions'][0]['freezer_action']
            )

    def test_an_action_goes_while_jobs_take_it(self):
        def take(current, stored, now):
            if 'a' not in stored:
                raise exceptions.Unprocessable('gone')
            return JobWrite(
                actors.job_body(
                    '', 'p', job_actions=[actors.entry('a', stored['a'].body['freezer_action'])]
                )
            )

        def act(number):
            if number == 0:
                return self.actor.delete_action('a')
            try:
                return self.storage.write_job(self.actor.scope, f'j{number}', take, ('a',))
            except exceptions.Unprocessable:
                return None

        for _ in range(5):
            self.actor.put_action('a', action='info')
            crowd.threads(6, act)
            for job in self.actor.page(JOBS).documents:
                self.assertEqual([], job.body['job_actions'])
                self.actor.delete_job(job.id)

    def test_many_jobs_bring_an_action_along(self):
        """One of them makes it, the others find it; and none sees that there was anybody else."""
        definition = {'action': 'info'}

        def bring(current, stored, now):
            body = actors.job_body('', 'p', job_actions=[actors.entry('a', definition)])
            made = {
                'action_id': 'a',
                'project_id': 'p',
                'user_id': 'u',
                'freezer_action': definition,
            }
            return JobWrite(body, {} if 'a' in stored else {'a': made})

        for _ in range(5):
            written = crowd.threads(
                8,
                lambda number: self.storage.write_job(
                    self.actor.scope, f'j{number}', bring, ('a',)
                ),
            )
            self.assertEqual([1] * 8, [job.version for job in written])
            self.assertEqual(
                (1, 8), (self.actor.get(ACTIONS, 'a').version, len(self.actor.ids(JOBS)))
            )
            self.actor.put_action('a', action='exec')
            for job in self.actor.page(JOBS).documents:
                self.assertEqual({'action': 'exec'}, job.body['job_actions'][0]['freezer_action'])
                self.actor.delete_job(job.id)
            self.actor.delete_action('a')

    def test_what_is_read_belongs_to_one_moment(self):
        session = self.actor.new_session(hold_off=0)
        jobs = crowd.members(self.actor, session, 4)
        seen, left = collections.defaultdict(set), list(jobs)
        wanted = {
            status: search.parse({'match': [{'status': status}]}, SESSIONS)
            for status in ('running', 'completed')
        }

        def read():
            while left:
                for status, query in wanted.items():
                    for document in self.storage.find(self.actor.scope, SESSIONS, query).documents:
                        self.assertEqual(status, document.body['status'])
                        seen[document.etag].add(orjson.dumps(document.body))
                document = self.actor.get(SESSIONS, session)
                seen[document.etag].add(orjson.dumps(document.body))

        def act(number):
            if number < 2:
                return read()
            try:
                return crowd.many_runs(self.actor, session, jobs[number - 2])
            finally:
                left.pop()

        crowd.threads(2 + len(jobs), act)
        self.assertEqual({1}, {len(bodies) for bodies in seen.values()})
