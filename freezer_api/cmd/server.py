"""The processes of ``freezer-api``: one that serves, or a supervisor and
several that serve; and what signals do to them.
"""

import collections.abc
import contextlib
import ctypes
import logging
import os
import resource
import signal
import socket
import time
import types
import typing

from oslo_config import cfg
from waitress import wasyncore

from freezer_api import middleware
from freezer_api.cmd import http_requests, lifecycle, serving

LOG = logging.getLogger(__name__)

#: Connections that may wait to be accepted.
BACKLOG = 1024
#: Seconds that a worker process has beyond its grace period before it is
#: killed.
SLACK = 3
#: Seconds between two starts of worker processes: one that fails at once must
#: not be started without end.
PAUSE = 1
#: Seconds between two looks for worker processes that have ended.
POLL = 0.1
#: Files that a process has open besides its connections, and that it may have
#: open for each thread (database, log).
FILES, FILES_PER_THREAD = 50, 4
#: Connections without which it is of no use to serve.
MIN_CONNECTIONS = 10
#: Bytes that are received at once.
RECEIVED = 64 * 1024
#: More bytes than any answer has: waitress writes no answer to a file.
MEMORY_ONLY = 1 << 40
#: Bytes from which on a block of memory is returned to the system when it is
#: free, and glibc's number of this setting.
LARGE_BLOCK = 1024 * 1024
M_MMAP_THRESHOLD = -3
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

Reload = collections.abc.Callable[[], None]
Serve = collections.abc.Callable[[int], bool]


class CannotListen(OSError):
    """An address cannot be listened on; the message says which and why."""


def listen(host: str, port: int) -> socket.socket:
    """Open a socket on which connections wait from now on until they are
    accepted; port 0 selects a free port. ``CannotListen`` if that fails.
    """
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" means all interfaces, also those of IPv4.
            listening.setsockopt(
                socket.IPPROTO_IPV6,
                socket.IPV6_V6ONLY,
                int(address[0] != '::'),
            )
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        raise CannotListen(
            f'cannot listen on {host} port {port}: {error.strerror or error}'
        ) from None
    return listening


