"""Clients: the machines that agents run on, and what they can do."""

from freezer_api.controllers import base, calls, lists, types
from freezer_api.domain.documents import Body
from freezer_api.schemas import answers, requests
from freezer_api.services import clients


class Clients(base.Resource):
    """``/clients`` and all that is below."""

    name = 'client'

    @base.expose(
        'clients:get_all', types.Object(answers.CLIENTS), query=lists.LIST
    )
    def get_all(self, call: calls.Call, query: lists.ListQuery) -> base.Answer:
        """Return a page of the project's clients and of the central ones."""
        return self.page(call, clients.list_page, query)

    @base.expose(
        'clients:create',
        types.Object(answers.CLIENT_CREATED, 'ETag'),
        body=types.Object(requests.CLIENT),
        status=201,
    )
    def register(self, call: calls.Call, body: Body) -> base.Answer:
        """Register a client, or update what the body names of a registered
        one.
        """
        # No denial: a plain client needs no more than the rule above.
        may_be_central = call.context.may('clients:create_central')
        return self.created(
            clients.register(
                self.storage,
                call.caller,
                body,
                call.precondition,
                may_be_central,
            )
        )

    @base.expose('clients:get', types.Object(answers.CLIENT, 'ETag'), types.ID)
    def get(self, call: calls.Call, client_id: str) -> base.Answer:
        """Return a client."""
        return base.shown(clients.show(self.storage, call.caller, client_id))

    # A client of the same name may be registered again, and its jobs are its
    # own again.
    @base.expose('clients:delete', None, types.ID, status=204)
    def delete(self, call: calls.Call, client_id: str) -> base.Answer:
        """Delete a client; its jobs stay."""
        clients.delete(self.storage, call.caller, client_id, call.precondition)
        return base.Answer()
