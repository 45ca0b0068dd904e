"""How requests are made: by ``wrk``, as many as are answered in some seconds;
or a number of them, all at once.
"""

import collections.abc
import concurrent.futures
import dataclasses
import http.client
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import typing

from benchmarks.comparison import cases, data
from benchmarks.comparison.contestants import PROCESSES, THREADS, Used

CONNECTIONS = PROCESSES * THREADS
#: Seconds that a request may take.
PATIENCE = 300
#: Members of a session that act at once.
MEMBERS = 64
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
    """What some requests have taken: requests a second, processor seconds of
    the servers for a thousand of them, how many they were, and the
    milliseconds that half and 99 % of them have taken at most.

    ``lost`` counts what was acknowledged and isn't there, ``database`` is what
    the database server has of ``cpu``.
    """

    rate: float
    cpu: float
    requests: float
    p50: float
    p99: float
    lost: int = 0
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
        _wait_until_idle(contestant)
        seconds *= 3
    number: float = result.requests
    rate = number / result.duration
    if connections == 1:
        # Of few requests, one that is broken off counts.
        rate = 1 / result.mean
        number = result.duration * rate
        _wait_until_idle(contestant)
    return Figures(
        rate,
        used.total / number * 1000,
        number,
        result.p50 * 1000,
        result.p99 * 1000,
        database=used.database / number * 1000,
    )


def check(
    case: cases.Case, place: cases.Place, contestant: Served
) -> tuple[float, int | None]:
    """Return the seconds that a contestant takes to answer, and how many
    documents it lists.
    """
    with tempfile.NamedTemporaryFile('r', suffix='.json') as file:
        seconds = 0.3
        result = _run(case, place, contestant, seconds, 1, file.name)
        while not result.requests:
            _wait_until_idle(contestant)
            seconds *= 8
            result = _run(case, place, contestant, seconds, 1, file.name)
        _status, _, body = file.read().partition('\n')
    _wait_until_idle(contestant)
    if not case.is_list:
        return result.mean, None
    answer = json.loads(body)
    (documents,) = (v for k, v in answer.items() if not k.endswith('links'))
    return result.mean, len(documents)


def _run(
    case: cases.Case,
    place: cases.Place,
    contestant: Served,
    seconds: float,
    connections: int,
    file: str = '',
) -> _Result:
    # wrk counts whole seconds.
    duration = max(1, round(seconds))
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, 'requests.lua')
        script.write_text(
            cases.script(case, place, time.time_ns() % 2**31, file)
        )
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
            command, check=True, capture_output=True, text=True
        )
    told = done.stdout.partition('RESULT ')[2].split()
    if not told:
        raise Failed(f'{case.name}: {done.stdout}{done.stderr}')
    requests, *micro, failed = map(int, told)
    if failed:
        raise Failed(
            f'{case.name}: {place.name} failed {failed} of {requests} times\n'
            f'{done.stdout}'
        )
    return _Result(requests, *(value / 1e6 for value in micro))


def _wait_until_idle(contestant: Served) -> None:
    """Wait until nobody works any more on a request that was broken off."""
    taken = contestant.used().total
    while True:
        time.sleep(4 * SETTLING)
        now = contestant.used().total
        if now - taken < SETTLING:
            return
        taken = now


# Many at once

Request = tuple[str, str, typing.Any]
BURSTS = (
    'attach of 64',
    'start of 64 at once',
    'end of 64 at once',
    'detach of 64',
)


def burst(contestant: Served, jobs: data.Jobs) -> dict[str, Figures]:
    """Let 64 jobs join a session, start and end in it at once, and leave it;
    ``lost`` counts those of which the session doesn't know it.
    """
    session = jobs.new_session()
    members = [jobs.job() for _ in range(MEMBERS)]
    path = f'{jobs.base}/sessions/{session}'
    found: dict[str, Figures] = {}

    joins = [('PUT', f'{path}/jobs/{job}', None) for job in members]
    found[BURSTS[0]] = _at_once(contestant, joins, CONNECTIONS)

    starts = [_action(path, 'start', job, 0) for job in members]
    found[BURSTS[1]] = _at_once(contestant, starts, MEMBERS)

    ends = [_action(path, 'end', job, 1) for job in members]
    ended = _at_once(contestant, ends, MEMBERS)
    shown = jobs.members(session)
    lost = 0
    for job in members:
        lost += shown.get(job, {}).get('status') != 'completed'
    found[BURSTS[2]] = dataclasses.replace(ended, lost=lost)

    leaves = [('DELETE', f'{path}/jobs/{job}', None) for job in members]
    found[BURSTS[3]] = _at_once(contestant, leaves, CONNECTIONS)
    return found


def _action(path: str, name: str, job: str, tag: int) -> Request:
    told: dict[str, typing.Any] = {'job_id': job, 'current_tag': tag}
    if name == 'end':
        told['result'] = 'success'
    return 'POST', f'{path}/action', {name: told}


def _at_once(
    contestant: Served,
    requests: collections.abc.Sequence[Request],
    callers: int,
) -> Figures:
    def send(request: Request) -> float:
        method, path, body = request
        host, port = contestant.address.split(':')
        begun = time.perf_counter()
        connection = http.client.HTTPConnection(
            host, int(port), timeout=PATIENCE
        )
        text = None if body is None else json.dumps(body)
        headers = {'Content-Type': 'application/json'}
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status >= 500:
            raise Failed(f'{method} {path}: {answer.status}')
        return time.perf_counter() - begun

    with concurrent.futures.ThreadPoolExecutor(callers) as pool:
        before, begun = contestant.used(), time.perf_counter()
        taken = sorted(pool.map(send, requests))
        took = time.perf_counter() - begun
        used = contestant.used().since(before)
    number = len(requests)
    return Figures(
        number / took,
        used.total / number * 1000,
        number,
        taken[number // 2] * 1000,
        taken[-1] * 1000,
        database=used.database / number * 1000,
    )
