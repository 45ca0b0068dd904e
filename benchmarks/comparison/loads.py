"""How requests are made by ``wrk``: as many as are answered in some
seconds.
"""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import typing

from benchmarks.comparison import cases
from benchmarks.comparison.contestants import PROCESSES, THREADS, Used

CONNECTIONS = PROCESSES * THREADS
#: Seconds that a request may take.
PATIENCE = 300
#: Seconds that a processor may still be busy with what nobody waits for.
SETTLING = 0.05


class Served(typing.Protocol):
    """An application that can be loaded."""

    @property
    def address(self) -> str:
        """Return where it listens."""

    def used(self) -> Used:
        """Return what has been used for its answers so far."""


class Failed(Exception):
    """A contestant didn't answer as the case asks for."""


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """What some requests have taken."""

    #: Requests a second.
    rate: float
    #: Processor seconds of the servers for a thousand requests.
    cpu: float
    #: How many they were.
    requests: float
    #: The milliseconds that half of them, and 99 %, have taken at most.
    p50: float
    p99: float
    #: What was acknowledged and isn't there.
    lost: int = 0
    #: What the database server has of ``cpu``.
    database: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Result:
    """What ``wrk`` tells; times in seconds."""

    requests: int
    duration: float
    mean: float
    p50: float
    p99: float


def require_programs() -> None:
    """Raise ``Failed`` without what makes the requests."""
    if shutil.which('wrk') is None:
        raise Failed('wrk was not found; install wrk.')


def hammer(
    case: cases.Case,
    place: cases.Place,
    contestant: Served,
    seconds: float,
    connections: int = CONNECTIONS,
) -> Figures:
    """Load a contestant for some seconds, or until one request is answered."""
    while True:
        before = contestant.used()
        result = _run(case, place, contestant, seconds, connections)
        used = contestant.used().since(before)
        if result.requests:
            break
        # A slice was too short for a single answer.
        _wait_until_idle(contestant)
        seconds *= 3
    number: float = result.requests
    rate = number / result.duration
    if connections == 1:
        # Of few requests, one that is broken off counts.
        rate = 1 / result.mean
        number = result.duration * rate
        _wait_until_idle(contestant)
    return make_figures(
        number,
        rate,
        used,
        result.p50,
        result.p99,
    )


def make_figures(
    number: float,
    rate: float,
    used: Used,
    p50: float,
    p99: float,
) -> Figures:
    """Return the figures of so many requests, of which half and 99 % have
    taken these seconds at most.
    """
    return Figures(
        rate,
        cpu=used.total / number * 1000,
        requests=number,
        p50=p50 * 1000,
        p99=p99 * 1000,
        database=used.database / number * 1000,
    )


def check(
    case: cases.Case, place: cases.Place, contestant: Served
) -> tuple[float, int | None]:
    """Return the seconds that a contestant takes to answer, and how many
    documents it lists.
    """
    seconds = 0.3
    with tempfile.NamedTemporaryFile('r', suffix='.json') as file:
        while True:
            result = _run(
                case,
                place,
                contestant,
                seconds,
                connections=1,
                file=file.name,
            )
            _wait_until_idle(contestant)
            if result.requests:
                break
            seconds *= 8
        _status, _, body = file.read().partition('\n')
    if not case.is_list:
        return result.mean, None
    return result.mean, _count_documents(body)


def _count_documents(body: str) -> int:
    """Return how many documents a list has."""
    answer = json.loads(body)
    # The documents have one key, of the resource's name. The other ones have
    # links to further pages.
    for key, documents in answer.items():
        if not key.endswith('links'):
            return len(documents)
    raise Failed(f'There is no list in {body:.100}')


def _run(
    case: cases.Case,
    place: cases.Place,
    contestant: Served,
    seconds: float,
    connections: int,
    file: str = '',
) -> _Result:
    """Have ``wrk`` make the requests of a case; return what it tells."""
    # wrk counts whole seconds.
    duration = max(1, round(seconds))
    # Each time other sessions are asked for.
    seed = time.time_ns() % 2**31
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, 'requests.lua')
        text = cases.script(case, place, seed, file)
        script.write_text(text)
        command = [
            'wrk',
            '--threads=1',
            f'--connections={connections}',
            f'--duration={duration}s',
            f'--timeout={PATIENCE}s',
            f'--script={script}',
            f'http://{contestant.address}',
        ]
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
        )

    result, failed = _parse(case, done)
    if failed:
        raise Failed(
            f'{case.name}: {place.name} failed {failed} of'
            f' {result.requests} times\n{done.stdout}'
        )
    return result


def _parse(
    case: cases.Case,
    done: subprocess.CompletedProcess[str],
) -> tuple[_Result, int]:
    """Return what the script has ``wrk`` print, and how many requests
    failed.
    """
    _, _, told = done.stdout.partition('RESULT ')
    if not told:
        raise Failed(f'{case.name}: {done.stdout}{done.stderr}')
    # One line, and the end of the text; times are in microseconds.
    numbers = [int(word) for word in told.split()]
    requests, duration, mean, p50, p99, failed = numbers
    result = _Result(
        requests,
        duration / 1e6,
        mean / 1e6,
        p50 / 1e6,
        p99 / 1e6,
    )
    return result, failed


def _wait_until_idle(contestant: Served) -> None:
    """Wait until nobody works any more on a request that was broken off."""
    taken = contestant.used().total
    while True:
        time.sleep(4 * SETTLING)
        now = contestant.used().total
        if now - taken < SETTLING:
            return
        taken = now
