"""Actions."""

from freezer_api.controllers import base, calls, lists, types
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.schemas import answers, requests
from freezer_api.services import actions, trusts


class Actions(base.Resource):
    """``/actions`` and all that is below."""

    name = 'action'

    def __init__(
        self, storage: Storage, max_limit: int, delegation: trusts.Delegation
    ):
        super().__init__(storage, max_limit)
        self.delegation = delegation

    @base.expose(
        'actions:get_all', types.Object(answers.ACTIONS), query=lists.LIST
    )
    def get_all(self, call: calls.Call, query: lists.ListQuery) -> base.Answer:
        """Return a page of the project's actions."""
        return self.page(call, actions.list_page, query)

    @base.expose(
        'actions:create',
        types.Object(answers.ACTION_CREATED, 'ETag'),
        body=types.Object(requests.ACTION),
        status=201,
    )
    def create(self, call: calls.Call, body: Body) -> base.Answer:
        """Create an action."""
        # The action doesn't exist yet, so If-Match can't hold.
        call.precondition.check(None)
        return self.created(actions.create(self.storage, call.caller, body))

    @base.expose('actions:get', types.Object(answers.ACTION, 'ETag'), types.ID)
    def get(self, call: calls.Call, action_id: str) -> base.Answer:
        """Return an action."""
        return base.shown(actions.show(self.storage, call.caller, action_id))

    @base.expose(
        'actions:update',
        types.Object(answers.ACTION_WRITTEN, 'ETag'),
        types.ID,
        body=types.Object(requests.ACTION_PATCH),
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
        types.Object(answers.ACTION_WRITTEN, 'ETag'),
        types.ID,
        body=types.Object(requests.ACTION),
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

    # The jobs that have it lose it in the same step, or agents would look for
    # an action that is gone.
    @base.expose('actions:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, action_id: str) -> base.Answer:
        """Delete an action; it leaves the jobs that have it."""
        actions.delete(self.storage, call.caller, action_id, call.precondition)
        return base.Answer()
