"""This service as a bare WSGI application whose callers are members of the
project in the path: ``uwsgi --module benchmarks.comparison.served_here``.

``DB_URL`` names the database, or ``CONFIGURATION`` a file with options. If
``DRIVER_FILE`` names a file, each process adds a line to it: by which driver
it is connected to the database.
"""

import collections.abc
import os
import pathlib
import typing

from oslo_config import cfg

from freezer_api import app, conf, db
from freezer_api.cmd import lifecycle
from freezer_api.db.base import Storage
from freezer_api.db.sqlalchemy.driver import Driver

#: What keystonemiddleware adds to a request with a valid token.
IDENTITY = {
    'HTTP_X_IDENTITY_STATUS': 'Confirmed',
    'HTTP_X_USER_ID': 'u1',
    'HTTP_X_USER_NAME': 'u1',
    'HTTP_X_ROLES': 'member,reader',
}


def open_storage(url: str) -> Storage:
    """Return the storage in a database."""
    configuration = _configuration()
    configuration.set_override('connection', url, group='database')
    return db.load(configuration)


def open_configured(file: str) -> Storage:
    """Return the storage that a configuration file names."""
    return db.load(_configuration(file))


def name_driver(storage: Driver) -> str:
    """Return which module a storage's connections are of: the name by which
    it is imported, and of psycopg which implementation.
    """
    # As the driver itself takes it.
    with storage.database.engines.reader.connect() as connection:
        raw = connection.connection.dbapi_connection
        bases = [base.__module__ for base in type(raw).__mro__]
    # The driver derives a class of its own from PyMySQL's.
    module = next(
        base.partition('.')[0]
        for base in bases
        if not base.startswith('freezer_api.')
    )
    if module != 'psycopg':
        return module

    import psycopg

    return f'{module} {psycopg.pq.__impl__}'


def _tell_driver(storage: Storage, file: str) -> None:
    """Add a line that names the driver to a file."""
    if not isinstance(storage, Driver):
        raise TypeError(f'{type(storage).__name__} has no database.')
    line = f'{name_driver(storage)}\n'
    with pathlib.Path(file).open('a') as told:
        told.write(line)


def _configuration(*files: str) -> cfg.ConfigOpts:
    """Return the configuration of some files, and of no others."""
    configuration = conf.new()
    configuration(
        [],
        project='freezer-api',
        default_config_files=list(files),
        default_config_dirs=[],
    )
    return configuration


def identified(application: app.Application) -> app.Application:
    """Return an application to whose callers Keystone has said who they
    are.
    """

    def call(
        request: dict[str, typing.Any], start_response: typing.Any
    ) -> collections.abc.Iterable[bytes]:
        """Answer one request."""
        # The project is the one of the path, so everybody may do everything.
        request.update(IDENTITY)
        request['HTTP_X_PROJECT_ID'] = request['PATH_INFO'].split('/')[2]
        return application(request, start_response)

    return call


def build(storage: Storage) -> app.Application:
    """Return the application on a storage."""
    return app.build(storage.conf, storage, authenticate=identified)


def build_alone(storage: Storage) -> app.Application:
    """Return the application on a storage in a process that does nothing
    else, as :mod:`freezer_api.wsgi` makes it.
    """
    application = build(storage)
    lifecycle.limit_garbage_collection()
    return application


if 'DB_URL' in os.environ:
    application = build_alone(open_storage(os.environ['DB_URL']))
elif 'CONFIGURATION' in os.environ:
    _storage = open_configured(os.environ['CONFIGURATION'])
    if 'DRIVER_FILE' in os.environ:
        _tell_driver(_storage, os.environ['DRIVER_FILE'])
    application = build_alone(_storage)
