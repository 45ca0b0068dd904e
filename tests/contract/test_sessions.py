"""Members: how jobs enter, change and leave sessions, and what sessions tell them."""

from freezer_api import exceptions
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.domain.sessions import Outcome
from tests.contract import base

FRESH = {
    'client_id': 'client',
    'status': 'scheduled',
    'result': '',
    'time_started': -1,
    'time_ended': -1,
}


@base.on_every_database()
class Members:
    def _versions(self, *documents):
        return [self.actor.get(kind, id).version for kind, id in documents]

    def test_attach(self):
        session = self.actor.new_session(
            session_tag=4, schedule={'schedule_day': '1', 'event': 'start'}
        )
        job = self.actor.new_job(schedule={'schedule_date': 'x', 'status': 'running'})
        self.actor.attach(session, job)
        self.assertEqual({job: FRESH}, self.actor.session(session)['jobs'])
        body = self.actor.job(job)
        self.assertEqual((session, 4), (body['session_id'], body['session_tag']))
        self.assertEqual(
            ('1', 'start', 'running', None),
            tuple(
                body['job_schedule'].get(key)
                for key in ('schedule_day', 'event', 'status', 'schedule_date')
            ),
        )
        self.assertEqual([2, 2], self._versions((SESSIONS, session), (JOBS, job)))

    def test_attaching_a_member_again_changes_nothing(self):
        session = self.actor.new_session(schedule={'event': 'start'})
        job = self.actor.new_job(session_id=session)
        self.actor.start(session, job, 0)
        self.actor.change_job(
            job, lambda body: {**body, 'job_schedule': {**body['job_schedule'], 'event': ''}}
        )
        before = self.actor.get(SESSIONS, session), self.actor.get(JOBS, job)
        self.actor.attach(session, job)
        self.assertEqual(before, (self.actor.get(SESSIONS, session), self.actor.get(JOBS, job)))

    def test_attach_what_is_missing(self):
        session, job = self.actor.new_session(), self.actor.new_job()
        other = self.actor_in(f'{self.actor.project_id}-2')
        foreign_session, foreign_job = other.new_session(), other.new_job()
        for session_id, job_id in (
            (session, 'none'),
            ('none', job),
            (session, foreign_job),
            (foreign_session, job),
        ):
            self.assertRaises(exceptions.NotFound, self.actor.attach, session_id, job_id)
            self.actor.detach(session_id, job_id)
        self.assertEqual([1, 1], self._versions((SESSIONS, session), (JOBS, job)))
        self.assertEqual(
            ({}, ''), (other.session(foreign_session)['jobs'], other.job(foreign_job)['session_id'])
        )

    def test_attaching_elsewhere_moves(self):
        old, new = (
            self.actor.new_session(),
            self.actor.new_session(session_tag=7, schedule={'schedule_day': '2'}),
        )
        job, other = self.actor.new_job(session_id=old), self.actor.new_job(session_id=old)
        self.actor.start(old, job, 0)
        self.actor.start(old, other, 0)
        self.actor.end(old, other)
        self.actor.attach(new, job)
        self.assertEqual({job: FRESH}, self.actor.session(new)['jobs'])
        self.assertEqual(
            (new, 7, '2'),
            tuple(
                (
                    lambda body: (
                        body['session_id'],
                        body['session_tag'],
                        body['job_schedule']['schedule_day'],
                    )
                )(self.actor.job(job))
            ),
        )
        left = self.actor.session(old)
        self.assertEqual(
            ([other], 'completed', 'success'), (list(left['jobs']), left['status'], left['result'])
        )

    def test_detach(self):
        session = self.actor.new_session(session_tag=3, schedule={'schedule_day': '1'})
        job = self.actor.new_job(
            session_id=session, schedule={'status': 'running', 'schedule_date': 'x'}
        )
        self.actor.detach(session, job)
        body = self.actor.job(job)
        self.assertEqual(
            ({}, '', 0),
            (self.actor.session(session)['jobs'], body['session_id'], body['session_tag']),
        )
        self.assertEqual(
            ('stop', 'running'), (body['job_schedule']['event'], body['job_schedule']['status'])
        )
        self.assertEqual([], [key for key in body['job_schedule'] if key.startswith('schedule_')])
        before = self._versions((SESSIONS, session), (JOBS, job))
        self.actor.detach(session, job)
        self.assertEqual(before, self._versions((SESSIONS, session), (JOBS, job)))

    def test_detaching_from_another_session_does_nothing(self):
        one, two = self.actor.new_session(), self.actor.new_session()
        job = self.actor.new_job(session_id=one)
        self.actor.detach(two, job)
        self.assertEqual([job], list(self.actor.session(one)['jobs']))
        self.assertEqual(one, self.actor.job(job)['session_id'])

    def test_deleting_a_job_removes_the_member(self):
        session = self.actor.new_session()
        jobs = [self.actor.new_job(session_id=session) for _ in range(2)]
        self.actor.start(session, jobs[0], 0)
        self.actor.start(session, jobs[1], 0)
        self.actor.end(session, jobs[0])
        self.actor.delete_job(jobs[1])
        body = self.actor.session(session)
        self.assertEqual(
            (jobs[:1], 'completed', 'success'), (list(body['jobs']), body['status'], body['result'])
        )
        self.actor.new_job(jobs[1])
        self.assertEqual(
            (jobs[:1], ''),
            (list(self.actor.session(session)['jobs']), self.actor.job(jobs[1])['session_id']),
        )

    def test_deleting_a_session_detaches_all(self):
        session = self.actor.new_session(schedule={'schedule_day': '1'})
        jobs = [self.actor.new_job(session_id=session) for _ in range(3)]
        self.actor.start(session, jobs[0], 0)
        self.actor.delete_session(session)
        self.assertTrue(self.actor.missing(SESSIONS, session))
        for job in jobs:
            body = self.actor.job(job)
            self.assertEqual(
                ('', 0, 'stop'),
                (body['session_id'], body['session_tag'], body['job_schedule']['event']),
            )
        self.actor.new_session(session)
        self.assertEqual(
            ({}, []), (self.actor.session(session)['jobs'], self.actor.records(session))
        )
        self.assertRaises(exceptions.InvalidInput, self.actor.start, session, jobs[0], 0)

    def test_a_change_of_the_schedule_reaches_every_member(self):
        session = self.actor.new_session(schedule={'schedule_day': '1'})
        jobs = [
            self.actor.new_job(session_id=session, schedule={'status': 'running'}) for _ in range(3)
        ]
        outsider = self.actor.new_job()
        self.actor.patch_session(session, schedule={'schedule_hour': '5', 'event': 'abort'})
        for job in jobs:
            schedule = self.actor.job(job)['job_schedule']
            self.assertEqual(
                ('5', '', 'running', None),
                tuple(
                    schedule.get(key)
                    for key in ('schedule_hour', 'event', 'status', 'schedule_day')
                ),
            )
        self.assertEqual([1], self._versions((JOBS, outsider)))
        before = self._versions(*((JOBS, job) for job in jobs))
        self.actor.patch_session(session, description='only this')
        self.assertEqual(before, self._versions(*((JOBS, job) for job in jobs)))
        self.assertEqual(3, len(self.actor.ids(JOBS, [{'schedule_hour': '5'}])))

    def test_a_raised_tag_is_given_to_every_member(self):
        session = self.actor.new_session()
        jobs = [self.actor.new_job(session_id=session) for _ in range(2)]
        self.actor.patch_session(session, session_tag=12)
        self.assertEqual([12, 12], [self.actor.job(job)['session_tag'] for job in jobs])
        self.assertEqual(('success', 13), self.actor.start(session, jobs[0], 12))
        self.assertRaises(exceptions.Conflict, self.actor.patch_session, session, session_tag=20)
        self.assertEqual([13, 12], [self.actor.job(job)['session_tag'] for job in jobs])

    def test_followers_that_are_gone_are_left_away(self):
        session = self.actor.new_session()
        job = self.actor.new_job(session_id=session)
        self.actor.decide(
            session,
            lambda session, now, record: Outcome(
                session,
                'said',
                follow=lambda body: {**body, 'description': 'followed'},
                followers=frozenset((job, 'gone')),
            ),
        )
        self.assertEqual('followed', self.actor.job(job)['description'])
        self.assertTrue(self.actor.missing(JOBS, 'gone'))

    def test_an_unchanged_session_keeps_its_version(self):
        session = self.actor.new_session()
        job = self.actor.new_job(session_id=session)
        self.actor.start(session, job, 0)
        before = self.actor.get(SESSIONS, session)
        self.clock.advance(5)
        self.assertEqual(('hold-off', 1), self.actor.start(session, job, 1))
        self.assertEqual(('success', 1), self.actor.start(session, job, 0))
        self.actor.patch_session(session)
        self.assertEqual(before, self.actor.get(SESSIONS, session))

    def test_the_outcome_tells_the_version_that_is_stored(self):
        session = self.actor.new_session()
        for tag in range(1, 4):
            outcome = self.actor.patch_session(session, session_tag=tag)
            self.assertEqual(self.actor.get(SESSIONS, session), outcome.session.document())
        self.assertEqual(4, outcome.session.version)

    def test_sixty_four_members(self):
        session = self.actor.new_session(schedule={'schedule_day': '1'})
        jobs = [self.actor.new_job(session_id=session) for _ in range(64)]
        self.assertEqual(dict.fromkeys(jobs, FRESH), self.actor.session(session)['jobs'])
        for job in jobs:
            self.assertEqual(('success', 1), self.actor.start(session, job, 0))
        self.assertEqual(
            {'running'}, {entry['status'] for entry in self.actor.session(session)['jobs'].values()}
        )
        for job in jobs:
            self.actor.end(session, job, 1)
        body = self.actor.session(session)
        self.assertEqual(
            ('completed', 'success', 1), (body['status'], body['result'], body['session_tag'])
        )
        self.assertEqual([1] * 64, [self.actor.job(job)['session_tag'] for job in jobs])
        self.assertEqual(
            [self.actor.get(SESSIONS, session)],
            list(self.actor.page(SESSIONS, [{'client_id': 'client'}]).documents),
        )

    def test_a_member_whose_client_changes(self):
        session = self.actor.new_session()
        job = self.actor.new_job(session_id=session)
        self.actor.start(session, job, 0)
        version = self.actor.get(SESSIONS, session).version
        self.actor.change_job(job, lambda body: {**body, 'client_id': 'other'})
        entry = self.actor.session(session)['jobs'][job]
        self.assertEqual(('other', 'running'), (entry['client_id'], entry['status']))
        self.assertEqual(version + 1, self.actor.get(SESSIONS, session).version)
        self.assertEqual(
            ([session], []),
            (
                self.actor.ids(SESSIONS, [{'client_id': 'other'}]),
                self.actor.ids(SESSIONS, [{'client_id': 'client'}]),
            ),
        )
        self.assertEqual('other', self.actor.records(session)[0].jobs[job]['client_id'])
        self.actor.change_job(job, lambda body: {**body, 'description': 'x'})
        self.assertEqual(version + 1, self.actor.get(SESSIONS, session).version)

    def test_replacing_a_job_keeps_its_session(self):
        session = self.actor.new_session()
        job = self.actor.new_job(session_id=session)
        self.actor.new_job(job, client_id='other')
        self.assertEqual(
            ('other', session),
            (
                self.actor.session(session)['jobs'][job]['client_id'],
                self.actor.job(job)['session_id'],
            ),
        )
