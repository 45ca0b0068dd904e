"""Record and judge: one wave of projects after the other on one deployment."""

import collections
import collections.abc
import dataclasses
import pathlib
import random
import time

from tests.linearizable import findings, model, recording, windows
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

    def add(self, history: History, verdict: Verdict[State], seconds: float) -> None:
        """Count a history."""
        self.histories += 1
        asked = [operation for operation in history if operation.caller != windows.NOBODY]
        self.operations += len(asked)
        self.unknown += sum(operation.answer is None for operation in asked)
        self.tried += verdict.tried
        self.seconds += seconds

    def __str__(self) -> str:
        struck = ', '.join(f'{number} {name}' for name, number in sorted(self.faults.items()))
        return (
            f'{self.histories} histories, {self.operations} operations'
            f' ({self.unknown} with unknown outcome), faults: {struck or "none"};'
            f' the judge tried {self.tried} in {self.seconds:.1f} s'
        )


class NotLinearizable(AssertionError):
    """A history that no order fits, or for which the judge gave up; the message explains it and
    names its file.
    """


def judged(history: History, max_tried: int = MAX_TRIED) -> Verdict[State]:
    """Judge the history of one project, which begins empty."""
    return judge(history, State(), model.step, model.is_free, max_tried)


def run_wave(
    deployment: Deployment,
    seed: str,
    faults: collections.abc.Sequence[str],
    figures: Figures,
    size: recording.Size,
    folder: pathlib.Path = findings.FOLDER,
) -> None:
    """Record histories of several projects at once and judge them: :class:`NotLinearizable`, with
    the history in a file of the folder.
    """
    chosen = random.Random(seed)
    struck = [FAULTS[name] for name in faults]
    histories = recording.record(deployment, chosen, size, struck)
    figures.faults.update(faults)
    for number, history in enumerate(histories):
        begun = time.monotonic()
        try:
            verdict = judged(history)
        except GaveUp as reason:
            explanation = f'undecided: {reason}'
        else:
            figures.add(history, verdict, time.monotonic() - begun)
            if verdict.linearizable:
                continue
            explanation = findings.explain(verdict)
        name = f'{seed}-{number}'
        file = findings.keep(history, folder, name, seed=seed, faults=list(faults))
        raise NotLinearizable(f'{file}\n{explanation}')
