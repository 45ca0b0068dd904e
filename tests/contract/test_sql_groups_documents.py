"""Operations on jobs and backups that one transaction of the SQL driver does: of requests that wait
for the permits of their process.
"""

import threading
import time
import typing

import sqlalchemy

from freezer_api import exceptions, permits
from freezer_api.db.base import Store
from freezer_api.db.operations import documents, jobs
from freezer_api.db.sqlalchemy import driver
from freezer_api.db.sqlalchemy.connections import groups
from freezer_api.domain.documents import BACKUPS, JOBS
from freezer_api.tests.contract import bodies
from tests.contract import costs, stores
from tests.contract.test_sql_groups import LONG, MANY, Commits, Thread


class Meeting(Commits):
    """Operations that wait for the only permit, and so meet."""

    assertLess: typing.Any
    kind: permits.Kind

    def setUp(self):
        super().setUp()
        self.permits = permits.Permits(1)

    def meet(self, *acts):
        """Run operations that wait for the permit, in this order; return their threads, which have
        ended.
        """
        threads = self.start(*acts)
        self.wait_for(threads)
        return threads

    def start(self, *acts):
        """Let operations begin at one moment; return their threads."""
        threads = []
        with self.permits.permit(permits.Kind.OTHER):
            for number, act in enumerate(acts, 1):
                thread = Thread(lambda act=act: self.with_permit(act))
                thread.start()
                threads.append(thread)
                self.until(lambda number=number: len(self.permits._writes) == number)
        return threads

    def with_permit(self, act):
        with self.permits.permit(self.kind):
            return act()

    def until(self, is_so):
        deadline = time.monotonic() + LONG
        while not is_so():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)

    def wait_for(self, threads):
        for thread in threads:
            thread.join(LONG)
            self.assertEqual(False, thread.is_alive())
        self.assertEqual(0, self.permits._taken)

    def statements(self, *acts):
        """What operations execute that meet, and their threads."""
        recorder = costs.Recorder(self.storage)
        threads = []
        executed = recorder.of(lambda: threads.extend(self.meet(*acts)))
        return [text for text, _parameters in executed], threads

    def errors(self, threads):
        return [type(thread.error) for thread in threads]


class Jobs(Meeting):
    """Changes of jobs, as agents report them."""

    kind = permits.Kind.JOB

    def setUp(self):
        super().setUp()
        self.jobs = [self.project.new_job(f'j{number}') for number in range(MANY)]
        self.commits.clear()

    def report(self, job, status='running'):
        """What makes an agent's report of a job."""
        return lambda: self.project.change_job(
            job, lambda body: {**body, 'job_schedule': {**body['job_schedule'], 'status': status}}
        )

    def shown(self):
        found = [self.project.get(JOBS, job) for job in self.jobs]
        return [(job.version, job.body['job_schedule']['status']) for job in found]

    def transact(self, job, step):
        return lambda: self.storage.transact_existing(self.project.project_id, (JOBS, job), step)


