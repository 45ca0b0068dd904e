"""The processes of ``freezer-api``: one that serves, or one that sees to it
that several do; what signals do to them.
"""

import collections.abc
import contextlib
import ctypes
import gc
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
from freezer_api.cmd import http_requests, serving

LOG = logging.getLogger(__name__)

#: Connections that may wait to be accepted.
BACKLOG = 1024
#: Seconds that a process has beyond its grace, and that lie between two starts
#: of one that keeps failing.
SLACK = 3
PAUSE = 1
#: Seconds after which is looked for processes that have ended.
POLL = 0.1
#: Files that a process has open besides its connections: some, and some more
#: for each thread.
FILES, FILES_PER_THREAD = 50, 4
MIN_CONNECTIONS = 10
#: Bytes that are received at once.
RECEIVED = 64 * 1024
#: More bytes than any answer has: no answer is written to a file.
MEMORY_ONLY = 1 << 40
#: Blocks of as many bytes are given back once they are free; the number is
#: that of glibc.
LARGE_BLOCK = 1024 * 1024
M_MMAP_THRESHOLD = -3
#: How many more objects there are until the youngest are looked at for cycles,
#: and so on for the others.
THRESHOLDS = (20_000, 20, 10)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

Reload = collections.abc.Callable[[], None]
Serve = collections.abc.Callable[[int], bool]


class CannotListen(OSError):
    """The address can't be listened on; the message says which and why."""


def listen(host: str, port: int) -> socket.socket:
    """A socket on which connections wait from now on until they are served;
    port 0 takes a free one.
    """
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" stands for all interfaces, IPv4's too.
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
    """The address of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return (
        f'http://[{host}]:{port}' if ':' in host else f'http://{host}:{port}'
    )


def serve(
    listening: socket.socket,
    application: middleware.Application,
    settings: http_requests.Settings,
    reload: Reload,
    lifeline: int | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT; whether all requests that had begun were
    answered before the grace was over.

    ``reload`` is called on SIGHUP, which interrupts nothing. A second signal
    to stop ends the grace, unless there is a ``lifeline``: the end of a pipe
    which tells, when it is closed, that the process that keeps this one has
    ended.
    """
    # The server's threads inherit this: signals are for the main thread, which
    # they have to wake.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    _give_memory_back()
    spare_the_collector()
    server = serving.Server(application, listening, settings)

    def stop(_number: int, _frame: types.FrameType | None) -> None:
        if server.stopping and lifeline is None:
            settings.grace = 0
        server.stop()

    def hang_up(_number: int, _frame: types.FrameType | None) -> None:
        server.reloading = True
        server.pull_trigger()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, hang_up)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if lifeline is not None:
        Lifeline(lifeline, server)
    return server.serve(reload)


