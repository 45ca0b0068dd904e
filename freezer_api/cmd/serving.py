"""The built-in server: waitress, made so that slow, greedy and malformed
clients do not disturb others.

The main thread accepts, reads and writes for all connections; the other
threads answer requests that have arrived completely. So a slow client holds no
thread. Connections and memory are bounded: if there are too many, the
connections are closed whose clients have kept the server waiting longest.
"""

import collections.abc
import errno
import logging
import socket
import sys
import threading
import time
import typing

from waitress import server

from freezer_api import middleware
from freezer_api.cmd import connections, http_answers, http_requests, polling

LOG = logging.getLogger(__name__)

#: Maximum bytes of requests and answers that a process has in memory for all
#: connections together.
MAX_BUFFERED = 256 * 1024 * 1024
#: Bytes after which they are counted again. To count them takes a look at
#: every connection, too much for each packet.
COUNT_EVERY = 16 * 1024 * 1024
#: Seconds within which the rest of a request must arrive after the server is
#: told to stop.
LAST_SECONDS = 3
#: Connections that are accepted before others are read from again.
ACCEPTS = 16
#: Seconds without accepting after it failed.
ACCEPT_PAUSE = 1
#: Seconds between two warnings that connections cannot be accepted.
WARN_EVERY = 60
#: Errors of ``accept`` that say that the process or system is out of files or
#: memory.
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server(server.TcpWSGIServer):
    """Listens on a socket that exists, and serves until it is told to stop."""

    next_channel_cleanup: float
    accepting: bool
    active_channels: dict[int, connections.Channel]

    channel_class = connections.Channel

    def __init__(
        self,
        application: middleware.Application,
        listening: socket.socket,
        adj: http_requests.Settings,
    ):
        channels: dict[int, typing.Any] = {}
        self.poller = polling.Poller(channels)
        #: For each thread, the connection that it works for.
        self.serviced = threading.local()
        dispatcher = http_answers.Dispatcher()
        dispatcher.set_thread_count(adj.threads)
        #: Set by signal handlers, for the main thread.
        self.stopping = False
        self.reloading = False
        #: Bytes that came in since the connections' bytes were counted.
        self.uncounted = 0
        #: Whether there were too many then, also after some were closed.
        self.is_crowded = False
        self._paused_until = 0.0
        self._warned = 0.0
        info = (
            listening.family,
            listening.type,
            listening.proto,
            listening.getsockname(),
        )
        super().__init__(
            application,
            channels,
            _sock=listening,
            dispatcher=dispatcher,
            adj=adj,
            sockinfo=info,
            bind_socket=False,
        )

    def readable(self) -> bool:
        """Tell whether to accept. The main thread asks it once a round, so
        periodic work is done here first.
        """
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = now + self.adj.cleanup_interval
            self.maintenance(now)
        elif self.uncounted > COUNT_EVERY:
            self._make_room()
        return (
            self.accepting
            and now >= self._paused_until
            # A full server still accepts if it can close another connection:
            # otherwise a few idle clients could keep everybody out.
            and (not self._is_full() or self._oldest() is not None)
        )

    def handle_accept(self) -> None:
        """Accept connections. Beyond the maximum, the connection is closed
        whose client has kept the server waiting longest.
        """
        for _ in range(ACCEPTS):
            try:
                accepted = self.accept()
                if accepted is None:
                    return
                connection, address = accepted
                self.set_socket_options(connection)
                self.channel_class(
                    self, connection, address, self.adj, map=self._map
                )
            except OSError as error:
                if error.errno in SHORTAGES:
                    self._pause(error)
                    return
                # The client has gone away meanwhile.
                continue
            if (
                len(self.active_channels) > self.adj.connection_limit
                and not self._close_oldest()
            ):
                return

    def handle_error(self) -> None:
        """Log an unexpected error of this class, and continue after a pause:
        it is likely to happen again at once.
        """
        LOG.error('Cannot accept connections.', exc_info=sys.exc_info())
        self._paused_until = time.time() + ACCEPT_PAUSE

    def maintenance(self, now: float) -> None:
        """Give up the clients that are too slow."""
        for each in list(self.active_channels.values()):
            if each.is_late(now):
                each.give_up()
        self._make_room()

    def serve(self, reload: collections.abc.Callable[[], None]) -> bool:
        """Serve until :attr:`stopping` is set, then answer the requests that
        have begun; tell whether they were answered within the grace period.

        ``reload`` is called in this thread when :attr:`reloading` is set.
        """
        while not self.stopping:
            self._poll(1)
            if self.reloading:
                self.reloading = False
                reload()
        self._stop_listening()
        finished = self._finish()
        for each in list(self.active_channels.values()):
            if not each.is_working:
                each.handle_close()
        # Threads of requests that did not finish cannot be waited for.
        self.task_dispatcher.shutdown(timeout=1 if finished else 0)
        return finished

    def _stop_listening(self) -> None:
        """Accept no more connections: clients get those of other processes."""
        self.accepting = False
        self.poller.forget(self._fileno)
        self.poller.sweep()
        self.del_channel()
        self.socket.close()

    def _finish(self) -> bool:
        """Serve requests that have begun, within the grace period; tell
        whether all were answered.
        """
        began = time.time()
        while True:
            now = time.time()
            if not self._has_unfinished(now - began):
                return True
            # The grace may change meanwhile: a second signal ends it.
            if now >= began + self.adj.grace:
                return False
            self._close_idle(now - began)
            self.poller.poll(0.1)

    def pull_trigger(self) -> None:
        """Wake the main thread, to look at the connection that this thread
        works for.
        """
        serviced = getattr(self.serviced, 'channel', None)
        if serviced is not None:
            self.poller.changed.append(serviced._fileno)
        super().pull_trigger()

    def _poll(self, seconds: float) -> None:
        """Let connections read and write. The listening one is asked each
        time, because :meth:`readable` does periodic work.
        """
        self.poller.changed.append(self._fileno)
        self.poller.poll(seconds)

    def stop(self) -> None:
        """Make :meth:`serve` end. Signal handlers may call it."""
        self.stopping = True
        self.pull_trigger()

    def _close_idle(self, seconds: float) -> None:
        """Close the connections that need not be waited for, so many seconds
        after the server was told to stop.
        """
        for each in list(self.active_channels.values()):
            if not self._is_awaited(each, seconds):
                each.handle_close()

    def _has_unfinished(self, seconds: float) -> bool:
        return any(
            self._is_awaited(each, seconds)
            for each in list(self.active_channels.values())
        )

    def _is_awaited(self, each: connections.Channel, seconds: float) -> bool:
        """Tell whether the server has to wait for a connection, so many
        seconds after it was told to stop.
        """
        if each.drain_deadline is not None:
            return False
        if each.requests or each.total_outbufs_len:
            return True
        return each.request is not None and seconds < LAST_SECONDS

    def _is_full(self) -> bool:
        return len(self.active_channels) >= self.adj.connection_limit

    def _oldest(self) -> connections.Channel | None:
        """Find the connection whose client has kept the server waiting
        longest; None if requests of all of them run.
        """
        waiting = [
            each
            for each in list(self.active_channels.values())
            if not each.is_working
        ]
        return min(waiting, key=lambda each: each.waiting_since, default=None)

    def _close_oldest(self) -> bool:
        oldest = self._oldest()
        if oldest is None:
            return False
        oldest.handle_close()
        return True

    def _make_room(self) -> None:
        """Count the bytes in memory. If there are too many, close connections
        whose clients have kept the server waiting longest, until half of the
        maximum is free: fewer would have to be freed again at once.
        """
        self.uncounted = 0
        # Connections that were not read from may be readable again.
        self.poller.sweep()
        # Threads go on meanwhile: each connection is looked at once.
        found = [
            (each.waiting_since, each.buffered, each)
            for each in list(self.active_channels.values())
        ]
        total = sum(size for _since, size, _each in found)
        if total > MAX_BUFFERED:
            found.sort(key=lambda entry: entry[0])
            for _since, size, each in found:
                if total <= MAX_BUFFERED / 2:
                    break
                if size and not each.is_working:
                    each.handle_close()
                    total -= size
        self.is_crowded = total > MAX_BUFFERED

    def _pause(self, error: OSError) -> None:
        """Make room for the next connection, or accept nothing for a while.
        The client waits in the system's queue.
        """
        now = time.time()
        if not self._close_oldest():
            self._paused_until = now + ACCEPT_PAUSE
        if now > self._warned + WARN_EVERY:
            self._warned = now
            LOG.warning('Cannot accept connections: %s', error)
