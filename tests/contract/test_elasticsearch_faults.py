"""What becomes of operations of the Elasticsearch driver that are killed, stand still or lose
answers at their writes.
"""

import functools
import itertools
import zlib

from tests.base import EXPLORING
from tests.contract import base, fault_cases, faults

#: What the sample has of operations that break off, of two that meet, of readers who meet two, and
#: of requests that come late: so many of 10,000 cases.
BROKEN, MET, EVERY, READ, LATE = 2000, 75, 25, 4, 1200


def sampled(share, *case):
    """Whether a case is in the sample: always the same ones, and others on another server."""
    return EXPLORING or zlib.crc32(repr(case).encode()) % 10_000 < share


@base.on_every_database(base.Elasticsearch8, base.Elasticsearch9)
class Faults(fault_cases.FaultCases):
    def _broken_off(self, fault):
        for name in self.names():
            for number in range(1, self.requests(name) + 1):
                if sampled(BROKEN, self.name, fault.__name__, name, number):
                    with self.subTest(name=name, write=number):
                        self.broken_off(fault, name, number)

    def test_readers_after_a_death_at_each_write(self):
        self._broken_off(faults.killing)

    def test_readers_after_an_answer_that_was_lost(self):
        self._broken_off(faults.losing)

    def test_writes_that_are_sent_twice(self):
        self._broken_off(faults.repeating)

    def _two(self, share, kind, case, every=False):
        """Cases of pairs of operations, and of where the first one of them stops."""
        for name in self.names():
            numbers = range(1, self.requests(name, every) + 1)
            for number, other in itertools.product(numbers, self.names()):
                if sampled(share, self.name, kind, name, number, other):
                    with self.subTest(name=name, number=number, other=other):
                        case(name, number, other)

    def test_writers_after_a_death_at_each_write(self):
        self._two(MET, 'killed', functools.partial(self.followed, faults.killing))

    def test_the_same_process_after_a_write_that_was_never_sent(self):
        self._two(MET, 'refused', functools.partial(self.followed, faults.refused, same=True))

    def test_others_while_a_writer_stands_still_before_each_write(self):
        self._two(MET, 'paused', self.met)

    def test_others_while_a_writer_stands_still_before_any_request(self):
        self._two(EVERY, 'every', functools.partial(self.met, every=True), True)

    def test_readers_who_stand_still_while_others_write_after_a_death(self):
        for name, number, read, other in itertools.product(
            self.names(), range(1, 5), self.reads(), self.names()
        ):
            if number <= self.requests(name) and sampled(
                READ, self.name, 'read', name, number, read, other
            ):
                for request in range(1, self.read_requests(name, number, read) + 1):
                    with self.subTest(
                        name=name, write=number, read=read, request=request, other=other
                    ):
                        self.read_meanwhile(name, number, read, request, other)

    def test_requests_that_come_late(self):
        """They stood in a node that hung, and were sent to another one meanwhile."""
        for name, deleted in itertools.product(self.names(), (False, True)):
            if sampled(LATE, self.name, 'late', name, deleted):
                with self.subTest(name=name, deleted=deleted):
                    self.late(name, deleted)
