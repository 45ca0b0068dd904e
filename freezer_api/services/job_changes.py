"""What a write makes of a job: its entries resolved to actions, its client
looked at, its size bounded.
"""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.db.base import JobChange, Storage, Store
from freezer_api.domain import actions, capabilities, definitions, jobs
from freezer_api.domain.documents import ACTIONS, JOBS, Body, Document
from freezer_api.services import sizes
from freezer_api.services.common import Caller

#: Returns the ``job_actions`` that a job is to have, or raises
#: ``Unprocessable`` for an action that isn't there.
Resolve = collections.abc.Callable[[], list[Body]]
#: Returns the body of a job, from its stored state (None: there is none), its
#: ``job_actions`` and the timestamp of the write.
Compose = collections.abc.Callable[[Document | None, Resolve, int], Body]


class Overtaken(exceptions.Conflict):
    """Another request has given the job another client than the one that was
    looked up.
    """

    def __init__(self) -> None:
        super().__init__('The job has another client now.')


class _Resolution:
    """The entries of a job, resolved when somebody first needs them.

    An error in them must not hide what is wrong with the stored state: a
    failed precondition, or an id that is taken, is told first.
    """

    def __init__(
        self,
        entries: collections.abc.Sequence[actions.RequestedEntry],
        stored: collections.abc.Mapping[str, Document],
        current: Document | None,
    ):
        self._entries = entries
        self._stored = stored
        self._present = current.body['job_actions'] if current else ()
        self._result: actions.Resolution | None = None

    def entries(self) -> list[Body]:
        """Return the job's ``job_actions``."""
        return self._resolve().entries

    def new_actions(self) -> dict[str, Body]:
        """Return what to make actions of, by id."""
        return self._resolve().actions_to_create

    def _resolve(self) -> actions.Resolution:
        if self._result is None:
            self._result = actions.resolve(
                self._entries, self._stored, self._present
            )
        return self._result


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """The change of a job that ``compose`` tells, as the storage calls it.

    ``client`` is the one of ``client_id``, as it was looked up before the
    write; None if it isn't there, or wasn't looked up. ``is_whole``: the
    request describes the job as a whole; so the client has to fit in any case.
    """

    storage: Storage
    caller: Caller
    compose: Compose
    entries: collections.abc.Sequence[actions.RequestedEntry]
    client_id: str | None
    client: Document | None
    is_whole: bool = False

    def __call__(
        self,
        current: Document | None,
        stored: collections.abc.Mapping[str, Document],
        now: int,
    ) -> Store:
        resolution = _Resolution(self.entries, stored, current)
        new = self.compose(current, resolution.entries, now)
        old = current.body if current else None
        self._check_size(old, new)
        # A job whose client was deleted can still be renamed, and take events
        # and its agent's reports.
        if not self._needs_client(old, new):
            return Store(new)
        if new['client_id'] != self.client_id:
            raise Overtaken()
        made = self._make_actions(resolution.new_actions())
        return Store(self._on_client(new), actions=made)

    def _needs_client(self, old: Body | None, new: Body) -> bool:
        """Tell whether the job's client has to be there and fit."""
        if old is None or self.is_whole:
            return True
        return not _is_same(old, new, ('client_id', 'job_actions'))

    def _check_size(self, old: Body | None, new: Body) -> None:
        """Raise ``InvalidInput`` for a job that is too large."""
        # What else a caller can change of a job is bounded by itself.
        if old is None or not _is_same(
            old, new, ('description', 'job_actions')
        ):
            sizes.check_document(
                self.storage,
                JOBS,
                new,
                'job_actions',
                old,
                jobs.size,
            )

    def _make_actions(
        self, definitions: collections.abc.Mapping[str, Body]
    ) -> dict[str, Body]:
        """Return the actions that are made with the job, by id."""
        made = {}
        for id, definition in definitions.items():
            action = actions.created(
                id,
                self.caller.project_id,
                self.caller.user_id,
                definition,
            )
            # The job was measured already. But its other keys hide some of the
            # values of a definition, so an action of it may have more.
            sizes.check_document(self.storage, ACTIONS, action, 'job_actions')
            made[id] = action
        return made

    def _on_client(self, job: Body) -> Body:
        """Return the job marked with its client; ``Unprocessable`` if the
        client is missing or can't execute it.
        """
        if self.client is None:
            raise exceptions.Unprocessable(
                f'client_id: client {job["client_id"]} could not be found.',
                'job.client-not-found',
            )
        found = []
        for number, entry in enumerate(job['job_actions']):
            place = f'job_actions[{number}].freezer_action'
            definition = entry['freezer_action']
            definitions.check_keys(definition, place)
            found.append((place, definition))
        capabilities.check_all(found, self.client.body['client'])
        return jobs.on_client(job, self.client)


def of_body(
    compose: collections.abc.Callable[[Document | None], Body],
) -> JobChange:
    """Return the change of a job that needs nothing but its stored state."""

    def change(current: Document | None, stored: object, now: int) -> Store:
        """Store what becomes of the job."""
        return Store(compose(current))

    return change


def references(
    entries: collections.abc.Iterable[actions.RequestedEntry],
) -> frozenset[str]:
    """Return the ids of the actions that entries refer to."""
    return frozenset(
        entry.action_id for entry in entries if entry.action_id is not None
    )


def _is_same(
    old: Body, new: Body, keys: collections.abc.Iterable[str]
) -> bool:
    return all(new[key] == old[key] for key in keys)
