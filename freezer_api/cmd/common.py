"""What the commands share: their failures end in one clear line and an exit
code, never in a traceback.
"""

import collections.abc
import functools
import logging
import re
import sys
import typing

from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.conf import files

LOG = logging.getLogger(__name__)
#: Exit codes.
DONE = 0
FAILED = 1
#: What libraries add for programmers: a link to their documentation.
LINK = re.compile(r'\(Background on this error at: [^)]*\)')

#: Where oslo.config found a value that can't be.
LOCATION = re.compile(r"LocationInfo\(location=<[^>]*>, detail='([^']*)'\)")

#: What runs a command: its arguments to its exit code.
Run = collections.abc.Callable[[list[str]], int]


class Failed(Exception):
    """A command can't go on; the message is the line that says so."""


class Located:
    """A store whose failures say which store it is: ``where`` it is, then what
    has failed. All else is the store's own.
    """

    def __init__(self, storage: typing.Any):
        self._storage = storage

    def __getattr__(self, name: str) -> typing.Any:
        found = getattr(self._storage, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*arguments: typing.Any, **named: typing.Any) -> typing.Any:
            try:
                return found(*arguments, **named)
            except Exception as error:
                where = self._storage.where()
                raise Failed(
                    f'{where}: {describe(error)}' if where else describe(error)
                ) from error

        return call


def describe(error: BaseException) -> str:
    """An error and what caused it, in one line for an operator; a driver's
    error by the words of the database.
    """
    causes = (
        [error]
        if error.__cause__ is None or _wrapped(error) is not None
        else [error, error.__cause__]
    )
    # A caller of the API is asked to try again; an operator is told what is
    # wrong.
    if len(causes) == 2 and type(error) is exceptions.StorageUnavailable:
        return f'the storage is unavailable: {_told(causes[1])}'
    return ': '.join(_told(one) for one in causes)


def _told(error: BaseException) -> str:
    while (inner := _wrapped(error)) is not None:
        error = inner
    if isinstance(error, cfg.NoSuchOptError):
        # The name is a part of somebody's password, most likely.
        return f'the configuration {files.BAD_REFERENCE}'
    numbered = (
        len(error.args) == 2
        and isinstance(error.args[0], int)
        and not isinstance(error, OSError)
    )
    text = str(error.args[1] if numbered else error)
    text = LOCATION.sub(r'\1', LINK.sub('', text))
    return ' '.join(text.split()).removesuffix('.') or type(error).__name__


def _wrapped(error: BaseException) -> BaseException | None:
    """The database's own error in one of SQLAlchemy or oslo.db; None in any
    other.
    """
    inner = getattr(error, 'inner_exception', None) or getattr(
        error, 'orig', None
    )
    return (
        inner
        if isinstance(inner, BaseException) and inner is not error
        else None
    )


def fail(prog: str, text: str, code: int = FAILED) -> int:
    """Say what went wrong on standard error; the exit code for it."""
    print(f'{prog}: {text}', file=sys.stderr)
    return code


def _failed(prog: str, error: Exception, code: int) -> int:
    """Say what went wrong; what nobody foresaw goes into the log as a
    whole.
    """
    foreseen = isinstance(
        error, (cfg.Error, exceptions.FreezerError, OSError, Failed)
    )
    text = describe(error) if not isinstance(error, Failed) else str(error)
    if not foreseen:
        text = f'{type(error).__name__}: {text}'
    if isinstance(error, cfg.RequiredOptError):
        text = (
            f'{text}, in {files.FOLDER}/{files.FILE} or a file that'
            ' --config-file names'
        )
    if files.has_kept_log():
        LOG.error('%s', text, exc_info=None if foreseen else error)
    LOG.debug('%s', text, exc_info=error)
    return fail(prog, text, code)


def command(
    prog: str, failed: int = FAILED
) -> collections.abc.Callable[[Run], collections.abc.Callable[..., int]]:
    """Make a console script of a function that takes its arguments: every
    failure is told in one line.

    ``failed`` is its exit code then. The traceback is in the log, if that is
    kept anywhere, and shown with ``--debug``.
    """

    def decorate(function: Run) -> collections.abc.Callable[..., int]:
        @functools.wraps(function)
        def main(argv: list[str] | None = None) -> int:
            try:
                return function(sys.argv[1:] if argv is None else argv)
            except Exception as error:
                return _failed(prog, error, failed)
            except KeyboardInterrupt:
                return fail(prog, 'interrupted', failed)

        return main

    return decorate
