"""Jobs of the published service, as ours."""

import collections.abc
import typing

from freezer_api.domain import documents, jobs, membership, schedules
from freezer_api.domain.documents import JOBS, Body, Document
from freezer_api.domain.session_state import SCHEDULED, Session
from freezer_api.importing import checks, values
from freezer_api.importing.notes import Notes
from freezer_api.importing.values import Row


class Surroundings(typing.NamedTuple):
    """What a job belongs to: its entries, its session and its client, as they
    are imported, and the trust that it has (None: none of these).
    """

    entries: list[Body]
    session: Session | None
    client: Document | None
    credentials: Body | None


def entries_of(
    row: Row, linked: collections.abc.Sequence[Row], notes: Notes
) -> list[Body]:
    """Return the entries of a job as its row has them, up to 4f8c679a1d3b;
    later as references to actions, from the ``linked`` rows of
    ``job_actions``.
    """
    if 'job_actions' not in row:
        ordered = sorted(linked, key=_position)
        return [{'action_id': link['action_id']} for link in ordered]
    stored = values.parse_json(
        row['job_actions'],
        'job_actions',
        notes,
    )
    if not isinstance(stored, list):
        return []
    # Nobody can tell what anything else stood for.
    return [entry for entry in stored if isinstance(entry, dict)]


def convert(row: Row, around: Surroundings, notes: Notes) -> Document:
    """Return the job that a row stands for."""
    id = values.note_id(documents.JOBS, row['id'], notes)
    created = values.to_microseconds(row['created_at'])
    body = _body(row, id, created, notes)
    body['job_actions'] = around.entries
    if around.session is not None:
        body = _as_member(body, row, around.session, notes)
    elif row['session_id']:
        # A member's schedule is its session's, so its own may be empty.
        notes.add('session-gone', f'session {row["session_id"]}')
        _stop_without_timing(body['job_schedule'])
    if around.client is None:
        notes.add('client-gone', f'client {row["client_id"]}')
    else:
        body = jobs.on_client(body, around.client)
    # Credentials come last: callers can't send them.
    checks.note_refused(JOBS, body, notes)
    body = jobs.with_credentials(body, around.credentials)
    return documents.Document(
        JOBS,
        row['project_id'],
        id,
        1,
        created,
        body,
    )


def _body(row: Row, id: str, created: int, notes: Notes) -> Body:
    """Return what a row says of a job itself, as of one of no session and
    without actions.
    """
    schedule = values.parse_object(
        row['schedule'],
        'schedule',
        notes,
    )
    return {
        'job_id': id,
        'project_id': row['project_id'],
        'user_id': values.to_text(row['user_id']),
        'client_id': values.convert_id(row['client_id']),
        'description': values.to_text(row['description']),
        'job_schedule': _schedule(schedule, created),
        'job_actions': [],
        'session_id': '',
        'session_tag': 0,
    }


def free(job: Document) -> Document:
    """Return a member's job as one of no session that keeps its schedule,
    until it can be attached.
    """
    body = {**job.body, 'session_id': '', 'session_tag': 0}
    return Document(
        JOBS,
        job.project_id,
        job.id,
        1,
        job.created,
        body,
    )


def _position(link: Row) -> tuple[int, str]:
    return values.to_integer(link['position'], 0), link['id']


def _schedule(stored: Body, created: int) -> Body:
    """Return a schedule with the runtime keys that it lacks."""
    schedule = {
        **schedules.timing(stored),
        'event': '',
        'status': '',
        'result': '',
        'time_created': created // documents.SECOND,
        'time_started': -1,
        'time_ended': -1,
    }
    # What agents have reported, where it has the type that it is to have.
    for key in (*schedules.TIMES, 'current_pid'):
        value = stored.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            schedule[key] = value
    for key in ('event', 'status', 'result'):
        if isinstance(stored.get(key), str):
            schedule[key] = stored[key]
    return {key: value for key, value in schedule.items() if value is not None}


def _stop_without_timing(schedule: Body) -> None:
    """Tell a job to stop that agents would run at once, because nothing says
    when.
    """
    has_run = schedule['status'] in ('running', 'completed')
    if schedules.timing(schedule) or schedule['event'] or has_run:
        return
    schedule['event'] = schedules.STOP


def _as_member(body: Body, row: Row, session: Session, notes: Notes) -> Body:
    """Return the job as a member of its session, with the session's
    schedule.
    """
    scheduled = membership.scheduled_by(body, session.schedule)
    if schedules.timing(scheduled['job_schedule']) != schedules.timing(
        body['job_schedule']
    ):
        notes.add('schedule-of-session', f'session {row["session_id"]}')
    tag = max(0, values.to_integer(row['session_tag'], 0))
    member = session.members[body['job_id']]
    if member.counted and member.status != SCHEDULED:
        # The published service left the tag of a started run to the agent; in
        # a job's document it may be missing for ever.
        tag = session.tag
    if tag > session.tag:
        notes.add('tag-repaired', f'session_tag {tag} becomes {session.tag}')
        tag = session.tag
    return {
        **scheduled,
        'session_id': session.session_id,
        'session_tag': tag,
    }
