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
import collections.abc
import contextlib
import time
import typing

from benchmarks import seed, timings
from freezer_api.db import pages
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import search
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.services import clients, common, jobs, sessions
from tests.contract import stores

#: The project, and its session that has members.
PROJECT, SESSION = 'project', 'together'
#: The client that polls, and the jobs of one page.
SCHEDULER, PAGE = 'scheduler', 10
CALLER = common.Caller(PROJECT, 'user')
#: One of 150 sessions has both, see :mod:`.seed`.
TWO_FIELDS = {'match': [{'schedule_interval': '7 days'}, {'hold_off': 36}]}

#: What the published scheduler asks for.
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
    body = {'schedule': {}, 'hold_off': 0}
    sessions.replace(storage, CALLER, SESSION, body)
    joining = [f'm{number}' for number in range(members)]
    add_jobs(storage, 'host', joining)
    for job_id in joining:
        sessions.attach(storage, CALLER, SESSION, job_id)
    others = [f'p{number}' for number in range(polled)]
    add_jobs(storage, SCHEDULER, others)


def add_jobs(
    storage: Storage, client_id: str, ids: collections.abc.Iterable[str]
) -> None:
    """Register a client, and create jobs for it."""
    client = {'client_id': client_id, 'hostname': client_id}
    clients.register(storage, CALLER, client)
    for id in ids:
        body = {
            'job_id': id,
            'client_id': client_id,
            'job_actions': [],
        }
        jobs.create(storage, CALLER, body)


def page(storage: Storage, offset: int = 0) -> pages.Page:
    """Return a page of the jobs that a scheduler polls."""
    query = search.parse(
        WANTED,
        JOBS,
        limit=PAGE,
        offset=offset,
    )
    return storage.find(Scope(PROJECT), JOBS, query)


def poll(storage: Storage) -> int:
    """Return how many jobs a scheduler finds, page by page."""
    found = 0
    while True:
        documents = page(storage, found).documents
        found += len(documents)
        # A short page is the last one.
        if len(documents) < PAGE:
            return found


def operations(storage: Storage, number: int, members: int) -> dict[str, Act]:
    """What one round does, in this order."""
    # Each round has a run of its own, in which two members take part.
    tag = number
    begun = tag + 1
    at = 2 * number
    first = f'm{at % members}'
    second = f'm{(at + 1) % members}'
    scope = Scope(PROJECT)

    def start(job: str, known: int) -> None:
        told = {'job_id': job, 'current_tag': known}
        sessions.act(storage, CALLER, SESSION, {'start': told})

    def end(job: str) -> None:
        told = {'job_id': job, 'current_tag': begun, 'result': 'success'}
        sessions.act(storage, CALLER, SESSION, {'end': told})

    def find(match: dict, limit: int) -> None:
        query = search.parse(match, SESSIONS, limit=limit)
        storage.find(scope, SESSIONS, query)

    return {
        'start that begins a run': lambda: start(first, tag),
        'start that joins it': lambda: start(second, begun),
        'end': lambda: end(first),
        'last end': lambda: end(second),
        'get': lambda: storage.get(scope, SESSIONS, SESSION),
        'list of 100': lambda: find({}, 100),
        'search of two fields': lambda: find(TWO_FIELDS, 10),
        'detach': lambda: sessions.detach(storage, CALLER, SESSION, second),
        'attach': lambda: sessions.attach(storage, CALLER, SESSION, second),
        'poll': lambda: poll(storage),
    }


def measure(
    storages: dict[str, Storage],
    rounds: int,
    members: int,
) -> timings.Timings:
    """Return what each operation took on each store."""
    taken = timings.Timings()
    for number in range(rounds):
        for name, storage in storages.items():
            acts = operations(storage, number, members)
            for operation, act in acts.items():
                begun = time.perf_counter()
                act()
                seconds = time.perf_counter() - begun
                taken.add(operation, name, seconds * 1000)
    return taken


def _require_jobs(case: typing.Any, number: int) -> None:
    """Raise unless a poll finds as many jobs as there are."""
    found = poll(case.storage)
    if found != number:
        raise RuntimeError(f'{case.name}: a poll finds {found} jobs')


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
            # What isn't found isn't measured either, so it has to be there.
            prepare(
                case.storage,
                asked.sessions,
                asked.members,
                asked.jobs,
            )
            _require_jobs(case, asked.jobs)
        taken = measure(storages, asked.rounds, asked.members)
    taken.print(widths=(24, 16), digits=1)


if __name__ == '__main__':
    main()
