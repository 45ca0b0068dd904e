"""What each operation does in one project, and what it answers: a model of the service, written
from the API reference and the manual.

The statuses of jobs and the versions of documents are in the model too. Not in it are times (they
are set or not), actions, and texts of errors.
"""

import collections.abc
import typing

from tests.linearizable import runs
from tests.linearizable.history import Answer, Asked
from tests.linearizable.shown import show_job, show_run, show_session
from tests.linearizable.states import Job, Project, Session, State

MISSING: Answer = {'status': 404}
STALE: Answer = {'status': 412}
UNCHANGED: Answer = {'status': 304}
DONE: Answer = {'status': 204}
NOT_ARGUMENTS = ('name', 'if_match', 'if_none_match')


def step(state: State, asked: Asked, answer: Answer | None) -> State | None:
    """Return the state after a call, None if the answer is another one than it should be; see
    :data:`tests.linearizable.judge.Step`.
    """
    project = Project(state)
    expected = _answer(project, asked)
    project.count_versions()
    if answer is None:
        return project.state()
    if expected != {key: value for key, value in answer.items() if key != 'versions'}:
        return None
    for name, (version, etag) in answer.get('versions', {}).items():
        if not show(project, name, version, etag):
            return None
    return project.state()


def is_free(state: State, asked: Asked, answer: Answer) -> bool:
    """Tell of a call that fits whether it only reads, and what it shows can't come again.

    A document may come to look as it did, but not with a version that it had. So it is not free
    if it shows a version that the model isn't sure of: there may be a later moment for it.
    """
    if asked['name'] not in READS:
        return False
    documents: dict = {
        **{f'sessions/{id}': session for id, session in state.sessions},
        **{f'jobs/{id}': job for id, job in state.jobs},
    }
    for name, (version, _) in answer.get('versions', {}).items():
        seen = documents[name].seen if name in documents else None
        if seen is None or not seen.exact or seen.version != version:
            return False
    return True


def expected(state: State, asked: Asked) -> Answer:
    """What the answer should be, without versions."""
    return _answer(Project(state), asked)


def _answer(project: Project, asked: Asked) -> Answer:
    arguments = {key: value for key, value in asked.items() if key not in NOT_ARGUMENTS}
    if 'if_match' in asked and not _matches(project, asked, asked['if_match']):
        is_attach_of_nothing = asked['name'] == 'attach' and asked['job'] not in project.jobs
        if is_attach_of_nothing and asked['session'] in project.sessions:
            # A precondition is of the session, and counts only if all else is there.
            return MISSING
        return STALE
    if 'if_none_match' in asked and _matches(project, asked, asked['if_none_match']):
        return UNCHANGED
    return OPERATIONS[asked['name']](project, **arguments)


def _matches(project: Project, asked: Asked, etag: str) -> bool:
    """Whether the document is in the state that a caller has been shown, by its ETag.

    Whoever knows an ETag was told it before, so the model has it unless the document has changed.
    """
    documents: dict = project.jobs if 'session' not in asked else project.sessions
    found = documents.get(asked['job'] if 'session' not in asked else asked['session'])
    return found is not None and found.seen.etag == etag


def show(project: Project, name: str, version: int, etag: str | None) -> bool:
    """Note the version that was told of a document; False if it can't have that one."""
    kind, _, id = name.partition('/')
    documents: dict = {'sessions': project.sessions, 'jobs': project.jobs}[kind]
    seen = documents[id].seen.shown(version, etag)
    if seen is not None:
        documents[id] = documents[id]._replace(seen=seen)
    return seen is not None


# Sessions


def put_session(
    project: Project, session: str, description: str, hold_off: int, schedule: str
) -> Answer:
    """Create or replace."""
    before = project.sessions.get(session)
    if before is None:
        made = Session(description, hold_off, schedule, tag=0)
    else:
        made = before._replace(description=description, hold_off=hold_off, schedule=schedule)
    project.sessions[session] = made
    _give_schedule(project, made)
    return {'status': 201}


