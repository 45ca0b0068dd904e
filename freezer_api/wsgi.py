"""The application for uwsgi, mod_wsgi, gunicorn, granian and other WSGI
servers: ``freezer_api.wsgi:application``.

Importing this module reads the configuration (see
:func:`freezer_api.conf.files.of_wsgi_server`) and builds the application.
What it asks the storage meanwhile, for the log, uses connections that are
closed again, so a server may import it once and fork then.
"""

import atexit
import collections.abc
import importlib
import os
import sys
import typing

from oslo_config import cfg

from freezer_api import app, conf, db, exceptions
from freezer_api.cmd import lifecycle
from freezer_api.conf import files

#: The exit codes by which a worker tells uwsgi and gunicorn that it can't
#: start, so that they don't start another one again and again.
UWSGI_NO_APP = 22
GUNICORN_NO_BOOT = 3


class ChunkedBody:
    """A body without a length under uwsgi, as a stream. uwsgi has a function
    for its chunks, where other servers have them in the stream.
    """

    def __init__(self, read_chunk: collections.abc.Callable[[], bytes]):
        self._read_chunk = read_chunk
        self._rest = b''

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the body's end; ``OSError`` if
        the client doesn't send them.
        """
        chunk = self._rest or self._read_chunk()
        self._rest = chunk[size:]
        return chunk[:size]


def of_uwsgi(application: app.Application) -> app.Application:
    """Return the application with chunked bodies as streams that end; under
    any other server the application itself.
    """
    # There is a module of this name in uwsgi's own processes alone.
    try:
        read_chunk = importlib.import_module('uwsgi').chunked_read
    except ImportError:
        return application

    def call(
        environ: dict[str, typing.Any], start_response: typing.Any
    ) -> collections.abc.Iterable[bytes]:
        is_chunked = 'HTTP_TRANSFER_ENCODING' in environ
        if is_chunked and not environ.get('wsgi.input_terminated'):
            environ['wsgi.input'] = ChunkedBody(read_chunk)
            environ['wsgi.input_terminated'] = True
        return application(environ, start_response)

    return call


def build(
    environ: collections.abc.Mapping[str, str],
    argv: collections.abc.Sequence[str],
) -> app.Application:
    """Return the application as the environment and the command line of a
    WSGI server configure it.

    What an operator has to correct first is one line on standard error and
    ``SystemExit``, so that a server which imports this module shows no
    traceback of ours.
    """
    configuration = conf.new()
    try:
        files.read(
            configuration,
            files.of_wsgi_server(environ, argv),
            prog='freezer-api',
        )
        storage = db.load(configuration)
        application = app.build(configuration, storage)
        schema = lifecycle.check_storage_in_time(configuration)
    except (cfg.Error, exceptions.FreezerError, OSError) as error:
        text = ' '.join(str(error).split())
        print(f'freezer-api: {text}', file=sys.stderr, flush=True)
        raise SystemExit(
            UWSGI_NO_APP if 'uwsgi' in sys.modules else GUNICORN_NO_BOOT
        ) from None
    process = lifecycle.Process(configuration, storage, schema)
    process.log_start('WSGI application')
    # The server ends its processes, and does not tell the application.
    atexit.register(process.log_stop)
    return application


# At import: servers load this module before they accept requests, so that a
# mistake in the configuration stops the start.
application = of_uwsgi(build(os.environ, sys.argv[1:]))
# Before the server forks: its processes then share what is in memory now.
lifecycle.limit_garbage_collection()
