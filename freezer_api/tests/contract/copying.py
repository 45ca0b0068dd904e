"""Copying: what another store told is kept exactly as it was, and life goes on in the copy as it
would have in the original.
"""

import contextlib
import dataclasses
import functools
import shutil
import tempfile

from freezer_api import exceptions
from freezer_api.db import copying
from freezer_api.db.base import RUNS, Entry
from freezer_api.domain import documents
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Document,
)
from freezer_api.domain.session_state import Member, Record, Session
from freezer_api.tests.contract import base, bodies

#: Names of projects, in the order of their UTF-8 bytes, which isn't that of UTF-16.
PROJECTS = ('P', 'p', 'p 1', 'pä', 'p\uffff', 'p\U0001f600')
#: Those that something happens in.
LIVED = ('P', 'p', 'pä')
#: Entries that are stored at once, and clients of a copy that breaks off.
PAGE, MANY = 20, 35
#: Earlier runs and the current one, in the stores of these tests.
RUNS_KEPT = 3


@contextlib.contextmanager
def unseen(step, total):
    """Progress that nobody looks at."""
    yield lambda number: None


def told(storage, kind, limit=200):
    """All entries of a kind, in pages."""
    found, after = [], ()
    while page := storage.entries(kind, after, limit):
        found += page
        after = page[-1].place
    return found


def everything(storage):
    """All that a store keeps."""
    return [entry.dump() for kind in copying.KINDS for entry in told(storage, kind)]


def client(number, project='p', version=1, **changes):
    """An entry made by hand."""
    id = f'c{number}'
    return Entry(
        CLIENTS,
        project,
        id,
        Document(CLIENTS, project, id, version, number, bodies.client_body(id, project, **changes)),
    )


def session(id, project='p'):
    """An entry made by hand."""
    return Entry(
        SESSIONS,
        project,
        id,
        Session(project, id, 'user', tag=9, members={'j': Member('client')}, version=7, created=1),
    )


def record(id, tag, project='p', **changes):
    """An entry made by hand."""
    member = {
        'client_id': 'client',
        'status': 'completed',
        'result': 'success',
        'time_started': 1,
        'time_ended': 2,
    }
    return Entry(
        RUNS,
        project,
        id,
        dataclasses.replace(Record(tag, 'completed', 'success', 1, 2, {'j': member}), **changes),
    )


class Wrapped:
    """A storage of which tests replace methods."""

    def __init__(self, storage, **methods):
        self._storage = storage
        self.__dict__.update(methods)

    def __getattr__(self, name):
        return getattr(self._storage, name)


class CopyCase:
    """Stores of each test's own, with its clock."""

    def empty(self, options=None):
        storage = self.make_storage(
            base.configured(
                {**(options or self.make_own_options()), 'sessions': {'runs_kept': RUNS_KEPT}}
            )
        )
        storage.sync()
        storage.clock = self.clock
        return storage

    def of_another_driver(self):
        folder = tempfile.mkdtemp(prefix='fz-sq-')
        self.addCleanup(shutil.rmtree, folder)
        return self.empty(
            {
                'storage': {'driver': 'sqlalchemy'},
                'database': {'connection': f'sqlite:///{folder}/db', 'sqlite_synchronous': False},
            }
        )

    def lived_in(self):
        """A store in which much has happened."""
        storage = self.empty()
        for project in LIVED:
            self._live(self.in_project(project, storage))
            self.clock.advance(1)
        central = self.in_project('p', storage)
        central.put_client('central', central=True, extra={'ü': [1, 2.5, None, True]})
        central.put_trust('t')
        central.new_job(
            'served',
            client_id='central',
            _central=True,
            user_credentials={'trust_id': 't', 'trustor_user_id': 'user'},
        )
        return storage

    def _live(self, project):
        for number in (3, 1, 2):
            project.put_client(f'host{number}', zone='b', area='a')
        project.put_client('host1', zone='c')
        project.put_action('a', action='backup', path='/Ä\u2028')
        project.put_backup('b', job_id='j1', time_stamp=1_700_000_000, level=0, name='Weekly Ä')
        for id in ('never', 'runs'):
            project.new_session(
                id, hold_off=0, schedule={'schedule_interval': '1 days', 'b': 1, 'a': 2}
            )
        for job in ('j2', 'j1'):
            project.new_job(job, 'runs', actions=['a'])
        for tag in range(RUNS_KEPT + 2):
            project.start('runs', 'j1', tag)
            project.end('runs', 'j1')
            self.clock.advance(1)
            project.start('runs', 'j1', tag + 1)
        project.delete_session('never')
        project.new_session('never')
        project.new_session('lapses', hold_off=1)
        project.new_job('j3', 'lapses')
        project.new_job('j4', 'lapses')
        project.start('lapses', 'j3', 0)
        project.end('lapses', 'j3')
        self.clock.advance(5)


