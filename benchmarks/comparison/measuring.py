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

from benchmarks import memory
from benchmarks.comparison import bursts, cases, contestants, data, loads
from benchmarks.comparison.contestants import LIMIT, OURS

#: From so many seconds a request on, all are asked by one caller.
SLOW = 0.5

#: Figures of one contestant in one case, round after round.
Rounds = list[loads.Figures]
Counters = collections.abc.Callable[[], tuple[int, ...]]


@dataclasses.dataclass(slots=True)
class Measured:
    """The figures of one case among so many sessions, by contestants."""

    case: str
    #: How many sessions there are.
    size: int
    #: How many ask at once.
    callers: int
    #: By contestants.
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
        pairs = zip(
            self.rounds[ours],
            self.rounds[name],
            strict=True,
        )
        for here, other in pairs:
            mine = getattr(here, figure)
            its = getattr(other, figure)
            ratio = its / mine if figure == 'cpu' else mine / its
            ratios.append(ratio)
        return statistics.median(ratios)


@dataclasses.dataclass(slots=True)
class Run:
    """All that one run has measured, and where."""

    cases: list[Measured] = dataclasses.field(default_factory=list)
    #: MiB of each worker, by number of sessions and contestants.
    memory: dict[int, dict[str, list[float]]] = dataclasses.field(
        default_factory=dict
    )
    #: Seconds and processor seconds until the first answer.
    started: dict[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    #: The machine, versions, and the command.
    notes: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def rounds(self) -> str:
        """Return over how many rounds the medians are, in words."""
        numbers = set()
        for measured in self.cases:
            for figures in measured.rounds.values():
                numbers.add(len(figures))
        return ' or '.join(map(str, sorted(numbers)))


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
    contest = contestants.Contest(folder, names)
    with contextlib.ExitStack() as stack:
        stack.callback(contest.stop)
        stored = data.Data(contest, max(asked.sizes))
        contest.start()
        served = contest.contestants
        found.started = {name: each.started for name, each in served.items()}
        jobs = _jobs(served)
        for size in asked.sizes:
            stored.grow(size)
            stored.copy_answers(served[OURS])
            measuring = Measuring(
                served,
                jobs,
                size,
                asked,
                stored.counters,
            )
            for measured in _measured(measuring, names, asked):
                found.cases.append(measured)
                keep(found)
            found.memory[size] = _memory(served)
            stored.forget_created()
    found.notes['load at the end'] = load()
    return found


def _jobs(
    served: dict[str, contestants.Contestant],
) -> dict[str, data.Jobs]:
    """Return the jobs of each contestant; the limit has none."""
    found = {}
    for name, each in served.items():
        if name != LIMIT:
            found[name] = data.Jobs(each)
    return found


def _memory(
    served: dict[str, contestants.Contestant],
) -> dict[str, list[float]]:
    """Return the MiB of each worker, by contestants."""
    return {name: each.memory() for name, each in served.items()}


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
    if any(asked.selects(name) for name in bursts.BURSTS):
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
        places = {}
        for name in among:
            jobs = self._jobs.get(name)
            places[name] = cases.Place(name, self._size, jobs)
        callers, slowest = self._callers(case, places)
        # A slice has at least one answer of each.
        seconds = max(self._asked.seconds, 1.5 * slowest)

        rounds: dict[str, Rounds] = collections.defaultdict(list)
        costs = {}
        for turn in range(self._number_of_rounds(callers)):
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
        return Measured(
            case.name,
            self._size,
            callers,
            dict(rounds),
            costs,
        )

    def _number_of_rounds(self, callers: int) -> int:
        """Return how many rounds a case has that bears so many callers: half
        of them if it is slow.
        """
        number: int = self._asked.rounds
        if callers == 1:
            return max(1, number // 2)
        return number

    def bursts(self) -> list[Measured]:
        """Measure what 64 do at once."""
        begun = time.monotonic()
        # By case and contestant.
        rounds: dict[str, dict[str, Rounds]] = {}
        for turn in range(self._asked.rounds):
            for name in _in_turn(self._jobs, turn):
                contestant = self._contestants[name]
                jobs = self._jobs[name]
                found = bursts.burst(contestant, jobs)
                for case, figures in found.items():
                    by_name = rounds.setdefault(case, {})
                    by_name.setdefault(name, []).append(figures)

        all_measured = []
        for case, by_name in rounds.items():
            _tell(case, self._size, by_name, begun)
            measured = Measured(
                case,
                self._size,
                bursts.MEMBERS,
                by_name,
                statements={},
            )
            all_measured.append(measured)
        return all_measured

    def _callers(
        self, case: cases.Case, places: dict[str, cases.Place]
    ) -> tuple[int, float]:
        """Have all answer for the first time, and return how many callers the
        case bears, and the seconds that a slow one takes; ``Failed`` unless
        all list as many documents.
        """
        slowest = 0.0
        counts = {}
        for name, place in places.items():
            contestant = self._contestants[name]
            seconds, count = loads.check(case, place, contestant)
            counts[name] = count
            slowest = max(slowest, seconds)
            if seconds < SLOW:
                # Each process compiles its statements at their first use.
                loads.hammer(case, place, contestant, seconds=1)

        different = set(counts.values())
        if len(different) > 1:
            raise loads.Failed(f'{case.name}: documents listed: {counts}')
        if slowest > SLOW:
            return 1, slowest
        return loads.CONNECTIONS, 0

    def _counted(self) -> tuple[int, ...]:
        return () if self._counters is None else self._counters()

    def _cost(
        self, before: tuple[int, ...], figures: loads.Figures
    ) -> tuple[float, ...]:
        """Return what the database has counted for each request since
        ``before``.
        """
        after = self._counted()
        requests = max(1, figures.requests)
        costs = []
        for new, old in zip(after, before, strict=True):
            costs.append((new - old) / requests)
        return tuple(costs)


def _in_turn(names: collections.abc.Iterable[str], turn: int) -> list[str]:
    """Return the names, each second time the other way round."""
    # So that nobody always has what the one before has left in caches.
    found = list(names)
    return found[::-1] if turn % 2 else found


def _tell(
    case: str,
    size: int,
    rounds: dict[str, Rounds],
    begun: float,
) -> None:
    """Print the medians of a case."""
    told = []
    for name, figures in rounds.items():
        rates = [each.rate for each in figures]
        seconds = [each.cpu for each in figures]
        rate = statistics.median(rates)
        cpu = statistics.median(seconds)
        told.append(f'{name} {rate:.4g}/s {cpu:.4g} s/1000')
    took = time.monotonic() - begun
    medians = ', '.join(told)
    print(f'{size:>7} {case}: {medians} ({took:.0f} s)', flush=True)


def machine() -> dict[str, str]:
    """Return what figures depend on, whoever is measured."""
    return {
        'processors': str(os.cpu_count()),
        'processor': _processor(),
        'Python': platform.python_version(),
        'data': memory.place(),
        'load at the begin': load(),
    }


def _processor() -> str:
    text = pathlib.Path('/proc/cpuinfo').read_text()
    for line in text.splitlines():
        if line.startswith('model name'):
            _, _, name = line.partition(':')
            return name.strip()
    return platform.machine()


def load() -> str:
    """Return how busy the machine was in the last 1, 5 and 15 minutes."""
    return ', '.join(f'{value:.1f}' for value in os.getloadavg())
