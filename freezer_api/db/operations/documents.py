"""Creating, changing and deleting single documents."""

import dataclasses

from freezer_api.db import base
from freezer_api.db.unit import Unit
from freezer_api.domain.documents import Body, Document, is_same


def write(
    unit: Unit, kind: str, id: str, change: base.Change
) -> Document | None:
    """See :meth:`Storage.write`."""
    stored = unit.get(kind, id)
    now = unit.now()
    return store(unit, kind, id, stored, change(stored, now), now)


def store(
    unit: Unit,
    kind: str,
    id: str,
    stored: Document | None,
    body: Body | None,
    now: int,
) -> Document | None:
    """Create, change or delete (``body`` None) a document that was read;
    return it as it is then.
    """
    if body is None:
        if stored is not None:
            unit.delete(kind, id)
        return None
    if stored is None:
        created = Document(kind, unit.project_id, id, 1, now, body)
        unit.put(created)
        return created
    return change_body(unit, stored, body)


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
