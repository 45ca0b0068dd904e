"""Who is measured when: all by turns, slice after slice, so that each has the
same moods of the machine.
"""

import argparse
import collections
import collections.abc
import contextlib
import dataclasses
import os
import pathlib
import platform
import statistics
import time

from benchmarks.comparison import cases, contestants, data, loads
from benchmarks.comparison.contestants import OURS, PUBLISHED

#: From so many seconds a request on, all are asked by one caller.
SLOW = 0.5

#: Figures of one contestant in one case, round after round.
Rounds = list[loads.Figures]
Counters = collections.abc.Callable[[], tuple[int, ...]]


@dataclasses.dataclass(slots=True)
class Measured:
    """The figures of one case among so many sessions, by contestants."""

    case: str
    size: int
    callers: int
    rounds: dict[str, Rounds]
    #: What the database has counted for each request: statements and rows
    #: read, if the contestants take turns at one server.
    statements: dict[str, tuple[float, ...]]

    def median(self, name: str, figure: str) -> float:
        """Return the median of a figure over the rounds."""
        values = [getattr(each, figure) for each in self.rounds[name]]
        return statistics.median(values)

    def ratio(self, name: str, figure: str, ours: str = OURS) -> float:
        """Return the median over rounds of how many times a contestant's
        figure that of another is, this service's unless told otherwise, where
        more is better: of the rate; of the processor's seconds the other way
        round.
        """
        ratios = []
        for here, other in zip(
            self.rounds[ours], self.rounds[name], strict=True
        ):
            mine, its = getattr(here, figure), getattr(other, figure)
            ratios.append(its / mine if figure == 'cpu' else mine / its)
        return statistics.median(ratios)


