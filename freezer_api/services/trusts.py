"""Trusts: how jobs that a central scheduler executes get the rights of the
user who made them.

A trust is stored before the job that gets it, and it is looked up in Keystone
before another job gets it; so no job has a trust that doesn't exist. It ends
with the last job of the project that has it. A trust is made last: whatever
else would refuse the request is found before.

Nobody writes what runs by the rights of somebody else: who changes what a job
with a trust does gives it a trust of their own, in the same step. To delete an
action gives a job nothing new to run, so that needs no trust.

How jobs get trusts is in :mod:`.job_trusts` and :mod:`.action_trusts`.
"""

import collections.abc
import dataclasses
import logging
import typing

from freezer_api import exceptions, identity
from freezer_api.db.base import Storage, Store
from freezer_api.domain import search_pairs, search_query, texts
from freezer_api.domain.documents import CREDENTIALS, TRUSTS, Body, Document
from freezer_api.services import common, effects
from freezer_api.services.common import Caller
from freezer_api.services.effects import Holder

LOG = logging.getLogger(__name__)
#: How often a job, or its trust, may be changed by other requests in the
#: middle of one.
MAX_ATTEMPTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Delegation:
    """What an operator has configured: whether jobs on central clients get
    trusts, or ``every`` job, and with which roles.

    Without ``roles``, a trust has those of the caller's token. Without
    ``keystone`` there are no trusts.
    """

    keystone: identity.Identity | None = None
    enabled: bool = False
    every: bool = False
    roles: frozenset[str] = frozenset()

    def covers(self, client: Document) -> bool:
        """Tell whether a job on a client has to have a trust."""
        if not self.active:
            return False
        return self.every or bool(client.body['client']['is_central'])

    @property
    def active(self) -> bool:
        """Tell whether any job has to have a trust."""
        return self.keystone is not None and self.enabled


#: No job gets a trust.
OFF = Delegation()


class Credentials(typing.TypedDict):
    """The ``user_credentials`` of a job."""

    trust_id: str
    trustor_user_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Grant:
    """A trust for a job, and whether it was made for it; else other jobs have
    it, or had it.
    """

    credentials: Credentials
    is_new: bool


def credentials_of(job: Body) -> Credentials | None:
    """Return the credentials that a job has, None if it has none."""
    return job.get(CREDENTIALS)


def changed_too_often(what: str) -> exceptions.StorageUnavailable:
    """Return the error for what other requests changed at each attempt."""
    return exceptions.StorageUnavailable(
        f'Too many requests change {what} at once. Please try again.'
    )


