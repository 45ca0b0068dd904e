"""What the SQL driver makes of lost connections, of others in its way, and of configurations that
can't serve.
"""

import contextlib
import threading
import typing
import unittest

import sqlalchemy
from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.db.base import Store
from freezer_api.db.sqlalchemy import driver
from freezer_api.db.sqlalchemy.connections import engines
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests.contract import stores

#: What ends all connections to a database but one's own: a query, or one that tells further
#: statements.
KILL = {
    'mysql': (
        "SELECT concat('KILL ', id) FROM information_schema.processlist WHERE db = database() AND"
        ' id <> connection_id()'
    ),
    'postgresql': (
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() '
        'AND pid <> pg_backend_pid()'
    ),
}


@stores.on_stores(stores.MariaDB, stores.PostgreSQL)
class LostConnections:
    """Connections end in the midst of things, and the server stays."""

    project: project_operations.Project
    storage: typing.Any
    conf: typing.Any

    def setUp(self):
        super().setUp()
        self.session = self.project.new_session()
        self.job = self.project.new_job(session_id=self.session)
        self.other = driver.Driver(self.conf)
        self.addCleanup(self.other.close)

    def test_call_after_a_lost_connection_works(self):
        calls = (
            lambda: self.project.get(JOBS, self.job),
            lambda: self.project.page(SESSIONS),
            lambda: self.project.start(self.session, self.job, 0),
            lambda: self.project.detach(self.session, self.job),
            lambda: self.project.delete_job(self.job),
            self.storage.check,
        )
        for call in calls:
            self.kill()
            call()

    def test_lost_connections_of_many_threads_are_replaced(self):
        barrier = threading.Barrier(8)
        failures = []

        def act():
            barrier.wait()
            try:
                self.project.new_job()
            except Exception as error:
                failures.append(error)

        for _round in range(3):
            threads = [threading.Thread(target=act) for _number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.kill()
        self.assertEqual([], failures)
        self.assertEqual(25, len(self.project.ids(JOBS)))

    def test_connection_lost_in_a_transaction_is_retried(self):
        asked = []

        def change(current, stored, now):
            asked.append(current.version)
            if len(asked) == 1:
                self.kill()
            return Store({**current.body, 'description': 'new'})

        before = self.project.get(JOBS, self.job)
        after = self.storage.write_job(self.project.scope, self.job, change).document
        self.assertEqual([before.version, before.version], asked)
        self.assertEqual(before.version + 1, after.version)
        self.assertEqual('new', self.project.job(self.job)['description'])

    def test_connection_lost_twice_in_a_transaction_is_unavailable(self):
        def change(current, stored, now):
            self.kill()
            return Store({**current.body, 'description': 'new'})

        with self.assertRaises(exceptions.StorageUnavailable):
            self.storage.write_job(self.project.scope, self.job, change)
        self.assertEqual('', self.project.job(self.job)['description'])

    def test_lost_answer_to_a_commit_is_unavailable(self):
        """Nobody knows whether it took effect, so nobody is told that it did, nor is it done
        again.
        """
        pending = [True]

        def committing(connection):
            if pending:
                pending.clear()
                self.kill()

        sqlalchemy.event.listen(self.storage.database.engines.writer, 'commit', committing)
        self.addCleanup(
            sqlalchemy.event.remove, self.storage.database.engines.writer, 'commit', committing
        )
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            self.project.change_job(self.job, lambda job: {**job, 'description': 'secret'})
        self.assertNotIn('secret', f'{caught.exception}{caught.exception.__cause__}')
        self.project.change_job(self.job, lambda job: {**job, 'description': 'again'})
        self.assertEqual('again', self.project.job(self.job)['description'])

    def kill(self):
        """End all connections to the database but one's own, and wait until they are closed."""
        kill = KILL[self.other.database.dialect]
        with self.other.database.engines.reader.connect() as connection:
            while answers := connection.exec_driver_sql(kill).scalars().all():
                for answer in answers:
                    if isinstance(answer, str):
                        # One may have come to its end by itself.
                        with contextlib.suppress(sqlalchemy.exc.DBAPIError):
                            connection.exec_driver_sql(answer)


@stores.on_stores(stores.MariaDB, stores.PostgreSQL)
class Deadlocks:
    """Somebody takes locks in another order than the driver does."""

    project: project_operations.Project
    storage: typing.Any

    def test_deadlocked_operation_starts_over(self):
        session, job = self.project.new_session(), self.project.new_job()
        errors: list[Exception] = []
        waiting = threading.Event()

        def attach():
            try:
                waiting.wait()
                self.project.attach(session, job)
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=attach)
        thread.start()
        with self.storage.database.engines.writer.connect() as connection:
            connection.exec_driver_sql(f"SELECT id FROM freezer_jobs WHERE id = '{job}' FOR UPDATE")
            waiting.set()
            self._until_locked(session)
            try:
                connection.exec_driver_sql(
                    f"SELECT id FROM freezer_sessions WHERE id = '{session}' FOR UPDATE"
                )
            except Exception:
                # The database chose this transaction as the victim; else it is the driver's.
                self.assertTrue(thread.is_alive())
            connection.rollback()
        thread.join()
        self.assertEqual([], errors)
        self.assertEqual({job}, set(self.project.session(session)['jobs']))

    def _until_locked(self, session):
        """Wait until somebody else holds the session."""
        while True:
            with self.storage.database.engines.writer.connect() as connection:
                free = connection.exec_driver_sql(
                    f"SELECT id FROM freezer_sessions WHERE id = '{session}' FOR UPDATE SKIP LOCKED"
                ).all()
                connection.rollback()
            if not free:
                return


class Addresses(unittest.TestCase):
    """What ``[database] connection`` may be."""

    def test_every_spelling_selects_its_dialect(self):
        for address, dialect in (
            ('mysql://u:p@h/d', 'mysql+pymysql'),
            ('mysql+pymysql://u:p@h/d?charset=utf8', 'mysql+pymysql'),
            ('mysql+mysqlconnector://u:p@h/d', 'mysql+pymysql'),
            ('mariadb://h/d', 'mysql+pymysql'),
            ('postgresql://h/d', 'postgresql+psycopg'),
            ('postgresql+psycopg2://h/d', 'postgresql+psycopg'),
            ('postgres://h/d', 'postgresql+psycopg'),
            ('sqlite:////tmp/x', 'sqlite+pysqlite'),
        ):
            self.assertEqual(
                dialect, engines.url_of(self._conf(connection=address)).drivername, address
            )

    def test_connection_parameters_are_added(self):
        url = engines.url_of(
            self._conf(connection='mysql://h/d?ssl_ca=x', connection_parameters='read_timeout=5')
        )
        self.assertEqual({'ssl_ca': 'x', 'read_timeout': '5'}, dict(url.query))

    def test_invalid_address_is_refused(self):
        for address in (
            None,
            '',
            'oracle://h/d',
            'sqlite://',
            'sqlite:///:memory:',
            'nonsense',
            'mysql://h:port/d',
        ):
            with self.assertRaises(cfg.Error, msg=address) as caught:
                engines.url_of(self._conf(connection=address))
            self.assertIn('connection', str(caught.exception))

    def test_passwords_are_not_told(self):
        with self.assertRaises(cfg.Error) as caught:
            engines.url_of(self._conf(connection='mysql://u:secret@h:port/d'))
        self.assertNotIn('secret', str(caught.exception))

    @staticmethod
    def _conf(**database: typing.Any) -> cfg.ConfigOpts:
        return base.configured({'database': database})
