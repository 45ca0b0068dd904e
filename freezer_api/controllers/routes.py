"""Every path and verb of the API, in one table."""

import typing

from freezer_api.controllers import root
from freezer_api.controllers.v2 import actions, backups, clients, jobs, sessions
from freezer_api.db import base
from freezer_api.services import trusts

#: Path patterns, and the exposed method of each verb. ``{project_id}`` is the project that policy is asked about.
Table = dict[str, dict[str, typing.Any]]
PROJECT = '/v2/{project_id}'


def table(storage: base.Storage, max_limit: int, implicit_all_projects: bool = False,
          delegation: trusts.Delegation = trusts.OFF) -> Table:
    """The routes of the API on a storage; the controllers behind them are made here, once."""
    return {**_root(), **_sessions(storage, max_limit), **_jobs(storage, max_limit, implicit_all_projects, delegation),
            **_actions(storage, max_limit), **_clients(storage, max_limit), **_backups(storage, max_limit)}


def _root() -> Table:
    controller = root.Root()
    return {
        '': {'GET': controller.versions},
        '/v2': {'GET': controller.home},
    }


def _sessions(storage: base.Storage, max_limit: int) -> Table:
    controller = sessions.Sessions(storage, max_limit)
    one = f'{PROJECT}/sessions/{{session_id}}'
    return {
        f'{PROJECT}/sessions': {'GET': controller.get_all, 'POST': controller.create, 'PATCH': controller.update_named},
        one: {'GET': controller.get, 'PATCH': controller.update, 'POST': controller.replace, 'DELETE': controller.delete},
        f'{one}/jobs/{{job_id}}': {'PUT': controller.attach, 'DELETE': controller.detach},
        f'{one}/actions': {'POST': controller.act},
        f'{one}/action': {'POST': controller.act},
        f'{one}/runs': {'GET': controller.runs},
        f'{one}/runs/{{session_tag}}': {'GET': controller.run},
    }


def _jobs(storage: base.Storage, max_limit: int, implicit_all_projects: bool, delegation: trusts.Delegation) -> Table:
    controller = jobs.Jobs(storage, max_limit, implicit_all_projects, delegation)
    one = f'{PROJECT}/jobs/{{job_id}}'
    return {
        f'{PROJECT}/jobs': {'GET': controller.get_all, 'POST': controller.create},
        one: {'GET': controller.get, 'PATCH': controller.update, 'POST': controller.replace, 'DELETE': controller.delete},
        f'{one}/event': {'POST': controller.event},
    }


def _actions(storage: base.Storage, max_limit: int) -> Table:
    controller = actions.Actions(storage, max_limit)
    one = f'{PROJECT}/actions/{{action_id}}'
    return {
        f'{PROJECT}/actions': {'GET': controller.get_all, 'POST': controller.create},
        one: {'GET': controller.get, 'PATCH': controller.update, 'POST': controller.replace, 'DELETE': controller.delete},
    }


def _clients(storage: base.Storage, max_limit: int) -> Table:
    controller = clients.Clients(storage, max_limit)
    return {
        f'{PROJECT}/clients': {'GET': controller.get_all, 'POST': controller.register},
        f'{PROJECT}/clients/{{client_id}}': {'GET': controller.get, 'DELETE': controller.delete},
    }


def _backups(storage: base.Storage, max_limit: int) -> Table:
    controller = backups.Backups(storage, max_limit)
    return {
        f'{PROJECT}/backups': {'GET': controller.get_all, 'POST': controller.create},
        f'{PROJECT}/backups/{{backup_id}}': {'GET': controller.get, 'PATCH': controller.update, 'DELETE': controller.delete},
    }
