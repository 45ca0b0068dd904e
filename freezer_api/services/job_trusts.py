"""How a job gets a trust, keeps it and loses it, where the job itself is
written or deleted.
"""

import collections.abc
import dataclasses

from freezer_api.db import refusals
from freezer_api.db.base import (
    ACTIONS_AT_ONCE,
    JobChange,
    Storage,
    Store,
    TrustGone,
    Written,
)
from freezer_api.domain import documents, jobs
from freezer_api.domain.documents import (
    ACTIONS,
    JOBS,
    Body,
    Document,
    Precondition,
)
from freezer_api.services import common, effects
from freezer_api.services.common import Caller, Last
from freezer_api.services.effects import Holder
from freezer_api.services.trusts import (
    MAX_ATTEMPTS,
    CallerTrusts,
    Credentials,
    Delegation,
    Grant,
    changed_too_often,
    credentials_of,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A change of a job, the actions that it refers to, and the client that
    the job is for, as it was looked up.

    ``is_whole``: the request describes the job as a whole. ``names_client``:
    the request names its client.
    """

    change: JobChange
    action_ids: collections.abc.Collection[str]
    client: Document
    is_whole: bool = False
    names_client: bool = False

    def needs_trust(self, current: Document | None, new: Body) -> bool:
        """Tell whether the job needs another trust than it has, if its client
        is one whose jobs have trusts.
        """
        if self.is_whole or current is None:
            return True
        old = current.body
        if old['client_id'] != new['client_id']:
            return True
        if credentials_of(old):
            return does_otherwise(old, new)
        # A job that was made before trusts were configured gets one where its
        # client is named, and goes on without one otherwise.
        return self.names_client


class _ChangeWithTrust:
    """The change of a job, with the credentials that the job has then.

    ``grant`` is the trust that was obtained for it. ``lost`` are the
    credentials that the job had and has no more, by the last call.
    """

    def __init__(self, plan: Plan, is_covered: bool):
        self._plan = plan
        self._is_covered = is_covered
        self.grant: Grant | None = None
        self.lost: Credentials | None = None
        self.is_granted = False

    def __call__(
        self,
        current: Document | None,
        stored: collections.abc.Mapping[str, Document],
        now: int,
    ) -> Store:
        wanted = self._plan.change(current, stored, now)
        had = credentials_of(current.body) if current else None
        has = self._choose(current, wanted.body, had)
        self.lost = None
        if had and (has is None or has['trust_id'] != had['trust_id']):
            self.lost = had
        self.is_granted = has is not None and has != had
        body = jobs.with_credentials(wanted.body, dict(has) if has else None)
        return Store(body, actions=wanted.actions)

    def _choose(
        self, current: Document | None, new: Body, had: Credentials | None
    ) -> Credentials | None:
        """Return the credentials that the job has from now on."""
        if self.grant is not None:
            # Given even if the job came not to need it meanwhile: else one
            # that was made for it would be left without a job.
            return self.grant.credentials
        if not self._plan.needs_trust(current, new):
            return had
        if self._is_covered:
            # The job has changed since it was looked at. The caller of this
            # looks again, and comes back with a trust.
            raise TrustGone('user_credentials: the job has no trust any more.')
        return None


def write_job(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    id: str,
    plan: Plan,
) -> Written:
    """Write a job, and give it a trust of the caller's if its client is one
    whose jobs have trusts.

    A job that stays on its client and does what it did keeps its trust, unless
    it is written as a whole. The trust that it loses ends, if no other job has
    it. ``Unprocessable`` or ``IdentityUnavailable`` if the job needs a trust
    that can't be made; ``Forbidden`` if the caller can't give one to a job
    that is to do something else.
    """
    is_covered = delegation.covers(plan.client)
    holder: Holder = ('job', id)
    trusts = CallerTrusts(storage, caller, delegation)
    for _attempt in range(MAX_ATTEMPTS):
        change = _ChangeWithTrust(plan, is_covered)
        if is_covered:
            change.grant = _obtain(storage, caller, trusts, id, plan)
        try:
            written = storage.write_job(
                caller.scope, id, change, plan.action_ids
            )
        except TrustGone:
            continue
        except Exception:
            # Where the storage became unavailable, the write may have taken
            # effect: whichever trust no job has is ended.
            trusts.release_unused(change.grant)
            trusts.release(change.lost)
            raise
        if change.is_granted:
            trusts.log_reuse(change.grant, holder)
        trusts.release(change.lost)
        return written
    raise changed_too_often('the job or its trust')


def delete_job(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    id: str,
    precondition: Precondition,
) -> None:
    """Delete a job, if it is there, and end its trust, if no other job has
    it.
    """
    deleted = Last[Document]()

    def check(job: Document | None) -> None:
        """Hold the precondition against the job, and note the job."""
        precondition.check(job)
        deleted.value = job

    trusts = CallerTrusts(storage, caller, delegation)
    try:
        was_there = storage.delete_job(caller.scope, id, check)
        if was_there and deleted.value is not None:
            session_id = deleted.value.body['session_id']
            effects.job_deleted(id, caller.project_id, session_id)
    finally:
        # The storage may have deleted it although it could not say so.
        if deleted.value is not None:
            trusts.release(credentials_of(deleted.value.body))


def does_otherwise(old: Body, new: Body) -> bool:
    """Tell whether a job does something else than before."""
    return bool(old['job_actions'] != new['job_actions'])


def _obtain(
    storage: Storage,
    caller: Caller,
    trusts: CallerTrusts,
    id: str,
    plan: Plan,
) -> Grant | None:
    """Return a trust for a job, None if it keeps what it has; or raise what
    refuses the request.
    """
    # Tried without effect first, so that no trust is made for a request that
    # is refused anyway.
    current, new = _rehearse(storage, caller, id, plan)
    if not plan.needs_trust(current, new):
        return None
    holder: Holder = ('job', id)
    had_trust = current is not None and credentials_of(current.body)
    # A job that runs by a trust already: its caller is its editor. Without
    # rights to lend the request is refused as one that the caller may not do.
    if current is not None and had_trust and does_otherwise(current.body, new):
        return trusts.obtain_from_editor(holder, 'job_actions')
    return trusts.obtain(holder)


def _rehearse(
    storage: Storage, caller: Caller, id: str, plan: Plan
) -> tuple[Document | None, Body]:
    """Return the job as it is, and as the change would make it now; or raise
    what would refuse the change.
    """
    current = common.get_or_none(storage, caller.scope, JOBS, id)
    actions = _get_actions(storage, caller, plan.action_ids)
    body = plan.change(current, actions, storage.clock()).body
    # The write itself would refuse it: but only once the trust is made.
    if documents.claim(JOBS, id, body):
        holder = storage.claimed(JOBS, id)
        if holder is not None and holder.project_id != caller.project_id:
            raise refusals.id_taken(JOBS, id)
    return current, body


def _get_actions(
    storage: Storage, caller: Caller, ids: collections.abc.Collection[str]
) -> dict[str, Document]:
    """Return those of the actions that exist, by id; ``InvalidInput`` if they
    are more than :meth:`Storage.write_job` reads.
    """
    found: dict[str, Document] = {}
    limit = ACTIONS_AT_ONCE * storage.max_document_size
    total = 0
    for id in ids:
        action = common.get_or_none(storage, caller.scope, ACTIONS, id)
        if action is None:
            continue
        # As many of any size are always allowed.
        if len(ids) > ACTIONS_AT_ONCE:
            total += documents.size(action.body)
        if total > limit:
            raise refusals.actions_too_large(limit)
        found[id] = action
    return found
