"""Use cases of actions."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.base import Linked, Storage
from freezer_api.domain import actions, capabilities, jobs, links, search
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    JOBS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import actions as schemas
from freezer_api.services import common, trusts
from freezer_api.services.common import Caller, Shown, ShownPage, Written
from freezer_api.services.trusts import OFF, Delegation


def create(storage: Storage, caller: Caller, body: Body) -> Written:
    """Make an action, under the body's ``action_id`` if it has one;
    ``Conflict`` if that is taken in the project.
    """
    common.check_size(storage, body.get('freezer_action'), 'freezer_action')
    given = schemas.action(body)
    actions.check_keys(given['freezer_action'], 'freezer_action')
    id = given.get('action_id') or common.new_id()
    new = _sized(
        storage, actions.created(id, caller.project_id, caller.user_id, given)
    )

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Body:
        if current is not None:
            raise exceptions.Conflict(
                f'action_id: there is an action {id} already.', 'action.exists'
            )
        return new

    return _written(storage.write_action(caller.scope, id, change))


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """The action, or ``NotFound``."""
    common.existing(ACTIONS, id)
    return common.shown(storage.get(caller.scope, ACTIONS, id), caller)


def list_page(
    storage: Storage, caller: Caller, query: search.Query
) -> ShownPage:
    """A page of the actions that a query finds."""
    return common.shown_page(
        storage.find(caller.scope, ACTIONS, query), caller
    )


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Merge the body into the action, and into its definition; the jobs that
    have it follow.

    ``Unprocessable`` if the client of one of them can't do what the action
    asks then. Jobs with a trust that do something else then get one of the
    caller's, or the caller is ``Forbidden`` to change the action.
    """
    _check_growth(storage, caller, id, body)
    given = schemas.patch(body)

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Body:
        old = common.found(ACTIONS, id, current, precondition).body
        return _fitting(storage, old, actions.patched(old, given), linked)

    return _written(
        trusts.write_action(storage, caller, delegation, id, change)
    )


def replace(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Make an action under an id, or give the one there another definition,
    like :func:`update`.
    """
    _check_growth(storage, caller, id, body)
    given = schemas.action(body)
    first = actions.created(id, caller.project_id, caller.user_id, given)

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Body:
        precondition.check(current)
        if current is None:
            actions.check_keys(given['freezer_action'], 'freezer_action')
            return _sized(storage, first)
        new = actions.created(
            id, current.project_id, current.body['user_id'], given
        )
        return _fitting(storage, current.body, new, linked)

    return _written(
        trusts.write_action(storage, caller, delegation, id, change)
    )


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Remove an action, if it is there; it leaves the project's jobs."""
    if not common.is_id(id):
        return precondition.check(None)

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> None:
        precondition.check(current)

    storage.write_action(caller.scope, id, change)
    return None


def _check_growth(
    storage: Storage, caller: Caller, id: str, body: Body
) -> None:
    common.existing(ACTIONS, id)
    common.check_growth(
        storage,
        caller.scope,
        ACTIONS,
        id,
        body.get('freezer_action'),
        'freezer_action',
    )


def _fitting(
    storage: Storage,
    old: Body,
    new: Body,
    linked: collections.abc.Iterable[Linked],
) -> Body:
    """The new state of an action, if the jobs that have it can have what is
    new in it, and their clients can do that.
    """
    _sized(storage, new, old)
    if new['freezer_action'] == old['freezer_action']:
        return new
    actions.check_keys(new['freezer_action'], 'freezer_action')
    for client in {
        link.client.id: link.client for link in linked if link.client
    }.values():
        capabilities.check(
            new['freezer_action'], client.body['client'], 'freezer_action'
        )
    total = 0
    for link in linked:
        job = links.relinked(link.job.body, new['action_id'], new)
        place = f'freezer_action: in job {link.job.id}'
        common.sized(storage, JOBS, job, place, link.job.body, jobs.size)
        total += jobs.size(job)
    if total > storage.max_response_size:
        raise refusals.shared_too_much(
            new['action_id'], storage.max_response_size
        )
    return new


def _sized(storage: Storage, new: Body, old: Body | None = None) -> Body:
    return common.sized(storage, ACTIONS, new, 'freezer_action', old)


def _written(document: Document | None) -> Written:
    return common.written(typing.cast(Document, document))
