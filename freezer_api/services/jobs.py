"""Use cases of jobs: what a job refers to must be there and fit when it is
written.
"""

import collections.abc
import contextlib

from freezer_api import exceptions
from freezer_api.db.base import JobChange, JobWrite, Scope, Storage
from freezer_api.domain import actions, capabilities, jobs, reports, search
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    JOBS,
    Body,
    Document,
    Precondition,
)
from freezer_api.schemas import jobs as schemas
from freezer_api.services import clients, common, pruning, trusts
from freezer_api.services.common import Caller, Shown, ShownPage, Written
from freezer_api.services.trusts import OFF, Delegation

#: What becomes of a job: of its stored state, a way to resolve the
#: ``job_actions`` that it is to have, and the moment.
Link = collections.abc.Callable[[], list[Body]]
Compose = collections.abc.Callable[[Document | None, Link, int], Body]
#: How often a job may get another client between the look at the client and
#: the write.
ATTEMPTS = 5


class _Overtaken(exceptions.FreezerError):
    """The job has another client now than the one that was looked at."""


def create(
    storage: Storage, caller: Caller, body: Body, delegation: Delegation = OFF
) -> Written:
    """Make a job, under the body's ``job_id`` if it has one, the actions that
    it brings along, and the trust that it needs.

    ``Conflict`` if the id is taken; ``Unprocessable`` if the client isn't
    there or can't do it, or if an action that the body merely refers to isn't
    there, or without a trust; ``IdentityUnavailable`` if that can't be told.
    """
    common.check_size(storage, body.get('job_actions'), 'job_actions')
    schemas.check_size(body, storage.max_document_size)
    given = schemas.job(body)
    id = given.get('job_id') or common.new_id()

    def compose(current: Document | None, link: Link, now: int) -> Body:
        if current is not None:
            raise exceptions.Conflict(
                f'job_id: there is a job {id} already.', 'job.exists'
            )
        return jobs.created(
            id, caller.project_id, caller.user_id, given, link(), now
        )

    return _write_whole(storage, caller, id, given, compose, delegation)


def planned(storage: Storage, caller: Caller, body: Body) -> Body:
    """The job that :func:`create` would make of a body, or the error; nothing
    is stored.

    What depends on the moment isn't looked at: whether the id is free, and the
    trust.
    """
    common.check_size(storage, body.get('job_actions'), 'job_actions')
    schemas.check_size(body, storage.max_document_size)
    given = schemas.job(body)
    entries = actions.wanted(given['job_actions'], common.new_id)
    found = (
        (id, common.stored(storage, caller.scope, ACTIONS, id))
        for id in _references(entries)
    )
    known = {id: action for id, action in found if action is not None}
    id = given.get('job_id') or common.new_id()

    def compose(current: Document | None, link: Link, now: int) -> Body:
        return jobs.created(
            id, caller.project_id, caller.user_id, given, link(), now
        )

    client = clients.lookup(storage, caller, given['client_id'])
    change = _changing(
        storage,
        caller,
        compose,
        entries,
        given['client_id'],
        client,
        whole=True,
    )
    return change(None, known, storage.clock()).body