@dataclasses.dataclass(slots=True)
class Run:
    """All that one run has measured, and where."""

    cases: list[Measured] = dataclasses.field(default_factory=list)
    memory: dict[int, dict[str, list[float]]] = dataclasses.field(
        default_factory=dict
    )
    started: dict[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    notes: dict[str, str] = dataclasses.field(default_factory=dict)


def run(
    folder: pathlib.Path,
    asked: argparse.Namespace,
    keep: collections.abc.Callable[[Run], None],
) -> Run:
    """Measure what is asked for; what there is so far is kept after each
    case.
    """
    loads.require_programs()
    found = Run(notes=machine())
    names = (OURS,) if asked.alone else contestants.NAMES
    with contextlib.ExitStack() as stack:
        contest = contestants.Contest(folder, names)
        stack.callback(contest.stop)
        stored = data.Data(contest, max(asked.sizes))
        contest.start()
        for name, each in contest.contestants.items():
            found.started[name] = each.started
        jobs = {
            name: data.Jobs(contest.contestants[name])
            for name in (OURS, PUBLISHED)
            if name in names
        }
        for size in asked.sizes:
            stored.grow(size)
            stored.copy_answers(contest.contestants[OURS])
            measuring = Measuring(
                contest.contestants, jobs, size, asked, stored.counters
            )
            for measured in _measured(measuring, names, asked):
                found.cases.append(measured)
                keep(found)
            found.memory[size] = {
                name: each.memory()
                for name, each in contest.contestants.items()
            }
            stored.forget_created()
    found.notes['load at the end'] = load()
    return found


def _measured(
    measuring: 'Measuring',
    names: collections.abc.Collection[str],
    asked: argparse.Namespace,
) -> collections.abc.Iterator[Measured]:
    """Yield the figures of each case that is asked for."""
    for case in cases.CASES:
        if asked.selects(case.name):
            among = [name for name in case.contestants if name in names]
            yield measuring.case(case, among)
    if any(asked.selects(name) for name in loads.BURSTS):
        yield from measuring.bursts()


class Measuring:
    """The cases among so many sessions.

    ``counters`` returns what the database server has counted so far, of all
    contestants.
    """

    def __init__(
        self,
        served: dict[str, contestants.Contestant],
        jobs: dict[str, data.Jobs],
        size: int,
        asked: argparse.Namespace,
        counters: Counters | None = None,
    ):
        self._contestants = served
        self._jobs = jobs
        self._size = size
        self._asked = asked
        self._counters = counters

    def case(
        self, case: cases.Case, among: collections.abc.Iterable[str]
    ) -> Measured:
        """Measure one case at some contestants."""
        begun = time.monotonic()
        places = {
            name: cases.Place(name, self._size, self._jobs.get(name))
            for name in among
        }
        callers, slowest = self._callers(case, places)
        seconds = max(self._asked.seconds, 1.5 * slowest)
        rounds: dict[str, Rounds] = collections.defaultdict(list)
        costs = {}
        number = self._asked.rounds
        if callers == 1:
            number = max(1, number // 2)
        for turn in range(number):
            for name in _in_turn(places, turn):
                before = self._counted()
                figures = loads.hammer(
                    case,
                    places[name],
                    self._contestants[name],
                    seconds,
                    callers,
                )
                rounds[name].append(figures)
                costs[name] = self._cost(before, figures)
        _tell(case.name, self._size, rounds, begun)
        return Measured(case.name, self._size, callers, dict(rounds), costs)

    def bursts(self) -> list[Measured]:
        """Measure what 64 do at once."""
        begun = time.monotonic()
        rounds: dict[str, dict[str, Rounds]] = collections.defaultdict(
            lambda: collections.defaultdict(list)
        )
        for turn in range(self._asked.rounds):
            for name in _in_turn(self._jobs, turn):
                found = loads.burst(self._contestants[name], self._jobs[name])
                for case, figures in found.items():
                    rounds[case][name].append(figures)
        measured = []
        for case, by_name in rounds.items():
            _tell(case, self._size, by_name, begun)
            measured.append(
                Measured(case, self._size, loads.MEMBERS, dict(by_name), {})
            )
        return measured

    def _callers(
        self, case: cases.Case, places: dict[str, cases.Place]
    ) -> tuple[int, float]:
        """Have all answer for the first time, and return how many callers the
        case bears, and the seconds that a slow one takes; ``Failed`` unless
        all list as many documents.
        """
        slowest, counts = 0.0, {}
        for name, place in places.items():
            found = loads.check(case, place, self._contestants[name])
            seconds, counts[name] = found
            if seconds < SLOW:
                # Each process compiles its statements at their first use.
                loads.hammer(case, place, self._contestants[name], 1)
            slowest = max(slowest, seconds)
        if len(set(counts.values())) > 1:
            raise loads.Failed(f'{case.name}: documents listed: {counts}')
        return (1, slowest) if slowest > SLOW else (loads.CONNECTIONS, 0)

    def _counted(self) -> tuple[int, ...]:
        return () if self._counters is None else self._counters()

    def _cost(
        self, before: tuple[int, ...], figures: loads.Figures
    ) -> tuple[float, ...]:
        after = self._counted()
        number = max(1, figures.requests)
        return tuple(
            (new - old) / number
            for new, old in zip(after, before, strict=True)
        )


def _in_turn(names: collections.abc.Iterable[str], turn: int) -> list[str]:
    """Return the names, each second time the other way round."""
    found = list(names)
    return found[::-1] if turn % 2 else found


def _tell(
    case: str,
    size: int,
    rounds: dict[str, Rounds],
    begun: float,
) -> None:
    told = []
    for name, figures in rounds.items():
        rate = statistics.median(each.rate for each in figures)
        cpu = statistics.median(each.cpu for each in figures)
        told.append(f'{name} {rate:.4g}/s {cpu:.4g} s/1000')
    took = time.monotonic() - begun
    print(f'{size:>7} {case}: {", ".join(told)} ({took:.0f} s)', flush=True)


def machine() -> dict[str, str]:
    """Return what figures depend on, whoever is measured."""
    return {
        'processors': str(os.cpu_count()),
        'processor': _processor(),
        'Python': platform.python_version(),
        'load at the begin': load(),
    }


def _processor() -> str:
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.machine()


def load() -> str:
    """Return how busy the machine was in the last 1, 5 and 15 minutes."""
    return ', '.join(f'{value:.1f}' for value in os.getloadavg())
