"""How a job is changed in part: by a caller who names what is to change, or by
its agent's report.
"""

from freezer_api.db.base import Storage, Written
from freezer_api.domain import actions, jobs, reports, schedules
from freezer_api.domain.documents import JOBS, Body, Document, Precondition
from freezer_api.schemas import jobs as schemas
from freezer_api.services import (
    clients,
    common,
    effects,
    job_changes,
    job_trusts,
    pruning,
)
from freezer_api.services.common import Caller, Last
from freezer_api.services.job_changes import Change, Resolve
from freezer_api.services.trusts import Delegation


class Patch:
    """A PATCH of a job, parsed; and what it has made of the job, once the
    storage has returned.
    """

    def __init__(self, id: str, body: Body, precondition: Precondition):
        self.id = id
        self.given = schemas.patch(body)
        # Ids of new actions are made once: a change must come to the same again.
        self.entries: tuple[actions.RequestedEntry, ...] = ()
        if 'job_actions' in self.given:
            self.entries = actions.parse_entries(
                self.given['job_actions'], common.new_id
            )
        self.change_of = Last[tuple[Body, Body]]()
        self._reported_session = reports.session_of(body)
        self._precondition = precondition

    def compose(
        self, current: Document | None, resolve: Resolve, now: int
    ) -> Body:
        """Change the job, and note its body before and after."""
        old = common.require(JOBS, self.id, current, self._precondition).body
        job_actions = resolve() if 'job_actions' in self.given else None
        new = jobs.patched(
            old,
            self.given,
            job_actions,
            self._reported_session,
        )
        self.change_of.value = old, new
        return new


def write(
    storage: Storage, caller: Caller, patch: Patch, delegation: Delegation
) -> Written:
    """Write what a PATCH makes of a job; ``Overtaken`` if the job has another
    client by now than the one that was looked up.
    """
    client_id = _client_id_of(storage, caller, patch)
    client = None
    if client_id is not None:
        client = clients.lookup(storage, caller, client_id)
    change = Change(
        storage,
        caller,
        patch.compose,
        patch.entries,
        client_id,
        client,
    )
    references = job_changes.references(patch.entries)
    if client is None:
        return storage.write_job(
            caller.scope,
            patch.id,
            change,
            references,
            is_there=True,
        )
    plan = job_trusts.Plan(
        change,
        references,
        client,
        names_client='client_id' in patch.given,
    )
    return job_trusts.write_job(storage, caller, delegation, patch.id, plan)


def _client_id_of(
    storage: Storage, caller: Caller, patch: Patch
) -> str | None:
    """Return the client that a job has after a PATCH; None if the PATCH
    doesn't need it, or there is no such job.
    """
    given = patch.given
    if 'client_id' not in given and 'job_actions' not in given:
        return None
    named: str | None = given.get('client_id')
    if named:
        return named
    job = common.get_or_none(storage, caller.scope, JOBS, patch.id)
    return None if job is None else str(job.body['client_id'])


def follow(storage: Storage, caller: Caller, patch: Patch) -> None:
    """Do what a stored change of a job brings about elsewhere."""
    if patch.change_of.value is None:
        return
    old, new = patch.change_of.value
    event = new['job_schedule']['event']
    # Agents put an event back to '' when they have obeyed it.
    if event in schedules.COMMANDS and event != old['job_schedule']['event']:
        effects.job_event_delivered(event, new['job_id'], caller.project_id)
    pruning.follow(storage, caller, old, new)
