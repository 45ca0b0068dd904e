"""What drivers tell of walks that hold what is derived of documents against
them.
"""

import dataclasses

#: What is walked beside the kinds of documents where they are held against
#: what is derived of them: all that is derived of some document and stands
#: where none is.
LEFT = 'left'


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """What isn't as a document has it, or two documents have each other;
    ``what`` is for operators.

    ``mendable``: :meth:`Storage.reindex` makes it so.
    """

    kind: str
    project_id: str
    id: str
    what: str
    mendable: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A step of a walk: where the next one begins (None: nothing is left), how
    many it looked at.

    ``outdated`` of them are indexed by a version before this release's
    (``search.INDEX_VERSION``).
    """

    place: tuple[int | str, ...] | None
    looked: int
    drifts: tuple[Drift, ...] = ()
    outdated: int = 0
