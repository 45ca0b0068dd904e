"""Members: how jobs enter, change and leave sessions, and what sessions tell them."""

from freezer_api import exceptions
from freezer_api.domain import session_state
from freezer_api.domain.documents import JOBS, SESSIONS

FRESH = {
    'client_id': 'client',
    'status': 'scheduled',
    'result': '',
    'time_started': -1,
    'time_ended': -1,
}


class Members:
    def _versions(self, *documents):
        return [self.project.get(kind, id).version for kind, id in documents]

    def test_new_id_that_is_taken_is_told_of(self):
        """Nobody has to look whether an id is free that was made for a session; but if it isn't,
        nothing is lost.
        """
        taken = self.project.new_session()
        found = []

        def decide(session, now, record):
            found.append(session)
            return session_state.Keep(session)

        new = session_state.Session(self.project.project_id, taken, 'user')

        def create(session, now, record):
            found.append(session)
            return session_state.Keep(session) if session else session_state.Store(new)

        self.storage.write_session(self.project.scope, taken, create, is_new=True)
        self.assertEqual(taken, found[-1].session_id)
        self.assertEqual(1, self.project.get(SESSIONS, taken).version)
        self.storage.write_session(self.project.scope, 'free', decide, is_new=True)
        self.assertIsNone(found[-1])
        self.assertTrue(self.project.missing(SESSIONS, 'free'))

    def test_attached_job_takes_tag_and_schedule(self):
        session = self.project.new_session(
            session_tag=4, schedule={'schedule_day': '1', 'event': 'start'}
        )
        job = self.project.new_job(schedule={'schedule_date': 'x', 'status': 'running'})
        self.project.attach(session, job)
        self.assertEqual({job: FRESH}, self.project.session(session)['jobs'])
        body = self.project.job(job)
        self.assertEqual(session, body['session_id'])
        self.assertEqual(4, body['session_tag'])
        self.assertEqual(
            ('1', 'start', 'running', None),
            tuple(
                body['job_schedule'].get(key)
                for key in ('schedule_day', 'event', 'status', 'schedule_date')
            ),
        )
        self.assertEqual([2, 2], self._versions((SESSIONS, session), (JOBS, job)))

    def test_attaching_a_member_again_changes_nothing(self):
        session = self.project.new_session(schedule={'event': 'start'})
        job = self.project.new_job(session_id=session)
        self.project.start(session, job, 0)
        self.project.change_job(
            job, lambda body: {**body, 'job_schedule': {**body['job_schedule'], 'event': ''}}
        )
        before = self.project.get(SESSIONS, session), self.project.get(JOBS, job)
        self.project.attach(session, job)
        self.assertEqual(before, (self.project.get(SESSIONS, session), self.project.get(JOBS, job)))

    def test_attaching_what_is_missing_is_refused(self):
        session, job = self.project.new_session(), self.project.new_job()
        other = self.in_project(f'{self.project.project_id}-2')
        foreign_session, foreign_job = other.new_session(), other.new_job()
        for session_id, job_id in (
            (session, 'none'),
            ('none', job),
            (session, foreign_job),
            (foreign_session, job),
        ):
            self.assertRaises(exceptions.NotFound, self.project.attach, session_id, job_id)
            self.project.detach(session_id, job_id)
        self.assertEqual([1, 1], self._versions((SESSIONS, session), (JOBS, job)))
        self.assertEqual({}, other.session(foreign_session)['jobs'])
        self.assertEqual('', other.job(foreign_job)['session_id'])

    def test_attaching_elsewhere_moves(self):
        old, new = (
            self.project.new_session(),
            self.project.new_session(session_tag=7, schedule={'schedule_day': '2'}),
        )
        job, other = self.project.new_job(session_id=old), self.project.new_job(session_id=old)
        self.project.start(old, job, 0)
        self.project.start(old, other, 0)
        self.project.end(old, other)
        self.project.attach(new, job)
        self.assertEqual({job: FRESH}, self.project.session(new)['jobs'])
        self.assertEqual(
            (new, 7, '2'),
            tuple(
                (
                    lambda body: (
                        body['session_id'],
                        body['session_tag'],
                        body['job_schedule']['schedule_day'],
                    )
                )(self.project.job(job))
            ),
        )
        left = self.project.session(old)
        self.assertEqual([other], list(left['jobs']))
        self.assertEqual('completed', left['status'])
        self.assertEqual('success', left['result'])

    def test_detached_job_is_told_to_stop(self):
        session = self.project.new_session(session_tag=3, schedule={'schedule_day': '1'})
        job = self.project.new_job(
            session_id=session, schedule={'status': 'running', 'schedule_date': 'x'}
        )
        self.project.detach(session, job)
        body = self.project.job(job)
        self.assertEqual({}, self.project.session(session)['jobs'])
        self.assertEqual('', body['session_id'])
        self.assertEqual(0, body['session_tag'])
        self.assertEqual('stop', body['job_schedule']['event'])
        self.assertEqual('running', body['job_schedule']['status'])
        self.assertEqual([], [key for key in body['job_schedule'] if key.startswith('schedule_')])
        before = self._versions((SESSIONS, session), (JOBS, job))
        self.project.detach(session, job)
        self.assertEqual(before, self._versions((SESSIONS, session), (JOBS, job)))

    def test_detaching_from_another_session_does_nothing(self):
        one, two = self.project.new_session(), self.project.new_session()
        job = self.project.new_job(session_id=one)
        self.project.detach(two, job)
        self.assertEqual([job], list(self.project.session(one)['jobs']))
        self.assertEqual(one, self.project.job(job)['session_id'])

    def test_deleting_a_job_removes_the_member(self):
        session = self.project.new_session()
        jobs = [self.project.new_job(session_id=session) for _ in range(2)]
        self.project.start(session, jobs[0], 0)
        self.project.start(session, jobs[1], 0)
        self.project.end(session, jobs[0])
        self.project.delete_job(jobs[1])
        body = self.project.session(session)
        self.assertEqual(jobs[:1], list(body['jobs']))
        self.assertEqual('completed', body['status'])
        self.assertEqual('success', body['result'])
        self.project.new_job(jobs[1])
        self.assertEqual(jobs[:1], list(self.project.session(session)['jobs']))
        self.assertEqual('', self.project.job(jobs[1])['session_id'])

    def test_deleting_a_session_detaches_all(self):
        session = self.project.new_session(schedule={'schedule_day': '1'})
        jobs = [self.project.new_job(session_id=session) for _ in range(3)]
        self.project.start(session, jobs[0], 0)
        self.project.delete_session(session)
        self.assertTrue(self.project.missing(SESSIONS, session))
        for job in jobs:
            body = self.project.job(job)
            self.assertEqual('', body['session_id'])
            self.assertEqual(0, body['session_tag'])
            self.assertEqual('stop', body['job_schedule']['event'])
        self.project.new_session(session)
        self.assertEqual({}, self.project.session(session)['jobs'])
        self.assertEqual([], self.project.records(session))
        self.assertRaises(exceptions.InvalidInput, self.project.start, session, jobs[0], 0)

    def test_a_change_of_the_schedule_reaches_every_member(self):
        session = self.project.new_session(schedule={'schedule_day': '1'})
        jobs = [
            self.project.new_job(session_id=session, schedule={'status': 'running'})
            for _ in range(3)
        ]
        outsider = self.project.new_job()
        self.project.patch_session(session, schedule={'schedule_hour': '5', 'event': 'abort'})
        for job in jobs:
            schedule = self.project.job(job)['job_schedule']
            self.assertEqual(
                ('5', '', 'running', None),
                tuple(
                    schedule.get(key)
                    for key in ('schedule_hour', 'event', 'status', 'schedule_day')
                ),
            )
        self.assertEqual([1], self._versions((JOBS, outsider)))
        before = self._versions(*((JOBS, job) for job in jobs))
        self.project.patch_session(session, description='only this')
        self.assertEqual(before, self._versions(*((JOBS, job) for job in jobs)))
        self.assertEqual(3, len(self.project.ids(JOBS, [{'schedule_hour': '5'}])))

    def test_a_raised_tag_is_given_to_every_member(self):
        session = self.project.new_session()
        jobs = [self.project.new_job(session_id=session) for _ in range(2)]
        self.project.patch_session(session, session_tag=12)
        self.assertEqual([12, 12], [self.project.job(job)['session_tag'] for job in jobs])
        self.assertEqual(('success', 13), self.project.start(session, jobs[0], 12))
        self.assertRaises(exceptions.Conflict, self.project.patch_session, session, session_tag=20)
        self.assertEqual([13, 12], [self.project.job(job)['session_tag'] for job in jobs])

    def test_followers_that_are_gone_are_left_away(self):
        session = self.project.new_session()
        job = self.project.new_job(session_id=session)
        self.project.decide(
            session,
            lambda session, now, record: session_state.Store(
                session,
                'said',
                follow=lambda body: {**body, 'description': 'followed'},
                followers=frozenset((job, 'gone')),
            ),
        )
        self.assertEqual('followed', self.project.job(job)['description'])
        self.assertTrue(self.project.missing(JOBS, 'gone'))

    def test_an_unchanged_session_keeps_its_version(self):
        session = self.project.new_session()
        job = self.project.new_job(session_id=session)
        self.project.start(session, job, 0)
        before = self.project.get(SESSIONS, session)
        self.clock.advance(5)
        self.assertEqual(('hold-off', 1), self.project.start(session, job, 1))
        self.assertEqual(('success', 1), self.project.start(session, job, 0))
        self.project.patch_session(session)
        self.assertEqual(before, self.project.get(SESSIONS, session))

    def test_the_outcome_tells_the_version_that_is_stored(self):
        session = self.project.new_session()
        for tag in range(1, 4):
            outcome = self.project.patch_session(session, session_tag=tag)
            self.assertEqual(self.project.get(SESSIONS, session), outcome.session.document())
        self.assertEqual(4, outcome.session.version)

    def test_sixty_four_members_share_one_run(self):
        session = self.project.new_session(schedule={'schedule_day': '1'})
        jobs = [self.project.new_job(session_id=session) for _ in range(64)]
        self.assertEqual(dict.fromkeys(jobs, FRESH), self.project.session(session)['jobs'])
        for job in jobs:
            self.assertEqual(('success', 1), self.project.start(session, job, 0))
        self.assertEqual(
            {'running'},
            {entry['status'] for entry in self.project.session(session)['jobs'].values()},
        )
        for job in jobs:
            self.project.end(session, job, 1)
        body = self.project.session(session)
        self.assertEqual('completed', body['status'])
        self.assertEqual('success', body['result'])
        self.assertEqual(1, body['session_tag'])
        self.assertEqual([1] * 64, [self.project.job(job)['session_tag'] for job in jobs])
        self.assertEqual(
            [self.project.get(SESSIONS, session)],
            list(self.project.page(SESSIONS, [{'client_id': 'client'}]).documents),
        )

    def test_entry_of_a_member_follows_its_client(self):
        session = self.project.new_session()
        job = self.project.new_job(session_id=session)
        self.project.start(session, job, 0)
        version = self.project.get(SESSIONS, session).version
        self.project.change_job(job, lambda body: {**body, 'client_id': 'other'})
        entry = self.project.session(session)['jobs'][job]
        self.assertEqual('other', entry['client_id'])
        self.assertEqual('running', entry['status'])
        self.assertEqual(version + 1, self.project.get(SESSIONS, session).version)
        self.assertEqual([session], self.project.ids(SESSIONS, [{'client_id': 'other'}]))
        self.assertEqual([], self.project.ids(SESSIONS, [{'client_id': 'client'}]))
        self.assertEqual('other', self.project.records(session)[0].jobs[job]['client_id'])
        self.project.change_job(job, lambda body: {**body, 'description': 'x'})
        self.assertEqual(version + 1, self.project.get(SESSIONS, session).version)

    def test_replacing_a_job_keeps_its_session(self):
        session = self.project.new_session()
        job = self.project.new_job(session_id=session)
        self.project.new_job(job, client_id='other')
        self.assertEqual('other', self.project.session(session)['jobs'][job]['client_id'])
        self.assertEqual(session, self.project.job(job)['session_id'])
