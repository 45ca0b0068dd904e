"""A job's ``job_schedule``: when it runs (``schedule_*``), and what is asked
of it and known about it (runtime keys).

Agents poll jobs and compare what they poll: nothing here changes by itself,
and what an agent needs is always there.
"""

from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.domain.membership import SCHEDULE

START, STOP, ABORT = COMMANDS = ('start', 'stop', 'abort')
EVENTS = ('', *COMMANDS, 'remove')
STATUSES = (
    '',
    'stop',
    'scheduled',
    'running',
    'completed',
    'aborting',
    'removed',
)
RESULTS = ('', 'success', 'fail', 'aborted')
TIMES = ('time_created', 'time_started', 'time_ended')
#: Keys that agents and callers may change beside the schedule itself;
#: ``time_created`` is ours.
RUNTIME = frozenset(
    ('event', 'status', 'result', 'time_started', 'time_ended', 'current_pid')
)
#: The statuses that show that a stop or an abort has been obeyed.
OBEYED = frozenset(('stop', 'completed', 'removed'))
#: The statuses that show that a command has arrived: what ran before a start
#: may still complete.
CLEARING = {
    STOP: OBEYED,
    ABORT: OBEYED,
    START: frozenset(('running', 'scheduled', 'stop', 'removed')),
}
NO_PID = -1
#: Bytes of JSON that a caller's schedule may have, and that a job's can, with
#: its runtime keys.
MAX_SIZE, ROOM = 3584, 4096


def created(given: Body, now: int) -> Body:
    """The schedule of a job made at ``now`` (microseconds): event and status
    as given, times and result fresh.
    """
    return {
        **timing(given),
        'event': given.get('event', ''),
        'status': given.get('status', ''),
        'result': '',
        'time_created': now // documents.SECOND,
        'time_started': -1,
        'time_ended': -1,
    }


def timing(schedule: Body) -> Body:
    """The part of a schedule that tells when the job runs."""
    return {
        key: value
        for key, value in schedule.items()
        if key.startswith(SCHEDULE)
    }


def runtime(schedule: Body) -> Body:
    """The rest of it: what is asked of the job and known about it."""
    return {
        key: value
        for key, value in schedule.items()
        if not key.startswith(SCHEDULE)
    }


def patched(stored: Body, given: Body, fixed: bool) -> Body:
    """A stored schedule after a PATCH: runtime keys merge, the timing is
    replaced as a group.

    The timing is meant where the PATCH has any of its keys, or nothing at all.
    ``fixed``: a session sets it.
    """
    replaces = not fixed and (timing(given) or not given)
    told = {key: value for key, value in given.items() if key in RUNTIME}
    if stored['event'] == ABORT and told.get('current_pid') == NO_PID:
        # Who isn't shown the pid of an aborted job sends back the one that
        # stands for none.
        told = _without_pid(told)
    merged = {
        **timing(given if replaces else stored),
        **runtime(stored),
        **_obeying(stored, told),
    }
    # Agents and forms send back the pid that an abort without one is shown
    # with.
    return (
        merged if merged.get('current_pid') != NO_PID else _without_pid(merged)
    )


def commanded(stored: Body, command: str) -> tuple[Body, bool]:
    """A schedule with one of :data:`COMMANDS` as its event, and whether that
    is news; a start clears what was before.
    """
    if stored['event'] == command:
        return stored, False
    fresh = {'status': '', 'result': ''} if command == START else {}
    return {**stored, **fresh, 'event': command}, True


def shown(stored: Body, with_pid: bool = True) -> Body:
    """A schedule as callers see it; an agent that is told to abort looks for a
    pid, so there is one, if only -1.
    """
    seen = stored if with_pid else _without_pid(stored)
    return (
        {**seen, 'current_pid': seen.get('current_pid', NO_PID)}
        if stored['event'] == ABORT
        else seen
    )


def _obeying(stored: Body, told: Body) -> Body:
    """The runtime keys to merge: a pending command stays until a status shows
    that it has arrived.

    Where a run completes that began before a start, the status stays as the
    start left it: the agent's poll leaves completed jobs out.
    """
    event = stored['event']
    if 'status' not in told or told['status'] in CLEARING.get(event, STATUSES):
        return told
    late = event == START and told['status'] == 'completed'
    return {
        **told,
        'status': stored['status'] if late else told['status'],
        'event': event,
    }


def _without_pid(schedule: Body) -> Body:
    return {
        key: value for key, value in schedule.items() if key != 'current_pid'
    }
