"""Trusts: how jobs that a central scheduler executes get the rights of who made them.

A job's trust is stored before the job, and looked up in Keystone before it is given again; so no job has one that isn't
there. It ends with the last job of the project that has it. Whatever would refuse a request is found before a trust is made.
"""

import collections.abc
import dataclasses
import logging
import typing

from freezer_api import exceptions, identity
from freezer_api.db.base import JobChange, JobWrite, Storage, TrustGone
from freezer_api.domain import documents, jobs, search
from freezer_api.domain.documents import ACTIONS, CREDENTIALS, JOBS, TRUSTS, Body, Document, Precondition
from freezer_api.services import common
from freezer_api.services.common import Caller

LOG = logging.getLogger(__name__)
#: How often a job or its trust may be changed by others in the middle of one request.
ATTEMPTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Delegation:
    """What an operator configured: whether jobs on central clients get trusts, or ``every`` job, and with which roles.

    Without ``roles``, with those of the caller's token. Without ``keystone`` there are no trusts.
    """

    keystone: identity.Identity | None = None
    enabled: bool = False
    every: bool = False
    roles: frozenset[str] = frozenset()

    def covers(self, client: Document) -> bool:
        """Whether a job on a client has a trust."""
        return self.keystone is not None and self.enabled and (self.every or client.body['client']['is_central'])


OFF = Delegation()


@dataclasses.dataclass(frozen=True, slots=True)
class _Taken:
    """Credentials for a job, and whether they were made for it."""

    credentials: Body
    made: bool


class _Bound:
    """The change of a job, with the credentials that it has afterwards; ``lost`` are those that it had before."""

    def __init__(self, change: JobChange, covered: bool, taken: _Taken | None, whole: bool):
        self._change = change
        self._covered = covered
        self._taken = taken
        self._whole = whole
        self.lost: Body | None = None

    def __call__(self, current: Document | None, stored: collections.abc.Mapping[str, Document], now: int) -> JobWrite:
        wanted = self._change(current, stored, now)
        had = current.body.get(CREDENTIALS) if current else None
        has = self._taken.credentials if self._taken else None if self._whole else _kept(current, wanted.body)
        if self._covered and has is None:
            raise TrustGone('user_credentials: the job has no trust any more.')
        self.lost = had if had and (has is None or has['trust_id'] != had['trust_id']) else None
        return JobWrite(jobs.with_credentials(wanted.body, has), wanted.actions)


def write_job(storage: Storage, caller: Caller, delegation: Delegation, id: str, change: JobChange,
              action_ids: collections.abc.Collection[str], client: Document, whole: bool = False) -> Document:
    """Write a job for a client that was looked at, and give it a trust of the caller's if the client is to have one.

    Unless it is written as a ``whole``, a job that stays on its client keeps the trust that it has. The trust that it loses
    ends, if no other job has it. ``Unprocessable`` or ``IdentityUnavailable`` if there has to be a trust and can't be one.
    """
    covered = delegation.covers(client)
    for _ in range(ATTEMPTS):
        taken = None
        if covered:
            current, body = _rehearse(storage, caller, id, change, action_ids)
            if whole or _kept(current, body) is None:
                taken = _take(storage, caller, delegation)
        bound = _Bound(change, covered, taken, whole)
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
    raise exceptions.StorageUnavailable('The job or its trust is changed by too many at once. Please try again.')


def delete_job(storage: Storage, caller: Caller, delegation: Delegation, id: str, precondition: Precondition) -> None:
    """Delete a job, if it is there, and end its trust, if no other job has it."""
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


def _kept(current: Document | None, body: Body) -> Body | None:
    """The credentials of a job that stays on its client."""
    if current is None or current.body['client_id'] != body['client_id']:
        return None
    return current.body.get(CREDENTIALS)


def _rehearse(storage: Storage, caller: Caller, id: str, change: JobChange,
              action_ids: collections.abc.Collection[str]) -> tuple[Document | None, Body]:
    """The job as it is and as it would be now, or the error that refuses the request."""
    current = common.stored(storage, caller.scope, JOBS, id)
    stored = {action: document for action in action_ids if (document := common.stored(storage, caller.scope, ACTIONS, action))}
    body = change(current, stored, storage.clock()).body
    holder = storage.claimed(JOBS, id) if documents.claim(JOBS, id, body) else None
    if holder is not None and holder.project_id != caller.project_id:
        raise exceptions.Conflict(f'job {id}: the id is held by another project.', 'job.id-taken')
    return current, body


def _take(storage: Storage, caller: Caller, delegation: Delegation) -> _Taken:
    """A trust of the caller's: the newest that is stored, if Keystone has it as it should be, else a new one."""
    keystone, roles = typing.cast(identity.Identity, delegation.keystone), delegation.roles or caller.roles
    own = search.Query(pairs=frozenset({('trustor_user_id', search.canonical(caller.user_id))}), limit=1, descending=True)
    for found in storage.find(caller.scope, TRUSTS, own).documents:
        if keystone.holds_trust(caller.token, found.id, caller.user_id, caller.project_id, roles):
            return _Taken(_credentials(found.id, caller.user_id), made=False)
    trust_id = keystone.make_trust(caller.token, caller.user_id, caller.project_id, roles)
    credentials = _credentials(trust_id, caller.user_id)
    body = {**credentials, 'project_id': caller.project_id}
    try:
        storage.write(caller.scope, TRUSTS, trust_id, lambda current, now: body)
    except Exception:
        _release(storage, caller, delegation, credentials, unsure=True)
        raise
    return _Taken(credentials, made=True)


def _release(storage: Storage, caller: Caller, delegation: Delegation, credentials: Body | None, unsure: bool = False) -> None:
    """End a trust (None: nothing) if no job of the project has it, for a write that fails may have happened all the same.

    As its trustor if that is who calls, else as the service user, or as who calls. ``unsure``: it may never have been stored.
    A failure is logged: the request has had its effect or its error.
    """
    if not credentials:
        return
    trust_id = credentials['trust_id']
    try:
        free = storage.end_trust(caller.scope, trust_id)
        free = free or unsure and common.stored(storage, caller.scope, TRUSTS, trust_id) is None
    except Exception:
        LOG.exception('Trust %s may be without a job; the storage does not tell.', trust_id)
        return
    keystone, own = delegation.keystone, caller.user_id == credentials['trustor_user_id']
    if free and keystone is None:
        LOG.error('No job has trust %s any more; it is not ended in Keystone, which this process does not know.', trust_id)
    elif free and keystone is not None:
        keystone.end_trust(trust_id, (caller.token, None) if own else (None, caller.token))


def _credentials(trust_id: str, user_id: str) -> Body:
    return {'trust_id': trust_id, 'trustor_user_id': user_id}
