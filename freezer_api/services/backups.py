"""Use cases of backups: what agents say that they have stored."""

from freezer_api.db.base import Storage, Store
from freezer_api.domain import backups, documents, search_query
from freezer_api.domain.documents import (
    ANYTHING,
    BACKUPS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import backups as schemas
from freezer_api.services import common, effects, sizes
from freezer_api.services.common import (
    Caller,
    Shown,
    ShownPage,
    Written,
)

#: The key that errors of size name: all of a body becomes its value.
_PLACE = 'backup_metadata'


def create(storage: Storage, caller: Caller, body: Body) -> Written:
    """Make a backup under an id of its own. A ``backup_id`` in the body is
    kept as metadata, like any other key.
    """
    sizes.check_value(storage, body, _PLACE)
    given = schemas.backup(body)
    id = common.new_id()

    def change(current: Document | None, now: int) -> Store:
        """Make the backup's document."""
        new = backups.created(
            id,
            caller.project_id,
            caller.user_id,
            given,
            now,
        )
        return Store(new)

    # Measured with the time of now: the time at which it will be stored has as
    # many digits.
    sample = change(None, documents.now()).body
    sizes.check_document(storage, BACKUPS, sample, _PLACE)
    done = storage.write(
        caller.scope,
        BACKUPS,
        id,
        change,
        is_new=True,
    )
    return common.written(done.stored)


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """Return the backup, or raise ``NotFound``."""
    common.check_id(BACKUPS, id)
    backup = storage.get(caller.scope, BACKUPS, id)
    return common.shown(backup, caller)


def list_page(
    storage: Storage, caller: Caller, query: search_query.Query
) -> ShownPage:
    """Return a page of the backups that a query finds."""
    page = storage.find(caller.scope, BACKUPS, query)
    return common.shown_page(page, caller)


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Shown:
    """Merge the body into the backup's metadata, set its ``status`` if the
    body has one, and return the backup. ``NotFound`` without it.
    """
    common.check_id(BACKUPS, id)
    sizes.check_growth(storage, caller.scope, BACKUPS, id, body, _PLACE)
    given = schemas.patch(body)

    def change(current: Document | None, now: int) -> Store:
        """Merge what was given into what is there."""
        old = common.require(BACKUPS, id, current, precondition).body
        new = backups.patched(old, given)
        sizes.check_document(storage, BACKUPS, new, _PLACE, old)
        return Store(new)

    done = storage.write(caller.scope, BACKUPS, id, change)
    return common.shown(done.stored, caller)


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
) -> None:
    """Delete a backup, or raise ``NotFound``.

    Only here a missing document is an error of a deletion: the API test suite
    that was published for the service expects it of backups.
    """
    common.check_id(BACKUPS, id)

    def check(current: Document | None) -> None:
        """Refuse to delete what isn't there, or isn't as demanded."""
        common.require(BACKUPS, id, current, precondition)

    change = common.delete_if(check)
    storage.write(caller.scope, BACKUPS, id, change)
    effects.document_deleted('backup', id, caller.project_id)