def patch_session(
    project: Project,
    session: str,
    session_tag: int | None = None,
    event: str = '',
    **changes: typing.Any,
) -> Answer:
    """Change some keys; a tag that is raised, a schedule and an event reach the members."""
    found = project.sessions.get(session)
    if found is None:
        return MISSING
    if session_tag is not None and session_tag > found.tag:
        if found.run and found.run.status == 'running':
            return {'status': 409}
        found = found._replace(tag=session_tag)
        for member in found.members:
            project.jobs[member] = project.jobs[member]._replace(tag=session_tag)
    found = found._replace(**changes)
    project.sessions[session] = found
    if 'schedule' in changes:
        _give_schedule(project, found)
    if event:
        _give_event(project, found, event)
    return {'status': 200}


def _give_schedule(project: Project, session: Session) -> None:
    for member in session.members:
        project.jobs[member] = project.jobs[member]._replace(schedule=session.schedule)


def _give_event(project: Project, session: Session, event: str) -> None:
    for member in session.members:
        job = _told(project.jobs[member], event)
        if event == 'start':
            # So that nobody is behind.
            job = job._replace(tag=session.tag)
        project.jobs[member] = job


def delete_session(project: Project, session: str) -> Answer:
    """All members leave."""
    found = project.sessions.pop(session, None)
    for member in found.members if found else ():
        _release(project, member)
    return DONE


def get_session(project: Project, session: str) -> Answer:
    """Show one."""
    found = project.sessions.get(session)
    return MISSING if found is None else {'status': 200, 'body': show_session(found)}


def list_sessions(project: Project, status: str = '') -> Answer:
    """Show all, or those that have a status."""
    shown = {id: show_session(session) for id, session in project.sessions.items()}
    if status:
        shown = {id: session for id, session in shown.items() if session['status'] == status}
    return {'status': 200, 'body': shown}


def list_runs(project: Project, session: str) -> Answer:
    """Show the runs of a session, the newest first."""
    found = project.sessions.get(session)
    if found is None:
        return MISSING
    current = (found.run,) if found.run else ()
    return {'status': 200, 'body': [show_run(run) for run in (*current, *found.records)]}


def get_run(project: Project, session: str, tag: int) -> Answer:
    """Show one run."""
    found = project.sessions.get(session)
    if found is None:
        return MISSING
    current = (found.run,) if found.run else ()
    for run in (*current, *found.records):
        if run.tag == tag:
            return {'status': 200, 'body': show_run(run)}
    return MISSING


# Members


def attach(project: Project, session: str, job: str) -> Answer:
    """Make a job a member; it leaves the session that it was in."""
    found, member = project.sessions.get(session), project.jobs.get(job)
    if found is None or member is None:
        return MISSING
    if member.session_id == session:
        return DONE
    _leave(project, job)
    members = tuple(sorted((*found.members, job)))
    project.sessions[session] = found._replace(members=members)
    moved = member._replace(session_id=session, tag=found.tag, schedule=found.schedule)
    project.jobs[job] = moved
    return DONE


def detach(project: Project, session: str, job: str) -> Answer:
    """Take a job out."""
    member = project.jobs.get(job)
    if member is not None and member.session_id == session:
        _leave(project, job)
        _release(project, job)
    return DONE


def _leave(project: Project, job: str) -> None:
    session_id = project.jobs[job].session_id
    if session_id:
        project.sessions[session_id] = runs.left(project.sessions[session_id], job)


def _release(project: Project, job: str) -> None:
    """A job that has left loses what it had from its session, and is told to stop."""
    member = project.jobs[job]
    project.jobs[job] = member._replace(session_id='', tag=0, schedule='', event='stop')


def start(project: Project, session: str, job: str, tag: int, id: str) -> Answer:
    """A member is about to run."""
    found = project.sessions.get(session)
    if found is None:
        return MISSING
    answered = runs.start(found, job, tag, id)
    project.sessions[session] = answered.session
    if answered.tells_job:
        project.jobs[job] = project.jobs[job]._replace(tag=answered.session.tag)
    return {'status': answered.status, 'body': answered.body}


def end(project: Project, session: str, job: str, tag: int | None, result: str) -> Answer:
    """A member has ended."""
    found = project.sessions.get(session)
    if found is None:
        return MISSING
    answered = runs.end(found, job, tag, result)
    project.sessions[session] = answered.session
    return {'status': answered.status, 'body': answered.body}


