"""Commands run by processes of :mod:`.preloading`, one for each environment of Python."""

import atexit
import collections.abc
import functools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

#: Beside this script.
SERVER = pathlib.Path(__file__).with_name('preloading.py')
#: A program for shells. The process that it asks for writes to what the program itself would.
PROGRAM = """
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect('{SOCKET}')
request = dict(
    argv=['{PROGRAM}', *sys.argv[1:]],
    env=dict(os.environ),
    cwd=os.getcwd(),
    out=f'/proc/{{os.getpid()}}/fd/1',
    err=f'/proc/{{os.getpid()}}/fd/2',
    entry='{ENTRY}',
)
connection.sendall(json.dumps(request).encode() + b'\\n')
answer = connection.makefile()
answer.readline()
sys.exit(int(answer.readline()))
"""


class Preloaded:
    """A Python environment whose commands find their modules imported; ``environment`` has
    variables that say where these are.
    """

    def __init__(self, python: str, modules: collections.abc.Iterable[str], **environment: str):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix='fz-pre-'))
        self._socket = str(self._folder / 'socket')
        self._process = subprocess.Popen(
            [python, str(SERVER), self._socket, *modules],
            env={**os.environ, 'PYTHONWARNINGS': 'ignore', **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.stop)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b'ready\n':
            raise RuntimeError(f'{SERVER} did not start in the environment of {python}')

    def stop(self) -> None:
        """End it."""
        atexit.unregister(self.stop)
        self._process.terminate()
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def write_program(self, path: pathlib.Path, entry: str, program: str) -> None:
        """Write a program for shells that runs ``MODULE:FUNCTION`` as ``program``, in a process
        of its own. What it is given on its input isn't read.
        """
        python = os.path.realpath(sys.executable)
        values = {'SOCKET': self._socket, 'ENTRY': entry, 'PROGRAM': program}
        path.write_text(f'#!{python} -IS\n{PROGRAM.format_map(values)}')
        path.chmod(0o755)

    def run(
        self, entry: str, argv: list[str], env: collections.abc.Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run ``MODULE:FUNCTION`` in a process of its own until it ends, as the program that
        ``argv`` begins with. ``TimeoutExpired`` when it has been killed for taking too long.
        """
        with (
            socket.socket(socket.AF_UNIX) as connection,
            tempfile.NamedTemporaryFile('r', dir=self._folder) as out,
            tempfile.NamedTemporaryFile('r', dir=self._folder) as err,
        ):
            connection.connect(self._socket)
            connection.settimeout(seconds)
            answer = connection.makefile()
            request = {
                'argv': argv,
                'env': dict(env),
                'cwd': os.getcwd(),
                'out': out.name,
                'err': err.name,
                'entry': entry,
            }
            connection.sendall(json.dumps(request).encode() + b'\n')
            command = int(answer.readline())
            try:
                code = int(answer.readline())
            except TimeoutError:
                os.killpg(command, signal.SIGKILL)
                raise subprocess.TimeoutExpired(argv, seconds) from None
            return subprocess.CompletedProcess(argv, code, out.read(), err.read())


@functools.cache
def preloaded(python: str, *modules: str) -> Preloaded:
    """The one of this process for an environment."""
    return Preloaded(python, modules)
