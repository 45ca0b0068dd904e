"""A fleet at one service: phase after phase, and at the end the proof that
nothing is lost.
"""

import argparse
import collections.abc
import contextlib
import dataclasses
import functools
import gc
import itertools
import json
import os
import pathlib
import time

import uvloop

from benchmarks.comparison import contestants, served_here
from benchmarks.comparison.measuring import load, machine
from benchmarks.deployments import databases, subjects
from benchmarks.fleet import data, proof
from benchmarks.fleet.agents import Acknowledged, Agents, Runs, Seen

#: Seconds in which every process compiles its statements: for polls, and for
#: what is asked in a run.
WARMING = 10
#: Points of the curve of a kind's times: shares of its requests.
SHARES = (
    *(number / 100 for number in range(0, 99)),
    *(0.99 + number / 1000 for number in range(0, 9)),
    *(0.999, 1.0),
)
PROCESSORS = os.cpu_count() or 1
#: The requests of all kinds.
ALL = 'all together'
_FIGURES = 'figures.json'


@dataclasses.dataclass(slots=True)
class Phase:
    """What one phase has shown."""

    name: str
    seconds: float
    #: How many there were of each kind.
    requests: dict[str, int]
    #: The milliseconds below which the shares of :data:`SHARES` stay, of each
    #: kind and of :data:`ALL`.
    curves: dict[str, list[float]]
    #: What went wrong, how often.
    failures: dict[str, int]
    #: The share of all processors that the service, its database, the agents,
    #: and others had.
    processor: dict[str, float]
    processors: int

    def at(self, kind: str, share: float) -> float:
        """Return the milliseconds below which a share of the requests of a
        kind stays.
        """
        return self.curves[kind][SHARES.index(share)]


@dataclasses.dataclass(slots=True)
class Run:
    """All that one run has measured."""

    phases: list[Phase]
    #: How much was acknowledged, and is lost, by kind.
    acknowledged: dict[str, int]
    lost: dict[str, int]
    #: Documents that contradict each other.
    drifts: int
    #: The machine, the store, and the command.
    notes: dict[str, str]


