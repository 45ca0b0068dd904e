"""The HTTP server of ``freezer-api``: cheroot, stopped cleanly by SIGTERM and SIGINT."""

import collections.abc
import re
import signal
import threading
import types
import typing

from cheroot import wsgi

#: Seconds that requests have to finish in once the server is told to stop.
GRACE = 10

#: Connections that may wait while all threads are busy.
QUEUE = 512


class CannotListen(OSError):
    """The address can't be listened on; the message says which and why."""


def listen(application: collections.abc.Callable[..., typing.Any], host: str, port: int, threads: int) -> wsgi.Server:
    """A server that accepts connections from now on and serves them once :func:`serve` runs; port 0 takes a free one."""
    server = wsgi.Server(
        (host, port),
        application,
        numthreads=threads,
        request_queue_size=QUEUE,
        shutdown_timeout=GRACE,
    )
    try:
        server.prepare()
    except OSError as error:
        # cheroot puts the system's error into a text of its own.
        reason = re.search(r'\[Errno -?\d+] ([^)]*)', str(error))
        raise CannotListen(f'cannot listen on {host} port {port}: {reason[1] if reason else error}') from None
    return server


def url(server: wsgi.Server) -> str:
    """The address of a server that listens."""
    host, port = server.bind_addr[:2]
    return f'http://[{host}]:{port}' if ':' in host else f'http://{host}:{port}'


def serve(server: wsgi.Server) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are answered before this returns."""
    stopper = threading.Thread(target=server.stop, name='stopper')

    def stop(_signal: int, _frame: types.FrameType | None) -> None:
        if stopper.ident is None:
            stopper.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve()
    if stopper.ident is not None:
        stopper.join()
