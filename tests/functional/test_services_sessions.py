"""Sessions: what reaches the members' jobs, and what is refused."""

from freezer_api import exceptions
from freezer_api.domain import search_query
from freezer_api.services import jobs, sessions
from tests.functional.use_cases import ME, STALE, STRANGER, THERE, UseCase

DAILY = {'schedule_interval': '1 days'}
NEWER = {'schedule_hour': '5', 'status': 'stop'}


class Documents(UseCase):
    def test_new_session_has_defaults_and_an_owner(self):
        session_id = sessions.create(
            self.storage,
            ME,
            {'session_id': 'mine', 'schedule': DAILY, 'jobs': {'x': {}}, 'extra': 1},
        ).id
        self.assertNotEqual('mine', session_id)
        self.assertEqual(
            {
                'session_id': session_id,
                'project_id': 'alpha',
                'user_id': 'ann',
                'description': '',
                'session_tag': 0,
                'hold_off': 30,
                'schedule': DAILY,
                'status': 'active',
                'result': '',
                'time_start': -1,
                'time_end': -1,
                'time_started': -1,
                'time_ended': -1,
                'jobs': {},
                '_version': 1,
            },
            self.session(session_id),
        )

    def test_aliases_belong_to_the_schedule_and_make_one(self):
        body = {
            'schedule': {'schedule_interval': '1 days', 'event': None},
            'schedule_internval': '2 days',
            'event': 'start',
        }
        session_id = sessions.create(self.storage, ME, body).id
        self.assertEqual(
            {'schedule_interval': '2 days', 'event': 'start'}, self.session(session_id)['schedule']
        )
        sessions.create(self.storage, ME, {'event': 'stop'})
        with self.refused(exceptions.InvalidInput, 'schedule: is required.'):
            sessions.create(self.storage, ME, {'description': 'x'})

    def test_a_whole_document_sent_back_changes_nothing(self):
        session_id = self.make_session('j', schedule=DAILY, description='d')
        shown = self.session(session_id)
        for write in (sessions.update, sessions.replace):
            self.assertEqual(shown['_version'], write(self.storage, ME, session_id, shown).version)
            nulls = {**shown, 'event': None, 'schedule_interval': None, 'hold_off': None}
            self.assertEqual(shown['_version'], write(self.storage, ME, session_id, nulls).version)

    def test_foreign_and_missing_sessions_look_the_same(self):
        session_id = self.make_session()
        for caller, id in ((STRANGER, session_id), (ME, 'none'), (ME, 'a/b')):
            with self.refused(exceptions.NotFound, f'Session {id} could not be found.'):
                sessions.show(self.storage, caller, id)
            with self.refused(exceptions.NotFound):
                sessions.update(self.storage, caller, id, {})
            with self.refused(exceptions.NotFound):
                sessions.act(self.storage, caller, id, {'start': {'job_id': 'j', 'current_tag': 0}})
            with self.refused(exceptions.NotFound):
                sessions.runs(self.storage, caller, id, 10)
            sessions.delete(self.storage, caller, id)
            sessions.detach(self.storage, caller, id, 'j')
        self.session(session_id)

    def test_replace_creates_and_keeps_members_run_and_tag(self):
        self.assertEqual(
            1,
            sessions.replace(self.storage, ME, 's', {'schedule': DAILY, 'session_tag': 4}).version,
        )
        sessions.attach(self.storage, ME, 's', self.make_job('j'))
        sessions.act(self.storage, ME, 's', {'start': {'job_id': 'j', 'current_tag': 4}})
        sessions.replace(
            self.storage, ME, 's', {'schedule': NEWER, 'session_tag': 9, 'hold_off': 5}
        )
        session = self.session('s')
        self.assertEqual(5, session['session_tag'])
        self.assertEqual('running', session['status'])
        self.assertEqual(5, session['hold_off'])
        self.assertEqual(['j'], [*session['jobs']])
        self.assertEqual(NEWER, session['schedule'])
        self.assertEqual('5', self.job('j')['job_schedule']['schedule_hour'])

    def test_unmet_precondition_is_refused(self):
        session_id = self.make_session()
        for write in (sessions.update, sessions.replace):
            with self.refused(exceptions.PreconditionFailed):
                write(self.storage, ME, session_id, {'schedule': DAILY}, STALE)
            with self.refused(exceptions.PreconditionFailed):
                write(self.storage, ME, 'none', {'schedule': DAILY}, THERE)
            write(self.storage, ME, session_id, {'schedule': DAILY}, THERE)
        for remove in (sessions.delete, lambda *args: sessions.detach(*args[:-1], 'j', args[-1])):
            for id, precondition in ((session_id, STALE), ('none', THERE), ('a/b', THERE)):
                with self.refused(exceptions.PreconditionFailed):
                    remove(self.storage, ME, id, precondition)

    def test_pages_follow_the_marker(self):
        ids = [self.make_session() for _ in range(3)]
        page = sessions.list_page(self.storage, ME, search_query.Query(limit=2))
        self.assertEqual(ids[:2], [item['session_id'] for item in page.items])
        self.assertEqual(ids[1], page.next_marker)
        page = sessions.list_page(
            self.storage, ME, search_query.Query(limit=2, marker=page.next_marker)
        )
        self.assertEqual(ids[2:], [item['session_id'] for item in page.items])
        self.assertIsNone(page.next_marker)


