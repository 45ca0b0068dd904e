"""What becomes of operations of the Elasticsearch driver that are killed, stand still or lose an answer at any of their writes."""

import itertools
import os
import threading
import zlib

from freezer_api import exceptions
from freezer_api.db.elasticsearch import commit
from tests.contract import base, faults

#: The long form does all cases.
ALL = bool(os.environ.get('FREEZER_TEST_EXPLORE'))
#: What the sample has of one operation that breaks off, and of two that meet: one of so many cases.
BROKEN, MET = 4, 60


def sampled(one_of, *case):
    """Whether a case is in the sample: always the same ones, and others on another server."""
    return ALL or zlib.crc32(repr(case).encode()) % one_of == 0


@base.on_every_database(base.Elasticsearch8, base.Elasticsearch9)
class Faults:

    def setUp(self):
        super().setUp()
        patience, commit.PATIENCE = commit.PATIENCE, 0.03
        self.addCleanup(setattr, commit, 'PATIENCE', patience)

    def _alone(self, *names):
        """What comes of operations one after the other: what is seen then, and what they told."""
        world = faults.World(self)
        told = [faults.outcome(world.operations()[name]) for name in names]
        return faults.snapshot(self, world), told

    def _writes(self, name):
        """How many writes an operation does."""
        world, faulty = faults.World(self), faults.Faulty(self, 0, lambda: None)
        faults.outcome(world.operations(faulty.storage)[name])
        return faulty.writes

    def _names(self):
        return list(faults.World(self).operations())

    def _broken_off(self, fault, kind):
        untouched, _ = self._alone()
        for name in self._names():
            done, _ = self._alone(name)
            for number in range(1, self._writes(name) + 1):
                if not sampled(BROKEN, self.name, kind, name, number):
                    continue
                with self.subTest(kind, name=name, write=number):
                    world = faults.World(self)
                    faults.outcome(world.operations(fault(self, number).storage)[name])
                    seen = faults.snapshot(self, world)
                    self.assertIn(seen, (untouched, done))
                    self.assertEqual(seen, faults.snapshot(self, world))

    def test_readers_after_a_death_at_each_write(self):
        self._broken_off(faults.killing, 'killed')

    def test_readers_after_an_answer_that_was_lost(self):
        self._broken_off(faults.losing, 'lost')

    def test_writers_after_a_death_at_each_write(self):
        names = self._names()
        for name in names:
            writes = self._writes(name)
            for number, other in itertools.product(range(1, writes + 1), names):
                if not sampled(MET, self.name, 'killed', name, number, other):
                    continue
                with self.subTest(name=name, write=number, other=other):
                    world = faults.World(self)
                    faults.outcome(world.operations(faults.killing(self, number).storage)[name])
                    told = faults.outcome(world.operations()[other])
                    seen = faults.snapshot(self, world)
                    self.assertIn((seen, [told]), [(state, said[-1:]) for state, said in (
                        self._alone(other), self._alone(name, other))])

    def test_others_while_a_writer_stands_still_before_each_write(self):
        names = self._names()
        for name in names:
            writes = self._writes(name)
            for number, other in itertools.product(range(1, writes + 1), names):
                if not sampled(MET, self.name, 'paused', name, number, other):
                    continue
                with self.subTest(name=name, write=number, other=other):
                    self._paused(name, number, other)

    def _paused(self, name, number, other):
        world, paused = faults.World(self), faults.Paused(self, number)
        told = []
        operation = world.operations(paused.faulty.storage)[name]
        thread = threading.Thread(target=lambda: told.append(faults.outcome(operation)))
        thread.start()
        self.assertTrue(paused.reached.wait(30))
        try:
            other_told = faults.outcome(world.operations()[other])
            faults.snapshot(self, world)
        finally:
            paused.resumed.set()
            thread.join()
        self.assertNotIsInstance(told[0], exceptions.StorageUnavailable)
        one, two = self._alone(name, other), self._alone(other, name)
        self.assertIn((faults.snapshot(self, world), told[0], other_told),
                      ((one[0], one[1][0], one[1][1]), (two[0], two[1][1], two[1][0])))
