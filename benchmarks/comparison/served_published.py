"""The published freezer-api as a bare WSGI application, its callers members
of the project in the path: for its own virtual environment.

``DB_URL`` names the database; run as a program, it makes the tables.
"""

import collections.abc
import logging
import os
import sys
import tempfile
import typing

#: Its log goes nowhere, as that of the others.
CONFIGURATION = f"""[DEFAULT]
use_stderr = false
log_file = /dev/null
[database]
connection = {os.environ['DB_URL']}
[storage]
driver = sqlalchemy
backend = sqlalchemy
"""


def configure() -> None:
    """Read a configuration with the database of the environment."""
    from freezer_api.common import config

    sys.argv = ['freezer-api']
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:
        file.write(CONFIGURATION)
        file.flush()
        config.parse_args(args=['--config-file', file.name])
    config.setup_logging()
    logging.getLogger().setLevel(logging.ERROR)


def make_tables() -> None:
    """Make the tables of the database."""
    from freezer_api.db import manager

    driver = manager.get_db_driver('sqlalchemy', backend='sqlalchemy')
    driver.db_sync()


def build() -> typing.Any:
    """Return the application below ``/v2``."""
    from freezer_api import context
    from freezer_api.cmd import api

    inner = api.build_app_v2()

    def call(
        environ: dict[str, typing.Any], start_response: typing.Any
    ) -> collections.abc.Iterable[bytes]:
        """Answer one request."""
        # What Paste would do of all that stands before the application.
        path = environ['PATH_INFO'].removeprefix('/v2')
        environ['PATH_INFO'] = path
        environ['HTTP_X_IDENTITY_STATUS'] = 'Confirmed'
        environ['freezer.context'] = context.FreezerContext(
            auth_token='t',
            user='u1',
            tenant=path.split('/')[1],
            roles=['member', 'reader'],
            request_id='req-1',
            auth_token_info={},
        )
        return inner(environ, start_response)

    return call


configure()
if __name__ == '__main__':
    make_tables()
else:
    application = build()
