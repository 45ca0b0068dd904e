"""Copying a whole store into another one, whichever drivers they have. Nobody
else uses either of them meanwhile.

A copy that broke off is gone on with by another one: what the target has is
compared with the source first, kind by kind, and what follows in the source is
what is missing. The target keeps its entries in the source's order, so that
both are walked side by side, a page at a time; the only gaps may be in what
was being stored when it broke off.
"""

import collections.abc
import contextlib
import dataclasses
import hashlib
import itertools
import typing

from freezer_api import exceptions
from freezer_api.db.base import RUNS, Entry, Place, Storage
from freezer_api.domain import documents

#: Records come after the sessions that they are of.
KINDS = (*documents.KINDS, RUNS)
#: Entries that are read, and stored, at once.
PAGE = 200

#: What is called with a number of entries that have been dealt with.
Advance = collections.abc.Callable[[int], typing.Any]
#: What shows how far one step is: it is given what is done and how many
#: entries that takes.
Progress = collections.abc.Callable[
    [str, int], contextlib.AbstractContextManager[Advance]
]


class Differs(exceptions.Conflict):
    """The target isn't, or hasn't become, what the source is."""


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """All of a kind in a store: how many entries, and a digest of them and
    their order.
    """

    count: int
    digest: str


@dataclasses.dataclass(frozen=True, slots=True)
class Copied:
    """What a copy of a kind came to: the entries that were in the target
    before, and what both stores have now.
    """

    before: int
    contents: Contents


def copy(
    source: Storage, target: Storage, progress: Progress
) -> dict[str, Copied]:
    """Bring all that the source has into the target, and read both again to
    see that it is there; by kind.

    ``Differs``, before anything is written, if the target has what the source
    hasn't; afterwards, if they aren't equal.
    """
    before = {kind: target.count(kind) for kind in KINDS}
    places = {kind: _compare(source, target, kind, progress) for kind in KINDS}
    for kind, place in places.items():
        with progress(
            f'copying {kind}', source.count(kind) - before[kind]
        ) as advance:
            for page in pages(source, kind, place):
                target.restore(page)
                advance(len(page))
    return {
        kind: Copied(before[kind], _verify(source, target, kind, progress))
        for kind in KINDS
    }


def pages(
    storage: Storage, kind: str, after: Place = ()
) -> collections.abc.Iterator[list[Entry]]:
    """All entries of a kind behind a place."""
    while page := storage.entries(kind, after, PAGE):
        yield page
        after = page[-1].place


def contents(storage: Storage, kind: str, advance: Advance) -> Contents:
    """What is read of a kind."""
    count, digest = 0, hashlib.blake2b(digest_size=16)
    for page in pages(storage, kind):
        for entry in page:
            kept = entry.dump()
            digest.update(len(kept).to_bytes(8, 'big') + kept)
        count += len(page)
        advance(len(page))
    return Contents(count, digest.hexdigest())


def _compare(
    source: Storage, target: Storage, kind: str, progress: Progress
) -> Place:
    """Where in the source the first entry stands behind that the target
    lacks.
    """
    place: Place = ()
    gaps = 0
    originals = (entry for page in pages(source, kind) for entry in page)
    with progress(f'comparing {kind}', target.count(kind)) as advance:
        for page in pages(target, kind):
            for entry in page:
                found, skipped = _find(originals, entry, PAGE - gaps)
                gaps += skipped
                place = place if gaps else found
            advance(len(page))
    return place


def _find(
    originals: collections.abc.Iterator[Entry], entry: Entry, most: int
) -> tuple[Place, int]:
    """The place of an entry's original, and how many stand before it, ``most``
    at most; else ``Differs``.
    """
    kept = entry.dump()
    for skipped, original in enumerate(itertools.islice(originals, most + 1)):
        if original.dump() == kept:
            return original.place, skipped
    raise Differs(
        'Nothing was copied: the target has'
        f' {" ".join((entry.kind, *entry.key[1:]))} in project'
        f' {entry.project_id}, which the source has not, or not so. A copy'
        ' needs an empty store, or one that it was begun in.'
    )


def _verify(
    source: Storage, target: Storage, kind: str, progress: Progress
) -> Contents:
    """What both stores have of a kind, as they say and as it is read."""
    sides = []
    with progress(
        f'verifying {kind}', source.count(kind) + target.count(kind)
    ) as advance:
        for side, storage in (('source', source), ('target', target)):
            found = contents(storage, kind, advance)
            if found.count != (counted := storage.count(kind)):
                raise Differs(
                    f'{kind}: the {side} has {counted}, but {found.count} were'
                    ' read. Is somebody using it?'
                )
            sides.append(found)
    original, made = sides
    if original != made:
        raise Differs(
            f'{kind}: the copy is not equal: {original.count} with the digest'
            f' {original.digest} in the source, {made.count} with'
            f' {made.digest} in the target.'
        )
    return made
