"""By which module an import connects to what a configuration of the published service names."""

import sys
import unittest.mock

import testtools

from freezer_api.importing import addresses, source


class TestAddresses(testtools.TestCase):
    def take_away(self, *modules):
        """Let nobody import modules, whether they were imported before or not."""
        patch = unittest.mock.patch.dict(sys.modules, dict.fromkeys(modules))
        patch.start()
        self.addCleanup(patch.stop)

    def test_module_is_the_one_that_would_serve_a_store(self):
        """SQLAlchemy's own choice would be another one, which need not be there."""
        self.take_away('MySQLdb', 'psycopg2')
        for url, driver in (
            ('mysql://u:p@h/d', 'pymysql'),
            ('mysql+pymysql://u:p@h/d', 'pymysql'),
            ('mariadb://u:p@h/d', 'pymysql'),
            ('postgresql://u:p@h/d', 'psycopg'),
            ('postgres://u:p@h/d', 'psycopg'),
            ('sqlite:////tmp/d', 'pysqlite'),
        ):
            self.assertEqual(driver, addresses.make_engine(url).driver, url)

    def test_module_that_is_named_and_missing_is_told(self):
        self.take_away('MySQLdb')
        error = self.assertRaises(
            addresses.NotImportable, source.Source, 'mysql+mysqldb://u:secret@h/d'
        )
        self.assertIn('MySQLdb', str(error))
        self.assertNotIn('secret', str(error))

    def test_database_that_is_not_known_is_not_changed(self):
        self.assertEqual('oracle', addresses.read_only('oracle://h/d').drivername)
