"""Writing actions and jobs, and ending trusts."""

import collections.abc

from freezer_api.db import base, refusals
from freezer_api.db.base import (
    ACTIONS_AT_ONCE,
    Delete,
    Linked,
    Store,
    Written,
)
from freezer_api.db.operations import documents, sessions
from freezer_api.db.unit import Unit
from freezer_api.domain import links, search_pairs
from freezer_api.domain.documents import (
    ACTIONS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)
from freezer_api.domain.documents import trust as trust_of


def write_action(
    unit: Unit,
    id: str,
    change: base.ActionChange,
    follow: base.Follow | None,
    most: int,
) -> Written:
    """See :meth:`Storage.write_action`; at most ``most`` bytes of jobs change
    with the action.

    A job that refers to the action later than this has read it, uses it
    (:meth:`Unit.use`) and so is in its way.
    """
    stored = unit.get(ACTIONS, id)
    jobs = _jobs_with_action(unit, id, most) if stored else []
    linked = _with_clients(unit, jobs)
    now = unit.now()
    outcome = change(stored, linked, now)
    after = stored.body if stored else None
    if isinstance(outcome, Store):
        after = outcome.body
    elif isinstance(outcome, Delete):
        after = None

    followed = []
    for link in linked:
        if follow is None:
            new = links.relinked(link.job.body, id, after)
        else:
            new = follow(link, after)
        followed.append((link.job, new))
    _use_trusts(unit, [(job.body, new) for job, new in followed])
    for job, new in followed:
        documents.change_body(unit, job, new)
    document = documents.apply(unit, ACTIONS, id, stored, outcome, now)
    return Written(document, outcome.answer)


def _jobs_with_action(unit: Unit, id: str, most: int) -> list[Document]:
    """Return the jobs that have an action; ``Conflict`` if they are more than
    ``most`` bytes.
    """
    found = unit.having(JOBS, ('action_id', search_pairs.canonical(id)))
    if not found:
        return []
    if not unit.is_within(JOBS, found, most):
        raise refusals.shared_too_much(id, most)
    # A job may have dropped the action since it was found.
    return [
        job
        for job in unit.get_all(JOBS, found).values()
        if id in links.action_ids(job.body)
    ]


def _with_clients(
    unit: Unit, jobs: collections.abc.Sequence[Document]
) -> list[Linked]:
    """Return each job with its client."""
    if not jobs:
        return []
    clients = unit.visible_clients({job.body['client_id'] for job in jobs})
    return [Linked(job, clients.get(job.body['client_id'])) for job in jobs]


def write_job(
    unit: Unit,
    id: str,
    change: base.JobChange,
    action_ids: collections.abc.Set[str],
    most: int,
) -> Written:
    """See :meth:`Storage.write_job`; ``most`` is the size of the largest
    document, in bytes.
    """
    most_of_actions = ACTIONS_AT_ONCE * most
    if len(action_ids) > ACTIONS_AT_ONCE and not unit.is_within(
        ACTIONS, action_ids, most_of_actions
    ):
        raise refusals.actions_too_large(most_of_actions)
    actions = unit.guard(ACTIONS, action_ids)
    stored = unit.get(JOBS, id)
    now = unit.now()
    outcome = change(stored, actions, now)

    # Most changes are reports of agents, which concern the job alone. Its
    # session shows its client: only if that changes is the session needed.
    session_id = ''
    if stored and stored.body['client_id'] != outcome.body['client_id']:
        session_id = stored.body['session_id']
    if session_id:
        unit.lead(SESSIONS, session_id)

    before = stored.body if stored else None
    _use_trusts(unit, [(before, outcome.body)])
    _use_actions(unit, before, outcome.body, actions)
    for action_id, body in outcome.actions.items():
        unit.create_action(
            Document(ACTIONS, unit.project_id, action_id, 1, now, body)
        )
    if session_id:
        sessions.move(unit, session_id, id, outcome.body['client_id'], now)
    job = documents.apply(unit, JOBS, id, stored, outcome, now)
    return Written(job, outcome.answer)


def delete_job(unit: Unit, id: str, check: base.Check) -> bool:
    """See :meth:`Storage.delete_job`."""
    stored = unit.get(JOBS, id)
    session_id = stored.body['session_id'] if stored else ''
    if session_id:
        unit.lead(SESSIONS, session_id)
    else:
        unit.lead(JOBS, id)
    check(stored)
    if stored is None:
        return False
    if session_id:
        sessions.leave(unit, session_id, id, unit.now())
    unit.delete(JOBS, id)
    return True


def end_trust(unit: Unit, id: str) -> bool:
    """See :meth:`Storage.end_trust`.

    A job that is given the trust later than this has read it, uses it
    (:meth:`Unit.use`) and so is in its way.
    """
    if unit.get(TRUSTS, id) is None:
        return False
    if unit.has(JOBS, search_pairs.trust_pair(id)):
        return False
    unit.delete(TRUSTS, id)
    return True


def _use_actions(
    unit: Unit,
    before: Body | None,
    after: Body,
    actions: collections.abc.Mapping[str, Document],
) -> None:
    """Keep the actions that a job refers to from now on. Those that it had
    can't change without it.
    """
    had = links.action_ids(before) if before else frozenset()
    taken = links.action_ids(after) - had
    unit.use(ACTIONS, taken & actions.keys())


def _use_trusts(
    unit: Unit, changes: collections.abc.Iterable[tuple[Body | None, Body]]
) -> None:
    """Keep the trusts that jobs are given, told what each job was and
    becomes; ``TrustGone`` if one isn't there. Those that they had can't go.
    """
    given = set()
    for before, after in changes:
        trust = trust_of(after)
        had = trust_of(before) if before else None
        if trust is not None and trust != had:
            given.add(trust)
    if given and unit.use(TRUSTS, given) < len(given):
        raise base.TrustGone('user_credentials: the trust has ended.')
