"""The verdicts of the judge beside those of porcupine, on the same random histories.

Porcupine is the judge that others use: https://github.com/anishathalye/porcupine. It needs Go,
which fetches it; so this is a command, and no test.
"""

import json
import pathlib
import random
import subprocess
import typing

from tests.linearizable import registers
from tests.linearizable.history import Operation
from tests.linearizable.judge import judge

FOLDER = pathlib.Path(__file__).with_name('porcupine')
#: Porcupine takes whole numbers of time.
TICKS = 10**9


def compare(number: int, seed: str) -> tuple[int, int]:
    """Judge so many histories twice; how many are linearizable, and how many verdicts differ.

    ``subprocess.CalledProcessError`` if Go can't run porcupine.
    """
    chosen = random.Random(seed)
    histories = [registers.random_history(chosen, chosen.randint(2, 12)) for _ in range(number)]
    ours = [_judged(history) for history in histories]
    lines = [json.dumps([_line(operation) for operation in history]) for history in histories]
    said = subprocess.run(
        ('go', 'run', '.'),
        cwd=FOLDER,
        input='\n'.join(lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    theirs = [line == 'true' for line in said]
    differing = sum(our != their for our, their in zip(ours, theirs, strict=True))
    return ours.count(True), differing


def _judged(history: list[Operation]) -> bool:
    return judge(history, 0, registers.step, registers.is_free).linearizable


def _line(operation: Operation) -> dict[str, typing.Any]:
    ended = None if operation.answer is None else int(operation.ended * TICKS)
    return {
        'called': int(operation.called * TICKS),
        'ended': ended,
        'asked': operation.asked,
        'answer': operation.answer,
    }
