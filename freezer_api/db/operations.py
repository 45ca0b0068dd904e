"""What the operations of the storage contract do, once for all drivers.

Each function here is a step that a driver runs as a unit of work
(:mod:`.unit`). It decides by what the unit has read, may run several times,
and takes effect as a whole or not at all.
"""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.db import base, refusals
from freezer_api.db.base import ACTIONS_AT_ONCE, Linked
from freezer_api.db.unit import Unit
from freezer_api.domain import documents, links, membership, runs, search
from freezer_api.domain.documents import (
    ACTIONS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
    Precondition,
)
from freezer_api.domain.sessions import Decision, Outcome, Record, Session

# Documents


def write(
    unit: Unit, kind: str, id: str, change: base.Change
) -> Document | None:
    """See :meth:`Storage.write`."""
    stored = unit.get(kind, id)
    now = unit.now()
    return _store(unit, kind, id, stored, change(stored, now), now)


def _store(
    unit: Unit,
    kind: str,
    id: str,
    stored: Document | None,
    body: Body | None,
    now: int,
) -> Document | None:
    """Create, change or delete (``body`` None) a document that was read;
    return it as it is then.
    """
    if body is None:
        if stored is not None:
            unit.delete(kind, id)
        return None
    if stored is None:
        created = Document(kind, unit.project_id, id, 1, now, body)
        unit.put(created)
        return created
    return _change(unit, stored, body)


def _change(unit: Unit, stored: Document, body: Body) -> Document:
    """Give a document another body; return it. Its version grows, unless the
    body is the same.
    """
    if documents.is_same(stored.body, body):
        return stored
    version = stored.version + 1
    changed = dataclasses.replace(stored, version=version, body=body)
    unit.put(changed)
    return changed


# Actions and jobs


def write_action(
    unit: Unit,
    id: str,
    change: base.ActionChange,
    follow: base.Follow | None,
    most: int,
) -> Document | None:
    """See :meth:`Storage.write_action`; at most ``most`` bytes of jobs change
    with the action.

    A job that refers to the action later than this has read it, uses it
    (:meth:`Unit.use`) and so is in its way.
    """
    stored = unit.get(ACTIONS, id)
    jobs = _jobs_with_action(unit, id, most) if stored else []
    linked = _with_clients(unit, jobs)
    now = unit.now()
    body = change(stored, linked, now)

    if follow is None:
        bodies = [links.relinked(job.body, id, body) for job in jobs]
    else:
        bodies = [follow(link, body) for link in linked]
    followed = list(zip(jobs, bodies, strict=True))

    _use_trusts(unit, [(job.body, new) for job, new in followed])
    for job, new in followed:
        _change(unit, job, new)
    return _store(unit, ACTIONS, id, stored, body, now)


def _jobs_with_action(unit: Unit, id: str, most: int) -> list[Document]:
    """Return the jobs that have an action; ``Conflict`` if they are more than
    ``most`` bytes.
    """
    found = unit.having(JOBS, ('action_id', search.canonical(id)))
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
) -> Document:
    """See :meth:`Storage.write_job`; ``most`` is the size of the largest
    document, in bytes.
    """
    most_of_actions = ACTIONS_AT_ONCE * most
    if len(action_ids) > ACTIONS_AT_ONCE and not unit.is_within(
        ACTIONS, action_ids, most_of_actions
    ):
        raise refusals.actions_too_large(most_of_actions)
    unit.prefetch([(JOBS, id), *((ACTIONS, action) for action in action_ids)])
    actions = unit.guard(ACTIONS, action_ids)
    stored = unit.get(JOBS, id)
    now = unit.now()
    made = change(stored, actions, now)

    # Most changes are reports of agents, which concern the job alone. Its
    # session shows its client: only if that changes is the session needed.
    session_id = ''
    if stored and stored.body['client_id'] != made.body['client_id']:
        session_id = stored.body['session_id']
    if session_id:
        unit.lead(SESSIONS, session_id)

    before = stored.body if stored else None
    _use_trusts(unit, [(before, made.body)])
    _use_actions(unit, before, made.body, actions)
    for action_id, body in made.actions.items():
        unit.create(
            Document(ACTIONS, unit.project_id, action_id, 1, now, body)
        )
    if session_id:
        _move(unit, session_id, id, made.body['client_id'], now)
    if stored is None:
        job = Document(JOBS, unit.project_id, id, 1, now, made.body)
        unit.put(job)
        return job
    return _change(unit, stored, made.body)


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
        _leave(unit, session_id, id, unit.now())
    unit.delete(JOBS, id)
    return True


def end_trust(unit: Unit, id: str) -> bool:
    """See :meth:`Storage.end_trust`.

    A job that is given the trust later than this has read it, uses it
    (:meth:`Unit.use`) and so is in its way.
    """
    if unit.get(TRUSTS, id) is None:
        return False
    if unit.has(JOBS, search.trust_pair(id)):
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
        trust = documents.trust(after)
        had = documents.trust(before) if before else None
        if trust is not None and trust != had:
            given.add(trust)
    if given and unit.use(TRUSTS, given) < len(given):
        raise base.TrustGone('user_credentials: the trust has ended.')


# Sessions