class Copies(CopyCase):
    def test_copy_there_and_back_is_equal(self):
        source, between, target = self.lived_in(), self.of_another_driver(), self.empty()
        copying.copy(source, between, unseen)
        made = copying.copy(between, target, unseen)
        self.assertEqual(everything(source), everything(target))
        self.assertEqual(
            {kind: (0, source.count(kind)) for kind in copying.KINDS},
            {kind: (copied.before, copied.contents.count) for kind, copied in made.items()},
        )
        self.assertTrue(all(copied.contents.count for copied in made.values()), made)
        for project in LIVED:
            original, copied = self.in_project(project, source), self.in_project(project, target)
            for kind in documents.KINDS:
                # As text: a body is shown in the order of its keys.
                self.assertEqual(
                    repr(original.page(kind)), repr(copied.page(kind)), (project, kind)
                )
            for id in ('never', 'runs', 'lapses'):
                self.assertEqual(original.records(id), copied.records(id), (project, id))
        self.assertEqual(source.claimed(CLIENTS, 'central'), target.claimed(CLIENTS, 'central'))
        self.assertEqual(source.claimed(JOBS, 'served'), target.claimed(JOBS, 'served'))

    def test_entries_are_told_in_order_in_any_pages(self):
        """In pages of any size, in order, as it is: a run that has lapsed isn't completed."""
        storage = self.lived_in()
        before = everything(storage)
        for kind in copying.KINDS:
            entries = told(storage, kind)
            self.assertEqual(storage.count(kind), len(entries))
            self.assertEqual(len(entries), len({entry.key for entry in entries}))
            for limit in (1, 2, 5):
                self.assertEqual(entries, told(storage, kind, limit), (kind, limit))
        self.assertEqual(
            [(project, id) for project in LIVED for id in ('runs', 'never', 'lapses')],
            [entry.key for entry in told(storage, SESSIONS)],
        )
        records = [entry.key for entry in told(storage, RUNS)]
        self.assertEqual(
            [
                (project, 'runs', tag)
                for project in LIVED
                for tag in sorted({key[2] for key in records})
            ],
            records,
        )
        (entry,) = (entry for entry in told(storage, SESSIONS) if entry.key == ('p', 'lapses'))
        self.assertEqual('running', entry.content.run.status)
        self.assertEqual(before, everything(storage))

    def test_copy_can_be_worked_with(self):
        source, target = self.lived_in(), self.empty()
        copying.copy(source, target, unseen)
        project = self.in_project('p', target)
        self._searches(project)
        self._claims_and_links(project)
        self._runs(project)
        self.assertEqual(
            {SESSIONS: 2, JOBS: 5, ACTIONS: 1, CLIENTS: 5, BACKUPS: 0, TRUSTS: 1}, target.purge('p')
        )

    def _searches(self, project):
        """What was copied is found; once it is changed or deleted, no longer as it was."""
        self.assertEqual(['host1'], project.ids(CLIENTS, [{'zone': 'c'}]))
        self.assertEqual(['host3', 'host2'], project.ids(CLIENTS, [{'zone': 'b'}]))
        self.assertEqual(['b'], project.ids(BACKUPS, [{'_all': 'weekly ä'}]))
        self.assertEqual(['j2', 'j1'], project.ids(JOBS, [{'session_id': 'runs'}]))
        self.assertEqual(['served'], project.ids(JOBS, [{'client_id': 'central'}]))
        self.assertEqual(
            ('b',),
            project.storage.run_backups(
                project.scope,
                'runs',
                Record(
                    9,
                    'completed',
                    '',
                    1,
                    2**31,
                    {'j1': {'time_started': 1_699_999_999, 'time_ended': 1_700_000_001}},
                ),
            ),
        )
        project.put_client('host1', zone='d')
        project.write(BACKUPS, 'b', None)
        self.assertEqual([], project.ids(CLIENTS, [{'zone': 'c'}]))
        self.assertEqual(['host1'], project.ids(CLIENTS, [{'zone': 'd'}]))
        self.assertEqual([], project.ids(BACKUPS, [{'_all': 'weekly'}]))

    def _claims_and_links(self, project):
        """They hold, and what is new stands behind."""
        self.assertRaises(
            exceptions.Conflict,
            self.in_project('P', project.storage).put_client,
            'central',
            central=True,
        )
        self.assertFalse(project.end_trust('t'))
        project.put_action('a', action='restore')
        self.assertEqual('restore', project.job('j1')['job_actions'][0]['freezer_action']['action'])
        project.put_client('new')
        self.assertEqual('new', project.ids(CLIENTS)[-1])

    def _runs(self, project):
        """One that was going on ends, one that has lapsed is completed, the next one makes the
        oldest go.
        """
        lapsed = project.get(SESSIONS, 'lapses')
        self.assertEqual('completed', lapsed.body['status'])
        self.assertEqual('fail', lapsed.body['result'])
        before = project.records('runs')
        self.assertEqual(('success', before[0].tag), project.end('runs', 'j1'))
        self.clock.advance(1)
        self.assertEqual(('success', before[0].tag + 1), project.start('runs', 'j2', before[0].tag))
        self.assertEqual(
            [run.tag for run in before][: RUNS_KEPT - 1],
            [run.tag for run in project.records('runs')][1:],
        )
        self.assertEqual(RUNS_KEPT, len(project.records('runs')))
        project.delete_session('runs')
        self.assertFalse(
            [entry for entry in told(project.storage, RUNS) if entry.key[:2] == ('p', 'runs')]
        )
        self.assertEqual('', project.job('j1')['session_id'])


