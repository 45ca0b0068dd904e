"""Waiting for what connections wait for, at a cost that doesn't grow with
those that say nothing.
"""

import collections
import select
import time
import typing

from waitress import wasyncore

#: Seconds after which all connections are looked at, whether something
#: happened to them or not.
SWEEP_SECONDS = 1


class Poller:
    """In place of waitress's loop, which asks every connection what it waits
    for each time.

    Here those are asked whose descriptors are in :attr:`changed`, to which any
    thread may add, and all of them once a second.
    """

    def __init__(self, channels: dict[int, typing.Any]):
        self._channels = channels
        self._epoll = select.epoll()
        self._masks: dict[int, int] = {}
        self._next_sweep = 0.0
        self.changed: collections.deque[int | None] = collections.deque()

    def sweep(self) -> None:
        """Look at all connections the next time."""
        self._next_sweep = 0

    def forget(self, descriptor: int | None) -> None:
        """One is going to be closed."""
        if descriptor is not None and self._masks.pop(descriptor, 0):
            self._epoll.unregister(descriptor)

    def poll(self, timeout: float) -> None:
        """Let connections read and write that can, once one can or the time
        has passed.
        """
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self.changed.extend(list(self._channels))
        for descriptor in {
            self.changed.popleft() for _ in range(len(self.changed))
        }:
            if descriptor in self._channels:
                self._ask(descriptor)
        for descriptor, flags in self._epoll.poll(timeout):
            found = self._channels.get(descriptor)
            if found is not None:
                wasyncore.readwrite(found, flags)
                self.changed.append(descriptor)

    def _ask(self, descriptor: int) -> None:
        """Wait for what a connection waits for now."""
        channel = self._channels[descriptor]
        mask = select.EPOLLIN if channel.readable() else 0
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
