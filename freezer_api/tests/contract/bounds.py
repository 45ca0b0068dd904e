"""What one page, and one change of a shared action, may cost: refused before it is in memory."""

import functools
import tracemalloc

from freezer_api import db, exceptions
from freezer_api.db.base import ACTIONS_AT_ONCE, Scope, Store
from freezer_api.domain import documents, search_query
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
)
from freezer_api.tests.contract import base, bodies

PAGE, DOCUMENT = 200_000, 20_000
DAILY = {'schedule_interval': '1 days'}
#: Bytes of the documents here, and as many of them as a page can have.
LARGE = 19_000
FIT = 10
#: So many are 4 MB. A driver that reads them all needs three times that.
MANY = 200


class Bounded:
    """A driver with low bounds on the store, and a project in it."""

    def setUp(self):
        super().setUp()
        bounds = {'max_response_size': PAGE, 'max_document_size': DOCUMENT}
        self.bounded = db.load(base.configured({**self.options, 'api': bounds}))
        self.addCleanup(self.bounded.close)
        self.bounded.clock = self.clock
        self.own = self.in_project(self.project.project_id, self.bounded)

    def refused(self, call, error, code):
        """A call raises an error; the bytes that were allocated at once meanwhile."""
        tracemalloc.start()
        try:
            with self.assertRaises(error) as caught:
                call()
            self.assertEqual(code, caught.exception.code)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


