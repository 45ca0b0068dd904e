"""Use cases of clients. Central ones serve all projects, and are seen in all
of them.
"""

import typing

from freezer_api import exceptions
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import clients, search
from freezer_api.domain.documents import (
    ANYTHING,
    CLIENTS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import clients as schemas
from freezer_api.services import common, placing
from freezer_api.services.common import Caller, Shown, ShownPage, Written


def register(
    storage: Storage,
    caller: Caller,
    body: Body,
    precondition: Precondition = ANYTHING,
    may_centralise: bool = False,
) -> Written:
    """Make a client of the project's, or take what the body names into the one
    that is there.

    ``Forbidden`` if it becomes central, or is no longer, and the caller may
    not do that; ``Conflict`` if it is central and another project has a
    central client of that id.
    """
    given = schemas.client(body)
    uuid = common.new_id()
    # The storage may call again on a newer state; what the last call was given
    # is what was changed.
    before: Document | None = None

    def change(current: Document | None, now: int) -> Body:
        nonlocal before
        before = current
        precondition.check(current)
        new = clients.registered(
            current.body if current else None,
            caller.project_id,
            caller.user_id,
            given,
            uuid,
        )
        if not may_centralise and new['client']['is_central'] != bool(
            current and current.body['client']['is_central']
        ):
            raise exceptions.Forbidden(
                'is_central: policy does not allow clients:create_central to'
                ' be performed.',
                'client.central-forbidden',
            )
        return common.sized(
            storage, CLIENTS, new, 'client', current.body if current else None
        )

    after = storage.write(caller.scope, CLIENTS, given['client_id'], change)
    placing.follow(storage, before, after)
    return common.written(typing.cast(Document, after))


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """The project's client of that id, else the central one, or
    ``NotFound``.
    """
    common.existing(CLIENTS, id)
    return common.shown(storage.get(seen_by(caller), CLIENTS, id), caller)


def list_page(
    storage: Storage, caller: Caller, query: search.Query
) -> ShownPage:
    """A page of the project's clients and the central ones that a query
    finds.
    """
    return common.shown_page(
        storage.find(seen_by(caller), CLIENTS, query), caller
    )


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Remove the project's client of that id, if it is there. ``Forbidden``
    for another project's central client.
    """
    found = lookup(storage, caller, id)
    if found is not None and found.project_id != caller.project_id:
        raise exceptions.Forbidden(
            f'Client {id} belongs to another project.', 'client.foreign'
        )
    if found is None:
        return precondition.check(None)

    before: Document | None = None

    def change(current: Document | None, now: int) -> None:
        nonlocal before
        before = current
        precondition.check(current)

    storage.write(caller.scope, CLIENTS, id, change)
    placing.follow(storage, before, None)
    return None


def lookup(storage: Storage, caller: Caller, id: str) -> Document | None:
    """The client that a caller means by an id: the project's own, else the
    central one, else None.
    """
    return (
        common.stored(storage, seen_by(caller), CLIENTS, id)
        if common.is_id(id)
        else None
    )


def seen_by(caller: Caller) -> Scope:
    """The clients that a caller sees: those of the project, and the central
    ones.
    """
    return Scope(caller.project_id, central=True)
