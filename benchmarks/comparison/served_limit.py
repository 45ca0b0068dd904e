"""The limit: a function that does one SELECT by primary key and sends the
stored bytes, and nothing else.

It has what no service can do without: a connection of each thread, a
statement that is ready but for its parameter, a status and two headers.
"""

import collections.abc
import os
import threading
import typing

import pymysql
import sqlalchemy

#: The answers to GET by session id.
TABLE = 'answers'
_SELECT = f'SELECT body FROM {TABLE} WHERE id = %s'
_local = threading.local()


def connect() -> pymysql.Connection:
    """Return a connection to the database of the environment."""
    url = sqlalchemy.make_url(os.environ['DB_URL'])
    return pymysql.connect(
        unix_socket=url.query['unix_socket'],
        user=url.username,
        database=url.database,
        charset='utf8mb4',
        autocommit=True,
    )


def application(
    environ: dict[str, typing.Any], start_response: typing.Any
) -> collections.abc.Iterable[bytes]:
    """Answer GET of a session."""
    # Threads have no connection in common, and so no lock.
    cursor = getattr(_local, 'cursor', None)
    if cursor is None:
        cursor = _local.cursor = connect().cursor()
    cursor.execute(_SELECT, environ['PATH_INFO'].rsplit('/', 1)[1])
    row = cursor.fetchone()
    if row is None:
        start_response('404 Not Found', [])
        return []
    body = row[0]
    headers = [
        ('Content-Type', 'application/json'),
        ('Content-Length', str(len(body))),
    ]
    start_response('200 OK', headers)
    return [body]
