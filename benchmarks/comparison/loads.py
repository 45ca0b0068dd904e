"""How requests are made: by ``wrk``, as many as are answered in some seconds;
or a number of them, all at once.
"""

import collections.abc
import concurrent.futures
import dataclasses
import functools
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
    return _figures(
        number,
        rate,
        used,
        result.p50,
        result.p99,
    )


def _figures(
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


# Many at once

#: Method, path and body.
Request = tuple[str, str, typing.Any]
#: What many do at once, in this order.
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
    joins: list[Request] = []
    starts: list[Request] = []
    ends: list[Request] = []
    leaves: list[Request] = []
    for job in members:
        start = {'job_id': job, 'current_tag': 0}
        # The run that the start has begun.
        end = {'job_id': job, 'current_tag': 1, 'result': 'success'}
        joins.append(('PUT', f'{path}/jobs/{job}', None))
        starts.append(('POST', f'{path}/action', {'start': start}))
        ends.append(('POST', f'{path}/action', {'end': end}))
        leaves.append(('DELETE', f'{path}/jobs/{job}', None))

    attached = _at_once(contestant, joins, CONNECTIONS)
    started = _at_once(contestant, starts, MEMBERS)
    ended = _at_once(contestant, ends, MEMBERS)
    lost = _count_lost(members, jobs.members(session))
    ended = dataclasses.replace(ended, lost=lost)
    detached = _at_once(contestant, leaves, CONNECTIONS)
    figures = (attached, started, ended, detached)
    return dict(zip(BURSTS, figures, strict=True))


def _count_lost(
    members: collections.abc.Iterable[str],
    shown: dict[str, typing.Any],
) -> int:
    """Return how many members haven't ended, as the session shows it."""
    lost = 0
    for job in members:
        member = shown.get(job, {})
        if member.get('status') != 'completed':
            lost += 1
    return lost


def _at_once(
    contestant: Served,
    requests: collections.abc.Sequence[Request],
    callers: int,
) -> Figures:
    """Have so many callers make some requests."""
    send = functools.partial(_send, contestant.address)
    with concurrent.futures.ThreadPoolExecutor(callers) as pool:
        before = contestant.used()
        begun = time.perf_counter()
        taken = sorted(pool.map(send, requests))
        took = time.perf_counter() - begun
        used = contestant.used().since(before)
    number = len(requests)
    return _figures(
        number,
        number / took,
        used,
        p50=taken[number // 2],
        p99=taken[-1],
    )


def _send(address: str, request: Request) -> float:
    """Make one request; return the seconds until it was answered."""
    method, path, body = request
    host, port = address.split(':')
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(
        host,
        int(port),
        timeout=PATIENCE,
    )
    text = None
    if body is not None:
        text = json.dumps(body)
    headers = {'Content-Type': 'application/json'}
    connection.request(
        method,
        path,
        text,
        headers,
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()
    # Others say that somebody was faster, which is an answer as well.
    if answer.status >= 500:
        raise Failed(f'{method} {path}: {answer.status}')
    return time.perf_counter() - begun
