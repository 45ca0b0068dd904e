"""Commands whose standard error, or standard output as well, is a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

from tests.live import programs


def run(program: str, *arguments: str, prints_there: bool = False) -> tuple[int, str, str]:
    """Run a program of the service until it ends; its exit code, and what it printed and what
    the terminal, of 24 lines with 80 characters, has shown. ``prints_there``: what it prints is
    shown as well.
    """
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        with subprocess.Popen(
            [str(programs.FOLDER / program), *arguments],
            stdout=theirs if prints_there else subprocess.PIPE,
            stderr=theirs,
            text=True,
        ) as process:
            os.close(theirs)
            shown = b''.join(iter(lambda: _read(ours), b'')).decode()
            printed, _errors = process.communicate(timeout=programs.SECONDS)
        return process.returncode, printed or '', shown
    finally:
        os.close(ours)


def _read(terminal: int) -> bytes:
    """Some of what programs say on a terminal; nothing once all have ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b''
