"""Copying a whole store into another one, whichever drivers they have. Nobody
else uses either of them meanwhile.

If a copy is interrupted, the next one resumes it. Kind by kind it compares
what the target has with the source; what follows in the source is missing. The
target keeps its entries in the order of the source, so both are read side by
side, a page at a time. Entries can be missing in between only in the page that
was being stored when the copy was interrupted.
"""

import collections.abc
import contextlib
import dataclasses
import hashlib
import itertools

from freezer_api import exceptions
from freezer_api.db.base import RUNS, Entry, Place, Storage
from freezer_api.domain import documents

#: In this order: a record can be stored only where its session is.
KINDS = (*documents.KINDS, RUNS)
#: Entries that are read, and stored, by one call.
PAGE = 200

#: Is called with the number of entries that were done since the last call.
Advance = collections.abc.Callable[[int], object]
#: Shows the progress of one step: given what is done, and how many entries
#: that takes.
Progress = collections.abc.Callable[
    [str, int], contextlib.AbstractContextManager[Advance]
]


class Differs(exceptions.Conflict):
    """The target has something that the source hasn't, or isn't equal to it
    after a copy.
    """


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """All of a kind in a store: how many entries, and a digest of them in
    their order.
    """

    count: int
    digest: str


@dataclasses.dataclass(frozen=True, slots=True)
class Copied:
    """What came of copying a kind: how many entries the target had before, and
    what both stores have now.
    """

    before: int
    contents: Contents


def copy(
    source: Storage, target: Storage, progress: Progress
) -> dict[str, Copied]:
    """Copy all that the source has into the target, and read both again to
    see that it is there; return what came of it by kind.

    ``Differs``, before anything is written, if the target has what the source
    hasn't; afterwards, if they aren't equal.
    """
    before = {}
    places = {}
    for kind in KINDS:
        before[kind] = target.count(kind)
    # All kinds are compared before any is copied: nothing is to be written
    # into a store that turns out to be another one's.
    for kind in KINDS:
        places[kind] = _compare(source, target, kind, progress)
    for kind, place in places.items():
        missing = source.count(kind) - before[kind]
        with progress(f'copying {kind}', missing) as advance:
            for page in pages(source, kind, place):
                target.restore(page)
                advance(len(page))
    copied = {}
    for kind in KINDS:
        both = _verify(source, target, kind, progress)
        copied[kind] = Copied(before[kind], both)
    return copied


def pages(
    storage: Storage, kind: str, after: Place = ()
) -> collections.abc.Iterator[list[Entry]]:
    """Yield all entries of a kind behind a place, page by page."""
    page = storage.entries(kind, after, PAGE)
    while page:
        yield page
        page = storage.entries(kind, page[-1].place, PAGE)


def contents(storage: Storage, kind: str, advance: Advance) -> Contents:
    """Read all of a kind; return how much it is, and its digest."""
    count, digest = 0, hashlib.blake2b(digest_size=16)
    for page in pages(storage, kind):
        for entry in page:
            kept = entry.dump()
            # With the length no two lists of entries are the same bytes.
            digest.update(len(kept).to_bytes(8, 'big') + kept)
        count += len(page)
        advance(len(page))
    return Contents(count, digest.hexdigest())


def _compare(
    source: Storage, target: Storage, kind: str, progress: Progress
) -> Place:
    """Return the place in the source behind which the target lacks entries:
    that of the last entry before the first one missing.
    """
    place: Place = ()
    missing = 0
    originals = _entries(source, kind)
    with progress(f'comparing {kind}', target.count(kind)) as advance:
        for page in pages(target, kind):
            for entry in page:
                # The page that was being stored has no more entries than
                # PAGE, so neither can more be missing.
                found, skipped = _find(originals, entry, PAGE - missing)
                missing += skipped
                if not missing:
                    place = found
            advance(len(page))
    return place


def _entries(storage: Storage, kind: str) -> collections.abc.Iterator[Entry]:
    """Yield all entries of a kind."""
    for page in pages(storage, kind):
        yield from page


def _find(
    originals: collections.abc.Iterator[Entry],
    entry: Entry,
    max_skipped: int,
) -> tuple[Place, int]:
    """Go on in the source to the entry that one of the target is a copy of;
    return its place, and how many others were skipped.

    ``Differs`` if it isn't among the next ones.
    """
    kept = entry.dump()
    following = itertools.islice(originals, max_skipped + 1)
    for skipped, original in enumerate(following):
        if original.dump() == kept:
            return original.place, skipped
    name = ' '.join((entry.kind, *entry.key[1:]))
    raise Differs(
        f'Nothing was copied: the target has {name} in project'
        f' {entry.project_id}, which is not in the source, or is another one'
        ' there. The target of a copy has to be an empty store, or one that'
        ' an interrupted copy was writing to.'
    )


def _verify(
    source: Storage, target: Storage, kind: str, progress: Progress
) -> Contents:
    """Return what both stores have of a kind, as it is read; ``Differs`` if
    they aren't equal.
    """
    total = source.count(kind) + target.count(kind)
    with progress(f'verifying {kind}', total) as advance:
        original = _read_counted(source, 'source', kind, advance)
        copied = _read_counted(target, 'target', kind, advance)
    if original != copied:
        raise Differs(
            f'{kind}: the copy is not equal: {original.count} with the digest'
            f' {original.digest} in the source, {copied.count} with'
            f' {copied.digest} in the target.'
        )
    return copied


def _read_counted(
    storage: Storage, side: str, kind: str, advance: Advance
) -> Contents:
    """Read all of a kind; ``Differs`` if it isn't as much as the store
    says.
    """
    found = contents(storage, kind, advance)
    counted = storage.count(kind)
    if found.count != counted:
        raise Differs(
            f'{kind}: the {side} has {counted}, but {found.count} were read.'
            ' Is somebody using it?'
        )
    return found
