"""What requests are answered with, for the description of the API.

Nothing is checked by these schemas in operation: the tests hold every answer
against them. What earlier releases have taken is still shown, so ids and
values of documents have no patterns here.
"""

import typing

from freezer_api.domain import (
    actions,
    backups,
    clients,
    preflight,
    restore_plans,
    restore_sources,
    session_state,
)
from freezer_api.schemas import base, schedules

TEXT: base.Schema = {'type': 'string', 'description': 'a string'}
ID: base.Schema = {'type': 'string', 'description': 'an id'}
BOOLEAN = base.BOOLEAN
INTEGER: base.Schema = {'type': 'integer', 'description': 'an integer'}
TAG: base.Schema = {
    'type': 'integer',
    'description': 'the tag of a run; 0: none has started',
}
SECONDS: base.Schema = {
    'type': 'integer',
    'description': 'seconds since 1970; -1: not yet',
}
VERSION: base.Schema = {
    'type': 'integer',
    'description': 'the version; it grows with each change',
}
RESULT = base.choice((session_state.NO_RESULT, *session_state.RESULTS))
RUN_STATUS = base.choice(typing.get_args(session_state.RunStatus))
SESSION_STATUS = base.choice(
    (session_state.ACTIVE, *typing.get_args(session_state.RunStatus))
)
MEMBER_STATUS = base.choice(typing.get_args(session_state.MemberStatus))


def array(items: base.Schema) -> base.Schema:
    """Return the schema of a list."""
    return {'type': 'array', 'items': items, 'description': 'a list'}


def by_id(values: base.Schema, whose: str) -> base.Schema:
    """Return the schema of an object with a value for each of some ids."""
    return {
        'type': 'object',
        'additionalProperties': values,
        'description': f'by the ids of {whose}',
    }


def free(description: str) -> base.Schema:
    """Return the schema of an object whose keys are the caller's."""
    return {
        'type': 'object',
        'additionalProperties': True,
        'description': description,
    }


LINK = base.whole('Link', {'rel': TEXT, 'href': TEXT, 'type': TEXT}, ('type',))


def _page(title: str, name: str, items: base.Schema) -> base.Schema:
    """Return the schema of a page of a list. It has a link to the next one, if
    there is one.
    """
    links = f'{name}_links'
    return base.whole(
        title, {name: array(items), links: array(LINK)}, (links,)
    )


def _created(title: str, kind: str) -> base.Schema:
    return base.whole(title, {f'{kind}_id': ID})


def _written(title: str, kind: str) -> base.Schema:
    return base.whole(title, {f'{kind}_id': ID, 'version': VERSION})


def _shown_schedule() -> base.Schema:
    """Return the schema of a schedule as documents show it. An imported one
    may have other keys and values than those that can be set.
    """
    properties: dict[str, base.Schema] = {}
    for key, schema in schedules.SCHEDULE['properties'].items():
        properties[key] = {
            'type': schema.get('type', 'string'),
            'description': schema['description'],
        }
    record = base.record(properties)
    return {**record, 'additionalProperties': True}


SCHEDULE = base.titled('Schedule', _shown_schedule())
#: The keys that a job's schedule always shows.
JOB_SCHEDULE = base.titled(
    'JobSchedule',
    {
        **_shown_schedule(),
        'required': [
            'event',
            'status',
            'result',
            'time_created',
            'time_started',
            'time_ended',
        ],
    },
)
MEMBER = base.whole(
    'Member',
    {
        'client_id': ID,
        'status': MEMBER_STATUS,
        'result': RESULT,
        'time_started': SECONDS,
        'time_ended': SECONDS,
    },
)
MEMBERS = by_id(MEMBER, 'the jobs')
#: What a session restores or verifies.
RESTORED = base.whole(
    'Restored',
    {
        'session_id': ID,
        'session_tag': TAG,
        'backup_id': ID,
        'mode': base.choice(restore_plans.MODES),
    },
    ('session_id', 'session_tag', 'backup_id'),
)
_OWNERS: dict[str, base.Schema] = {'project_id': ID, 'user_id': TEXT}
SESSION = base.whole(
    'Session',
    {
        'session_id': ID,
        **_OWNERS,
        'description': TEXT,
        'hold_off': INTEGER,
        'session_tag': TAG,
        'schedule': SCHEDULE,
        'status': SESSION_STATUS,
        'result': RESULT,
        'time_start': SECONDS,
        'time_end': SECONDS,
        'time_started': SECONDS,
        'time_ended': SECONDS,
        'jobs': MEMBERS,
        'restore': RESTORED,
        '_version': VERSION,
    },
    ('restore',),
)
SESSIONS = _page('Sessions', 'sessions', SESSION)
SESSION_CREATED = _created('SessionCreated', 'session')
SESSION_WRITTEN = _written('SessionWritten', 'session')
SESSION_REPORTED = base.whole(
    'SessionReported',
    {
        'result': base.choice(('success', 'hold-off', 'out-of-sync')),
        'session_tag': TAG,
    },
)
_RUN: dict[str, base.Schema] = {
    'session_id': ID,
    'session_tag': TAG,
    'status': RUN_STATUS,
    'result': RESULT,
    'time_start': SECONDS,
    'time_end': SECONDS,
    'jobs': MEMBERS,
}
RUN = base.whole('Run', _RUN)
RUNS = _page('Runs', 'runs', RUN)
RESTORE_OF_RUN = base.whole(
    'RestoreOfRun',
    {
        'session_id': ID,
        'mode': base.choice(('restore', 'read')),
        'time_start': SECONDS,
        'time_end': SECONDS,
        'status': SESSION_STATUS,
        'result': RESULT,
        'backup_id': ID,
    },
    ('backup_id',),
)
RUN_WITH_BACKUPS = base.whole(
    'RunWithBackups',
    {
        **_RUN,
        'backups': array(ID),
        'backup_statuses': by_id(
            base.choice(backups.STATUSES),
            'the backups that are not available',
        ),
        'restores': array(RESTORE_OF_RUN),
        'verifications': array(RESTORE_OF_RUN),
    },
)