class Restores(CopyCase):
    def setUp(self):
        super().setUp()
        self.store = self.empty()

    def restored(self, *entries):
        self.store.restore(entries)
        return everything(self.store)

    def refused(self, *entries):
        """Neither of the entries is kept."""
        before = everything(self.store)
        self.assertRaises(exceptions.Conflict, self.store.restore, entries)
        self.assertEqual(before, everything(self.store))

    def test_restoring_again_changes_nothing(self):
        entries = [client(number, central=number == 2) for number in range(3)]
        before = self.restored(*entries[:2])
        self.assertEqual(before, self.restored(*entries[:2]))
        self.assertEqual([entry.dump() for entry in entries], self.restored(*entries))
        sessions = [session('s'), session('t')]
        self.assertEqual(self.restored(*sessions), self.restored(*sessions))
        records = [record('s', 1), record('s', 2), record('t', 1)]
        self.restored(*records[:2])
        self.assertEqual(self.restored(*records), self.restored(*records))
        self.assertEqual(records, told(self.store, RUNS))
        self.store.restore([])

    def test_entry_that_differs_is_refused(self):
        self.restored(client(0), client(1))
        for other in (
            client(0, version=2),
            client(0, description='other'),
            client(0, hostname=True),
        ):
            self.refused(client(2), other, client(3))
        self.restored(session('s'))
        self.refused(
            session('t'),
            dataclasses.replace(
                session('s'), content=dataclasses.replace(session('s').content, tag=8)
            ),
        )
        self.restored(record('s', 1))
        self.refused(record('s', 2), record('s', 1, time_end=3))

    def test_claim_of_another_document_is_refused(self):
        self.restored(client(0, central=True))
        self.refused(client(1), client(0, 'other', central=True))

    def test_record_without_its_session_is_refused(self):
        self.restored(session('s'), session('t', 'other'))
        self.refused(record('s', 1), record('t', 1))

    def test_many_records_are_restored(self):
        """Of one session, and of many."""
        self.restored(
            *(
                session(id, project)
                for project in reversed(PROJECTS)
                for id in ('z', 'many', 'A', 'none')
            )
        )
        entries = [
            record(id, tag, project)
            for project in PROJECTS
            for id, number in (('A', 1), ('many', 450), ('z', 2))
            for tag in range(1, number + 1)
            if project == 'p' or id != 'many'
        ]
        for first in range(0, len(entries), 200):
            self.store.restore(entries[first : first + 200])
        self.assertEqual(len(entries), self.store.count(RUNS))
        for limit in (7, 200, 1000):
            self.assertEqual(entries, told(self.store, RUNS, limit))
        self.assertEqual(450, len(self.in_project('p', self.store).records('many')))


