"""Connections that stay open between their uses, and reading by the cursors of the database's
module.
"""

import gc
import os
import threading
import unittest.mock

import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import cursors, kept
from freezer_api.domain.documents import JOBS, SESSIONS
from tests.contract import costs, stores

ONE = sqlalchemy.select(models.jobs.c.id, models.jobs.c.version).where(
    models.jobs.c.project == sqlalchemy.bindparam('project'),
    models.jobs.c.id == sqlalchemy.bindparam('id'),
)


class Broken(BaseException):
    """Breaks a statement off."""


@stores.on_stores(*stores.SQL_STORES)
class KeptConnections(costs.Cost):
    """A pool of one connection for reading and one for writing."""

    alone = True

    def setUp(self):
        super().setUp()
        self.project = self.in_project(self.project.project_id, self.one)
        self.project.new_job('j')
        self.checkouts = []
        for engine in (self.one.database.engines.reader, self.one.database.engines.writer):
            sqlalchemy.event.listen(engine, 'checkout', lambda *_: self.checkouts.append(1))

    def read(self):
        return self.project.get(JOBS, 'j')

    def use(self):
        self.read()
        self.project.put_session('s')

    def test_connections_are_taken_from_the_pool_once(self):
        for _ in range(3):
            self.use()
        self.assertEqual([], self.checkouts)

    def test_connection_kept_long_goes_back_to_the_pool(self):
        with unittest.mock.patch.object(kept, 'LONGEST_KEPT', -1):
            self.use()
        pools = [self.one.database.engines.reader.pool, self.one.database.engines.writer.pool]
        self.assertEqual([0, 0], [pool.checkedout() for pool in pools])
        self.checkouts.clear()
        self.use()
        self.assertEqual(2, len(self.checkouts))

    def test_connection_that_lay_idle_long_is_not_used_unseen(self):
        """The pool replaces it if it is too old: a proxy may have dropped it without a word."""
        self.use()
        with unittest.mock.patch.object(kept, 'LONGEST_KEPT', -1):
            self.use()
        self.assertEqual(2, len(self.checkouts))

    def test_threads_that_wait_for_the_pool_get_a_connection(self):
        """Long before the time-out of the pool, which raises."""
        begin = threading.Barrier(8)
        failures = []

        def read():
            begin.wait()
            try:
                for _ in range(20):
                    self.use()
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)

    def test_failed_use_leaves_no_transaction_open(self):
        def fail(connection):
            connection.execute(sqlalchemy.update(models.jobs).values(version=9))
            raise Broken

        self.assertRaises(Broken, self.one.database.write, fail)
        self.assertEqual(1, self.read().version)
        self.use()

    def test_connection_in_use_is_not_kept_after_a_disposal(self):
        readers = self.one.database.readers
        with readers.lend() as connection:
            self.one.close()
        self.assertTrue(connection.closed)
        self.read()
        with readers.lend() as other:
            self.assertIsNot(connection, other)

    def test_child_process_has_connections_of_its_own(self):
        self.use()
        parent = self._server_connections()
        child = os.fork()
        if not child:
            status = 1
            try:
                self.use()
                # The objects of the parent's connections go, and must not say so to the server.
                gc.collect()
                status = int(bool(parent & self._server_connections()))
            finally:
                os._exit(status)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        self.use()
        self.assertEqual(parent, self._server_connections())

    def _server_connections(self) -> set[int]:
        """What identifies the open connections: their numbers at the server, or the objects."""
        found = set()
        for connections in (self.one.database.readers, self.one.database.writers):
            with connections.lend() as connection:
                dialect = self.one.database.dialect
                if dialect == 'sqlite':
                    # A child's objects may have the address of the parent's.
                    number = id(connection) * 2**32 + os.getpid()
                else:
                    function = {'mysql': 'CONNECTION_ID()', 'postgresql': 'pg_backend_pid()'}
                    number = connection.exec_driver_sql(f'SELECT {function[dialect]}').scalar_one()
                    connection.rollback()
                found.add(number)
        return found


@stores.on_stores(*stores.SQL_STORES)
class Reading:
    """Statements that are read without SQLAlchemy's rows."""

    def setUp(self):
        super().setUp()
        self.project.new_job('j')
        self.database = self.storage.database

    def fetch(self, statement, **parameters):
        parameters['project'] = self.project.project_id
        return self.database.read(
            lambda connection: [
                tuple(row) for row in cursors.fetch(connection, statement, parameters)
            ]
        )

    def executed(self, call) -> int:
        """How many statements SQLAlchemy executes for a call, without being listened to."""
        with unittest.mock.patch.object(
            sqlalchemy.Connection,
            'execute',
            autospec=True,
            side_effect=sqlalchemy.Connection.execute,
        ) as execute:
            call()
        return execute.call_count

    def test_rows_are_those_of_sqlalchemy(self):
        self.assertEqual(0, self.executed(lambda: self.fetch(ONE, id='j')))
        self.assertEqual([('j', 1)], self.fetch(ONE, id='j'))
        self.assertEqual([], self.fetch(ONE, id="j' OR 'x' = 'x"))

    def test_documents_are_read_without_sqlalchemy(self):
        self.project.put_session('s')
        for read in (
            lambda: self.project.get(SESSIONS, 's'),
            lambda: self.project.page(SESSIONS),
            lambda: self.project.get(JOBS, 'j'),
            lambda: self.project.page(JOBS),
        ):
            self.assertEqual(0, self.executed(read))

    def test_values_that_sqlalchemy_has_to_convert_are_left_to_it(self):
        several = sqlalchemy.select(models.jobs.c.id).where(
            models.jobs.c.project == sqlalchemy.bindparam('project'),
            models.jobs.c.id.in_(sqlalchemy.bindparam('ids', expanding=True)),
        )
        self.assertEqual([('j',)], self.fetch(several, ids=['j', 'k']))
        self.assertEqual(1, self.executed(lambda: self.fetch(several, ids=['j'])))

    def test_failure_is_told_as_sqlalchemy_tells_it(self):
        wrong = sqlalchemy.select(sqlalchemy.column('missing')).select_from(models.jobs)
        self.assertRaises(exceptions.SchemaOutOfDate, self.fetch, wrong)

    def test_statement_broken_off_costs_the_connection(self):
        def break_off(connection):
            with unittest.mock.patch.object(connection.dialect, 'do_execute', side_effect=Broken):
                cursors.fetch(connection, ONE, {'project': '', 'id': 'j'})

        self.assertRaises(Broken, self.database.read, break_off)
        self.assertEqual([('j', 1)], self.fetch(ONE, id='j'))
