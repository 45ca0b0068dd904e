"""Permits, with real threads."""

import threading
import time
import typing

import fixtures
import testtools

from freezer_api import exceptions, permits
from freezer_api.permits import Kind, Permits

#: Seconds in which a thread does its part, on any machine.
LONG = 60


class TestPermits(testtools.TestCase):
    """Threads that wait for the permits of one process."""

    def setUp(self):
        super().setUp()
        self.permits = Permits(1)
        #: Who had a permit, in this order.
        self.order: list[str] = []
        self.threads: list[threading.Thread] = []

    def start(self, act: typing.Callable[[], None]) -> None:
        """Run something in a thread that is waited for in the end."""
        thread = threading.Thread(target=act, daemon=True)
        self.threads.append(thread)
        thread.start()

    def queue(self, kind: Kind, name: str = '') -> None:
        """Have a thread wait for a permit, and note when it has it."""

        def work():
            with self.permits.permit(kind):
                self.order.append(name or kind.name)

        before = self.waiting()
        self.start(work)
        self.until(lambda: self.waiting() > before)

    def waiting(self) -> int:
        return len(self.permits._reads) + len(self.permits._writes)

    def until(self, is_so: typing.Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONG
        while not is_so():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(LONG)
            self.assertFalse(thread.is_alive())
        # All were given back.
        self.assertEqual(0, self.permits._taken)

    def test_reads_go_first_and_writes_in_the_order_they_came(self):
        with self.permits.permit(Kind.OTHER):
            for kind in (Kind.OTHER, Kind.BACKUP, Kind.SESSION, Kind.READ, Kind.JOB):
                self.queue(kind)
        self.join()
        self.assertEqual(['READ', 'OTHER', 'BACKUP', 'SESSION', 'JOB'], self.order)

    def test_reads_go_in_the_order_they_came(self):
        with self.permits.permit(Kind.READ):
            for name in ('first', 'second', 'third'):
                self.queue(Kind.READ, name)
        self.join()
        self.assertEqual(['first', 'second', 'third'], self.order)

    def test_who_waits_too_long_goes_before_reads(self):
        with self.permits.permit(Kind.READ):
            self.queue(Kind.OTHER)
            time.sleep(permits.PATIENCE + 0.05)
            self.queue(Kind.READ)
        self.join()
        self.assertEqual(['OTHER', 'READ'], self.order)

    def test_reads_that_wait_too_long_go_before_later_writes(self):
        with self.permits.permit(Kind.OTHER):
            self.queue(Kind.READ, 'first')
            self.queue(Kind.READ, 'second')
            self.queue(Kind.OTHER)
            # All of them have waited too long.
            time.sleep(permits.PATIENCE + 0.05)
        self.join()
        self.assertEqual(['first', 'second', 'OTHER'], self.order)

    def test_no_more_work_than_there_are_permits(self):
        self.permits = Permits(3)
        lock, working, most = threading.Lock(), 0, 0

        def work():
            nonlocal working, most
            with self.permits.permit(Kind.OTHER):
                with lock:
                    working += 1
                    most = max(most, working)
                time.sleep(0.01)
                with lock:
                    working -= 1

        for _thread in range(12):
            self.start(work)
        self.join()
        self.assertEqual(3, most)

    def test_failed_work_gives_its_permit_back(self):
        with testtools.ExpectedException(KeyError), self.permits.permit(Kind.READ):
            raise KeyError
        self.join()

    def test_permit_given_up_is_given_back_once(self):
        with self.permits.permit(Kind.SESSION):
            self.queue(Kind.OTHER)
            permits.give_up()
            # Nothing is left to give up.
            permits.give_up()
            self.until(lambda: self.order == ['OTHER'])
        self.join()

    def test_leader_goes_behind_all_that_wait_if_one_can_join(self):
        with self.permits.permit(Kind.JOB):
            self.queue(Kind.OTHER)
            self.queue(Kind.JOB)
            permits.let_join(Kind.JOB)
            self.queue(Kind.JOB, 'later')
            self.order.append('leader')
        self.join()
        self.assertEqual(['OTHER', 'JOB', 'leader', 'later'], self.order)

    def test_leader_whom_nobody_can_join_goes_on(self):
        with self.permits.permit(Kind.JOB):
            self.queue(Kind.READ)
            self.queue(Kind.SESSION)
            permits.let_join(Kind.JOB)
            self.order.append('leader')
        self.join()
        self.assertEqual(['leader', 'READ', 'SESSION'], self.order)

    def test_paused_work_goes_on_without_a_permit(self):
        had, may_end = threading.Event(), threading.Event()

        def work():
            with self.permits.permit(Kind.READ):
                had.set()
                may_end.wait(LONG)

        with self.permits.permit(Kind.OTHER):
            with permits.paused():
                self.start(work)
                self.assertTrue(had.wait(LONG))
            # The other one still has the permit: nobody was waited for.
            self.assertEqual(2, self.permits._taken)
            self.queue(Kind.READ, 'later')
        # One of two was given back, so there is none for the third.
        self.assertEqual(1, self.permits._taken)
        self.assertEqual([], self.order)
        may_end.set()
        self.join()
        self.assertEqual(['later'], self.order)

    def test_paused_work_that_pauses_goes_on(self):
        with self.permits.permit(Kind.OTHER):
            with permits.paused(), permits.paused():
                self.assertEqual(0, self.permits._taken)
            self.assertEqual(1, self.permits._taken)
        self.join()

    def test_who_waits_too_long_is_refused(self):
        self.useFixture(fixtures.MonkeyPatch('freezer_api.permits.DEADLINE', 0.05))
        refused: list[Exception] = []

        def work():
            try:
                with self.permits.permit(Kind.READ):
                    self.order.append('read')
            except exceptions.StorageUnavailable as error:
                refused.append(error)

        with self.permits.permit(Kind.OTHER):
            self.start(work)
            self.until(lambda: bool(refused))
            # It waits no more.
            self.assertEqual(0, self.waiting())
        self.assertEqual([], self.order)
        self.join()

    def test_leader_that_waits_too_long_is_refused_and_keeps_no_permit(self):
        self.useFixture(fixtures.MonkeyPatch('freezer_api.permits.DEADLINE', 0.05))
        may_end = threading.Event()

        def join_slowly():
            with self.permits.permit(Kind.SESSION):
                may_end.wait(LONG)

        def lead():
            with self.permits.permit(Kind.SESSION):
                self.start(join_slowly)
                self.until(lambda: self.waiting() == 1)
                permits.let_join(Kind.SESSION)

        self.assertRaises(exceptions.StorageUnavailable, lead)
        self.assertEqual(1, self.permits._taken)
        may_end.set()
        self.join()

    def test_thread_without_a_permit_needs_none(self):
        permits.give_up()
        permits.let_join(Kind.SESSION)
        with permits.paused():
            pass
        self.join()
