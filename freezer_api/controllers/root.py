"""What is told without a token: the versions of the API, and the resources of this one."""

import typing
import urllib.parse

from freezer_api import middleware
from freezer_api.controllers import base, calls, types

UPDATED = '2026-01-01T00:00:00Z'
JSON_HOME = ('application/json-home', 'application/json')
#: The resources of the API: relation, path below the project, verbs.
RESOURCES = [
    ('sessions', 'sessions/{session_id}', ['GET', 'PATCH', 'POST', 'DELETE']),
    ('session_jobs', 'sessions/{session_id}/jobs/{job_id}', ['PUT', 'DELETE']),
    ('session_actions', 'sessions/{session_id}/actions', ['POST']),
    ('runs', 'sessions/{session_id}/runs/{session_tag}', ['GET']),
    ('jobs', 'jobs/{job_id}', ['GET', 'PATCH', 'POST', 'DELETE']),
    ('job_events', 'jobs/{job_id}/event', ['POST']),
    ('actions', 'actions/{action_id}', ['GET', 'PATCH', 'POST', 'DELETE']),
    ('clients', 'clients/{client_id}', ['GET', 'DELETE']),
    ('backups', 'backups/{backup_id}', ['GET', 'PATCH', 'DELETE']),
]


class Root:
    """``/`` and ``/v2``."""

    @base.expose(base.PUBLIC, types.Json('versions'), status=300)
    def versions(self, call: calls.Call) -> base.Answer:
        """The versions document, with links to the host that was asked."""
        environ = call.environ
        host = environ.get('HTTP_HOST') or f'{environ["SERVER_NAME"]}:{environ["SERVER_PORT"]}'
        prefix = urllib.parse.quote(middleware.prefix_of(environ).encode('latin-1'))
        link = {'rel': 'self', 'href': f'{environ["wsgi.url_scheme"]}://{host}{prefix}/v2/'}
        return base.Answer({'versions': [{'id': 'v2', 'status': 'CURRENT', 'updated': UPDATED, 'links': [link]}]})

    @base.expose(base.PUBLIC, types.Json('home'), offers=JSON_HOME)
    def home(self, call: calls.Call) -> base.Answer:
        """The home document: where the resources are, as JSON Home has it."""
        return base.Answer({'resources': {f'rel/{name}': _resource(path, allow) for name, path, allow in RESOURCES}})


def _resource(path: str, allow: list[str]) -> dict[str, typing.Any]:
    template = f'/v2/{{project_id}}/{path}'
    names = [part[1:-1] for part in template.split('/') if part.startswith('{')]
    return {'href-template': template, 'href-vars': {name: f'param/{name}' for name in names},
            'hints': {'allow': allow, 'formats': {'application/json': {}}}}
