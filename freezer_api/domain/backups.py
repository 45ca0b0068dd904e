"""A backup: what an agent says it has stored, under ``backup_metadata``, and
which run of a session it belongs to.
"""

import typing

from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.domain.sessions import MAX_TAG, Record

CREATING, AVAILABLE, ERROR, DELETING, DELETED = STATUSES = (
    'creating',
    'available',
    'error',
    'deleting',
    'deleted',
)
#: Of a backup in one of these it needn't be known where it is.
UNFINISHED = frozenset((CREATING, ERROR, DELETING))
#: Moments are signed 64-bit integers; what lies farther off is at the end.
_FARTHEST = 2**63 - 1


def created(
    id: str, project_id: str, user_id: str, given: Body, now: int
) -> Body:
    """A new backup's document, of validated ``status`` and
    ``backup_metadata``; of ``now`` (microseconds) if they name no time.
    """
    metadata = {**given['backup_metadata']}
    metadata.setdefault('time_stamp', now // documents.SECOND)
    return {
        'backup_id': id,
        'project_id': project_id,
        'user_id': user_id,
        'status': given['status'],
        'backup_metadata': metadata,
    }


def patched(body: Body, given: Body) -> Body:
    """A backup's document with validated metadata merged into its own, and the
    ``status`` if one is given.
    """
    metadata = {**body['backup_metadata'], **given['backup_metadata']}
    return {
        **body,
        'status': given.get('status', body['status']),
        'backup_metadata': metadata,
    }


def moment(value: typing.Any) -> int | None:
    """A ``time_stamp`` (seconds since the epoch) in microseconds; None for
    what is no number. What 64 bits can't hold is alike.

    Of two numbers the lesser one is never the later.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    near = max(-_FARTHEST, min(_FARTHEST, value))
    # Apart, for a product of a great float would be rounded across the one of
    # an integer that is not.
    exact = int(near) * documents.SECOND + round(
        (near - int(near)) * documents.SECOND
    )
    return max(-_FARTHEST, min(_FARTHEST, exact))


def time_of(body: Body) -> int | None:
    """When a backup was made, in microseconds, as its metadata say."""
    return moment(body['backup_metadata'].get('time_stamp'))


def job_of(body: Body) -> str | None:
    """The job that made a backup, as its metadata say."""
    job_id = body['backup_metadata'].get('job_id')
    return job_id if isinstance(job_id, str) else None


def run_of(body: Body) -> tuple[str, int] | None:
    """The session and the tag that a backup's metadata name."""
    session_id, tag = (
        body['backup_metadata'].get(key)
        for key in ('session_id', 'session_tag')
    )
    if (
        not isinstance(session_id, str)
        or isinstance(tag, bool)
        or not isinstance(tag, (int, float))
    ):
        return None
    # No run has another tag, and an integer made of a great float fits into no
    # answer.
    if not 0 <= tag <= MAX_TAG or tag != int(tag):
        return None
    return session_id, int(tag)


def spans(record: Record) -> dict[str, tuple[int, int]]:
    """For each job that took part in a run, the first and the last moment of
    its time in it, in microseconds.
    """
    return {
        job_id: _span(entry, record.time_end)
        for job_id, entry in record.jobs.items()
        if entry['time_started'] >= 0
    }


def belongs(
    backup: documents.Document, session_id: str, record: Record
) -> bool:
    """Whether a backup belongs to a run: it was made by one of its jobs in
    that job's time, or names session and tag.

    By the clock of the agent's machine, as its metadata say, or by ours: an
    agent posts a backup before it reports its end.
    """
    if run_of(backup.body) == (session_id, record.tag):
        return True
    span = spans(record).get(job_of(backup.body) or '')
    moments = (time_of(backup.body), backup.created)
    return span is not None and any(
        at is not None and span[0] <= at <= span[1] for at in moments
    )


def _span(entry: Body, over: int) -> tuple[int, int]:
    """A member's time as its entry shows it, in seconds; the last one counts
    to its end. One still running has no end yet.

    Unless the run is ``over``, for the next one has begun: until its end is
    told, what it makes since isn't taken for this run's.
    """
    ended = entry['time_ended'] if entry['time_ended'] >= 0 else over
    return entry['time_started'] * documents.SECOND, (
        _FARTHEST if ended < 0 else (ended + 1) * documents.SECOND - 1
    )
