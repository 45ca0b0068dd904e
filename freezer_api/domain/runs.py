"""The runs of a session: who joined which, when one is over, and how it ended.
Pure functions on a session's state.

Rules and table: the API reference, on starting and ending in a session. Every
function expects a session whose lapsed run has been settled by :func:`lapse`,
and returns one in which a run whose members have ended is completed.
"""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.domain import documents, firing, sessions
from freezer_api.domain.documents import Body
from freezer_api.domain.sessions import (
    COMPLETED,
    FAIL,
    RUNNING,
    SCHEDULED,
    SUCCESS,
    Member,
    Outcome,
    Record,
    Run,
    Session,
)

HOLD_OFF, OUT_OF_SYNC = 'hold-off', 'out-of-sync'


def lapse(session: Session, now: int) -> Session:
    """Complete the run if only the end of its hold-off window was awaited and
    ``now`` lies behind it.

    Someone it counts never joined, so it failed; it ended at the due moment,
    whenever that is noticed. The version grows, for this is a change of its
    own.
    """
    run, due = session.run, session.settle_at
    if run is None or due is None or now <= due:
        return session
    return dataclasses.replace(
        session, run=_over(run, FAIL, due), version=session.version + 1
    )


def settle(session: Session, now: int) -> Session:
    """Complete the run if it is over at ``now`` by what its members have done.

    It is over when all that it counts have completed, or when the window has
    passed and every one that joined has.
    """
    run = session.run
    if run is None or run.status != RUNNING:
        return session
    counted = [m for m in session.members.values() if m.counted]
    if any(m.status == RUNNING for m in counted):
        return session
    if now <= run.window_end and any(m.status == SCHEDULED for m in counted):
        return session
    return dataclasses.replace(
        session, run=_over(run, _result(m.result for m in counted), now)
    )


def start(session: Session, job_id: str, tag: int, now: int) -> Outcome:
    """A member reports that it starts, knowing ``tag``; the answer is its
    result and the tag to work under.
    """
    member = session.members.get(job_id)
    if member is None:
        raise exceptions.InvalidInput(
            f'start.job_id: job {job_id} is not a member of this session.',
            'session.not-a-member',
        )
    if tag > session.tag:
        raise _tag_too_high('start', session)
    run = session.run
    behind = tag < session.tag
    status = (
        member.status
        if run and run.tag == session.tag and member.counted
        else SCHEDULED
    )
    if behind and status == RUNNING:
        return _answer(session, job_id, SUCCESS)
    # A clock of another host may lag behind the one that wrote ``started``;
    # then no time has passed.
    if run and now <= run.window_end:
        if status == SCHEDULED:
            return _join(session, run, job_id, now)
        return (
            _answer(session, job_id, SUCCESS)
            if behind
            else Outcome(session, _says(HOLD_OFF, session))
        )
    if behind and not _next_round(session, now):
        return _answer(session, job_id, OUT_OF_SYNC)
    return _open(session, session.tag + 1, job_id, now)


def end(
    session: Session,
    job_id: str,
    tag: int | None,
    result: str,
    now: int,
    record: Record | None,
) -> Outcome:
    """A member reports that it ended in run ``tag`` (None: the current one);
    ``record`` is that of an earlier ``tag``.

    Anything that doesn't fit what is known changes nothing: a report may come
    twice, or after the member left.
    """
    if tag is not None and tag > session.tag:
        raise _tag_too_high('end', session)
    records: tuple[Record, ...] = ()
    if tag is None or tag == session.tag:
        member = session.members.get(job_id)
        if (
            member
            and member.status == RUNNING
            and session.run
            and session.run.tag == session.tag
        ):
            session = settle(
                _with_member(session, job_id, _ended(member, result, now)), now
            )
    elif (
        record is not None
        and record.jobs.get(job_id, {}).get('status') == RUNNING
    ):
        late = _late_end(record, job_id, result, now)
        session, records = _with_success(session, late), (late,)
    return Outcome(session, _says(SUCCESS, session), records)


def joined(session: Session, job_id: str, client_id: str) -> Session:
    """The session with a new member; the current run counts it once it
    starts.
    """
    return _with_member(session, job_id, Member(client_id))


def left(session: Session, job_id: str, now: int) -> Session:
    """The session without a member; a run that waited for nobody else is
    over.
    """
    if job_id not in session.members:
        return session
    members = {
        id: member for id, member in session.members.items() if id != job_id
    }
    return settle(dataclasses.replace(session, members=members), now)


def moved(session: Session, job_id: str, client_id: str) -> Session:
    """The session with a member whose job belongs to another client now."""
    return _with_member(
        session,
        job_id,
        dataclasses.replace(session.members[job_id], client_id=client_id),
    )


