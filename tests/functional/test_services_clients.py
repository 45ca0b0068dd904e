"""Clients of a project, and central ones."""

from freezer_api import exceptions
from freezer_api.domain import search_query
from freezer_api.services import clients
from tests.functional.use_cases import COLLEAGUE, ME, STALE, STRANGER, THERE, UseCase


class Clients(UseCase):
    def client(self, client_id, caller=ME):
        return clients.show(self.storage, caller, client_id).body

    def test_a_registration_makes_a_client_that_can_do_everything(self):
        client = self.client('c')
        self.assertEqual({'project_id', 'user_id', 'client'}, client.keys())
        self.assertEqual('alpha', client['project_id'])
        self.assertEqual('ann', client['user_id'])
        self.assertEqual('c', client['client']['client_id'])
        self.assertIs(False, client['client']['is_central'])
        self.assertEqual(32, len(client['client']['uuid']))
        self.assertEqual(
            ['backup', 'restore', 'info', 'admin', 'exec'], client['client']['supported_actions']
        )

    def test_second_registration_changes_what_it_names(self):
        before = self.client('c')
        clients.register(
            self.storage,
            COLLEAGUE,
            {'client_id': 'c', 'hostname': 'h', 'supported_modes': ['fs'], 'extra': 1},
        )
        self.assertEqual(
            {**before, 'client': {**before['client'], 'hostname': 'h', 'supported_modes': ['fs']}},
            self.client('c'),
        )

    def test_a_whole_document_sent_back_changes_nothing(self):
        shown = clients.show(self.storage, ME, 'c')
        self.assertEqual(shown.etag, clients.register(self.storage, ME, shown.body).etag)

    def test_invalid_registration_is_refused(self):
        with self.refused(exceptions.InvalidInput, 'client_id: is required.'):
            clients.register(self.storage, ME, {})
        with self.refused(exceptions.InvalidInput, 'client.supported_modes[0]: must be a string'):
            clients.register(
                self.storage, ME, {'client': {'client_id': 'd', 'supported_modes': [7]}}
            )

    def test_only_allowed_callers_make_a_client_central_or_plain(self):
        own = {'client_id': 'mine'}
        clients.register(self.storage, ME, {**own, 'is_central': None})
        for central in (False, True):
            document = {**own, 'is_central': central}
            clients.register(self.storage, ME, document, may_centralise=True)
            shown = clients.show(self.storage, ME, 'mine')
            for same in (own, document, shown.body):
                clients.register(self.storage, ME, same)
            for other in (
                {**own, 'is_central': not central},
                {'client': {**own, 'is_central': not central}},
            ):
                with self.refused(exceptions.Forbidden, 'clients:create_central'):
                    clients.register(self.storage, ME, other)
            self.assertEqual(shown, clients.show(self.storage, ME, 'mine'))

    def test_everybody_sees_central_ones_and_their_own_first(self):
        clients.register(
            self.storage, STRANGER, {'client_id': 'big', 'is_central': True}, may_centralise=True
        )
        clients.register(
            self.storage, STRANGER, {'client_id': 'c', 'is_central': True}, may_centralise=True
        )
        clients.register(self.storage, STRANGER, {'client_id': 'small'})
        self.assertEqual('beta', self.client('big')['project_id'])
        self.assertEqual('alpha', self.client('c')['project_id'])
        for caller, id in ((ME, 'small'), (ME, 'none'), (ME, 'a/b')):
            with self.refused(exceptions.NotFound, f'Client {id} could not be found.'):
                self.client(id, caller)
        listed = [
            item['client']['client_id']
            for item in clients.list_page(self.storage, ME, search_query.Query()).items
        ]
        self.assertIn('big', listed)
        self.assertNotIn('small', listed)

    def test_a_central_id_is_taken_once(self):
        clients.register(
            self.storage, STRANGER, {'client_id': 'big', 'is_central': True}, may_centralise=True
        )
        with self.refused(exceptions.Conflict):
            clients.register(
                self.storage, ME, {'client_id': 'big', 'is_central': True}, may_centralise=True
            )
        clients.register(self.storage, ME, {'client_id': 'big'})
        with self.refused(exceptions.Conflict):
            clients.register(
                self.storage, ME, {'client_id': 'big', 'is_central': True}, may_centralise=True
            )

    def test_only_own_clients_are_deleted(self):
        clients.register(
            self.storage, STRANGER, {'client_id': 'big', 'is_central': True}, may_centralise=True
        )
        with self.refused(exceptions.Forbidden, 'Client big belongs to another project.'):
            clients.delete(self.storage, ME, 'big')
        clients.register(self.storage, STRANGER, {'client_id': 'small'})
        for id in ('small', 'none', 'a/b'):
            clients.delete(self.storage, ME, id)
        self.client('small', STRANGER)
        clients.delete(self.storage, ME, 'c')
        clients.delete(self.storage, ME, 'c')
        with self.refused(exceptions.NotFound):
            self.client('c')

    def test_central_client_is_seen_once_the_own_one_is_gone(self):
        clients.register(
            self.storage, STRANGER, {'client_id': 'c', 'is_central': True}, may_centralise=True
        )
        clients.delete(self.storage, ME, 'c')
        self.assertEqual('beta', self.client('c')['project_id'])

    def test_unmet_precondition_is_refused(self):
        with self.refused(exceptions.PreconditionFailed):
            clients.register(self.storage, ME, {'client_id': 'c', 'hostname': 'h'}, STALE)
        with self.refused(exceptions.PreconditionFailed):
            clients.register(self.storage, ME, {'client_id': 'new'}, THERE)
        for id, precondition in (('c', STALE), ('none', THERE), ('a/b', THERE)):
            with self.refused(exceptions.PreconditionFailed):
                clients.delete(self.storage, ME, id, precondition)
        clients.delete(self.storage, ME, 'c', THERE)
