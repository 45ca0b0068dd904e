"""How long operations take on each store: milliseconds, one caller, the
services' whole use cases without HTTP.

Run ``python -m tests.servers run -- python -m benchmarks.stores``. In each
store a project has so many sessions (``--sessions``), one of them so many
members (``--members``). Operations take turns, store after store in each
round, so that all stores have the same moods of the machine. The figure is the
median over the rounds, which the lowest follows. A poll is what a scheduler
asks each minute: its jobs that aren't completed (``--jobs``), in pages of ten
until a short one comes. The test nodes of
Elasticsearch and OpenSearch compile each method once and briefly
(``-XX:TieredStopAtLevel=1``), which makes them start sooner and answer
somewhat later.
"""

import argparse
import collections
import collections.abc
import contextlib
import statistics
import time

from benchmarks import seed
from freezer_api.db import pages
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import search
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.services import clients, common, jobs, sessions
from tests.contract import stores

PROJECT, SESSION = 'project', 'together'
SCHEDULER, PAGE = 'scheduler', 10
CALLER = common.Caller(PROJECT, 'user')
TWO_FIELDS = {'match': [{'schedule_interval': '7 days'}, {'hold_off': 36}]}

WANTED = {
    'match_not': [{'status': 'completed'}],
    'match': [{'client_id': SCHEDULER}],
}

Act = collections.abc.Callable[[], object]


def prepare(storage: Storage, count: int, members: int, polled: int) -> None:
    """A project with sessions, one session with members, and a scheduler with
    jobs.
    """
    seed.fill(storage, PROJECT, range(count))
    sessions.replace(storage, CALLER, SESSION, {'schedule': {}, 'hold_off': 0})
    add_jobs(storage, 'host', [f'm{number}' for number in range(members)])
    for number in range(members):
        sessions.attach(storage, CALLER, SESSION, f'm{number}')
    add_jobs(storage, SCHEDULER, [f'p{number}' for number in range(polled)])


def add_jobs(
    storage: Storage, client_id: str, ids: collections.abc.Iterable[str]
) -> None:
    """Register a client, and create jobs for it."""
    clients.register(
        storage, CALLER, {'client_id': client_id, 'hostname': client_id}
    )
    for id in ids:
        body = {'job_id': id, 'client_id': client_id, 'job_actions': []}
        jobs.create(storage, CALLER, body)


def page(storage: Storage, offset: int = 0) -> pages.Page:
    """Return a page of the jobs that a scheduler polls."""
    query = search.parse(WANTED, JOBS, limit=PAGE, offset=offset)
    return storage.find(Scope(PROJECT), JOBS, query)


def poll(storage: Storage) -> int:
    """Return how many jobs a scheduler finds, page by page."""
    found = 0
    while True:
        documents = page(storage, found).documents
        found += len(documents)
        if len(documents) < PAGE:
            return found


def operations(storage: Storage, number: int, members: int) -> dict[str, Act]:
    """What one round does, in this order."""
    tag = number
    first, second = (f'm{(2 * number + at) % members}' for at in (0, 1))

    def act(name: str, job: str, known: int) -> Act:
        result = {} if name == 'start' else {'result': 'success'}
        return lambda: sessions.act(
            storage,
            CALLER,
            SESSION,
            {name: {'job_id': job, 'current_tag': known, **result}},
        )

    def find(match: dict, limit: int) -> Act:
        return lambda: storage.find(
            Scope(PROJECT),
            SESSIONS,
            search.parse(match, SESSIONS, limit=limit),
        )

    return {
        'start that begins a run': act('start', first, tag),
        'start that joins it': act('start', second, tag + 1),
        'end': act('end', first, tag + 1),
        'last end': act('end', second, tag + 1),
        'get': lambda: storage.get(Scope(PROJECT), SESSIONS, SESSION),
        'list of 100': find({}, 100),
        'search of two fields': find(TWO_FIELDS, 10),
        'detach': lambda: sessions.detach(storage, CALLER, SESSION, second),
        'attach': lambda: sessions.attach(storage, CALLER, SESSION, second),
        'poll': lambda: poll(storage),
    }


def measure(
    storages: dict[str, Storage], rounds: int, members: int
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each operation on each store."""
    taken: dict[str, dict[str, list[float]]] = collections.defaultdict(
        lambda: collections.defaultdict(list)
    )
    for number in range(rounds):
        for name, storage in storages.items():
            for operation, act in operations(storage, number, members).items():
                begun = time.perf_counter()
                act()
                taken[operation][name].append(
                    (time.perf_counter() - begun) * 1000
                )
    return taken


def main() -> None:
    """Make the stores, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--sessions', type=int, default=2000)
    parser.add_argument('--members', type=int, default=16)
    parser.add_argument('--jobs', type=int, default=120)
    parser.add_argument('--rounds', type=int, default=60)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        storages = {}
        for case in stores.STORES:
            case.setUpClass()
            stack.callback(case.doClassCleanups)
            storages[case.name] = case.storage
            prepare(case.storage, asked.sessions, asked.members, asked.jobs)
            found = poll(case.storage)
            if found != asked.jobs:
                raise RuntimeError(f'{case.name}: a poll finds {found} jobs')
        taken = measure(storages, asked.rounds, asked.members)
    print(f'{"ms: median (lowest)":24}', *(f'{name:>16}' for name in storages))
    for operation, by_store in taken.items():
        figures = (
            f'{statistics.median(values):.1f} ({min(values):.1f})'
            for values in by_store.values()
        )
        print(f'{operation:24}', *(f'{figure:>16}' for figure in figures))


if __name__ == '__main__':
    main()
