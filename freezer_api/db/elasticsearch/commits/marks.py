"""Marks: what is kept beside a document for the transactions of
:mod:`.committing`. The names of keys are on disk.
"""

import time
import typing
import uuid

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
    #: it knows its own write when others have written since. See
    #: :data:`MAX_EARLIER`.
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


#: Names of earlier writes that a document keeps at least, however old.
_MIN_EARLIER = 8
#: Names that it keeps at most, those of this many seconds. A cluster may do a
#: request once more as long as somebody waits for the answer, and only who
#: finds the own name, or all others, knows what came of it.
MAX_EARLIER = 64
KEPT_SECONDS = 60
#: Digits of a name that say when it was made.
_TIME_DIGITS = 8


def new_name() -> str:
    """Return a name that no transaction has yet; it says when it was made."""
    now = int(time.time())
    made = f'{now:0{_TIME_DIGITS}x}'
    others = uuid.uuid4().hex[_TIME_DIGITS:]
    return made + others


def names(mark: Mark) -> list[str]:
    """Return the names of the last writes of a document, the newest last."""
    earlier = mark.get('earlier', [])
    last = mark.get('write')
    if last is None:
        return earlier
    return [*earlier, last]


def written(before: Mark, name: str, done: list[Entry]) -> Mark:
    """Return the mark of a document that a transaction writes over what had
    the mark ``before``. ``done``: what it still says to have committed.
    """
    mark: Mark = {'write': name}
    earlier = _still_needed(names(before))
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
    if not known:
        # It was restored or imported, and is written for the first time.
        return not may_lack_names(now)
    return known[-1] in names(now)


def may_lack_names(mark: Mark) -> bool:
    """Tell whether a document may have forgotten names of earlier writes."""
    earlier = mark.get('earlier', ())
    return len(earlier) >= _MIN_EARLIER


def _still_needed(names: list[str]) -> list[str]:
    """Return those names that a document goes on with."""
    older = names[-MAX_EARLIER:-_MIN_EARLIER]
    last = names[-_MIN_EARLIER:]
    now = time.time()
    recent = [name for name in older if _is_recent(name, now)]
    return recent + last


def _is_recent(name: str, now: float) -> bool:
    """Tell whether a name was made within the last :data:`KEPT_SECONDS`, by
    clocks that may be apart.
    """
    made = int(name[:_TIME_DIGITS], 16)
    return abs(now - made) < KEPT_SECONDS
