"""Who is measured: applications under uwsgi, each with a database of its own
on the same server.
"""

import collections.abc
import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import time
import typing
import urllib.request

import psutil

from tests.servers import mariadb, process

OURS, PUBLISHED, LIMIT = 'here', 'published', 'limit'
NAMES = (OURS, PUBLISHED, LIMIT)
VERSION = '19.0.0'
PROCESSES, THREADS = 2, 4
_HERE = pathlib.Path(__file__).parent
#: What the modules of this package are imported from.
ROOT = _HERE.parent.parent
MIB = 1024 * 1024


def make_environment(folder: pathlib.Path) -> pathlib.Path:
    """Return a virtual environment with the published service, which is made
    once for each folder.
    """
    environment = folder / f'freezer-api-{VERSION}'
    python = environment / 'bin' / 'python'
    if not python.exists():
        make = [sys.executable, '-m', 'venv', environment]
        subprocess.run(make, check=True)
    install = [
        python,
        '-m',
        'pip',
        'install',
        '-q',
        '--disable-pip-version-check',
        f'freezer-api=={VERSION}',
        'PyMySQL',
    ]
    subprocess.run(install, check=True)
    return environment


@dataclasses.dataclass(frozen=True, slots=True)
class Used:
    """The processor seconds that the service and its database have taken."""

    service: float
    database: float

    @property
    def total(self) -> float:
        """Return what both have taken together."""
        return self.service + self.database

    def since(self, earlier: 'Used') -> 'Used':
        """Return what has been taken after an earlier moment."""
        return Used(
            self.service - earlier.service, self.database - earlier.database
        )


@dataclasses.dataclass(slots=True)
class Contestant:
    """An application that is served."""

    name: str
    #: On the loopback interface.
    port: int
    #: Those of the service, its master first.
    processes: list[psutil.Process]
    #: The server of its database, if it has one.
    database: psutil.Process | None
    #: Seconds and processor seconds until the first answer.
    started: tuple[float, float]

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f'127.0.0.1:{self.port}'

    def used(self) -> Used:
        """Return what its processes, and those of the database server, have
        taken so far.
        """
        service = sum(map(_seconds, self.processes))
        if self.database is None:
            return Used(service, 0.0)
        # PostgreSQL has a process for each connection.
        children = self.database.children(recursive=True)
        database = sum(map(_seconds, children))
        database += _seconds(self.database)
        return Used(service, database)

    def memory(self) -> list[float]:
        """Return the MiB that each of its workers has for itself and as its
        share of what several have.
        """
        _master, *workers = self.processes
        found = []
        for worker in workers:
            told = worker.memory_full_info()
            found.append(told.pss / MIB)
        return found


def serve(
    name: str,
    command: collections.abc.Callable[[int], list[str]],
    database: psutil.Process | None,
    **environment: str,
) -> tuple[process.Process, Contestant]:
    """Start a server by the command for a port, and wait until it answers."""
    running = process.Process(f'benchmark-{name}')
    port = process.free_port()
    begun = time.perf_counter()
    running.spawn(
        *command(port),
        ready=lambda: _require_answer(port),
        **environment,
    )
    took = time.perf_counter() - begun

    master = psutil.Process(pid(running))
    children = master.children(recursive=True)
    processes = [master, *children]
    cpu = sum(map(_seconds, processes))
    contestant = Contestant(
        name,
        port,
        processes,
        database,
        started=(took, cpu),
    )
    return running, contestant


def uwsgi(
    port: int,
    module: str,
    virtualenv: pathlib.Path | None = None,
    threads: int = THREADS,
) -> list[str]:
    """Return the command by which uWSGI serves a module's application."""
    options: dict[str, typing.Any] = {
        # Its own HTTP, without a router before the workers.
        'http-socket': f'127.0.0.1:{port}',
        'processes': PROCESSES,
        'threads': threads,
        # It closes each connection without telling, and wrk has to know.
        'add-header': 'Connection: close',
        'module': module,
    }
    if virtualenv is not None:
        options['virtualenv'] = virtualenv
    interpreter = pathlib.Path(sys.executable)
    program = interpreter.with_name('uwsgi')
    command = [str(program)]
    for option, value in options.items():
        command += [f'--{option}', str(value)]
    command += [
        '--master',
        # SIGTERM would start it anew otherwise.
        '--die-on-term',
        # Each worker loads the application, so that none has connections of
        # the master.
        '--lazy-apps',
        # Without one it would answer errors, which are fast.
        '--need-app',
        '--disable-logging',
    ]
    return command


class Contest:
    """Some contestants, and the database server that they share."""

    def __init__(self, folder: pathlib.Path, names: tuple[str, ...] = NAMES):
        self.names = names
        if PUBLISHED in names:
            # Before any server: to install it may fail.
            self.published = make_environment(folder)
        self.server = mariadb.MariaDB()
        self._running: list[process.Process] = []
        self.contestants: dict[str, Contestant] = {}

    def url(self, name: str) -> str:
        """Return the URL of a contestant's database."""
        return self.server.url.replace('/?', f'/{name}?')

    def start(self) -> None:
        """Serve all of them; their databases have to be ready."""
        for name in self.names:
            self.contestants[name] = self._serve(name)

    def stop(self) -> None:
        """Stop all servers and remove what they have stored."""
        for running in self._running:
            running.halt()
            running.stop()
        self.server.stop()

    def run_published(self, program: str) -> None:
        """Run a program in the environment of the published service."""
        python = self.published / 'bin' / 'python'
        file = _HERE / program
        url = self.url(PUBLISHED)
        subprocess.run(
            [python, file],
            check=True,
            env={**os.environ, 'DB_URL': url},
        )

    def _serve(self, name: str) -> Contestant:
        module = f'benchmarks.comparison.served_{name}'
        virtualenv = None
        path = ROOT
        if name == PUBLISHED:
            # It has neither this package nor what this service needs.
            module = 'served_published'
            virtualenv = self.published
            path = _HERE

        database = pid(self.server._process)
        running, contestant = serve(
            name,
            lambda port: uwsgi(port, module, virtualenv),
            psutil.Process(database),
            PYTHONPATH=str(path),
            DB_URL=self.url(name),
        )
        self._running.append(running)
        return contestant


def pid(running: process.Process) -> int:
    """Return the id of a process that was started."""
    if running.pid is None:
        raise process.ServerFailed(f'{running.name} has ended.')
    return running.pid


def _require_answer(port: int) -> None:
    """Raise unless somebody answers HTTP, whatever it is."""
    url = f'http://127.0.0.1:{port}/v2/p0/sessions/none'
    try:
        urllib.request.urlopen(url, timeout=30).close()
    except urllib.error.HTTPError:
        # That there is no such session is an answer.
        return


def _seconds(each: psutil.Process) -> float:
    """Return the processor seconds of all threads that a process has; what
    the system tells of the process as a whole is in hundredths.
    """
    nanoseconds = 0
    threads = pathlib.Path(f'/proc/{each.pid}/task')
    with contextlib.suppress(FileNotFoundError):
        for thread in threads.iterdir():
            told = (thread / 'schedstat').read_text()
            worked, _waited, _slices = told.split()
            nanoseconds += int(worked)
    return nanoseconds / 1e9
