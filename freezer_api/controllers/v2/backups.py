"""Backups: what agents say that they have stored."""

from freezer_api.controllers import base, calls, lists, types
from freezer_api.domain.documents import Body
from freezer_api.schemas import answers, requests
from freezer_api.services import backups


class Backups(base.Resource):
    """``/backups`` and all that is below."""

    name = 'backup'

    @base.expose(
        'backups:get_all', types.Object(answers.BACKUPS), query=lists.LIST
    )
    def get_all(self, call: calls.Call, query: lists.ListQuery) -> base.Answer:
        """Return a page of the project's backups."""
        return self.page(call, backups.list_page, query)

    @base.expose(
        'backups:create',
        types.Object(answers.BACKUP_CREATED, 'ETag'),
        body=types.Object(requests.BACKUP),
        status=201,
    )
    def create(self, call: calls.Call, body: Body) -> base.Answer:
        """Record a backup."""
        # The backup doesn't exist yet, so If-Match can't hold.
        call.precondition.check(None)
        return self.created(backups.create(self.storage, call.caller, body))

    @base.expose('backups:get', types.Object(answers.BACKUP, 'ETag'), types.ID)
    def get(self, call: calls.Call, backup_id: str) -> base.Answer:
        """Return a backup."""
        return base.shown(backups.show(self.storage, call.caller, backup_id))

    @base.expose(
        'backups:update',
        types.Object(answers.BACKUP, 'ETag'),
        types.ID,
        body=types.Object(requests.BACKUP_PATCH),
    )
    def update(
        self, call: calls.Call, backup_id: str, body: Body
    ) -> base.Answer:
        """Change a backup: its metadata are merged, its status is set. Return
        the whole backup.
        """
        return base.shown(
            backups.update(
                self.storage, call.caller, backup_id, body, call.precondition
            )
        )

    # 404 for a missing one, unlike the other resources: the published suite of
    # tests expects it.
    @base.expose('backups:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, backup_id: str) -> base.Answer:
        """Delete the record of a backup; what the agent has stored is kept."""
        backups.delete(self.storage, call.caller, backup_id, call.precondition)
        return base.Answer()
