"""How a plan is done: by a session whose members restore.

It is made of existing operations, one after the other: the session, then each
job, stopped so that no agent begins it, and attached; at last all of them are
told to start. A process that dies before that leaves stopped jobs, in a
session that says what it is.
"""

import collections.abc
import contextlib
import dataclasses
import logging
import re

from freezer_api import exceptions
from freezer_api.db.base import Storage
from freezer_api.domain import (
    actions,
    restore_plans,
    sessions,
    texts,
)
from freezer_api.domain.documents import JOBS, Body, Precondition
from freezer_api.domain.restore_plans import Plan, Step
from freezer_api.domain.session_state import Record, Session, Store
from freezer_api.services import common, jobs
from freezer_api.services import sessions as session_cases
from freezer_api.services.common import Caller
from freezer_api.services.trusts import Delegation

LOG = logging.getLogger(__name__)
#: The schedule of a job that no agent begins. None even sees it, for agents
#: don't poll completed jobs. One that saw it would report that it obeys the
#: stop; and that report, coming late, would take the start away.
_PARKED = {'event': 'stop', 'status': 'completed'}
#: The longest description of a job or a session.
_MAX_DESCRIPTION = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Restoration:
    """A plan that nothing stands against. ``key`` is the session's
    ``restore``, ``session_id`` the id that the request wants for it (None:
    any); ``hold_off`` is in seconds.
    """

    plan: Plan
    key: Body
    session_id: str | None
    hold_off: int

    @property
    def description(self) -> str:
        """Return what the session's description says."""
        verb = 'Verification'
        if self.key['mode'] == restore_plans.RESTORE:
            verb = 'Restore'
        if 'backup_id' in self.key:
            return f'{verb} of backup {self.key["backup_id"]}'
        plan = self.plan
        return f'{verb} of run {plan.tag} of session {plan.session_id}'

    def job_bodies(self) -> dict[str, Body]:
        """Return bodies of new jobs, by the jobs whose backups they
        restore.
        """
        bodies = {}
        for member, steps in self.plan.by_member().items():
            description = f'{self.description}, job {member}'
            bodies[member] = _job_body(steps, description)
        return bodies


def begin(
    storage: Storage,
    caller: Caller,
    restoration: Restoration,
    delegation: Delegation,
) -> tuple[str, dict[str, str]]:
    """Make the session and its jobs, and start them; return the ids of the
    session, and of its jobs by the jobs whose backups they restore.

    ``Conflict`` if the session's id is taken. A request that fails leaves
    nothing behind, if the storage lets it.
    """
    bodies = restoration.job_bodies()
    # All that can be wrong with a job is found before anything is stored.
    for member, body in bodies.items():
        _check_job(storage, caller, member, body)
    session_id = restoration.session_id or common.new_id()
    _create_session(storage, caller, session_id, restoration)
    job_ids = {member: body['job_id'] for member, body in bodies.items()}
    try:
        for member, body in bodies.items():
            with _naming_member(member):
                jobs.create(storage, caller, body, delegation)
            session_cases.attach(storage, caller, session_id, body['job_id'])
        session_cases.update(storage, caller, session_id, {'event': 'start'})
    except Exception:
        _remove(storage, caller, session_id, job_ids.values(), delegation)
        raise
    return session_id, job_ids


def _check_job(
    storage: Storage, caller: Caller, member: str, body: Body
) -> None:
    """Raise what :func:`jobs.create` would for a job, in terms of what the
    caller has sent.
    """
    count = len(body['job_actions'])
    if count > actions.MAX_ENTRIES:
        raise exceptions.InvalidInput(
            f'jobs.{member[:64]}: has {count} backups to restore, more than'
            f' the {actions.MAX_ENTRIES} actions of a job; please restore them'
            ' one by one.'
        )
    with _naming_member(member):
        jobs.planned(storage, caller, body)


@contextlib.contextmanager
def _naming_member(member: str) -> collections.abc.Iterator[None]:
    """Let errors of a member's job name what the caller has sent: the caller
    never sees the body that is made of it.
    """
    try:
        yield
    except (exceptions.InvalidInput, exceptions.Unprocessable) as error:
        rest = re.sub(r'^job_actions(\[\d+\])?\.?', '', error.message)
        place = f'jobs.{member[:64]}'
        # What is left of the place is a key below it, or nothing.
        if not rest.startswith(':'):
            place += '.'
        raise type(error)(place + rest, error.code) from None


def _remove(
    storage: Storage,
    caller: Caller,
    session_id: str,
    job_ids: collections.abc.Iterable[str],
    delegation: Delegation,
) -> None:
    """Delete a restore that did not begin. One that has begun after all stays:
    the storage may have told a failure of what has taken effect.
    """
    try:
        for job_id in job_ids:
            _remove_job(storage, caller, job_id, delegation)
        session_cases.delete(storage, caller, session_id)
    except Exception as error:
        # The caller is told what has refused the restore, not this.
        LOG.warning(
            'Restore session %r of project %r could not be begun, and could'
            ' not be deleted: %s Delete its jobs that did not start, and the'
            ' session.',
            session_id,
            caller.project_id,
            texts.printable(error),
        )


def _remove_job(
    storage: Storage, caller: Caller, job_id: str, delegation: Delegation
) -> None:
    """Delete a job of a restore, if it is there; ``Conflict`` if it was
    started.
    """
    job = common.get_or_none(storage, caller.scope, JOBS, job_id)
    if job is None:
        return
    if job.body['job_schedule']['event'] != _PARKED['event']:
        raise exceptions.Conflict(f'Job {job_id} has started already.')
    # It could be started between this look and the deletion.
    unchanged = Precondition(if_match=(job.etag,))
    jobs.delete(storage, caller, job_id, unchanged, delegation)


def _create_session(
    storage: Storage, caller: Caller, id: str, restoration: Restoration
) -> None:
    """Make the session of a restore; ``Conflict`` if there is one of that
    id.
    """
    body = {
        'schedule': {},
        'hold_off': restoration.hold_off,
        'description': restoration.description,
    }

    def decide(
        current: Session | None, now: int, record: Record | None
    ) -> Store:
        """Make the session, unless there is one."""
        if current is not None:
            raise exceptions.Conflict(
                f'session_id: session {id} exists already.',
                'session.exists',
            )
        new = sessions.create(caller.project_id, id, caller.user_id, body, now)
        # No caller can set this key: so it is no part of the body.
        return Store(dataclasses.replace(new, restore=restoration.key))

    storage.write_session(caller.scope, id, decide)


def _job_body(steps: collections.abc.Sequence[Step], description: str) -> Body:
    """Return the body of a job that restores a member's backups one by one,
    whatever becomes of the others.
    """
    entries = []
    for step in steps:
        entries.append(
            {
                'freezer_action': step.action,
                'max_retries': 0,
                # Once an action has failed, an agent skips all others but the
                # mandatory ones.
                'mandatory': len(steps) > 1,
            }
        )
    return {
        'job_id': common.new_id(),
        'client_id': steps[0].client_id,
        'description': description[:_MAX_DESCRIPTION],
        'job_schedule': _PARKED,
        'job_actions': entries,
    }
