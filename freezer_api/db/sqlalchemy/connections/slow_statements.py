"""Logging statements that take long.

The text of a statement has placeholders for all that users store, and its
parameters aren't logged.
"""

import collections.abc
import functools
import logging
import time
import typing

import sqlalchemy

from freezer_api.db.sqlalchemy.connections import deferred

LOG = logging.getLogger(__name__)
Execute = collections.abc.Callable[..., None]

#: What a dialect executes statements by.
_NAMES = (
    'do_execute',
    'do_executemany',
    'do_execute_no_params',
    deferred.PIPELINE,
)
#: Characters of a statement that are logged. One that asks for thousands of
#: jobs is a megabyte, and says no more than its first lines.
MAX_TEXT = 2000


def log(engine: sqlalchemy.Engine, seconds: float) -> None:
    """Log each statement of an engine that takes at least ``seconds`` until
    its first rows are there.

    One that fails isn't logged here: the retry, or the refusal, is.
    """
    # Not by SQLAlchemy's events: once an engine has one, each connection looks
    # for listeners at every step, which costs several times what this does.
    for name in _NAMES:
        execute = getattr(engine.dialect, name, None)
        if execute is not None:
            setattr(engine.dialect, name, _timed(execute, seconds))


def _timed(execute: Execute, seconds: float) -> Execute:
    """Return what a dialect executes statements by, measured."""

    @functools.wraps(execute)
    def measured(
        cursor: typing.Any, statement: str, *arguments: typing.Any
    ) -> None:
        begun = time.perf_counter()
        execute(cursor, statement, *arguments)
        elapsed = time.perf_counter() - begun
        if elapsed >= seconds:
            _log_slow(cursor, statement, elapsed)

    return measured


def _log_slow(cursor: typing.Any, statement: str, elapsed: float) -> None:
    """Log a statement that took ``elapsed`` seconds."""
    # Databases tell it of what they have written, most of what they have read.
    rows = cursor.rowcount if cursor.rowcount >= 0 else 'an unknown number of'
    LOG.warning(
        'A statement took %.3f seconds (%s rows): %s',
        elapsed,
        rows,
        _shortened(statement),
    )


def _shortened(statement: str) -> str:
    """Return a statement as one line of a log."""
    text = ' '.join(statement.split())
    if len(text) <= MAX_TEXT:
        return text
    return f'{text[:MAX_TEXT]}… ({len(text)} characters)'
