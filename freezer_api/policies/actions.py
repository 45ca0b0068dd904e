"""Who may do what with actions."""

from freezer_api.policies import base

# Agents get the actions with their jobs, so they need no right to write here.
RULES = [
    base.rule(
        'actions:create',
        base.ADMIN_OR_OWNER,
        'Create an action.',
        'POST /actions',
    ),
    base.rule(
        'actions:delete',
        base.ADMIN_OR_OWNER,
        'Delete an action; it leaves its jobs.',
        'DELETE /actions/{action_id}',
    ),
    base.rule(
        'actions:get',
        base.ADMIN_OR_READER_OR_SERVICE,
        'Show an action.',
        'GET /actions/{action_id}',
    ),
    base.rule(
        'actions:get_all',
        base.ADMIN_OR_READER_OR_SERVICE,
        'List and search actions.',
        'GET /actions',
    ),
    base.rule(
        'actions:update',
        base.ADMIN_OR_OWNER,
        'Change an action.',
        'PATCH /actions/{action_id}',
    ),
    base.rule(
        'actions:replace',
        base.ADMIN_OR_OWNER,
        'Replace an action, or create it under an id.',
        'POST /actions/{action_id}',
    ),
]
