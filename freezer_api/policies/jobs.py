"""Who may do what with jobs."""

from freezer_api.policies import base

#: Also asked where an answer shows more to those who may see all projects.
GET_ALL_PROJECTS = 'jobs:get_all_projects'

RULES = [
    base.rule(
        'jobs:create', base.ADMIN_OR_OWNER, 'Create a job.', 'POST /jobs'
    ),
    base.rule(
        'jobs:delete',
        base.ADMIN_OR_OWNER,
        'Delete a job; it leaves its session.',
        'DELETE /jobs/{job_id}',
    ),
    base.rule(
        'jobs:get',
        base.ADMIN_OR_READER_OR_SERVICE,
        'Show a job.',
        'GET /jobs/{job_id}',
        'GET /jobs/{job_id}/check',
    ),
    base.rule(
        'jobs:get_all',
        base.ADMIN_OR_READER_OR_SERVICE,
        'List and search jobs.',
        'GET /jobs',
    ),
    base.rule(
        GET_ALL_PROJECTS,
        base.ADMIN_OR_SERVICE,
        'List and search the jobs of all projects, as the scheduler of a'
        ' central client does.',
        'GET /jobs',
    ),
    base.rule(
        'jobs:update',
        base.ADMIN_OR_OWNER,
        'Change a job, or report on it as an agent.',
        'PATCH /jobs/{job_id}',
    ),
    # Policy files from before this rule have jobs:create alone, and mean both.
    base.rule(
        'jobs:replace',
        'rule:jobs:create',
        'Replace a job, or create it under an id.',
        'POST /jobs/{job_id}',
    ),
    base.rule(
        'jobs:event:create',
        base.ADMIN_OR_OWNER,
        'Start, stop or abort a job.',
        'POST /jobs/{job_id}/event',
    ),
]
