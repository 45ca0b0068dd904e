"""Where the published service's database is."""

import urllib.parse

import sqlalchemy

from freezer_api import exceptions


class NotImportable(exceptions.Unprocessable):
    """A database can't be imported; the message tells the operator why, and
    what to do.
    """


def read_only(url: str) -> sqlalchemy.URL:
    """Return a URL by which a file of SQLite is opened for reading only, and
    MariaDB sends every character; ``NotImportable`` for what is no URL.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        # Its own text may repeat the password.
        raise NotImportable(
            'The source is neither a file nor a URL such as'
            ' mysql+pymysql://user:password@host/freezer.'
        ) from None
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
