"""Sessions of the published service, as ours: their members, and the one run
that their rows know of.
"""

import collections.abc
import dataclasses
import typing

from freezer_api.domain import documents, run_state
from freezer_api.domain.documents import SESSIONS, Body
from freezer_api.domain.session_state import (
    COMPLETED,
    DEFAULT_HOLD_OFF,
    FAIL,
    MAX_TAG,
    NO_RESULT,
    RESULTS,
    RUNNING,
    SCHEDULED,
    Member,
    MemberStatus,
    Result,
    ResultOrNone,
    Run,
    Session,
)
from freezer_api.importing import checks, values
from freezer_api.importing.notes import Notes
from freezer_api.importing.values import Row


class Link(typing.NamedTuple):
    """What a live job says of itself: where it is, and which session it is
    in.
    """

    project_id: str
    session_id: str
    client_id: str


#: Live jobs by the ids that the published service has.
Links = collections.abc.Mapping[str, Link]


def listed(row: Row) -> list[str]:
    """Return the ids of the jobs that a session's row lists."""
    unnoted = Notes(SESSIONS, '', row['id'])
    return list(
        values.parse_object(
            row['job'],
            'job',
            unnoted,
        )
    )


def convert(row: Row, links: Links, now: int, notes: Notes) -> Session:
    """Return the session that a row stands for, at the timestamp ``now``.

    ``links`` has the jobs that the row lists, as far as they live, and those
    that name the session.
    """
    id = values.note_id(documents.SESSIONS, row['id'], notes)
    schedule = values.parse_object(
        row['schedule'],
        'schedule',
        notes,
    )
    # Agents take a null for a value.
    plain = {
        key: value for key, value in schedule.items() if value is not None
    }
    tag = values.to_integer(row['session_tag'], 0)
    if not 0 <= tag <= MAX_TAG:
        notes.add('tag-repaired', f'session_tag {tag} becomes 0')
        tag = 0
    session = Session(
        project_id=row['project_id'],
        session_id=id,
        user_id=values.to_text(row['user_id']),
        description=values.to_text(row['description']),
        tag=tag,
        hold_off=values.to_integer(row['hold_off'], DEFAULT_HOLD_OFF),
        schedule=plain,
        created=values.to_microseconds(row['created_at']),
    )
    entries = _member_entries(row, links, notes)
    session = _with_run(session, row, entries, notes)
    checks.note_refused(SESSIONS, session.body(), notes)
    # What waits for time alone is over by now, or will be once it is read.
    lapsed = run_state.lapse(session, now)
    return dataclasses.replace(lapsed, version=1)


# Members


def _member_entries(row: Row, links: Links, notes: Notes) -> dict[str, Body]:
    """Return the entries of a session's members, each with its ``client_id``,
    by the ids that jobs have here.
    """
    stored = values.parse_object(
        row['job'],
        'job',
        notes,
    )
    entries: dict[str, Body] = {}
    for job_id, entry in stored.items():
        link = links.get(job_id)
        if link is None or link.project_id != row['project_id']:
            notes.add('member-gone', f'job {job_id}')
            continue
        if link.session_id != row['id']:
            other = link.session_id or 'none'
            notes.add('member-elsewhere', f'job {job_id} is in {other}')
            continue
        # The job says which client it is on; the entry may be older.
        known = entry if isinstance(entry, dict) else {}
        client_id = values.convert_id(link.client_id)
        entries[values.convert_id(job_id)] = {**known, 'client_id': client_id}
    for job_id, link in sorted(links.items()):
        if link.session_id != row['id'] or job_id in stored:
            continue
        # Attaching it has lost against another write to the list.
        if link.project_id != row['project_id']:
            continue
        notes.add('member-added', f'job {job_id}')
        client_id = values.convert_id(link.client_id)
        entries[values.convert_id(job_id)] = {'client_id': client_id}
    return entries


def _without_run(entry: Body) -> Member:
    return Member(entry['client_id'])


def _in_run(entry: Body, run: Run, is_over: bool) -> Member:
    """Return a member as the current run has it.

    A start resets no entry, so an entry may be one of the run before: what
    completed before this run began has not taken part in it, unless nothing
    else is known of this run (``is_over``).
    """
    status = _member_status(entry)
    begun = run.started // documents.SECOND
    started = values.to_integer(entry.get('time_started'), -1)
    ended = values.to_integer(entry.get('time_ended'), -1)
    if status == RUNNING:
        if started < 0:
            started = begun
        return Member(
            entry['client_id'],
            status=RUNNING,
            time_started=started,
            counted=True,
        )
    if status == COMPLETED and (is_over or ended >= begun):
        return Member(
            entry['client_id'],
            status=COMPLETED,
            result=_result(entry.get('result')),
            time_started=started,
            time_ended=ended,
            counted=True,
        )
    # A run in progress waits for it; one that is over has ended without it.
    is_counted = not is_over and 'status' in entry
    return Member(entry['client_id'], counted=is_counted)


def _member_status(entry: Body) -> MemberStatus:
    """Return what a member does: an entry has any status of a job's."""
    status = entry.get('status')
    if status in (RUNNING, COMPLETED):
        return typing.cast(MemberStatus, status)
    return SCHEDULED


def _result(value: typing.Any) -> ResultOrNone:
    if value in RESULTS:
        return typing.cast(Result, value)
    return NO_RESULT


# The run


def _with_run(
    session: Session, row: Row, entries: dict[str, Body], notes: Notes
) -> Session:
    """Return the session with its members, and with the run that its row knows
    of.
    """
    status = row['status']
    started = values.to_integer(row['time_start'], -1)
    if session.tag < 1 or started < 1:
        if status in (RUNNING, COMPLETED):
            notes.add('run-unknown', f'its status was {status}')
        # What entries say is of no run that anybody knows.
        members = {id: _without_run(entry) for id, entry in entries.items()}
        return dataclasses.replace(session, members=members)

    run = Run(
        session.tag,
        session.hold_off,
        started * documents.SECOND,
    )
    statuses = {_member_status(entry) for entry in entries.values()}
    # The end of the last member may be lost, or the last member itself.
    is_ended = statuses <= {COMPLETED}
    is_over = status == COMPLETED or is_ended
    members = {
        id: _in_run(
            entry,
            run,
            is_over,
        )
        for id, entry in entries.items()
    }
    if is_over:
        if status != COMPLETED:
            notes.add('run-settled', f'its status was {status}')
        run = _completed(run, row, members)
    return dataclasses.replace(session, run=run, members=members)


def _completed(
    run: Run, row: Row, members: collections.abc.Mapping[str, Member]
) -> Run:
    """Return a run that is over, with the result that its row has if the
    published service completed it.
    """
    last = max((member.time_ended for member in members.values()), default=-1)
    result: Result
    if row['status'] == COMPLETED:
        end = values.to_integer(row['time_end'], -1)
        known = _result(row['result'])
        result = FAIL if known == NO_RESULT else known
    else:
        end = -1
        result = run_state.result_of(
            member.result for member in members.values()
        )
    # A start keeps the end of the run before.
    if end * documents.SECOND < run.started:
        end = last
    return run_state.completed(
        run,
        result,
        end * documents.SECOND,
    )
