"""Clients: the machines that agents run on, and what they can do."""

from freezer_api.controllers import base, calls, types
from freezer_api.domain.documents import Body
from freezer_api.services import clients


class Clients(base.Resource):
    """``/clients`` and all that is below."""

    name = 'client'

    @base.expose('clients:get_all', types.Json('clients'), *types.LIST)
    def get_all(
        self,
        call: calls.Call,
        limit: str | None = None,
        offset: str | None = None,
        marker: str | None = None,
        sort: str | None = None,
        search: str | None = None,
    ) -> base.Answer:
        """A page of the project's clients and of the central ones."""
        return self.page(
            call,
            clients.list_page,
            search,
            limit=limit,
            offset=offset,
            marker=marker,
            sort=sort,
        )

    @base.expose(
        'clients:create',
        types.Json('client_id'),
        body=types.Json('client'),
        status=201,
    )
    def register(self, call: calls.Call, body: Body) -> base.Answer:
        """Register a client, or update what the body names of one that is."""
        may = call.context.may('clients:create_central')
        return self.created(
            clients.register(
                self.storage, call.caller, body, call.precondition, may
            )
        )

    @base.expose('clients:get', types.Json('client'), types.ID)
    def get(self, call: calls.Call, client_id: str) -> base.Answer:
        """A client."""
        return base.shown(clients.show(self.storage, call.caller, client_id))

    @base.expose('clients:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, client_id: str) -> base.Answer:
        """Delete a client; its jobs stay."""
        clients.delete(self.storage, call.caller, client_id, call.precondition)
        return base.Answer()
