"""The service as a bare WSGI application with every caller let in: what
``benchmarks/load.py`` calls.

``DB_URL`` names the database; ``python -m benchmarks.served`` makes its
tables, ``uwsgi --module benchmarks.served --lazy-apps …`` serves it. ``BARE``
in the environment serves the limit instead: a function that does one SELECT
of a session by its id and answers the JSON that it finds, and nothing else.
"""

import collections.abc
import os
import typing

import orjson
import sqlalchemy

from freezer_api import app, conf, db, middleware
from freezer_api.db.base import Storage

BY_ID = sqlalchemy.text(
    'SELECT body FROM freezer_sessions WHERE project = :project AND id = :id'
)


def storage() -> Storage:
    """The storage of the database that the environment names."""
    configuration = conf.new()
    configuration(
        [],
        project='freezer-api',
        default_config_files=[],
        default_config_dirs=[],
    )
    configuration.set_override(
        'connection', os.environ['DB_URL'], group='database'
    )
    return db.load(configuration)


def bare() -> app.Application:
    """The limit: what one SELECT and one JSON document cost on this server."""
    url = sqlalchemy.make_url(os.environ['DB_URL']).set(
        drivername='mysql+pymysql'
    )
    engine = sqlalchemy.create_engine(
        url,
        isolation_level='AUTOCOMMIT',
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
    )

    def application(
        environ: middleware.Environ, start: typing.Any
    ) -> collections.abc.Iterable[bytes]:
        _, _, project, _, session = environ['PATH_INFO'].split('/')
        with engine.connect() as connection:
            text = connection.execute(
                BY_ID, {'project': project.encode(), 'id': session}
            ).scalar()
        body = orjson.dumps(orjson.loads(text))
        start(
            '200 OK',
            [
                ('Content-Type', 'application/json'),
                ('Content-Length', str(len(body))),
            ],
        )
        return [body]

    return application


def serving() -> app.Application:
    """What the environment asks for."""
    if os.environ.get('BARE'):
        return bare()
    here = storage()
    return app.build(here.conf, here, authenticate=middleware.EveryRole)


if __name__ == '__main__':
    storage().sync()
else:
    application = serving()