class BrokenCopies(CopyCase):
    def setUp(self):
        super().setUp()
        page, copying.PAGE = copying.PAGE, PAGE
        self.addCleanup(setattr, copying, 'PAGE', page)
        self.source, self.target = self.empty(), self.empty()
        self.source.restore([client(number) for number in range(MANY)])
        self.source.restore([session('s')])
        self.source.restore([record('s', 1), record('s', 2)])

    def copy(self, **methods):
        return copying.copy(self.source, Wrapped(self.target, **methods), unseen)

    def break_off(self, call, kept):
        """A copy whose store goes away in one of its writes, when some of it is kept."""
        calls = []

        def restore(entries):
            calls.append(entries)
            if len(calls) == call:
                self.target.restore(entries[:kept])
                raise exceptions.StorageUnavailable()
            self.target.restore(entries)

        self.assertRaises(exceptions.StorageUnavailable, self.copy, restore=restore)

    def test_each_goes_on_where_the_last_one_broke_off(self):
        for call, kept in ((1, 0), (2, 0), (2, 1), (1, 7), (2, 1)):
            self.break_off(call, kept)
        made = self.copy()
        self.assertEqual(MANY, made[CLIENTS].before)
        self.assertEqual(MANY, made[CLIENTS].contents.count)
        self.assertEqual(1, made[RUNS].before)
        self.assertEqual(2, made[RUNS].contents.count)
        self.assertEqual(everything(self.source), everything(self.target))

    def test_a_finished_one_writes_nothing_again(self):
        self.copy()
        made = self.copy(restore=self.fail)
        self.assertEqual(
            {kind: copied.contents.count for kind, copied in made.items()},
            {kind: copied.before for kind, copied in made.items()},
        )

    def test_target_with_something_else_is_refused(self):
        """Nothing is written then."""
        for entry in (client(MANY), client(0, version=2), client(100, 'q')):
            self.target.restore([entry])
            before = everything(self.target)
            with self.assertRaises(copying.Differs) as caught:
                self.copy(restore=self.fail)
            self.assertIn(entry.id, caught.exception.message)
            self.assertEqual(before, everything(self.target))
            self.target.purge(entry.project_id)

    def test_source_changed_since_is_refused(self):
        self.break_off(4, 0)
        self.in_project('p', self.source).put_client('c7', description='new')
        self.assertRaises(copying.Differs, self.copy)

    def test_unequal_copy_is_noticed(self):
        """Whatever is lost, added or changed is noticed at the end."""

        def other(entries, kind, change):
            self.target.restore(change(list(entries)) if entries[0].kind == kind else entries)

        for kind, change in (
            (CLIENTS, lambda entries: entries[:-1]),
            (CLIENTS, lambda entries: [*entries[1:], entries[0]]),
            (RUNS, lambda entries: entries[:1]),
            (RUNS, lambda entries: [record('s', 1), record('s', 3)]),
        ):
            self.target.purge('p')
            with self.assertRaises(copying.Differs) as caught:
                self.copy(restore=functools.partial(other, kind=kind, change=change))
            self.assertIn(kind, caught.exception.message)

    def test_reading_that_leaves_something_out_is_noticed(self):
        """The stores' own counts are held against what is read."""
        with self.assertRaises(copying.Differs):
            self.copy(count=lambda kind: self.target.count(kind) + (kind == SESSIONS))
