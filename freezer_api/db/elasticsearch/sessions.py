"""What is done to a session: deciding, joining, leaving. Each function is a
step of a unit of work, see :mod:`.units`.

The session is the primary document of all of it, so nothing about its members
takes effect beside it. The clock is read when it has been.
"""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Value
from freezer_api.db.elasticsearch.units import Unit
from freezer_api.domain import membership, runs
from freezer_api.domain.documents import JOBS, SESSIONS, Precondition
from freezer_api.domain.sessions import Decision, Outcome, Record, Session

Clock = collections.abc.Callable[[], int]
Ranges = list[list[int]]


def decide(
    unit: Unit,
    clock: Clock,
    project: str,
    id: str,
    decision: Decision,
    record: int | None,
    runs_kept: int,
    most: int,
) -> Outcome:
    """See :meth:`Storage.write_session`; ``most`` bytes of jobs can follow."""
    stored = unit.get(codec.key(SESSIONS, project, id))
    session = codec.session(stored) if stored else None
    earlier = _earlier(unit, stored, session, record)
    now = clock()
    before = runs.lapse(session, now) if session else None
    outcome = decision(before, now, earlier)
    after = outcome.session
    if after is None:
        if stored is not None:
            remove(unit, stored)
    elif stored is None or before is None:
        value = codec.new_session(after, now)
        unit.put(value)
        after = codec.session(value)
    else:
        kept = _keep(unit, stored, outcome.records, runs_kept, after.succeeded)
        after = _store(unit, stored, before, after, kept)
    if outcome.follow is not None:
        if not unit.load_within(
            [codec.key(JOBS, project, job) for job in outcome.followers], most
        ):
            raise refusals.members_too_much(id, most)
        for job in outcome.followers:
            follower = unit.get(codec.key(JOBS, project, job))
            if follower is not None:
                unit.put(
                    codec.changed(
                        follower, outcome.follow(follower.state['body'])
                    )
                )
    return dataclasses.replace(outcome, session=after)


def attach(
    unit: Unit,
    clock: Clock,
    project: str,
    session_id: str,
    job_id: str,
    precondition: Precondition,
) -> None:
    """See :meth:`Storage.attach`."""
    session_key, job_key = (
        codec.key(SESSIONS, project, session_id),
        codec.key(JOBS, project, job_id),
    )
    unit.load((session_key, job_key))
    stored, job = unit.get(session_key), unit.get(job_key)
    if stored is None:
        precondition.check(None)
        raise exceptions.NotFound(SESSIONS, session_id)
    if job is None:
        raise exceptions.NotFound(JOBS, job_id)
    now = clock()
    target = runs.lapse(codec.session(stored), now)
    precondition.check(target)
    body = job.state['body']
    is_in = body['session_id']
    if is_in not in ('', session_id):
        leave(unit, project, is_in, job_id, now)
    joined, body = membership.attach(target, body)
    _store(unit, stored, target, joined, stored.state['kept'])
    unit.put(codec.changed(job, body))


def detach(
    unit: Unit,
    clock: Clock,
    project: str,
    session_id: str,
    job_id: str,
    precondition: Precondition,
) -> None:
    """See :meth:`Storage.detach`."""
    session_key, job_key = (
        codec.key(SESSIONS, project, session_id),
        codec.key(JOBS, project, job_id),
    )
    unit.load((session_key, job_key))
    stored, job = unit.get(session_key), unit.get(job_key)
    if stored is None:
        return precondition.check(None)
    now = clock()
    before = runs.lapse(codec.session(stored), now)
    precondition.check(before)
    if job is None or job_id not in before.members:
        return None
    _store(
        unit,
        stored,
        before,
        runs.left(before, job_id, now),
        stored.state['kept'],
    )
    unit.put(codec.changed(job, membership.detach(job.state['body'])))
    return None


def leave(
    unit: Unit, project: str, session_id: str, job_id: str, now: int
) -> None:
    """Take a member out of a session."""
    stored = unit.get(codec.key(SESSIONS, project, session_id))
    if stored is not None:
        before = runs.lapse(codec.session(stored), now)
        _store(
            unit,
            stored,
            before,
            runs.left(before, job_id, now),
            stored.state['kept'],
        )


