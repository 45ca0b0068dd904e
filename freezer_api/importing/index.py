"""What an import has to find again of the source: which live rows there are, in
the order of their creation, and which session each job names.

It is kept in a temporary file: the published tables have no index for either,
and large ones don't fit into memory.
"""

import collections.abc
import sqlite3
import typing

from freezer_api.importing.sessions import Link

#: Rows that are read by one statement.
PAGE_SIZE = 500
_TABLES = """
CREATE TABLE keys (
    name TEXT, created INTEGER, id TEXT, PRIMARY KEY (name, created, id)
) WITHOUT ROWID;
CREATE TABLE links (
    id TEXT PRIMARY KEY, project_id TEXT, session_id TEXT, client_id TEXT
) WITHOUT ROWID;
"""
_FIND = {
    'id': 'SELECT * FROM links WHERE id = ?',
    'session_id': 'SELECT * FROM links WHERE session_id = ?',
}


class Index:
    """The index of one source, as that was when it was opened."""

    def __init__(self) -> None:
        # '' is a database in a file that goes with the connection.
        self._database = sqlite3.connect('')
        self._database.executescript(_TABLES)

    def add_keys(
        self, keys: collections.abc.Iterable[tuple[str, int, str]]
    ) -> None:
        """Add rows: table, time of creation and id of each."""
        self._database.executemany(
            'INSERT OR REPLACE INTO keys VALUES (?, ?, ?)', keys
        )

    def add_links(
        self, links: collections.abc.Iterable[tuple[str, str | None, str, str]]
    ) -> None:
        """Add jobs: id, project, session and client of each."""
        self._database.executemany(
            'INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)', links
        )

    def finish(self) -> None:
        """Make the index of sessions, once everything was added."""
        self._database.execute(
            'CREATE INDEX links_by_session ON links (session_id)'
        )
        self._database.commit()

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        statement = 'SELECT count(*) FROM keys WHERE name = ?'
        found: int = self._database.execute(statement, (table,)).fetchone()[0]
        return found

    def pages(self, table: str) -> collections.abc.Iterator[list[str]]:
        """Yield the ids of a table's rows in the order of their creation."""
        # Before all times.
        created, id = -(2**63), ''
        while True:
            found = self._database.execute(
                'SELECT created, id FROM keys WHERE name = ?'
                ' AND (created, id) > (?, ?) ORDER BY created, id LIMIT ?',
                (table, created, id, PAGE_SIZE),
            ).fetchall()
            if not found:
                return
            yield [row[1] for row in found]
            created, id = found[-1]

    def find(
        self,
        column: typing.Literal['id', 'session_id'],
        names: collections.abc.Iterable[str],
    ) -> dict[str, Link]:
        """Return the jobs whose id or session is one of some names, by id."""
        found: dict[str, Link] = {}
        for name in set(names):
            for id, *link in self._database.execute(_FIND[column], (name,)):
                found[id] = Link(*link)
        return found

    def close(self) -> None:
        """Remove the file."""
        self._database.close()
