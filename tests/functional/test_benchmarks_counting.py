"""How ``benchmarks.deployments`` counts what operations ask their store, on SQLite."""

import tempfile
import unittest

from benchmarks.comparison import data, served_here
from benchmarks.deployments import counting

SESSIONS = 30


class Counted(unittest.TestCase):
    """A server on a store with thirty sessions of three members each."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        storage = served_here.open_storage(f'sqlite:///{folder.name}/counted.sqlite')
        self.addCleanup(storage.close)
        storage.sync()
        data.fill(storage, range(SESSIONS))
        self.counted = counting.Counted(storage)
        self.addCleanup(self.counted.stop)

    def asked_by(self, path):
        """How often a GET asks the store, the second time."""
        data.ask(self.counted.address, 'GET', path)
        before = self.counted.used().database
        data.ask(self.counted.address, 'GET', path)
        return self.counted.used().database - before

    def test_get_is_one_statement(self):
        path = data.session_path('here', data.MASS, 7)
        self.assertEqual(1, self.asked_by(path))

    def test_unknown_resource_asks_nothing(self):
        path = f'/v2/{data.MASS}/none'
        with self.assertRaisesRegex(Exception, '404'):
            self.asked_by(path)
        self.assertEqual(0, self.counted.used().database)

    def test_requests_are_counted(self):
        path = data.session_path('here', data.MASS, 7)
        self.asked_by(path)
        self.assertEqual(2, self.counted.requests)
