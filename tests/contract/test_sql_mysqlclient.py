"""MariaDB by mysqlclient: what is asked and answered is converted by another module than PyMySQL,
and connections end in other ways.

Where it isn't installed, there are no classes that use it, and ``tools/test`` says so at its end.
"""

import pathlib
import sys
import tempfile
import unittest

import oslo_db.exception
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import driver
from freezer_api.db.sqlalchemy.connections import engines, errors, mysqlclient, opening
from freezer_api.tests.contract import base, concurrency, documents, jobs, lists, search, sessions
from tests.contract import (
    stores,
    test_sql_connections,
    test_sql_failures,
    test_sql_logging,
    test_sql_members,
)
from tests.servers import mariadb, proxy


def wait(connection):
    """Have the server answer after long."""
    connection.exec_driver_sql('SELECT SLEEP(60)')


class Arguments(unittest.TestCase):
    """By what it connects; the module needn't be there for this."""

    def arguments(self, patient=False, **query):
        url = sqlalchemy.make_url('mysql+mysqldb://h/d').update_query_dict(query)
        return mysqlclient.arguments(url, patient)

    def test_answers_are_waited_for_as_long_as_of_others(self):
        told = self.arguments()
        self.assertEqual(opening.READ_TIMEOUT, told['read_timeout'])
        self.assertEqual(opening.READ_TIMEOUT, told['write_timeout'])
        self.assertEqual(opening.CONNECT_TIMEOUT, told['connect_timeout'])

    def test_change_of_the_schema_is_waited_for_without_end(self):
        self.assertNotIn('read_timeout', self.arguments(patient=True))

    def test_url_has_the_last_word(self):
        self.assertNotIn('read_timeout', self.arguments(read_timeout='5'))
        self.assertNotIn('local_infile', self.arguments(local_infile='1'))

    def test_mode_of_tls_follows_the_options(self):
        for query, mode in (
            ({}, None),
            ({'ssl_ca': 'f'}, 'VERIFY_IDENTITY'),
            ({'ssl_capath': 'f'}, 'VERIFY_IDENTITY'),
            ({'ssl_ca': 'f', 'ssl_check_hostname': 'true'}, 'VERIFY_IDENTITY'),
            ({'ssl_ca': 'f', 'ssl_check_hostname': 'False'}, 'VERIFY_CA'),
            ({'ssl_cert': 'f', 'ssl_key': 'g'}, 'REQUIRED'),
        ):
            self.assertEqual(mode, self.arguments(**query).get('ssl_mode'), query)


class Choice:
    """Which module it is that a URL has chosen."""

    def test_connections_are_those_of_mysqlclient(self):
        used = self.storage.database.engines
        for engine in (used.reader, used.writer):
            with engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                self.assertEqual('MySQLdb.connections', type(raw).__module__)

    def test_every_spelling_selects_its_dialect(self):
        for scheme in ('mysql+mysqldb', 'mariadb+mysqldb'):
            options = {'database': {'connection': f'{scheme}://u:p@h/d'}}
            url = engines.url_of(base.configured(options))
            self.assertEqual('mysql+mysqldb', url.drivername)

    def test_answer_that_does_not_come_is_a_lost_connection(self):
        storage = self.make_storage(base.configured(self._with_query(read_timeout='1')))
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            storage.database.look(wait)
        self.assertEqual(errors.Meaning.LOST, errors.meaning(caught.exception.__cause__))

    def test_one_statement_is_never_two(self):
        with (
            self.storage.database.engines.reader.connect() as connection,
            self.assertRaises(oslo_db.exception.DBError),
        ):
            connection.exec_driver_sql('SELECT 1; SELECT 2')

    def test_server_cannot_ask_for_files(self):
        load = f"LOAD DATA LOCAL INFILE '{__file__}' INTO TABLE lines_read"
        with self.storage.database.engines.reader.connect() as connection:
            connection.exec_driver_sql('CREATE TEMPORARY TABLE lines_read (line TEXT)')
            with self.assertRaisesRegex(sqlalchemy.exc.OperationalError, 'local infile'):
                connection.exec_driver_sql(load)

    def _with_query(self, **query):
        """The options of the class's store, where its URL says something more."""
        url = sqlalchemy.make_url(self.options['database']['connection'])
        changed = url.update_query_dict(query).render_as_string(hide_password=False)
        return {'database': {'connection': changed}}


