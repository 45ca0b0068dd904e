"""One server process of the tests: its private folder, its log, and its end by its own process
id.
"""

import atexit
import collections.abc
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

START_SECONDS = 120
STOP_SECONDS = 20
#: How long an answer may take on a busy machine.
ANSWER_SECONDS = 60


class ServerFailed(Exception):
    """A server could not be installed, started or reached; the message says what to do."""


class Unavailable(ServerFailed):
    """A server cannot run on this machine, and nothing can be installed that would change this; the
    message says why.
    """


def program(name: str, *folders: str, package: str) -> str:
    """The path of a program from one of the folders or the PATH; the message of the error names its
    package.
    """
    path = os.pathsep.join((*folders, os.environ.get('PATH', os.defpath), '/usr/sbin', '/sbin'))
    found = shutil.which(name, path=path)
    if found is None:
        raise ServerFailed(f'{name} was not found; install {package}.')
    return found


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def whole(folder: pathlib.Path) -> collections.abc.Iterator[pathlib.Path]:
    """A folder to fill, which gets the name of ``folder`` when all is in it, and is removed if that
    fails.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = pathlib.Path(tempfile.mkdtemp(prefix='.making-', dir=folder.parent))
    try:
        yield making
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


class Process:
    """What every server has: a folder of its own, owned by the user that it runs as, and a process.

    A folder's path is short, for the path of a socket may have some hundred characters only.
    """

    def __init__(self, name: str, user: str | None = None, parent: str | None = None):
        self.name = name
        self.user = user
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix=f'fz-{name[:2]}-', dir=parent or _short_folder())
        )
        self.log = self.folder / 'log'
        self._popen: subprocess.Popen | None = None
        _own(self)
        if user is not None:
            self.folder.chmod(0o755)
            entry = pwd.getpwnam(user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def run(self, *command: str, **extra: str) -> None:
        """Run one command as the server's user until it ends; its failure is :class:`ServerFailed`
        with its output.
        """
        done = subprocess.run(
            command,
            **self._options(extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise ServerFailed(
                f'{" ".join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}'
            )

    def spawn(
        self, *command: str, ready: collections.abc.Callable[[], object], **extra: str
    ) -> None:
        """Start the server and wait until ``ready`` raises nothing any more."""
        with self.log.open('ab') as log:
            self._popen = subprocess.Popen(
                command, **self._options(extra), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                ready()
                return
            except Exception as error:
                if self._popen.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailed(
                        f'{self.name} did not start: {error}\n{self.tail()}'
                    ) from error
            time.sleep(0.05)

    @property
    def pid(self) -> int | None:
        """The number of the process, None if it doesn't run."""
        return self._popen.pid if self._popen else None

    def tail(self) -> str:
        """The end of what the server has logged."""
        return self.log.read_text(errors='replace')[-4000:]

    def pause(self) -> None:
        """Let the process neither work nor close its connections, until :meth:`resume`."""
        if self._popen is not None:
            self._popen.send_signal(signal.SIGSTOP)
            # One of its threads might still answer, until all of them have stopped.
            os.waitid(os.P_PID, self._popen.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let it go on; nothing happens if it does, or has ended."""
        if self._popen is not None:
            self._popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process, and those of its group, as a power failure would; it can be started
        again.
        """
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
            self._popen = None

    def halt(self, number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> None:
        """End the process in good order, if it ends in time; it can be started again."""
        if self._popen is None:
            return
        self._popen.send_signal(number)
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def stop(self) -> None:
        """End the process and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        _OWN.discard(self)

    def _options(self, extra: dict[str, str]) -> dict:
        # MariaDB, when it starts, removes what it takes for its own in the folder for temporary
        # files.
        environment = {**os.environ, 'LC_ALL': 'C.UTF-8', 'TMPDIR': str(self.folder), **extra}
        options: dict = {'cwd': self.folder, 'stdin': subprocess.DEVNULL, 'env': environment}
        if self.user is not None:
            options |= {
                'user': self.user,
                'group': pwd.getpwnam(self.user).pw_gid,
                'extra_groups': (),
            }
        return options


#: What this process of the tests has started, and which process that is.
_OWN: set[Process] = set()
_OWNER: list[int] = []


def _own(process: Process) -> None:
    """Let a process end with this one, also when a signal ends it that nobody else minds."""
    if [os.getpid()] != _OWNER:
        _OWNER[:] = [os.getpid()]
        _OWN.clear()
        atexit.register(_stop_own)
    _OWN.add(process)
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _terminated)


def _stop_own() -> None:
    if [os.getpid()] == _OWNER:
        for process in list(_OWN):
            process.stop()


def _terminated(number: int, _frame: object) -> None:
    _stop_own()
    os._exit(128 + number)


class Server:
    """A server of the tests' own, which one process is: how it is taken away and brought back.
    Whoever derives starts it.
    """

    _process: Process

    def halt(self) -> None:
        """Stop it in good order; ``start`` brings it back."""
        self._process.halt()

    def kill(self) -> None:
        """End it as a power failure would; ``start`` brings it back."""
        self._process.kill()

    def pause(self) -> None:
        """Let it take connections and say nothing, as if its machine's disks or memory were gone,
        until :meth:`resume`.
        """
        self._process.pause()

    def resume(self) -> None:
        """Let it go on; nothing happens if it does, or has ended."""
        self._process.resume()

    def stop(self) -> None:
        """End it for good."""
        self._process.stop()


def folder_in_memory(size: int) -> str | None:
    """Where files are that no disk is waited for; None where there is no room for so many bytes."""
    found = pathlib.Path('/dev/shm')
    return (
        str(found) if os.access(found, os.W_OK) and shutil.disk_usage(found).free >= size else None
    )


def _short_folder() -> str | None:
    return None if len(tempfile.gettempdir()) < 60 else '/tmp'
