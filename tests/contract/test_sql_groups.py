"""Operations on one session that one transaction of the SQL driver does."""

import dataclasses
import logging
import os
import queue
import signal
import threading
import typing

import sqlalchemy

from freezer_api import exceptions, permits
from freezer_api.db.sqlalchemy import driver
from freezer_api.db.sqlalchemy.connections import groups
from freezer_api.domain.documents import SESSIONS, Precondition
from freezer_api.domain.session_state import Record
from freezer_api.tests.contract import project_operations
from tests.contract import costs, stores

#: Seconds in which a thread does its part, on any machine.
LONG = 60
#: Operations that meet.
MANY = 8


class Thread(threading.Thread):
    """Runs an operation, and keeps what it returned or raised."""

    def __init__(self, act: typing.Callable[[], typing.Any]):
        super().__init__(daemon=True)
        self.act = act
        self.result: typing.Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.act()
        except BaseException as error:
            self.error = error


class Commits:
    """Notes the commits of a storage."""

    project: project_operations.Project
    storage: typing.Any
    conf: typing.Any
    assertEqual: typing.Any

    def setUp(self):
        super().setUp()
        self.commits = []
        writer = self.storage.database.engines.writer
        sqlalchemy.event.listen(writer, 'commit', self.record_commit)
        self.addCleanup(sqlalchemy.event.remove, writer, 'commit', self.record_commit)

    def record_commit(self, connection):
        self.commits.append(connection)


