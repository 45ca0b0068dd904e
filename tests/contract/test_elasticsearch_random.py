"""Random operations of two processes with several threads, whose requests go wrong, and one of
which is killed.
"""

import os
import pathlib
import queue
import random
import tempfile

from freezer_api.tests.contract import bodies, parallel
from tests.base import EXPLORING, SEED
from tests.contract import faults, random_operations, stores

#: How often in the long form, by the variable, and how many steps of each thread.
SEEDS = int(os.environ.get('FREEZER_TEST_EXPLORE') or 0) * 50
STEPS = 40


class Process:
    """One of the processes, with jobs of its own; another one goes on with them after it was
    killed.
    """

    def __init__(self, case, place, jobs, folder, seed):
        self._case, self._place, self._jobs, self._folder, self._seed = (
            case,
            place,
            jobs,
            folder,
            seed,
        )
        self.problems = []
        self._start(seed, STEPS)

    def _start(self, seed, steps):
        processes = parallel.new_processes()
        self._tell = processes.Queue()
        arguments = (
            self._case.options,
            self._place,
            self._jobs,
            self._folder,
            seed,
            steps,
            self._tell,
        )
        self._process = processes.Process(target=random_operations.run_workers, args=arguments)
        self._process.start()
        self._case.addCleanup(self._process.join)
        self._case.addCleanup(self._process.kill)

    def await_steps(self, number):
        """Wait until it has done so many, or ends."""
        while number:
            try:
                told = self._tell.get(timeout=0.5)
            except queue.Empty:
                if not self._process.is_alive():
                    return
                continue
            if told:
                self.problems.append(told)
            number -= 1

    def kill_after(self, number):
        """Kill it in the middle of whatever it does after so many steps, and let another one take
        its place.
        """
        self.await_steps(number)
        self._process.kill()
        self._process.join()
        self._start(f'{self._seed} again', STEPS - number // len(self._jobs))

    def finish(self):
        """Wait until it has ended by itself."""
        self.await_steps(-1)
        self._process.join()
        if self._process.exitcode:
            self.problems.append(f'exit {self._process.exitcode}')


@stores.on_stores(*stores.CLUSTERS)
class RandomOperations:
    alone = True
    maxDiff = None

    turned = False

    def test_random_operations_that_break_off(self):
        for seed in range(SEEDS) if EXPLORING else [f'{SEED} {self.name}']:
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                self._run_seed(seed, folder)

    def _run_seed(self, seed, folder):
        dice = random.Random(seed)
        parts = [
            [f'{process}{thread}' for thread in range(random_operations.THREADS)]
            for process in 'xy'
        ]
        place = random_operations.Place(
            f'p-{bodies.new_id()}', [job for part in parts for job in part]
        )
        place.arrange(self.in_project(place.project_id))
        one, other = (
            Process(self, place, part, folder, f'{seed} {number}')
            for number, part in enumerate(parts)
        )
        one.kill_after(dice.randrange(STEPS * random_operations.THREADS // 2))
        one.finish()
        other.finish()
        self.assertEqual('', '\n'.join(one.problems + other.problems), f'seed {seed}')
        storage = self.make_storage()
        seen = faults.snapshot(self, place, storage)
        for job in place.jobs:
            random_operations.Worker(place, storage, job, pathlib.Path(folder), dice).check()
        # Nothing that broke off comes to effect later.
        self.assertEqual(seen, faults.snapshot(self, place, self.make_storage()), f'seed {seed}')
