"""Stamps that an import keeps of documents."""

from freezer_api.db.base import Scope, Store
from freezer_api.domain.documents import ACTIONS, BACKUPS, CLIENTS
from freezer_api.tests.contract import bodies, copying

FIRST, SECOND = bytes(range(32)), bytes(reversed(range(32)))


class Stamps(copying.CopyCase):
    def setUp(self):
        super().setUp()
        self.store = self.empty()

    def test_stamps_that_were_written_are_read(self):
        self.assertEqual({}, self.store.read_stamps(CLIENTS, 'p', ['a']))
        self.store.write_stamps(CLIENTS, 'p', {'a': FIRST, 'b': SECOND})
        self.store.write_stamps(CLIENTS, 'P', {'a': SECOND})
        self.store.write_stamps(CLIENTS, 'p', {})
        self.assertEqual({'a': FIRST}, self.store.read_stamps(CLIENTS, 'p', ['a', 'A', 'c']))
        self.assertEqual({'a': SECOND}, self.store.read_stamps(CLIENTS, 'P', ['a']))
        self.assertEqual({}, self.store.read_stamps(BACKUPS, 'p', ['a']))
        self.assertEqual({}, self.store.read_stamps(CLIENTS, 'p', []))

    def test_a_stamp_takes_the_place_of_the_one_before(self):
        self.store.write_stamps(CLIENTS, 'p', {'a': FIRST, 'b': FIRST})
        self.store.write_stamps(CLIENTS, 'p', {'a': SECOND, 'c': SECOND})
        found = self.store.read_stamps(CLIENTS, 'p', ['a', 'b', 'c'])
        self.assertEqual({'a': SECOND, 'b': FIRST, 'c': SECOND}, found)

    def test_stamped_documents_are_listed_in_pages(self):
        self.assertEqual([], self.store.stamped(ACTIONS, ('', ''), 9))
        names = [('p', 'B'), ('p', 'a'), ('q', '-'), ('q', 'a')]
        for project_id, id in reversed(names):
            self.store.write_stamps(ACTIONS, project_id, {id: FIRST})
        found, last = [], ('', '')
        while page := self.store.stamped(ACTIONS, last, 3):
            self.assertLessEqual(len(page), 3)
            found += page
            last = page[-1]
        self.assertEqual(names, found)
        self.assertEqual([], self.store.stamped(BACKUPS, ('', ''), 9))

    def test_a_stamp_stays_when_its_document_is_deleted(self):
        self.store.write_stamps(BACKUPS, 'p', {'a': FIRST})
        backup = bodies.backup_body('a', 'p')
        self.store.write(Scope('p'), BACKUPS, 'a', lambda *_: Store(backup))
        self.store.purge('p')
        self.assertEqual({'a': FIRST}, self.store.read_stamps(BACKUPS, 'p', ['a']))
