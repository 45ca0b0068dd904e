"""Waiting for connections that can be read from or written to, at a cost that
does not grow with the number of idle ones.
"""

import collections
import select
import time
import typing

from waitress import wasyncore

#: Seconds after which all connections are asked, whether something happened to
#: them or not: whether one wants to read may depend on others (memory).
SWEEP_SECONDS = 1


class Poller:
    """Replaces waitress's loop, which asks every connection in each round
    whether it wants to read and write.

    Here only those are asked whose descriptors are in :attr:`changed`, to
    which any thread may add, and all of them once a second.
    """

    def __init__(self, channels: dict[int, typing.Any]):
        self._channels = channels
        self._epoll = select.epoll()
        #: What each registered descriptor waits for.
        self._masks: dict[int, int] = {}
        self._next_sweep = 0.0
        #: A deque: threads append to it without a lock.
        self.changed: collections.deque[int | None] = collections.deque()

    def sweep(self) -> None:
        """Ask all connections in the next round."""
        self._next_sweep = 0

    def forget(self, descriptor: int | None) -> None:
        """Forget a descriptor that is about to be closed: its number will be
        given to another connection.
        """
        if descriptor is not None and self._masks.pop(descriptor, 0):
            self._epoll.unregister(descriptor)

    def poll(self, timeout: float) -> None:
        """Wait until a connection can read or write, at most ``timeout``
        seconds, and let each that can do so.
        """
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self.changed.extend(list(self._channels))
        # As many as there are now: threads may add more meanwhile.
        count = len(self.changed)
        changed = {self.changed.popleft() for _ in range(count)}
        for descriptor in changed:
            if descriptor in self._channels:
                self._ask(descriptor)
        for descriptor, flags in self._epoll.poll(timeout):
            found = self._channels.get(descriptor)
            if found is not None:
                wasyncore.readwrite(found, flags)
                # What it waits for now may be something else.
                self.changed.append(descriptor)

    def _ask(self, descriptor: int) -> None:
        """Register what a connection waits for now."""
        channel = self._channels[descriptor]
        mask = 0
        if channel.readable():
            mask |= select.EPOLLIN
        if channel.writable() and not channel.accepting:
            mask |= select.EPOLLOUT
        known = self._masks.get(descriptor, 0)
        if mask == known:
            return
        self._masks[descriptor] = mask
        if not mask:
            self._epoll.unregister(descriptor)
        elif known:
            self._epoll.modify(descriptor, mask)
        else:
            self._epoll.register(descriptor, mask)
