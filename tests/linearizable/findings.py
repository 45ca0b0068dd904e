"""What is said of a history that no order fits, and the file that it is kept in."""

import pathlib
import tempfile

from tests.linearizable import acknowledged
from tests.linearizable.history import History, Operation, save
from tests.linearizable.judge import Verdict
from tests.linearizable.states import State

#: Where tests keep them.
FOLDER = pathlib.Path(tempfile.gettempdir(), 'freezer-histories')
#: How many calls before the one that can't be placed are told.
TOLD = 8


def explain(verdict: Verdict[State]) -> str:
    """Say which call can't be placed, what it should have been answered, and what came before."""
    stuck = verdict.stuck
    if stuck is None:
        return 'linearizable'
    lines = [
        f'{len(verdict.order)} calls can be placed one after the other. The last ones:',
        *(f'  {operation}' for operation in verdict.order[-TOLD:]),
        'This one has ended by then, and can not be the next:',
        *_placing(verdict.state, stuck),
    ]
    if verdict.others:
        lines.append('Nor does it help to place one of those first that were under way:')
        for other in verdict.others:
            lines += _placing(verdict.state, other)
    lines += ['What the project is by then, in the longest order:', *_state(verdict.state)]
    return '\n'.join(lines)


def _placing(state: State, operation: Operation) -> list[str]:
    expected = acknowledged.expected(state, operation.asked)
    said = [f'  {operation}']
    if operation.answer is not None:
        if acknowledged.step(state, operation.asked, operation.answer) is None:
            said.append(f'    should be: {expected}, of a version that is possible')
        else:
            said.append('    fits here, but nothing does after it')
    return said


def _state(state: State) -> list[str]:
    return [f'  {id}: {document}' for id, document in (*state.sessions, *state.jobs)]


def keep(history: History, folder: pathlib.Path, name: str, **about: object) -> pathlib.Path:
    """Write a history into a folder; the file, which the command ``judge`` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f'{name}.jsonl'
    save(history, file, **about)
    return file
