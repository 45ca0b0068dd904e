"""What the commands share: operators' mistakes end in one clear line and an exit code, never in a traceback."""

import collections.abc
import functools
import sys

from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.conf import files

#: Exit codes.
DONE = 0
FAILED = 1

#: What runs a command: its arguments to its exit code.
Run = collections.abc.Callable[[list[str]], int]


def describe(error: BaseException) -> str:
    """An error and what caused it, in one line for an operator."""
    causes = [error] if error.__cause__ is None else [error, error.__cause__]
    texts = [' '.join(str(one).split()) or type(one).__name__ for one in causes]
    return ': '.join(text.removesuffix('.') for text in texts)


def fail(prog: str, text: str) -> int:
    """Say what went wrong on standard error; the exit code for it."""
    print(f'{prog}: {text}', file=sys.stderr)
    return FAILED


def command(prog: str) -> collections.abc.Callable[[Run], collections.abc.Callable[..., int]]:
    """Make a console script of a function that takes its arguments: what an operator can mend is told in one line."""

    def decorate(function: Run) -> collections.abc.Callable[..., int]:
        @functools.wraps(function)
        def main(argv: list[str] | None = None) -> int:
            try:
                return function(sys.argv[1:] if argv is None else argv)
            except cfg.RequiredOptError as error:
                return fail(prog, f'{describe(error)}, in {files.FOLDER}/{files.FILE} or a file that --config-file names')
            except (cfg.Error, exceptions.FreezerError, OSError) as error:
                return fail(prog, describe(error))
            except KeyboardInterrupt:
                return fail(prog, 'interrupted')

        return main

    return decorate
