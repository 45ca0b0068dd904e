"""How jobs get other trusts where an action that they have is changed: who
changes what they do lends them their own rights.
"""

import collections.abc

from freezer_api import exceptions
from freezer_api.db.base import (
    ActionChange,
    Delete,
    Keep,
    Linked,
    Storage,
    Store,
    TrustGone,
    Written,
)
from freezer_api.domain import definitions, jobs, links
from freezer_api.domain.documents import Body, Document
from freezer_api.services.common import Caller
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


class _TrustNeeded(exceptions.FreezerError):
    """A job with a trust does something else by the change of an action, and
    no trust of the caller's was obtained yet.
    """

    def __init__(self) -> None:
        super().__init__('The jobs that have the action need a trust.')


def write_action(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    id: str,
    change: ActionChange,
) -> Written:
    """Write an action. Jobs with a trust that do something else by it get a
    trust of the caller's, or lose theirs where jobs get none any more.

    Errors are those of :func:`.job_trusts.write_job`.
    """
    trusts = CallerTrusts(storage, caller, delegation)
    holder: Holder = ('the jobs of action', id)
    grant: Grant | None = None
    # Twice: each trust is obtained after an attempt that needed one.
    for _attempt in range(2 * MAX_ATTEMPTS):
        lending = _Lending(change, delegation, id, grant)
        try:
            written = storage.write_action(
                caller.scope, id, lending.change, lending.follow
            )
        except _TrustNeeded:
            grant = trusts.obtain_from_editor(holder, 'freezer_action')
            continue
        except TrustGone:
            # Another request has ended the trust. It is no use any more.
            grant = None
            continue
        except Exception:
            # Where the storage became unavailable, the write may have taken
            # effect: whichever trust no job has is ended.
            _release(trusts, lending, grant)
            raise
        if lending.is_granted:
            trusts.log_reuse(grant, holder)
        _release(trusts, lending, grant)
        return written
    raise changed_too_often('the action or a trust')


class _Lending:
    """The change of an action, and how the jobs that have it follow.

    ``lost`` are the credentials that these jobs had and have no more, by the
    id of the trust; ``is_granted`` tells whether one of them got the trust
    that was obtained. Both are those of the last call.
    """

    def __init__(
        self,
        change: ActionChange,
        delegation: Delegation,
        id: str,
        grant: Grant | None,
    ):
        self._change = change
        self._delegation = delegation
        self._id = id
        self._grant = grant
        self._is_other = False
        self.lost: dict[str, Credentials] = {}
        self.is_granted = False

    def change(
        self,
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Store | Delete | Keep:
        """Return what becomes of the action; ``_TrustNeeded`` if one of its
        jobs needs a trust for it.
        """
        decision = self._change(current, linked, now)
        self._is_other = False
        if isinstance(decision, Store):
            new = decision.body
            self._is_other = _does_otherwise(current, new, linked)
        # Each call begins anew: an earlier one may have seen other jobs.
        self.lost = {}
        self.is_granted = False
        for link in linked:
            self._note(link)
        return decision

    def follow(self, link: Linked, action: Body | None) -> Body:
        """Return the job with the action as it is to be."""
        job = links.relinked(link.job.body, self._id, action)
        credentials = self._credentials(link)
        return jobs.with_credentials(
            job, dict(credentials) if credentials else None
        )

    def _note(self, link: Linked) -> None:
        """Note what one job gets and loses."""
        if not self._concerns(link):
            return
        if self._grant is None and self._covers(link):
            raise _TrustNeeded()
        had = credentials_of(link.job.body)
        has = self._credentials(link)
        if had is None or had == has:
            return
        self.lost[had['trust_id']] = had
        if has is not None:
            self.is_granted = True

    def _credentials(self, link: Linked) -> Credentials | None:
        """Return what a job has afterwards."""
        if not self._concerns(link):
            return credentials_of(link.job.body)
        if self._grant is not None and self._covers(link):
            return self._grant.credentials
        return None

    def _concerns(self, link: Linked) -> bool:
        """Tell whether a job has a trust, and does something else by the
        change.
        """
        return self._is_other and bool(credentials_of(link.job.body))

    def _covers(self, link: Linked) -> bool:
        """Tell whether a job with a trust is to have one from now on."""
        # Where the client was deleted nobody knows whether it was central; the
        # job has a trust, so it is taken for one.
        if link.client is None:
            return self._delegation.active
        return self._delegation.covers(link.client)


def _does_otherwise(
    current: Document | None,
    new: Body,
    linked: collections.abc.Iterable[Linked],
) -> bool:
    """Tell whether jobs with a trust do something else by the change of an
    action.
    """
    if current is None:
        return False
    # To compare definitions costs more than to look for a trust.
    if not any(credentials_of(link.job.body) for link in linked):
        return False
    before = definitions.fingerprint(current.body['freezer_action'])
    return before != definitions.fingerprint(new['freezer_action'])


def _release(
    trusts: CallerTrusts, lending: _Lending, grant: Grant | None
) -> None:
    """End the trusts that jobs have lost, and one that was made for jobs that
    did not need it in the end.
    """
    for credentials in lending.lost.values():
        trusts.release(credentials)
    trusts.release_unused(grant)
