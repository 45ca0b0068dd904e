"""The bodies of requests as callers may send them, for the description of the
API.

They are made of the schemas that the other modules check by. Those describe
what is left of a body when what stands for nothing is taken away: nulls, keys
that nobody can set, empty fields of forms. Here all of that is still there.
"""

from freezer_api.domain import backups as backup_rules
from freezer_api.domain import capabilities
from freezer_api.domain import schedules as commands
from freezer_api.domain import sessions as session_rules
from freezer_api.schemas import (
    actions,
    backups,
    base,
    clients,
    jobs,
    restores,
    schedules,
    sessions,
)


def _as_sent(record: base.Schema, **changes: base.Schema) -> base.Schema:
    """Return the schema of an object before nulls are taken away: a key that
    isn't required may be null. ``changes`` are keys that differ.
    """
    properties: dict[str, base.Schema] = {}
    for key, schema in {**record['properties'], **changes}.items():
        is_required = key in record['required']
        properties[key] = schema if is_required else base.or_null(schema)
    return {**record, 'properties': properties}


def _with_ignored(record: base.Schema, *keys: str) -> base.Schema:
    """Return the schema of a closed object with further keys, whose values are
    ignored.
    """
    ignored = {'description': 'anything; it is ignored'}
    properties = {**record['properties'], **dict.fromkeys(keys, ignored)}
    return {**record, 'properties': properties}


def _one_of(properties: dict[str, base.Schema]) -> base.Schema:
    """Return the schema of an object that has exactly one of some keys."""
    record = base.record(properties, closed=True)
    return {**record, 'minProperties': 1, 'maxProperties': 1}


def _requiring(
    schema: base.Schema, *keys: str, **values: base.Schema
) -> base.Schema:
    """Return what an object must fulfil to have some keys, with values that
    aren't null.
    """
    properties = {key: {'not': {'type': 'null'}} for key in keys}
    return {
        **schema,
        'properties': {**properties, **values},
        'required': [*keys, *values],
    }


#: A schedule in a request. Names of weekdays may also stand in
#: ``schedule_day``.
SCHEDULE = base.titled('ScheduleRequest', _as_sent(schedules.SCHEDULE))

_SESSION = _as_sent(sessions.SESSION, schedule=SCHEDULE)
_SCHEDULED = ('schedule', *session_rules.ALIASES)
SESSION = base.titled(
    'SessionRequest',
    {**_SESSION, 'anyOf': [_requiring({}, key) for key in _SCHEDULED]},
)
SESSION_PATCH = base.titled(
    'SessionPatch', _as_sent(sessions.PATCH, schedule=SCHEDULE)
)
#: A change of the session that the body names.
NAMED_SESSION_PATCH = base.titled(
    'NamedSessionPatch',
    {
        **SESSION_PATCH,
        'properties': {'session_id': base.ID, **SESSION_PATCH['properties']},
        'required': ['session_id'],
    },
)
_TAG = sessions.ACTIONS['properties']['start']['properties']['current_tag']
_TAG_OR_TEXT: base.Schema = {
    'anyOf': [_TAG, {'type': 'string', 'pattern': '^[0-9]{1,10}$'}],
    'description': _TAG['description'],
}
_REPORTS: dict[str, base.Schema] = {}
for _name, _report in sessions.ACTIONS['properties'].items():
    _REPORTS[_name] = _as_sent(_report, current_tag=_TAG_OR_TEXT)
#: What a job reports to its session.
SESSION_ACTION = base.titled('SessionAction', _one_of(_REPORTS))

_RULE_TEXTS = {
    'max_retries': '^[0-9]{0,10}$',
    'max_retries_interval': '^[0-9]{0,10}$',
    'mandatory': '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Oo][Nn]|[Oo][Ff][Ff]|)$',
}
# Forms send strings, and empty ones for what nobody filled in.
_RULES: dict[str, base.Schema] = {}
for _name, _rule in actions.RULES.items():
    _RULES[_name] = {
        'anyOf': [_rule, {'type': 'string', 'pattern': _RULE_TEXTS[_name]}],
        'description': _rule['description'],
    }
_OWN_ID: base.Schema = {
    'anyOf': [base.ID, {'const': ''}],
    'description': base.ID['description'],
}
#: A whole definition, and a part of one.
DEFINITION = base.titled('ActionDefinition', actions.DEFINITION)
DEFINITION_PART = base.titled('ActionDefinitionPart', actions.DEFAULTS)
ACTION = base.titled(
    'ActionRequest',
    _as_sent(
        actions.ACTION,
        action_id=_OWN_ID,
        freezer_action=DEFINITION,
        **_RULES,
    ),
)
ACTION_PATCH = base.titled(
    'ActionPatch',
    _as_sent(actions.PATCH, freezer_action=DEFINITION_PART, **_RULES),
)

