"""What earlier imports have brought into a store: a digest of each document as
the source had it, and of what the store kept.

The store keeps them itself, beside its documents, whichever kind of store it
is: so they are there wherever the next import is run, and gone when the store
is. They are written after the documents that they are about. So an import that
breaks off knows less than it has done, never more.
"""

import collections
import collections.abc
import sqlite3
import typing

from freezer_api.db.base import Storage

#: Stamps that are read at once.
PAGE_SIZE = 500
#: Bytes of a digest.
DIGEST_SIZE = 16
_SEEN = """
CREATE TABLE seen (
    kind TEXT, project_id TEXT, id TEXT, PRIMARY KEY (kind, project_id, id)
) WITHOUT ROWID
"""
_SEE = 'INSERT OR IGNORE INTO seen VALUES (?, ?, ?)'
_FIND = 'SELECT 1 FROM seen WHERE kind = ? AND project_id = ? AND id = ?'

#: A project and an id in it.
Name = tuple[str, str]


class Stamp(typing.NamedTuple):
    """Digests of one document: as the source had it when it was imported, and
    as the store kept it.
    """

    source: bytes
    kept: bytes


#: By project and id.
Stamps = dict[Name, Stamp]


class Ledger:
    """The stamps of a store (None: there is none yet, in a dry run), and which
    documents the source has had in this import.
    """

    def __init__(self, storage: Storage | None):
        self._storage = storage
        # '' is a database in a file that goes with the connection.
        self._database = sqlite3.connect('')
        self._database.execute(_SEEN)

    def close(self) -> None:
        """Remove the file of what was seen."""
        self._database.close()

    def read(self, kind: str, names: collections.abc.Iterable[Name]) -> Stamps:
        """Return the stamps that there are of some documents."""
        found: Stamps = {}
        if self._storage is None:
            return found
        for project_id, of_project in by_project(names).items():
            stamps = self._storage.read_stamps(kind, project_id, of_project)
            for id, stamp in stamps.items():
                source, kept = stamp[:DIGEST_SIZE], stamp[DIGEST_SIZE:]
                found[project_id, id] = Stamp(source, kept)
        return found

    def write(self, kind: str, stamps: Stamps) -> None:
        """Keep stamps of documents, in place of those that there are."""
        if self._storage is None:
            return
        for project_id, ids in by_project(stamps).items():
            of_project: dict[str, bytes] = {}
            for id in ids:
                stamp = stamps[project_id, id]
                of_project[id] = stamp.source + stamp.kept
            self._storage.write_stamps(kind, project_id, of_project)

    def see(self, kind: str, names: collections.abc.Iterable[Name]) -> None:
        """Note that the source has some documents."""
        rows = [(kind, *name) for name in names]
        self._database.executemany(_SEE, rows)

    def unseen(self, kind: str) -> collections.abc.Iterator[list[Name]]:
        """Yield the names of documents that have stamps, and that the source
        has no longer.
        """
        page: list[Name] = []
        last: Name = ('', '')
        while self._storage is not None:
            page = self._storage.stamped(kind, last, PAGE_SIZE)
            if not page:
                return
            yield [name for name in page if not self._is_seen(kind, name)]
            last = page[-1]

    def _is_seen(self, kind: str, name: Name) -> bool:
        found = self._database.execute(_FIND, (kind, *name)).fetchone()
        return found is not None


def by_project(names: collections.abc.Iterable[Name]) -> dict[str, list[str]]:
    """Return ids by the projects that they are in."""
    ids: dict[str, list[str]] = collections.defaultdict(list)
    for project_id, id in names:
        ids[project_id].append(id)
    return ids
