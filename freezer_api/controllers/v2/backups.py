"""Backups: what agents say that they have stored."""

from freezer_api.controllers import base, calls, types
from freezer_api.domain.documents import Body
from freezer_api.services import backups


class Backups(base.Resource):
    """``/backups`` and all that is below."""

    name = 'backup'

    @base.expose('backups:get_all', types.Json('backups'), *types.LIST)
    def get_all(
        self,
        call: calls.Call,
        limit: str | None = None,
        offset: str | None = None,
        marker: str | None = None,
        sort: str | None = None,
        search: str | None = None,
    ) -> base.Answer:
        """A page of the project's backups."""
        return self.page(
            call,
            backups.list_page,
            search,
            limit=limit,
            offset=offset,
            marker=marker,
            sort=sort,
        )

    @base.expose(
        'backups:create',
        types.Json('backup_id'),
        body=types.Json('backup'),
        status=201,
    )
    def create(self, call: calls.Call, body: Body) -> base.Answer:
        """A new backup."""
        call.precondition.check(None)
        return self.created(backups.create(self.storage, call.caller, body))

    @base.expose('backups:get', types.Json('backup'), types.ID)
    def get(self, call: calls.Call, backup_id: str) -> base.Answer:
        """A backup."""
        return base.shown(backups.show(self.storage, call.caller, backup_id))

    @base.expose(
        'backups:update',
        types.Json('backup'),
        types.ID,
        body=types.Json('backup'),
    )
    def update(
        self, call: calls.Call, backup_id: str, body: Body
    ) -> base.Answer:
        """Change a backup: its metadata are merged, its status is set. The
        whole backup is answered.
        """
        return base.shown(
            backups.update(
                self.storage, call.caller, backup_id, body, call.precondition
            )
        )

    @base.expose('backups:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, backup_id: str) -> base.Answer:
        """Delete the record of a backup; what the agent has stored stays."""
        backups.delete(self.storage, call.caller, backup_id, call.precondition)
        return base.Answer()
