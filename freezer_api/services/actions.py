"""Use cases of actions."""

import collections.abc

from freezer_api.db import refusals
from freezer_api.db.base import Delete, Keep, Linked, Storage, Store
from freezer_api.domain import (
    actions,
    capabilities,
    definitions,
    documents,
    jobs,
    links,
    search_query,
)
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    JOBS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import actions as schemas
from freezer_api.services import action_trusts, common, effects, sizes
from freezer_api.services.common import (
    Caller,
    Shown,
    ShownPage,
    Written,
)
from freezer_api.services.trusts import OFF, Delegation

#: The key of an action's definition, which errors name.
_PLACE = 'freezer_action'


def create(storage: Storage, caller: Caller, body: Body) -> Written:
    """Make an action, under the body's ``action_id`` if it has one;
    ``Conflict`` if the project has an action of that id.
    """
    sizes.check_value(storage, body.get(_PLACE), _PLACE)
    given = schemas.action(body)
    definitions.check_keys(given['freezer_action'], _PLACE)
    id = given.get('action_id') or common.new_id()
    new = actions.created(id, caller.project_id, caller.user_id, given)
    sizes.check_document(storage, ACTIONS, new, _PLACE)

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Store:
        """Make the action, unless there is one."""
        if current is not None:
            raise refusals.action_exists(id)
        return Store(new)

    done = storage.write_action(caller.scope, id, change)
    return common.written(done.stored)


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """Return the action, or raise ``NotFound``."""
    common.check_id(ACTIONS, id)
    action = storage.get(caller.scope, ACTIONS, id)
    return common.shown(action, caller)


def list_page(
    storage: Storage, caller: Caller, query: search_query.Query
) -> ShownPage:
    """Return a page of the actions that a query finds."""
    page = storage.find(caller.scope, ACTIONS, query)
    return common.shown_page(page, caller)


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

    ``Unprocessable`` if the client of one of these jobs can't do what the
    action asks then. Jobs with a trust that do something else then get a trust
    of the caller's; ``Forbidden`` if Keystone refuses that.
    """
    _check_growth(storage, caller, id, body)
    given = schemas.patch(body)

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Store:
        """Merge what was given into what is there."""
        old = common.require(ACTIONS, id, current, precondition).body
        new = actions.patched(old, given)
        _check_fits(storage, old, new, linked)
        return Store(new)

    done = action_trusts.write_action(
        storage,
        caller,
        delegation,
        id,
        change,
    )
    return common.written(done.stored)


def replace(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Make an action under an id, or give the one that is there another
    definition, like :func:`update`.
    """
    _check_growth(storage, caller, id, body)
    given = schemas.action(body)

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Store:
        """Make the action, or define it anew; who made it stays."""
        precondition.check(current)
        user_id = current.body['user_id'] if current else caller.user_id
        new = actions.created(id, caller.project_id, user_id, given)
        if current is None:
            definitions.check_keys(new['freezer_action'], _PLACE)
            sizes.check_document(storage, ACTIONS, new, _PLACE)
        else:
            _check_fits(storage, current.body, new, linked)
        return Store(new)

    done = action_trusts.write_action(
        storage,
        caller,
        delegation,
        id,
        change,
    )
    return common.written(done.stored)


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Delete an action, if it is there; it is removed from the project's
    jobs.
    """
    # To delete what isn't there is no error; so neither is an id that can't be
    # one. But a precondition may demand that something is there.
    if not documents.is_id(ACTIONS, id):
        precondition.check(None)
        return

    def change(
        current: Document | None,
        linked: collections.abc.Sequence[Linked],
        now: int,
    ) -> Delete | Keep:
        """Delete what is there, and answer which jobs had it."""
        precondition.check(current)
        if current is None:
            return Keep()
        return Delete([link.job.id for link in linked])

    removed_from = storage.write_action(caller.scope, id, change).answer
    if removed_from is not None:
        effects.action_deleted(id, caller.project_id, removed_from)


def _check_growth(
    storage: Storage, caller: Caller, id: str, body: Body
) -> None:
    """Raise ``NotFound`` for a text that is no id, and ``InvalidInput`` for a
    definition that the action can't take.
    """
    common.check_id(ACTIONS, id)
    # A definition that is null, or isn't there, is as large as any null.
    definition = body.get(_PLACE)
    sizes.check_growth(storage, caller.scope, ACTIONS, id, definition, _PLACE)


def _check_fits(
    storage: Storage,
    old: Body,
    new: Body,
    linked: collections.abc.Sequence[Linked],
) -> None:
    """Raise what is wrong with the new state of an action: its size, or that
    the jobs that have it, or their clients, can't take its new definition.
    """
    sizes.check_document(storage, ACTIONS, new, _PLACE, old)
    # What can't be done today was stored when it could; other changes of the
    # action must stay possible.
    if new['freezer_action'] == old['freezer_action']:
        return
    definitions.check_keys(new['freezer_action'], _PLACE)
    _check_clients(new, linked)
    _check_jobs(storage, new, linked)


def _check_clients(
    action: Body, linked: collections.abc.Iterable[Linked]
) -> None:
    """Raise ``Unprocessable`` if a client can't do what the action asks."""
    # Many jobs may be on one client.
    clients: dict[str, Document] = {}
    for link in linked:
        if link.client is not None:
            clients[link.client.id] = link.client
    for client in clients.values():
        capabilities.check(
            action['freezer_action'], client.body['client'], _PLACE
        )


def _check_jobs(
    storage: Storage, action: Body, linked: collections.abc.Iterable[Linked]
) -> None:
    """Raise an error if a job becomes too large with the action, or all jobs
    that have it do together.
    """
    total = 0
    for link in linked:
        old = link.job.body
        new = links.relinked(old, action['action_id'], action)
        place = f'freezer_action: in job {link.job.id}'
        sizes.check_document(storage, JOBS, new, place, old, jobs.size)
        total += jobs.size(new)
    # One request rewrites all of them.
    if total > storage.max_response_size:
        raise refusals.shared_too_much(
            action['action_id'], storage.max_response_size
        )
