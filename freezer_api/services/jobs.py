"""Use cases of jobs: what a job refers to must be there and fit when it is
written.
"""

import contextlib
import typing

from freezer_api import exceptions
from freezer_api.db.base import Scope, Storage, Store
from freezer_api.domain import actions, documents, jobs, search_query
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    JOBS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import jobs as schemas
from freezer_api.services import (
    clients,
    common,
    effects,
    job_changes,
    job_patches,
    job_trusts,
    sizes,
)
from freezer_api.services.common import (
    Caller,
    Shown,
    ShownPage,
    Written,
)
from freezer_api.services.job_changes import (
    Change,
    Compose,
    Overtaken,
    Resolve,
)
from freezer_api.services.trusts import OFF, Delegation

#: How often one request looks at a job's client again, because the job was
#: given another client between the look and the write.
MAX_ATTEMPTS = 5


def create(
    storage: Storage, caller: Caller, body: Body, delegation: Delegation = OFF
) -> Written:
    """Make a job, under the body's ``job_id`` if it has one, with the actions
    that it brings along and the trust that it needs.

    ``Conflict`` if the id is taken. ``Unprocessable`` if the client is missing
    or can't execute the job, if an action that the body merely refers to is
    missing, or if the trust is refused. ``IdentityUnavailable`` if Keystone
    doesn't answer.
    """
    given = _parse_new(storage, body)
    # Made here, for a change must come to the same again.
    id = given.get('job_id') or common.new_id()
    make = _maker(caller, id, given)

    def compose(current: Document | None, resolve: Resolve, now: int) -> Body:
        """Make the job, unless there is one."""
        if current is not None:
            raise exceptions.Conflict(
                f'job_id: job {id} exists already.', 'job.exists'
            )
        return make(current, resolve, now)

    return _write_whole(storage, caller, id, given, compose, delegation)


def planned(storage: Storage, caller: Caller, body: Body) -> Body:
    """Return the job that :func:`create` would make of a body, or raise what
    it would raise; nothing is stored.

    What may change at any moment isn't looked at: whether the id is free, and
    the trust.
    """
    given = _parse_new(storage, body)
    id = given.get('job_id') or common.new_id()
    entries = actions.parse_entries(given['job_actions'], common.new_id)
    stored: dict[str, Document] = {}
    for action_id in job_changes.references(entries):
        action = common.get_or_none(storage, caller.scope, ACTIONS, action_id)
        if action is not None:
            stored[action_id] = action
    change = Change(
        storage,
        caller,
        _maker(caller, id, given),
        entries,
        given['client_id'],
        clients.lookup(storage, caller, given['client_id']),
        is_whole=True,
    )
    return change(None, stored, storage.clock()).body


