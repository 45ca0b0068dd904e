"""A fleet at one service: phase after phase, and at the end the proof that
nothing is lost.
"""

import argparse
import asyncio
import collections.abc
import contextlib
import dataclasses
import gc
import json
import os
import pathlib
import time

from benchmarks.comparison import contestants, served_here
from benchmarks.comparison.measuring import load, machine
from benchmarks.deployments import databases, subjects
from benchmarks.fleet import data, proof
from benchmarks.fleet.agents import Acknowledged, Agents, Runs, Seen

#: Seconds in which every process compiles its statements.
WARMING = 5
#: Points of the curve of a kind's times: shares of its requests.
SHARES = (
    *(number / 100 for number in range(0, 99)),
    *(0.99 + number / 1000 for number in range(0, 9)),
    *(0.999, 1.0),
)
PROCESSORS = os.cpu_count() or 1
_FIGURES = 'figures.json'


@dataclasses.dataclass(slots=True)
class Phase:
    """What one phase has shown.

    ``curves`` has for each kind of request the milliseconds below which the
    shares of :data:`SHARES` stay. ``processor`` has the share of all
    processors that the service, its database, the agents, and others had.
    """

    name: str
    seconds: float
    requests: dict[str, int]
    curves: dict[str, list[float]]
    failures: dict[str, int]
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
    acknowledged: dict[str, int]
    lost: dict[str, int]
    drifts: int
    notes: dict[str, str]


def save(run: Run, folder: pathlib.Path) -> None:
    """Write the figures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(run), indent=1)
    (folder / _FIGURES).write_text(f'{text}\n')


def read(folder: pathlib.Path) -> Run:
    """Return the run whose figures are in a folder."""
    stored = json.loads((folder / _FIGURES).read_text())
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
        storage = served_here.open_configured(str(store.configuration))
        stack.callback(storage.close)
        storage.sync()
        fleet = data.fill(storage, asked.agents)
        running, service = contestants.serve(
            'uwsgi',
            lambda port: contestants.uwsgi(
                port, subjects.MODULE, threads=asked.threads
            ),
            store.process,
            PYTHONPATH=str(contestants.ROOT),
            CONFIGURATION=str(store.configuration),
        )
        stack.callback(running.stop)
        phases, acknowledged = asyncio.run(_phases(service, fleet, asked))
        # What only a process of the service knew is lost from here on.
        running.kill()
        expected, lost = proof.missing(storage, acknowledged)
        drifts = proof.drifts(storage)
    notes['load at the end'] = load()
    return Run(phases, dict(expected), dict(lost), drifts, notes)


async def _phases(
    service: contestants.Contestant,
    fleet: data.Fleet,
    asked: argparse.Namespace,
) -> tuple[list[Phase], list[Acknowledged]]:
    agents = Agents(service.port, fleet.agents)
    await agents.live(WARMING)
    gc.freeze()
    phases, acknowledged = [], []
    remaining = iter(fleet.teams)
    for name, spread in _wanted(asked.spreads):
        teams, runs = [], None
        if spread is not None:
            runs = Runs(asked.every, spread)
            teams = _next(remaining, int(asked.seconds // asked.every))
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
    found = [team for team, _ in zip(teams, range(number), strict=False)]
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
        others = _busy() - self._busy - used.total - own
        return {
            'service': used.service / available,
            'database': used.database / available,
            'agents': own / available,
            'others': max(0.0, others) / available,
        }


def _busy() -> float:
    """Return the seconds that all processors have worked."""
    first, *_ = pathlib.Path('/proc/stat').read_text().splitlines()
    ticks = [int(word) for word in first.split()[1:]]
    # The others are: user, nice, system, idle, iowait, and guests' time, which
    # user's has in it.
    idle, waiting = ticks[3], ticks[4]
    worked = sum(ticks[:8]) - idle - waiting
    return worked / os.sysconf('SC_CLK_TCK')


def _phase(name: str, seen: Seen, meter: _Meter) -> Phase:
    curves, requests = {}, {}
    for kind, taken in seen.taken.items():
        requests[kind] = len(taken)
        curves[kind] = _curve(taken)
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
    return [1000 * ordered[round(share * last)] for share in SHARES]


def _tell(phase: Phase) -> None:
    told = []
    for kind, number in phase.requests.items():
        half, most = phase.at(kind, 0.5), phase.at(kind, 0.99)
        told.append(f'{kind} {number}: {half:.1f}, {most:.1f} ms')
    print(f'{phase.name}: {"; ".join(told)}', flush=True)
    busy = sum(phase.processor.values())
    print(f'  processors {busy:.0%}, failures {phase.failures}', flush=True)
