"""What the model shows of sessions, runs and jobs, as :mod:`.calls` reads it from answers."""

import typing

from tests.linearizable.states import Job, Run, Session

Shown = dict[str, typing.Any]


def show_session(session: Session) -> Shown:
    """A session as a caller sees it."""
    run = session.run
    return {
        'description': session.description,
        'hold_off': session.hold_off,
        'session_tag': session.tag,
        'schedule': session.schedule,
        'status': run.status if run else 'active',
        'result': run.result if run else '',
        'started': run is not None,
        'ended': run is not None and run.status == 'completed',
        'jobs': {
            member: _show_part(run.part(member) if run else None) for member in session.members
        },
    }


def _show_part(part: tuple[str, str] | None) -> Shown:
    status, result = part or ('scheduled', '')
    return {
        'status': status,
        'result': result,
        'started': status != 'scheduled',
        'ended': status == 'completed',
    }


def show_run(run: Run) -> Shown:
    """A run as a list of runs shows it."""
    return {
        'session_tag': run.tag,
        'status': run.status,
        'result': run.result,
        'started': True,
        'ended': run.status == 'completed',
        'jobs': {job_id: _show_part(part) for job_id, part in run.parts},
    }


def show_job(job: Job) -> Shown:
    """A job as a caller sees it."""
    return {
        'description': job.description,
        'session_id': job.session_id,
        'session_tag': job.tag,
        'schedule': job.schedule,
        'event': job.event,
        'status': job.status,
        'result': job.result,
    }
