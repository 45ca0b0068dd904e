"""Processes of programs that are asked by lines, and answer by lines."""

import collections.abc
import contextlib
import os
import signal
import subprocess
import threading
import typing

import fixtures

from tests.live import programs
from tests.servers import process


class Child(fixtures.Fixture):
    """A process that reads lines until its input is closed. One that takes too long for an answer,
    or for its end, is killed.

    ``options`` are those of ``subprocess.Popen``.
    """

    def __init__(self, *command: str, **options: typing.Any):
        super().__init__()
        self._command, self._options = command, options

    def _setUp(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **self._options,
        )
        self.addCleanup(self._end)

    def _end(self) -> None:
        with self._deadline():
            self._process.communicate()

    def ask(
        self, text: str, last: collections.abc.Callable[[str], bool] = lambda line: True
    ) -> list[str]:
        """Write a text; the lines that are read then, up to the first for which ``last`` holds.

        ``ServerFailed`` with those that came, if that one doesn't.
        """
        answer: list[str] = []
        with self._deadline():
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(text)
                self._process.stdin.flush()
            while not answer or not last(answer[-1]):
                line = self._process.stdout.readline()
                if not line:
                    raise process.ServerFailed(
                        f'{self._command[0]} has ended, or took too long: {"".join(answer)}'
                    )
                answer.append(line)
        return answer

    @contextlib.contextmanager
    def _deadline(self) -> collections.abc.Iterator[None]:
        """Kill the process and its children if this isn't left in time."""
        timer = threading.Timer(programs.SECONDS, self._kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
