"""The application for uwsgi, mod_wsgi, gunicorn, granian and other WSGI servers: ``freezer_api.wsgi:application``.

Importing this module reads the configuration (see :func:`freezer_api.conf.files.of_wsgi_server`) and builds the
application. Nothing is connected before the first request, so a server may import it once and fork then.
"""

import collections.abc
import os
import sys

from freezer_api import app, conf
from freezer_api.conf import files


def build(environ: collections.abc.Mapping[str, str], argv: collections.abc.Sequence[str]) -> app.Application:
    """The application as the environment and the command line of a WSGI server configure it."""
    configuration = conf.new()
    files.read(configuration, files.of_wsgi_server(environ, argv), prog='freezer-api')
    return app.build(configuration)


application = build(os.environ, sys.argv[1:])