def decide(
    unit: Unit,
    id: str,
    decision: Decision,
    tag: int | None,
    runs_kept: int,
    bounds: base.Bounds,
) -> Outcome:
    """See :meth:`Storage.write_session`; ``tag`` is that of the record that
    the decision needs.
    """
    stored = unit.get_session(id)
    earlier = _earlier_record(unit, stored, tag)
    now = unit.now()
    before = runs.lapse(stored, now) if stored else None
    outcome = decision(before, now, earlier)

    after = outcome.session
    if stored is None or before is None:
        if after is not None:
            after = dataclasses.replace(after, version=1, created=now)
            unit.put_session(after)
    elif after is None:
        unit.delete_session(id)
    else:
        _store_records(unit, stored, outcome, runs_kept)
        after = _store_session(unit, stored, before, after)
    if outcome.follow is not None:
        for job in _followers(unit, id, outcome, bounds):
            _change(unit, job, outcome.follow(job.body))
    return dataclasses.replace(outcome, session=after)


def attach(
    unit: Unit, session_id: str, job_id: str, precondition: Precondition
) -> None:
    """See :meth:`Storage.attach`."""
    unit.prefetch([(SESSIONS, session_id), (JOBS, job_id)])
    session = unit.get_session(session_id)
    if session is None:
        precondition.check(None)
        raise exceptions.NotFound(SESSIONS, session_id)
    job = unit.get(JOBS, job_id)
    if job is None:
        raise exceptions.NotFound(JOBS, job_id)
    now = unit.now()
    before = runs.lapse(session, now)
    precondition.check(before)

    after, body = membership.attach(before, job.body)
    was_in = job.body['session_id']
    if was_in not in ('', session_id):
        _leave(unit, was_in, job_id, now)
    _store_session(unit, session, before, after)
    _change(unit, job, body)


def detach(
    unit: Unit, session_id: str, job_id: str, precondition: Precondition
) -> None:
    """See :meth:`Storage.detach`."""
    unit.prefetch([(SESSIONS, session_id), (JOBS, job_id)])
    session = unit.get_session(session_id)
    if session is None:
        precondition.check(None)
        return
    job = unit.get(JOBS, job_id)
    now = unit.now()
    before = runs.lapse(session, now)
    precondition.check(before)
    if job is None or job_id not in before.members:
        return
    after = runs.left(before, job_id, now)
    _store_session(unit, session, before, after)
    _change(unit, job, membership.detach(job.body))


def settle(unit: Unit, id: str) -> None:
    """Complete the run of a session if it has lapsed."""
    session = unit.get_session(id)
    if session is not None:
        before = runs.lapse(session, unit.now())
        _store_session(unit, session, before, before)


def page_of_tags(
    tags: collections.abc.Sequence[int], limit: int, marker: int | None
) -> tuple[list[int], bool]:
    """Return the page of a list of runs that begins behind a marker, and
    whether there are more.

    ``tags`` are those of the runs, newest first; of those before the marker,
    and of those behind the page, all but one may be left out.
    """
    first = 0
    if marker is not None:
        if marker not in tags:
            raise exceptions.InvalidInput(
                'marker: there is no run with this tag.',
                'list.marker-not-found',
            )
        first = tags.index(marker) + 1
    last = first + limit
    return list(tags[first:last]), len(tags) > last


def _leave(unit: Unit, session_id: str, job_id: str, now: int) -> None:
    """Take a member out of a session."""
    session = unit.get_session(session_id)
    if session is not None:
        before = runs.lapse(session, now)
        after = runs.left(before, job_id, now)
        _store_session(unit, session, before, after)


def _move(
    unit: Unit, session_id: str, job_id: str, client_id: str, now: int
) -> None:
    """Make a member show its job's new client."""
    session = unit.get_session(session_id)
    if session is not None and job_id in session.members:
        before = runs.lapse(session, now)
        after = runs.moved(before, job_id, client_id)
        _store_session(unit, session, before, after)


def _store_session(
    unit: Unit, stored: Session, before: Session, after: Session
) -> Session:
    """Store what became of a session; return it with its version.

    ``before`` is the stored one with a lapsed run settled, which is a version
    of its own. Bookkeeping alone is stored without another version.
    """
    shown_alike = after is before or documents.is_same(
        before.body(), after.body()
    )
    version = before.version if shown_alike else before.version + 1
    after = dataclasses.replace(after, version=version, created=before.created)
    if after != stored:
        unit.put_session(after)
    return after


def _earlier_record(
    unit: Unit, session: Session | None, tag: int | None
) -> Record | None:
    """Return the record of an earlier run; there is none of the current one."""
    if session is None or tag is None:
        return None
    if session.run is not None and session.run.tag == tag:
        return None
    return unit.get_record(session.session_id, tag)


def _store_records(
    unit: Unit, stored: Session, outcome: Outcome, runs_kept: int
) -> None:
    """Store the records of an outcome, and drop the oldest ones beyond
    ``runs_kept`` (0: none), of which the current run is one.
    """
    id = stored.session_id
    added = False
    for record in outcome.records:
        # The run that was the current one has no record yet.
        is_new = stored.run is not None and stored.run.tag == record.tag
        added |= unit.put_record(id, record, is_new)
    if added and runs_kept and outcome.session is not None:
        unit.trim_records(id, runs_kept - 1, outcome.session.succeeded)


def _followers(
    unit: Unit, id: str, outcome: Outcome, bounds: base.Bounds
) -> list[Document]:
    """Return the jobs that follow a session; ``Conflict`` if they are more
    bytes than may change at once.
    """
    ids = outcome.followers
    # Sizes are looked up only where so many jobs could be too large.
    could_be_too_large = len(ids) * bounds.document > bounds.page
    if could_be_too_large and not unit.is_within(JOBS, ids, bounds.page):
        raise refusals.members_too_much(id, bounds.page)
    return list(unit.get_all(JOBS, ids).values())