def tell_tag(project: Project, session: str, job: str, tag: int) -> Answer:
    """A member that is out of sync is told the tag of its session: a part of what :func:`start`
    does, which nobody asks for by itself.
    """
    found = project.sessions.get(session)
    if found is not None and job in found.members and found.tag == tag:
        project.jobs[job] = project.jobs[job]._replace(tag=tag)
    return {}


def pass_window(project: Project, begun_by: str) -> Answer:
    """The window of a run is over: nobody asks for that, it happens."""
    for id, session in project.sessions.items():
        project.sessions[id] = runs.pass_window(session, begun_by)
    return {}


# Jobs


def create_job(project: Project, job: str, description: str) -> Answer:
    """Create one under an id that is free."""
    if job in project.jobs:
        return {'status': 409}
    project.jobs[job] = Job(description)
    return {'status': 201}


def put_job(project: Project, job: str, description: str) -> Answer:
    """Create or replace; a member stays one."""
    before = project.jobs.get(job, Job(description))
    project.jobs[job] = before._replace(description=description, event='', status='', result='')
    return {'status': 201}


def patch_job(project: Project, job: str, description: str) -> Answer:
    """Change what doesn't matter to anybody."""
    found = project.jobs.get(job)
    if found is None:
        return MISSING
    project.jobs[job] = found._replace(description=description)
    return {'status': 200}


def report(project: Project, job: str, status: str, result: str) -> Answer:
    """An agent tells how it goes, and knows of no event."""
    found = project.jobs.get(job)
    if found is None:
        return MISSING
    ends = {
        '': (status,),
        'start': ('running', 'scheduled', 'stop', 'removed'),
        'stop': ('stop', 'completed', 'removed'),
        'abort': ('stop', 'completed', 'removed'),
    }
    event = '' if status in ends[found.event] else found.event
    if found.event == 'start' and status == 'completed':
        # Of a run that began before the start was asked for.
        status = found.status
    project.jobs[job] = found._replace(event=event, status=status, result=result)
    return {'status': 200}


def tell(project: Project, job: str, event: str) -> Answer:
    """Have the agent of a job start, stop or abort it."""
    found = project.jobs.get(job)
    if found is None:
        return MISSING
    result = f'{event} already requested' if found.event == event else 'success'
    project.jobs[job] = _told(found, event)
    return {'status': 202, 'body': {'result': result}}


def _told(job: Job, event: str) -> Job:
    if job.event == event:
        return job
    job = job._replace(event=event)
    return job._replace(status='', result='') if event == 'start' else job


def delete_job(project: Project, job: str) -> Answer:
    """It leaves its session."""
    if job in project.jobs:
        _leave(project, job)
        del project.jobs[job]
    return DONE


def get_job(project: Project, job: str) -> Answer:
    """Show one."""
    found = project.jobs.get(job)
    return MISSING if found is None else {'status': 200, 'body': show_job(found)}


def list_jobs(
    project: Project,
    session_id: str | None = None,
    description: str | None = None,
    is_poll: bool = False,
) -> Answer:
    """Show all, or the members of a session, or those with a description, or what agents ask
    for: those that aren't completed.
    """
    shown = {id: show_job(job) for id, job in project.jobs.items()}
    body = {
        id: job
        for id, job in shown.items()
        if session_id in (None, job['session_id'])
        and description in (None, job['description'])
        and not (is_poll and job['status'] == 'completed')
    }
    return {'status': 200, 'body': body}


OPERATIONS: dict[str, collections.abc.Callable[..., Answer]] = {
    operation.__name__: operation
    for operation in (
        put_session,
        patch_session,
        delete_session,
        get_session,
        list_sessions,
        list_runs,
        get_run,
        attach,
        detach,
        start,
        end,
        tell_tag,
        pass_window,
        create_job,
        put_job,
        patch_job,
        report,
        tell,
        delete_job,
        get_job,
        list_jobs,
    )
}
READS = ('get_session', 'list_sessions', 'list_runs', 'get_run', 'get_job', 'list_jobs')
