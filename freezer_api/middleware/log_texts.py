"""What callers sent, as log records show it: on one line, bounded, and without
secrets.
"""

import re
import urllib.parse

from freezer_api.domain import texts
from freezer_api.middleware.responses import Environ

#: Characters of a method, an id, a path, a query string, and a reason.
MAX_METHOD = 32
MAX_ID = 255
MAX_PATH = 512
MAX_QUERY = 256
MAX_REASON = 1024
#: Stands for what is left out.
CUT = '...'
MASK = '***'
#: Query parameters of the API. The values of all others are masked: some
#: clients put tokens into URLs.
SHOWN_PARAMETERS = frozenset(
    (
        'all_projects',
        'dry_run',
        'limit',
        'marker',
        'marker_project',
        'offset',
        'search',
        'sort',
    )
)
#: Parts of names under which jobs keep what nobody else should read. A search
#: with one of them is masked.
SECRET_NAMES = ('pass', 'secret', 'token', 'credential', 'key')
# What stays as it is in a URL that is shown; the percent sign is that of
# characters which have been escaped already.
_SAFE_IN_PATH = "/:@!$&'()*+,;=~"
_SAFE_IN_QUERY = _SAFE_IN_PATH + '?%'
# What nearly all ids and paths are made of: one look tells that they can be
# shown as they are.
_PLAIN_ID = re.compile(r'[A-Za-z0-9_.-]+')
_PLAIN_PATH = re.compile(r'[A-Za-z0-9_./-]+')


def one_line(text: str, limit: int = MAX_REASON) -> str:
    """Return a text whose control characters are escaped, so that nobody can
    write a log record of their own; cut behind ``limit`` characters.
    """
    if len(text) > limit:
        text = text[:limit] + CUT
    # Most are: a look costs less than a walk.
    if text.isprintable():
        return text
    return texts.printable(text)


def shown_id(text: str) -> str:
    """Return the id of a user or a project, percent-encoded where it has more
    than ids have: one with a space could look like another field of a line.
    """
    if len(text) <= MAX_ID and _PLAIN_ID.fullmatch(text):
        return text
    return urllib.parse.quote(text[:MAX_ID], safe='', errors='replace')


def shown_url(environ: Environ) -> str:
    """Return the path and the query string of a request, percent-encoded.

    Both are bounded. Of the query string only what this API knows is shown.
    """
    path = environ.get('SCRIPT_NAME', '') + environ.get('PATH_INFO', '')
    if len(path) <= MAX_PATH and _PLAIN_PATH.fullmatch(path):
        shown = path
    else:
        shown = _quote(path, _SAFE_IN_PATH, MAX_PATH) or '/'
    query = environ.get('QUERY_STRING', '')
    if not query:
        return shown
    return f'{shown}?{_shown_query(query)}'


def shown_request(environ: Environ) -> str:
    """Return the method of a request, and :func:`shown_url`.

    A request that isn't HTTP has no method: ``-`` stands for it.
    """
    method = one_line(environ['REQUEST_METHOD'], MAX_METHOD) or '-'
    return f'{method} {shown_url(environ)}'


def _shown_query(query: str) -> str:
    # A search may be as long as a URL. What is cut off isn't parsed either,
    # but a secret's name may stand behind the cut.
    has_secret = _names_secret(query)
    parameters = []
    for parameter in query[: 2 * MAX_QUERY].split('&'):
        name, equals, _value = parameter.partition('=')
        is_shown = name in SHOWN_PARAMETERS
        if name == 'search' and has_secret:
            is_shown = False
        if is_shown:
            parameters.append(parameter)
        elif equals:
            parameters.append(f'{name}={MASK}')
        else:
            parameters.append(MASK)
    shown = '&'.join(parameters)
    if len(query) > 2 * MAX_QUERY:
        shown += CUT
    return _quote(shown, _SAFE_IN_QUERY, MAX_QUERY)


def _names_secret(query: str) -> bool:
    plain = urllib.parse.unquote_plus(query).lower()
    return any(name in plain for name in SECRET_NAMES)


def _quote(text: str, safe: str, limit: int) -> str:
    """Return a text of the environment, which WSGI decodes as Latin-1,
    percent-encoded again.
    """
    raw = text[: limit + 1].encode('latin-1', 'replace')
    quoted = urllib.parse.quote_from_bytes(raw, safe)
    if len(quoted) > limit:
        return quoted[:limit] + CUT
    return quoted