def _give_memory_back() -> None:
    """Keep no memory that large pages took. By default each thread may keep
    some of them.
    """
    with contextlib.suppress(OSError, AttributeError):
        # Other C libraries don't have it.
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def spare_the_collector() -> None:
    """Have the cyclic garbage collector look seldom, and never at what is
    there already.

    A body of a million empty lists has no cycles; to find that out, over and
    over with all the modules, took three quarters of the time that it cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


class Lifeline(wasyncore.file_dispatcher):
    """Stops a server when the process at the other end of a pipe has ended,
    however that was.
    """

    def __init__(self, pipe: int, server: serving.Server):
        super().__init__(pipe, map=server._map)
        self._server = server

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read(self) -> None:
        """Nothing is ever written to it."""

    def handle_close(self) -> None:
        """The other end was closed."""
        self.close()
        self._server.stop()


class Supervisor:
    """Keeps processes running that call ``serve`` each, with the pipe that
    tells when this one ends.
    """

    def __init__(self, count: int, serve: Serve, reload: Reload, grace: float):
        self._count, self._serve, self._reload, self._grace = (
            count,
            serve,
            reload,
            grace,
        )
        self._workers: set[int] = set()
        self._next_start = 0.0
        self._lifeline, self._held = os.pipe()

    def run(self) -> bool:
        """Until SIGTERM or SIGINT; whether all of them ended by themselves, in
        time.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while True:
            self._start_missing()
            told = signal.sigtimedwait(SIGNALS, PAUSE)
            if told is None:
                continue
            if told.si_signo in (signal.SIGTERM, signal.SIGINT):
                return self._stop()
            if told.si_signo == signal.SIGHUP:
                self._reload()
                self._tell(signal.SIGHUP)
            for pid, status in self._reap():
                LOG.error(
                    'Process %d ended with %d; another one takes its place.',
                    pid,
                    status,
                )

    def _start_missing(self) -> None:
        """Start processes in place of those that have ended, but not all the
        time where they end at once.
        """
        now = time.monotonic()
        if len(self._workers) < self._count and now >= self._next_start:
            self._next_start = now + PAUSE
            while len(self._workers) < self._count:
                self._workers.add(self._start())

    def _start(self) -> int:
        """Another process; its number."""
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.close(self._held)
            # Signals wait until the server has its handlers.
            code = 0 if self._serve(self._lifeline) else 1
        except BaseException:
            LOG.exception('A process that serves failed.')
        finally:
            logging.shutdown()
            os._exit(code)

    def _reap(self) -> list[tuple[int, int]]:
        """The processes that have ended since, with their exit codes."""
        ended = []
        for pid in list(self._workers):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._workers.remove(pid)
                ended.append((pid, os.waitstatus_to_exitcode(status)))
        return ended

    def _tell(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)

    def _stop(self) -> bool:
        """End all of them, those that hang too, or at once when told so a
        second time.
        """
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + self._grace + SLACK
        codes: list[int] = []
        while self._workers:
            codes += [code for _pid, code in self._reap()]
            told = signal.sigtimedwait(SIGNALS, POLL)
            again = told is not None and told.si_signo in (
                signal.SIGTERM,
                signal.SIGINT,
            )
            if self._workers and (again or time.monotonic() > deadline):
                LOG.warning(
                    'Processes %s are killed: they have requests that do not'
                    ' end.',
                    sorted(self._workers),
                )
                self._tell(signal.SIGKILL)
        return not any(codes)


def settings(
    conf: cfg.ConfigOpts, needs_token: bool
) -> http_requests.Settings:
    """What the configuration says of the server; ``needs_token``: bodies are
    read only of those that send a token.
    """
    made = http_requests.Settings(
        threads=conf.threads,
        connection_limit=_connections(
            conf.max_connections, FILES + FILES_PER_THREAD * conf.threads
        ),
        max_request_header_size=conf.max_header_size,
        # waitress refuses bodies of this size.
        max_request_body_size=conf.oslo_middleware.max_request_body_size + 1,
        recv_bytes=RECEIVED,
        outbuf_overflow=MEMORY_ONLY,
        outbuf_high_watermark=MEMORY_ONLY,
        cleanup_interval=1,
        log_socket_errors=False,
        # It is oslo.middleware that reads them, where the operator trusts the
        # proxy.
        clear_untrusted_proxy_headers=False,
        backlog=BACKLOG,
        ident='',
        server_name=socket.gethostname(),
    )
    made.needs_token = needs_token
    made.request_timeout, made.keep_alive_timeout = (
        conf.request_timeout,
        conf.keep_alive_timeout,
    )
    made.grace = conf.graceful_shutdown_timeout
    return made


def _connections(wanted: int, others: int) -> int:
    """How many connections a process may have; ``others`` are the files that
    it needs besides.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + others:
        soft = (
            wanted + others
            if hard == resource.RLIM_INFINITY
            else min(hard, wanted + others)
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    found = (
        wanted
        if soft == resource.RLIM_INFINITY
        else max(MIN_CONNECTIONS, min(wanted, soft - others))
    )
    if found < wanted:
        LOG.warning(
            'max_connections is %d, not %d: this process may open %d files'
            ' only.',
            found,
            wanted,
            soft,
        )
    return found


def leave(code: int) -> typing.NoReturn:
    """End this process though some of its threads don't."""
    logging.shutdown()
    os._exit(code)