def save(run: Run, folder: pathlib.Path) -> None:
    """Write the figures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = dataclasses.asdict(run)
    text = json.dumps(stored, indent=1)
    file = folder / _FIGURES
    file.write_text(f'{text}\n')


def read(folder: pathlib.Path) -> Run:
    """Return the run whose figures are in a folder."""
    file = folder / _FIGURES
    stored = json.loads(file.read_text())
    phases = [Phase(**each) for each in stored.pop('phases')]
    return Run(phases=phases, **stored)


def run(asked: argparse.Namespace) -> Run:
    """Have a fleet work, and look for what it was told is stored."""
    notes = machine()
    with contextlib.ExitStack() as stack:
        made = databases.Databases()
        stack.callback(made.stop)
        store = made.make(asked.store)
        notes['store'] = f'{asked.store} {store.version}'
        notes['threads of each process'] = str(asked.threads)
        notes['max_concurrent_requests'] = str(asked.concurrent)
        configuration = _configure(store, asked.concurrent)
        storage = served_here.open_configured(configuration)
        stack.callback(storage.close)
        storage.sync()
        fleet = data.fill(storage, asked.agents)

        command = functools.partial(
            contestants.uwsgi,
            module=subjects.MODULE,
            threads=asked.threads,
        )
        running, service = contestants.serve(
            'uwsgi',
            command,
            store.process,
            PYTHONPATH=str(contestants.ROOT),
            CONFIGURATION=configuration,
        )
        stack.callback(running.stop)
        # The agents share the processors with the service: by asyncio's own
        # loop a request takes them half of what it takes the service.
        phases, acknowledged = uvloop.run(_phases(service, fleet, asked))
        # What only a process of the service knew is lost from here on.
        # Nothing is flushed, or said to the database.
        running.kill()
        expected, lost = proof.missing(storage, acknowledged)
        # Of the whole store, not only of what was acknowledged.
        drifts = proof.drifts(storage)
    notes['load at the end'] = load()
    return Run(phases, dict(expected), dict(lost), drifts, notes)


def _configure(store: databases.Store, concurrent: int) -> str:
    """Return the file that configures the service."""
    with store.configuration.open('a') as text:
        text.write(f'[api]\nmax_concurrent_requests = {concurrent}\n')
    return str(store.configuration)


async def _phases(
    service: contestants.Contestant,
    fleet: data.Fleet,
    asked: argparse.Namespace,
) -> tuple[list[Phase], list[Acknowledged]]:
    """Return what each phase has shown, and what was acknowledged in all."""
    agents = Agents(service.port, fleet.agents)
    remaining = iter(fleet.teams)
    first = _next(remaining, 1)
    warmed = await agents.live(WARMING, first, Runs(asked.every, 0))
    # The fleet stays: no collection of garbage has to look at it again.
    gc.freeze()
    phases, acknowledged = [], warmed.acknowledged
    runs_of_a_phase = int(asked.seconds // asked.every)
    for name, spread in _wanted(asked.spreads):
        teams, runs = [], None
        if spread is not None:
            runs = Runs(asked.every, spread)
            teams = _next(remaining, runs_of_a_phase)
        meter = _Meter(service)
        seen = await agents.live(asked.seconds, teams, runs)
        phase = _phase(name, seen, meter)
        acknowledged += seen.acknowledged
        phases.append(phase)
        _tell(phase)
    return phases, acknowledged


def _wanted(
    spreads: collections.abc.Iterable[float],
) -> collections.abc.Iterator[tuple[str, float | None]]:
    """Yield the phases, each with the seconds within which the members of a
    run start, None without runs.
    """
    yield 'polls alone', None
    for spread in spreads:
        when = f'within {spread:g} s' if spread else 'at one moment'
        yield f'runs of {data.MEMBERS} that start {when}', spread


def _next(
    teams: collections.abc.Iterator[data.Team], number: int
) -> list[data.Team]:
    found = list(itertools.islice(teams, number))
    if len(found) < number:
        raise SystemExit('There are too few agents for so many runs.')
    return found


class _Meter:
    """The seconds that processors work, and for whom, from when it is made."""

    def __init__(self, service: contestants.Contestant):
        self._service = service
        self._begun = time.monotonic()
        self._used = service.used()
        self._own = time.process_time()
        self._busy = _busy()

    @property
    def seconds(self) -> float:
        """Return the time that has passed."""
        return time.monotonic() - self._begun

    def shares(self) -> dict[str, float]:
        """Return who had which share of all processors."""
        available = self.seconds * PROCESSORS
        used = self._service.used().since(self._used)
        own = time.process_time() - self._own
        busy = _busy() - self._busy
        others = busy - used.total - own
        return {
            'service': used.service / available,
            'database': used.database / available,
            'agents': own / available,
            # The system counts in hundredths, so a little may be missing.
            'others': max(0.0, others) / available,
        }


def _busy() -> float:
    """Return the seconds that all processors have worked."""
    text = pathlib.Path('/proc/stat').read_text()
    together, *_each = text.splitlines()
    _name, *words = together.split()
    # What follows is guests' time, which the user's has in it.
    user, nice, system, _idle, _waiting, *interrupts = map(int, words[:8])
    ticks = user + nice + system + sum(interrupts)
    return ticks / os.sysconf('SC_CLK_TCK')


def _phase(name: str, seen: Seen, meter: _Meter) -> Phase:
    curves, requests = {}, {}
    together: list[float] = []
    # What failed without an answer has no time.
    for kind, taken in seen.taken.items():
        requests[kind] = len(taken)
        curves[kind] = _curve(taken)
        together += taken
    curves[ALL] = _curve(together)
    return Phase(
        name,
        meter.seconds,
        requests,
        curves,
        dict(seen.failures),
        meter.shares(),
        PROCESSORS,
    )


def _curve(taken: collections.abc.Collection[float]) -> list[float]:
    """Return the milliseconds at each of :data:`SHARES`."""
    ordered = sorted(taken)
    last = len(ordered) - 1
    found = []
    for share in SHARES:
        place = round(share * last)
        found.append(1000 * ordered[place])
    return found


def _tell(phase: Phase) -> None:
    """Print the medians and the 99th percentiles of a phase."""
    told = []
    for kind, number in phase.requests.items():
        half = phase.at(kind, 0.5)
        most = phase.at(kind, 0.99)
        told.append(f'{kind} {number}: {half:.1f}, {most:.1f} ms')
    times = '; '.join(told)
    print(f'{phase.name}: {times}', flush=True)
    busy = sum(phase.processor.values())
    print(f'  processors {busy:.0%}, failures {phase.failures}', flush=True)
