"""The lines by which the log tells an operator what a write has removed, taken
over or set going.

Each function logs one line, at INFO, and is called when the storage has
returned: before that nobody knows whether the write took effect. A write that
changed nothing has no line. Who caused it is in the record already: oslo.log
adds the request id and the user of the request.

Ids are logged by ``%r``: those of users, and those that commands take, are any
text, and a line feed in one of them must not begin a line of its own.
``doc/source/log-messages.rst`` lists all of it; a test compares.
"""

import collections.abc
import logging
import typing

from freezer_api.domain.session_state import (
    COMPLETED,
    RUNNING,
    Record,
    Session,
)

LOG = logging.getLogger(__name__)
#: What a document is, as a line calls it.
Kind = typing.Literal['action', 'backup', 'client', 'job', 'session']
#: What a trust is made for: a job, or all jobs that have an action.
Holder = tuple[typing.Literal['job', 'the jobs of action'], str]
ClientChange = typing.Literal[
    'registered', 'made central', 'made plain', 'deleted'
]
#: How many ids one line names. A session or an action may have thousands of
#: jobs, and collectors cut or drop long lines.
MAX_IDS = 20


def document_deleted(kind: Kind, id: str, project_id: str) -> None:
    """Log that a document is gone, and nothing else has changed with it."""
    LOG.info('Deleted %s %r of project %r.', kind, id, project_id)


def session_deleted(session: Session) -> None:
    """Log that a session is gone, with its runs, and which jobs left it."""
    if not session.members:
        document_deleted('session', session.session_id, session.project_id)
        return
    LOG.info(
        'Deleted session %r of project %r; jobs that left it and were told to'
        ' stop: %s.',
        session.session_id,
        session.project_id,
        list_ids(session.members),
    )


def job_deleted(id: str, project_id: str, session_id: str) -> None:
    """Log that a job is gone; ``session_id`` is the session that it was in, ''
    if it was in none.
    """
    if not session_id:
        document_deleted('job', id, project_id)
        return
    LOG.info(
        'Deleted job %r of project %r; it left session %r.',
        id,
        project_id,
        session_id,
    )


def action_deleted(
    id: str, project_id: str, job_ids: collections.abc.Collection[str]
) -> None:
    """Log that an action is gone, and from which jobs it was removed."""
    if not job_ids:
        document_deleted('action', id, project_id)
        return
    LOG.info(
        'Deleted action %r of project %r; jobs that it was removed from: %s.',
        id,
        project_id,
        list_ids(job_ids),
    )


def project_purged(
    project_id: str, counts: collections.abc.Mapping[str, int]
) -> None:
    """Log how many documents of each kind a project had; they are gone."""
    if not any(counts.values()):
        return
    # Kinds of which there was nothing are named as well: so it is seen that
    # they were looked at.
    told = ', '.join(f'{count} {kind}' for kind, count in counts.items())
    LOG.info('Purged project %r: %s.', project_id, told)


def job_attached(job_id: str, session_id: str, project_id: str) -> None:
    """Log that a job is a member of a session now, and of no other one."""
    LOG.info(
        'Job %r of project %r joined session %r, and is in no other one.',
        job_id,
        project_id,
        session_id,
    )


def job_detached(job_id: str, session_id: str, project_id: str) -> None:
    """Log that a job is no member of a session any more."""
    LOG.info(
        'Job %r of project %r left session %r and was told to stop.',
        job_id,
        project_id,
        session_id,
    )


def run_changed(
    before: Session,
    after: Session,
    records: collections.abc.Iterable[Record],
    job_id: str,
) -> None:
    """Log what the report of a job has done to the runs of a session.

    ``records`` are those of earlier runs that the report has changed.
    """
    # The earlier run comes first, for it was over before the next one began.
    for record in records:
        _log_earlier_run(before, record, job_id)
    old, new = before.run, after.run
    if new is None:
        return
    place = new.tag, after.session_id, after.project_id
    if old is None or old.tag != new.tag:
        LOG.info(
            'Run %d of session %r of project %r began with job %r.',
            *place,
            job_id,
        )
    elif old.status == RUNNING and new.status == COMPLETED:
        LOG.info(
            'Run %d of session %r of project %r is over: %s.',
            *place,
            new.result,
        )
    # A job that joins a run which is over opens it again: then a second line
    # will say that it is over.
    elif old.status == COMPLETED and new.status == RUNNING:
        LOG.info(
            'Run %d of session %r of project %r goes on with job %r.',
            *place,
            job_id,
        )