DEFINITION = base.titled('Definition', free('what an agent is to do; any key'))
_RULES: dict[str, base.Schema] = {}
for _name, _default in actions.RULES.items():
    _RULES[_name] = BOOLEAN if isinstance(_default, bool) else INTEGER
ACTION = base.whole(
    'Action',
    {
        'action_id': ID,
        **_OWNERS,
        'freezer_action': DEFINITION,
        **_RULES,
        '_version': VERSION,
    },
)
ACTIONS = _page('Actions', 'actions', ACTION)
ACTION_CREATED = _created('ActionCreated', 'action')
ACTION_WRITTEN = _written('ActionWritten', 'action')

JOB_ACTION = base.whole(
    'JobAction', {'action_id': ID, 'freezer_action': DEFINITION, **_RULES}
)
CREDENTIALS = base.whole(
    'Credentials', {'trust_id': TEXT, 'trustor_user_id': TEXT}
)
JOB = base.whole(
    'Job',
    {
        'job_id': ID,
        **_OWNERS,
        'client_id': ID,
        'description': TEXT,
        'job_schedule': JOB_SCHEDULE,
        'job_actions': array(JOB_ACTION),
        'session_id': ID,
        'session_tag': TAG,
        'user_credentials': CREDENTIALS,
        '_version': VERSION,
    },
    ('user_credentials',),
)
JOBS = _page('Jobs', 'jobs', JOB)
JOB_CREATED = _created('JobCreated', 'job')
JOB_WRITTEN = _written('JobWritten', 'job')
JOB_COMMANDED = base.whole('JobCommanded', {'result': TEXT})
PROBLEM = base.whole(
    'JobProblem',
    {
        'action': {
            'type': ['integer', 'null'],
            'description': 'the number of the action; null: the schedule',
        },
        'key': TEXT,
        'code': TEXT,
        'agents': {'type': 'string', 'description': 'versions of the agent'},
        'effect': base.choice(typing.get_args(preflight.Effect)),
        'text': TEXT,
    },
)
PROBLEMS = base.whole('JobProblems', {'problems': array(PROBLEM)})

_CLIENT: dict[str, base.Schema] = dict.fromkeys(clients.KEYS, array(TEXT))
for _name in ('client_id', 'hostname', 'description', 'uuid'):
    _CLIENT[_name] = TEXT
_CLIENT['is_central'] = BOOLEAN
CLIENT = base.whole(
    'Client', {**_OWNERS, 'client': base.whole('ClientShown', _CLIENT)}
)
CLIENTS = _page('Clients', 'clients', CLIENT)
CLIENT_CREATED = _created('ClientCreated', 'client')

BACKUP = base.whole(
    'Backup',
    {
        'backup_id': ID,
        **_OWNERS,
        'status': base.choice(backups.STATUSES),
        'backup_metadata': base.titled(
            'BackupMetadata', free('what the agent says of it; any key')
        ),
    },
)
BACKUPS = _page('Backups', 'backups', BACKUP)
BACKUP_CREATED = _created('BackupCreated', 'backup')

_SAID: dict[str, base.Schema] = {'code': TEXT, 'text': TEXT}
RESTORE_STEP = base.whole(
    'RestoreStep',
    {
        'job_id': ID,
        'client_id': ID,
        'backup_id': ID,
        'time_stamp': {
            'type': ['number', 'string', 'null'],
            'description': 'the time_stamp of the backup, in seconds',
        },
        'sure': base.choice(typing.get_args(restore_sources.Certainty)),
        'freezer_action': DEFINITION,
        'warnings': array(base.whole('RestoreWarning', _SAID)),
    },
)
PLAN = base.whole(
    'Plan',
    {
        'session_id': ID,
        'session_tag': TAG,
        'complete': BOOLEAN,
        'steps': array(RESTORE_STEP),
        'problems': array(
            base.whole('RestoreProblem', {'job_id': ID, **_SAID})
        ),
    },
)
RESTORE_PLANNED = base.whole('RestorePlanned', {'plan': PLAN})
RESTORE_BEGUN = base.whole(
    'RestoreBegun',
    {
        'session_id': ID,
        'session_tag': TAG,
        'jobs': by_id(ID, 'the jobs whose backups are restored'),
        'plan': PLAN,
    },
)
