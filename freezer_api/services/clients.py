"""Use cases of clients. A central client serves all projects, and is seen in
all of them.
"""

from freezer_api import exceptions
from freezer_api.db.base import Scope, Storage, Store
from freezer_api.domain import clients, documents, search_query
from freezer_api.domain.documents import (
    ANYTHING,
    CLIENTS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import clients as schemas
from freezer_api.services import common, effects, placing, sizes
from freezer_api.services.common import (
    Caller,
    Shown,
    ShownPage,
    Written,
)


def register(
    storage: Storage,
    caller: Caller,
    body: Body,
    precondition: Precondition = ANYTHING,
    may_centralise: bool = False,
) -> Written:
    """Make a client of the caller's project, or change what the body names of
    the one that is there.

    ``Forbidden`` if it becomes central, or plain again, and the caller may not
    do that (``may_centralise``). ``Conflict`` if it becomes central and
    another project has a central client of that id.
    """
    given = schemas.client(body)
    # Made here, for a change must come to the same again.
    uuid = common.new_id()

    def change(current: Document | None, now: int) -> Store:
        """Merge what was given into what is there, and answer that."""
        precondition.check(current)
        old = current.body if current else None
        new = clients.registered(
            old,
            caller.project_id,
            caller.user_id,
            given,
            uuid,
        )
        _check_central(old, new, may_centralise)
        sizes.check_document(storage, CLIENTS, new, 'client', old)
        return Store(new, answer=current)

    done = storage.write(caller.scope, CLIENTS, given['client_id'], change)
    # Jobs follow what is stored: so it has to be stored before.
    placing.follow(storage, done.answer, done.document)
    return common.written(done.stored)


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """Return the project's client of that id, else the central one of that id,
    else raise ``NotFound``.
    """
    common.check_id(CLIENTS, id)
    client = storage.get(seen_by(caller), CLIENTS, id)
    return common.shown(client, caller)


def list_page(
    storage: Storage, caller: Caller, query: search_query.Query
) -> ShownPage:
    """Return a page of the clients that a query finds: those of the project,
    and all central ones.
    """
    page = storage.find(seen_by(caller), CLIENTS, query)
    return common.shown_page(page, caller)


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Delete the project's client of that id, if it is there.

    Its jobs stay, and move to the central client of that id, if there is one.
    ``Forbidden`` for the central client of another project.
    """
    found = lookup(storage, caller, id)
    if found is None:
        precondition.check(None)
        return
    # It is seen because it is central; missing ones look like deleted ones.
    if found.project_id != caller.project_id:
        raise exceptions.Forbidden(
            f'Client {id} belongs to another project.', 'client.foreign'
        )
    change = common.delete_if(precondition.check)
    deleted = storage.write(caller.scope, CLIENTS, id, change).answer
    # Another request may have deleted it since it was found.
    if deleted is not None:
        effects.document_deleted('client', id, caller.project_id)
        placing.follow(storage, deleted, None)


def lookup(storage: Storage, caller: Caller, id: str) -> Document | None:
    """Return the client that a caller means by an id: the project's own, else
    the central one, else None.
    """
    if not documents.is_id(CLIENTS, id):
        return None
    return common.get_or_none(storage, seen_by(caller), CLIENTS, id)


def seen_by(caller: Caller) -> Scope:
    """Return the scope of the clients that a caller sees: those of the
    project, and all central ones.
    """
    return Scope(caller.project_id, central=True)


def _check_central(old: Body | None, new: Body, may_centralise: bool) -> None:
    """Raise ``Forbidden`` if a client becomes central, or plain again, and the
    caller may not do that.
    """
    was_central = old is not None and bool(old['client']['is_central'])
    is_central = bool(new['client']['is_central'])
    if is_central != was_central and not may_centralise:
        raise exceptions.Forbidden(
            'is_central: policy does not allow clients:create_central to be'
            ' performed.',
            'client.central-forbidden',
        )
