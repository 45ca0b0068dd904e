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
    #: On a part: who is about to change it.
    lock: Lock
    #: On a primary document: what it has committed, and what may not have
    #: been applied to all parts yet.
    done: list[Entry]
    #: A tombstone: the document was deleted, and ``done`` is still needed.
    gone: bool
    #: Changed only to be at another point: see :mod:`.locks`.
    moved: str
