"""Writing documents that have changed or are new, several by few statements."""

import collections.abc

import sqlalchemy

from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.documents import row_statements, rows
from freezer_api.db.sqlalchemy.search import indexing, terms
from freezer_api.domain import documents
from freezer_api.domain.documents import Document

#: Characters of the bodies that one UPDATE writes, at most.
MAX_CHARACTERS = 1_000_000


class Writes:
    """Documents that change, or are new. Those of one kind that come one after
    the other are written together.
    """

    def __init__(self, connection: sqlalchemy.Connection):
        self._connection = connection
        self._kind = ''
        # What changes: rows that are locked, and their index.
        self._rows: list[rows.Values] = []
        self._changes: list[terms.Change] = []
        self._size = 0
        # What is new: rows that are stored, but not yet indexed.
        self._added: list[indexing.Added] = []

    def add(self, stored: rows.Stored | None, new: Document) -> None:
        """Add what a stored document becomes, or one that isn't stored yet;
        ``Conflict`` if another one has its claim.
        """
        if new.kind != self._kind:
            self.write()
            self._kind = new.kind
        if stored is None:
            self._create(new)
        else:
            self._change(stored, new)

    def _create(self, new: Document) -> None:
        if self._rows or len(self._added) == cursors.MAX_PLACEHOLDERS:
            self.write()
        added = rows.create(self._connection, new)
        self._added.append(added)

    def _change(self, stored: rows.Stored, new: Document) -> None:
        if self._added:
            self.write()
        values, change = _updated(stored, new)
        size = len(values['body'])
        is_full = (
            len(self._rows) == cursors.MAX_PLACEHOLDERS
            or self._size + size > MAX_CHARACTERS
        )
        has_new_claim = values['claim'] != stored.claim
        if is_full or has_new_claim:
            self.write()
        if has_new_claim:
            rows.check_claim(self._connection, new)
        self._rows.append(values)
        self._changes.append(change)
        self._size += size

    def write(self) -> None:
        """Write what was added, rows and index."""
        if self._added:
            indexing.add_all(self._connection, self._kind, self._added)
            self._added = []
        if self._rows:
            _write_rows(self._connection, self._kind, self._rows)
            indexing.change_all(self._connection, self._kind, self._changes)
            self._rows, self._changes, self._size = [], [], 0


def _updated(
    stored: rows.Stored, new: Document
) -> tuple[rows.Values, terms.Change]:
    """Return the columns of a changed document, and what changes of its
    index.
    """
    kind, project_id = new.kind, new.project_id
    claim = documents.claim(kind, new.id, new.body)
    # A client that becomes central, or is no longer, changes its scopes.
    scopes = (
        indexed_scopes(kind, project_id, stored.claim),
        indexed_scopes(kind, project_id, claim),
    )
    change = terms.compare(
        kind,
        scopes,
        stored.seq,
        stored.indexed,
        new.body,
    )
    values = {
        'of': stored.seq,
        'version': new.version,
        'body': rows.dump(new.body),
        'indexed': change.new.pack(),
        'claim': claim,
        **rows.extras(kind, new.body),
    }
    return values, change


def _write_rows(
    connection: sqlalchemy.Connection,
    kind: str,
    all_values: collections.abc.Sequence[rows.Values],
) -> None:
    """Write columns of rows that exist, by one statement."""
    if len(all_values) == 1:
        statement = row_statements.update(kind)
        cursors.write_later(connection, statement, all_values[0])
        return
    places = cursors.places(len(all_values))
    # NULL is the number of no row.
    unused: rows.Values = dict.fromkeys(all_values[0])
    padding = [unused] * (places - len(all_values))
    parameters = {}
    for number, values in enumerate([*all_values, *padding]):
        for name, value in values.items():
            parameters[f'{name}{number}'] = value
    statement = row_statements.update_all(kind, places)
    cursors.write_later(connection, statement, parameters)
