"""Runs as a store keeps them: starts and ends, records, what is kept of them, and runs that
lapse.
"""

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import SESSIONS


class Runs:
    def setUp(self):
        super().setUp()
        self.session = self.project.new_session(hold_off=30)
        self.jobs = [
            self.project.new_job(f'j{number}', session_id=self.session) for number in range(3)
        ]

    def _run(self, *ends):
        """A new run in which all start and some end, 31 seconds later than the one before."""
        self.clock.advance(31)
        tag = self.project.session(self.session)['session_tag']
        for job in self.jobs:
            self.assertEqual(('success', tag + 1), self.project.start(self.session, job, tag))
        for job in ends or self.jobs:
            self.project.end(self.session, job, tag + 1)
        return tag + 1

    def _keeping(self, runs_kept):
        """Somebody in the same project, in a process that keeps another number of runs."""
        self.conf.set_override('runs_kept', runs_kept, 'sessions')
        self.addCleanup(self.conf.clear_override, 'runs_kept', 'sessions')
        storage = self.make_storage()
        storage.clock = self.clock
        return self.in_project(self.project.project_id, storage)

    def _tags(self, **page):
        return [record.tag for record in self.project.records(self.session, **page)]

    def test_the_current_run_agrees_with_the_session(self):
        self.assertEqual([], self.project.records(self.session))
        for ends in ((), ('j0',), ('j0', 'j1')):
            self._run(*ends)
            body = self.project.session(self.session)
            shown = self.project.records(self.session)[0].shown(self.session)
            self.assertEqual({key: body[key] for key in shown}, shown)
            self.assertEqual(
                self.storage.run(self.project.scope, self.session, body['session_tag']).shown(
                    self.session
                ),
                shown,
            )

    def test_records_stay_when_the_next_run_begins(self):
        for _ in range(3):
            self._run()
        now = self.clock.now // documents.SECOND
        shown = [record.shown(self.session) for record in self.project.records(self.session)]
        self.assertEqual(
            [(3, now), (2, now - 31), (1, now - 62)],
            [(record['session_tag'], record['time_start']) for record in shown],
        )
        for record in shown:
            self.assertEqual('completed', record['status'])
            self.assertEqual('success', record['result'])
            self.assertEqual(record['time_start'], record['time_end'])
            self.assertEqual(set(self.jobs), set(record['jobs']))
            self.assertEqual(
                {
                    'client_id': 'client',
                    'status': 'completed',
                    'result': 'success',
                    'time_started': record['time_start'],
                    'time_ended': record['time_end'],
                },
                record['jobs']['j0'],
            )

    def test_pages_of_runs_follow_the_marker(self):
        for _ in range(5):
            self._run()
        for limit, marker, expected, more in (
            (2, None, [5, 4], True),
            (5, None, [5, 4, 3, 2, 1], False),
            (9, None, [5, 4, 3, 2, 1], False),
            (2, 5, [4, 3], True),
            (2, 3, [2, 1], False),
            (2, 1, [], False),
            (1, 2, [1], False),
            (1, None, [5], True),
        ):
            records, left = self.storage.runs(self.project.scope, self.session, limit, marker)
            self.assertEqual(expected, [record.tag for record in records], (limit, marker))
            self.assertEqual(more, left, (limit, marker))

    def test_unknown_runs_are_refused(self):
        self._run()
        for marker in (0, 2, 3, 2**31 - 1):
            self.assertRaises(exceptions.InvalidInput, self._tags, marker=marker)
            self.assertRaises(
                exceptions.NotFound, self.storage.run, self.project.scope, self.session, marker
            )
        self.assertRaises(exceptions.NotFound, self.storage.runs, self.project.scope, 'none', 5)
        self.assertRaises(exceptions.NotFound, self.storage.run, self.project.scope, 'none', 1)
        other = self.in_project(f'{self.project.project_id}-2')
        self.assertRaises(exceptions.NotFound, other.records, self.session)

    def test_a_raised_tag_is_no_run_yet(self):
        self._run()
        self.project.patch_session(self.session, session_tag=9)
        self.assertEqual([1], self._tags())
        self.assertRaises(
            exceptions.NotFound, self.storage.run, self.project.scope, self.session, 9
        )
        self.assertEqual(('success', 9), self.project.start(self.session, 'j0', 9))
        self.assertEqual([9, 1], self._tags())
        self.assertEqual('completed', self.storage.run(self.project.scope, self.session, 1).status)

    def test_late_end_changes_its_own_run_only(self):
        self._run('j0')
        tag = self._run()
        version = self.project.get(SESSIONS, self.session).version
        record = self.storage.run(self.project.scope, self.session, tag - 1)
        self.assertEqual('completed', record.status)
        self.assertEqual('fail', record.result)
        self.assertEqual('running', record.jobs['j1']['status'])
        for job in ('j1', 'j2', 'j2'):
            self.assertEqual(('success', tag), self.project.end(self.session, job, tag - 1))
        record = self.storage.run(self.project.scope, self.session, tag - 1)
        self.assertEqual('success', record.result)
        self.assertEqual(self.clock.now // documents.SECOND, record.time_end)
        self.assertEqual(record, self.project.records(self.session)[1])
        self.assertEqual(version, self.project.get(SESSIONS, self.session).version)

    def test_late_end_of_a_former_member_is_recorded(self):
        self._run('j0')
        tag = self._run('j0')
        self.project.delete_job('j1')
        self.project.end(self.session, 'j1', tag - 1, 'aborted')
        self.assertEqual(
            'aborted',
            self.storage.run(self.project.scope, self.session, tag - 1).jobs['j1']['result'],
        )
        self.assertNotIn('j1', self.project.records(self.session)[0].jobs)

    def test_end_in_an_unknown_run_changes_nothing(self):
        self._run()
        before = self.project.get(SESSIONS, self.session), self.project.records(self.session)
        self.assertEqual(('success', 1), self.project.end(self.session, 'j0', 0))
        self.assertEqual(
            before, (self.project.get(SESSIONS, self.session), self.project.records(self.session))
        )

    def test_records_go_with_the_session(self):
        self._run()
        self._run()
        self.project.delete_session(self.session)
        self.assertRaises(exceptions.NotFound, self.project.records, self.session)
        self.project.new_session(self.session)
        self.assertEqual([], self.project.records(self.session))

    def test_oldest_runs_beyond_the_limit_go(self):
        project = self._keeping(3)
        for tag in range(6):
            self.clock.advance(31)
            self.assertEqual(('success', tag + 1), project.start(self.session, 'j0', tag))
            self.assertEqual(list(range(tag + 1, max(0, tag - 2), -1)), self._tags())
        self.assertRaises(
            exceptions.NotFound, self.storage.run, self.project.scope, self.session, 3
        )
        self.assertEqual(('success', 6), project.end(self.session, 'j0', 3))
        self.assertEqual([6, 5, 4], self._tags())

    def _fail(self, project, tag):
        self.clock.advance(31)
        self.assertEqual(('success', tag), project.start(self.session, 'j0', tag - 1))

    def test_newest_success_stays_beyond_the_limit(self):
        project = self._keeping(3)
        self._run()
        self._run()
        for tag in (3, 4, 5, 6):
            self._fail(project, tag)
        self.assertEqual([6, 5, 2], self._tags())
        self.assertEqual('success', self.storage.run(project.scope, self.session, 2).result)
        # One that succeeds late takes its place.
        for job in ('j1', 'j2'):
            self.assertEqual(('success', 6), project.start(self.session, job, 5))
        self._fail(project, 7)
        for job in self.jobs:
            project.end(self.session, job, 6)
        self.assertEqual('success', self.storage.run(project.scope, self.session, 6).result)
        for tag in (8, 9, 10):
            self._fail(project, tag)
        self.assertEqual([10, 9, 6], self._tags())
        self._keeping(1)
        for tag in (11, 12):
            self._fail(project, tag)
            self.assertEqual([tag, 6], self._tags())

    def test_limit_of_zero_keeps_all_runs(self):
        project = self._keeping(0)
        for tag in range(120):
            self.clock.advance(31)
            project.start(self.session, 'j0', tag)
        self.assertEqual(list(range(120, 0, -1)), self._tags())
        self.conf.clear_override('runs_kept', 'sessions')
        self.clock.advance(31)
        self.project.start(self.session, 'j0', 120)
        self.assertEqual(list(range(121, 21, -1)), self._tags())


class Lapses:
    """A run that waits for the end of its window alone: whoever looks first finds it over."""

    def setUp(self):
        super().setUp()
        self.session = self.project.new_session('s', hold_off=30)
        self.jobs = [self.project.new_job(f'j{number}', session_id='s') for number in range(2)]
        self.project.start('s', 'j0', 0)
        self.project.end('s', 'j0', 1)
        self.due = self.clock.now // documents.SECOND + 30
        self.before = self.project.get(SESSIONS, 's')
        self.assertEqual('running', self.before.body['status'])

    def _lapsed(self, document, version=1):
        body = document.body
        self.assertEqual('completed', body['status'])
        self.assertEqual('fail', body['result'])
        self.assertEqual(self.due, body['time_end'])
        self.assertEqual(self.due, body['time_ended'])
        self.assertEqual(self.before.version + version, document.version)
        self.assertEqual('scheduled', body['jobs']['j1']['status'])

    def test_run_lapses_only_when_it_is_due(self):
        self.clock.advance(30)
        self.assertEqual(self.before, self.project.get(SESSIONS, 's'))
        self.assertEqual(
            [self.before], list(self.project.page(SESSIONS, [{'status': 'running'}]).documents)
        )
        self.assertEqual('running', self.project.records('s')[0].status)
        self.clock.advance(0.000001)
        self._lapsed(self.project.get(SESSIONS, 's'))

    def test_lapse_is_logged_once(self):
        self.clock.advance(31)
        for look in (
            lambda: self.project.get(SESSIONS, 's'),
            lambda: self.project.page(SESSIONS),
            lambda: self.project.attach('s', self.project.new_job()),
        ):
            with self.assertLogs('freezer_api.db.effects', 'INFO') as logged:
                look()
                look()
                self.project.records('s')
            (record,) = logged.records
            self.assertIn('hold-off', record.getMessage())
            # The next run, in which one of the jobs doesn't take part either.
            tag = self.project.session('s')['session_tag']
            self.project.start('s', 'j0', tag)
            self.project.end('s', 'j0', tag + 1)
            self.clock.advance(31)

    def test_a_run_that_is_over_because_a_job_leaves_is_logged(self):
        with self.assertLogs('freezer_api.db.effects', 'INFO') as logged:
            self.project.detach('s', 'j1')
        (record,) = logged.records
        self.assertIn('left', record.getMessage())
        self.assertEqual('completed', self.project.session('s')['status'])

    def test_any_first_read_finds_the_run_lapsed(self):
        looks = {
            'get': lambda: self._lapsed(self.project.get(SESSIONS, 's')),
            'list': lambda: self._lapsed(*self.project.page(SESSIONS).documents),
            'search': lambda: self._lapsed(
                *self.project.page(SESSIONS, [{'status': 'completed'}]).documents
            ),
            'text': lambda: self._lapsed(
                *self.project.page(SESSIONS, [{'_all': 'COMPLETED'}]).documents
            ),
            'search for what it was': lambda: self.assertEqual(
                [], self.project.ids(SESSIONS, [{'status': 'running'}])
            ),
            'search for its end': lambda: self.assertEqual(
                ['s'], self.project.ids(SESSIONS, [{'time_end': self.due}])
            ),
            'runs': lambda: self.assertEqual(
                ('fail', self.due), (lambda r: (r.result, r.time_end))(self.project.records('s')[0])
            ),
            'run': lambda: self.assertEqual(
                'completed', self.storage.run(self.project.scope, 's', 1).status
            ),
        }
        for name, look in looks.items():
            with self.subTest(name):
                self.project.delete_session('s')
                self.setUp()
                self.clock.advance(500)
                look()
                self._lapsed(self.project.get(SESSIONS, 's'))
                self.assertEqual(
                    ['s'], self.project.ids(SESSIONS, [{'status': 'completed'}, {'result': 'fail'}])
                )

    def test_looking_again_changes_nothing(self):
        self.clock.advance(31)
        first = self.project.get(SESSIONS, 's')
        self.clock.advance(31)
        self.assertEqual(first, self.project.get(SESSIONS, 's'))
        self.assertEqual((first,), self.project.page(SESSIONS).documents)

    def test_write_finds_the_run_lapsed(self):
        self.clock.advance(31)
        given = []

        def decide(session, now, record):
            given.append((session.run.status, session.version))
            raise exceptions.InvalidInput('no')

        self.assertRaises(exceptions.InvalidInput, self.project.decide, 's', decide)
        self.assertEqual(('completed', self.before.version + 1), given[-1])
        self._lapsed(self.project.get(SESSIONS, 's'))

    def test_next_start_keeps_the_record_of_a_lapse(self):
        self.clock.advance(31)
        self.assertEqual(('success', 2), self.project.start('s', 'j1', 1))
        record = self.project.records('s')[1]
        self.assertEqual(1, record.tag)
        self.assertEqual('completed', record.status)
        self.assertEqual('fail', record.result)
        self.assertEqual(self.due, record.time_end)

    def test_change_after_a_lapse_is_two_versions(self):
        self.clock.advance(31)
        self.project.patch_session('s', description='x')
        self._lapsed(self.project.get(SESSIONS, 's'), version=2)

    def test_membership_after_a_lapse_changes_no_result(self):
        self.clock.advance(31)
        self.project.detach('s', 'j1')
        body = self.project.session('s')
        self.assertEqual('fail', body['result'])
        self.assertEqual(self.due, body['time_end'])
        self.assertEqual(['j0'], list(body['jobs']))
        self.project.delete_session('s')
        self.setUp()
        self.clock.advance(31)
        self.project.new_job('n', session_id='s')
        body = self.project.session('s')
        self.assertEqual('completed', body['status'])
        self.assertEqual(self.due, body['time_end'])

    def test_job_deleted_after_a_lapse_changes_no_result(self):
        self.clock.advance(31)
        self.project.delete_job('j1')
        body = self.project.session('s')
        self.assertEqual('fail', body['result'])
        self.assertEqual(self.due, body['time_end'])

    def test_one_that_is_running_still_is_awaited(self):
        self.project.start('s', 'j1', 1)
        self.clock.advance(500)
        self.assertEqual('running', self.project.session('s')['status'])
        self.assertEqual(['s'], self.project.ids(SESSIONS, [{'status': 'running'}]))
        self.project.end('s', 'j1', 1)
        self.assertEqual(
            ('completed', 'success'),
            (lambda body: (body['status'], body['result']))(self.project.session('s')),
        )

    def test_lapse_spares_other_projects(self):
        other = self.in_project(f'{self.project.project_id}-2')
        other.new_session('s')
        other.new_job('j', session_id='s')
        other.start('s', 'j', 0)
        running = other.get(SESSIONS, 's')
        self.clock.advance(500)
        self._lapsed(*self.project.page(SESSIONS).documents)
        self.assertEqual(running, other.get(SESSIONS, 's'))

    def test_many_lapses_are_found_by_one_search(self):
        for number in range(30):
            id = self.project.new_session(f'm{number}')
            for job in ('a', 'b'):
                self.project.new_job(f'{job}{number}', session_id=id)
            self.project.start(id, f'a{number}', 0)
            self.project.end(id, f'a{number}', 1)
        self.clock.advance(31)
        page = self.project.page(SESSIONS, [{'status': 'completed'}], limit=20)
        self.assertEqual(20, len(page.documents))
        self.assertIs(True, page.more)
        self.assertEqual(31, len(self.project.ids(SESSIONS, [{'status': 'completed'}])))