@stores.on_stores(*stores.SQL_STORES)
class GroupsOfJobs(Jobs):
    """Changes of jobs that meet."""

    def test_changes_that_meet_take_one_transaction(self):
        texts, threads = self.statements(*map(self.report, reversed(self.jobs)))
        self.assertEqual([type(None)] * MANY, self.errors(threads))
        self.assertEqual([2] * MANY, [thread.result.version for thread in threads])
        self.assertEqual(1, len(self.commits))
        locks = [text for text in texts if text.startswith('SELECT')]
        self.assertEqual(1, len(locks), texts)
        written = [text for text in texts if text.startswith('UPDATE freezer_jobs')]
        self.assertEqual(1, len(written), texts)
        self.assertEqual([(2, 'running')] * MANY, self.shown())
        found = self.project.ids(JOBS, [{'status': 'running'}])
        self.assertEqual(set(self.jobs), set(found))

    def test_changes_of_one_job_see_each_other(self):
        def count(body):
            return {**body, 'description': body['description'] + '+'}

        threads = self.meet(*[lambda: self.project.change_job('j0', count)] * MANY)
        self.assertEqual([type(None)] * MANY, self.errors(threads))
        self.assertEqual(1, len(self.commits))
        versions = [thread.result.version for thread in threads]
        self.assertEqual(set(range(2, MANY + 2)), set(versions))
        self.assertEqual(MANY, self.project.job('j0')['description'].count('+'))

    def test_largest_group_is_full(self):
        more = [self.project.new_job() for _one in range(groups.MAX_OPERATIONS + 2 - MANY)]
        self.commits.clear()
        threads = self.meet(*map(self.report, [*self.jobs, *more]))
        self.assertEqual({type(None)}, set(self.errors(threads)))
        self.assertEqual(2, len(self.commits))
        self.assertEqual([(2, 'running')] * MANY, self.shown())

    def test_missing_job_and_refused_change_leave_the_others(self):
        def refuse(body):
            raise exceptions.Conflict('Refused.')

        threads = self.meet(
            self.report('j0'),
            self.report('none'),
            lambda: self.project.change_job('j1', refuse),
            self.report('j2'),
        )
        none = type(None)
        self.assertEqual(
            [none, exceptions.NotFound, exceptions.Conflict, none], self.errors(threads)
        )
        self.assertEqual([(2, 'running'), (1, ''), (2, 'running')], self.shown()[:3])

    def test_defect_of_an_operation_leaves_the_others(self):
        threads = self.meet(
            self.report('j0'),
            self.transact('j1', lambda unit: 1 / 0),
            self.report('j2'),
        )
        none = type(None)
        self.assertEqual([none, ZeroDivisionError, none], self.errors(threads))
        self.assertEqual([(2, 'running'), (1, ''), (2, 'running')], self.shown()[:3])

    def test_operation_that_needs_a_session_runs_by_itself(self):
        session = self.project.new_session()
        threads = self.meet(
            self.report('j0'),
            self.transact('j1', lambda unit: unit.get_session(session).session_id),
            self.report('j2'),
        )
        self.assertEqual([type(None)] * 3, self.errors(threads))
        self.assertEqual(session, threads[1].result)

    def test_change_of_a_members_client_moves_it_in_its_session(self):
        session = self.project.new_session()
        self.project.put_client('elsewhere')
        member = self.project.new_job(session_id=session)

        def move(current, actions, now):
            return Store({**current.body, 'client_id': 'elsewhere'})

        threads = self.meet(
            self.report('j0'),
            self.transact(member, lambda unit: jobs.write_job(unit, member, move, set(), 1 << 20)),
        )
        self.assertEqual([type(None)] * 2, self.errors(threads))
        shown = self.project.session(session)['jobs'][member]
        self.assertEqual('elsewhere', shown['client_id'])

    def test_unavailable_storage_is_told_to_all(self):
        def refuse(connection):
            raise exceptions.StorageUnavailable('Of all.')

        writer = self.storage.database.engines.writer
        sqlalchemy.event.listen(writer, 'commit', refuse)
        try:
            threads = self.meet(*map(self.report, self.jobs))
        finally:
            sqlalchemy.event.remove(writer, 'commit', refuse)
        self.assertEqual([exceptions.StorageUnavailable] * MANY, self.errors(threads))
        self.assertEqual([(1, '')] * MANY, self.shown())


