"""Who may do what with clients."""

from freezer_api.policies import base

RULES = [
    base.rule(
        'clients:create',
        base.ADMIN_OR_OWNER,
        'Register a client, or update what it can do.',
        'POST /clients',
    ),
    # Every project sees a central client and can give it jobs.
    base.rule(
        'clients:create_central',
        base.ADMIN_OR_SERVICE,
        'Make a client central (every project can see it), or plain again.',
        'POST /clients',
    ),
    base.rule(
        'clients:delete',
        base.ADMIN_OR_OWNER,
        'Delete a client.',
        'DELETE /clients/{client_id}',
    ),
    base.rule(
        'clients:get',
        base.ADMIN_OR_READER_OR_SERVICE,
        'Show a client.',
        'GET /clients/{client_id}',
    ),
    base.rule(
        'clients:get_all',
        base.ADMIN_OR_READER_OR_SERVICE,
        'List and search clients.',
        'GET /clients',
    ),
]
