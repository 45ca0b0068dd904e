"""Trusts: how jobs that a central scheduler executes get the rights of who
made them.

A job's trust is stored before the job, and looked up in Keystone before it is
given again; so no job has one that isn't there. It ends with the last job of
the project that has it. Whatever would refuse a request is found before a
trust is made.

Nobody writes what runs by the rights of somebody else: who changes what a job
with a trust does gives it one of their own, in the same step. To take
something away by deleting an action gives nobody anything to run, and needs no
trust.
"""

import collections.abc
import dataclasses
import logging
import typing

from freezer_api import exceptions, identity
from freezer_api.db import refusals
from freezer_api.db.base import (
    ACTIONS_AT_ONCE,
    ActionChange,
    JobChange,
    JobWrite,
    Linked,
    Storage,
    TrustGone,
)
from freezer_api.domain import actions, documents, jobs, links, search
from freezer_api.domain.documents import (
    ACTIONS,
    CREDENTIALS,
    JOBS,
    TRUSTS,
    Body,
    Document,
    Precondition,
)
from freezer_api.services import common
from freezer_api.services.common import Caller

LOG = logging.getLogger(__name__)
#: How often a job or its trust may be changed by others in the middle of one
#: request.
ATTEMPTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Delegation:
    """What an operator configured: whether jobs on central clients get trusts,
    or ``every`` job, and with which roles.

    Without ``roles``, with those of the caller's token. Without ``keystone``
    there are no trusts.
    """

    keystone: identity.Identity | None = None
    enabled: bool = False
    every: bool = False
    roles: frozenset[str] = frozenset()

    def covers(self, client: Document) -> bool:
        """Whether a job on a client has a trust."""
        return self.active and (
            self.every or client.body['client']['is_central']
        )

    @property
    def active(self) -> bool:
        """Whether any job has a trust."""
        return self.keystone is not None and self.enabled


OFF = Delegation()


@dataclasses.dataclass(frozen=True, slots=True)
class _Taken:
    """Credentials for a job, and whether they were made for it."""

    credentials: Body
    made: bool


class _Needed(exceptions.FreezerError):
    """An action changes that a job with a trust has, and none of the caller's
    was taken for it.
    """


class _Bound:
    """The change of a job, with the credentials that it has then; it had those
    that are ``lost``.

    ``whole``: it is written as a whole; ``named``: its client is named.
    """

    def __init__(
        self, change: JobChange, covered: bool, whole: bool, named: bool
    ):
        self._change = change
        self._covered = covered
        self._whole = whole
        self._named = named
        self.taken: _Taken | None = None
        self.lost: Body | None = None

    def needs(self, current: Document | None, body: Body) -> bool:
        """Whether the job can't keep the credentials that it has, or the lack
        of any.
        """
        if (
            self._whole
            or current is None
            or current.body['client_id'] != body['client_id']
        ):
            return True
        return (
            does_otherwise(current.body, body)
            if current.body.get(CREDENTIALS)
            else self._named
        )

    def __call__(
        self,
        current: Document | None,
        stored: collections.abc.Mapping[str, Document],
        now: int,
    ) -> JobWrite:
        wanted = self._change(current, stored, now)
        had = current.body.get(CREDENTIALS) if current else None
        needs = self.needs(current, wanted.body)
        if self._covered and needs and self.taken is None:
            raise TrustGone('user_credentials: the job has no trust any more.')
        has = self.taken.credentials if self.taken else None if needs else had
        self.lost = (
            had
            if had and (has is None or has['trust_id'] != had['trust_id'])
            else None
        )
        return JobWrite(
            jobs.with_credentials(wanted.body, has), wanted.actions
        )


def write_job(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    id: str,
    change: JobChange,
    action_ids: collections.abc.Collection[str],
    client: Document,
    whole: bool = False,
    named: bool = True,
) -> Document:
    """Write a job for a client that was looked at, and give it a trust of the
    caller's if the client is to have one.

    Unless it is written as a ``whole``, a job that stays on its client and
    does what it did keeps the trust that it has, and one without a trust gets
    one only if its client is ``named``. The trust that it loses ends, if no
    other job has it. ``Unprocessable`` or ``IdentityUnavailable`` if there has
    to be a trust and can't be one; ``Forbidden`` if the caller can't give one
    to a job that is to do something else.
    """
    covered = delegation.covers(client)
    for _ in range(ATTEMPTS):
        bound = _Bound(change, covered, whole, named)
        if covered:
            current, body = _rehearse(storage, caller, id, change, action_ids)
            if bound.needs(current, body):
                edited = (
                    current is not None
                    and bool(current.body.get(CREDENTIALS))
                    and does_otherwise(current.body, body)
                )
                bound.taken = (
                    _lend(storage, caller, delegation, 'job_actions')
                    if edited
                    else _take(storage, caller, delegation)
                )
        taken = bound.taken
        try:
            document = storage.write_job(caller.scope, id, bound, action_ids)
        except TrustGone:
            continue
        except Exception:
            if taken and taken.made:
                _release(storage, caller, delegation, taken.credentials)
            _release(storage, caller, delegation, bound.lost)
            raise
        _release(storage, caller, delegation, bound.lost)
        return document
    raise exceptions.StorageUnavailable(
        'The job or its trust is changed by too many at once. Please try'
        ' again.'
    )


