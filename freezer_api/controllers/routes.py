"""Every path and method of the API, in one table.

Routing, the home document, the description of the API and the tests of policy,
of the API reference and of every method are derived from it.
"""

import collections.abc
import types
import typing

from freezer_api.controllers import base as endpoints
from freezer_api.controllers import openapi, root
from freezer_api.controllers.root import Root
from freezer_api.controllers.v2.actions import Actions
from freezer_api.controllers.v2.backups import Backups
from freezer_api.controllers.v2.clients import Clients
from freezer_api.controllers.v2.jobs import Jobs
from freezer_api.controllers.v2.restores import Restores
from freezer_api.controllers.v2.sessions import Sessions
from freezer_api.db import base
from freezer_api.services import trusts

#: Paths, and the methods of controllers by the methods of HTTP. HEAD and
#: OPTIONS are added to them.
Table = dict[str, dict[str, endpoints.Handler]]
#: ``{project_id}`` is the project that policy is asked about.
PROJECT = '/v2/{project_id}'

ROUTES: Table = {
    '': {
        'GET': Root.versions,
    },
    '/v2': {
        'GET': Root.home,
    },
    root.DESCRIPTION: {
        'GET': Root.description,
    },
    # PATCH without an id: the body names the session.
    '/v2/{project_id}/sessions': {
        'GET': Sessions.get_all,
        'POST': Sessions.create,
        'PATCH': Sessions.update_named,
    },
    # POST on an id, here and below, replaces the document or creates it under
    # this id: published clients have it so.
    '/v2/{project_id}/sessions/{session_id}': {
        'GET': Sessions.get,
        'PATCH': Sessions.update,
        'POST': Sessions.replace,
        'DELETE': Sessions.delete,
    },
    '/v2/{project_id}/sessions/{session_id}/jobs/{job_id}': {
        'PUT': Sessions.attach,
        'DELETE': Sessions.detach,
    },
    '/v2/{project_id}/sessions/{session_id}/actions': {
        'POST': Sessions.act,
    },
    # The reference has the path above, the published clients call this one.
    '/v2/{project_id}/sessions/{session_id}/action': {
        'POST': Sessions.act,
    },
    '/v2/{project_id}/sessions/{session_id}/runs': {
        'GET': Sessions.runs,
    },
    '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}': {
        'GET': Sessions.run,
    },
    '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}/restore': {
        'POST': Restores.restore,
    },
    '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}/verify': {
        'POST': Restores.verify,
    },
    '/v2/{project_id}/jobs': {
        'GET': Jobs.get_all,
        'POST': Jobs.create,
    },
    '/v2/{project_id}/jobs/{job_id}': {
        'GET': Jobs.get,
        'PATCH': Jobs.update,
        'POST': Jobs.replace,
        'DELETE': Jobs.delete,
    },
    '/v2/{project_id}/jobs/{job_id}/event': {
        'POST': Jobs.event,
    },
    '/v2/{project_id}/jobs/{job_id}/check': {
        'GET': Jobs.check,
    },
    '/v2/{project_id}/actions': {
        'GET': Actions.get_all,
        'POST': Actions.create,
    },
    '/v2/{project_id}/actions/{action_id}': {
        'GET': Actions.get,
        'PATCH': Actions.update,
        'POST': Actions.replace,
        'DELETE': Actions.delete,
    },
    '/v2/{project_id}/clients': {
        'GET': Clients.get_all,
        'POST': Clients.register,
    },
    # No PATCH: an agent registers itself again when something has changed.
    '/v2/{project_id}/clients/{client_id}': {
        'GET': Clients.get,
        'DELETE': Clients.delete,
    },
    '/v2/{project_id}/backups': {
        'GET': Backups.get_all,
        'POST': Backups.create,
    },
    '/v2/{project_id}/backups/{backup_id}': {
        'GET': Backups.get,
        'PATCH': Backups.update,
        'DELETE': Backups.delete,
    },
    '/v2/{project_id}/backups/{backup_id}/restore': {
        'POST': Restores.restore_backup,
    },
}

#: The names that paths have in the home document. A name is what clients rely
#: on, and stays.
RELATIONS = {
    'sessions': '/v2/{project_id}/sessions/{session_id}',
    'session_jobs': '/v2/{project_id}/sessions/{session_id}/jobs/{job_id}',
    'session_actions': '/v2/{project_id}/sessions/{session_id}/actions',
    'runs': '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}',
    'run_restores': (
        '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}/restore'
    ),
    'run_verifications': (
        '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}/verify'
    ),
    'jobs': '/v2/{project_id}/jobs/{job_id}',
    'job_events': '/v2/{project_id}/jobs/{job_id}/event',
    'job_checks': '/v2/{project_id}/jobs/{job_id}/check',
    'actions': '/v2/{project_id}/actions/{action_id}',
    'clients': '/v2/{project_id}/clients/{client_id}',
    'backups': '/v2/{project_id}/backups/{backup_id}',
    'backup_restores': '/v2/{project_id}/backups/{backup_id}/restore',
}


def table(
    storage: base.Storage,
    max_limit: int,
    implicit_all_projects: bool = False,
    delegation: trusts.Delegation = trusts.OFF,
) -> Table:
    """Return :data:`ROUTES` with methods of controllers that work on a
    storage. Each controller is made once.
    """
    controllers = (
        Root(home(), openapi.Description(ROUTES)),
        Sessions(storage, max_limit),
        Jobs(storage, max_limit, implicit_all_projects, delegation),
        Actions(storage, max_limit, delegation),
        Clients(storage, max_limit),
        Backups(storage, max_limit),
        Restores(storage, delegation),
    )
    bound: Table = {}
    for path, handlers in ROUTES.items():
        bound[path] = {}
        for method, handler in handlers.items():
            bound[path][method] = _bind(handler, controllers)
    return bound


def home() -> dict[str, typing.Any]:
    """Return the home document of the API, as JSON Home has it: a resource for
    each of :data:`RELATIONS`.
    """
    resources = {}
    for relation, path in RELATIONS.items():
        variables = {}
        for part in path.split('/'):
            if part.startswith('{'):
                name = part[1:-1]
                variables[name] = f'param/{name}'
        resources[f'rel/{relation}'] = {
            'href-template': path,
            'href-vars': variables,
            'hints': {
                'allow': [*ROUTES[path]],
                'formats': {'application/json': {}},
            },
        }
    links = {'describedBy': root.DESCRIPTION}
    return {'api': {'links': links}, 'resources': resources}


def _bind(
    handler: endpoints.Handler, controllers: collections.abc.Iterable[object]
) -> endpoints.Handler:
    """A method of a class, as one of the controller that is of this class."""
    for controller in controllers:
        name = handler.__name__
        if getattr(type(controller), name, None) is handler:
            return types.MethodType(handler, controller)
    raise LookupError(f'no controller has {handler!r}')
