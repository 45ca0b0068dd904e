"""Changes of documents, as pure functions that a storage is given.

A change depends on its arguments alone, for it may be called several times on
newer states: what it says last is what takes effect.
"""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.domain.documents import Body, Document

#: A change of one document: its stored state (None: there is none) and the
#: moment, to the body to store. None deletes it, or leaves it away. The same
#: body again is no change.
Change = collections.abc.Callable[[Document | None, int], Body | None]
#: What must be true of a document that is to be deleted (None: there is none);
#: it raises a domain error if it isn't. Like a change it may be called several
#: times: what it was told last is what is deleted.
Check = collections.abc.Callable[[Document | None], None]


@dataclasses.dataclass(frozen=True, slots=True)
class JobWrite:
    """What a change makes of a job: its body, and actions to create with it in
    the same step, by id.
    """

    body: Body
    actions: collections.abc.Mapping[str, Body] = dataclasses.field(
        default_factory=dict
    )


#: A change of a job: its stored state (None: there is none), the actions that
#: were asked for, by id (those that don't exist are left away), and the
#: moment.
JobChange = collections.abc.Callable[
    [Document | None, collections.abc.Mapping[str, Document], int], JobWrite
]


@dataclasses.dataclass(frozen=True, slots=True)
class Linked:
    """A job that has an action, and the client it is for (None: deleted
    since).
    """

    job: Document
    client: Document | None


#: A change of an action: its stored state, the jobs of its project that have
#: it, and the moment.
ActionChange = collections.abc.Callable[
    [Document | None, collections.abc.Sequence[Linked], int], Body | None
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