class LargePages(Bounded):
    """A page of more bytes than allowed is refused, and one that isn't is whole."""

    def fill(self, count):
        """So many large backups; their ids."""
        ids = [f'b{number:03}' for number in range(count)]
        for id in ids:
            self.own.put_backup(id, text='x' * LARGE)
        return ids

    def too_large(self, kind, **page):
        return self.refused(
            lambda: self.own.page(kind, **page), exceptions.InvalidInput, 'list.too-large'
        )

    def test_page_of_more_than_fit_is_refused(self):
        ids = self.fill(FIT + 3)
        for limit in (1, FIT - 1, FIT):
            for descending in (False, True):
                page = self.own.page(BACKUPS, limit=limit, descending=descending)
                found = [document.id for document in page.documents]
                self.assertEqual((ids[::-1] if descending else ids)[:limit], found)
                self.assertTrue(page.more)
        for limit in (FIT + 1, FIT + 3, 1000):
            self.too_large(BACKUPS, limit=limit)
            self.too_large(BACKUPS, limit=limit, offset=1)
            self.too_large(BACKUPS, limit=limit, marker=ids[0], descending=False)

    def test_a_high_limit_alone_is_no_defect(self):
        ids = self.fill(FIT)
        for limit in (FIT, FIT + 1, 1000):
            page = self.own.page(BACKUPS, limit=limit)
            shown = [document.id for document in page.documents]
            self.assertEqual(ids, shown)
            self.assertIs(False, page.more)
            self.assertEqual(self.own.get(BACKUPS, ids[3]), page.documents[3])
        self.assertEqual(ids[4:], self.own.ids(BACKUPS, limit=1000, offset=4))
        self.assertEqual(ids[4:], self.own.ids(BACKUPS, limit=1000, marker=ids[3]))
        without = [{'backup_id': id} for id in ids[4:]]
        found = self.own.ids(BACKUPS, limit=1000, offset=1, marker=ids[1], match_not=without)
        self.assertEqual(ids[3:4], found)

    def test_many_small_documents_fit_on_a_page(self):
        ids = [f'b{number:03}' for number in range(45)]
        for id in ids:
            self.own.put_backup(id, text='x' * 1000)
        for limit in (44, 45, 46):
            page = self.own.page(BACKUPS, limit=limit)
            shown = [document.id for document in page.documents]
            self.assertEqual(ids[:limit], shown)
            self.assertEqual(limit < 45, page.more)
            page = self.own.page(BACKUPS, limit=limit, descending=True)
            shown = [document.id for document in page.documents]
            self.assertEqual(ids[::-1][:limit], shown)
            self.assertEqual(limit < 45, page.more)
        self.assertEqual(ids[30:], self.own.ids(BACKUPS, limit=40, marker=ids[29]))
        self.assertEqual(ids[30:], self.own.ids(BACKUPS, limit=40, offset=30))

    def test_search_counts_only_what_it_finds(self):
        ids = self.fill(FIT + 2)
        for match in ([{'backup_id': ids[3]}], [{'_all': ids[3]}]):
            self.assertEqual(ids[3:4], self.own.ids(BACKUPS, match, limit=1000))
        bounds = {'time_after': 1}
        self.assertEqual([], self.own.ids(BACKUPS, bounds=bounds, limit=1000))
        self.own.put_backup('b900', time_stamp=5, text='x' * LARGE)
        self.assertEqual(['b900'], self.own.ids(BACKUPS, bounds=bounds, limit=1000))
        for number in range(901, 900 + FIT + 1):
            self.own.put_backup(f'b{number}', time_stamp=5, text='x' * LARGE)
        for more in ({}, {'match': [{'time_stamp': 5}]}):
            self.too_large(BACKUPS, bounds=bounds, limit=1000, **more)
            self.assertEqual(FIT, len(self.own.ids(BACKUPS, bounds=bounds, limit=FIT, **more)))

    def test_too_large_pages_of_other_kinds_are_refused(self):
        for number in range(FIT + 1):
            self.own.put_action(f'a{number}', action='exec', text='x' * LARGE)
            self.own.new_job(f'j{number}', description='x' * LARGE)
            self.own.put_client(f'c{number}', description='x' * LARGE)
        for kind in (ACTIONS, JOBS):
            self.too_large(kind, limit=1000)
            self.assertEqual(FIT, len(self.own.ids(kind, limit=FIT)))
        everywhere = Scope(self.own.project_id, everywhere=True)
        central = Scope(self.own.project_id, central=True)
        for kind, scope in ((JOBS, everywhere), (CLIENTS, central)):
            find = functools.partial(self.bounded.find, scope, kind, search_query.Query(limit=1000))
            self.refused(find, exceptions.InvalidInput, 'list.too-large')

    def with_pages_of(self, most):
        """A driver whose pages have so many bytes at most."""
        narrow = {'max_response_size': most, 'max_document_size': DOCUMENT}
        storage = self.make_storage(base.configured({**self.options, 'api': narrow}))
        storage.clock = self.clock
        return storage

    def test_members_of_sessions_count(self):
        for number in range(3):
            self.own.new_session(f's{number}')
        self.assertEqual(3, len(self.own.ids(SESSIONS, limit=1000)))
        client = 'c' * 255
        for number in range(150):
            self.own.new_job(f'{number:03}' + 'j' * 240, client_id=client)
            self.own.attach(f's{number % 3}', f'{number:03}' + 'j' * 240)
        page = self.own.page(SESSIONS, limit=1000)
        shown = sum(documents.size(document.body) for document in page.documents)
        storage = self.with_pages_of(shown - 1)
        for limit in (3, 1000):
            with self.assertRaises(exceptions.InvalidInput):
                storage.find(self.own.scope, SESSIONS, search_query.Query(limit=limit))
        page = storage.find(self.own.scope, SESSIONS, search_query.Query(limit=2))
        self.assertEqual(2, len(page.documents))

    def test_page_of_runs_is_bounded(self):
        """By what is shown of all runs on it, and of no other."""
        runs, least = 7, 65_536
        self.own.new_session('s')
        jobs = [f'{number:02}' + 'j' * 240 for number in range(50)]
        for job in jobs:
            self.own.new_job(job, 's', client_id='c' * 255)
        for tag in range(runs):
            # Overtakes the run before, of which all members are told.
            self.own.start('s', jobs[0], tag)
            self.clock.advance(3600)
        wide = self.with_pages_of(10**6)
        records, _more = wide.runs(self.own.scope, 's', runs)
        sizes = [documents.size(record.shown('s')) for record in records]
        self.assertEqual(runs, len(sizes))
        self.assertGreater(sum(sizes), 3 * least)
        for count in (3, 4, runs):
            most = sum(sizes[:count])
            page, _more = self.with_pages_of(most).runs(self.own.scope, 's', count)
            self.assertEqual(records[:count], page)
            # The last one may be far more than a page has: it isn't read.
            for narrow in (most - 1, least):
                with self.assertRaises(exceptions.InvalidInput) as caught:
                    self.with_pages_of(narrow).runs(self.own.scope, 's', count)
                self.assertEqual('list.too-large', caught.exception.code)

    def test_refused_page_is_not_read_into_memory(self):
        self.fill(MANY)
        self.assertLess(self.too_large(BACKUPS, limit=1000), self.room)


