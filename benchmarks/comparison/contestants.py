"""Who is measured: applications under uwsgi, each with a database of its own
on the same server.
"""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import psutil

from tests.servers import mariadb, process

OURS, PUBLISHED, LIMIT = 'here', 'published', 'limit'
NAMES = (OURS, PUBLISHED, LIMIT)
VERSION = '19.0.0'
PROCESSES, THREADS = 2, 4
_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parent.parent
MIB = 1024 * 1024


def make_environment(folder: pathlib.Path) -> pathlib.Path:
    """Return a virtual environment with the published service, which is made
    once for each folder.
    """
    environment = folder / f'freezer-api-{VERSION}'
    python = environment / 'bin' / 'python'
    if not python.exists():
        subprocess.run([sys.executable, '-m', 'venv', environment], check=True)
    wanted = [f'freezer-api=={VERSION}', 'PyMySQL']
    pip = [python, '-m', 'pip', 'install', '-q']
    subprocess.run([*pip, '--disable-pip-version-check', *wanted], check=True)
    return environment


@dataclasses.dataclass(slots=True)
class Contestant:
    """An application that is served."""

    name: str
    database: str
    port: int
    processes: list[psutil.Process]
    #: Seconds and processor seconds until the first answer.
    started: tuple[float, float]

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f'127.0.0.1:{self.port}'

    def cpu(self) -> float:
        """Return the processor seconds that its processes, and those of the
        database server, have taken so far.
        """
        return sum(_seconds(each) for each in self.processes)

    def memory(self) -> list[float]:
        """Return the MiB that each of its workers has for itself and as its
        share of what several have.
        """
        # The master comes first, the database server last.
        workers = self.processes[1:-1]
        return [each.memory_full_info().pss / MIB for each in workers]


class Contest:
    """All contestants, and the database server that they share."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.published = make_environment(folder)
        self.server = mariadb.MariaDB()
        self._running: list[process.Process] = []
        self.contestants: dict[str, Contestant] = {}

    def url(self, name: str) -> str:
        """Return the URL of a contestant's database."""
        return self.server.url.replace('/?', f'/{name}?')

    def start(self) -> None:
        """Serve all of them; their databases have to be ready."""
        for name in NAMES:
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
        environment = {**os.environ, 'DB_URL': self.url(PUBLISHED)}
        subprocess.run([python, _HERE / program], check=True, env=environment)

    def _serve(self, name: str) -> Contestant:
        running = process.Process(f'uwsgi-{name}')
        self._running.append(running)
        port = process.free_port()
        begun = time.perf_counter()
        running.spawn(
            *self._command(name, port),
            ready=lambda: _require_answer(port),
            DB_URL=self.url(name),
        )
        took = time.perf_counter() - begun
        master = psutil.Process(_pid(running))
        own = [master, *master.children(recursive=True)]
        cpu = sum(_seconds(each) for each in own)
        database = psutil.Process(_pid(self.server._process))
        return Contestant(name, name, port, [*own, database], (took, cpu))

    def _command(self, name: str, port: int) -> list[str]:
        options = {
            'http-socket': f'127.0.0.1:{port}',
            'processes': PROCESSES,
            'threads': THREADS,
            # Each request has a connection of its own; wrk has to be told.
            'add-header': 'Connection: close',
            'chdir': _ROOT,
            'module': f'benchmarks.comparison.served_{name}',
        }
        if name == PUBLISHED:
            options['virtualenv'] = self.published
            options['chdir'] = _HERE
            options['module'] = 'served_published'
        command = [str(pathlib.Path(sys.executable).with_name('uwsgi'))]
        for option, value in options.items():
            command += [f'--{option}', str(value)]
        flags = ('master', 'die-on-term', 'lazy-apps', 'need-app')
        return [
            *command,
            *(f'--{flag}' for flag in flags),
            '--disable-logging',
        ]


def _pid(running: process.Process) -> int:
    popen = running._popen
    if popen is None:
        raise process.ServerFailed(f'{running.name} has ended.')
    return popen.pid


def _require_answer(port: int) -> None:
    """Raise unless somebody answers HTTP, whatever it is."""
    url = f'http://127.0.0.1:{port}/v2/p0/sessions/none'
    try:
        urllib.request.urlopen(url, timeout=30).close()
    except urllib.error.HTTPError:
        return


def _seconds(each: psutil.Process) -> float:
    """Return the processor seconds of all threads that a process has; what
    the system tells of the process as a whole is in hundredths.
    """
    total = 0
    for thread in pathlib.Path(f'/proc/{each.pid}/task').iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += int((thread / 'schedstat').read_text().split()[0])
    return total / 1e9
