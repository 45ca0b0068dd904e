"""Walks all interleavings of operations without threads: each pauses before every call of the
storage.
"""

import collections.abc
import typing

import greenlet

from freezer_api.db.base import Storage

Operation = collections.abc.Callable[[], typing.Any]


class SteppedStorage:
    """A storage whose every call lets the walk decide first who goes on."""

    def __init__(self, storage: Storage):
        self._storage = storage

    def __getattr__(self, name: str) -> typing.Any:
        value = getattr(self._storage, name)
        if not callable(value):
            return value

        def call(*arguments: typing.Any, **named: typing.Any) -> typing.Any:
            greenlet.getcurrent().parent.switch()
            return value(*arguments, **named)

        return call


def interleavings(
    arrange: collections.abc.Callable[[], collections.abc.Sequence[Operation]],
) -> collections.abc.Iterator[tuple[tuple[int, ...], list[typing.Any]]]:
    """Run the operations that ``arrange`` makes, each time anew, in every order of their steps;
    each order and what came of it.

    What comes of an operation is what it returned, or the exception that it raised.
    """
    open_ends: list[tuple[int, ...]] = [()]
    while open_ends:
        prefix = open_ends.pop()
        order, others, results = _run(arrange(), prefix)
        for at in range(len(prefix), len(order)):
            open_ends += [(*order[:at], other) for other in others[at]]
        yield order, results


def _run(
    operations: collections.abc.Sequence[Operation], prefix: tuple[int, ...]
) -> tuple[tuple[int, ...], list[list[int]], list[typing.Any]]:
    """One order: the one that begins with ``prefix`` and goes on with the first operation that can;
    and who else could have.
    """
    tasks = [greenlet.greenlet(_outcome) for _ in operations]
    results: list[typing.Any] = [None] * len(tasks)
    for number, operation in enumerate(operations):
        results[number] = tasks[number].switch(operation)
    order: list[int] = []
    others: list[list[int]] = []
    while True:
        able = [number for number, task in enumerate(tasks) if not task.dead]
        if not able:
            return tuple(order), others, results
        chosen = prefix[len(order)] if len(order) < len(prefix) else able[0]
        others.append([number for number in able if number != chosen])
        order.append(chosen)
        results[chosen] = tasks[chosen].switch()


def _outcome(operation: Operation) -> typing.Any:
    try:
        return operation()
    except Exception as error:
        return error
