"""Creating, changing and deleting single documents."""

import dataclasses

from freezer_api.db import base
from freezer_api.db.base import Delete, Keep, Store, Written
from freezer_api.db.unit import Unit
from freezer_api.domain.documents import Body, Document, is_same


def write(unit: Unit, kind: str, id: str, change: base.Change) -> Written:
    """See :meth:`Storage.write`."""
    stored = unit.get(kind, id)
    now = unit.now()
    outcome = change(stored, now)
    document = apply(unit, kind, id, stored, outcome, now)
    return Written(document, outcome.answer)


def apply(
    unit: Unit,
    kind: str,
    id: str,
    stored: Document | None,
    outcome: Store | Delete | Keep,
    now: int,
) -> Document | None:
    """Do what was decided about a document that was read; return it as it is
    then.
    """
    if isinstance(outcome, Keep):
        return stored
    if isinstance(outcome, Delete):
        if stored is not None:
            unit.delete(kind, id)
        return None
    if stored is not None:
        return change_body(unit, stored, outcome.body)
    created = Document(kind, unit.project_id, id, 1, now, outcome.body)
    unit.put(created)
    return created


def change_body(unit: Unit, stored: Document, body: Body) -> Document:
    """Give a document another body; return it. Its version grows, unless the
    body is the same.
    """
    if is_same(stored.body, body):
        return stored
    version = stored.version + 1
    changed = dataclasses.replace(stored, version=version, body=body)
    unit.put(changed)
    return changed
