"""Record and judge: one wave of projects after the other on one deployment."""

import collections
import collections.abc
import dataclasses
import enum
import pathlib
import random
import time
import typing

from tests.linearizable import acknowledged, findings, model, recording, windows
from tests.linearizable.deployments import Deployment
from tests.linearizable.faults import FAULTS
from tests.linearizable.history import History
from tests.linearizable.judge import MAX_TRIED, GaveUp, Verdict, judge
from tests.linearizable.states import State


@dataclasses.dataclass(slots=True)
class Figures:
    """What was judged."""

    histories: int = 0
    operations: int = 0
    #: Of these, how many may or may not have taken effect.
    unknown: int = 0
    #: Calls that the judge tried, and seconds that it took.
    tried: int = 0
    seconds: float = 0.0
    faults: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    found: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def add(self, history: History, opinion: 'Opinion', seconds: float) -> None:
        """Count a history."""
        self.histories += 1
        asked = [operation for operation in history if operation.caller != windows.NOBODY]
        self.operations += len(asked)
        self.unknown += sum(operation.answer is None for operation in asked)
        self.tried += opinion.tried
        self.seconds += seconds
        self.found[opinion.kind.value] += 1

    def __str__(self) -> str:
        return (
            f'{self.histories} histories ({_listed(self.found)}), {self.operations} operations'
            f' ({self.unknown} with unknown outcome), faults: {_listed(self.faults)};'
            f' the judge tried {self.tried} in {self.seconds:.1f} s'
        )


def _listed(counter: collections.Counter[str]) -> str:
    return ', '.join(f'{number} {name}' for name, number in sorted(counter.items())) or 'none'


class Kind(enum.Enum):
    """What there is to say of a history."""

    #: It fits an order.
    RIGHT = 'right'
    #: What was acknowledged fits an order, and not, or perhaps not, with all that was read.
    STALE = 'stale'
    #: What was acknowledged fits none.
    LOST = 'lost'
    #: There are too many orders to try them all.
    UNDECIDED = 'undecided'


class Opinion(typing.NamedTuple):
    """What the judge says of a history to both questions, and how many calls it has tried."""

    kind: Kind
    explanation: str
    tried: int


class NotLinearizable(AssertionError):
    """Histories that no order fits, or for which the judge gave up; the message explains them and
    names their files.
    """


def judged(history: History, max_tried: int = MAX_TRIED) -> Verdict[State]:
    """Judge the history of one project, which begins empty."""
    return judge(history, State(), model.step, model.is_free, max_tried)


def opinion(history: History, max_tried: int = MAX_TRIED) -> Opinion:
    """Ask whether a history fits an order; if not, whether that is so of what it acknowledges."""
    is_right, explanation, tried = _asked(judged, history, max_tried)
    if is_right:
        return Opinion(Kind.RIGHT, explanation, tried)
    of_writes = opinion_of_writes(history, max_tried)
    tried += of_writes.tried
    if of_writes.kind is Kind.RIGHT:
        return Opinion(Kind.STALE, explanation, tried)
    explanation += f'\n\nOf what was acknowledged:\n{of_writes.explanation}'
    return Opinion(of_writes.kind, explanation, tried)


def opinion_of_writes(history: History, max_tried: int = MAX_TRIED) -> Opinion:
    """Ask only whether what a history acknowledges fits an order."""
    is_right, explanation, tried = _asked(acknowledged.judged, history, max_tried)
    kind = {True: Kind.RIGHT, False: Kind.LOST, None: Kind.UNDECIDED}[is_right]
    return Opinion(kind, explanation, tried)


def _asked(
    question: collections.abc.Callable[[History, int], Verdict[State]],
    history: History,
    max_tried: int,
) -> tuple[bool | None, str, int]:
    """Return what is answered (None: nobody knows), why, and what was tried."""
    try:
        verdict = question(history, max_tried)
    except GaveUp as reason:
        return None, f'undecided: {reason}', max_tried
    return verdict.linearizable, findings.explain(verdict), verdict.tried


def run_wave(
    deployment: Deployment,
    seed: str,
    faults: collections.abc.Sequence[str],
    figures: Figures,
    size: recording.Size,
    folder: pathlib.Path = findings.FOLDER,
    keeps: bool = False,
) -> None:
    """Record histories of several projects at once and judge them: :class:`NotLinearizable`, with
    the histories in files of the folder; ``keeps`` puts those there that are right, too.
    """
    chosen = random.Random(seed)
    struck = [FAULTS[name] for name in faults]
    histories = recording.record(deployment, chosen, size, struck)
    figures.faults.update(faults)
    failures = []
    for number, history in enumerate(histories):
        begun = time.monotonic()
        said = opinion(history)
        figures.add(history, said, time.monotonic() - begun)
        is_right = said.kind is Kind.RIGHT
        if keeps or not is_right:
            about = {'seed': seed, 'faults': list(faults), 'kind': said.kind.value}
            file = findings.keep(history, folder, f'{seed}-{number}', **about)
        if not is_right:
            failures.append(f'{said.kind.value}: {file}\n{said.explanation}')
    if failures:
        raise NotLinearizable('\n'.join(failures))
