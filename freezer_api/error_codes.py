"""The codes of errors, which programs can rely on: a code keeps its meaning
for as long as the API has a version 2.

Every error that a caller can get has one of these. The API reference is made
from this table by ``tools/samples``.
"""

#: Code to meaning. The part before the dot says what the error is about.
MEANINGS = {
    'action.exists': 'Another action of the project has this id.',
    'action.not-found': 'The project has no action with this id.',
    'action.shared-too-much': (
        'The jobs that have the action are more than can change at once.'
    ),
    'backup.not-found': 'The project has no backup with this id.',
    'client.central-forbidden': (
        'The caller may not make a client a central one, or a central one a'
        ' plain one.'
    ),
    'client.foreign': 'The central client belongs to another project.',
    'client.id-taken': 'Another project has a central client with this id.',
    'client.not-capable': (
        "The client doesn't support what the action asks for."
    ),
    'client.not-found': 'The project sees no client with this id.',
    'document.conflict': 'The request contradicts what is stored.',
    'document.precondition-failed': (
        'If-Match or If-None-Match does not hold for the stored document.'
    ),
    'document.too-large': (
        'The document would become larger than documents may be.'
    ),
    'document.too-many-values': (
        'The document would have more values than can be searched.'
    ),
    'identity.unauthorized': (
        'The request has no token, or one that is no longer valid.'
    ),
    'identity.unavailable': (
        'Keystone does not answer as it should. The request can be sent again.'
    ),
    'internal': 'The server failed; its log tells why.',
    'job.action-not-found': (
        'The job refers to an action that the project does not have.'
    ),
    'job.client-not-found': (
        'The job is for a client that the project does not see.'
    ),
    'job.exists': 'Another job of the project has this id.',
    'job.id-taken': (
        'A job on a central client has this id, in another project.'
    ),
    'job.not-found': 'The project has no job with this id.',
    'list.invalid': (
        'A parameter of the list is malformed, or contradicts another one.'
    ),
    'list.marker-not-found': 'The list has no document with the id in marker.',
    'list.too-large': (
        'The page, or the plan, is larger than answers may be; asking for less'
        ' helps.'
    ),
    'policy.forbidden': "The policy doesn't allow the caller to do this.",
    'request.forbidden-origin': (
        'The standalone service refuses requests of web pages.'
    ),
    'request.header-too-large': (
        'The headers are longer than the server takes.'
    ),
    'request.invalid': (
        'A value in the request is malformed; the description names it.'
    ),
    'request.malformed': 'The body is not JSON.',
    'request.malformed-http': (
        'The request is not valid HTTP, or is ambiguous.'
    ),
    'request.method-not-allowed': 'The resource does not have this method.',
    'request.not-acceptable': 'The caller does not accept application/json.',
    'request.path-not-found': 'No resource has this path.',
    'request.timeout': 'The request did not arrive in time.',
    'request.too-large': 'The body is larger than bodies may be.',
    'request.uri-too-long': 'The URL is longer than the server takes.',
    'restore.backup-deleted': (
        'A backup that is to be restored has been deleted.'
    ),
    'restore.backup-unavailable': (
        'A backup that is to be restored is not available.'
    ),
    'restore.incomplete': (
        'Some members of the run failed in it, or have no backup, and the'
        ' request does not allow that.'
    ),
    'restore.job-changed': (
        'A job does not do today what made its backup, and the request does'
        ' not say what to do instead.'
    ),
    'restore.nothing-left': (
        'No backup of the run can be restored or verified so.'
    ),
    'restore.run-in-progress': 'The run is still going on.',
    'restore.unrestorable': 'Agents cannot restore a backup that was made so.',
    'run.not-found': 'The session has no run with this tag.',
    'schedule.contradictory': (
        'Parts of the schedule contradict each other, or one lacks another.'
    ),
    'schedule.never-due': 'The schedule never falls due.',
    'search.invalid': 'The search is malformed.',
    'server.busy': (
        'The server has more requests than it can serve. The request can be'
        ' sent again.'
    ),
    'session.exists': 'Another session of the project has this id.',
    'session.members-too-much': (
        'The jobs of the session are more than can change at once.'
    ),
    'session.not-a-member': 'The job is not a member of the session.',
    'session.not-found': 'The project has no session with this id.',
    'session.run-in-progress': (
        'The tag cannot be raised while a run is going on.'
    ),
    'session.tag-exhausted': 'The tag cannot grow any further.',
    'session.tag-too-high': 'The tag is higher than that of the session.',
    'session.unknown-action': 'Sessions know the actions start and end alone.',
    'storage.schema-out-of-date': (
        "The schema of the storage isn't that of this release. An operator has"
        ' to run: freezer-manage db sync.'
    ),
    'storage.unavailable': (
        'The storage does not answer in time. The request can be sent again.'
    ),
    'trust.editor-refused': (
        'Who changes what a job with a trust does lends it their own rights,'
        ' and Keystone refuses that to this token.'
    ),
    'trust.gone': (
        'The trust that the job was to have has ended meanwhile. The request'
        ' can be sent again.'
    ),
    'trust.no-trustee': 'The job needs a trust, and no trustee is configured.',
    'trust.refused': (
        'The job needs a trust, and Keystone refuses to make it for this'
        ' token.'
    ),
}