class Encryption(unittest.TestCase):
    """What ``ssl_…`` in a URL asks for, of a server that has TLS and of one that has none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix='fz-tl-')
        cls.addClassCleanup(folder.cleanup)
        ours, other = pathlib.Path(folder.name, 'ours'), pathlib.Path(folder.name, 'other')
        for each in (ours, other):
            each.mkdir()
        authority = proxy.Authority(ours)
        cls.authority = str(authority.certificate)
        cls.other_authority = str(proxy.Authority(other).certificate)
        cls.server = cls.start(*authority.issue())
        cls.server_of_another_name = cls.start(*authority.issue('DNS:db.example.org'))
        cls.plain = cls.start()

    @classmethod
    def start(cls, *files):
        """Start a server, with TLS if a certificate and its key are given."""
        options = ('--ssl-cert', '--ssl-key')
        told = [f'{option}={file}' for option, file in zip(options, files, strict=False)]
        server = mariadb.MariaDB(*told)
        cls.addClassCleanup(server.stop)
        return server

    def storage(self, server, **query):
        """A storage in a database of a server, of which a URL says something more."""
        url = sqlalchemy.make_url(stores.by_mysqlclient(server.url)).set(database='mysql')
        connection = url.update_query_dict(query).render_as_string(hide_password=False)
        storage = driver.Driver(base.configured({'database': {'connection': connection}}))
        self.addCleanup(storage.close)
        return storage

    def cipher(self, server, **query):
        """The cipher of a connection, '' if it has none."""

        def ask(connection):
            return connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_cipher'").one()[1]

        return self.storage(server, **query).database.look(ask)

    def assert_refused(self, server, **query):
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            self.cipher(server, **query)
        self.assertIn('2026', str(caught.exception.__cause__))

    def test_nothing_said_asks_for_nothing(self):
        self.assertEqual('', self.cipher(self.plain))

    def test_authority_is_held_against_the_server(self):
        self.assertIn('TLS', self.cipher(self.server, ssl_ca=self.authority))
        self.assert_refused(self.server, ssl_ca=self.other_authority)
        self.assert_refused(self.server, ssl_ca=self.other_authority, ssl_mode='REQUIRED')

    def test_name_is_held_against_the_certificate(self):
        server = self.server_of_another_name
        self.assert_refused(server, ssl_ca=self.authority)
        self.assertIn('TLS', self.cipher(server, ssl_ca=self.authority, ssl_mode='REQUIRED'))

    def test_any_option_refuses_a_server_without_tls(self):
        self.assert_refused(self.plain, ssl_ca=self.authority)
        self.assert_refused(self.plain, ssl_ca=self.authority, ssl_check_hostname='false')
        self.assert_refused(self.plain, ssl_ca=self.authority, ssl_mode='REQUIRED')
        self.assert_refused(self.plain, ssl_mode='REQUIRED')
        self.assert_refused(self.plain, ssl_cipher='AES')

    def test_mode_is_taken_as_it_is_given(self):
        self.assertIn('TLS', self.cipher(self.server, ssl_mode='REQUIRED'))
        self.assertEqual('', self.cipher(self.server, ssl_mode='DISABLED'))

    def test_answer_that_does_not_come_is_a_lost_connection(self):
        """The library says of it that TLS has failed."""
        storage = self.storage(self.server, ssl_ca=self.authority, read_timeout='1')
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            storage.database.look(wait)
        self.assertEqual(errors.Meaning.LOST, errors.meaning(caught.exception.__cause__))

    def test_lost_connection_is_replaced(self):
        storage = self.storage(self.server, ssl_ca=self.authority)
        other = self.storage(self.server)

        def number(connection):
            return connection.exec_driver_sql('SELECT CONNECTION_ID()').scalar_one()

        first = storage.database.look(number)
        other.database.look(lambda connection: connection.exec_driver_sql(f'KILL {first}'))
        self.assertNotEqual(first, storage.database.look(number))


if stores.HAS_MYSQLCLIENT:
    stores.put_on_stores(
        sys.modules[__name__],
        Choice,
        concurrency.ConcurrentJobs,
        documents.Documents,
        jobs.JobsAndActions,
        lists.Lists,
        search.Searches,
        sessions.Members,
        test_sql_connections.KeptConnections,
        test_sql_connections.Reading,
        test_sql_failures.Deadlocks,
        test_sql_failures.LostConnections,
        test_sql_logging.Retries,
        test_sql_members.OddMembers,
        cases=(stores.MariaDBByMysqlclient,),
    )
else:
    del Encryption
