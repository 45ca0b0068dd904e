"""What the commands share: a failure ends in one clear line and an exit code,
never in a traceback.
"""

import collections.abc
import functools
import logging
import re
import sys
import typing

from oslo_config import cfg

from freezer_api import conf as configuration
from freezer_api import exceptions, version
from freezer_api.conf import files
from freezer_api.db import base

LOG = logging.getLogger(__name__)
#: Exit codes.
DONE = 0
FAILED = 1
#: What SQLAlchemy adds to its messages: a link for programmers.
LINK = re.compile(r'\(Background on this error at: [^)]*\)')

#: How oslo.config names the file of a value that is not valid.
LOCATION = re.compile(r"LocationInfo\(location=<[^>]*>, detail='([^']*)'\)")

#: User and password in an address, up to the last "@" before the path.
CREDENTIALS = re.compile(r'^([a-z0-9+]+://)[^/]*@')

#: A command: its arguments to its exit code.
Command = collections.abc.Callable[[list[str]], int]


class Failed(Exception):
    """A command cannot go on; the message is the line that says why."""


def read_file(path: str, prog: str) -> cfg.ConfigOpts:
    """Read a configuration file by itself, beside the command's own: no other
    file is read, and logging stays as it is.
    """
    conf = configuration.new()
    conf(
        [f'--config-file={path}'],
        project=files.PROJECT,
        prog=prog,
        version=version.release(),
        default_config_files=[],
        default_config_dirs=[],
    )
    return conf


class Located:
    """A store whose failures begin with its address. Everything else is the
    store's own.
    """

    def __init__(self, storage: base.Storage):
        self._storage = storage

    def __getattr__(self, name: str) -> typing.Any:
        found = getattr(self._storage, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*arguments: typing.Any, **named: typing.Any) -> typing.Any:
            """Call the store's method."""
            try:
                return found(*arguments, **named)
            except Exception as error:
                text = describe(error)
                where = self._storage.where()
                if where:
                    text = f'{where}: {text}'
                raise Failed(text) from error

        return call


def address(storage: base.Storage) -> str:
    """Tell where a store is, without user and password. ``''`` if the driver
    does not tell.
    """
    return CREDENTIALS.sub(r'\1', storage.where())


def describe(error: BaseException) -> str:
    """Describe an error and its cause in one line for an operator; an error of
    a database in the words of the database.
    """
    cause = error.__cause__
    # A wrapped error is described by what it wraps, which is its cause too.
    if cause is None or _get_wrapped(error) is not None:
        return _describe_one(error)
    if type(error) is exceptions.StorageUnavailable:
        # Its own text asks callers of the API to try again. An operator needs
        # to know what is wrong.
        return f'the storage is unavailable: {_describe_one(cause)}'
    return f'{_describe_one(error)}: {_describe_one(cause)}'


def _describe_one(error: BaseException) -> str:
    """Describe an error without its cause."""
    while (inner := _get_wrapped(error)) is not None:
        error = inner
    if isinstance(error, cfg.NoSuchOptError):
        # Its text has what follows a "$" in a value, which is likely to be a
        # part of a password.
        return f'the configuration {files.BAD_REFERENCE}'
    text = str(error)
    if _is_numbered(error):
        text = str(error.args[1])
    text = LOCATION.sub(r'\1', LINK.sub('', text))
    one_line = ' '.join(text.split()).removesuffix('.')
    return one_line or type(error).__name__


def _is_numbered(error: BaseException) -> bool:
    """Tell whether an error has a number and a text, as those of MySQL's
    driver do. An ``OSError`` has them too, and a better text of its own.
    """
    if isinstance(error, OSError) or len(error.args) != 2:
        return False
    return isinstance(error.args[0], int)


def _get_wrapped(error: BaseException) -> BaseException | None:
    """Get the database's own error out of one of SQLAlchemy (``orig``) or
    oslo.db (``inner_exception``); None for any other error.
    """
    inner = getattr(error, 'inner_exception', None)
    inner = inner or getattr(error, 'orig', None)
    if isinstance(inner, BaseException) and inner is not error:
        return inner
    return None


def fail(prog: str, text: str, code: int = FAILED) -> int:
    """Print on standard error what went wrong; return the exit code for it."""
    print(f'{prog}: {text}', file=sys.stderr)
    return code


def _report(prog: str, error: Exception, code: int) -> int:
    """Print what went wrong, and log it: an unexpected error with its
    traceback.
    """
    text = str(error) if isinstance(error, Failed) else describe(error)
    expected = isinstance(
        error, (cfg.Error, exceptions.FreezerError, OSError, Failed)
    )
    if not expected:
        text = f'{type(error).__name__}: {text}'
    if isinstance(error, cfg.RequiredOptError):
        text = (
            f'{text}, in {files.FOLDER}/{files.FILE} or a file that'
            ' --config-file names'
        )
    # On standard error the line would stand twice.
    if files.has_kept_log():
        LOG.error('%s', text, exc_info=None if expected else error)
    LOG.debug('%s', text, exc_info=error)
    return fail(prog, text, code)


def command(
    prog: str, failed: int = FAILED
) -> collections.abc.Callable[[Command], collections.abc.Callable[..., int]]:
    """Make a console script of a function that takes its arguments: every
    failure is reported in one line.

    ``failed`` is the exit code then. The traceback is in the log, if there is
    one, and is shown with ``--debug``.
    """

    def decorate(function: Command) -> collections.abc.Callable[..., int]:
        """Wrap the function."""

        @functools.wraps(function)
        def main(argv: list[str] | None = None) -> int:
            """Run the command with ``argv`` or the process's arguments."""
            try:
                return function(sys.argv[1:] if argv is None else argv)
            except Exception as error:
                return _report(prog, error, failed)
            except KeyboardInterrupt:
                return fail(prog, 'interrupted', failed)

        return main

    return decorate
