"""A job's ``job_schedule``: when it runs (its timing, the ``schedule_*``
keys), and what is asked of it and known about it (its runtime keys).

Agents poll jobs and compare what they poll: nothing here changes by itself,
and what an agent needs is always there.
"""

import typing

from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.domain.membership import SCHEDULE

Command = typing.Literal['start', 'stop', 'abort']
START: typing.Final = 'start'
STOP: typing.Final = 'stop'
ABORT: typing.Final = 'abort'
COMMANDS: tuple[Command, ...] = (START, STOP, ABORT)
#: What a schedule's ``event`` can be: a command that the agent hasn't obeyed,
#: or none.
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
#: Runtime keys that agents and callers may change; only the service sets
#: ``time_created``.
RUNTIME = frozenset(
    ('event', 'status', 'result', 'time_started', 'time_ended', 'current_pid')
)
#: The statuses that show that a stop or an abort has been obeyed.
OBEYED = frozenset(('stop', 'completed', 'removed'))
#: The statuses that show that a command has arrived. A start isn't shown by
#: completed: that may be what ran before it.
CLEARING: dict[str, frozenset[str]] = {
    STOP: OBEYED,
    ABORT: OBEYED,
    START: frozenset(('running', 'scheduled', 'stop', 'removed')),
}
#: The pid that is shown where none is known.
NO_PID = -1
#: How many bytes of JSON a caller's schedule may have.
MAX_SIZE = 3584
#: How many bytes of JSON a job's schedule can have, with its runtime keys.
ROOM = 4096


class Commanded(typing.NamedTuple):
    """A job, or its schedule, after a command; ``changed`` is False if the
    command was pending already.
    """

    body: Body
    changed: bool


def created(given: Body, now: int) -> Body:
    """Return the schedule of a job that is created at ``now`` (microseconds):
    with the given event and status, and with new times and result.
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
    """Return the part of a schedule that says when the job runs."""
    return {
        key: value
        for key, value in schedule.items()
        if key.startswith(SCHEDULE)
    }


def runtime(schedule: Body) -> Body:
    """Return the part of a schedule that says what is asked of the job and
    known about it.
    """
    return {
        key: value
        for key, value in schedule.items()
        if not key.startswith(SCHEDULE)
    }


def patched(stored: Body, given: Body, fixed: bool) -> Body:
    """Return a stored schedule after a PATCH: runtime keys are merged, the
    timing is replaced as a group.

    It is replaced where the PATCH has any key of a timing, or none of those
    that change while the job runs, unless it is ``fixed`` because a session
    sets it.
    """
    new_timing = timing(given)
    is_report = not RUNTIME.isdisjoint(given)
    if fixed or (is_report and not new_timing):
        new_timing = timing(stored)
    reported: Body = {}
    for key, value in given.items():
        if key in RUNTIME:
            reported[key] = value
    is_aborting = stored['event'] == ABORT
    if is_aborting and reported.get('current_pid') == NO_PID:
        # A caller who isn't shown the pid of an aborted job sends back the
        # one that stands for none: it must not replace the real one.
        del reported['current_pid']
    new = {
        **new_timing,
        **runtime(stored),
        **_keep_pending_command(stored, reported),
    }
    # Agents and forms send back the pid that an abort without one is shown
    # with.
    if new.get('current_pid') == NO_PID:
        del new['current_pid']
    return new


def apply_command(stored: Body, command: str) -> Commanded:
    """Return a schedule with one of :data:`COMMANDS` as its event; a start
    clears status and result.
    """
    if stored['event'] == command:
        return Commanded(stored, changed=False)
    commanded = {**stored, 'event': command}
    if command == START:
        commanded['status'] = ''
        commanded['result'] = ''
    return Commanded(commanded, changed=True)


def shown(stored: Body, with_pid: bool = True) -> Body:
    """Return a schedule as callers see it.

    An agent that is told to abort fails without ``current_pid``: so there is
    one, if only -1.
    """
    if with_pid and stored['event'] != ABORT:
        return stored
    visible = dict(stored)
    if not with_pid:
        visible.pop('current_pid', None)
    if stored['event'] == ABORT:
        visible.setdefault('current_pid', NO_PID)
    return visible


def _keep_pending_command(stored: Body, reported: Body) -> Body:
    """Return the runtime keys to merge: a pending command stays until a status
    shows that it has arrived.

    So no command is lost to a report that didn't know of it.
    """
    event = stored['event']
    if 'status' not in reported:
        return reported
    status = reported['status']
    if status in CLEARING.get(event, STATUSES):
        return reported
    # A report has the event of the agent's copy, which may be older.
    kept = {**reported, 'event': event}
    if event == START and status == 'completed':
        # What ran before the start completes. The status stays as the start
        # left it: the agent's poll leaves completed jobs out.
        kept['status'] = stored['status']
    return kept