def move(
    unit: Unit,
    project: str,
    session_id: str,
    job_id: str,
    client_id: str,
    now: int,
) -> None:
    """Make a member show its job's new client."""
    stored = unit.get(codec.key(SESSIONS, project, session_id))
    if stored is not None:
        before = runs.lapse(codec.session(stored), now)
        if job_id in before.members:
            _store(
                unit,
                stored,
                before,
                runs.moved(before, job_id, client_id),
                stored.state['kept'],
            )


def settle(unit: Unit, clock: Clock, project: str, id: str) -> None:
    """Complete the run of a session if it has lapsed."""
    stored = unit.get(codec.key(SESSIONS, project, id))
    if stored is not None:
        session = codec.session(stored)
        _store(
            unit,
            stored,
            runs.lapse(session, clock()),
            None,
            stored.state['kept'],
        )


def remove(unit: Unit, stored: Value) -> None:
    """Delete a session and its runs."""
    unit.drop(stored.key)
    unit.discard(
        codec.run_key(stored.state['life'], tag)
        for first, last in stored.state['kept']
        for tag in range(first, last + 1)
    )


def _store(
    unit: Unit,
    stored: Value,
    before: Session,
    after: Session | None,
    kept: Ranges,
) -> Session:
    """Store what became of a session; with its version. ``before`` is the
    stored one with a lapsed run settled.
    """
    after = after or before
    grows = after is not before and not codec.same(before.body(), after.body())
    after = dataclasses.replace(
        after, version=before.version + grows, created=before.created
    )
    if after != codec.session(stored) or kept != stored.state['kept']:
        unit.put(codec.with_session(stored, after, kept))
    return after


def _earlier(
    unit: Unit, stored: Value | None, session: Session | None, tag: int | None
) -> Record | None:
    """The record of an earlier run; there is none of the current one."""
    if (
        stored is None
        or session is None
        or tag is None
        or session.run
        and session.run.tag == tag
    ):
        return None
    if not any(first <= tag <= last for first, last in stored.state['kept']):
        return None
    value = unit.get(codec.run_key(stored.state['life'], tag))
    return codec.record(value) if value else None


def _keep(
    unit: Unit,
    stored: Value,
    records: collections.abc.Iterable[Record],
    runs_kept: int,
    spared: int,
) -> Ranges:
    """Store records, each in place of the one of its tag, and forget the
    oldest but that of a tag; the tags of which there is one then.
    """
    kept: Ranges = stored.state['kept']
    life = stored.state['life']
    added = False
    for record in records:
        value = codec.record_value(stored.project, life, record)
        unit.put(value)
        if not any(first <= record.tag <= last for first, last in kept):
            kept, added = with_tag(kept, record.tag), True
    while (
        added
        and runs_kept
        and sum(last - first + 1 for first, last in kept) > runs_kept - 1
    ):
        oldest = _oldest(kept, spared)
        if oldest is None:
            break
        unit.drop(codec.run_key(life, oldest))
        kept = without_tag(kept, oldest)
    return kept


def _oldest(kept: Ranges, spared: int) -> int | None:
    """The lowest tag but one of them."""
    for first, last in kept:
        if first != spared:
            return first
        if first < last:
            return first + 1
    return None


def with_tags(ranges: Ranges, tags: collections.abc.Iterable[int]) -> Ranges:
    """Ranges with more tags, some of which may be in them."""
    result: Ranges = []
    for tag in sorted(
        {tag for first, last in ranges for tag in range(first, last + 1)}
        | {*tags}
    ):
        result = with_tag(result, tag)
    return result


def with_tag(ranges: Ranges, tag: int) -> Ranges:
    """Ranges with one more tag, which is no lower than the others."""
    if ranges and ranges[-1][0] <= tag <= ranges[-1][1]:
        return ranges
    if ranges and ranges[-1][1] == tag - 1:
        return [*ranges[:-1], [ranges[-1][0], tag]]
    return [*ranges, [tag, tag]]


def without_tag(ranges: Ranges, tag: int) -> Ranges:
    """Ranges without one of their tags."""
    found: Ranges = []
    for first, last in ranges:
        parts = (
            [[first, tag - 1], [tag + 1, last]]
            if first <= tag <= last
            else [[first, last]]
        )
        found += [part for part in parts if part[0] <= part[1]]
    return found
