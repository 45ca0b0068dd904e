"""Deciding about a session, and letting jobs join and leave it."""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.db import base, effects, refusals
from freezer_api.db.operations.documents import change_body
from freezer_api.db.unit import Unit
from freezer_api.domain import membership, run_state
from freezer_api.domain.documents import (
    JOBS,
    SESSIONS,
    Document,
    Precondition,
)
from freezer_api.domain.session_state import (
    Decision,
    Delete,
    Outcome,
    Record,
    Session,
    Store,
)


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
    before = run_state.lapse(stored, now) if stored else None
    outcome = decision(before, now, earlier)

    after = None
    if isinstance(outcome, Delete):
        if stored is not None:
            unit.delete_session(id)
    elif stored is not None and before is not None:
        _store_records(unit, stored, outcome, runs_kept)
        # A lapsed run is completed even if the decision leaves it at that.
        after = outcome.session if isinstance(outcome, Store) else before
        after = _store_session(unit, stored, before, after)
    elif isinstance(outcome, Store):
        after = dataclasses.replace(outcome.session, version=1, created=now)
        unit.put_session(after)
    if outcome.follow is not None:
        for job in _followers(unit, id, outcome, bounds):
            change_body(unit, job, outcome.follow(job.body))
    return dataclasses.replace(outcome, session=after)


def attach(
    unit: Unit, session_id: str, job_id: str, precondition: Precondition
) -> bool:
    """See :meth:`Storage.attach`."""
    session = unit.get_session(session_id)
    if session is None:
        precondition.check(None)
        raise exceptions.NotFound(SESSIONS, session_id)
    job = unit.get(JOBS, job_id)
    if job is None:
        raise exceptions.NotFound(JOBS, job_id)
    now = unit.now()
    before = run_state.lapse(session, now)
    precondition.check(before)

    after, body = membership.attach(before, job.body)
    was_in = job.body['session_id']
    if was_in not in ('', session_id):
        leave(unit, was_in, job_id, now)
    _store_session(unit, session, before, after)
    change_body(unit, job, body)
    return bool(was_in != session_id)


def detach(
    unit: Unit, session_id: str, job_id: str, precondition: Precondition
) -> bool:
    """See :meth:`Storage.detach`."""
    session = unit.get_session(session_id)
    if session is None:
        precondition.check(None)
        return False
    job = unit.get(JOBS, job_id)
    now = unit.now()
    before = run_state.lapse(session, now)
    precondition.check(before)
    if job is None or job_id not in before.members:
        return False
    _take_out(unit, session, before, job_id, now)
    change_body(unit, job, membership.detach(job.body))
    return True


def settle(unit: Unit, id: str) -> None:
    """Complete the run of a session if it has lapsed."""
    session = unit.get_session(id)
    if session is not None:
        before = run_state.lapse(session, unit.now())
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
            raise refusals.no_such_run_marker()
        first = tags.index(marker) + 1
    last = first + limit
    return list(tags[first:last]), len(tags) > last


def leave(unit: Unit, session_id: str, job_id: str, now: int) -> None:
    """Take a member out of a session."""
    session = unit.get_session(session_id)
    if session is not None:
        before = run_state.lapse(session, now)
        _take_out(unit, session, before, job_id, now)


def _take_out(
    unit: Unit, stored: Session, before: Session, job_id: str, now: int
) -> None:
    """Store a session without one of its members. ``before`` is the stored one
    with a lapsed run settled.
    """
    after = run_state.left(before, job_id, now)
    if after.run != before.run:
        unit.note(effects.run_left, after)
    _store_session(unit, stored, before, after)


def join(
    unit: Unit, session_id: str, job_id: str, client_id: str, now: int
) -> None:
    """Make a job a member of a session, for its client; a member keeps its
    progress.
    """
    session = unit.get_session(session_id)
    if session is None:
        return
    before = run_state.lapse(session, now)
    if job_id in before.members:
        after = run_state.moved(before, job_id, client_id)
    else:
        after = run_state.joined(before, job_id, client_id)
    _store_session(unit, session, before, after)


def finish(unit: Unit, id: str) -> None:
    """Complete the run of a session if it is over by what its members have
    done, or has lapsed.
    """
    session = unit.get_session(id)
    if session is not None:
        now = unit.now()
        before = run_state.lapse(session, now)
        after = run_state.settle(before, now)
        _store_session(unit, session, before, after)


def move(
    unit: Unit, session_id: str, job_id: str, client_id: str, now: int
) -> None:
    """Make a member show its job's new client."""
    session = unit.get_session(session_id)
    if session is not None and job_id in session.members:
        before = run_state.lapse(session, now)
        after = run_state.moved(before, job_id, client_id)
        _store_session(unit, session, before, after)


def _store_session(
    unit: Unit, stored: Session, before: Session, after: Session
) -> Session:
    """Store what became of a session; return it with its version.

    ``before`` is the stored one with a lapsed run settled, which is a version
    of its own. Bookkeeping alone is stored without another version.
    """
    if before is not stored:
        unit.note(effects.run_lapsed, before)
    shown_alike = after is before or after.is_shown_like(before)
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
