"""The codes of errors, which programs can rely on: a code keeps its meaning
for as long as the API has a version 2.

Every error that a caller can get has one of these, but for those of
keystonemiddleware. The API reference is made from this table by
``tools/samples``.
"""

#: Code to meaning. The part before the dot says what the error is about.
#: Codes are never taken out or reused: programs of others compare them.
MEANINGS = {
    'action.exists': 'Another action of the project has this id.',
    'action.not-found': 'The project has no action with this id.',
    'action.shared-too-much': (
        'The jobs that share the action are too large to be changed at once.'
    ),
    'backup.not-found': 'The project has no backup with this id.',
    'client.central-forbidden': (
        'The caller is not allowed to make a client central, or a central'
        ' client plain.'
    ),
    'client.foreign': 'The central client belongs to another project.',
    'client.id-taken': 'Another project has a central client with this id.',
    'client.not-capable': (
        'The client does not support what the action asks for.'
    ),
    'client.not-found': 'No client that the project can see has this id.',
    'document.conflict': 'The request contradicts stored documents.',
    'document.precondition-failed': (
        'If-Match or If-None-Match does not hold for the stored document.'
    ),
    'document.too-large': ('The document would be larger than the limit.'),
    'document.too-many-values': (
        'The document would have too many searchable values.'
    ),
    'identity.unauthorized': ('The request has no token, or an invalid one.'),
    'identity.unavailable': (
        'Keystone does not respond as expected. The request can be repeated.'
    ),
    'internal': 'Unexpected error in the server; its log has the reason.',
    'job.action-not-found': (
        'The job refers to an action that the project does not have.'
    ),
    'job.client-not-found': (
        'The job is for a client that the project cannot see.'
    ),
    'job.exists': 'Another job of the project has this id.',
    'job.id-taken': (
        'A job of another project, on a central client, has this id.'
    ),
    'job.not-found': 'The project has no job with this id.',
    'list.invalid': (
        'A parameter of the list is invalid, or contradicts another one.'
    ),
    'list.marker-not-found': 'No document of the list has the id in marker.',
    'list.too-large': (
        'The page, or the plan, would be larger than the limit. Ask for less.'
    ),
    'policy.forbidden': 'The policy does not allow the caller to do this.',
    'request.forbidden-origin': (
        'The standalone service refuses requests that web pages send.'
    ),
    'request.header-too-large': (
        'The headers are longer than the server accepts.'
    ),
    'request.invalid': (
        'A value in the request is invalid; the description names it.'
    ),
    'request.malformed': 'The body is not JSON.',
    'request.malformed-http': (
        'The request is not valid HTTP, or is ambiguous.'
    ),
    'request.method-not-allowed': 'The resource does not support this method.',
    'request.not-acceptable': 'The caller does not accept application/json.',
    'request.path-not-found': 'No resource has this path.',
    'request.timeout': 'The request did not arrive in time.',
    'request.too-large': 'The body is larger than the limit.',
    'request.uri-too-long': 'The URL is longer than the server accepts.',
    'restore.backup-deleted': ('A backup to restore has been deleted.'),
    'restore.backup-unavailable': ('A backup to restore is not available.'),
    'restore.incomplete': (
        'Some members of the run failed or have no backup, and the request'
        ' does not allow that.'
    ),
    'restore.job-changed': (
        'A job has changed since it made its backup, and the request does not'
        ' say what to do instead.'
    ),
    'restore.nothing-left': (
        'No backup of the run can be restored or verified in this way.'
    ),
    'restore.run-in-progress': 'The run has not ended yet.',
    'restore.unrestorable': 'Agents cannot restore a backup that was made in this way.',
    'run.not-found': 'The session has no run with this tag.',
    'schedule.contradictory': (
        'Parts of the schedule contradict each other, or a part is missing.'
    ),
    'schedule.never-due': 'The schedule never starts a job.',
    'search.invalid': 'The search is malformed.',
    'server.busy': (
        'The server has too many requests. The request can be repeated.'
    ),
    'session.exists': 'Another session of the project has this id.',
    'session.members-too-much': (
        'The jobs of the session are too large to be changed at once.'
    ),
    'session.not-a-member': 'The job is not a member of the session.',
    'session.not-found': 'The project has no session with this id.',
    'session.run-in-progress': ('The tag cannot be raised during a run.'),
    'session.tag-exhausted': 'The tag has reached its highest value.',
    'session.tag-too-high': 'The tag is higher than that of the session.',
    'session.unknown-action': 'The only actions of sessions are start and end.',
    'storage.schema-out-of-date': (
        'The schema of the storage is not that of this release. An operator'
        ' has to run: freezer-manage db sync.'
    ),
    'storage.unavailable': (
        'The storage does not respond in time. The request can be repeated.'
    ),
    'trust.editor-refused': (
        'The job has a trust, so a caller who changes what it does needs one'
        ' of their own, and Keystone refuses it to this token.'
    ),
    'trust.gone': (
        'The trust of the job has been deleted meanwhile. The request can be'
        ' repeated.'
    ),
    'trust.no-trustee': 'The job needs a trust, and no trustee is configured.',
    'trust.refused': (
        'The job needs a trust, and Keystone refuses it to this token.'
    ),
}