def write_action(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    id: str,
    change: ActionChange,
) -> Document | None:
    """Write an action; jobs with a trust that do something else by it get one
    of the caller's.

    A job that isn't to have one loses the one that it has. Errors are those of
    :func:`write_job`.
    """
    taken: _Taken | None = None
    # Each trust is taken after an attempt without one.
    for _ in range(2 * ATTEMPTS):
        lending = _Lending(change, delegation, id, taken)
        try:
            document = storage.write_action(
                caller.scope, id, lending.change, lending.follow
            )
        except _Needed:
            taken = _lend(storage, caller, delegation, 'freezer_action')
            continue
        except TrustGone:
            taken = None
            continue
        except Exception:
            _release_all(storage, caller, delegation, lending, taken)
            raise
        _release_all(storage, caller, delegation, lending, taken)
        return document
    raise exceptions.StorageUnavailable(
        'The action or a trust is changed by too many at once. Please try'
        ' again.'
    )


class _Lending:
    """The change of an action, and how its jobs follow; they had what is
    ``lost``.
    """

    def __init__(
        self,
        change: ActionChange,
        delegation: Delegation,
        id: str,
        taken: _Taken | None,
    ):
        self._change = change
        self._delegation = delegation
        self._id = id
        self._taken = taken
        self._otherwise = False
        self.lost: dict[str, Body] = {}

    def change(
        self,
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Body | None:
        """What becomes of the action; ``_Needed`` if a job needs a trust for
        it.
        """
        body = self._change(current, linked, now)
        self._otherwise = (
            current is not None
            and body is not None
            and any(link.job.body.get(CREDENTIALS) for link in linked)
            and _is_other(
                current.body['freezer_action'], body['freezer_action']
            )
        )
        if self._taken is None and any(
            self._concerns(link) and self._covers(link) for link in linked
        ):
            raise _Needed('')
        self.lost = {}
        for link in linked:
            had = link.job.body.get(CREDENTIALS)
            if had and had != self._credentials(link):
                self.lost[had['trust_id']] = had
        return body

    def follow(self, link: Linked, action: Body | None) -> Body:
        """The job with the action as it is to be."""
        return jobs.with_credentials(
            links.relinked(link.job.body, self._id, action),
            self._credentials(link),
        )

    def _credentials(self, link: Linked) -> Body | None:
        """What a job has afterwards."""
        if not self._concerns(link):
            return link.job.body.get(CREDENTIALS)
        return (
            self._taken.credentials
            if self._taken and self._covers(link)
            else None
        )

    def _concerns(self, link: Linked) -> bool:
        """Whether a job has a trust, and does something else by the change."""
        return self._otherwise and bool(link.job.body.get(CREDENTIALS))

    def _covers(self, link: Linked) -> bool:
        """Whether a job with a trust is to have one; its client may have been
        deleted.
        """
        return (
            self._delegation.active
            if link.client is None
            else self._delegation.covers(link.client)
        )


def _is_other(one: Body, other: Body) -> bool:
    """Whether two definitions differ."""
    return actions.fingerprint(one) != actions.fingerprint(other)


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
    lost: Body | None = None

    def check(job: Document | None) -> None:
        nonlocal lost
        precondition.check(job)
        lost = job.body.get(CREDENTIALS) if job else None

    try:
        storage.delete_job(caller.scope, id, check)
    finally:
        # The store may have done it although it couldn't say so.
        _release(storage, caller, delegation, lost)


def does_otherwise(old: Body, new: Body) -> bool:
    """Whether a job does something else than before."""
    return old['job_actions'] != new['job_actions']


def _rehearse(
    storage: Storage,
    caller: Caller,
    id: str,
    change: JobChange,
    action_ids: collections.abc.Collection[str],
) -> tuple[Document | None, Body]:
    """The job as it is and as it would be now, or the error that refuses the
    request.
    """
    current = common.stored(storage, caller.scope, JOBS, id)
    body = change(
        current, _asked_for(storage, caller, action_ids), storage.clock()
    ).body
    holder = (
        storage.claimed(JOBS, id) if documents.claim(JOBS, id, body) else None
    )
    if holder is not None and holder.project_id != caller.project_id:
        raise exceptions.Conflict(
            f'job {id}: the id is held by another project.', 'job.id-taken'
        )
    return current, body


def _asked_for(
    storage: Storage,
    caller: Caller,
    action_ids: collections.abc.Collection[str],
) -> dict[str, Document]:
    """Those of the actions that exist, bounded as for
    :meth:`Storage.write_job`.
    """
    found: dict[str, Document] = {}
    left = most = ACTIONS_AT_ONCE * storage.max_document_size
    for id in action_ids:
        action = common.stored(storage, caller.scope, ACTIONS, id)
        if action is None:
            continue
        if len(action_ids) > ACTIONS_AT_ONCE:
            left -= documents.size(action.body)
        if left < 0:
            raise refusals.actions_too_large(most)
        found[id] = action
    return found


def _take(storage: Storage, caller: Caller, delegation: Delegation) -> _Taken:
    """A trust of the caller's: the newest that is stored, if Keystone has it
    as it should be, else a new one.
    """
    keystone, roles = (
        typing.cast(identity.Identity, delegation.keystone),
        delegation.roles or caller.roles,
    )
    own = search.Query(
        pairs=frozenset(
            {('trustor_user_id', search.canonical(caller.user_id))}
        ),
        limit=1,
        descending=True,
    )
    for found in storage.find(caller.scope, TRUSTS, own).documents:
        if keystone.holds_trust(
            caller.token, found.id, caller.user_id, caller.project_id, roles
        ):
            return _Taken(_credentials(found.id, caller.user_id), made=False)
    trust_id = keystone.make_trust(
        caller.token, caller.user_id, caller.project_id, roles
    )
    credentials = _credentials(trust_id, caller.user_id)
    body = {**credentials, 'project_id': caller.project_id}
    try:
        storage.write(
            caller.scope, TRUSTS, trust_id, lambda current, now: body
        )
    except Exception:
        _release(storage, caller, delegation, credentials, unsure=True)
        raise
    return _Taken(credentials, made=True)


def _lend(
    storage: Storage, caller: Caller, delegation: Delegation, place: str
) -> _Taken:
    """A trust for what the caller changes at a place; ``Forbidden`` if
    Keystone refuses it.
    """
    try:
        return _take(storage, caller, delegation)
    except exceptions.Unprocessable as error:
        if error.code != 'trust.refused':
            raise
        text = error.message.removeprefix('client_id: ')
        raise exceptions.Forbidden(
            f'{place}: who changes what a job does lends it their own rights;'
            f' {text}',
            'trust.editor-refused',
        ) from error


def _release_all(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    lending: _Lending,
    taken: _Taken | None,
) -> None:
    """End the trusts that jobs have lost, and one that was made for them in
    vain.
    """
    for credentials in lending.lost.values():
        _release(storage, caller, delegation, credentials)
    if taken and taken.made:
        _release(storage, caller, delegation, taken.credentials)


def _release(
    storage: Storage,
    caller: Caller,
    delegation: Delegation,
    credentials: Body | None,
    unsure: bool = False,
) -> None:
    """End a trust (None: nothing) if no job of the project has it, for a write
    that fails may have happened all the same.

    As its trustor if that is who calls, else as the service user, or as who
    calls. ``unsure``: it may never have been stored. A failure is logged: the
    request has had its effect or its error.
    """
    if not credentials:
        return
    trust_id = credentials['trust_id']
    try:
        free = storage.end_trust(caller.scope, trust_id)
        free = (
            free
            or unsure
            and common.stored(storage, caller.scope, TRUSTS, trust_id) is None
        )
    except Exception:
        LOG.exception(
            'Trust %s may be without a job; the storage does not tell.',
            trust_id,
        )
        return
    keystone, own = (
        delegation.keystone,
        caller.user_id == credentials['trustor_user_id'],
    )
    if free and keystone is None:
        LOG.error(
            'No job has trust %s any more; it is not ended in Keystone, which'
            ' this process does not know.',
            trust_id,
        )
    elif free and keystone is not None:
        keystone.end_trust(
            trust_id, (caller.token, None) if own else (None, caller.token)
        )


def _credentials(trust_id: str, user_id: str) -> Body:
    return {'trust_id': trust_id, 'trustor_user_id': user_id}
