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
import contextlib
import threading
import time
import uuid

from benchmarks import stores, timings
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import search
from freezer_api.domain.documents import JOBS
from freezer_api.services import backups, clients, jobs, restores, sessions
from tests.contract import stores as cases

#: Who restores, and which session.
CALLER, SESSION = stores.CALLER, 'nightly'
#: Seconds between two looks.
PAUSE = 0.005
#: A backup that another client can reach, so that it can be restored.
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
        _join(storage, name)
    # All start before one ends, which would end the run.
    for name in names:
        _start(storage, name)
    for name in names:
        _back_up(storage, name)
        _end(storage, name)


def _join(storage: Storage, name: str) -> None:
    """Register a client, and attach a job of it to the session."""
    client = {'client_id': name, 'hostname': name}
    clients.register(storage, CALLER, client)
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


def _start(storage: Storage, name: str) -> None:
    told = {'job_id': name, 'current_tag': 0}
    sessions.act(storage, CALLER, SESSION, {'start': told})


def _back_up(storage: Storage, name: str) -> None:
    backup = {
        **ACTION,
        'backup_name': name,
        'path_to_backup': f'/srv/{name}',
        'hostname': name,
        'job_id': name,
        'client_version': '19.0.0',
        'time_stamp': int(time.time()),
    }
    backups.create(storage, CALLER, backup)


def _end(storage: Storage, name: str) -> None:
    told = {
        'job_id': name,
        'current_tag': 1,
        'result': 'success',
    }
    sessions.act(storage, CALLER, SESSION, {'end': told})


class Watch(threading.Thread):
    """Looks for a job of a session that has been told to start; ``seen`` is
    when it found one.
    """

    def __init__(self, storage: Storage, session_id: str):
        super().__init__(daemon=True)
        wanted = [{'session_id': session_id}, {'event': 'start'}]
        self.storage = storage
        self.query = search.parse({'match': wanted}, JOBS, limit=1)
        self.looking = threading.Event()
        self.seen = 0.0

    def run(self) -> None:
        """Look again and again, until there is one."""
        scope = Scope(stores.PROJECT)
        while True:
            page = self.storage.find(scope, JOBS, self.query)
            if page.documents:
                break
            self.looking.set()
            time.sleep(PAUSE)
        self.seen = time.perf_counter()


def restore(storage: Storage) -> dict[str, float]:
    """Milliseconds of a restore, which is taken away again."""
    begun = time.perf_counter()
    dry = {'dry_run': True}
    restores.restore(storage, CALLER, SESSION, 1, dry)
    planned = time.perf_counter() - begun

    id = uuid.uuid4().hex
    watch = Watch(storage, id)
    watch.start()
    # From here on what is found was told by the restore.
    watch.looking.wait()
    begun = time.perf_counter()
    body = {'session_id': id}
    made = restores.restore(storage, CALLER, SESSION, 1, body)
    answered = time.perf_counter() - begun
    watch.join()
    first = watch.seen - begun

    # Each round finds the store as the first one did.
    for job_id in made.jobs.values():
        jobs.delete(storage, CALLER, job_id)
    sessions.delete(storage, CALLER, id)
    return {
        'plan': planned * 1000,
        'first': first * 1000,
        'all': answered * 1000,
    }


def main() -> None:
    """Make the stores, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--members', type=int, default=64)
    parser.add_argument('--rounds', type=int, default=7)
    asked = parser.parse_args()
    taken = timings.Timings()
    with contextlib.ExitStack() as stack:
        storages = {}
        for case in cases.STORES:
            case.setUpClass()
            stack.callback(case.doClassCleanups)
            storages[case.name] = case.storage
            prepare(case.storage, asked.members)
        for _round in range(asked.rounds):
            for name, storage in storages.items():
                figures = restore(storage)
                for what, milliseconds in figures.items():
                    taken.add(what, name, milliseconds)
    taken.print(widths=(20, 18), digits=0)


if __name__ == '__main__':
    main()
