"""How the built-in server waits for its connections."""

import socket

import testtools
from waitress import wasyncore

from freezer_api.cmd import polling


class Counting(wasyncore.dispatcher):
    """A connection that counts how often it is asked what it waits for, and keeps what it reads."""

    def __init__(self, connection: socket.socket, channels: dict):
        super().__init__(connection, map=channels)
        self.asked, self.got = 0, b''

    def readable(self) -> bool:
        """Always."""
        self.asked += 1
        return True

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read(self) -> None:
        """Keep it."""
        self.got += self.socket.recv(100)


class TestPoller(testtools.TestCase):
    def test_idle_connections_cost_nothing(self):
        """Only those are asked to which something has happened."""
        channels: dict = {}
        pairs = [socket.socketpair() for _ in range(50)]
        for pair in pairs:
            for end in pair:
                self.addCleanup(end.close)
        counting = [Counting(near, channels) for near, _far in pairs]
        poller = polling.Poller(channels)
        poller.poll(0)
        before = sum(one.asked for one in counting)
        poller._next_sweep = float('inf')
        for _ in range(100):
            pairs[7][1].send(b'x')
            poller.poll(1)
        self.assertEqual(b'x' * 100, counting[7].got)
        self.assertEqual(before + 99, sum(one.asked for one in counting))
        self.assertEqual({1}, {one.asked for one in counting if one is not counting[7]})
