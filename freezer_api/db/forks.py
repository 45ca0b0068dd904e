"""What drivers keep in memory, in processes that come of a fork."""

import collections.abc
import os
import typing
import weakref


def call_after_fork(method: collections.abc.Callable[[], typing.Any]) -> None:
    """Have a method of an object called in each child process, as long as the
    object lives: it renews connections, and locks that threads of the parent
    process may have had.
    """
    # A reference to the method would keep the object for ever.
    reference = weakref.WeakMethod(method)

    def call_if_alive() -> None:
        found = reference()
        if found is not None:
            found()

    os.register_at_fork(after_in_child=call_if_alive)