def replace(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Make a job under an id, or give the one there another definition; it
    keeps its session. Else like :func:`create`.
    """
    _check_growth(storage, caller, id, body)
    given = schemas.job({**body, 'job_id': None})

    def compose(current: Document | None, link: Link, now: int) -> Body:
        precondition.check(current)
        if current is None:
            return jobs.created(
                id, caller.project_id, caller.user_id, given, link(), now
            )
        return jobs.replaced(current.body, given, link(), now)

    return _write_whole(storage, caller, id, given, compose, delegation)


def show(storage: Storage, caller: Caller, id: str) -> Shown:
    """The job, or ``NotFound``."""
    common.existing(JOBS, id)
    return common.shown(storage.get(caller.scope, JOBS, id), caller)


def list_page(
    storage: Storage,
    caller: Caller,
    query: search.Query,
    everywhere: bool = False,
) -> ShownPage:
    """A page of the jobs that a query finds; ``everywhere``: in all
    projects.
    """
    return common.shown_page(
        storage.find(
            Scope(caller.project_id, everywhere=everywhere), JOBS, query
        ),
        caller,
        everywhere,
    )


def update(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> Written:
    """Change what the body names, or take an agent's report.

    Only a change of client or actions needs the client, so jobs of a client
    deleted since can be changed otherwise. Only where the client is named does
    the job get the trust that it needs there, or lose the one that it had on
    another client. A job with a trust that is to do something else gets one of
    the caller's, or the caller is ``Forbidden`` to change it.
    """
    _check_growth(storage, caller, id, body)
    believed = reports.session_of(body)
    given = schemas.patch(body)
    entries = (
        actions.wanted(given['job_actions'], common.new_id)
        if 'job_actions' in given
        else None
    )
    references = _references(entries or ())

    # The storage may call again on a newer state; what the last call says is
    # what took effect.
    change_of: tuple[Body, Body] | None = None

    def compose(current: Document | None, link: Link, now: int) -> Body:
        nonlocal change_of
        job = common.found(JOBS, id, current, precondition)
        new = jobs.patched(
            job.body, given, None if entries is None else link(), believed
        )
        change_of = job.body, new
        return new

    for _ in range(ATTEMPTS):
        client_id, client = _client_of(storage, caller, id, given)
        change = _changing(
            storage, caller, compose, entries or (), client_id, client
        )
        with contextlib.suppress(_Overtaken):
            if client is None:
                document = storage.write_job(
                    caller.scope, id, change, references
                )
            else:
                named = 'client_id' in given
                document = trusts.write_job(
                    storage,
                    caller,
                    delegation,
                    id,
                    change,
                    references,
                    client,
                    named=named,
                )
            if change_of is not None:
                pruning.follow(storage, caller, *change_of)
            return common.written(document)
    raise exceptions.StorageUnavailable(
        'The job is changed by too many at once. Please try again.'
    )


def delete(
    storage: Storage,
    caller: Caller,
    id: str,
    precondition: Precondition = ANYTHING,
    delegation: Delegation = OFF,
) -> None:
    """Remove a job, if it is there; it leaves its session, and its trust ends
    with the last job that has it.
    """
    if not common.is_id(id):
        return precondition.check(None)
    return trusts.delete_job(storage, caller, delegation, id, precondition)


def event(
    storage: Storage,
    caller: Caller,
    id: str,
    body: Body,
    precondition: Precondition = ANYTHING,
) -> Body:
    """Tell a job to start, stop or abort: ``{"result"}``, that says whether it
    was told so already.
    """
    common.existing(JOBS, id)
    command = schemas.command(body)
    answer = ''

    def change(
        current: Document | None,
        stored: collections.abc.Mapping[str, Document],
        now: int,
    ) -> JobWrite:
        nonlocal answer
        new, news = jobs.commanded(
            common.found(JOBS, id, current, precondition).body, command
        )
        # The storage may call again on a newer state; what the last call says
        # is what took effect.
        answer = 'success' if news else f'{command} already requested'
        return JobWrite(new)

    storage.write_job(caller.scope, id, change)
    return {'result': answer}


def _check_growth(
    storage: Storage, caller: Caller, id: str, body: Body
) -> None:
    common.existing(JOBS, id)
    if 'job_actions' in body:
        entries = body['job_actions']
        common.check_growth(
            storage, caller.scope, JOBS, id, entries, 'job_actions'
        )
        schemas.check_size(body, storage.max_document_size)


def _write_whole(
    storage: Storage,
    caller: Caller,
    id: str,
    given: Body,
    compose: Compose,
    delegation: Delegation,
) -> Written:
    """Write a job that is described as a whole; its client must be there and
    capable.
    """
    entries = actions.wanted(given['job_actions'], common.new_id)
    client = clients.lookup(storage, caller, given['client_id'])
    change = _changing(
        storage,
        caller,
        compose,
        entries,
        given['client_id'],
        client,
        whole=True,
    )
    references = _references(entries)
    if client is None:
        return common.written(
            storage.write_job(caller.scope, id, change, references)
        )
    return common.written(
        trusts.write_job(
            storage,
            caller,
            delegation,
            id,
            change,
            references,
            client,
            whole=True,
        )
    )


def _changing(
    storage: Storage,
    caller: Caller,
    compose: Compose,
    entries: collections.abc.Sequence[actions.Wanted],
    client_id: str | None,
    client: Document | None,
    whole: bool = False,
) -> JobChange:
    """The change of a job that ``compose`` tells; ``client`` must fit a
    ``whole`` one, or one with another client or actions.
    """

    def change(
        current: Document | None,
        stored: collections.abc.Mapping[str, Document],
        now: int,
    ) -> JobWrite:
        resolution: actions.Resolution | None = None

        def link() -> actions.Resolution:
            nonlocal resolution
            if resolution is None:
                present = current.body['job_actions'] if current else ()
                resolution = actions.resolved(entries, stored, present)
            return resolution

        new = compose(current, lambda: link().entries, now)
        old = None if current is None else current.body
        if old is None or any(
            new[key] != old[key] for key in ('description', 'job_actions')
        ):
            common.sized(storage, JOBS, new, 'job_actions', old, jobs.size)
        if (
            not whole
            and current is not None
            and all(
                new[key] == current.body[key]
                for key in ('client_id', 'job_actions')
            )
        ):
            return JobWrite(new)
        if new['client_id'] != client_id:
            raise _Overtaken('')
        made = {
            id: actions.created(id, caller.project_id, caller.user_id, action)
            for id, action in link().made.items()
        }
        for body in made.values():
            # Of a definition an action can have more searchable values than a
            # job, where other keys hide some.
            common.sized(storage, ACTIONS, body, 'job_actions')
        return JobWrite(_fitting(new, client), made)

    return change


def _client_of(
    storage: Storage, caller: Caller, id: str, given: Body
) -> tuple[str | None, Document | None]:
    """The client that a PATCH makes a job's, as far as it matters to the
    PATCH.
    """
    if 'client_id' not in given and 'job_actions' not in given:
        return None, None
    try:
        client_id = (
            given.get('client_id')
            or storage.get(caller.scope, JOBS, id).body['client_id']
        )
    except exceptions.NotFound:
        return None, None
    return client_id, clients.lookup(storage, caller, client_id)


def _fitting(job: Body, client: Document | None) -> Body:
    """A job that its client can do, marked if the client is a central one."""
    if client is None:
        raise exceptions.Unprocessable(
            f'client_id: client {job["client_id"]} could not be found.',
            'job.client-not-found',
        )
    definitions = []
    for number, entry in enumerate(job['job_actions']):
        place = f'job_actions[{number}].freezer_action'
        actions.check_keys(entry['freezer_action'], place)
        definitions.append((place, entry['freezer_action']))
    capabilities.check_all(definitions, client.body['client'])
    return jobs.on_client(job, client)


def _references(
    entries: collections.abc.Iterable[actions.Wanted],
) -> frozenset[str]:
    return frozenset(
        entry.action_id for entry in entries if entry.action_id is not None
    )
