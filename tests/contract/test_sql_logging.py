"""What the SQL driver logs for operators: retries, slow statements, and why a storage is
unavailable.
"""

import logging
import typing
import unittest.mock

import oslo_db.exception
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import driver
from freezer_api.db.sqlalchemy.connections import database, errors, slow_statements
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.domain import session_state
from freezer_api.domain.documents import CLIENTS, Document
from freezer_api.tests.contract import base, bodies, project_operations
from tests.contract import stores

LOGGER = 'freezer_api.db'
HOUR = 3600


class Case:
    """A client is stored already, so that to create it again fails."""

    project: project_operations.Project
    storage: typing.Any
    options: base.Options
    assertLogs: typing.Any

    def setUp(self):
        super().setUp()
        self.storage.check()
        self.project.put_client('secret')

    def retried(self, failures, long=HOUR):
        """The records logged by work that fails so often at first, where ``long`` seconds of
        retries are worth a warning.
        """
        attempts = []

        def work(connection):
            attempts.append(connection)
            if len(attempts) <= failures:
                self.create_again(connection)

        with (
            unittest.mock.patch.object(database, 'WARN_AFTER', long),
            self.assertLogs(LOGGER, logging.DEBUG) as logged,
        ):
            logging.getLogger(LOGGER).debug('Begun.')
            try:
                self.storage.database.write(work)
            except exceptions.Conflict:
                logging.getLogger(LOGGER).debug('Refused.')
        return logged.records[1:]

    def create_again(self, connection):
        project_id = self.project.project_id
        body = bodies.client_body('secret', project_id)
        rows.create(connection, Document(CLIENTS, project_id, 'secret', 1, 1, body))


@stores.on_stores(*stores.SQL_STORES)
class Retries(Case):
    """Operations that are tried again."""

    def test_success_at_once_logs_nothing(self):
        self.assertEqual([], self.retried(0, long=0))

    def test_each_failed_attempt_is_logged_with_its_reason(self):
        logged = self.retried(2)
        self.assertEqual([logging.DEBUG] * 2, [record.levelno for record in logged])
        for number, record in enumerate(logged, 1):
            self.assertIn(f'Attempt {number} failed', record.getMessage())
            self.assertIn(errors.Meaning.DUPLICATE.value, record.getMessage())

    def test_reason_shows_nothing_that_is_stored(self):
        for record in self.retried(2, long=0):
            self.assertNotIn('secret', record.getMessage())
            self.assertNotIn(self.project.project_id, record.getMessage())

    def test_long_retries_are_warned_of_once(self):
        logged = self.retried(2, long=0)
        self.assertEqual(
            [logging.DEBUG, logging.DEBUG, logging.WARNING], [record.levelno for record in logged]
        )
        self.assertIn('2 failed attempts', logged[-1].getMessage())
        self.assertIn(errors.Meaning.DUPLICATE.value, logged[-1].getMessage())

    def test_long_retries_that_end_in_failure_are_warned_of(self):
        logged = self.retried(100, long=0)
        self.assertEqual('Refused.', logged[-1].getMessage())
        self.assertEqual(logging.WARNING, logged[-2].levelno)
        self.assertIn(f'{database.MAX_DUPLICATES} failed attempts', logged[-2].getMessage())

    def test_operation_that_needs_another_session_tells_which(self):
        session = self.project.new_session()
        job = self.project.new_job(session_id=session)
        with self.assertLogs(LOGGER, logging.DEBUG) as logged:
            self.project.change_job(job, lambda body: {**body, 'client_id': 'other'})
        (record,) = [record for record in logged.records if 'Attempt' in record.getMessage()]
        self.assertIn(f'session {session} has to be locked first', record.getMessage())


@stores.on_stores(*stores.SQL_STORES)
class SlowStatements(Case):
    """``[storage] slow_statement_seconds``."""

    def logged(self, seconds):
        """The messages logged by writing and reading a client."""
        project = self.in_project(self.project.project_id, self.storage_with(seconds))
        with self.assertLogs(LOGGER, logging.WARNING) as logged:
            project.put_client('secret-too')
            project.get(CLIENTS, 'secret-too')
            logging.getLogger(LOGGER).warning('Done.')
        return [record.getMessage() for record in logged.records[:-1]]

    def storage_with(self, seconds):
        options = {**self.options, 'storage': {'slow_statement_seconds': seconds}}
        storage = driver.Driver(base.configured(options), self.clock)
        self.addCleanup(storage.close)
        return storage

    def test_each_is_logged_with_its_seconds_and_rows(self):
        inserted = [text for text in self.logged(1e-9) if 'INSERT INTO freezer_clients' in text]
        self.assertEqual(1, len(inserted))
        self.assertRegex(inserted[0], r'^A statement took [0-9.]+ seconds \(1 rows\): INSERT')

    def test_reads_are_logged(self):
        self.assertTrue([text for text in self.logged(1e-9) if ': SELECT' in text])

    def test_values_are_not_shown(self):
        for text in self.logged(1e-9):
            self.assertNotIn('secret-too', text)
            self.assertNotIn(self.project.project_id, text)

    def test_faster_ones_are_not_logged(self):
        self.assertEqual([], self.logged(HOUR))

    def test_long_text_is_cut(self):
        jobs = {f'job-{number}': {'time_started': 1, 'time_ended': 2} for number in range(100)}
        record = session_state.Record(1, 'completed', '', 1, 2, jobs)
        storage = self.storage_with(1e-9)
        with self.assertLogs(LOGGER, logging.WARNING) as logged:
            storage.run_backups(self.project.scope, 's', record)
        text = logged.records[-1].getMessage()
        self.assertLess(len(text), slow_statements.MAX_TEXT + 100)
        self.assertRegex(text, r': SELECT .*… \([0-9]+ characters\)$')

    def test_zero_logs_none(self):
        self.assertEqual([], self.logged(0))

    def test_default_is_a_second(self):
        self.assertEqual(1.0, base.configured({}).storage.slow_statement_seconds)


@stores.on_stores(stores.SQLite)
class Reasons(Case):
    """Every ``StorageUnavailable`` has a cause that says why."""

    def test_database_that_cannot_be_opened_is_the_reason(self):
        options = {'database': {'connection': 'sqlite:////nowhere/db'}}
        storage = driver.Driver(base.configured(options))
        self.addCleanup(storage.close)
        self.assertIn('unable to open', self.cause(storage.check))

    def test_reason_of_the_last_attempt_is_the_reason(self):
        def work(connection):
            raise errors.SessionLockRequired('s')

        with unittest.mock.patch.object(database, 'DEADLINE', 0):
            cause = self.cause(lambda: self.storage.database.read(work))
        self.assertEqual('session s has to be locked first', cause)

    def test_lost_answer_to_a_commit_is_the_reason(self):
        def lose(connection):
            connection.invalidate()
            raise oslo_db.exception.DBConnectionError()

        writer = self.storage.database.engines.writer
        sqlalchemy.event.listen(writer, 'commit', lose)
        self.addCleanup(sqlalchemy.event.remove, writer, 'commit', lose)
        self.assertIn('may or may not', self.cause(lambda: self.project.put_client('other')))

    def cause(self, call):
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            call()
        self.assertEqual(exceptions.StorageUnavailable().message, caught.exception.message)
        return str(caught.exception.__cause__)
