"""Actions."""

from freezer_api.controllers import base, calls, types
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.services import actions, trusts

WRITTEN = types.Json('action_version')


class Actions(base.Resource):
    """``/actions`` and all that is below."""

    name = 'action'

    def __init__(
        self, storage: Storage, max_limit: int, delegation: trusts.Delegation
    ):
        super().__init__(storage, max_limit)
        self.delegation = delegation

    @base.expose('actions:get_all', types.Json('actions'), *types.LIST)
    def get_all(
        self,
        call: calls.Call,
        limit: str | None = None,
        offset: str | None = None,
        marker: str | None = None,
        sort: str | None = None,
        search: str | None = None,
    ) -> base.Answer:
        """A page of the project's actions."""
        return self.page(
            call,
            actions.list_page,
            search,
            limit=limit,
            offset=offset,
            marker=marker,
            sort=sort,
        )

    @base.expose(
        'actions:create',
        types.Json('action_id'),
        body=types.Json('action'),
        status=201,
    )
    def create(self, call: calls.Call, body: Body) -> base.Answer:
        """A new action."""
        call.precondition.check(None)
        return self.created(actions.create(self.storage, call.caller, body))

    @base.expose('actions:get', types.Json('action'), types.ID)
    def get(self, call: calls.Call, action_id: str) -> base.Answer:
        """An action."""
        return base.shown(actions.show(self.storage, call.caller, action_id))

    @base.expose(
        'actions:update', WRITTEN, types.ID, body=types.Json('action')
    )
    def update(
        self, call: calls.Call, action_id: str, body: Body
    ) -> base.Answer:
        """Change an action; the jobs that have it follow."""
        return self.written(
            actions.update(
                self.storage,
                call.caller,
                action_id,
                body,
                call.precondition,
                self.delegation,
            )
        )

    @base.expose(
        'actions:replace',
        WRITTEN,
        types.ID,
        body=types.Json('action'),
        status=201,
    )
    def replace(
        self, call: calls.Call, action_id: str, body: Body
    ) -> base.Answer:
        """Replace an action, or create it under this id."""
        return self.written(
            actions.replace(
                self.storage,
                call.caller,
                action_id,
                body,
                call.precondition,
                self.delegation,
            )
        )

    @base.expose('actions:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, action_id: str) -> base.Answer:
        """Delete an action; it leaves the jobs that have it."""
        actions.delete(self.storage, call.caller, action_id, call.precondition)
        return base.Answer()
