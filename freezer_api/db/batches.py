"""Many things, a bounded number of them at once."""

import collections.abc
import typing

T = typing.TypeVar('T')


def batches(
    items: collections.abc.Sequence[T], size: int
) -> collections.abc.Iterator[collections.abc.Sequence[T]]:
    """Yield parts of a sequence, in its order, of ``size`` items at most."""
    for first in range(0, len(items), size):
        # Beyond the end there is nothing, and a slice doesn't mind.
        following = first + size
        yield items[first:following]
