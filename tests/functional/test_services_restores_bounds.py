"""What one restore may cost, and that one which is refused leaves nothing behind."""

import logging

from freezer_api import exceptions
from freezer_api.domain import search_query
from freezer_api.schemas import restores as schemas
from freezer_api.services import clients, jobs, restore_targets, restores, sessions
from freezer_api.tests.failing_storage import CountedCalls, FailsAfterWrites, InterceptedCall
from tests.functional.test_services_restores import ME, Restoring

#: Bytes that a document may have, and an answer, where a test sets less than an operator does.
LIMIT, MOST = 20_000, 100_000


class Bounds(Restoring):
    def setUp(self):
        super().setUp()
        self.storage.max_document_size = LIMIT

    def everyone(self, **body):
        """Ask each of the three calls."""
        yield lambda: self.restore(**body)
        yield lambda: self.verify(**body)
        yield lambda: restores.restore_backup(self.storage, ME, self.made['etc'], body)

    def too_large(self, calls, error, code, text):
        """Each of the calls is refused with a code."""
        before = self.everything()
        for call in calls:
            with self.assertRaises(error) as caught:
                call()
            self.assertEqual(code, caught.exception.code)
            self.assertEqual(text, caught.exception.message)
            self.assertEqual(before, self.everything())

    def everything(self):
        """The versions of what restores are made of."""
        pages = (
            listed.list_page(self.storage, ME, search_query.Query(limit=1000)).items
            for listed in (sessions, jobs)
        )
        return [[body['_version'] for body in items] for items in pages]

    def test_wishes_of_all_members_are_bounded_together(self):
        wish = {'freezer_action': {'log_file': '/' + 'x' * (LIMIT // 2)}}
        calls = self.everyone(dry_run=True, jobs={'etc': wish, 'srv': wish})
        text = f'jobs: must be at most {LIMIT} bytes of JSON.'
        self.too_large(calls, exceptions.InvalidInput, 'document.too-large', text)
        self.assertEqual([], self.problems(self.restore(dry_run=True, jobs={'etc': wish})))

    def test_too_many_wishes_are_refused_before_a_read(self):
        many = {f'job-{number}': {} for number in range(schemas.MAX_WISHES + 1)}
        large = {'etc': {'freezer_action': {'log_file': 'x' * LIMIT}}}
        for jobs_, text in ((many, 'an object of at most 1,024 members'), (large, 'at most')):
            asked = self.storage.conf, self.storage.max_document_size

            class Unread:
                """A storage that has nothing but its limits."""

                conf, max_document_size = asked

            for call in (restores.restore, restores.verify):
                with self.refused(exceptions.InvalidInput, text):
                    call(Unread(), ME, self.session_id, self.tag, {'jobs': jobs_})
            with self.refused(exceptions.InvalidInput, text):
                restores.restore_backup(Unread(), ME, self.made['etc'], {'jobs': jobs_})

    def test_members_are_counted_before_they_are_looked_at(self):
        wishes = dict.fromkeys(map(str, range(schemas.MAX_WISHES + 1)), 'no object')
        with self.refused(exceptions.InvalidInput, 'jobs: must be an object of at most 1,024'):
            self.restore(jobs=wishes)
        wishes.popitem()
        with self.refused(exceptions.InvalidInput, ': must be an object.'):
            self.restore(jobs=wishes)

    def test_too_large_plan_is_refused(self):
        self.storage.max_response_size = MOST
        wish = {'freezer_action': {'log_file': '/' + 'x' * (LIMIT * 3 // 4)}}
        self.advance(-4)
        for number in range(6):
            self.make_backup('etc', backup_name=f'etc-{number}', path_to_backup=f'/{number}')
        self.advance(4)
        calls = [
            lambda dry=dry: self.restore(dry_run=dry, jobs={'etc': wish}) for dry in (True, False)
        ]
        calls.append(lambda: self.verify(dry_run=True, jobs={'etc': wish}))
        text = f'jobs: the plan is more than {MOST} bytes; jobs.<id>.skip leaves members out.'
        self.too_large(calls, exceptions.InvalidInput, 'list.too-large', text)
        self.restore(dry_run=True, jobs={'etc': {**wish, 'skip': True}})
        self.restore(dry_run=True, jobs={'srv': wish})

    def test_the_backups_of_a_run_are_bounded_together(self):
        self.advance(-4)
        for number in range(6):
            self.make_backup('etc', note='x' * (LIMIT * 9 // 10), path_to_backup=f'/{number}')
        self.advance(4)
        self.restore(dry_run=True)
        self.storage.max_response_size = MOST
        calls = [lambda: self.restore(dry_run=True), lambda: self.verify(dry_run=True)]
        text = f'backups: the run has more than {MOST} bytes; please restore them one by one.'
        self.too_large(calls, exceptions.InvalidInput, 'list.too-large', text)

    def test_backups_of_one_place_are_searched_once(self):
        """Not once for each backup that might be followed by one of the others."""
        self.advance(-4)
        for number in range(30):
            self.make_backup('etc', backup_name=f'etc-{number}')
        self.advance(4)
        counted = self.storage = CountedCalls(self.storage, 'find')
        steps = self.restore(dry_run=True).plan['steps']
        self.assertEqual(32, len(steps))
        self.assertEqual(1, counted.count)

    def test_too_many_backups_of_one_place_are_not_compared(self):
        self.addCleanup(
            setattr, restore_targets, 'MAX_COMPARISONS', restore_targets.MAX_COMPARISONS
        )
        restore_targets.MAX_COMPARISONS = 30
        self.advance(-4)
        for number in range(10):
            self.make_backup('etc', backup_name=f'etc-{number}')
            self.advance(2 if number == 4 else 0)
        self.advance(2)
        calls = [lambda: self.restore(dry_run=True), lambda: self.verify(dry_run=True)]
        text = (
            'backups: too many of one container and host were made at the same time; please'
            ' restore them one by one.'
        )
        self.too_large(calls, exceptions.InvalidInput, 'list.too-large', text)
        restores.restore_backup(self.storage, ME, self.made['etc'], {'dry_run': True})

    def test_problems_repeat_no_long_value(self):
        path = '/' + 'x' * (LIMIT // 2)
        wish = {'freezer_action': {'restore_abs_path': path, 'engine_name': 'y' * 5_000}}
        self.advance(-4)
        self.make_backup('etc', path_to_backup='/2')
        self.advance(4)
        found = self.restore(dry_run=True, jobs={'etc': wish}).plan['problems']
        self.assertLessEqual({'same-path', 'not-capable'}, {problem['code'] for problem in found})
        self.assertGreater(2_000, max(len(problem['text']) for problem in found))


class Spelling(Restoring):
    def test_misspelt_key_of_the_service_is_refused(self):
        for key, right in (
            ('ENGINE', 'engine'),
            ('Engine-Name', 'engine_name'),
            ('Storage', 'storage'),
            ('MODE', 'mode'),
            ('OS-trust-id', 'os_trust_id'),
        ):
            text = f'jobs.etc.freezer_action.{key}: must be spelt {right}.'
            body = {'jobs': {'etc': {'freezer_action': {key: 'tar'}}}}
            for call in (self.restore, self.verify):
                with self.refused(exceptions.InvalidInput, text):
                    call(**body)
            with self.refused(exceptions.InvalidInput, text):
                restores.restore_backup(self.storage, ME, self.made['etc'], body)

    def test_values_that_no_agent_can_use_are_refused(self):
        for key, value, text in (
            ('restore_from_date', 'garbage', 'must be a date and time in UTC without a zone'),
            ('restore_from_date', '2030-02-30T00:00:00', 'must be a date and time in UTC'),
            ('restore_from_date', '2030-01-31T22:30:00+02:00', 'must be a date and time in UTC'),
            ('restore_from_date', 5, 'must be a date and time in UTC'),
            ('restore-abs-path', 'relative/dir', 'must be an absolute path.'),
            ('restore_abs_path', True, 'must be an absolute path.'),
        ):
            wish = {'freezer_action': {key: value}}
            with self.refused(exceptions.InvalidInput, f'jobs.etc.freezer_action.{key}: {text}'):
                self.restore(jobs={'etc': wish})
        for key, value in (
            ('restore_from_date', '2030-01-31T22:30:00'),
            ('restore_abs_path', '/else'),
            ('restore_abs_path', 'C:\\else'),
        ):
            begun = self.restore(dry_run=True, jobs={'etc': {'freezer_action': {key: value}}})
            step = begun.plan['steps'][0]
            self.assertEqual(value, step['freezer_action'][key])

    def test_keys_equal_for_agents_are_refused(self):
        for keys, text in (
            (('log-file', 'log_file'), 'log_file: is the same key as log-file'),
            (('log=file',), 'log=file: agents cannot read this key'),
            (('engine', 'engine_name'), 'engine_name: is given twice'),
        ):
            with self.refused(exceptions.InvalidInput, f'jobs.etc.freezer_action.{text}'):
                self.restore(jobs={'etc': {'freezer_action': dict.fromkeys(keys, '/x')}})

    def test_other_keys_may_be_spelt_as_options(self):
        wish = {'freezer_action': {'Log-File': '/log', 'engine': 'tar'}}
        action = self.restore(dry_run=True, jobs={'etc': wish}).plan['steps'][0]['freezer_action']
        self.assertEqual('/log', action['log_file'])
        self.assertEqual('tar', action['engine_name'])


class Refused(Restoring):
    """What a job can't be is found before anything is made, and said in terms of the request."""

    def test_too_large_job_is_refused_by_its_member(self):
        self.storage.max_document_size = LIMIT
        self.advance(-4)
        for number in range(3):
            self.make_backup('etc', path_to_backup=f'/{number}', backup_name=f'etc-{number}')
        self.advance(4)
        wish = {'freezer_action': {'log_file': '/' + 'x' * (LIMIT // 3)}}
        with self.refused(
            exceptions.InvalidInput, f'jobs.etc: makes a document of more than {LIMIT}'
        ):
            self.restore(jobs={'etc': wish})

    def test_engine_outside_the_schema_is_refused(self):
        clients.register(self.storage, ME, {'client_id': 'c', 'supported_engines': ['tar', 'own']})
        wish = {'freezer_action': {'engine_name': 'own'}}
        with self.refused(
            exceptions.InvalidInput, 'jobs.srv.freezer_action.engine_name: must be one of'
        ):
            self.restore(jobs={'srv': wish})

    def test_too_many_backups_of_a_member_are_refused(self):
        self.advance(-4)
        for number in range(256):
            self.make_backup('srv', path_to_backup=f'/{number}', backup_name=f'srv-{number}')
        self.advance(4)
        with self.refused(exceptions.InvalidInput, 'jobs.srv: has 257 backups to restore'):
            self.restore(jobs={'srv': {'freezer_action': {'log_file': '/log'}}})


class Failing(Restoring):
    """What fails after the session was made takes away what was made."""

    def restore_meddled(self, name, number, meddle):
        storage = InterceptedCall(self.storage, name, number, meddle)
        return restores.restore(storage, ME, self.session_id, self.tag, {'session_id': 'back'})

    def test_client_deleted_meanwhile_leaves_nothing_behind(self):
        def deleted(write):
            write()
            clients.delete(self.storage, ME, 'c')

        with self.assertRaises(exceptions.Unprocessable) as caught:
            self.restore_meddled('attach', 1, deleted)
        self.assertRegex(caught.exception.message, r'^jobs\.srv\.client_id: client c could not be')
        self.nothing_is_left()

    def test_unavailable_storage_leaves_nothing_behind(self):
        def before(write):
            raise exceptions.StorageUnavailable()

        def after(write):
            write()
            raise exceptions.StorageUnavailable()

        for name, number in (('write_job', 1), ('write_job', 2), ('attach', 1), ('attach', 2)):
            for meddle in (before, after):
                with self.subTest(name, number=number, meddle=meddle.__name__):
                    self.assertRaises(
                        exceptions.StorageUnavailable, self.restore_meddled, name, number, meddle
                    )
                    self.nothing_is_left()
        self.assertRaises(
            exceptions.StorageUnavailable, self.restore_meddled, 'write_session', 2, before
        )
        self.nothing_is_left()
        # Now it has begun, and agents may have seen it.
        self.assertRaises(
            exceptions.StorageUnavailable, self.restore_meddled, 'write_session', 2, after
        )
        self.assertEqual(2, len(self.session('back')['jobs']))

    def test_what_cannot_be_taken_away_is_logged(self):
        with (
            self.assertLogs('freezer_api.services.restore_sessions', logging.WARNING) as logs,
            self.assertRaises(exceptions.StorageUnavailable),
        ):
            restores.restore(
                FailsAfterWrites(self.storage, 3),
                ME,
                self.session_id,
                self.tag,
                {'session_id': 'back'},
            )
        self.assertIn(
            "Restore session 'back' of project 'alpha' could not be begun", logs.output[0]
        )

    def nothing_is_left(self):
        self.assertRaises(exceptions.NotFound, self.session, 'back')
        found = [
            job['job_id']
            for job in jobs.list_page(self.storage, ME, search_query.Query(limit=100)).items
        ]
        self.assertEqual(['etc', 'srv'], sorted(found))
