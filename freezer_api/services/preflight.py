"""Use cases of the preflight: what agents would make of a job. Nothing is stored."""

from freezer_api.db.base import Storage
from freezer_api.domain import actions, jobs, preflight
from freezer_api.domain.documents import ACTIONS, JOBS, Body
from freezer_api.schemas import jobs as schemas
from freezer_api.services import clients, common
from freezer_api.services.common import Caller
from freezer_api.services.jobs import fitting


def check(storage: Storage, caller: Caller, id: str) -> Body:
    """The ``problems`` of a job, or ``NotFound``."""
    common.existing(JOBS, id)
    return _problems(storage.get(caller.scope, JOBS, id).body)


def check_new(storage: Storage, caller: Caller, body: Body) -> Body:
    """The ``problems`` of a job that a body would make; an error where it would make none.

    What depends on the moment isn't looked at: whether the id is free, and the trust.
    """
    common.check_size(storage, body.get('job_actions'), 'job_actions')
    schemas.check_size(body, storage.max_document_size)
    given = schemas.job(body)
    entries = actions.wanted(given['job_actions'], common.new_id)
    known = {}
    for action_id in {entry.action_id for entry in entries if entry.action_id is not None}:
        action = common.stored(storage, caller.scope, ACTIONS, action_id)
        if action is not None:
            known[action_id] = action
    linked = actions.resolved(entries, known).entries
    id = given.get('job_id') or common.new_id()
    job = jobs.created(id, caller.project_id, caller.user_id, given, linked, storage.clock())
    common.sized(storage, JOBS, job, 'job_actions', size=jobs.size)
    return _problems(fitting(job, clients.lookup(storage, caller, given['client_id'])))


def _problems(job: Body) -> Body:
    definitions = [entry['freezer_action'] for entry in job['job_actions']]
    return {'problems': preflight.problems(definitions, job['job_schedule'], bool(job['session_id']))}
