"""The connections between the nodes of a cluster, which tests can cut and hold while each node
still answers its own clients.

Each node publishes the port of a proxy as its own. The proxy knows which node a connection comes
from: by the process that has the other end.
"""

import collections.abc
import contextlib
import os
import pathlib
import socket
import threading

from tests.servers import process

_SIZE = 1 << 16

#: Two nodes, by their names.
Edge = frozenset[str]


class Network:
    """Stands between the nodes of one cluster."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._pids: dict[str, collections.abc.Callable[[], int | None]] = {}
        self._cut: set[Edge] = set()
        self._held: set[Edge] = set()
        self._open: dict[Edge, set[socket.socket]] = {}
        self._listening: list[socket.socket] = []

    def add(self, name: str, port: int, pid: collections.abc.Callable[[], int | None]) -> int:
        """Take connections to a node that listens on a port; the port to publish in its place."""
        listening = socket.create_server(('127.0.0.1', 0))
        self._listening.append(listening)
        self._pids[name] = pid
        threading.Thread(target=self._accept, args=(listening, name, port), daemon=True).start()
        return listening.getsockname()[1]

    def cut(self, *edges: Edge) -> None:
        """Close the connections between nodes, and take no new ones."""
        with self._lock:
            self._cut |= set(edges)
            closed = [one for edge in edges for one in self._open.pop(edge, ())]
        for one in closed:
            _close(one)

    def hold(self, *edges: Edge) -> None:
        """Pass nothing on between nodes any more, while their connections stay."""
        with self._lock:
            self._held |= set(edges)

    def heal(self) -> None:
        """Let all nodes reach each other again; what was held comes late."""
        with self._lock:
            self._cut.clear()
            self._held.clear()
            self._lock.notify_all()

    def edges_of(self, name: str) -> list[Edge]:
        """All that ties a node to the others."""
        return [frozenset((name, other)) for other in self._pids if other != name]

    def stop(self) -> None:
        """Take no connections any more."""
        self.heal()
        for one in self._listening:
            _close(one)
        with self._lock:
            left = [one for ends in self._open.values() for one in ends]
        for one in left:
            _close(one)

    def _accept(self, listening: socket.socket, name: str, port: int) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near, name, port), daemon=True).start()

    def _connect(self, near: socket.socket, name: str, port: int) -> None:
        edge = frozenset((self._owner(near.getpeername()[1]), name))
        with self._lock:
            while edge in self._held:
                self._lock.wait()
            is_cut = edge in self._cut
        try:
            if is_cut:
                raise ConnectionRefusedError
            far = socket.create_connection(('127.0.0.1', port))
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            _close(near)
            return
        with self._lock:
            self._open.setdefault(edge, set()).update((near, far))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pass_on, args=(edge, one, other), daemon=True).start()

    def _pass_on(self, edge: Edge, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(_SIZE):
                with self._lock:
                    while edge in self._held:
                        self._lock.wait()
                other.sendall(data)
        _close(one)
        _close(other)

    def _owner(self, port: int) -> str:
        """The node whose process has a connection from a port."""
        socket_name = f'socket:[{_inode(port)}]'
        for name, pid in self._pids.items():
            folder = pathlib.Path(f'/proc/{pid()}/fd')
            with contextlib.suppress(FileNotFoundError):
                for entry in folder.iterdir():
                    with contextlib.suppress(FileNotFoundError):
                        if os.readlink(entry) == socket_name:
                            return name
        return ''


def _inode(port: int) -> str:
    """The socket that is connected from a loopback port."""
    for table in ('tcp', 'tcp6'):
        for line in pathlib.Path(f'/proc/net/{table}').read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(':')[2], 16) == port:
                return fields[9]
    raise process.ServerFailed(f'nobody is connected from port {port}')


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
