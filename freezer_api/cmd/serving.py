"""The built-in server: waitress, with what keeps slow, greedy and malformed
clients from being noticed by others.

One thread of a process accepts, reads and writes for all connections, the
others run requests that have arrived whole. So no client holds a thread.
Connections and memory are bounded: where they run short, those go that have
waited longest for their client.
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

#: Bytes of bodies and answers that a process keeps for all connections
#: together.
MAX_BUFFERED = 256 * 1024 * 1024
#: After how many bytes more they are counted again.
COUNT_EVERY = 16 * 1024 * 1024
#: Seconds in which what is left of a request must come once the server is told
#: to stop.
LAST_SECONDS = 3
#: Connections that are accepted at once.
ACCEPTS = 16
#: Errors of ``accept`` that say that something has run short.
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
        #: The connection that a thread works for.
        self.serviced = threading.local()
        dispatcher = http_answers.Dispatcher()
        dispatcher.set_thread_count(adj.threads)
        self.stopping = self.reloading = False
        #: Bytes since the connections' bytes were counted, and whether there
        #: were too many.
        self.uncounted, self.crowded = 0, False
        self._paused_until = self._told = 0.0
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
        """Whether to accept; what is due is done first."""
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = now + self.adj.cleanup_interval
            self.maintenance(now)
        elif self.uncounted > COUNT_EVERY:
            self._make_room()
        return (
            self.accepting
            and now >= self._paused_until
            and (not self._is_full() or self._oldest() is not None)
        )

    def handle_accept(self) -> None:
        """Accept connections. Where there are as many as may be, the one goes
        that has waited longest for its client.
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
                continue
            if (
                len(self.active_channels) > self.adj.connection_limit
                and not self._close_oldest()
            ):
                return

    def handle_error(self) -> None:
        """Log an error of this class; the server goes on."""
        LOG.error('Connections can not be accepted.', exc_info=sys.exc_info())
        self._paused_until = time.time() + 1

    def maintenance(self, now: float) -> None:
        """Give up clients that have been waited for long enough."""
        for each in list(self.active_channels.values()):
            if each.is_late(now):
                each.give_up()
        self._make_room()

    def serve(self, reload: collections.abc.Callable[[], None]) -> bool:
        """Serve until :attr:`stopping` is set and all requests have been
        answered; whether they have been in time.

        ``reload`` is called in this thread when :attr:`reloading` is set.
        """
        while not self.stopping:
            self._poll(1)
            if self.reloading:
                self.reloading = False
                reload()
        self.accepting = False
        self.poller.forget(self._fileno)
        self.poller.sweep()
        self.del_channel()
        self.socket.close()
        began = time.time()
        while (
            left := self._unfinished(time.time() - began)
        ) and time.time() < began + self.adj.grace:
            self._close_idle(time.time() - began)
            self.poller.poll(0.1)
        for each in list(self.active_channels.values()):
            if not each.works:
                each.handle_close()
        self.task_dispatcher.shutdown(timeout=1 if not left else 0)
        return not left

    def pull_trigger(self) -> None:
        """Wake the main thread, which is to look at the connection that this
        thread works for.
        """
        serviced = getattr(self.serviced, 'channel', None)
        if serviced is not None:
            self.poller.changed.append(serviced._fileno)
        super().pull_trigger()

    def _poll(self, seconds: float) -> None:
        """Let connections go on; this one, which does what is due, is asked
        each time.
        """
        self.poller.changed.append(self._fileno)
        self.poller.poll(seconds)

    def stop(self) -> None:
        """Have :meth:`serve` end; may be called by a signal's handler."""
        self.stopping = True
        self.pull_trigger()

    def _close_idle(self, seconds: float) -> None:
        """Close connections that don't keep the server from stopping after so
        many seconds.
        """
        for each in list(self.active_channels.values()):
            if not self._is_awaited(each, seconds):
                each.handle_close()

    def _unfinished(self, seconds: float) -> bool:
        return any(
            self._is_awaited(each, seconds)
            for each in list(self.active_channels.values())
        )

    def _is_awaited(self, each: connections.Channel, seconds: float) -> bool:
        """Whether a connection keeps the server from stopping after so many
        seconds.
        """
        if each.draining is not None:
            return False
        return bool(
            each.requests
            or each.total_outbufs_len
            or (each.request is not None and seconds < LAST_SECONDS)
        )

    def _is_full(self) -> bool:
        return len(self.active_channels) >= self.adj.connection_limit

    def _oldest(self) -> connections.Channel | None:
        """The connection that has waited longest for its client; None if all
        have work to do.
        """
        waiting = [
            each
            for each in list(self.active_channels.values())
            if not each.works
        ]
        return min(waiting, key=lambda each: each.since, default=None)

    def _close_oldest(self) -> bool:
        oldest = self._oldest()
        if oldest is None:
            return False
        oldest.handle_close()
        return True

    def _make_room(self) -> None:
        """Count the bytes that connections hold, and close the oldest that
        hold some until there is room again.
        """
        self.uncounted = 0
        self.poller.sweep()
        held = [
            (each.since, each.held, each)
            for each in list(self.active_channels.values())
        ]
        total = sum(size for _since, size, _each in held)
        if total > MAX_BUFFERED:
            for _since, size, each in sorted(held, key=lambda entry: entry[0]):
                if total > MAX_BUFFERED / 2 and size and not each.works:
                    each.handle_close()
                    total -= size
        self.crowded = total > MAX_BUFFERED

    def _pause(self, error: OSError) -> None:
        """Accept nothing for a second, unless a connection can go in favour of
        the next one.
        """
        now = time.time()
        if not self._close_oldest():
            self._paused_until = now + 1
        if now > self._told + 60:
            self._told = now
            LOG.warning('Connections can not be accepted: %s', error)