def _log_earlier_run(session: Session, record: Record, job_id: str) -> None:
    """Log what has changed of a run that is not the session's latest one any
    more: the next run has begun, or a job ended late.
    """
    run = session.run
    place = record.tag, session.session_id, session.project_id
    if run is None or run.tag != record.tag:
        LOG.info(
            'Job %r ended late in run %d of session %r of project %r; the run'
            ' is over: %s.',
            job_id,
            *place,
            record.result,
        )
    # A run that was over before the next one began has had its line.
    elif run.status == RUNNING:
        LOG.info(
            'Run %d of session %r of project %r is over, because the next run'
            ' began: %s.',
            *place,
            record.result,
        )


def session_event_delivered(
    event: str, session: Session, job_ids: collections.abc.Collection[str]
) -> None:
    """Log which jobs of a session were told an event that was new to them."""
    # A session keeps no event. Where no job took it, nothing has changed.
    if job_ids:
        LOG.info(
            'Event %s of session %r of project %r was delivered to %d of its'
            ' jobs: %s.',
            event,
            session.session_id,
            session.project_id,
            len(job_ids),
            list_ids(job_ids),
        )


def job_event_delivered(event: str, job_id: str, project_id: str) -> None:
    """Log that a job was told an event that was new to it."""
    LOG.info(
        'Event %s was delivered to job %r of project %r.',
        event,
        job_id,
        project_id,
    )


def client_jobs_moved(
    client_id: str, project_id: str, change: ClientChange, count: int
) -> None:
    """Log how many jobs another client of the same id executes from now on,
    because a client came, went, or became central or plain.
    """
    # Counted and not named: they may be jobs of every project.
    if count:
        LOG.info(
            'Client %r of project %r was %s; jobs that moved to it or away'
            ' from it: %d.',
            client_id,
            project_id,
            change,
            count,
        )


def backups_pruned(job_id: str, project_id: str, count: int) -> None:
    """Log how many backups a job has removed; they are marked as deleted."""
    if count:
        LOG.info(
            'Job %r of project %r pruned its storage; backups that are marked'
            ' as deleted now: %d.',
            job_id,
            project_id,
            count,
        )


def trust_made(
    trust_id: str, user_id: str, project_id: str, holder: Holder
) -> None:
    """Log that Keystone has a new trust of a user, and what it is for."""
    LOG.info(
        'Made trust %r of user %r for %s %r of project %r.',
        trust_id,
        user_id,
        *holder,
        project_id,
    )


def trust_reused(
    trust_id: str, user_id: str, project_id: str, holder: Holder
) -> None:
    """Log that a trust which other jobs have, or had, is given to more."""
    LOG.info(
        'Reused trust %r of user %r for %s %r of project %r.',
        trust_id,
        user_id,
        *holder,
        project_id,
    )


def trust_ended(trust_id: str, user_id: str, project_id: str) -> None:
    """Log that a trust is gone from Keystone, because no job has it."""
    LOG.info(
        'Ended trust %r of user %r; no job of project %r has it any more.',
        trust_id,
        user_id,
        project_id,
    )


def list_ids(ids: collections.abc.Collection[str]) -> str:
    """Return ids as a line names them: sorted, quoted and escaped, no more
    than :data:`MAX_IDS` of them.
    """
    named = [repr(id) for id in sorted(ids)[:MAX_IDS]]
    if len(ids) > MAX_IDS:
        named.append(f'and {len(ids) - MAX_IDS} more')
    return ', '.join(named)
