"""Logging statements that take long.

The text of a statement has placeholders for all that users store, and its
parameters aren't logged.
"""

import functools
import logging
import time
import typing

import sqlalchemy

LOG = logging.getLogger(__name__)

#: Characters of a statement that are logged. One that asks for thousands of
#: jobs is a megabyte, and says no more than its first lines.
MAX_TEXT = 2000


def log(engine: sqlalchemy.Engine, seconds: float) -> None:
    """Log each statement of an engine that takes at least ``seconds`` until
    its first rows are there.

    One that fails isn't logged here: the retry, or the refusal, is.
    """
    sqlalchemy.event.listen(engine, 'before_cursor_execute', _begin)
    sqlalchemy.event.listen(
        engine, 'after_cursor_execute', functools.partial(_end, seconds)
    )


# Of what SQLAlchemy gives these two, only some is of use. They are called at
# each statement, so they do nothing but read the clock, unless it was slow.


def _begin(
    connection: sqlalchemy.Connection,
    cursor: object,
    statement: str,
    parameters: object,
    context: typing.Any,
    many: bool,
) -> None:
    context.begun = time.perf_counter()


def _end(
    seconds: float,
    connection: sqlalchemy.Connection,
    cursor: typing.Any,
    statement: str,
    parameters: object,
    context: typing.Any,
    many: bool,
) -> None:
    elapsed = time.perf_counter() - context.begun
    if elapsed < seconds:
        return
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
