"""Who may do what with sessions and their runs."""

from freezer_api.policies import base

# The schedulers of central clients are service users, and report that a job
# of a session starts or ends. They change nothing else of it.
RULES = [
    base.rule(
        'sessions:create',
        base.ADMIN_OR_OWNER,
        'Create a session.',
        'POST /sessions',
    ),
    base.rule(
        'sessions:delete',
        base.ADMIN_OR_OWNER,
        'Delete a session; its jobs leave it.',
        'DELETE /sessions/{session_id}',
    ),
    base.rule(
        'sessions:get',
        base.ADMIN_OR_READER_OR_SERVICE,
        'Show a session.',
        'GET /sessions/{session_id}',
    ),
    base.rule(
        'sessions:get_all',
        base.ADMIN_OR_READER_OR_SERVICE,
        'List and search sessions.',
        'GET /sessions',
    ),
    base.rule(
        'sessions:update',
        base.ADMIN_OR_OWNER,
        'Change a session.',
        'PATCH /sessions/{session_id}',
        'PATCH /sessions',
    ),
    base.rule(
        'sessions:replace',
        base.ADMIN_OR_OWNER,
        'Replace or create a session.',
        'POST /sessions/{session_id}',
    ),
    base.rule(
        'sessions:action:create',
        base.ADMIN_OR_OWNER_OR_SERVICE,
        'Report that a job of the session starts or ends.',
        'POST /sessions/{session_id}/actions',
        'POST /sessions/{session_id}/action',
    ),
    base.rule(
        'sessions:job:add',
        base.ADMIN_OR_OWNER,
        'Attach a job to a session.',
        'PUT /sessions/{session_id}/jobs/{job_id}',
    ),
    base.rule(
        'sessions:job:remove',
        base.ADMIN_OR_OWNER,
        'Detach a job.',
        'DELETE /sessions/{session_id}/jobs/{job_id}',
    ),
    base.rule(
        'sessions:run:get',
        base.ADMIN_OR_READER_OR_SERVICE,
        'Show a run.',
        'GET /sessions/{session_id}/runs/{session_tag}',
    ),
    base.rule(
        'sessions:run:get_all',
        base.ADMIN_OR_READER_OR_SERVICE,
        'List the runs.',
        'GET /sessions/{session_id}/runs',
    ),
    base.rule(
        'sessions:run:restore',
        base.ADMIN_OR_OWNER,
        'Restore a run. A dry run shows definitions of actions.',
        'POST /sessions/{session_id}/runs/{session_tag}/restore',
    ),
    base.rule(
        'sessions:run:verify',
        base.ADMIN_OR_OWNER,
        'Verify a run.',
        'POST /sessions/{session_id}/runs/{session_tag}/verify',
    ),
]
