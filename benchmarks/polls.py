"""How many pages of schedulers' polls a process answers each second, beside
threads that write jobs of the same project; without HTTP.

Run ``python -m tests.servers run -- python -m benchmarks.polls``. So many
threads (``--pollers``) ask for the first ten of a scheduler's jobs, while some
others (``--writers``) change jobs, each one of its own. Nobody may miss what
was acknowledged: so the indices of Elasticsearch and OpenSearch are refreshed
for each page, or for several that come at once. All threads are of one
process, and have one core together.
"""

import argparse
import contextlib
import threading
import time
import typing

from benchmarks import stores as measured
from freezer_api.db.base import Storage
from freezer_api.services import jobs
from tests.contract import interception, stores

#: Jobs of the scheduler: six pages.
JOBS = 60
#: What is done in each turn.
Act = typing.Callable[[int], object]


class Figures(typing.NamedTuple):
    """What came of one measurement: by the second, but for the last."""

    polls: float
    writes: float
    refreshes_each_poll: float


class Counter:
    """Counts what threads do, until told to stop."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.done = 0
        self._lock = threading.Lock()

    def repeat(self, act: Act) -> None:
        """Do something again and again."""
        number = 0
        while not self.stop.is_set():
            act(number)
            number += 1
            with self._lock:
                self.done += 1


def measure(
    storage: Storage,
    refreshes: list[str],
    pollers: int,
    writers: int,
    seconds: float,
) -> Figures:
    """Let so many poll and write for some seconds."""

    polls = Counter()
    writes = Counter()
    threads = []
    for _ in range(pollers):
        poller = _repeating(polls, lambda _turn: measured.page(storage))
        threads.append(poller)
    for number in range(writers):
        write = _writer(storage, number)
        threads.append(_repeating(writes, write))
    # Those of before, when jobs were made.
    refreshes.clear()
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    # All of them before anybody is waited for.
    for counter in (polls, writes):
        counter.stop.set()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - begun
    return Figures(
        polls.done / taken,
        writes.done / taken,
        len(refreshes) / max(1, polls.done),
    )


def _repeating(counter: Counter, act: Act) -> threading.Thread:
    return threading.Thread(target=counter.repeat, args=(act,))


def _writer(storage: Storage, number: int) -> Act:
    """Return what changes a job, in each turn in another way."""

    def write(turn: int) -> None:
        changes = {'description': f'turn {turn}'}
        jobs.update(storage, measured.CALLER, f'p{number}', changes)

    return write


def count_refreshes(storage: typing.Any) -> list[str]:
    """Return where the refreshes that a storage asks for come to be."""
    refreshes: list[str] = []
    if not hasattr(storage, 'client'):
        # A database has none.
        return refreshes

    def note(request: interception.Request) -> interception.Answer:
        if request.path.endswith('_refresh'):
            refreshes.append(request.path)
        return request()

    interception.intercept(storage, note)
    return refreshes


def main() -> None:
    """Make the stores, one after the other, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--pollers', type=int, default=8)
    parser.add_argument('--writers', default='0,1,2')
    parser.add_argument('--seconds', type=float, default=10)
    asked = parser.parse_args()
    print(f'{"polls/s (writes/s, refreshes a poll)":36}', flush=True)
    for case in stores.STORES:
        with contextlib.ExitStack() as stack:
            case.setUpClass()
            stack.callback(case.doClassCleanups)
            row = _measure_all(case.storage, asked)
        print(f'{case.name:16}', *row, flush=True)


def _measure_all(storage: Storage, asked: argparse.Namespace) -> list[str]:
    """Return the figures for each number of writers that is asked for."""
    names = [f'p{number}' for number in range(JOBS)]
    measured.add_jobs(storage, measured.SCHEDULER, names)
    refreshes = count_refreshes(storage)
    row = []
    for writers in asked.writers.split(','):
        polls, writes, each = measure(
            storage,
            refreshes,
            asked.pollers,
            int(writers),
            asked.seconds,
        )
        told = f'{polls:.0f} ({writes:.0f}, {each:.2f})'
        row.append(f'{told:>20}')
    return row


if __name__ == '__main__':
    main()
