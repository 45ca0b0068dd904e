"""How runs begin and end, as the page *How runs begin and end* of the manual has it.

No clock matters: a window is over at once, or never, or when the history says so
(:func:`pass_window`).
"""

import typing

from tests.linearizable.states import NO_WINDOW, RUNNING, SCHEDULED, SHORT_WINDOW, Run, Session


class Answered(typing.NamedTuple):
    """A session after a start or an end, and the status and body of the answer."""

    session: Session
    status: int
    body: dict[str, typing.Any]
    #: Whether the tag of the answer is written into the job.
    tells_job: bool = False


def start(session: Session, job_id: str, tag: int, id: str) -> Answered:
    """A member is about to run; ``id`` is that of the call."""
    if job_id not in session.members:
        return Answered(session, 400, {'code': 'session.not-a-member'})
    if tag > session.tag:
        return Answered(session, 400, {'code': 'session.tag-too-high'})
    result, session = _started(session, job_id, id, is_current=tag == session.tag)
    body = {'result': result, 'session_tag': session.tag}
    return Answered(session, 202, body, tells_job=result != 'hold-off')


def _started(session: Session, job_id: str, id: str, is_current: bool) -> tuple[str, Session]:
    run = session.run
    if run is None:
        fires_again = session.schedule != ''
        if is_current or fires_again:
            return 'success', _begin(session, job_id, session.tag + 1, id)
        return 'out-of-sync', session
    status = _status(session, run, job_id)
    if not run.is_open:
        if is_current:
            return 'success', _begin(session, job_id, session.tag + 1, id)
        # The next round is days away, or there is none.
        return 'success' if status == 'running' else 'out-of-sync', session
    if status in ('scheduled', 'new'):
        return 'success', _join(session, run, job_id, id)
    return 'hold-off' if is_current else 'success', session


def _status(session: Session, run: Run, job_id: str) -> str:
    """What a member has done in the current run: with a tag that was raised, nothing."""
    if session.tag > run.tag:
        return 'scheduled'
    part = run.part(job_id)
    return 'new' if part is None else part[0]


def _begin(session: Session, job_id: str, tag: int, id: str) -> Session:
    """A new run, which counts all members."""
    run = Run(
        tag,
        session.hold_off,
        'running',
        '',
        tuple(sorted((member, SCHEDULED) for member in session.members)),
        begun_by=id,
        is_open=session.hold_off != NO_WINDOW,
    )
    records = session.records
    if session.run is not None:
        records = (_overtaken(session.run), *records)
    return session._replace(tag=tag, run=run.with_part(job_id, RUNNING), records=records)


def _overtaken(run: Run) -> Run:
    """An earlier run; one that was still running has failed."""
    if run.status == 'running':
        return run._replace(status='completed', result='fail')
    return run


def _join(session: Session, run: Run, job_id: str, id: str) -> Session:
    """The member takes part; a run that was over goes on."""
    if session.tag > run.tag:
        return _begin(session, job_id, session.tag, id)
    run = run.with_part(job_id, RUNNING)._replace(status='running', result='')
    return session._replace(run=run)


def end(session: Session, job_id: str, tag: int | None, result: str) -> Answered:
    """A job has ended, in the current run or (with a lower tag) in an earlier one."""
    if tag is not None and tag > session.tag:
        return Answered(session, 400, {'code': 'session.tag-too-high'})
    body = {'result': 'success', 'session_tag': session.tag}
    run = session.run
    if run is not None and tag in (None, session.tag):
        if run.tag == session.tag and run.part(job_id) == RUNNING:
            session = session._replace(run=settled(run.with_part(job_id, ('completed', result))))
    else:
        records = tuple(
            _ended_late(record, job_id, result) if record.tag == tag else record
            for record in session.records
        )
        session = session._replace(records=records)
    return Answered(session, 202, body)


def _ended_late(record: Run, job_id: str, result: str) -> Run:
    if record.part(job_id) != RUNNING:
        return record
    record = record.with_part(job_id, ('completed', result))
    return record._replace(result=_result(record))


def pass_window(session: Session, begun_by: str) -> Session:
    """The window is over of the run that a call began, if it is still the current one."""
    run = session.run
    if run is None or run.begun_by != begun_by or run.hold_off != SHORT_WINDOW:
        return session
    return session._replace(run=settled(run._replace(is_open=False)))


def left(session: Session, job_id: str) -> Session:
    """Without a member."""
    members = tuple(member for member in session.members if member != job_id)
    run = session.run
    if run is not None and run.part(job_id) is not None:
        run = settled(run.with_part(job_id, None))
    return session._replace(members=members, run=run)


def settled(run: Run) -> Run:
    """The run, completed if it waits for nobody any more."""
    if run.status != 'running':
        return run
    statuses = {part[0] for _, part in run.parts}
    waited_for = {'running', 'scheduled'} if run.is_open else {'running'}
    if statuses & waited_for:
        return run
    return run._replace(status='completed', result=_result(run))


def _result(run: Run) -> str:
    """Success, if there was somebody and all had success."""
    parts = {part for _, part in run.parts}
    return 'success' if parts == {('completed', 'success')} else 'fail'
