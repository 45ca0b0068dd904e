"""How long a restore of many members takes to begin on each store:
milliseconds, without HTTP.

Run ``python -m tests.servers run -- python -m benchmarks.restore_64``. A
session has so many members (``--members``), each on a client of its own, and a
run with a backup of each. Each round restores it once on each store, while
another thread looks, as an agent's poll does, whether a job has been told to
start. ``plan`` is a dry run; ``first`` the time from the call until the first
job is seen with its start; ``all`` until the call is answered, when all of
them have it. The figure is the median over the rounds, which the lowest
follows. Agents add the time until they poll: up to their ``interval``, which
is a minute by default.
"""

import argparse
import collections
import contextlib
import statistics
import threading
import time
import uuid

from benchmarks import stores
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import search
from freezer_api.domain.documents import JOBS
from freezer_api.services import backups, clients, jobs, restores, sessions
from tests.contract import stores as cases

CALLER, SESSION = stores.CALLER, 'nightly'
#: Seconds between two looks.
PAUSE = 0.005
ACTION = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'ssh',
    'engine_name': 'tar',
    'container': '/archives',
}


def prepare(storage: Storage, members: int) -> None:
    """A session with one run, of which there are all backups."""
    sessions.replace(storage, CALLER, SESSION, {'schedule': {}})
    names = [f'm{number}' for number in range(members)]
    for name in names:
        clients.register(
            storage, CALLER, {'client_id': name, 'hostname': name}
        )
        action = {
            **ACTION,
            'backup_name': name,
            'path_to_backup': f'/srv/{name}',
        }
        body = {
            'job_id': name,
            'client_id': name,
            'job_actions': [{'freezer_action': action}],
        }
        jobs.create(storage, CALLER, body)
        sessions.attach(storage, CALLER, SESSION, name)
    for name in names:
        act(storage, {'start': {'job_id': name, 'current_tag': 0}})
    for name in names:
        about = {
            'backup_name': name,
            'path_to_backup': f'/srv/{name}',
            'hostname': name,
        }
        told = {
            'job_id': name,
            'client_version': '19.0.0',
            'time_stamp': int(time.time()),
        }
        backups.create(storage, CALLER, {**ACTION, **about, **told})
        act(
            storage,
            {'end': {'job_id': name, 'current_tag': 1, 'result': 'success'}},
        )


def act(storage: Storage, body: dict) -> None:
    """A member's start or end."""
    sessions.act(storage, CALLER, SESSION, body)


class Watch(threading.Thread):
    """Looks for a job of a session that has been told to start; ``seen`` is
    when it found one.
    """

    def __init__(self, storage: Storage, session_id: str):
        super().__init__(daemon=True)
        match = {'match': [{'session_id': session_id}, {'event': 'start'}]}
        self.storage, self.query = storage, search.parse(match, JOBS, limit=1)
        self.looking = threading.Event()
        self.seen = 0.0

    def run(self) -> None:
        while not self.storage.find(
            Scope(stores.PROJECT), JOBS, self.query
        ).documents:
            self.looking.set()
            time.sleep(PAUSE)
        self.seen = time.perf_counter()


def restore(storage: Storage) -> dict[str, float]:
    """Milliseconds of a restore, which is taken away again."""
    begun = time.perf_counter()
    restores.restore(storage, CALLER, SESSION, 1, {'dry_run': True})
    planned = time.perf_counter() - begun
    id = uuid.uuid4().hex
    watch = Watch(storage, id)
    watch.start()
    watch.looking.wait()
    begun = time.perf_counter()
    made = restores.restore(storage, CALLER, SESSION, 1, {'session_id': id})
    answered = time.perf_counter() - begun
    watch.join()
    for job_id in made.jobs.values():
        jobs.delete(storage, CALLER, job_id)
    sessions.delete(storage, CALLER, id)
    taken = {'plan': planned, 'first': watch.seen - begun, 'all': answered}
    return {name: seconds * 1000 for name, seconds in taken.items()}


def main() -> None:
    """Make the stores, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--members', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=7)
    asked = parser.parse_args()
    taken: dict[str, dict[str, list[float]]] = collections.defaultdict(
        lambda: collections.defaultdict(list)
    )
    with contextlib.ExitStack() as stack:
        storages = {}
        for case in cases.STORES:
            case.setUpClass()
            stack.callback(case.doClassCleanups)
            storages[case.name] = case.storage
            prepare(case.storage, asked.members)
        for _round in range(asked.rounds):
            for name, storage in storages.items():
                for what, value in restore(storage).items():
                    taken[what][name].append(value)
    print(f'{"ms: median (lowest)":20}', *(f'{name:>18}' for name in storages))
    for what, by_store in taken.items():
        figures = (
            f'{statistics.median(v):.0f} ({min(v):.0f})'
            for v in by_store.values()
        )
        print(f'{what:20}', *(f'{figure:>18}' for figure in figures))


if __name__ == '__main__':
    main()
