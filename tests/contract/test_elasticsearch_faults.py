"""What becomes of operations of the Elasticsearch driver that are killed, stand still or lose
answers at their writes.
"""

import functools
import itertools

from tests.base import SEED, sample
from tests.contract import fault_cases, faults, stores

#: What share of all cases is in the sample: of operations that break off, of two that meet at
#: a write, or at any request, of readers who meet two, and of requests that come late.
BROKEN, MET, EVERY, READ, LATE = 0.1, 0.004, 0.0012, 0.0002, 0.06


@stores.on_stores(*stores.CLUSTERS)
class Faults(fault_cases.FaultCases):
    def _each(self, share, kind, cases, check):
        """Check a sample of cases of a kind, which are the arguments of ``check``."""
        for case in sample(share, cases, self.name, kind):
            with self.subTest(kind=kind, case=case, seed=SEED):
                check(*case)

    def _writes(self, every=False):
        """Every operation, and the number of each of its writes, or of all its requests."""
        for name in self.names():
            for number in range(1, self.requests(name, every) + 1):
                yield name, number

    def _broken_off(self, fault):
        check = functools.partial(self.broken_off, fault)
        self._each(BROKEN, fault.__name__, self._writes(), check)

    def test_readers_after_a_death_at_each_write(self):
        self._broken_off(faults.killing)

    def test_readers_after_an_answer_that_was_lost(self):
        self._broken_off(faults.losing)

    def test_writes_that_are_sent_twice(self):
        self._broken_off(faults.repeating)

    def _two(self, share, kind, check, every=False):
        """Cases of pairs of operations, and of where the first one of them stops."""
        pairs = itertools.product(self._writes(every), self.names())
        cases = ((name, number, other) for (name, number), other in pairs)
        self._each(share, kind, cases, check)

    def test_writers_after_a_death_at_each_write(self):
        self._two(MET, 'killed', functools.partial(self.followed, faults.killing))

    def test_the_same_process_after_a_write_that_was_never_sent(self):
        self._two(MET, 'refused', functools.partial(self.followed, faults.refused, same=True))

    def test_others_while_a_writer_stands_still_before_each_write(self):
        self._two(MET, 'paused', self.met)

    def test_others_while_a_writer_stands_still_before_any_request(self):
        self._two(EVERY, 'every', functools.partial(self.met, every=True), True)

    def test_readers_who_stand_still_while_others_write_after_a_death(self):
        cases = (
            (name, number, read, other)
            for name, number in self._writes()
            for read, other in itertools.product(self.reads(), self.names())
        )
        self._each(READ, 'read', cases, self._read_meanwhile)

    def _read_meanwhile(self, name, number, read, other):
        for request in range(1, self.read_requests(name, number, read) + 1):
            self.read_meanwhile(name, number, read, request, other)

    def test_requests_that_come_late(self):
        """They stood in a node that hung, and were sent to another one meanwhile."""
        cases = itertools.product(self.names(), (False, True))
        self._each(LATE, 'late', cases, self.late)
