"""What a process that comes of a fork has of its parent's driver for Elasticsearch."""

import contextlib
import os
import signal
import threading
import typing

from freezer_api.db.elasticsearch import order
from freezer_api.domain.documents import CLIENTS, JOBS
from freezer_api.tests.contract import project_operations
from tests.contract import stores

#: Seconds after which a child process that waits for a lock is ended.
PATIENCE = 60
_Lock = type(threading.Lock())


def locks_of(owner: typing.Any) -> list[typing.Any]:
    """All locks that an object of the service, or one that it has, may take."""
    seen: set[int] = set()
    found, left = [], [owner]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, _Lock):
            found.append(one)
        elif isinstance(one, dict):
            left += one.values()
        elif type(one).__module__.startswith('freezer_api.'):
            left += vars(one).values() if hasattr(one, '__dict__') else ()
    return found


@stores.on_stores(*stores.ONE_OF_EACH)
class Forks:
    def test_child_process_has_locks_of_its_own(self):
        """Threads of the parent process may have all of them when it forks."""
        storage = self.make_storage()
        project = project_operations.Project(storage, self.project.scope)
        project.put_client('c')
        held = [*locks_of(storage), *locks_of(order.ORDER)]
        self.assertGreater(len(held), 8)
        with contextlib.ExitStack() as stack:
            for lock in held:
                stack.enter_context(lock)
            child = os.fork()
            if not child:
                self._use(project)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self.assertEqual(0, status)
        self.assertEqual('child', project.get(CLIENTS, 'c').body['client']['description'])

    def _use(self, project):
        """Do something of each kind, and end this process without what tests do at their end."""
        signal.alarm(PATIENCE)
        status = 1
        try:
            project.put_client('c', description='child')
            session, job = project.new_session(), project.new_job()
            project.attach(session, job)
            status = int(project.ids(JOBS) != [job])
        finally:
            os._exit(status)
