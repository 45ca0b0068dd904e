"""Marks: what is kept beside a document for the transactions of
:mod:`.transactions`. The names of keys are on disk.
"""

import typing

#: The index, sequence number and primary term of a document that was read. No
#: two states of a document are at the same point.
Point = list[typing.Any]


class Lock(typing.TypedDict):
    """What lies on a part until its transaction is applied or void."""

    #: The transaction.
    name: str
    #: Kind and ``_id`` of the primary document, which decides.
    primary: list[str]
    #: The point at which the primary document was read.
    at: Point
    #: What the part becomes, as :meth:`.codec.Value.dump`; None: it is
    #: deleted.
    after: dict[str, typing.Any] | None


class Entry(typing.TypedDict):
    """A transaction that a primary document has committed."""

    name: str
    #: Kind and ``_id`` of each part.
    parts: list[list[str]]
    #: Kind and ``_id`` of what is deleted afterwards.
    trash: list[list[str]]


class Mark(typing.TypedDict, total=False):
    """All marks of a document."""

    #: The transaction of the last write: by it a writer knows its own write
    #: when the answer was lost.
    write: str
    #: The transactions of the writes before that one, the newest last: by them
    #: it knows its own write when others have written since.
    earlier: list[str]
    #: On a part: who is about to change it.
    lock: Lock
    #: On a primary document: what it has committed, until all parts are known
    #: to be applied.
    done: list[Entry]
    #: A tombstone: the document was deleted, and ``done`` is still needed.
    gone: bool
    #: Written as it was, only to be at another point: see :mod:`.outcomes`.
    moved: str


#: Names of earlier writes that a document keeps.
_MAX_EARLIER = 8


def names(mark: Mark) -> list[str]:
    """Return the names of the last writes of a document, the newest last."""
    last = mark.get('write')
    return [*mark.get('earlier', ()), *([last] if last else [])]


def written(before: Mark, name: str, done: list[Entry]) -> Mark:
    """Return the mark of a document that a transaction writes over what had
    the mark ``before``. ``done``: what it still says to have committed.
    """
    mark: Mark = {'write': name}
    earlier = names(before)[-_MAX_EARLIER:]
    if earlier:
        mark['earlier'] = earlier
    if done:
        mark['done'] = done
    return mark


def are_all_known(before: Mark, now: Mark) -> bool:
    """Tell whether a document names all that has written it between two
    readings.
    """
    known = names(before)
    return bool(known) and known[-1] in names(now)
