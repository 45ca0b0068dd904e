"""Every path and method of the API, in one table."""

import collections.abc
import dataclasses
import typing

from freezer_api.controllers import root
from freezer_api.controllers.v2.actions import Actions
from freezer_api.controllers.v2.backups import Backups
from freezer_api.controllers.v2.clients import Clients
from freezer_api.controllers.v2.jobs import Jobs
from freezer_api.controllers.v2.restores import Restores
from freezer_api.controllers.v2.sessions import Sessions
from freezer_api.db import base
from freezer_api.services import trusts

#: Path patterns, and the exposed method of a controller for each HTTP method.
Table = dict[str, dict[str, typing.Any]]
#: ``{project_id}`` is the project that policy is asked about.
PROJECT = '/v2/{project_id}'


@dataclasses.dataclass(frozen=True)
class Path:
    """A path, and which methods of a controller answer it; ``relation`` names
    it in the home document.
    """

    pattern: str
    controller: type
    methods: collections.abc.Mapping[
        str, collections.abc.Callable[..., typing.Any]
    ]
    relation: str = ''


PATHS = (
    Path('', root.Root, {'GET': root.Root.versions}),
    Path('/v2', root.Root, {'GET': root.Root.home}),
    Path(
        '/v2/{project_id}/sessions',
        Sessions,
        {
            'GET': Sessions.get_all,
            'POST': Sessions.create,
            'PATCH': Sessions.update_named,
        },
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}',
        Sessions,
        {
            'GET': Sessions.get,
            'PATCH': Sessions.update,
            'POST': Sessions.replace,
            'DELETE': Sessions.delete,
        },
        relation='sessions',
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/jobs/{job_id}',
        Sessions,
        {'PUT': Sessions.attach, 'DELETE': Sessions.detach},
        relation='session_jobs',
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/actions',
        Sessions,
        {'POST': Sessions.act},
        relation='session_actions',
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/action',
        Sessions,
        {'POST': Sessions.act},
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/runs',
        Sessions,
        {'GET': Sessions.runs},
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}',
        Sessions,
        {'GET': Sessions.run},
        relation='runs',
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}/restore',
        Restores,
        {'POST': Restores.restore},
        relation='run_restores',
    ),
    Path(
        '/v2/{project_id}/sessions/{session_id}/runs/{session_tag}/verify',
        Restores,
        {'POST': Restores.verify},
        relation='run_verifications',
    ),
    Path(
        '/v2/{project_id}/jobs',
        Jobs,
        {'GET': Jobs.get_all, 'POST': Jobs.create},
    ),
    Path(
        '/v2/{project_id}/jobs/{job_id}',
        Jobs,
        {
            'GET': Jobs.get,
            'PATCH': Jobs.update,
            'POST': Jobs.replace,
            'DELETE': Jobs.delete,
        },
        relation='jobs',
    ),
    Path(
        '/v2/{project_id}/jobs/{job_id}/event',
        Jobs,
        {'POST': Jobs.event},
        relation='job_events',
    ),
    Path(
        '/v2/{project_id}/jobs/{job_id}/check',
        Jobs,
        {'GET': Jobs.check},
        relation='job_checks',
    ),
    Path(
        '/v2/{project_id}/actions',
        Actions,
        {'GET': Actions.get_all, 'POST': Actions.create},
    ),
    Path(
        '/v2/{project_id}/actions/{action_id}',
        Actions,
        {
            'GET': Actions.get,
            'PATCH': Actions.update,
            'POST': Actions.replace,
            'DELETE': Actions.delete,
        },
        relation='actions',
    ),
    Path(
        '/v2/{project_id}/clients',
        Clients,
        {'GET': Clients.get_all, 'POST': Clients.register},
    ),
    Path(
        '/v2/{project_id}/clients/{client_id}',
        Clients,
        {'GET': Clients.get, 'DELETE': Clients.delete},
        relation='clients',
    ),
    Path(
        '/v2/{project_id}/backups',
        Backups,
        {'GET': Backups.get_all, 'POST': Backups.create},
    ),
    Path(
        '/v2/{project_id}/backups/{backup_id}',
        Backups,
        {
            'GET': Backups.get,
            'PATCH': Backups.update,
            'DELETE': Backups.delete,
        },
        relation='backups',
    ),
    Path(
        '/v2/{project_id}/backups/{backup_id}/restore',
        Restores,
        {'POST': Restores.restore_backup},
        relation='backup_restores',
    ),
)


def table(
    storage: base.Storage,
    max_limit: int,
    implicit_all_projects: bool = False,
    delegation: trusts.Delegation = trusts.OFF,
) -> Table:
    """Make the controllers, once each, and return the table with their
    methods.
    """
    controllers: dict[type, typing.Any] = {
        root.Root: root.Root(home(PATHS)),
        Jobs: Jobs(storage, max_limit, implicit_all_projects, delegation),
        Actions: Actions(storage, max_limit, delegation),
        Restores: Restores(storage, delegation),
    }
    for controller in (Sessions, Clients, Backups):
        controllers[controller] = controller(storage, max_limit)
    bound: Table = {}
    for path in PATHS:
        instance = controllers[path.controller]
        bound[path.pattern] = {
            verb: method.__get__(instance)
            for verb, method in path.methods.items()
        }
    return bound


def home(paths: collections.abc.Iterable[Path]) -> dict[str, typing.Any]:
    """Return the home document of the API, as JSON Home has it: a resource for
    each relation.
    """
    resources = {}
    for path in paths:
        if path.relation:
            names = [
                part[1:-1]
                for part in path.pattern.split('/')
                if part.startswith('{')
            ]
            resources[f'rel/{path.relation}'] = {
                'href-template': path.pattern,
                'href-vars': {name: f'param/{name}' for name in names},
                'hints': {
                    'allow': [*path.methods],
                    'formats': {'application/json': {}},
                },
            }
    return {'resources': resources}
