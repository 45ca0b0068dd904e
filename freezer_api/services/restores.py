"""Use cases of restores and verifications: a plan is made of all that is known
of a run, or of a backup, and a session of its own does it.

What is restored is read in :mod:`.restore_targets`; the session is made in
:mod:`.restore_sessions`.
"""

import dataclasses
import itertools
import typing

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.base import Storage
from freezer_api.domain import (
    documents,
    restore_plans,
    restores,
    search_pairs,
    search_query,
)
from freezer_api.domain.documents import BACKUPS, SESSIONS, Body, Document
from freezer_api.domain.restore_plans import Order, Plan, Step, Wish
from freezer_api.schemas import restores as schemas
from freezer_api.services import (
    clients,
    common,
    restore_sessions,
    restore_targets,
)
from freezer_api.services.common import Caller
from freezer_api.services.restore_targets import Target
from freezer_api.services.trusts import OFF, Delegation

#: How many restores and verifications are shown of a run.
MAX_SHOWN = 100
Mode = typing.Literal['restore', 'read']
#: How requests and lists call the mode of a session.
MODES: dict[str, Mode] = {
    restore_plans.RESTORE: 'restore',
    restore_plans.READ: 'read',
    restore_plans.COMPARE: 'restore',
}
_VERIFICATIONS: dict[Mode, restore_plans.Mode] = {
    'read': restore_plans.READ,
    'restore': restore_plans.COMPARE,
}
_Refusal = tuple[
    type[exceptions.Conflict]
    | type[exceptions.Unprocessable]
    | type[exceptions.InvalidInput],
    str,
]
#: The error, and its code, by which a request is refused for a problem of its
#: plan: Conflict for what may come right, Unprocessable for what agents or
#: clients can't do, InvalidInput for what the request itself has to tell.
_REFUSALS: dict[str, _Refusal] = {
    'running': (exceptions.Conflict, 'restore.run-in-progress'),
    'failed': (exceptions.Conflict, 'restore.incomplete'),
    'missing': (exceptions.Conflict, 'restore.incomplete'),
    'deleted': (exceptions.Conflict, 'restore.backup-deleted'),
    'unavailable': (exceptions.Conflict, 'restore.backup-unavailable'),
    'changed': (exceptions.Conflict, 'restore.job-changed'),
    'client-missing': (exceptions.Unprocessable, 'job.client-not-found'),
    'not-capable': (exceptions.Unprocessable, 'client.not-capable'),
    'unrestorable': (exceptions.Unprocessable, 'restore.unrestorable'),
    'unidentified': (exceptions.Unprocessable, 'restore.unrestorable'),
    'no-time': (exceptions.Unprocessable, 'restore.unrestorable'),
    'percent': (exceptions.Unprocessable, 'restore.unrestorable'),
    'no-path': (exceptions.InvalidInput, 'request.invalid'),
    'same-path': (exceptions.InvalidInput, 'request.invalid'),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Begun:
    """A restore or a verification: its plan, and the session that carries it
    out (None: it was a dry run).

    ``jobs`` has the id of each job of that session, by the id of the job whose
    backups it restores.
    """

    plan: Body
    session_id: str | None = None
    jobs: dict[str, str] = dataclasses.field(default_factory=dict)


def restore(
    storage: Storage,
    caller: Caller,
    id: str,
    tag: int,
    body: Body,
    delegation: Delegation = OFF,
) -> Begun:
    """Restore a run.

    ``NotFound`` without it. ``Conflict`` while it is going on, and where a
    backup or a job is not as it was in the run. ``Unprocessable`` for what
    agents can't restore.
    """
    given = schemas.restore(body, storage.max_document_size)
    target = restore_targets.get_run(storage, caller, id, tag)
    order = _restore_order(given)
    return _begin(storage, caller, target, order, given, delegation)


def verify(
    storage: Storage,
    caller: Caller,
    id: str,
    tag: int,
    body: Body,
    delegation: Delegation = OFF,
) -> Begun:
    """Verify a run, as far as agents can. Errors are those of
    :func:`restore`, and ``Conflict`` if nothing is left to verify.
    """
    given = schemas.verification(body, storage.max_document_size)
    target = restore_targets.get_run(storage, caller, id, tag)
    order = Order(
        mode=_VERIFICATIONS[given.get('mode', 'read')],
        client_id=given.get('client_id'),
        path=given.get('path'),
        wishes=_wishes(given),
    )
    return _begin(storage, caller, target, order, given, delegation)


def restore_backup(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    delegation: Delegation = OFF,
) -> Begun:
    """Restore one backup, whatever has made it, like :func:`restore`."""
    common.check_id(BACKUPS, id)
    given = schemas.restore(body, storage.max_document_size)
    target = restore_targets.get_backup(storage, caller, id)
    order = _restore_order(given)
    return _begin(storage, caller, target, order, given, delegation)


class RestoresOfRun(typing.TypedDict):
    """What was made to bring a run back, or to prove that it can be brought
    back: the newest ones first.
    """

    restores: list[Body]
    verifications: list[Body]


def of_run(
    storage: Storage, caller: Caller, id: str, run: Body
) -> RestoresOfRun:
    """Return the newest restores and verifications of a run, as
    :func:`.sessions.run` shows it: at most :data:`MAX_SHOWN` together.
    """
    tag = run['session_tag']
    query = search_query.Query(
        frozenset((search_pairs.restore_pair(id, tag),)),
        limit=MAX_SHOWN,
        descending=True,
    )
    found: RestoresOfRun = {'restores': [], 'verifications': []}
    for session in storage.find(caller.scope, SESSIONS, query).documents:
        # Those of a deleted session with the same id had another run of this
        # tag: it was over before this one began.
        if session.created // documents.SECOND < run['time_start']:
            break
        if session.body['restore']['mode'] == restore_plans.RESTORE:
            found['restores'].append(_entry(session))
        else:
            found['verifications'].append(_entry(session))
    return found


def _entry(session: Document) -> Body:
    """Return what the lists of a run show of a session that restores it."""
    body = session.body
    restored = body['restore']
    entry: Body = {
        'session_id': session.id,
        'mode': MODES[restored['mode']],
        'time_start': body['time_start'],
        'time_end': body['time_end'],
        'status': body['status'],
        'result': body['result'],
    }
    # Told only where a single backup of the run is restored.
    if 'backup_id' in restored:
        entry['backup_id'] = restored['backup_id']
    return entry


def _restore_order(given: Body) -> Order:
    return Order(
        path_prefix=given.get('path_prefix'),
        client_id=given.get('client_id'),
        allow_incomplete=given.get('allow_incomplete', False),
        wishes=_wishes(given),
    )


def _wishes(given: Body) -> dict[str, Wish]:
    """Return what a request wants of single members, by their jobs."""
    return {job_id: Wish(**wish) for job_id, wish in given['jobs'].items()}


def _begin(
    storage: Storage,
    caller: Caller,
    target: Target,
    order: Order,
    given: Body,
    delegation: Delegation,
) -> Begun:
    """Plan what is ordered, and begin it, unless it is a dry run or something
    stands against it.
    """
    plan = _make_plan(storage, caller, target, order)
    if given.get('dry_run'):
        return Begun(plan.shown())
    # A dry run shows all problems; the first one is enough to refuse.
    for problem in plan.refusals(order):
        raise _refusal(problem)
    # Every member was skipped, or can't be verified.
    if not plan.by_member():
        raise exceptions.Conflict(
            'There is nothing to do: each backup is skipped, or can not be'
            ' verified.',
            'restore.nothing-left',
        )
    restoration = restore_sessions.Restoration(
        plan,
        {**target.key, 'mode': order.mode},
        given.get('session_id'),
        given.get('hold_off', schemas.DEFAULT_HOLD_OFF),
    )
    session_id, jobs = restore_sessions.begin(
        storage,
        caller,
        restoration,
        delegation,
    )
    return Begun(plan.shown(), session_id, jobs)


def _make_plan(
    storage: Storage, caller: Caller, target: Target, order: Order
) -> Plan:
    """Return the plan for what is ordered; ``InvalidInput`` if it is more than
    a response may be.
    """
    # Refused, for what is wanted of a misspelt member would not be done.
    members = {member.job_id for member in target.members}
    for job_id in order.wishes.keys() - members:
        raise exceptions.InvalidInput(
            f'jobs.{job_id[:64]}: is not a member of what is restored.'
        )
    # Many members may be restored by one client, which is looked up once.
    targets = {member.target(order) for member in target.members}
    capabilities = {
        client_id: _capabilities(storage, caller, client_id)
        for client_id in targets
    }
    plan = restores.plan(
        target.session_id,
        target.tag,
        target.status,
        target.members,
        order,
        capabilities,
    )
    _check_size(plan, storage.max_response_size)
    return plan


def _check_size(plan: Plan, limit: int) -> None:
    """Raise ``InvalidInput`` for a plan of more bytes of JSON than a response
    may have.
    """
    total = 0
    # Each step becomes JSON alone, and no further ones once they are too much:
    # a plan that is too large is never in memory as a whole.
    for entry in itertools.chain(map(Step.shown, plan.steps), plan.problems):
        total += documents.size(entry)
        if total > limit:
            raise refusals.too_large(
                'jobs: the plan is', limit, 'jobs.<id>.skip leaves members out'
            )


def _capabilities(
    storage: Storage, caller: Caller, client_id: str
) -> Body | None:
    """Return what a client can do, None if there is no such client."""
    client = clients.lookup(storage, caller, client_id)
    if client is None:
        return None
    capabilities: Body = client.body['client']
    return capabilities


def _refusal(problem: restore_plans.Problem) -> exceptions.FreezerError:
    """Return the error by which a request is refused for a problem."""
    error, code = _REFUSALS[problem['code']]
    text = problem['text']
    # Some problems are of the run as a whole.
    if problem['job_id']:
        text = f'jobs.{problem["job_id"]}: {text}'
    return error(text, code)
