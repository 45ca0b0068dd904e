"""What starts and ends make of a session: the decisions about its runs. Pure
functions on a session's state.

The rules are a table in the contributor guide (``runs.rst``). Every function
expects a session whose lapsed run was settled by :func:`.run_state.lapse`, and
returns one in which a run whose members have ended is completed.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.domain import documents, firing
from freezer_api.domain.documents import Body
from freezer_api.domain.run_state import (
    completed,
    current,
    result_of,
    settle,
    with_member,
)
from freezer_api.domain.session_state import (
    COMPLETED,
    FAIL,
    MAX_TAG,
    NO_RESULT,
    RUNNING,
    SCHEDULED,
    SUCCESS,
    Keep,
    Member,
    MemberEntry,
    MemberStatus,
    Outcome,
    Record,
    Result,
    Run,
    Session,
    Store,
)

HOLD_OFF: typing.Final = 'hold-off'
OUT_OF_SYNC: typing.Final = 'out-of-sync'


class Answer(typing.TypedDict):
    """What a member is told that reports its start or end."""

    result: typing.Literal['success', 'hold-off', 'out-of-sync']
    session_tag: int


def start(session: Session, job_id: str, tag: int, now: int) -> Outcome:
    """Decide about a member's report that it starts, knowing ``tag``.

    The answer (:class:`Answer`) is whether it may, and the tag that it works
    under. ``InvalidInput`` if the job is no member, or knows a tag that the
    session hasn't reached.
    """
    member = session.members.get(job_id)
    if member is None:
        raise exceptions.InvalidInput(
            f'start.job_id: job {job_id} is not a member of this session.',
            'session.not-a-member',
        )
    if tag > session.tag:
        raise _tag_too_high('start', session)
    is_behind = tag < session.tag
    status = _status_in_run(session, member)
    if is_behind and status == RUNNING:
        # It has started already; the answer to its first report was lost.
        return _keep(session, SUCCESS, job_id)
    run = session.run
    if run is None or now > run.window_end:
        # Nobody can join any more. Either it is late for that run, or it is
        # the first one of the next.
        if is_behind and not _is_next_run_due(session, now):
            return _keep(session, OUT_OF_SYNC, job_id)
        return _open(session, session.tag + 1, job_id, now)
    if status == SCHEDULED:
        return _join(session, run, job_id, now)
    if is_behind:
        # It has completed already: that is a repeated report, too.
        return _keep(session, SUCCESS, job_id)
    # It has started in this run and knows it: the next one can't begin yet.
    return Keep(session, _answer(session, HOLD_OFF))


def end(
    session: Session,
    job_id: str,
    tag: int | None,
    result: Result,
    now: int,
    record: Record | None,
) -> Outcome:
    """Decide about a member's report that it ended in run ``tag`` (None: the
    current one); ``record`` is that of an earlier ``tag``.

    The answer is always success. A report that doesn't fit what is known
    changes nothing: it may come twice, or after the member left.
    ``InvalidInput`` for a tag that the session hasn't reached.
    """
    if tag is not None and tag > session.tag:
        raise _tag_too_high('end', session)
    if tag is not None and tag < session.tag:
        return _end_late(session, job_id, result, now, record)
    answer = _answer(session, SUCCESS)
    member = session.members.get(job_id)
    if member is None or member.status != RUNNING:
        return Keep(session, answer)
    run = session.run
    if run is None or run.tag != session.tag:
        # The tag was raised by hand, and nobody has started under it.
        return Keep(session, answer)
    member = _ended(member, result, now)
    ended = with_member(session, job_id, member)
    return Store(settle(ended, now), answer)


def _end_late(
    session: Session,
    job_id: str,
    result: Result,
    now: int,
    record: Record | None,
) -> Outcome:
    """Decide about a report of an end in an earlier run, by its record."""
    answer = _answer(session, SUCCESS)
    if record is None:
        return Keep(session, answer)
    entry = record.jobs.get(job_id)
    if entry is None or entry['status'] != RUNNING:
        return Keep(session, answer)
    late = _late_end(record, job_id, result, now)
    session = _with_success(session, late)
    return Store(session, answer, records=(late,))


def _status_in_run(session: Session, member: Member) -> MemberStatus:
    """Return the member's status in the run of the session's tag; there may be
    no such run, or one that doesn't count the member yet.
    """
    run = session.run
    if run is None or run.tag != session.tag or not member.counted:
        return SCHEDULED
    return member.status


def _open(session: Session, tag: int, job_id: str, now: int) -> Outcome:
    """Begin the run ``tag``, which counts all members and which ``job_id`` has
    joined. A run that is still in progress is over by that, and failed.
    """
    if tag > MAX_TAG:
        raise exceptions.Conflict(
            f'session_tag: must not be greater than {MAX_TAG}.',
            'session.tag-exhausted',
        )
    before = session
    run = session.run
    if run is not None and run.status == RUNNING:
        overtaken = completed(run, FAIL, now)
        before = dataclasses.replace(session, run=overtaken)
    # What members have done in the run before is in its record alone now.
    record = current(before)
    members: dict[str, Member] = {}
    for id, member in session.members.items():
        members[id] = Member(member.client_id, counted=True)
    members[job_id] = _started(members[job_id], now)
    opened = dataclasses.replace(
        _with_success(session, record),
        tag=tag,
        run=Run(tag, session.hold_off, now),
        members=members,
    )
    records = () if record is None else (record,)
    return _store(opened, job_id, records)


def _with_success(session: Session, record: Record | None) -> Session:
    """Return the session, knowing of the record of an earlier run if that
    ended in success.
    """
    if record is None or record.result != SUCCESS:
        return session
    if record.tag <= session.succeeded:
        return session
    return dataclasses.replace(session, succeeded=record.tag)


def _is_next_run_due(session: Session, now: int) -> bool:
    """Tell whether a member that missed the last run opens the next one
    instead of being late for the last.

    It does when the next scheduled start is nearer than the last start.
    Otherwise a member that is the first in every round would be out of sync
    for ever: each refusal gives it the tag that the next member then raises.
    """
    period = firing.period(session.schedule)
    if session.run is None:
        return period < firing.ENDLESS
    elapsed = now - session.run.started
    return 2 * elapsed >= period * documents.SECOND


def _join(session: Session, run: Run, job_id: str, now: int) -> Outcome:
    """Take part in the current run, which is in progress again if it was over.

    A tag that was raised by hand has no run of its own yet: joining it begins
    that run.
    """
    if run.tag != session.tag:
        return _open(session, session.tag, job_id, now)
    reopened = dataclasses.replace(
        run,
        status=RUNNING,
        result=NO_RESULT,
        ended=-1,
    )
    member = _started(session.members[job_id], now)
    members = {**session.members, job_id: member}
    return _store(
        dataclasses.replace(session, run=reopened, members=members), job_id
    )


def _answer(
    session: Session,
    result: typing.Literal['success', 'hold-off', 'out-of-sync'],
) -> Answer:
    return {'result': result, 'session_tag': session.tag}


def _keep(
    session: Session,
    result: typing.Literal['success', 'out-of-sync'],
    job_id: str,
) -> Outcome:
    """Leave the session as it is, and write its tag into the job."""
    answer = _answer(session, result)
    follow = _set_tag(session.tag)
    return Keep(session, answer, (), follow, frozenset((job_id,)))


def _store(
    session: Session, job_id: str, records: tuple[Record, ...] = ()
) -> Outcome:
    """Store the session after a successful start, and write its tag into the
    job that started.
    """
    return Store(
        session,
        _answer(session, SUCCESS),
        records,
        follow=_set_tag(session.tag),
        followers=frozenset((job_id,)),
    )


def _set_tag(tag: int) -> collections.abc.Callable[[Body], Body]:
    def set_tag(job: Body) -> Body:
        return {**job, 'session_tag': tag}

    return set_tag


def _tag_too_high(action: str, session: Session) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        # Published callers know this text.
        f'{action}.current_tag: requested tag value too high; the session is'
        f' at {session.tag}.',
        'session.tag-too-high',
    )


def _started(member: Member, now: int) -> Member:
    return Member(
        member.client_id,
        status=RUNNING,
        time_started=now // documents.SECOND,
        counted=True,
    )


def _ended(member: Member, result: Result, now: int) -> Member:
    ended = max(now // documents.SECOND, member.time_started)
    return dataclasses.replace(
        member,
        status=COMPLETED,
        result=result,
        time_ended=ended,
    )


def _late_end(record: Record, job_id: str, result: Result, now: int) -> Record:
    """Return the record of an earlier run with a member that ended after all;
    the result of the run is told again from all its members.
    """
    entry = record.jobs[job_id]
    ended = max(now // documents.SECOND, entry['time_started'])
    late: MemberEntry = {
        **entry,
        'status': COMPLETED,
        'result': result,
        'time_ended': ended,
    }
    jobs = {**record.jobs, job_id: late}
    return dataclasses.replace(
        record,
        jobs=jobs,
        result=result_of(entry['result'] for entry in jobs.values()),
        time_end=max(record.time_end, ended),
    )
