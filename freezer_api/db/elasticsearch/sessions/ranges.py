"""Sets of tags as ascending ranges, each a list of its first and last tag: a
session says so of which runs records are kept.
"""

import collections.abc

Ranges = list[list[int]]


def count(ranges: Ranges) -> int:
    """Return how many tags there are."""
    return sum(last - first + 1 for first, last in ranges)


def has(ranges: Ranges, tag: int) -> bool:
    """Tell whether a tag is there."""
    return any(first <= tag <= last for first, last in ranges)


def tags(ranges: Ranges) -> collections.abc.Iterator[int]:
    """Return all tags, ascending."""
    for first, last in ranges:
        yield from range(first, last + 1)


def lowest(ranges: Ranges, spared: int) -> int | None:
    """Return the lowest tag other than ``spared``, None if there is none."""
    for tag in tags(ranges):
        if tag != spared:
            return tag
    return None


def with_tags(ranges: Ranges, more: collections.abc.Iterable[int]) -> Ranges:
    """Return ranges with more tags, some of which may be there already."""
    result: Ranges = []
    for tag in sorted({*tags(ranges), *more}):
        result = with_tag(result, tag)
    return result


def with_tag(ranges: Ranges, tag: int) -> Ranges:
    """Return ranges with one more tag, which is no lower than the others."""
    # Records are written in the order of runs: this is at the end.
    if not ranges:
        return [[tag, tag]]
    *others, (first, last) = ranges
    if first <= tag <= last:
        return ranges
    if last == tag - 1:
        return [*others, [first, tag]]
    return [*ranges, [tag, tag]]


def without_tag(ranges: Ranges, tag: int) -> Ranges:
    """Return ranges without one of their tags."""
    result: Ranges = []
    for first, last in ranges:
        if not first <= tag <= last:
            result.append([first, last])
            continue
        # What is left of the range on both sides.
        if first < tag:
            before = [first, tag - 1]
            result.append(before)
        if tag < last:
            after = [tag + 1, last]
            result.append(after)
    return result
