"""Where the published service's database is."""

import typing
import urllib.parse

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy.connections import (
    engines,
    mysql,
    mysqlclient,
)


class NotImportable(exceptions.Unprocessable):
    """A database can't be imported; the message tells the operator why, and
    what to do.
    """


def make_engine(url: str, **options: typing.Any) -> sqlalchemy.Engine:
    """Make an engine that only reads, by the module that would serve a store
    at this URL; ``options`` are SQLAlchemy's.

    ``NotImportable`` for what is no URL; ``ImportError`` if the module isn't
    there.
    """
    parsed = read_only(url)
    if parsed.drivername != mysql.MYSQLCLIENT:
        return sqlalchemy.create_engine(parsed, **options)
    arguments = mysqlclient.arguments(parsed, patient=True)
    engine = sqlalchemy.create_engine(
        parsed,
        connect_args=arguments,
        **options,
    )
    mysqlclient.set_up(engine, parsed)
    return engine


def read_only(url: str) -> sqlalchemy.URL:
    """Return a URL by which a file of SQLite is opened for reading only, and
    MariaDB sends every character, with the module that is meant;
    ``NotImportable`` for what is no URL.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        # Its own text may repeat the password.
        raise NotImportable(
            'The source is neither a file nor a URL such as'
            ' mysql+pymysql://user:password@host/freezer.'
        ) from None
    parsed = engines.with_module(parsed)
    if parsed.get_backend_name() in ('mysql', 'mariadb'):
        # Configurations often name utf8, in which the server would send '?'
        # for what takes four bytes.
        return parsed.update_query_dict({'charset': 'utf8mb4'})
    if parsed.get_backend_name() != 'sqlite' or not parsed.database:
        return parsed
    if parsed.database.startswith('file:'):
        return parsed
    query = {**parsed.query, 'mode': 'ro', 'uri': 'true'}
    path = urllib.parse.quote(parsed.database)
    return parsed.set(database=f'file:{path}', query=query)