class Members(UseCase):
    def test_a_changed_schedule_reaches_every_member_but_not_its_runtime_keys(self):
        session_id = self.make_session('j', 'k', schedule=DAILY)
        for change in (sessions.update, sessions.replace):
            change(self.storage, ME, session_id, {'schedule': NEWER})
            for job_id in 'jk':
                schedule = self.job(job_id)['job_schedule']
                self.assertEqual('5', schedule['schedule_hour'])
                self.assertIsNone(schedule.get('schedule_interval'))
                self.assertEqual('', schedule['status'])
            sessions.update(self.storage, ME, session_id, {'schedule': DAILY})
        sessions.update(self.storage, ME, session_id, {'schedule_interval': '3 hours'})
        self.assertEqual('3 hours', self.job('k')['job_schedule']['schedule_interval'])

    def test_an_unchanged_schedule_touches_no_member(self):
        session_id = self.make_session('j', schedule=DAILY)
        version = self.job('j')['_version']
        sessions.update(self.storage, ME, session_id, {'schedule': DAILY, 'description': 'new'})
        self.assertEqual(version, self.job('j')['_version'])

    def test_a_raised_tag_is_given_to_every_member(self):
        session_id = self.make_session('j', 'k')
        sessions.update(self.storage, ME, session_id, {'session_tag': 7})
        self.assertEqual(
            [7, 7, 7],
            [
                self.session(session_id)['session_tag'],
                *(self.job(id)['session_tag'] for id in 'jk'),
            ],
        )
        sessions.update(self.storage, ME, session_id, {'session_tag': 6})
        self.assertEqual(7, self.session(session_id)['session_tag'])

    def test_no_tag_is_raised_while_a_run_is_going_on(self):
        session_id = self.make_session('j')
        sessions.act(self.storage, ME, session_id, {'start': {'job_id': 'j', 'current_tag': 0}})
        with self.refused(exceptions.Conflict, 'session_tag'):
            sessions.update(self.storage, ME, session_id, {'session_tag': 9})

    def test_an_event_in_a_patch_is_told_to_every_member(self):
        session_id = self.make_session('j', 'k', schedule=DAILY)
        jobs.update(
            self.storage, ME, 'j', {'job_schedule': {'status': 'completed', 'result': 'fail'}}
        )
        for event in ('start', 'stop', 'abort'):
            sessions.update(self.storage, ME, session_id, {'event': event})
            self.assertEqual([event, event], [self.job(id)['job_schedule']['event'] for id in 'jk'])
        self.assertEqual(
            ('', ''), tuple(self.job('j')['job_schedule'][key] for key in ('status', 'result'))
        )
        self.assertEqual(-1, self.job('k')['job_schedule']['current_pid'])

    def test_an_event_in_a_patch_is_not_kept(self):
        for schedule in (DAILY, {**DAILY, 'event': 'stop'}):
            session_id = self.make_session('j', schedule=schedule)
            before = self.session(session_id)
            for event in ('start', 'abort', ''):
                sessions.update(self.storage, ME, session_id, {'event': event})
                self.assertEqual(before, self.session(session_id))
            sessions.delete(self.storage, ME, session_id)
            jobs.delete(self.storage, ME, 'j')

    def test_other_event_in_a_patch_is_refused(self):
        session_id = self.make_session('j')
        with self.assertRaisesRegex(exceptions.InvalidInput, "one of '', 'start', 'stop'"):
            sessions.update(self.storage, ME, session_id, {'event': 'remove'})

    def test_who_is_attached_after_an_event_gets_that_of_the_schedule_alone(self):
        session_id = self.make_session('j', schedule={**DAILY, 'event': 'stop'})
        sessions.update(self.storage, ME, session_id, {'event': 'start'})
        sessions.attach(self.storage, ME, session_id, self.make_job('k'))
        self.assertEqual(['start', 'stop'], [self.job(id)['job_schedule']['event'] for id in 'jk'])

    def test_a_session_that_is_started_as_a_whole_leaves_nobody_behind(self):
        session_id = self.make_session('j', 'k')
        sessions.act(self.storage, ME, session_id, {'start': {'job_id': 'j', 'current_tag': 0}})
        for event, tags in (('stop', [1, 0]), ('abort', [1, 0]), ('start', [1, 1])):
            sessions.update(self.storage, ME, session_id, {'event': event})
            self.assertEqual(tags, [self.job(id)['session_tag'] for id in 'jk'])

    def test_event_in_a_schedule_or_a_replace_reaches_no_member(self):
        session_id = self.make_session('j')
        sessions.update(self.storage, ME, session_id, {'schedule': {'event': 'start'}})
        sessions.replace(self.storage, ME, session_id, {'event': 'start'})
        self.assertEqual('', self.job('j')['job_schedule']['event'])

    def test_schedule_tag_and_event_of_one_patch_reach_members(self):
        session_id = self.make_session('j')
        sessions.update(
            self.storage, ME, session_id, {'schedule': DAILY, 'session_tag': 3, 'event': 'start'}
        )
        job = self.job('j')
        self.assertEqual('1 days', job['job_schedule']['schedule_interval'])
        self.assertEqual('start', job['job_schedule']['event'])
        self.assertEqual(3, job['session_tag'])

    def test_deleting_a_session_releases_its_jobs(self):
        session_id = self.make_session('j', 'k', schedule=DAILY)
        sessions.delete(self.storage, ME, session_id)
        for job_id in 'jk':
            job = self.job(job_id)
            self.assertEqual('', job['session_id'])
            self.assertEqual(0, job['session_tag'])
            self.assertEqual('stop', job['job_schedule']['event'])
            self.assertIsNone(job['job_schedule'].get('schedule_interval'))
        sessions.delete(self.storage, ME, session_id)

    def test_impossible_ids_are_not_found(self):
        session_id = self.make_session('j')
        with self.refused(exceptions.NotFound, 'Job a/b could not be found.'):
            sessions.attach(self.storage, ME, session_id, 'a/b')
        sessions.detach(self.storage, ME, session_id, 'a/b')
        with self.refused(exceptions.NotFound, 'Session '):
            sessions.attach(self.storage, STRANGER, session_id, 'j')


