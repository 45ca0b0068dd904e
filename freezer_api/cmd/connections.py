"""The connections of the built-in server: requests of one are answered in
their order, and clients that are too slow are given up.

One thread, the *main thread*, reads and writes for all connections; the methods
here run in it, except :meth:`Channel.service` and what that calls.
"""

import socket
import threading
import time
import typing

from waitress import channel

from freezer_api.cmd import http_answers, http_requests

if typing.TYPE_CHECKING:
    from freezer_api.cmd import serving

#: Bytes of unsent answers beyond which a connection's next request has to
#: wait: who asks and does not read must not fill the memory.
MAX_UNSENT = 1024 * 1024
#: Seconds within which a client must have read an answer as a whole.
SEND_SECONDS = 600
#: Seconds within which it must have read at least some of it.
STALLED_SECONDS = 60
#: A refused client that is still sending may go on for so many seconds and
#: bytes. If the connection were closed at once, its system would report an
#: error and drop the answer that says why.
DRAIN_SECONDS = 30
DRAIN_BYTES = 64 * 1024 * 1024
#: Seconds that a request waits for a free thread; then it is answered 503.
#: Its client has likely stopped waiting, and others have not.
QUEUE_SECONDS = 30


class Channel(channel.HTTPChannel):
    """A connection."""

    adj: http_requests.Settings
    server: 'serving.Server'
    #: The request that is arriving.
    request: http_requests.Request | None
    #: The request that has arrived and is not answered yet: one at most.
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

    #: Whether the client may still be sending what is not read. Then the
    #: connection is drained before it is closed, so that the client sees the
    #: answer.
    drains = False
    #: Until when it is drained (``time.time``); None before.
    drain_deadline: float | None = None
    #: Bytes that were drained.
    drained = 0
    #: What was read beyond the request that is being answered.
    unparsed = b''
    #: Whether the next request waits until the client has read the answers
    #: before it.
    is_parked = False
    #: When the last request was answered.
    answered = 0.0

    @property
    def is_working(self) -> bool:
        """Tell whether a request runs or waits for a thread."""
        return bool(self.requests) and not self.is_parked

    @property
    def waiting_since(self) -> float:
        """Tell since when the server waits for the client. A connection that
        is drained counts as the oldest: it is of no use to its client.
        """
        if self.drain_deadline is not None:
            return 0
        if self.total_outbufs_len:
            return self.answered
        # Another thread may take it away meanwhile.
        arriving = self.request
        if arriving is not None:
            return arriving.began
        return float(self.last_activity)

    @property
    def buffered(self) -> int:
        """Count the bytes of memory of its requests and answers."""
        total = int(self.total_outbufs_len) + len(self.unparsed)
        for request in self.requests:
            total += request.size
        arriving = self.request
        if arriving is not None:
            total += arriving.size
        return total

    def is_late(self, now: float) -> bool:
        """Tell whether the client is too slow: to send, to read, or to be
        done after a refusal.
        """
        if self.is_working:
            return False
        if self.drain_deadline is not None:
            return now > self.drain_deadline
        if self.total_outbufs_len:
            deadline = min(
                self.answered + SEND_SECONDS,
                self.last_activity + STALLED_SECONDS,
            )
            return bool(now > deadline)
        patience = self.adj.request_timeout
        if self.request is None:
            patience = self.adj.keep_alive_timeout
        return bool(now > self.waiting_since + patience)

    def give_up(self) -> None:
        """Close the connection, after an answer that says why if a request
        has begun to arrive.
        """
        with self.requests_lock:
            request = self.request
            if (
                request is not None
                and request.header_bytes_received
                and self.drain_deadline is None
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
        """Tell whether to read. While too much is buffered bodies are not
        read; their clients have to wait.
        """
        if self.drain_deadline is not None:
            return True
        if (
            self.server.is_crowded
            and self.request is not None
            and self.request.body_rcv is not None
        ):
            return False
        # What is behind the current request stays in the network: the client
        # cannot send more than the system's buffer takes.
        return not self.unparsed and bool(super().readable())

    def handle_read(self) -> None:
        """Read; what a refused client sends is thrown away."""
        if self.drain_deadline is None:
            super().handle_read()
            return
        try:
            self.drained += len(self.recv(self.adj.recv_bytes))
        except OSError:
            self.handle_close()
        if self.drained > DRAIN_BYTES:
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """Take what was read; tell whether it is used."""
        self.server.uncounted += len(data)
        with self.requests_lock:
            if not data or self.will_close or self.close_when_flushed:
                return False
            self.unparsed += data
            self._parse()
        return True

    def _parse_next(self) -> None:
        """Parse what is behind a request that was answered."""
        with self.requests_lock:
            if self.connected and not self.close_when_flushed:
                self._parse()
            else:
                self.unparsed = b''
        if not self.requests:
            # The main thread has to read from it again.
            self.server.pull_trigger()

    def _parse(self) -> None:
        """Parse the next request in what was read.

        Requests behind it stay bytes until it is answered: parsed, they would
        take many times as much memory, and the main thread's time, which all
        connections share.
        """
        while self.unparsed and not self.requests:
            request = self.request
            if request is None:
                request = self.request = self.parser_class(self.adj)
            self.unparsed = self.unparsed[request.received(self.unparsed) :]
            if (
                request.expect_continue
                and request.headers_finished
                and not self.sent_continue
            ):
                self.send_continue()
            if request.completed:
                self.sent_continue = False
                self.request = None
                if not request.empty:
                    self.requests.append(request)
                    self.server.add_task(self)

    def handle_write(self) -> None:
        """Send what can be sent, and close or drain the connection after its
        last answer.
        """
        if self.drains and self.close_when_flushed and not self.will_close:
            _sent, broken = self._flush_exception(self._flush_some)
            if broken:
                self.handle_close()
            elif self.connected and not self.total_outbufs_len:
                self._drain()
            return
        super().handle_write()
        if self.is_parked and not self.total_outbufs_len and self.connected:
            self.is_parked = False
            self.server.add_task(self)

    def _drain(self) -> None:
        """Close the server's side of the connection only, and wait for the
        client to close its own.
        """
        self.close_when_flushed = False
        self.drain_deadline = time.time() + DRAIN_SECONDS
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def add_channel(self, map: typing.Any = None) -> None:
        """Register with the server."""
        super().add_channel(map)
        self.server.poller.changed.append(self._fileno)

    def del_channel(self, map: typing.Any = None) -> None:
        """Unregister from the server."""
        self.server.poller.forget(self._fileno)
        super().del_channel(map)

    def service(self) -> None:
        """Answer the next request, in one of the threads."""
        self.server.serviced.channel = self
        if self.total_outbufs_len > MAX_UNSENT and self.connected:
            # handle_write() goes on with it. The thread is free for others.
            self.is_parked = True
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
        # Not locked: it only says when the bytes should be counted again.
        self.server.uncounted += self.total_outbufs_len

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Do not wait here, as waitress does, until the client has read: a
        slow client would hold a thread. :meth:`service` bounds what is unsent.
        """
