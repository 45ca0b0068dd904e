"""Stored values that are derived from documents and no longer what these say; others who are
quicker; a server that takes no writes.
"""

import threading
import unittest.mock

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.base import Store
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import database
from freezer_api.domain.documents import CLIENTS, SESSIONS
from freezer_api.tests.contract import base, bodies
from tests import servers
from tests.contract import costs, stores
from tests.servers import mariadb


@stores.on_stores(*stores.SQL_STORES)
class Lapses(costs.Cost):
    """When a session lapses stands beside it, and somebody has written something else there."""

    alone = True

    def setUp(self):
        super().setUp()
        self.project = self.in_project(self.project.project_id, self.one)
        self.session = self.project.new_session(hold_off=60)
        self.job = self.project.new_job(session_id=self.session)

    def test_search_mends_a_wrong_lapse_once(self):
        """A list without conditions doesn't look at what else may have lapsed."""
        for _ in range(2):
            self._write(1)
            self.assertEqual(1, self.count(lambda: self.project.ids(SESSIONS)))
            with self.assertLogs('freezer_api.db') as logged:
                self.assertEqual([self.session], self._search())
            self.assertIn(self.session, logged.output[0])
            self.assertEqual(1, self.count(self._search))
            self.project.start(self.session, self.job, 0)

    def test_read_mends_a_missing_lapse_once(self):
        self.project.new_job(session_id=self.session)
        reads = (
            lambda: self.project.session(self.session),
            lambda: self.project.page(SESSIONS).documents[0].body,
        )
        for tag, read in enumerate(reads):
            self.project.start(self.session, self.job, tag)
            self.project.end(self.session, self.job, tag + 1)
            self._write(None)
            self.clock.advance(61)
            with self.assertLogs('freezer_api.db'):
                self.assertEqual('completed', read()['status'])
            self.assertEqual(1, self.count(read))

    def _search(self):
        return self.project.ids(SESSIONS, [{'user_id': 'user'}])

    def _write(self, moment):
        with self.one.database.writers.lend() as connection, connection.begin():
            connection.execute(
                sqlalchemy.update(models.sessions)
                .where(models.sessions.c.id == self.session)
                .values(settle_at=moment)
            )


@stores.on_stores(stores.MariaDB, stores.PostgreSQL)
class Purges:
    """Two processes erase one project."""

    alone = True

    def test_purge_counts_only_what_it_deletes(self):
        ids = [f'{number:03}' for number in range(210)]
        for id in ids:
            self.project.put_client(id)
        other = self.in_project(self.project.project_id, self.make_storage())
        writer = self.storage.database.engines.writer
        taken = []

        def take(connection, cursor, statement, parameters, context, many):
            if 'FOR UPDATE' in statement and not taken:
                taken.extend(ids[:200])
                for id in taken:
                    other.write(CLIENTS, id, None)

        sqlalchemy.event.listen(writer, 'before_cursor_execute', take)
        self.addCleanup(sqlalchemy.event.remove, writer, 'before_cursor_execute', take)
        self.assertEqual(10, self.storage.purge(self.project.project_id)[CLIENTS])
        self.assertEqual([], self.project.ids(CLIENTS))


@stores.on_stores(stores.SQLite)
class Turns:
    """Who writes to SQLite waits for its turn, for a while."""

    alone = True

    def test_write_behind_an_endless_one_is_unavailable(self):
        busy, done = threading.Event(), threading.Event()

        def change(current, now):
            busy.set()
            done.wait()
            return Store(bodies.client_body('long', self.project.project_id))

        thread = threading.Thread(
            target=self.storage.write, args=(self.project.scope, CLIENTS, 'long', change)
        )
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(done.set)
        busy.wait()
        with unittest.mock.patch.object(database, 'DEADLINE', 0.2):
            self.assertRaises(exceptions.StorageUnavailable, self.project.put_client, 'c')
            self.assertTrue(self.project.missing(CLIENTS, 'c'))
        done.set()
        thread.join()
        self.assertFalse(self.project.missing(CLIENTS, 'long'), 'who had the turn has written')
        self.project.put_client('c')


class ReadOnly:
    """The primary has become a replica, until it takes writes again."""

    def test_reads_go_on_and_writes_wait(self):
        self.project.put_client('c')
        self.take_writes(False)
        self.assertFalse(self.project.missing(CLIENTS, 'c'))
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            self.project.put_client('d')
        self.assertIn('takes no writes', caught.exception.message)
        self.take_writes(True)
        self.project.put_client('d')


class ReadOnlyOnMariaDB(ReadOnly, base.ContractCase):
    name = 'MariaDB'

    @classmethod
    def make_options(cls):
        cls.server = mariadb.MariaDB()
        cls.addClassCleanup(cls.server.stop)
        url = servers.create_database(cls.server.url)
        cls.run_sql(
            "CREATE USER plain@localhost IDENTIFIED BY 'p'",
            'GRANT ALL ON *.* TO plain@localhost',
            'REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM plain@localhost',
        )
        return {'database': {'connection': url.replace('root@', 'plain:p@')}}

    @classmethod
    def run_sql(cls, *statements):
        with sqlalchemy.create_engine(cls.server.url).connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def take_writes(self, does):
        self.run_sql(f'SET GLOBAL read_only = {int(not does)}')


class ReadOnlyOnPostgreSQL(ReadOnly, stores.PostgreSQL):
    def take_writes(self, does):
        name = self.storage.database.engines.reader.url.database
        setting = f'default_transaction_read_only = {"off" if does else "on"}'
        server = sqlalchemy.make_url(servers.address(servers.POSTGRESQL)).set(database='postgres')
        engine = sqlalchemy.create_engine(server, isolation_level='AUTOCOMMIT')
        with engine.connect() as connection:
            connection.exec_driver_sql(f'ALTER DATABASE {name} SET {setting}')
        engine.dispose()
        if not does:
            # What is set counts for connections that begin then.
            self.storage.close()
