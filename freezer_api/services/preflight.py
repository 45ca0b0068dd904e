"""Use cases of the preflight: what agents would make of a job. Nothing is
stored.
"""

from freezer_api.db.base import Storage
from freezer_api.domain import preflight
from freezer_api.domain.documents import JOBS, Body, Precondition
from freezer_api.services import common, jobs
from freezer_api.services.common import Caller


def check(storage: Storage, caller: Caller, id: str) -> Body:
    """Return the ``problems`` of a job, or raise ``NotFound``."""
    common.check_id(JOBS, id)
    return _problems(storage.get(caller.scope, JOBS, id).body)


def check_new(storage: Storage, caller: Caller, body: Body) -> Body:
    """Return the ``problems`` of the job that a body would make, or raise what
    would refuse the body.

    What may change at any moment isn't looked at: whether the id is free, and
    the trust.
    """
    return _problems(jobs.planned(storage, caller, body))


def check_replacement(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition,
) -> Body:
    """Return the ``problems`` of a job once a body has replaced it, or has made
    it; else what :func:`check_new` does.
    """
    current = common.get_or_none(storage, caller.scope, JOBS, id)
    precondition.check(current)
    planned = jobs.planned(storage, caller, {**body, 'job_id': id})
    if current is not None and current.body['session_id']:
        # A member keeps its session, and the schedule that this sets.
        for key in ('session_id', 'job_schedule'):
            planned[key] = current.body[key]
    return _problems(planned)


def _problems(job: Body) -> Body:
    definitions = [entry['freezer_action'] for entry in job['job_actions']]
    is_member = bool(job['session_id'])
    problems = preflight.problems(definitions, job['job_schedule'], is_member)
    return {'problems': problems}
