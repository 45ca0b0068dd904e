"""Use cases of backups: what agents say that they have stored."""

import typing

from freezer_api.db.base import Storage
from freezer_api.domain import backups, documents, search
from freezer_api.domain.documents import (
    ANYTHING,
    BACKUPS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import backups as schemas
from freezer_api.services import common
from freezer_api.services.common import Caller, Shown, ShownPage, Written


def create(storage: Storage, caller: Caller, body: Body) -> Written:
    """Make a backup under an id of its own; an agent's ``backup_id`` is no
    more than metadata.
    """
    common.check_size(storage, body, 'backup_metadata')
    given = schemas.backup(body)
    id = common.new_id()

    # Its time doesn't matter here, the one that it gets is as long.
    some = backups.created(
        id, caller.project_id, caller.user_id, given, documents.now()
    )
    common.sized(storage, BACKUPS, some, 'backup_metadata')

    def change(current: Document | None, now: int) -> Body:
        return backups.created(
            id, caller.project_id, caller.user_id, given, now
        )

    return common.written(
        _stored(storage.write(caller.scope, BACKUPS, id, change))
    )


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """The backup, or ``NotFound``."""
    common.existing(BACKUPS, id)
    return common.shown(storage.get(caller.scope, BACKUPS, id), caller)


def list_page(
    storage: Storage, caller: Caller, query: search.Query
) -> ShownPage:
    """A page of the backups that a query finds."""
    return common.shown_page(
        storage.find(caller.scope, BACKUPS, query), caller
    )


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Shown:
    """Merge the body into the backup's metadata, and take its ``status``; the
    backup as it is then, or ``NotFound``.
    """
    common.existing(BACKUPS, id)
    common.check_growth(
        storage, caller.scope, BACKUPS, id, body, 'backup_metadata'
    )
    given = schemas.patch(body)

    def change(current: Document | None, now: int) -> Body:
        old = common.found(BACKUPS, id, current, precondition).body
        return common.sized(
            storage,
            BACKUPS,
            backups.patched(old, given),
            'backup_metadata',
            old,
        )

    return common.shown(
        _stored(storage.write(caller.scope, BACKUPS, id, change)), caller
    )


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Remove a backup, or ``NotFound``: unlike other kinds it isn't taken for
    deleted already.
    """
    common.existing(BACKUPS, id)

    def change(current: Document | None, now: int) -> None:
        common.found(BACKUPS, id, current, precondition)

    storage.write(caller.scope, BACKUPS, id, change)


def _stored(document: Document | None) -> Document:
    return typing.cast(Document, document)
