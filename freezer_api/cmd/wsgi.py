"""The application by the path that deployments of earlier releases give their
WSGI servers: ``freezer_api.cmd.wsgi:application``, or this file itself, as
mod_wsgi's ``WSGIScriptAlias``.
"""

from freezer_api.wsgi import application

__all__ = ('application',)
