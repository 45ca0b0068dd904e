"""Use cases of restores: a plan is made of all that is known, and carried out
as a session.

A restore is a session whose members restore. It takes existing operations, one
after the other: the session is made, then each job, stopped so that no agent
begins it, and attached; at last all are told to start. A process that dies
before leaves stopped jobs in a session that says what it is.
"""

import collections.abc
import contextlib
import dataclasses
import itertools
import logging
import re

from freezer_api import exceptions
from freezer_api.db.base import Storage
from freezer_api.domain import actions as rules
from freezer_api.domain import (
    backups,
    documents,
    restores,
    restoring,
    search,
    sessions,
)
from freezer_api.domain.documents import (
    BACKUPS,
    JOBS,
    SESSIONS,
    Body,
    Document,
    Precondition,
)
from freezer_api.domain.restores import Member, Order, Plan, Step, Wish
from freezer_api.domain.sessions import Outcome, Record, Session
from freezer_api.schemas import restores as schemas
from freezer_api.services import clients, common, jobs
from freezer_api.services import sessions as session_cases
from freezer_api.services.common import Caller
from freezer_api.services.trusts import OFF, Delegation

LOG = logging.getLogger(__name__)
#: Restores and verifications that are shown of a run.
SHOWN = 100
#: Backups of one machine and container that are looked at for the one that
#: came next. A page is less than pages may be, however large they are.
PAGE, PAGES = 100, 100
#: The mode of a session as requests and lists call it.
MODES = {
    restoring.RESTORE: 'restore',
    restoring.READ: 'read',
    restoring.COMPARE: 'restore',
}
#: A job that no agent begins, nor even sees: none polls completed ones. One
#: that saw it would report that it obeys the stop; and that report, coming
#: late, would take the start away.
_PARKED = {'event': 'stop', 'status': 'completed'}
_VERIFICATIONS = {'read': restoring.READ, 'restore': restoring.COMPARE}
#: How a problem is told that stands against a request: the error and its code.
_ERRORS: dict[str, tuple[type[exceptions.FreezerError], str]] = {
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
    out (None: a dry run).

    ``jobs`` are its jobs by those whose backups they restore.
    """

    plan: Body
    session_id: str | None = None
    jobs: Body = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class _Target:
    """What is to be restored: all that a plan needs, and the key of the
    session that will do it.
    """

    session_id: str
    tag: int
    status: str
    members: tuple[Member, ...]
    key: Body


def restore(
    storage: Storage,
    caller: Caller,
    id: str,
    tag: int,
    body: Body,
    delegation: Delegation = OFF,
) -> Begun:
    """Restore a run. ``NotFound`` without it; ``Conflict`` while it goes on,
    and for what else is not as it was; ``Unprocessable`` for what can't be
    done.
    """
    given = schemas.restore(body, storage.max_document_size)
    target = _run(storage, caller, id, tag)
    order = Order(
        path_prefix=given.get('path_prefix'),
        client_id=given.get('client_id'),
        allow_incomplete=given.get('allow_incomplete', False),
        wishes=_wishes(given),
    )
    return _carry_out(storage, caller, target, order, given, delegation)


def verify(
    storage: Storage,
    caller: Caller,
    id: str,
    tag: int,
    body: Body,
    delegation: Delegation = OFF,
) -> Begun:
    """Verify a run, as far as agents can; like :func:`restore`. ``Conflict``
    if nothing is left.
    """
    given = schemas.verification(body, storage.max_document_size)
    target = _run(storage, caller, id, tag)
    order = Order(
        mode=_VERIFICATIONS[given.get('mode', 'read')],
        client_id=given.get('client_id'),
        path=given.get('path'),
        wishes=_wishes(given),
    )
    return _carry_out(storage, caller, target, order, given, delegation)


def restore_backup(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    delegation: Delegation = OFF,
) -> Begun:
    """Restore one backup, whatever made it; like :func:`restore`."""
    common.existing(BACKUPS, id)
    given = schemas.restore(body, storage.max_document_size)
    target = _backup(storage, caller, storage.get(caller.scope, BACKUPS, id))
    order = Order(
        path_prefix=given.get('path_prefix'),
        client_id=given.get('client_id'),
        allow_incomplete=given.get('allow_incomplete', False),
        wishes=_wishes(given),
    )
    return _carry_out(storage, caller, target, order, given, delegation)


def of_run(storage: Storage, caller: Caller, id: str, tag: int) -> Body:
    """The latest ``restores`` and ``verifications`` of a run, newest first."""
    query = search.Query(
        frozenset((search.restore_pair(id, tag),)),
        limit=SHOWN,
        descending=True,
    )
    found: dict[str, list[Body]] = {'restores': [], 'verifications': []}
    for document in storage.find(caller.scope, SESSIONS, query).documents:
        body, restored = document.body, document.body['restore']
        entry = {
            'session_id': document.id,
            'mode': MODES[restored['mode']],
            **{
                key: body[key]
                for key in ('time_start', 'time_end', 'status', 'result')
            },
        }
        if 'backup_id' in restored:
            entry['backup_id'] = restored['backup_id']
        restores_ = restored['mode'] == restoring.RESTORE
        found['restores' if restores_ else 'verifications'].append(entry)
    return found


def _run(storage: Storage, caller: Caller, id: str, tag: int) -> _Target:
    """What is known of a run."""
    common.existing(SESSIONS, id)
    record = storage.run(caller.scope, id, tag)
    ids = storage.run_backups(caller.scope, id, record)
    made: dict[str, list[Document]] = {job_id: [] for job_id in record.jobs}
    left = storage.max_response_size
    for backup in filter(
        None, (common.stored(storage, caller.scope, BACKUPS, id) for id in ids)
    ):
        left -= documents.size(backup.body)
        if left < 0:
            raise _too_large(
                'backups: the run has',
                storage.max_response_size,
                'please restore them one by one',
            )
        made.setdefault(backups.job_of(backup.body) or backup.id, []).append(
            backup
        )
    members = tuple(
        _member(storage, caller, job_id, made[job_id], record.jobs.get(job_id))
        for job_id in sorted(made)
    )
    return _Target(
        id, tag, record.status, members, {'session_id': id, 'session_tag': tag}
    )


def _backup(storage: Storage, caller: Caller, backup: Document) -> _Target:
    """What is known of one backup; the run that it names, if it names one."""
    session_id, tag = backups.run_of(backup.body) or ('', 0)
    member = _member(
        storage,
        caller,
        backups.job_of(backup.body) or backup.id,
        [backup],
        None,
    )
    key = {
        'session_id': session_id,
        'session_tag': tag,
        'backup_id': backup.id,
    }
    return _Target(session_id, tag, sessions.COMPLETED, (member,), key)


def _member(
    storage: Storage,
    caller: Caller,
    job_id: str,
    made: list[Document],
    entry: Body | None,
) -> Member:
    """A member with its backups; ``entry`` is what it did in the run (None: it
    isn't counted).
    """
    job = (
        common.stored(storage, caller.scope, JOBS, job_id)
        if common.is_id(job_id)
        else None
    )
    actions = (
        [action['freezer_action'] for action in job.body['job_actions']]
        if job
        else None
    )
    sources = (
        _followed(storage, caller, restoring.source(backup, actions))
        for backup in made
    )
    found = entry or {
        'client_id': job.body['client_id'] if job else '',
        'result': sessions.SUCCESS,
    }
    silent = actions is not None and not any(
        action.get('action') == 'backup' for action in actions
    )
    return Member(
        job_id,
        found['client_id'],
        found['result'],
        restores.latest(sources),
        silent,
    )


def _followed(
    storage: Storage, caller: Caller, source: restoring.Source
) -> restoring.Source:
    """A backup with the next one of its place, as far as it matters for the
    date.
    """
    window, metadata = restoring.window(source.backup), source.metadata
    if window is None or not {'container', 'hostname'} <= metadata.keys():
        return source
    pairs = frozenset(
        (key, search.canonical(metadata[key]))
        for key in ('container', 'hostname')
    )
    query = search.Query(
        pairs,
        since=(window[0] + 1) * documents.SECOND,
        limit=PAGE,
        until=(window[1] + 1) * documents.SECOND,
    )
    for _page in range(PAGES):
        page = storage.find(caller.scope, BACKUPS, query)
        source = restoring.followed(source, page.documents)
        if not page.more:
            break
        query = dataclasses.replace(query, marker=page.documents[-1].id)
    return source


def _able(storage: Storage, caller: Caller, client_id: str) -> Body | None:
    """What a client can do, None if there is no such client."""
    client = clients.lookup(storage, caller, client_id)
    return client.body['client'] if client else None


def _wishes(given: Body) -> dict[str, Wish]:
    return {job_id: Wish(**wish) for job_id, wish in given['jobs'].items()}


def _carry_out(
    storage: Storage,
    caller: Caller,
    target: _Target,
    order: Order,
    given: Body,
    delegation: Delegation,
) -> Begun:
    """Plan what is ordered, and do it unless it is a dry run or something
    stands against it.
    """
    members = {member.job_id for member in target.members}
    for job_id in given['jobs'].keys() - members:
        raise exceptions.InvalidInput(
            f'jobs.{job_id[:64]}: is not a member of what is restored.'
        )
    targets = {member.target(order) for member in target.members}
    able = {id: _able(storage, caller, id) for id in targets}
    plan = restores.plan(
        target.session_id,
        target.tag,
        target.status,
        target.members,
        order,
        able,
    )
    _check_size(plan, storage.max_response_size)
    if given.get('dry_run'):
        return Begun(plan.shown())
    for problem in plan.refusals(order):
        raise _refusal(problem)
    if not plan.by_member():
        raise exceptions.Conflict(
            'Nothing is left to do: no backup fits.', 'restore.nothing-left'
        )
    key = {**target.key, 'mode': order.mode}
    return _begin(storage, caller, plan, key, given, delegation)


def _check_size(plan: Plan, most: int) -> None:
    """Raise ``InvalidInput`` for a plan of more bytes of JSON than an answer
    may have.

    A step is made to JSON alone, and no further ones once they are too much.
    """
    left = most
    for entry in itertools.chain(map(Step.shown, plan.steps), plan.problems):
        left -= documents.size(entry)
        if left < 0:
            raise _too_large(
                'jobs: the plan is', most, 'jobs.<id>.skip leaves members out'
            )


def _too_large(what: str, most: int, remedy: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        f'{what} more than {most} bytes; {remedy}.', 'list.too-large'
    )


def _refusal(problem: Body) -> exceptions.FreezerError:
    error, code = _ERRORS[problem['code']]
    place = f'jobs.{problem["job_id"]}: ' if problem['job_id'] else ''
    return error(f'{place}{problem["text"]}', code)


def _begin(
    storage: Storage,
    caller: Caller,
    plan: Plan,
    key: Body,
    given: Body,
    delegation: Delegation,
) -> Begun:
    """Make the session and its jobs, and start them. What fails leaves nothing
    if it can.
    """
    id = given.get('session_id') or common.new_id()
    about = (
        f'backup {key["backup_id"]}'
        if 'backup_id' in key
        else f'run {plan.tag} of session {plan.session_id}'
    )
    bodies = {
        member: _job(steps, f'{_verb(key)} {about}, job {member}')
        for member, steps in plan.by_member().items()
    }
    for member, body in bodies.items():
        _check(storage, caller, member, body)
    _create_session(
        storage,
        caller,
        id,
        key,
        about,
        given.get('hold_off', schemas.DEFAULT_HOLD_OFF),
    )
    made = {member: body['job_id'] for member, body in bodies.items()}
    try:
        for member, body in bodies.items():
            with _as_named(member):
                jobs.create(storage, caller, body, delegation)
            session_cases.attach(storage, caller, id, body['job_id'])
        session_cases.update(storage, caller, id, {'event': 'start'})
    except Exception:
        _take_away(storage, caller, id, made.values(), delegation)
        raise
    return Begun(plan.shown(), id, made)


def _check(storage: Storage, caller: Caller, member: str, body: Body) -> None:
    """Raise what :func:`jobs.create` would for a job, in terms of the
    request.
    """
    count = len(body['job_actions'])
    if count > rules.MAX_ENTRIES:
        raise exceptions.InvalidInput(
            f'jobs.{member[:64]}: has {count} backups to restore, more than'
            f' the {rules.MAX_ENTRIES} actions of a job; please restore them'
            ' one by one.'
        )
    with _as_named(member):
        jobs.planned(storage, caller, body)


@contextlib.contextmanager
def _as_named(member: str) -> collections.abc.Iterator[None]:
    """Errors of a member's job name what the caller has sent, and not the job
    made of it.
    """
    try:
        yield
    except (exceptions.InvalidInput, exceptions.Unprocessable) as error:
        rest = re.sub(r'^job_actions(\[\d+\])?\.?', '', error.message)
        place = (
            f'jobs.{member[:64]}'
            if rest.startswith(':')
            else f'jobs.{member[:64]}.'
        )
        raise type(error)(place + rest, error.code) from None


def _take_away(
    storage: Storage,
    caller: Caller,
    id: str,
    job_ids: collections.abc.Iterable[str],
    delegation: Delegation,
) -> None:
    """Delete a restore that did not begin. One that may have begun after all
    stays.
    """
    try:
        for job_id in job_ids:
            job = common.stored(storage, caller.scope, JOBS, job_id)
            if job is not None:
                parked = Precondition(if_match=(job.etag,))
                if job.body['job_schedule']['event'] != _PARKED['event']:
                    raise exceptions.Conflict(
                        f'Job {job_id} has been started.'
                    )
                jobs.delete(storage, caller, job_id, parked, delegation)
        session_cases.delete(storage, caller, id)
    except Exception as error:
        LOG.warning(
            'Restore %s of project %s failed, and what was made of it'
            ' stays: %s',
            id,
            caller.project_id,
            error,
        )


def _create_session(
    storage: Storage,
    caller: Caller,
    id: str,
    key: Body,
    about: str,
    hold_off: int,
) -> None:
    """Make the session of a restore, which is told by its key; ``Conflict`` if
    the id is taken.
    """
    body = {
        'schedule': {},
        'hold_off': hold_off,
        'description': f'{_verb(key)} {about}',
    }

    def decision(
        session: Session | None, now: int, record: Record | None
    ) -> Outcome:
        if session is not None:
            raise exceptions.Conflict(
                f'session_id: there is a session {id} already.',
                'session.exists',
            )
        new = sessions.create(caller.project_id, id, caller.user_id, body, now)
        return Outcome(dataclasses.replace(new, restore=key))

    storage.write_session(caller.scope, id, decision)


def _job(steps: collections.abc.Sequence[Step], description: str) -> Body:
    """A job that restores a member's backups one by one, whatever becomes of
    the others.
    """
    entries = [
        {
            'freezer_action': step.action,
            'max_retries': 0,
            'mandatory': len(steps) > 1,
        }
        for step in steps
    ]
    return {
        'job_id': common.new_id(),
        'client_id': steps[0].client_id,
        'description': description[:1024],
        'job_schedule': _PARKED,
        'job_actions': entries,
    }


def _verb(key: Body) -> str:
    return (
        'Restore of' if key['mode'] == restoring.RESTORE else 'Verification of'
    )