def url(listening: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    if ':' in host:
        host = f'[{host}]'
    return f'http://{host}:{port}'


def serve(
    listening: socket.socket,
    application: middleware.Application,
    settings: http_requests.Settings,
    reload: Reload,
    lifeline: int | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT; tell whether all requests that had begun
    were answered within the grace period.

    ``reload`` is called on SIGHUP; requests go on meanwhile. A second signal
    to stop ends the grace period, unless there is a ``lifeline``: the end of a
    pipe that is closed when the supervisor of this process ends.
    """
    # The server's threads inherit the blocked signals, so that the system
    # gives them to the main thread: only that can be woken by them.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    _return_free_memory()
    lifecycle.limit_garbage_collection()
    server = serving.Server(application, listening, settings)

    def stop(_number: int, _frame: types.FrameType | None) -> None:
        """Stop the server; the second time at once."""
        if server.stopping and lifeline is None:
            settings.grace = 0
        server.stop()

    def hang_up(_number: int, _frame: types.FrameType | None) -> None:
        """Have the main thread reload."""
        server.reloading = True
        server.pull_trigger()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, hang_up)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if lifeline is not None:
        Lifeline(lifeline, server)
    return server.serve(reload)


def _return_free_memory() -> None:
    """Return the memory of large answers to the system once it is free. By
    default glibc keeps some of it for each thread.
    """
    with contextlib.suppress(OSError, AttributeError):
        # Other C libraries do not have this setting.
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


class Lifeline(wasyncore.file_dispatcher):
    """Stops a server when the process at the other end of a pipe has ended,
    also if that was killed.
    """

    def __init__(self, pipe: int, server: serving.Server):
        super().__init__(pipe, map=server._map)
        self._server = server

    def writable(self) -> bool:
        """Tell that nothing is written to the pipe."""
        return False

    def handle_read(self) -> None:
        """Do nothing: the pipe is never written to, only closed."""

    def handle_close(self) -> None:
        """Stop the server: the other end was closed."""
        self.close()
        self._server.stop()


class Supervisor:
    """Keeps ``count`` worker processes running. Each calls ``serve`` with the
    end of a pipe that is closed when the supervisor ends.
    """

    def __init__(self, count: int, serve: Serve, reload: Reload, grace: float):
        self._count = count
        self._serve = serve
        self._reload = reload
        self._grace = grace
        #: The ids of the worker processes.
        self._workers: set[int] = set()
        self._next_start = 0.0
        # The system closes our end of the pipe however this process ends.
        self._lifeline, self._own_end = os.pipe()

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT; tell whether all worker processes ended
        by themselves then, in time.
        """
        # Signals are waited for, not handled: so nothing is interrupted.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while True:
            self._start_missing()
            received = signal.sigtimedwait(SIGNALS, PAUSE)
            if received is None:
                continue
            if received.si_signo in (signal.SIGTERM, signal.SIGINT):
                return self._stop()
            if received.si_signo == signal.SIGHUP:
                self._reload()
                self._send(signal.SIGHUP)
            for pid, status in self._reap():
                LOG.error(
                    'Worker process %d ended with exit code %d; starting'
                    ' another one.',
                    pid,
                    status,
                )

    def _start_missing(self) -> None:
        """Start worker processes in place of those that have ended, at most
        once in :data:`PAUSE` seconds.
        """
        now = time.monotonic()
        if len(self._workers) < self._count and now >= self._next_start:
            self._next_start = now + PAUSE
            while len(self._workers) < self._count:
                self._workers.add(self._start())

    def _start(self) -> int:
        """Start a worker process; return its id."""
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            # Only the supervisor may have it: the pipe must end with it.
            os.close(self._own_end)
            # Signals stay blocked until the server has its handlers.
            code = 0 if self._serve(self._lifeline) else 1
        except BaseException:
            LOG.exception('A worker process failed.')
        finally:
            # Never return into the code of the supervisor.
            logging.shutdown()
            os._exit(code)

    def _reap(self) -> list[tuple[int, int]]:
        """Remove the worker processes that have ended; return their ids and
        exit codes.
        """
        ended = []
        for pid in list(self._workers):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._workers.remove(pid)
                ended.append((pid, os.waitstatus_to_exitcode(status)))
        return ended

    def _send(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)

    def _stop(self) -> bool:
        """Stop all worker processes. Those that do not end within the grace
        period are killed, all of them at a second signal.
        """
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + self._grace + SLACK
        codes: list[int] = []
        while self._workers:
            codes += [code for _pid, code in self._reap()]
            received = signal.sigtimedwait(SIGNALS, POLL)
            is_second = received is not None and received.si_signo in (
                signal.SIGTERM,
                signal.SIGINT,
            )
            is_late = time.monotonic() > deadline
            if self._workers and (is_second or is_late):
                LOG.warning(
                    'Killing worker processes %s: their requests did not'
                    ' finish in time.',
                    sorted(self._workers),
                )
                self._send(signal.SIGKILL)
        return not any(codes)


def settings(
    conf: cfg.ConfigOpts, needs_token: bool
) -> http_requests.Settings:
    """Return the settings of the server from the configuration. With
    ``needs_token`` bodies of requests without a token are not read.
    """
    limit = _limit_connections(
        conf.max_connections, FILES + FILES_PER_THREAD * conf.threads
    )
    made = http_requests.Settings(
        threads=conf.threads,
        connection_limit=limit,
        max_request_header_size=conf.max_header_size,
        # waitress refuses bodies of exactly this size.
        max_request_body_size=conf.oslo_middleware.max_request_body_size + 1,
        recv_bytes=RECEIVED,
        outbuf_overflow=MEMORY_ONLY,
        outbuf_high_watermark=MEMORY_ONLY,
        cleanup_interval=1,
        log_socket_errors=False,
        # oslo.middleware reads them, if the operator trusts the proxy.
        clear_untrusted_proxy_headers=False,
        backlog=BACKLOG,
        ident='',
        server_name=socket.gethostname(),
    )
    made.needs_token = needs_token
    made.log_requests = conf.api.log_requests
    made.request_timeout = conf.request_timeout
    made.keep_alive_timeout = conf.keep_alive_timeout
    made.grace = conf.graceful_shutdown_timeout
    return made


def _limit_connections(wanted: int, other_files: int) -> int:
    """Return how many connections the process may have: ``wanted``, or fewer
    if it may not open as many files. The soft limit of files is raised if
    that helps.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + other_files
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    soft = needed
    if hard != resource.RLIM_INFINITY:
        soft = min(hard, needed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    possible = max(MIN_CONNECTIONS, soft - other_files)
    if possible < wanted:
        LOG.warning(
            'max_connections is reduced from %d to %d: this process may only'
            ' open %d files.',
            wanted,
            possible,
            soft,
        )
    return min(possible, wanted)


def leave(code: int) -> typing.NoReturn:
    """End this process without waiting for its threads."""
    logging.shutdown()
    os._exit(code)
