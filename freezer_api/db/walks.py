"""What drivers tell of walks that compare what is derived of documents with
them.
"""

import dataclasses

#: What is walked beside the kinds of documents: what is derived of documents
#: that aren't there.
LEFT = 'left'


#: What to do about two documents that should have the same claim.
TWO_CLAIMS = (
    'Delete one of both documents through the API, and run this again.'
)


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """A difference between a document and what is derived of it, or what
    another document says of it; ``what`` tells it to operators.

    ``mendable``: :meth:`Storage.reindex` mends it. ``other``: the kind and id
    of the document that it contradicts; :meth:`Storage.repair` makes both
    agree. ``advice``: what is to be done where neither helps.
    """

    kind: str
    project_id: str
    id: str
    what: str
    mendable: bool = True
    other: tuple[str, str] | None = None
    advice: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class WalkStep:
    """A step of a walk: where the next one begins (None: nothing is left), and
    how many documents it looked at.

    ``outdated`` of them are indexed by an earlier version than this release's
    (``search_pairs.INDEX_VERSION``).
    """

    place: tuple[int | str, ...] | None
    looked: int
    drifts: tuple[Drift, ...] = ()
    outdated: int = 0