class CallerTrusts:
    """The trusts that one request takes from its caller and ends."""

    def __init__(
        self, storage: Storage, caller: Caller, delegation: Delegation
    ):
        self._storage = storage
        self._caller = caller
        self._delegation = delegation

    def obtain(self, holder: Holder) -> Grant:
        """Return a trust of the caller's: the newest one that is stored, if
        Keystone has it and it is as configured, else a new one.

        Errors are those of :meth:`identity.Identity.make_trust`.
        """
        caller = self._caller
        keystone = typing.cast(identity.Identity, self._delegation.keystone)
        roles = self._delegation.roles or caller.roles
        for trust in self._stored_trusts():
            # The trust may be gone from Keystone, or the configuration may
            # name another trustee or other roles by now.
            if keystone.holds_trust(
                caller.token,
                trust.id,
                caller.user_id,
                caller.project_id,
                roles,
            ):
                return Grant(self._credentials(trust.id), is_new=False)
        trust_id = keystone.make_trust(
            caller.token,
            caller.user_id,
            caller.project_id,
            roles,
        )
        effects.trust_made(trust_id, caller.user_id, caller.project_id, holder)
        credentials = self._credentials(trust_id)
        self._store(credentials)
        return Grant(credentials, is_new=True)

    def obtain_from_editor(self, holder: Holder, place: str) -> Grant:
        """Return a trust for what the caller changes at ``place``, like
        :meth:`obtain`; ``Forbidden`` if Keystone refuses it.
        """
        try:
            return self.obtain(holder)
        except exceptions.Unprocessable as error:
            if error.code != 'trust.refused':
                raise
            # The caller did not send the key that this names.
            text = error.message.removeprefix('client_id: ')
            raise exceptions.Forbidden(
                f'{place}: to change what a job does, you must lend it your'
                f' own rights; {text}',
                'trust.editor-refused',
            ) from error

    def log_reuse(self, grant: Grant | None, holder: Holder) -> None:
        """Log that a job has got a trust, if it was there before; one that is
        new was logged when it was made.
        """
        if grant is not None and not grant.is_new:
            effects.trust_reused(
                grant.credentials['trust_id'],
                grant.credentials['trustor_user_id'],
                self._caller.project_id,
                holder,
            )

    def release_unused(self, grant: Grant | None) -> None:
        """End a trust that was made for a job, if the job did not get it."""
        if grant is not None and grant.is_new:
            self.release(grant.credentials)

    def release(
        self, credentials: Credentials | None, may_be_unknown: bool = False
    ) -> None:
        """End a trust, if no job of the project has it; None: do nothing.

        It is asked after a write that failed, too, for such a write may have
        taken effect. ``may_be_unknown``: the trust was perhaps never stored. A
        failure is logged: the request has had its effect, or its error.
        """
        if credentials is None:
            return
        try:
            is_unused = self._forget(credentials['trust_id'], may_be_unknown)
        except Exception as error:
            # Nothing that goes wrong here may take the place of the request's
            # own result.
            expected = isinstance(error, exceptions.FreezerError)
            LOG.warning(
                'Could not check whether trust %r is still used: %s If no job'
                ' has it, run: openstack trust delete %r',
                credentials['trust_id'],
                texts.printable(error),
                credentials['trust_id'],
                exc_info=not expected,
            )
            return
        if is_unused:
            self._end(credentials)

    def _stored_trusts(self) -> collections.abc.Sequence[Document]:
        """Return the newest trust of the caller's in the project, if any."""
        trustor = search_pairs.canonical(self._caller.user_id)
        query = search_query.Query(
            pairs=frozenset((('trustor_user_id', trustor),)),
            # An older one was given up for the newest: it was gone, or not as
            # configured any more.
            limit=1,
            descending=True,
        )
        page = self._storage.find(self._caller.scope, TRUSTS, query)
        return page.documents

    def _store(self, credentials: Credentials) -> None:
        """Store a new trust, or end it."""
        body: Body = {**credentials, 'project_id': self._caller.project_id}
        try:
            self._storage.write(
                self._caller.scope,
                TRUSTS,
                credentials['trust_id'],
                lambda current, now: Store(body),
            )
        except Exception:
            # No job can have it, and nobody else would ever end it.
            self.release(credentials, may_be_unknown=True)
            raise

    def _forget(self, trust_id: str, may_be_unknown: bool) -> bool:
        """Delete the document of a trust that no job has; tell whether the
        trust is to be ended in Keystone by this request.
        """
        if self._storage.end_trust(self._caller.scope, trust_id):
            return True
        if not may_be_unknown:
            return False
        # Neither stored nor used by a job: this request alone knows of it.
        stored = common.get_or_none(
            self._storage,
            self._caller.scope,
            TRUSTS,
            trust_id,
        )
        return stored is None

    def _end(self, credentials: Credentials) -> None:
        """End a trust in Keystone."""
        trust_id = credentials['trust_id']
        user_id = credentials['trustor_user_id']
        keystone = self._delegation.keystone
        if keystone is None:
            LOG.warning(
                'Unused trust %r was not deleted in Keystone, which this'
                ' process does not use. Run: openstack trust delete %r',
                trust_id,
                trust_id,
            )
            return
        # Keystone lets the trustor and administrators delete a trust. None
        # stands for the token of the service user, who may be one.
        tokens: tuple[str | None, ...] = (None, self._caller.token)
        if self._caller.user_id == user_id:
            tokens = (self._caller.token, None)
        if keystone.end_trust(trust_id, tokens):
            effects.trust_ended(trust_id, user_id, self._caller.project_id)

    def _credentials(self, trust_id: str) -> Credentials:
        return {
            'trust_id': trust_id,
            'trustor_user_id': self._caller.user_id,
        }