_ENTRY = base.titled(
    'JobActionRequest',
    _as_sent(
        jobs.ENTRY,
        action_id=_OWN_ID,
        freezer_action=DEFINITION_PART,
        **_RULES,
    ),
)
_ENTRIES = {**jobs.PATCH['properties']['job_actions'], 'items': _ENTRY}
_JOB_CHANGES = {
    'job_schedule': SCHEDULE,
    'job_actions': _ENTRIES,
    'action_defaults': DEFINITION_PART,
}
_IGNORED_OF_JOBS = sorted(jobs.READ_ONLY)
JOB = base.titled(
    'JobRequest',
    _with_ignored(
        _as_sent(jobs.JOB, job_id=_OWN_ID, **_JOB_CHANGES), *_IGNORED_OF_JOBS
    ),
)
#: A job for the id in the path.
JOB_REPLACEMENT = base.titled(
    'JobReplacement',
    _with_ignored(JOB, 'job_id'),
)
_CHANGED_JOB = _with_ignored(
    _as_sent(jobs.PATCH, **_JOB_CHANGES), 'job_id', *_IGNORED_OF_JOBS
)
# The timing in an agent's report may be of an older release; it is ignored.
_RUNTIME: dict[str, base.Schema] = {}
for _name, _value in SCHEDULE['properties'].items():
    if not _name.startswith('schedule_'):
        _RUNTIME[_name] = _value
#: What an agent reports of a job.
JOB_REPORT = base.titled(
    'JobReport',
    {
        'type': 'object',
        'properties': {
            'job_schedule': base.or_null(
                {
                    'type': 'object',
                    'properties': _RUNTIME,
                    'patternProperties': {'^schedule_': {}},
                    'additionalProperties': False,
                }
            ),
            'session_id': {},
            'session_tag': {},
        },
        'required': ['job_schedule', 'session_id', 'session_tag'],
        'additionalProperties': False,
        'description': 'the report of an agent',
    },
)
JOB_PATCH = base.titled(
    'JobPatch', {'anyOf': [base.titled('JobChange', _CHANGED_JOB), JOB_REPORT]}
)
_NOTHING: base.Schema = {
    'type': ['object', 'null'],
    'maxProperties': 0,
    'description': 'null',
}
#: What a job is told to do.
JOB_EVENT = base.titled(
    'JobEvent', _one_of(dict.fromkeys(commands.COMMANDS, _NOTHING))
)

# A value that is given twice counts once, so the list may be longer.
_SUPPORTED: dict[str, base.Schema] = {}
for _name in capabilities.SUPPORTED.values():
    _SUPPORTED[_name] = dict(clients.CLIENT['properties'][_name])
    del _SUPPORTED[_name]['maxItems']
_CLIENT = base.titled(
    'ClientDescription', _as_sent(clients.CLIENT, **_SUPPORTED)
)
_FLAT_CLIENT = {
    **_CLIENT,
    'properties': {**_CLIENT['properties'], 'client': {'type': 'null'}},
}
#: A registration: flat, or as documents have it.
CLIENT = base.titled(
    'ClientRequest',
    {
        'anyOf': [
            base.titled('FlatClientRequest', _FLAT_CLIENT),
            base.titled(
                'ClientDocument',
                base.record({'client': _CLIENT}, required=('client',)),
            ),
        ]
    },
)

_TIMESTAMP = backups.METADATA['properties']['time_stamp']
_TIMESTAMP_OR_TEXT: base.Schema = {
    'anyOf': [
        _TIMESTAMP,
        {'type': 'string', 'pattern': '^(-?[0-9]{1,20})?$'},
    ],
    'description': _TIMESTAMP['description'],
}
_STATUS = backups.STATUS['properties']['status']
_METADATA = _as_sent(
    {
        **backups.METADATA,
        'properties': {**backups.METADATA['properties'], 'status': _STATUS},
    },
    time_stamp=_TIMESTAMP_OR_TEXT,
)
_UNFINISHED = base.choice(sorted(backup_rules.UNFINISHED))
_FLAT_BACKUP: base.Schema = {
    **_METADATA,
    'properties': {
        **_METADATA['properties'],
        'backup_metadata': {'type': 'null'},
    },
    'anyOf': [
        _requiring({}, 'backup_name', 'container', 'hostname'),
        _requiring({}, 'backup_name', status=_UNFINISHED),
    ],
}
_DIVIDED = base.record(
    {'status': base.or_null(_STATUS), 'backup_metadata': _METADATA},
    required=('backup_metadata',),
)
#: A backup to record: flat as agents send it, or as documents have it.
BACKUP = base.titled(
    'BackupRequest',
    {
        'anyOf': [
            base.titled('FlatBackupRequest', _FLAT_BACKUP),
            base.titled('BackupDocument', _DIVIDED),
        ]
    },
)
BACKUP_PATCH = base.titled(
    'BackupPatch',
    {
        **_METADATA,
        'properties': {
            **_METADATA['properties'],
            'backup_metadata': base.or_null(_METADATA),
        },
    },
)

_WISHES = {
    **restores.RESTORE['properties']['jobs'],
    'additionalProperties': base.or_null(
        base.titled('RestoreOfMember', _as_sent(restores.WISH))
    ),
}
RESTORE = base.titled(
    'RestoreRequest', _as_sent(restores.RESTORE, jobs=_WISHES)
)
VERIFICATION = base.titled(
    'VerificationRequest', _as_sent(restores.VERIFICATION, jobs=_WISHES)
)