def replace(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Make a job under an id, or give the one that is there another
    definition; it keeps its session. Errors are those of :func:`create`.
    """
    _check_growth(storage, caller, id, body)
    # The id of the path is the one that counts.
    given = schemas.job({**body, 'job_id': None})
    make = _maker(caller, id, given)

    def compose(current: Document | None, resolve: Resolve, now: int) -> Body:
        """Make the job, or define it anew."""
        precondition.check(current)
        if current is None:
            return make(current, resolve, now)
        return jobs.replaced(current.body, given, resolve(), now)

    return _write_whole(storage, caller, id, given, compose, delegation)


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """Return the job, or raise ``NotFound``."""
    common.check_id(JOBS, id)
    job = storage.get(caller.scope, JOBS, id)
    return common.shown(job, caller)


def list_page(
    storage: Storage,
    caller: Caller,
    query: search_query.Query,
    everywhere: bool = False,
) -> ShownPage:
    """Return a page of the jobs that a query finds; with ``everywhere`` in all
    projects.
    """
    scope = Scope(caller.project_id, everywhere=everywhere)
    page = storage.find(scope, JOBS, query)
    return common.shown_page(page, caller, everywhere)


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Change what the body names, or take an agent's report.

    The client has to be there only where the job gets another client or other
    actions: a job whose client was deleted can be changed otherwise. Only
    where the body names the client, the job gets the trust that it needs
    there, or loses the one that it had on another client. A job with a trust
    whose actions change gets a trust of the caller's; ``Forbidden`` if
    Keystone refuses that.
    """
    # The precondition isn't held against what is read here: the write does it.
    _check_growth(storage, caller, id, body)
    patch = job_patches.Patch(id, body, precondition)
    for _attempt in range(MAX_ATTEMPTS):
        # Where another request gave the job another client, that one is
        # looked up.
        with contextlib.suppress(Overtaken):
            done = job_patches.write(storage, caller, patch, delegation)
            job_patches.follow(storage, caller, patch)
            return common.written(done.stored)
    raise exceptions.StorageUnavailable(
        'Too many requests change the job at once. Please try again.'
    )


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> None:
    """Delete a job, if it is there. It leaves its session, and its trust ends
    unless another job has it.
    """
    # To delete what isn't there is no error; so neither is an id that can't be
    # one. But a precondition may demand that something is there.
    if not documents.is_id(JOBS, id):
        precondition.check(None)
        return
    job_trusts.delete_job(storage, caller, delegation, id, precondition)


class EventResult(typing.TypedDict):
    """The answer to an event: ``success``, or that it was requested before."""

    result: str


def event(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> EventResult:
    """Tell a job to start, stop or abort. The result says whether it was told
    so before; then nothing changes.
    """
    common.check_id(JOBS, id)
    command = schemas.command(body)

    def change(current: Document | None, stored: object, now: int) -> Store:
        """Put the command into the job, and answer whether it is new to
        it.
        """
        old = common.require(JOBS, id, current, precondition).body
        # A command that is pending is not given again: a retried request does
        # no harm.
        new, is_news = jobs.apply_command(old, command)
        return Store(new, is_news)

    is_news = storage.write_job(caller.scope, id, change).answer
    if not is_news:
        return {'result': f'{command} already requested'}
    effects.job_event_delivered(command, id, caller.project_id)
    return {'result': 'success'}


def _parse_new(storage: Storage, body: Body) -> Body:
    """Return the keys of a body that describes a new job, or raise
    ``InvalidInput``.
    """
    # Sizes first: to parse, and to fill in action_defaults, multiplies what
    # was sent.
    sizes.check_value(storage, body.get('job_actions'), 'job_actions')
    schemas.check_size(body, storage.max_document_size)
    return schemas.job(body)


def _check_growth(
    storage: Storage, caller: Caller, id: str, body: Body
) -> None:
    """Raise ``NotFound`` for a text that is no id, and ``InvalidInput`` for
    ``job_actions`` that the job can't take.
    """
    common.check_id(JOBS, id)
    if 'job_actions' not in body:
        return
    entries = body['job_actions']
    sizes.check_growth(storage, caller.scope, JOBS, id, entries, 'job_actions')
    schemas.check_size(body, storage.max_document_size)


def _maker(caller: Caller, id: str, given: Body) -> Compose:
    """Return what makes a new job under an id."""

    def make(current: object, resolve: Resolve, now: int) -> Body:
        """Make the job of what was given."""
        return jobs.created(
            id,
            caller.project_id,
            caller.user_id,
            given,
            resolve(),
            now,
        )

    return make


def _write_whole(
    storage: Storage,
    caller: Caller,
    id: str,
    given: Body,
    compose: Compose,
    delegation: Delegation,
) -> Written:
    """Write a job that is described as a whole."""
    entries = actions.parse_entries(given['job_actions'], common.new_id)
    client_id = given['client_id']
    client = clients.lookup(storage, caller, client_id)
    change = Change(
        storage,
        caller,
        compose,
        entries,
        client_id,
        client,
        is_whole=True,
    )
    references = job_changes.references(entries)
    if client is None:
        # The change refuses a job without a client; but what else is wrong,
        # with the state that is stored, is told first.
        done = storage.write_job(caller.scope, id, change, references)
        return common.written(done.stored)
    plan = job_trusts.Plan(
        change,
        references,
        client,
        is_whole=True,
        names_client=True,
    )
    done = job_trusts.write_job(storage, caller, delegation, id, plan)
    return common.written(done.stored)
