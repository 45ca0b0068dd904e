"""A server that is attacked: how to speak to it byte by byte, and what it
takes meanwhile.
"""

import collections.abc
import contextlib
import re
import socket
import threading
import time
import urllib.parse

import psutil

MIB = 1024 * 1024
#: Seconds that an answer may take.
PATIENCE = 30


class Memory:
    """The resident bytes and processor seconds of the processes that listen on
    a port, and of their children.
    """

    def __init__(self, port: int):
        known = {}
        for pid in _listening(port):
            master = psutil.Process(pid)
            children = master.children(recursive=True)
            for process in (master, *children):
                known[process.pid] = process
        self.processes = list(known.values())

    def now(self) -> int:
        """Bytes at this moment."""
        total = 0
        for process in self.processes:
            # A worker may have been replaced.
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def seconds(self) -> float:
        """Processor seconds so far."""
        total = 0.0
        for process in self.processes:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    @contextlib.contextmanager
    def peak(self) -> collections.abc.Iterator[list[int]]:
        """The most that it grows by within the block, in bytes, as the list's
        only entry.
        """
        before = self.now()
        grown = [0]
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.02):
                # What is there between two looks isn't seen.
                growth = self.now() - before
                grown[0] = max(grown[0], growth)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield grown
        finally:
            ended.set()
            watching.join()


def _listening(port: int) -> set[int]:
    """Return the ids of the processes that listen on a port."""
    found = set()
    for one in psutil.net_connections('tcp'):
        is_listening = one.status == psutil.CONN_LISTEN
        if is_listening and one.laddr.port == port and one.pid:
            found.add(one.pid)
    return found


class Target:
    """The server, and how to speak to it byte by byte."""

    def __init__(self, url: str, project: str, token: str, large: int):
        parts = urllib.parse.urlsplit(url)
        self.address = (parts.hostname or '', parts.port or 80)
        prefix = parts.path.rstrip('/')
        self.path = f'{prefix}/v2/{project}/sessions'
        self.token = token
        self.large = large

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(self.address, timeout=PATIENCE)

    def head(
        self,
        *lines: str,
        method: str = 'POST',
        path: str = '',
        version: str = '1.1',
    ) -> bytes:
        """The beginning of a request, up to the empty line."""
        target = path or self.path
        every = (
            f'{method} {target} HTTP/{version}',
            'Host: localhost',
            f'X-Auth-Token: {self.token}',
            *lines,
            # The empty line, and its end.
            '',
            '',
        )
        return '\r\n'.join(every).encode()

    def exchange(self, *parts: bytes, blindly: int = 0) -> str:
        """Send parts, then ``blindly`` so many bytes more without a look at
        the answer; what came back, in short.
        """
        with self.connect() as connection:
            sent = 0
            try:
                for part in parts:
                    connection.sendall(part)
                while sent < blindly:
                    size = min(MIB, blindly - sent)
                    connection.sendall(b'x' * size)
                    sent += MIB
                failed = ''
            except OSError as error:
                reason = type(error).__name__
                failed = f', {reason} after {sent // MIB} MiB'
            # Many servers answer, and read no further.
            return self.answers(connection) + failed

    def answers(self, connection: socket.socket) -> str:
        """The status of every answer until the connection is closed, or
        nothing comes for a second.
        """
        received = b''
        connection.settimeout(PATIENCE)
        try:
            while data := connection.recv(65536):
                received += data
                # There may be a second answer, as for a smuggled request.
                connection.settimeout(1)
            end = 'closed'
        except TimeoutError:
            end = 'open'
        except OSError as error:
            end = type(error).__name__
        return f'{_describe(received)} ({end})'

    def plain(self) -> float:
        """Seconds that a plain request takes; infinite if it isn't
        answered.
        """
        began = time.monotonic()
        try:
            with self.connect() as connection:
                connection.settimeout(10)
                request = self.head('Connection: close', method='GET')
                connection.sendall(request)
                answer = connection.recv(100)
        except OSError:
            return float('inf')
        if not answer.startswith(b'HTTP/1.1 200'):
            return float('inf')
        return time.monotonic() - began


def _describe(received: bytes) -> str:
    """Return which statuses came, whether the body is the service's own
    error, and whether there is a request id.
    """
    statuses = re.findall(rb'HTTP/1\.[01] (\d\d\d)', received)
    told = b' '.join(statuses).decode()
    is_own = b'"code":' in received and b'"title":' in received
    kind = 'json' if is_own else 'text'
    if b'x-openstack-request-id' in received.lower():
        kind += ' id'
    return f'{told} {kind}'
