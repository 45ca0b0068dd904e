"""A register, the simplest thing to make histories of: to test the judge, and to compare it with
others.
"""

import math
import random

from tests.linearizable.history import Answer, Asked, Operation


def step(state: int, asked: Asked, answer: Answer | None) -> int | None:
    """A register that begins with 0: ``write`` sets it, ``read`` shows it, and ``swap`` sets it if
    it is what the caller expects.
    """
    if asked['name'] == 'read':
        return state if answer is None or answer['value'] == state else None
    if asked['name'] == 'write':
        return asked['value']
    done = asked['expected'] == state
    if answer is not None and answer['done'] != done:
        return None
    return asked['value'] if done else state


def is_free(state: int, asked: Asked, answer: Answer) -> bool:
    """Tell whether a call only reads: that tells nothing but the state, which is known."""
    return asked['name'] == 'read'


def read(called: float, ended: float, value: int) -> Operation:
    """A call that was shown a value."""
    return Operation(1, called, ended, {'name': 'read'}, {'value': value})


def write(called: float, ended: float, value: int) -> Operation:
    """A call that sets a value; its outcome is unknown if it never ended."""
    answer: Answer | None = None if math.isinf(ended) else {}
    return Operation(1, called, ended, {'name': 'write', 'value': value}, answer)


def swap(called: float, ended: float, expected: int, value: int, done: bool) -> Operation:
    """A call that sets a value if another one is there; whether it was ``done`` was told."""
    asked = {'name': 'swap', 'expected': expected, 'value': value}
    return Operation(1, called, ended, asked, {'done': done})


def random_history(chosen: random.Random, size: int) -> list[Operation]:
    """Calls at random times with random answers, many of which can't be."""
    operations = []
    for _ in range(size):
        called = chosen.random()
        ended = called + chosen.choice((0.1, 0.3, 1))
        make = chosen.choice((read, write, write, swap))
        if make is write and chosen.random() < 0.3:
            ended = math.inf
        value = chosen.randrange(3)
        if make is swap:
            more = (value, chosen.randrange(3), chosen.random() < 0.4)
            operations.append(swap(called, ended, *more))
        else:
            operations.append(make(called, ended, value))
    return operations
