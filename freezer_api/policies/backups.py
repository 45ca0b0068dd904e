"""Who may do what with backups."""

from freezer_api.policies import base

# The schedulers of central clients are service users, and record what they
# have stored. They never restore by themselves.
RULES = [
    base.rule(
        'backups:create',
        base.ADMIN_OR_OWNER_OR_SERVICE,
        'Record a backup.',
        'POST /backups',
    ),
    base.rule(
        'backups:delete',
        base.ADMIN_OR_OWNER_OR_SERVICE,
        'Delete the record of a backup.',
        'DELETE /backups/{backup_id}',
    ),
    base.rule(
        'backups:get',
        base.ADMIN_OR_READER_OR_SERVICE,
        'Show a backup.',
        'GET /backups/{backup_id}',
    ),
    base.rule(
        'backups:get_all',
        base.ADMIN_OR_READER_OR_SERVICE,
        'List and search backups.',
        'GET /backups',
    ),
    base.rule(
        'backups:restore',
        base.ADMIN_OR_OWNER,
        'Restore a backup.',
        'POST /backups/{backup_id}/restore',
    ),
    base.rule(
        'backups:update',
        base.ADMIN_OR_OWNER_OR_SERVICE,
        'Change the record of a backup.',
        'PATCH /backups/{backup_id}',
    ),
]