def current(session: Session) -> Record | None:
    """The record of the session's current run, with the members that it
    counts; None if it never started.
    """
    run = session.run
    if run is None:
        return None
    jobs = {
        job_id: member.shown()
        for job_id, member in session.members.items()
        if member.counted
    }
    ended = run.ended // documents.SECOND if run.ended >= 0 else -1
    return Record(
        run.tag,
        run.status,
        run.result,
        run.started // documents.SECOND,
        ended,
        jobs,
    )


def _open(session: Session, tag: int, job_id: str, now: int) -> Outcome:
    """Begin the run ``tag``: all members count, ``job_id`` has joined. A run
    that was still going on is overtaken.
    """
    if tag > sessions.MAX_TAG:
        raise exceptions.Conflict(
            f'session_tag: it can not grow beyond {sessions.MAX_TAG}.',
            'session.tag-exhausted',
        )
    overtaken = session
    if session.run and session.run.status == RUNNING:
        overtaken = dataclasses.replace(
            session, run=_over(session.run, FAIL, now)
        )
    record = current(overtaken)
    members = {
        id: Member(member.client_id, counted=True)
        for id, member in session.members.items()
    }
    members[job_id] = _started(members[job_id], now)
    opened = dataclasses.replace(
        _with_success(session, record),
        tag=tag,
        run=Run(tag, session.hold_off, now),
        members=members,
    )
    return _answer(opened, job_id, SUCCESS, (record,) if record else ())


def _with_success(session: Session, record: Record | None) -> Session:
    """The session, knowing of the record of an earlier run."""
    if (
        record is None
        or record.result != SUCCESS
        or record.tag <= session.succeeded
    ):
        return session
    return dataclasses.replace(session, succeeded=record.tag)


def _next_round(session: Session, now: int) -> bool:
    """Whether a member that missed the last run comes too late for it because
    the next one is due.

    If it were always the first it would otherwise come too late in every
    round: each refusal gives it the tag that the next member raises. Nearer to
    the last start than to the next moment of the schedule it is late, and
    begins nothing.
    """
    period = firing.period(session.schedule)
    if session.run is None:
        return period < firing.ENDLESS
    return 2 * (now - session.run.started) >= period * documents.SECOND


def _join(session: Session, run: Run, job_id: str, now: int) -> Outcome:
    """Take part in the current run, which opens it again if it was over.

    A tag that was raised by hand has no run of its own yet: joining it begins
    that run.
    """
    if run.tag != session.tag:
        return _open(session, session.tag, job_id, now)
    run = dataclasses.replace(run, status=RUNNING, result='', ended=-1)
    session = _with_member(
        session, job_id, _started(session.members[job_id], now)
    )
    return _answer(dataclasses.replace(session, run=run), job_id, SUCCESS)


def _answer(
    session: Session,
    job_id: str,
    result: str,
    records: tuple[Record, ...] = (),
) -> Outcome:
    """An answer whose tag is written into the caller's job, and into no
    other.
    """
    tag = session.tag

    def follow(job: Body) -> Body:
        return {**job, 'session_tag': tag}

    return Outcome(
        session, _says(result, session), records, follow, frozenset((job_id,))
    )


def _tag_too_high(action: str, session: Session) -> exceptions.InvalidInput:
    text = (
        f'{action}.current_tag: requested tag value too high; the session is'
        f' at {session.tag}.'
    )
    return exceptions.InvalidInput(text, 'session.tag-too-high')


def _says(result: str, session: Session) -> Body:
    return {'result': result, 'session_tag': session.tag}


def _started(member: Member, now: int) -> Member:
    return Member(
        member.client_id, RUNNING, '', now // documents.SECOND, -1, True
    )


def _ended(member: Member, result: str, now: int) -> Member:
    ended = max(now // documents.SECOND, member.time_started)
    return dataclasses.replace(
        member, status=COMPLETED, result=result, time_ended=ended
    )


def _with_member(session: Session, job_id: str, member: Member) -> Session:
    return dataclasses.replace(
        session, members={**session.members, job_id: member}
    )


def _late_end(record: Record, job_id: str, result: str, now: int) -> Record:
    """The record of an overtaken run, with a member that ended after all; its
    result is settled again.
    """
    entry = record.jobs[job_id]
    second = max(now // documents.SECOND, entry['time_started'])
    entry = {
        **entry,
        'status': COMPLETED,
        'result': result,
        'time_ended': second,
    }
    jobs = {**record.jobs, job_id: entry}
    return dataclasses.replace(
        record,
        jobs=jobs,
        result=_result(e['result'] for e in jobs.values()),
        time_end=max(record.time_end, second),
    )


def _result(results: collections.abc.Iterable[str]) -> str:
    """The result of a run that is over: success if it counts somebody and all
    of them took part with success.
    """
    found = set(results)
    return SUCCESS if found == {SUCCESS} else FAIL


def _over(run: Run, result: str, ended: int) -> Run:
    # The clock of the host that ends a run may lag behind that of the one that
    # started it.
    return dataclasses.replace(
        run, status=COMPLETED, result=result, ended=max(ended, run.started)
    )
