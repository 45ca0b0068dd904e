"""Changes of documents, as pure functions that a storage is given.

A change depends on its arguments alone, for it may be called several times on
newer states: what it says last is what takes effect.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.domain.documents import Body, Document


@dataclasses.dataclass(frozen=True, slots=True)
class Store:
    """Store a body, as a new document or in place of the one that is there;
    the same body again changes nothing. ``answer`` is for the caller.

    ``actions`` are created with a job in the same step, by id.
    """

    body: Body
    answer: typing.Any = None
    actions: collections.abc.Mapping[str, Body] = dataclasses.field(
        default_factory=dict
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Delete the document, if it is there."""

    answer: typing.Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Keep:
    """Leave the document as it is, or missing."""

    answer: typing.Any = None


Outcome = Store | Delete | Keep


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """What a decision came to: the document as it is now (None: there is
    none), and its answer.
    """

    document: Document | None
    answer: typing.Any = None

    @property
    def stored(self) -> Document:
        """Return the document of a decision that stores one."""
        if self.document is None:
            raise TypeError('The decision has not stored a document.')
        return self.document


#: Decides about a document, told its stored state (None: there is none) and
#: the timestamp.
Change = collections.abc.Callable[[Document | None, int], Outcome]
#: What must be true of a document that is to be deleted (None: there is none);
#: it raises a domain error if it isn't. Like a change it may be called several
#: times: what it was told last is what is deleted.
Check = collections.abc.Callable[[Document | None], None]


#: Decides about a job, told its stored state (None: there is none), those of
#: the actions that were asked for which exist, by id, and the timestamp. Jobs
#: are deleted by an operation of their own.
JobChange = collections.abc.Callable[
    [Document | None, collections.abc.Mapping[str, Document], int], Store
]


@dataclasses.dataclass(frozen=True, slots=True)
class Linked:
    """A job that has an action, and the client it is for (None: deleted
    since).
    """

    job: Document
    client: Document | None


#: Decides about an action, told its stored state (None: there is none), the
#: jobs of its project that have it, and the timestamp.
ActionChange = collections.abc.Callable[
    [Document | None, collections.abc.Sequence[Linked], int], Outcome
]
#: How a job follows an action that it has: the job as it is, and the action as
#: it is to be (None: deleted), to the job's body. Called after the change, as
#: often as that is.
Follow = collections.abc.Callable[[Linked, Body | None], Body]


class TrustGone(exceptions.Conflict):
    """The trust that a job was to have is no longer there; the caller takes
    another one.
    """

    code = 'trust.gone'
