"""Writes that wait for the commit: nothing comes before them, nothing of them remains where it is
undone, and they take one round trip with it.
"""

import typing

import sqlalchemy
from oslo_db.exception import DBInvalidUnicodeParameter

from freezer_api import exceptions
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import cursors, deferred
from freezer_api.domain.documents import JOBS
from freezer_api.tests.contract import project_operations
from tests.contract import stores

#: A term that no document has.
TERM = 7
_ADD = cursors.insertion(models.pairs, ('term', 'seq'))
_SEQ = models.pairs.c.seq
_IS_OURS = models.pairs.c.term == TERM
_READ = sqlalchemy.select(_SEQ).where(_IS_OURS).order_by(_SEQ)


@stores.on_stores(stores.MariaDB, stores.PostgreSQL, stores.SQLite)
class Deferred:
    """Transactions with statements that may wait."""

    project: project_operations.Project
    storage: typing.Any
    assertEqual: typing.Any
    assertRaises: typing.Any
    addCleanup: typing.Any
    make_storage: typing.Any

    def setUp(self):
        super().setUp()
        self.addCleanup(self._remove)

    def test_what_waits_is_there_for_what_follows(self):
        def work(connection):
            self._add(connection, 1)
            first = self._read(connection)
            self._add(connection, 2)
            self._add(connection, 3)
            return first, list(connection.execute(_READ).scalars())

        self.assertEqual(([1], [1, 2, 3]), self.storage.database.write(work))
        self.assertEqual([1, 2, 3], self.storage.database.read(self._read))

    def test_what_is_undone_is_forgotten(self):
        def work(connection):
            self._add(connection, 1)
            raise exceptions.Conflict('none of it')

        with self.assertRaises(exceptions.Conflict):
            self.storage.database.write(work)
        self.storage.database.write(lambda connection: self._add(connection, 2))
        self.assertEqual([2], self.storage.database.read(self._read))

    def test_failure_undoes_all_and_frees_what_was_locked(self):
        def work(connection):
            self._add(connection, 1)
            cursors.write_text(connection, 'DELETE FROM freezer_nothing', later=True)

        self.storage.database.write(lambda connection: self._add(connection, 2))
        with self.assertRaises(exceptions.SchemaOutOfDate):
            self.storage.database.write(work)
        self.assertEqual([2], self.storage.database.read(self._read))
        # Whoever still had the row would be waited for.
        other = self.make_storage()
        other.database.write(lambda connection: self._add(connection, 1))
        self.assertEqual([1, 2], self.storage.database.read(self._read))

    def test_what_is_broken_off_frees_what_was_locked(self):
        """By what the module doesn't tell: here a text that it can't encode."""
        column = models.texts.c
        statement = sqlalchemy.delete(models.texts).where(
            column.scope == sqlalchemy.bindparam('text'), column.seq == sqlalchemy.bindparam('of')
        )

        def work(connection):
            connection.execute(sqlalchemy.select(_SEQ).where(_IS_OURS).with_for_update()).all()
            cursors.write_later(connection, statement, {'text': '\ud800', 'of': 1})

        self.storage.database.write(lambda connection: self._add(connection, 1))
        with self.assertRaises((UnicodeEncodeError, DBInvalidUnicodeParameter)):
            self.storage.database.write(work)
        other = self.make_storage()
        other.database.write(self._delete)
        self.assertEqual([], self.storage.database.read(self._read))

    def test_more_than_can_wait_is_written_as_well(self):
        text = 'x' * deferred.MAX_CHARACTERS
        job = self.project.new_job(description=text)
        self.project.change_job(job, lambda body: {**body, 'description': 'new ' + text})
        self.assertEqual('new ' + text, self.project.job(job)['description'])
        self.assertEqual([job], self.project.ids(JOBS, [{'_all': 'new x'}]))

    def _add(self, connection, seq):
        values = {'term': TERM, 'seq': seq}
        cursors.write_later(connection, _ADD, values)

    def _read(self, connection):
        return [seq for (seq,) in cursors.fetch(connection, _READ, {})]

    def _delete(self, connection):
        connection.execute(sqlalchemy.delete(models.pairs).where(_IS_OURS))

    def _remove(self):
        self.storage.database.write(self._delete)


@stores.on_stores(stores.MariaDB)
class RoundTrips:
    """How many statements MariaDB is sent by operations that write."""

    project: project_operations.Project
    storage: typing.Any
    assertEqual: typing.Any

    def test_operations_take_few(self):
        session = self.project.new_session()
        jobs = [self.project.new_job(session_id=session) for _ in range(2)]
        job = jobs[0]
        for number, call in (
            # To look for the id, the row, and all else.
            (3, self.project.new_session),
            (3, self.project.new_job),
            (2, lambda: self.project.change_job(job, lambda body: {**body, 'description': 'd'})),
            # It writes the job as well.
            (3, lambda: self.project.start(session, job, 0)),
            (2, lambda: self.project.end(session, job, 1)),
        ):
            self.assertEqual(number, self._sent(call))

    def test_what_is_large_is_sent_by_itself(self):
        """What a server takes at once is bounded."""
        job = self.project.new_job()
        text = 'x' * deferred.MAX_CHARACTERS

        def change():
            self.project.change_job(job, lambda body: {**body, 'description': text})

        self.assertEqual(3, self._sent(change))

    def _sent(self, call):
        """How many statements a call has sent by the connection that writes."""
        before = self._questions()
        call()
        return self._questions() - before - 1

    def _questions(self):
        with self.storage.database.writers.lend() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")
            return int(cursor.fetchone()[1])
