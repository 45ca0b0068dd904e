"""A process that has imported what commands need, and forks one process for each command.

It runs as a script of its own, ``python preloading.py SOCKET NAME…`` (a
module, or the beginning of groups of entry points with ``.*`` behind it), in the environment whose
commands it runs, so it imports nothing of the tests. Most of what a short command costs is the
start of its interpreter and its imports; here they are done once. All else is as it is for a
command that is started by itself: a process of its own, with its arguments, environment, folder,
output and exit code.
"""

import atexit
import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import signal
import socket
import sys
import threading
import traceback
import typing


def main(path: str, modules: list[str]) -> typing.NoReturn:
    """Serve commands until the input is closed; in the process of a command, run it."""
    for module in modules:
        if module.endswith('.*'):
            load_commands(module[:-1])
        else:
            importlib.import_module(module)
    # Collecting garbage would copy the pages that all processes share.
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    # Nobody waits for those that answer the requests.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if not os.fork():
        # Whoever has started this holds its input open: it ends with them.
        parent = os.getppid()
        sys.stdin.read()
        os.kill(parent, signal.SIGTERM)
        os._exit(0)
    print('ready', flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request = json.loads(connection.makefile().readline())
        command = os.fork()
        if not command:
            connection.close()
            run(**request)
        connection.sendall(b'%d\n' % command)
        _, status = os.waitpid(command, 0)
        with contextlib.suppress(OSError):
            connection.sendall(b'%d\n' % os.waitstatus_to_exitcode(status))
        os._exit(0)


def load_commands(beginning: str) -> None:
    """Import what packages declare as entry points of groups whose names begin so."""
    found = importlib.metadata.entry_points()
    for name in filter(lambda name: name.startswith(beginning), found.groups):
        for point in found.select(group=name):
            # Some need a package that isn't there; nobody gives those commands.
            with contextlib.suppress(ImportError):
                point.load()


def run(
    argv: list[str], env: dict[str, str], cwd: str, out: str, err: str, entry: str
) -> typing.NoReturn:
    """Become the process of one command, and end it. The paths are of files for its output."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, file, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, out, os.O_WRONLY),
        (2, err, os.O_WRONLY),
    ):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv[:] = argv
    module, _, function = entry.partition(':')
    code: object = 1
    try:
        code = getattr(importlib.import_module(module), function)()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    # As the interpreter ends, but for taking apart all that was imported, which takes longer than
    # most commands.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code or 0)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
