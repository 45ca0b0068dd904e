"""Odd rows, imported into the databases of servers."""

import testscenarios

from freezer_api.db.base import Delete, Scope
from freezer_api.domain.documents import BACKUPS, CLIENTS, JOBS, SESSIONS
from tests import servers
from tests.importing.base import ImportTest
from tests.importing.published import PROJECT, RELEASE_19, USER, member
from tests.live import programs


class TestStores(testscenarios.WithScenarios, ImportTest):
    scenarios = [
        ('mysql', {'server': servers.MYSQL}),
        ('postgresql', {'server': servers.POSTGRESQL}),
        ('elasticsearch', {'server': servers.ELASTICSEARCH9}),
    ]
    server: str

    def setUp(self):
        super().setUp()
        if servers.absent(self.server):
            self.skipTest(servers.absent(self.server))
        self.place = self.useFixture(programs.Database(self.server))

    def test_odd_rows(self):
        """All are kept, equal to what a second import makes of them."""
        origin = self.database(RELEASE_19)
        odd = ('-dash', 'line\n', 'j\u00f6b', 'trailing ', 'x' * 300, 'nul\0')
        for id in odd:
            origin.add_job(id, 'act', session_id='s', description=f'{id} \U0001f4be')
        origin.add('sessions', 's', job={id: member('running') for id in odd}, session_tag=-1)
        origin.add('clients', 'c2', client_id='central', is_central=1, description='y' * 255)
        origin.add('backups', 'b', backup_metadata=b'{"a": "\\ud800", "\\u0000": 1e999}')
        origin.add('user_credentials', 'r', trust_id='t', trustor_user_id=USER, job_id='-dash')
        storage = self.store(self.place.url, self.place.extra)
        self.run_import(origin, storage)
        self.assertEqual([], self.fates)
        self.assert_consistent(storage)
        self.assertEqual((len(odd), 2), (storage.count(JOBS), storage.count(CLIENTS)))
        self.assertEqual(len(odd), len(self.body(storage, SESSIONS, 's')['jobs']))
        keeper = self.run_import(origin, storage)
        self.assertEqual((0, []), (keeper.count('imported'), self.fates))

    def test_later_import(self):
        """What both sides have done since is told."""
        origin = self.database(RELEASE_19)
        for id in ('changed', 'deleted', 'gone'):
            origin.add('backups', id)
        storage = self.store(self.place.url, self.place.extra)
        self.run_import(origin, storage)
        storage.write(Scope(PROJECT), BACKUPS, 'deleted', lambda *_: Delete())
        origin.execute("UPDATE backups SET status = 'error' WHERE id = 'changed'")
        origin.execute("UPDATE backups SET deleted = 1 WHERE id = 'gone'")
        origin.add('backups', 'new')
        for imported in (1, 0):
            keeper = self.run_import(origin, storage)
            self.assertEqual(imported, keeper.count('imported'))
            expected = {
                ('changed-there', 'changed'),
                ('deleted-here', 'deleted'),
                ('deleted-there', 'gone'),
            }
            self.assertEqual(expected, set(self.fates))
            self.assertEqual(len(expected), len(self.fates))
