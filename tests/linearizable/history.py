"""What callers have asked and were answered, and when."""

import collections.abc
import dataclasses
import json
import math
import pathlib
import typing

#: What a caller asks: the name of the operation under ``name``, and its arguments.
Asked = dict[str, typing.Any]
#: What was answered: ``status``, ``body``, and under ``versions`` which version and ETag each
#: document that was shown has.
Answer = dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One call, with seconds of a clock that all callers share.

    Without an ``answer`` nobody knows whether it took effect, and it may yet: it never ends.
    """

    caller: int
    called: float
    ended: float
    asked: Asked
    answer: Answer | None

    def __post_init__(self) -> None:
        if (self.answer is None) != math.isinf(self.ended):
            raise ValueError(f'{self}: what has no answer has no end')

    def __str__(self) -> str:
        ended = 'without end' if self.answer is None else f'{self.ended:.6f}'
        arguments = ' '.join(f'{key}={value}' for key, value in self.asked.items() if key != 'name')
        answer = 'nothing known' if self.answer is None else json.dumps(self.answer)
        return (
            f'[{self.called:.6f} .. {ended}] caller {self.caller}: '
            f'{self.asked["name"]} {arguments} -> {answer}'
        )


History = collections.abc.Sequence[Operation]


def save(history: History, file: pathlib.Path, **about: object) -> None:
    """Write a history, and what else is to be known ``about`` it, as lines of JSON."""
    lines = [json.dumps(about)]
    for operation in history:
        keys = dataclasses.asdict(operation)
        # JSON has no infinity.
        keys['ended'] = None if operation.answer is None else operation.ended
        lines.append(json.dumps(keys))
    file.write_text('\n'.join(lines) + '\n')


def load(file: pathlib.Path) -> tuple[dict[str, typing.Any], list[Operation]]:
    """Read what :func:`save` has written."""
    about, *lines = map(json.loads, file.read_text().splitlines())
    history = []
    for line in lines:
        ended = line.pop('ended')
        history.append(Operation(**line, ended=math.inf if ended is None else ended))
    return about, history
