"""The built-in server's connections: what arrives on one is answered in its
order, and its client is waited for as long as is decent.
"""

import socket
import threading
import time
import typing

from waitress import channel

from freezer_api.cmd import http_answers, http_requests

if typing.TYPE_CHECKING:
    from freezer_api.cmd import serving

#: Bytes of unsent answers that keep a connection's next request waiting.
MAX_UNSENT = 1024 * 1024
#: Seconds until an answer must have been taken, and until a client must have
#: taken a part of it.
SEND_SECONDS = 600
STALLED_SECONDS = 60
#: Seconds and bytes for which a client that is still sending may go on, so
#: that it sees why it was refused.
DRAIN_SECONDS = 30
DRAIN_BYTES = 64 * 1024 * 1024
#: Seconds after which a request that no thread was free for is answered that
#: it should come later.
QUEUE_SECONDS = 30


class Channel(channel.HTTPChannel):
    """A connection."""

    adj: http_requests.Settings
    server: 'serving.Server'
    #: The one that arrives, and those that have arrived.
    request: http_requests.Request | None
    requests: list[http_requests.Request]
    total_outbufs_len: int
    will_close: bool
    close_when_flushed: bool
    connected: bool
    requests_lock: threading.Lock
    sent_continue: bool

    parser_class = http_requests.Request
    task_class = http_answers.Task
    error_task_class = http_answers.Refusal

    #: Whether a client may still be sending what nobody reads: it is closed in
    #: such a way that it sees the answer.
    drains = False
    #: Until when, and how many bytes more, it may; None before.
    draining: float | None = None
    drained = 0
    #: What has been read beyond the request that is being answered.
    unparsed = b''
    #: Whether its next request waits for the answers before it to be taken.
    parked = False
    #: When the last request had been answered.
    answered = 0.0

    @property
    def works(self) -> bool:
        """Whether a request runs, or waits for a thread."""
        return bool(self.requests) and not self.parked

    @property
    def since(self) -> float:
        """How long its client has been waited for, as the time when that
        began.
        """
        if self.draining is not None:
            return 0
        if self.total_outbufs_len:
            return self.answered
        return float(
            self.request.began
            if self.request is not None
            else self.last_activity
        )

    @property
    def held(self) -> int:
        """Bytes of requests and answers."""
        sizes = [
            each.size
            for each in (*self.requests, self.request)
            if each is not None
        ]
        return int(self.total_outbufs_len) + len(self.unparsed) + sum(sizes)

    def is_late(self, now: float) -> bool:
        """Whether its client has been waited for long enough."""
        if self.works:
            return False
        if self.draining is not None:
            return now > self.draining
        if self.total_outbufs_len:
            return now > min(
                self.answered + SEND_SECONDS,
                self.last_activity + STALLED_SECONDS,
            )
        patience = (
            self.adj.keep_alive_timeout
            if self.request is None
            else self.adj.request_timeout
        )
        return bool(now > self.since + patience)

    def give_up(self) -> None:
        """Close it; first say why if a request has begun."""
        with self.requests_lock:
            request = self.request
            if (
                request is not None
                and request.header_bytes_received
                and self.draining is None
                and not self.total_outbufs_len
            ):
                request.fail(
                    http_requests.RequestTimeout(
                        'the request did not arrive in time'
                    )
                )
                self.request = None
                self.requests.append(request)
                self.server.add_task(self)
                return
        self.handle_close()

    def readable(self) -> bool:
        """Whether to read. Bodies wait while there is no room for more of
        them.
        """
        if self.draining is not None:
            return True
        if (
            self.server.crowded
            and self.request is not None
            and self.request.body_rcv is not None
        ):
            return False
        return not self.unparsed and bool(super().readable())

    def handle_read(self) -> None:
        """Read, to throw away if the client has been refused."""
        if self.draining is None:
            super().handle_read()
            return
        try:
            self.drained += len(self.recv(self.adj.recv_bytes))
        except OSError:
            self.handle_close()
        if self.drained > DRAIN_BYTES:
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """Take what has been read."""
        self.server.uncounted += len(data)
        with self.requests_lock:
            if not data or self.will_close or self.close_when_flushed:
                return False
            self.unparsed += data
            self._parse()
        return True

    def _parse_next(self) -> None:
        """Go on with what stands behind a request that has been answered."""
        with self.requests_lock:
            if self.connected and not self.close_when_flushed:
                self._parse()
            else:
                self.unparsed = b''
        if not self.requests:
            # It is readable again.
            self.server.pull_trigger()

    def _parse(self) -> None:
        """Find the next request in what has been read. Those behind it stay
        bytes until it has been answered: they would take many times as much
        memory, and the time of this thread, which is everybody's.
        """
        while self.unparsed and not self.requests:
            request = self.request = self.request or self.parser_class(
                self.adj
            )
            self.unparsed = self.unparsed[request.received(self.unparsed) :]
            if (
                request.expect_continue
                and request.headers_finished
                and not self.sent_continue
            ):
                self.send_continue()
            if request.completed:
                self.sent_continue, self.request = False, None
                if not request.empty:
                    self.requests.append(request)
                    self.server.add_task(self)

    def handle_write(self) -> None:
        """Send what there is to be sent, and close the connection if that was
        all.
        """
        if self.drains and self.close_when_flushed and not self.will_close:
            _sent, broken = self._flush_exception(self._flush_some)
            if broken:
                self.handle_close()
            elif self.connected and not self.total_outbufs_len:
                self._drain()
            return
        super().handle_write()
        if self.parked and not self.total_outbufs_len and self.connected:
            self.parked = False
            self.server.add_task(self)

    def _drain(self) -> None:
        """Say that nothing more will come, and wait for the client to say the
        same.
        """
        self.close_when_flushed = False
        self.draining = time.time() + DRAIN_SECONDS
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def add_channel(self, map: typing.Any = None) -> None:
        """Be known to the server from now on."""
        super().add_channel(map)
        self.server.poller.changed.append(self._fileno)

    def del_channel(self, map: typing.Any = None) -> None:
        """Be known to it no more."""
        self.server.poller.forget(self._fileno)
        super().del_channel(map)

    def service(self) -> None:
        """Answer the next request, in a thread."""
        self.server.serviced.channel = self
        if self.total_outbufs_len > MAX_UNSENT and self.connected:
            self.parked = True
            self.server.pull_trigger()
            return
        request = self.requests[0]
        if (
            request.error is None
            and time.time() > request.arrived + QUEUE_SECONDS
        ):
            request.fail(http_requests.Busy(''))
        super().service()
        if self.unparsed:
            self._parse_next()
        self.answered = time.time()
        self.server.uncounted += self.total_outbufs_len

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Wait for no client: :meth:`service` sees to it that not too much is
        unsent.
        """
