"""A backup: what an agent says it has stored, under ``backup_metadata``, and
which run of a session it belongs to.
"""

import typing

from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.domain.session_state import MAX_TAG, MemberEntry, Record

Status = typing.Literal[
    'creating', 'available', 'error', 'deleting', 'deleted'
]
CREATING: typing.Final = 'creating'
AVAILABLE: typing.Final = 'available'
ERROR: typing.Final = 'error'
DELETING: typing.Final = 'deleting'
DELETED: typing.Final = 'deleted'
STATUSES: tuple[Status, ...] = (
    CREATING,
    AVAILABLE,
    ERROR,
    DELETING,
    DELETED,
)
#: Statuses in which a backup's metadata needn't say where it is.
UNFINISHED: frozenset[Status] = frozenset((CREATING, ERROR, DELETING))
# Timestamps are stored as signed 64-bit integers.
_MAX_TIMESTAMP = 2**63 - 1


class RunKey(typing.NamedTuple):
    """A run of a session, as a backup's metadata name it."""

    session_id: str
    tag: int


class Span(typing.NamedTuple):
    """The first and the last timestamp of a time, in microseconds."""

    first: int
    last: int


def created(
    id: str, project_id: str, user_id: str, given: Body, now: int
) -> Body:
    """Return a new backup's document, from validated ``status`` and
    ``backup_metadata``.

    Its time is ``now`` (microseconds) if the metadata have none.
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
    """Return a backup's document with validated metadata merged into its own,
    and with the ``status`` if one is given.
    """
    metadata = {**body['backup_metadata'], **given['backup_metadata']}
    return {
        **body,
        'status': given.get('status', body['status']),
        'backup_metadata': metadata,
    }


def to_microseconds(value: typing.Any) -> int | None:
    """Return a ``time_stamp`` (seconds since the epoch) in microseconds; None
    for what is no number.

    What 64 bits can't hold becomes the greatest or least value that they can.
    Of two numbers the lesser one never becomes the greater.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    bounded = max(-_MAX_TIMESTAMP, min(_MAX_TIMESTAMP, value))
    # Seconds and fraction are converted apart. A float's product would be
    # rounded, and could overtake that of a greater integer, which isn't.
    seconds = int(bounded)
    fraction = bounded - seconds
    exact = seconds * documents.SECOND
    exact += round(fraction * documents.SECOND)
    return max(-_MAX_TIMESTAMP, min(_MAX_TIMESTAMP, exact))


def time_of(body: Body) -> int | None:
    """Return when a backup was made, as its metadata say, in microseconds;
    None if they have no number there.
    """
    return to_microseconds(body['backup_metadata'].get('time_stamp'))


def job_of(body: Body) -> str | None:
    """Return the id of the job that made a backup, as its metadata say."""
    job_id = body['backup_metadata'].get('job_id')
    return job_id if isinstance(job_id, str) else None


def run_of(body: Body) -> RunKey | None:
    """Return the run that a backup's metadata name; None if they name none
    that can be.
    """
    metadata = body['backup_metadata']
    session_id = metadata.get('session_id')
    tag = metadata.get('session_tag')
    if not isinstance(session_id, str):
        return None
    if isinstance(tag, bool) or not isinstance(tag, (int, float)):
        return None
    # The bounds come first: int() fails for infinity, and the integer of a
    # great float has more digits than JSON may have.
    if not 0 <= tag <= MAX_TAG or tag != int(tag):
        return None
    return RunKey(session_id, int(tag))


def spans(record: Record) -> dict[str, Span]:
    """Return the time that each job took part in a run, by the job's id;
    without the jobs that never started.
    """
    found: dict[str, Span] = {}
    for job_id, entry in record.jobs.items():
        if entry['time_started'] >= 0:
            found[job_id] = _span(entry, record.time_end)
    return found


def belongs(
    backup: documents.Document, session_id: str, record: Record
) -> bool:
    """Tell whether a backup belongs to a run: it names session and tag, or one
    of the run's jobs made it during that job's time in the run.

    When it was made is told by the agent's clock, in the metadata, or by ours:
    an agent posts a backup before it reports its end. One of them is enough.
    """
    if run_of(backup.body) == RunKey(session_id, record.tag):
        return True
    job_id = job_of(backup.body)
    if job_id is None:
        return False
    span = spans(record).get(job_id)
    if span is None:
        return False
    for timestamp in (time_of(backup.body), backup.created):
        if timestamp is not None and span.first <= timestamp <= span.last:
            return True
    return False


def _span(entry: MemberEntry, run_ended: int) -> Span:
    """Return the time of a member that has started, from its entry.

    The entry is in seconds, and the last second counts to its end. A member
    that is still running has no end yet, unless its run is over (``run_ended``
    is -1 until then) because the next one has begun: until such a member
    reports its end, what it makes from then on isn't this run's.
    """
    ended = entry['time_ended']
    if ended < 0:
        ended = run_ended
    last = _MAX_TIMESTAMP
    if ended >= 0:
        last = (ended + 1) * documents.SECOND - 1
    return Span(entry['time_started'] * documents.SECOND, last)
