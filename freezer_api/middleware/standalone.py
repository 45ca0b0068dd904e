"""What stands in the place of Keystone in the standalone mode, where whoever
reaches the loopback interface is let in.
"""

import collections.abc
import ipaddress
import re

from freezer_api import exceptions
from freezer_api.middleware.responses import (
    Application,
    Environ,
    StartResponse,
    path_of,
)

#: A host with or without a port; an IPv6 address stands in brackets.
HOST = re.compile(
    r'(?:\[(?P<bracketed>[0-9a-f:.]+)\]|(?P<plain>[^:/@\[\]]*))(?::[0-9]*)?'
)
#: Methods that change nothing. A web page can cause them, but doesn't see the
#: answer.
READ_METHODS = frozenset(('GET', 'HEAD', 'OPTIONS'))
#: Headers by which keystonemiddleware says who is calling.
IDENTITY_HEADERS = ('HTTP_X_', 'HTTP_OPENSTACK_')


class Loopback:
    """Refuses the requests that web pages cause in a browser of this machine.

    They have a foreign ``Origin``, or a ``Host`` that isn't loopback (its
    name leads here by a trick with DNS), or they write and the browser says
    that another site causes it. All of these are answered 403.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        _check_host(environ)
        _check_origin(environ)
        _check_site(environ)
        return self._application(environ, start_response)


class EveryRole:
    """Makes whoever calls a user that has every role in the project of the
    path, where keystonemiddleware would validate a token.
    """

    def __init__(self, application: Application):
        self._application = application

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> collections.abc.Iterable[bytes]:
        # Headers of the caller must not add to the identity, nor spoil it.
        for name in list(environ):
            if name.startswith(IDENTITY_HEADERS):
                del environ[name]
        environ.update(
            HTTP_X_IDENTITY_STATUS='Confirmed',
            HTTP_X_USER_ID='standalone',
            HTTP_X_PROJECT_ID=_project_id(environ),
            HTTP_X_ROLES='admin,member,reader,service',
        )
        return self._application(environ, start_response)


def _check_host(environ: Environ) -> None:
    if not _is_loopback(environ.get('HTTP_HOST', '')):
        raise _forbidden('Host: must be localhost or a loopback address.')


def _check_origin(environ: Environ) -> None:
    origin = environ.get('HTTP_ORIGIN')
    own = f'{environ["wsgi.url_scheme"]}://{environ.get("HTTP_HOST", "")}'
    if origin is not None and origin.lower() != own.lower():
        raise _forbidden('Origin: web pages must not use this service.')


def _check_site(environ: Environ) -> None:
    if environ['REQUEST_METHOD'] in READ_METHODS:
        return
    # A form of another site is sent without an Origin by some browsers.
    site = environ.get('HTTP_SEC_FETCH_SITE', 'none').lower()
    if site not in ('same-origin', 'none'):
        raise _forbidden(
            'Sec-Fetch-Site: web pages must not use this service.'
        )


def _forbidden(text: str) -> exceptions.Forbidden:
    return exceptions.Forbidden(text, 'request.forbidden-origin')


def _is_loopback(host: str) -> bool:
    match = HOST.fullmatch(host.lower())
    if match is None:
        return False
    name = match['bracketed'] or match['plain']
    if name == 'localhost':
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _project_id(environ: Environ) -> str:
    """The part of the path behind ``/v2/``, '' if there is none."""
    parts = path_of(environ).split('/')
    if len(parts) < 3:
        return ''
    return parts[2]