class SharedActions(Bounded):
    """An action that more jobs have than can change at once is refused to change or go."""

    def setUp(self):
        super().setUp()
        self.own.put_action('shared', action='exec')
        self.own.put_client('c')

    def share(self, count, project):
        for number in range(count):
            project.new_job(
                f'j{number:03}', actions=['shared'], client_id='c', description='x' * LARGE
            )

    def test_action_changes_while_its_jobs_fit(self):
        self.share(FIT, self.own)
        self.own.put_action('shared', action='exec', more=1)
        (entry,) = self.own.job('j003')['job_actions']
        self.assertEqual({'action': 'exec', 'more': 1}, entry['freezer_action'])
        self.own.delete_action('shared')
        self.assertEqual([], self.own.job('j003')['job_actions'])

    def test_action_of_more_jobs_than_fit_is_refused_a_change(self):
        self.share(MANY, self.own)
        before = [self.own.get(ACTIONS, 'shared'), *self.own.page(JOBS, limit=FIT).documents]
        for change in (
            lambda: self.own.put_action('shared', action='exec', more=1),
            lambda: self.own.delete_action('shared'),
        ):
            peak = self.refused(change, exceptions.Conflict, 'action.shared-too-much')
            self.assertLess(peak, self.room)
        after = [self.own.get(ACTIONS, 'shared'), *self.own.page(JOBS, limit=FIT).documents]
        self.assertEqual(before, after)

    def test_action_can_go_once_it_has_fewer_jobs(self):
        self.share(FIT + 1, self.own)
        self.refused(
            lambda: self.own.delete_action('shared'), exceptions.Conflict, 'action.shared-too-much'
        )
        self.own.delete_job('j000')
        self.own.delete_action('shared')
        self.assertTrue(self.own.missing(ACTIONS, 'shared'))


class LargeMembers(Bounded):
    """The jobs of a session that change with it are bounded together; each by itself isn't."""

    def join(self, count):
        session = self.own.new_session()
        for number in range(count):
            self.own.new_job(f'j{number:03}', session_id=session, description='x' * LARGE)
        return session

    def test_session_changes_while_its_members_fit(self):
        session = self.join(FIT)
        self.own.patch_session(session, schedule=DAILY)
        self.assertLessEqual(DAILY.items(), self.own.job('j003')['job_schedule'].items())
        self.own.delete_session(session)
        self.assertEqual('', self.own.job('j003')['session_id'])

    def test_session_of_more_members_than_fit_is_refused_a_change(self):
        session = self.join(MANY)
        before = [self.own.get(SESSIONS, session), *self.own.page(JOBS, limit=FIT).documents]
        for change in (
            lambda: self.own.patch_session(session, schedule=DAILY),
            lambda: self.own.delete_session(session),
        ):
            peak = self.refused(change, exceptions.Conflict, 'session.members-too-much')
            self.assertLess(peak, self.room)
        after = [self.own.get(SESSIONS, session), *self.own.page(JOBS, limit=FIT).documents]
        self.assertEqual(before, after)
        self.assertEqual(('success', 1), self.own.start(session, 'j000', 0))
        self.own.end(session, 'j000', 1)
        for number in range(FIT, MANY):
            self.own.detach(session, f'j{number:03}')
        self.own.delete_session(session)
        self.assertTrue(self.own.missing(SESSIONS, session))


class LargeActions(Bounded):
    """Actions that a job refers to, which no job could have all together."""

    def test_actions_that_do_not_fit_are_not_read(self):
        for number in range(MANY):
            self.own.put_action(f'a{number:03}', action='exec', text='x' * LARGE)
        ids = [f'a{number:03}' for number in range(MANY)]
        told = []

        def change(current, stored, now):
            told.append(sorted(stored))
            return Store(bodies.job_body('j', self.own.project_id))

        for some in (ids[:2], ids[:ACTIONS_AT_ONCE]):
            self.bounded.write_job(self.own.scope, 'j', change, some)
        self.assertEqual([ids[:2], ids[:ACTIONS_AT_ONCE]], told)
        peak = self.refused(
            lambda: self.bounded.write_job(self.own.scope, 'j', change, ids),
            exceptions.InvalidInput,
            'document.too-large',
        )
        self.assertLess(peak, self.room)
        self.assertEqual(2, len(told))
        for id in ids[5:]:
            self.own.delete_action(id)
        self.bounded.write_job(self.own.scope, 'j', change, ids)
        self.assertEqual(ids[:5], told[-1])