class Runs(UseCase):
    def test_run_starts_ends_and_is_recorded(self):
        session_id = self.make_session('j', 'k')
        self.assertEqual(
            {'result': 'success', 'session_tag': 1},
            sessions.act(
                self.storage, ME, session_id, {'start': {'job_id': 'j', 'current_tag': '0'}}
            ),
        )
        self.assertEqual(1, self.job('j')['session_tag'])
        self.assertEqual(0, self.job('k')['session_tag'])
        self.assertEqual(
            {'result': 'success', 'session_tag': 1},
            sessions.act(
                self.storage, ME, session_id, {'start': {'job_id': 'k', 'current_tag': 0}}
            ),
        )
        self.assertEqual(
            {'result': 'hold-off', 'session_tag': 1},
            sessions.act(
                self.storage, ME, session_id, {'start': {'job_id': 'k', 'current_tag': 1}}
            ),
        )
        for job_id in 'jk':
            sessions.act(
                self.storage,
                ME,
                session_id,
                {'end': {'job_id': job_id, 'current_tag': None, 'result': 'success'}},
            )
        session = self.session(session_id)
        self.assertEqual('completed', session['status'])
        self.assertEqual('success', session['result'])
        runs, more = sessions.runs(self.storage, ME, session_id, 10)
        without = {'backups': [], 'backup_statuses': {}}
        self.assertEqual(
            [sessions.run(self.storage, ME, session_id, 1)], [{**run, **without} for run in runs]
        )
        self.assertFalse(more)
        self.assertEqual(
            {'session_id', 'session_tag', 'status', 'result', 'time_start', 'time_end', 'jobs'},
            runs[0].keys(),
        )

    def test_a_late_end_is_recorded_in_its_run(self):
        session_id = self.make_session('j', 'k')
        sessions.act(self.storage, ME, session_id, {'start': {'job_id': 'j', 'current_tag': 0}})
        self.advance(31)
        sessions.act(self.storage, ME, session_id, {'start': {'job_id': 'k', 'current_tag': 1}})
        sessions.act(
            self.storage,
            ME,
            session_id,
            {'end': {'job_id': 'j', 'current_tag': 1, 'result': 'success'}},
        )
        self.assertEqual(
            ('completed', 'success'),
            tuple(
                sessions.run(self.storage, ME, session_id, 1)['jobs']['j'][key]
                for key in ('status', 'result')
            ),
        )
        self.assertEqual('scheduled', self.session(session_id)['jobs']['j']['status'])

    def test_bad_report_is_refused_with_its_fault(self):
        session_id = self.make_session('j')
        for body, text in (
            ({}, 'exactly one key'),
            ({'start': {}}, 'start.job_id'),
            ({'end': {'job_id': 'j'}}, 'end.result'),
            ({'start': {'job_id': 'x', 'current_tag': 0}}, 'not a member'),
            ({'start': {'job_id': 'j', 'current_tag': 1}}, 'requested tag value too high'),
            (
                {'end': {'job_id': 'j', 'current_tag': 1, 'result': 'fail'}},
                'requested tag value too high',
            ),
        ):
            with self.refused(exceptions.InvalidInput, text):
                sessions.act(self.storage, ME, session_id, body)
            with self.refused(exceptions.NotFound):
                sessions.act(self.storage, ME, 'none', body)
        with self.refused(exceptions.UnknownAction, 'pause'):
            sessions.act(self.storage, ME, session_id, {'pause': {}})
        with self.refused(exceptions.PreconditionFailed):
            sessions.act(
                self.storage, ME, session_id, {'start': {'job_id': 'j', 'current_tag': 0}}, STALE
            )

    def test_missing_runs_are_not_found(self):
        session_id = self.make_session('j')
        self.assertEqual(([], False), sessions.runs(self.storage, ME, session_id, 10))
        for tag in (-1, 0, 5, 2**31, 2**70):
            with self.refused(exceptions.NotFound):
                sessions.run(self.storage, ME, session_id, tag)
            with self.refused(exceptions.InvalidInput, 'marker'):
                sessions.runs(self.storage, ME, session_id, 10, tag)
