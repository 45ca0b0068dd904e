"""Settings by which a database may lose what it has committed."""

import sqlalchemy

#: When MySQL and MariaDB write what is committed to the disk, and whether the
#: other nodes of a cluster have it, too.
_FLUSH, _CLUSTER = 'innodb_flush_log_at_trx_commit', 'wsrep_on'
_MYSQL = sqlalchemy.text(
    f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('{_FLUSH}', '{_CLUSTER}')"
)
_POSTGRESQL = sqlalchemy.text(
    'SELECT name FROM pg_settings'
    " WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
    " AND setting = 'off' ORDER BY name"
)
_SQLITE = sqlalchemy.text('PRAGMA synchronous')
#: What SQLite calls FULL: a commit waits until the disk has it.
_FULL = 2


def unsafe_settings(connection: sqlalchemy.Connection) -> list[str]:
    """Return a sentence about each, by one statement."""
    dialect = connection.dialect.name
    if dialect == 'postgresql':
        return [
            f'{name} is off: the database may lose what was acknowledged, or'
            ' break, when its machine fails. Set it to on.'
            for name in connection.scalars(_POSTGRESQL)
        ]
    if dialect == 'sqlite':
        if (connection.scalar(_SQLITE) or 0) >= _FULL:
            return []
        return [
            '[database] sqlite_synchronous is false: the file may lose what'
            ' was acknowledged, or break, when the machine fails. Set it to'
            ' true.'
        ]
    found = connection.execute(_MYSQL).tuples().all()
    variables: dict[str, str] = dict(found)
    # A server without InnoDB says nothing of it.
    flush = variables.get(_FLUSH, '1')
    if flush == '1' or variables.get(_CLUSTER) == 'ON':
        return []
    return [
        f'{_FLUSH} is {flush}: the database may lose'
        ' what was acknowledged within the last second when its machine fails.'
        ' Set it to 1.'
    ]
