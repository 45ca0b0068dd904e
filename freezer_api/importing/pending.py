"""Telling whether a database has documents of the published service that were
never imported.
"""

import sqlalchemy

from freezer_api.db.base import Storage
from freezer_api.domain import documents
from freezer_api.importing import addresses, source


def count(storage: Storage, url: str) -> int:
    """Return how many live documents of the published service the database at
    a URL has beside a store that nothing was ever imported into; 0 for a store
    into which something was.
    """
    # Anything that an import has noted: documents may have come otherwise.
    for kind in documents.KINDS:
        if storage.stamped(kind, ('', ''), 1):
            return 0
    engine = addresses.make_engine(url)
    try:
        with engine.connect() as connection:
            total = 0
            for table in _published_tables(connection):
                total += _count_live(connection, table)
            return total
    finally:
        engine.dispose()


def _published_tables(connection: sqlalchemy.Connection) -> list[str]:
    """Return those tables of the published service that a database has; none
    unless it has its version table, too.
    """
    names = set(sqlalchemy.inspect(connection).get_table_names())
    if not names & {source.VERSION_TABLE, source.LEGACY_TABLE}:
        return []
    return sorted(names & set(source.TABLES))


def _count_live(connection: sqlalchemy.Connection, name: str) -> int:
    deleted: sqlalchemy.ColumnClause[int] = sqlalchemy.column('deleted')
    table = sqlalchemy.table(name, deleted)
    statement = (
        sqlalchemy.select(sqlalchemy.func.count())
        .select_from(table)
        .where(sqlalchemy.func.coalesce(deleted, 0) == 0)
    )
    return int(connection.execute(statement).scalar_one())