@stores.on_stores(*stores.SQL_STORES)
class Groups(Commits):
    """Another process has a session locked; operations of this one come meanwhile."""

    def setUp(self):
        super().setUp()
        self.session = self.project.new_session(hold_off=3600)
        self.joined = queue.SimpleQueue()
        of_process = self.storage.database.groups
        join = of_process.join

        def counted_join(key, operation):
            group = join(key, operation)
            self.joined.put(key)
            return group

        of_process.join = counted_join
        self.addCleanup(delattr, of_process, 'join')
        self.commits.clear()

    def meet(self, *acts):
        """Run operations that all wait for the session, in this order; return their threads."""
        other = driver.Driver(self.conf)
        locked, release = threading.Event(), threading.Event()

        def hold(unit):
            unit.get_session(self.session)
            locked.set()
            release.wait(LONG)

        name = (SESSIONS, self.session)
        holder = Thread(lambda: other.transact(self.project.project_id, name, hold))
        holder.start()
        try:
            self.assertEqual(True, locked.wait(LONG))
            threads = []
            for act in acts:
                thread = Thread(act)
                thread.start()
                threads.append(thread)
                self.joined.get(timeout=LONG)
        finally:
            self.commits.clear()
            release.set()
        for thread in [holder, *threads]:
            thread.join(LONG)
            self.assertEqual(False, thread.is_alive())
        other.close()
        self.assertIsNone(holder.error)
        return threads

    def transact(self, step):
        return self.storage.transact(self.project.project_id, (SESSIONS, self.session), step)

    def patch(self, description):
        return lambda: self.project.patch_session(self.session, description=description)

    def starts(self, number):
        jobs = [self.project.new_job(session_id=self.session) for _one in range(number)]
        return jobs, [lambda job=job: self.project.start(self.session, job, 0) for job in jobs]

    def test_starts_that_meet_take_one_transaction(self):
        jobs, starts = self.starts(MANY)
        recorder = costs.Recorder(self.storage)
        threads = []
        statements = recorder.of(lambda: threads.extend(self.meet(*starts)))
        self.assertEqual([None] * MANY, [thread.error for thread in threads])
        self.assertEqual([('success', 1)] * MANY, [thread.result for thread in threads])
        self.assertEqual(1, len(self.commits))
        texts = [text for text, _parameters in statements]
        # The jobs are locked by one statement, too.
        locks = [text for text in texts if text.startswith('SELECT') and 'freezer_jobs' in text]
        self.assertEqual(1, len(locks))
        for job in jobs:
            self.assertEqual(1, self.project.job(job)['session_tag'])

    def test_starts_that_meet_need_one_permit_of_the_process(self):
        jobs, starts = self.starts(MANY)
        one = permits.Permits(1)

        def with_permit(act):
            with one.permit(permits.Kind.SESSION):
                return act()

        # The first has the permit while it waits for the session, and the others join.
        threads = self.meet(*[lambda act=act: with_permit(act) for act in starts])
        self.assertEqual([None] * MANY, [thread.error for thread in threads])
        self.assertEqual([('success', 1)] * MANY, [thread.result for thread in threads])
        self.assertEqual(1, len(self.commits))
        for job in jobs:
            self.assertEqual(1, self.project.job(job)['session_tag'])

    def test_ends_that_meet_complete_the_run_once(self):
        jobs, _starts = self.starts(MANY)
        for job in jobs:
            self.project.start(self.session, job, 0)
        before = self.project.get(SESSIONS, self.session).version
        ends = [lambda job=job: self.project.end(self.session, job, 1) for job in jobs]
        threads = self.meet(*ends)
        self.assertEqual([None] * MANY, [thread.error for thread in threads])
        self.assertEqual(1, len(self.commits))
        after = self.project.get(SESSIONS, self.session)
        self.assertEqual('completed', after.body['status'])
        # Each of them changed the session.
        self.assertEqual(before + MANY, after.version)

    def test_largest_group_is_full(self):
        acts = [self.patch(str(number)) for number in range(groups.MAX_OPERATIONS + 2)]
        threads = self.meet(*acts)
        self.assertEqual([None] * len(acts), [thread.error for thread in threads])
        self.assertEqual(2, len(self.commits))
        after = self.project.get(SESSIONS, self.session)
        self.assertEqual(1 + len(acts), after.version)

    def test_refused_operation_changes_nothing_and_the_others_take_effect(self):
        stale = Precondition(if_match=('0',))

        def refused(unit):
            session = unit.get_session(self.session)
            unit.put_session(dataclasses.replace(session, description='refused'))
            stale.check(session)

        threads = self.meet(
            self.patch('first'),
            lambda: self.transact(refused),
            lambda: self.transact(lambda unit: unit.get_session(self.session).description),
        )
        self.assertIsNone(threads[0].error)
        self.assertIsInstance(threads[1].error, exceptions.PreconditionFailed)
        self.assertEqual('first', threads[2].result)
        self.assertEqual(1, len(self.commits))
        self.assertEqual('first', self.project.session(self.session)['description'])

    def test_operation_that_fails_after_it_has_written_leaves_the_others(self):
        record = Record(7, 'completed', 'success', 0, 0, {})

        def refused(unit):
            unit.put_record(self.session, record, True)
            raise exceptions.Conflict('Refused.')

        threads = self.meet(
            self.patch('first'),
            lambda: self.transact(refused),
            self.patch('last'),
        )
        self.assertIsNone(threads[0].error)
        self.assertIsInstance(threads[1].error, exceptions.Conflict)
        self.assertIsNone(threads[2].error)
        after = self.project.get(SESSIONS, self.session)
        self.assertEqual(3, after.version)
        self.assertEqual([], [record.tag for record in self.project.records(self.session)])

    def test_defect_of_an_operation_leaves_the_others(self):
        def unreadable(unit):
            session = unit.get_session(self.session)
            unit.put_session(dataclasses.replace(session, description=object()))

        threads = self.meet(
            self.patch('first'),
            lambda: self.transact(unreadable),
            lambda: self.transact(lambda unit: 1 / 0),
            self.patch('last'),
        )
        self.assertIsNone(threads[0].error)
        self.assertIsInstance(threads[1].error, TypeError)
        self.assertIsInstance(threads[2].error, ZeroDivisionError)
        self.assertIsNone(threads[3].error)
        self.assertEqual(3, self.project.get(SESSIONS, self.session).version)

    def test_deleted_session_is_created_again_with_another_row(self):
        self.project.new_session('between')
        self.project.start(self.session, self.project.new_job(session_id=self.session), 0)
        threads = self.meet(
            lambda: self.project.delete_session(self.session),
            lambda: self.project.put_session(self.session, description='anew'),
        )
        self.assertEqual([None, None], [thread.error for thread in threads])
        self.assertEqual(['between', self.session], self.project.ids(SESSIONS)[-2:])
        after = self.project.get(SESSIONS, self.session)
        self.assertEqual(1, after.version)
        self.assertEqual([], self.project.records(self.session))

    def test_operation_that_needs_another_session_runs_by_itself(self):
        elsewhere = self.project.new_session()

        def need_another_session():
            return self.transact(lambda unit: unit.get_session(elsewhere).session_id)

        threads = self.meet(
            self.patch('first'),
            need_another_session,
        )
        self.assertEqual([None] * 2, [thread.error for thread in threads])
        self.assertEqual(elsewhere, threads[1].result)
        self.assertEqual('first', self.project.session(self.session)['description'])

    def test_unavailable_storage_is_told_to_all(self):
        def fail(unit):
            raise exceptions.StorageUnavailable('Of one.')

        def refuse(connection):
            raise exceptions.StorageUnavailable('Of all.')

        threads = self.meet(self.patch('first'), lambda: self.transact(fail))
        self.assertIsNone(threads[0].error)
        self.assertEqual('Of one.', str(threads[1].error))

        writer = self.storage.database.engines.writer
        sqlalchemy.event.listen(writer, 'commit', refuse)
        try:
            threads = self.meet(self.patch('second'), self.patch('third'))
        finally:
            sqlalchemy.event.remove(writer, 'commit', refuse)
        for thread in threads:
            self.assertIsInstance(thread.error, exceptions.StorageUnavailable)
            self.assertEqual('Of all.', str(thread.error))
        self.assertIsNot(threads[0].error, threads[1].error)
        self.assertEqual('first', self.project.session(self.session)['description'])

    def test_effects_are_logged_by_the_thread_of_each_operation(self):
        with self.assertLogs('freezer_api.db', logging.INFO) as logged:
            threads = self.meet(
                self.patch('first'),
                lambda: self.transact(self._noting),
                self.patch('second'),
            )
        self.assertEqual([None] * 3, [thread.error for thread in threads])
        self.assertEqual([threads[1].name], [record.threadName for record in logged.records])

    def _noting(self, unit):
        log = logging.getLogger('freezer_api.db')
        unit.note(lambda session: log.info('noted'), unit.get_session(self.session))

    def test_child_process_has_groups_of_its_own(self):
        open_group = groups.Operation(None)
        key = groups.Key(self.project.project_id, SESSIONS, self.session)
        self.storage.database.groups.join(key, open_group)
        child = os.fork()
        if not child:
            status = 1
            # Else it would wait for a leader that it hasn't.
            signal.alarm(LONG)
            try:
                self.patch('by the child')()
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
