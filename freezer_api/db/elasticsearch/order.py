"""The order in which documents come to be."""

import os
import threading
import time


class Order:
    """Numbers that grow with time within a process, by which documents are
    ordered as they come to be.
    """

    def __init__(self) -> None:
        self._last = 0
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Get a lock that no thread has: one of the parent process may have
        had it.
        """
        self._lock = threading.Lock()

    def next(self, count: int = 1) -> int:
        """Return the first of the next ``count`` numbers. They are nanoseconds
        of the machine's clock, so that those of several processes are in one
        order too, as far as their clocks are.
        """
        with self._lock:
            first = max(time.time_ns(), self._last + 1)
            self._last = first + count - 1
            return first


ORDER = Order()
os.register_at_fork(after_in_child=ORDER.reset_after_fork)
