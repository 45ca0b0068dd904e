"""How long operations take on each store: milliseconds, one caller, the
services' whole use cases without HTTP.

Run ``python -m tests.servers run -- python -m benchmarks.stores``. In each
store a project has so many sessions (``--sessions``), one of them so many
members (``--members``). Operations take turns, store after store in each
round, so that all stores have the same moods of the machine. The figure is the
median over the rounds, which the lowest follows. The test nodes of
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
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import search
from freezer_api.domain.documents import SESSIONS
from freezer_api.services import clients, common, jobs, sessions
from tests.contract import stores

PROJECT, SESSION = 'project', 'together'
CALLER = common.Caller(PROJECT, 'user')
TWO_FIELDS = {'match': [{'schedule_interval': '7 days'}, {'hold_off': 36}]}

Act = collections.abc.Callable[[], object]


def prepare(storage: Storage, count: int, members: int) -> None:
    """A project with sessions, and one session with members."""
    seed.fill(storage, PROJECT, range(count))
    clients.register(
        storage, CALLER, {'client_id': 'host', 'hostname': 'host'}
    )
    sessions.replace(storage, CALLER, SESSION, {'schedule': {}, 'hold_off': 0})
    for number in range(members):
        jobs.create(
            storage,
            CALLER,
            {'job_id': f'm{number}', 'client_id': 'host', 'job_actions': []},
        )
        sessions.attach(storage, CALLER, SESSION, f'm{number}')


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
    parser.add_argument('--rounds', type=int, default=60)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        storages = {}
        for case in stores.STORES:
            case.setUpClass()
            stack.callback(case.doClassCleanups)
            storages[case.name] = case.storage
            prepare(case.storage, asked.sessions, asked.members)
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
