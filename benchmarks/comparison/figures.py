"""The figures of a run as a file, of which the report can be written again."""

import collections.abc
import dataclasses
import json
import pathlib
import typing

from benchmarks.comparison import loads, measuring

_NAME = 'figures.json'


def save(run: measuring.Run, folder: pathlib.Path) -> None:
    """Write the figures of a run into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = dataclasses.asdict(run)
    # Line by line, so that differences can be read.
    text = json.dumps(stored, indent=1, default=str)
    file = folder / _NAME
    file.write_text(f'{text}\n')


def load(folder: pathlib.Path) -> measuring.Run:
    """Return the run whose figures are in a folder."""
    file = folder / _NAME
    stored = json.loads(file.read_text())
    cases = list(map(_measured, stored['cases']))
    # JSON has texts alone as keys.
    memory = {}
    for size, each in stored['memory'].items():
        memory[int(size)] = each
    return measuring.Run(
        cases,
        memory,
        stored['started'],
        stored['notes'],
    )


def _measured(stored: dict[str, typing.Any]) -> measuring.Measured:
    by_name = stored.pop('rounds')
    rounds = {}
    for name, values in by_name.items():
        rounds[name] = [loads.Figures(**each) for each in values]
    return measuring.Measured(rounds=rounds, **stored)


def keeper(
    command: str, folder: pathlib.Path
) -> collections.abc.Callable[[measuring.Run], None]:
    """Return what saves the figures that a command has measured so far, in
    case that the rest fails.
    """

    def keep(run: measuring.Run) -> None:
        """Save them."""
        run.notes['command'] = command
        save(run, folder)

    return keep
