"""Documents that a transaction makes another one refer to: they are kept as
they are until it ends, at every node of a cluster.
"""

import collections.abc

import sqlalchemy

from freezer_api.db.sqlalchemy.documents import row_statements


def are_written(connection: sqlalchemy.Connection) -> bool:
    """Return whether a transaction has to write what it uses, see
    :func:`use`.
    """
    return connection.dialect.name == 'mysql'


def use(
    connection: sqlalchemy.Connection,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> int:
    """Keep documents from being changed or deleted before the transaction
    ends, at every node of a cluster; return how many of them exist.

    A lock is known to one node of a Galera cluster alone. That two
    transactions have written the same row is known to all: one of them fails,
    and runs again.
    """
    if not ids:
        return 0
    parameters = {
        'of_project': project_id,
        'ids': sorted(ids),
    }
    return connection.execute(row_statements.use(kind), parameters).rowcount