@stores.on_stores(stores.MariaDB, stores.PostgreSQL)
class GroupsBesideLocks(Jobs):
    """Another process has one of the jobs locked; SQLite has one writer at a time anyway."""

    def test_change_of_a_locked_job_lets_no_other_wait(self):
        other = driver.Driver(self.conf)
        self.addCleanup(other.close)
        locked, release = threading.Event(), threading.Event()

        def keep(unit):
            unit.get(JOBS, 'j3')
            locked.set()
            release.wait(LONG)

        name = JOBS, 'j3'
        holder = Thread(lambda: other.transact(self.project.project_id, name, keep))
        holder.start()
        try:
            self.assertEqual(True, locked.wait(LONG))
            threads = self.start(*map(self.report, self.jobs))
            waiting = threads.pop(3)
            for thread in threads:
                thread.join(LONG)
                self.assertEqual(False, thread.is_alive())
            expected = [(2, 'running')] * MANY
            expected[3] = (1, '')
            self.assertEqual(expected, self.shown())
            self.assertEqual(True, waiting.is_alive())
        finally:
            release.set()
        self.wait_for([holder, waiting])
        self.assertEqual([type(None)] * MANY, self.errors([*threads, waiting]))
        self.assertEqual([(2, 'running')] * MANY, self.shown())


@stores.on_stores(*stores.SQL_STORES)
class GroupsOfBackups(Meeting):
    """New backups that meet."""

    kind = permits.Kind.BACKUP

    def new(self, id):
        """What makes a backup under an id of its own."""
        body = bodies.backup_body(id, self.project.project_id, job_id=id)
        return lambda: self.storage.write(
            self.project.scope, BACKUPS, id, lambda current, now: Store(body), is_new=True
        )

    def test_backups_that_meet_take_one_transaction(self):
        # No part of a project's id, which is of hexadecimal digits.
        ids = [f'new{number}' for number in range(MANY)]
        texts, threads = self.statements(*map(self.new, ids))
        self.assertEqual([type(None)] * MANY, self.errors(threads))
        self.assertEqual([1] * MANY, [thread.result.stored.version for thread in threads])
        self.assertEqual(1, len(self.commits))
        # Nobody looks for them.
        looks = [text for text in texts if text.startswith('SELECT') and 'backups' in text]
        self.assertEqual([], looks)
        terms = [text for text in texts if text.startswith('INSERT INTO freezer_pairs')]
        self.assertEqual(1, len(terms), texts)
        self.assertEqual(set(ids), set(self.project.ids(BACKUPS)))
        for id in ids:
            self.assertEqual([id], self.project.ids(BACKUPS, [{'job_id': id}]))
            self.assertEqual([id], self.project.ids(BACKUPS, [{'_all': id}]))

    def test_id_that_is_taken_all_the_same_leaves_the_others(self):
        self.project.put_backup('b1', job_id='before')
        self.commits.clear()
        threads = self.meet(*map(self.new, ['b0', 'b1', 'b2']))
        self.assertEqual([type(None)] * 3, self.errors(threads))
        # The one that there was is changed, as if it had been looked for.
        self.assertEqual([1, 2, 1], [thread.result.stored.version for thread in threads])
        self.assertEqual(['b1'], self.project.ids(BACKUPS, [{'job_id': 'b1'}]))

    def test_refused_backup_leaves_the_others(self):
        def refuse(unit):
            documents.write(unit, BACKUPS, 'b1', lambda current, now: Store({}))
            raise exceptions.Conflict('Refused.')

        name = BACKUPS, 'b1'
        threads = self.meet(
            self.new('b0'),
            lambda: self.storage.transact_new(self.project.project_id, name, refuse),
            self.new('b2'),
        )
        none = type(None)
        self.assertEqual([none, exceptions.Conflict, none], self.errors(threads))
        self.assertEqual(['b0', 'b2'], self.project.ids(BACKUPS))


@stores.on_stores(*stores.SQL_STORES)
class GroupsOfOneProject(Meeting):
    """What doesn't concern the same project isn't one group."""

    kind = permits.Kind.JOB

    def test_jobs_of_two_projects_take_two_transactions(self):
        other = self.in_project('another')
        self.project.new_job('j')
        other.new_job('j')
        self.commits.clear()

        def rename(project):
            return lambda: project.change_job('j', lambda body: {**body, 'description': 'new'})

        threads = self.meet(rename(self.project), rename(other))
        self.assertEqual([type(None)] * 2, self.errors(threads))
        self.assertEqual(2, len(self.commits))
        for project in (self.project, other):
            self.assertEqual('new', project.job('j')['description'])
