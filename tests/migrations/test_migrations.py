"""The schema: it is made step by step, agrees with the models, and any number of processes may ask for it at once."""

import concurrent.futures
import multiprocessing
import typing

import alembic.autogenerate
import alembic.migration
import sqlalchemy

from freezer_api import db, exceptions
from freezer_api.db.base import Storage
from freezer_api.db.sqlalchemy import engines, migrate, models
from tests.contract import base

PROCESSES = 4


def sync(options: base.Options) -> None:
    """What ``freezer-manage db sync`` does, in a process of its own."""
    storage = db.load(base.configured(options))
    storage.sync()
    storage.check()
    storage.close()


class Empty:
    """An empty database for each test."""

    make_options: typing.Any
    addCleanup: typing.Any

    @classmethod
    def setUpClass(cls):
        """Nothing is shared."""

    def setUp(self):
        self.options = self.make_options()
        self.conf = base.configured(self.options)
        self.storage: Storage = db.load(self.conf)
        self.addCleanup(self.storage.close)
        self.engine = engines.make_for_schema(self.conf)

    def run_sql(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))

    def tables(self) -> set[str]:
        return set(sqlalchemy.inspect(self.engine).get_table_names())


@base.on_every_database(*base.SQL_DATABASES)
class Migrations(Empty):
    """From nothing to the schema of this release."""

    def test_step_by_step(self):
        revisions = migrate.revisions()
        self.assertEqual(migrate.head(), revisions[-1])
        for revision in revisions:
            migrate.upgrade(self.conf, revision)
            self.assertEqual(revision, self.storage.version())
        self.storage.check()

    def test_it_agrees_with_the_models(self):
        self.storage.sync()
        with self.engine.connect() as connection:
            context = alembic.migration.MigrationContext.configure(connection, opts={
                'version_table': migrate.VERSION_TABLE, 'compare_type': True, 'compare_server_default': True})
            self.assertEqual([], alembic.autogenerate.compare_metadata(context, models.metadata))

    def test_columns_agree_with_the_models_in_collation(self):
        self.storage.sync()
        made = self._columns()
        self.run_sql(*(f'DROP TABLE {name}' for name in models.metadata.tables))
        models.metadata.create_all(self.engine)
        self.assertEqual(self._columns(), made)

    def test_again_is_nothing(self):
        self.storage.sync()
        before = self._columns()
        self.storage.sync()
        self.assertEqual(migrate.head(), self.storage.version())
        self.assertEqual(before, self._columns())

    def test_several_processes_at_once(self):
        with concurrent.futures.ProcessPoolExecutor(PROCESSES, multiprocessing.get_context('spawn')) as pool:
            list(pool.map(sync, [self.options] * PROCESSES))
        self.assertEqual(migrate.head(), self.storage.version())
        self.storage.check()

    def test_tables_of_an_older_service_stay(self):
        self.run_sql('CREATE TABLE sessions (id INTEGER)', 'CREATE TABLE alembic_version (version_num VARCHAR(32))',
                     "INSERT INTO alembic_version VALUES ('older')")
        self.assertIsNone(self.storage.version())
        self.storage.sync()
        self.storage.check()
        self.assertLessEqual({'sessions', 'alembic_version', 'freezer_sessions'}, self.tables())

    def _columns(self) -> dict[str, str]:
        inspector = sqlalchemy.inspect(self.engine)
        return {f'{table}.{column["name"]}': repr(column) for table in sorted(models.metadata.tables)
                for column in inspector.get_columns(table)}


@base.on_every_database(*base.SQL_DATABASES)
class Versions(Empty):
    """Whether a database has the schema of this release."""

    def test_nothing_there(self):
        self.assertIsNone(self.storage.version())
        error = self._refused(self.storage.check)
        self.assertIn('freezer-manage db sync', error.message)
        self._refused(lambda: self.storage.get(base.Scope('p'), 'jobs', 'j'))

    def test_another_release(self):
        self.storage.sync()
        self.run_sql(f"UPDATE {migrate.VERSION_TABLE} SET version_num = 'another'")
        self.assertEqual('another', self.storage.version())
        self._refused(self.storage.check)

    def test_a_column_missing(self):
        self.storage.sync()
        self.run_sql('ALTER TABLE freezer_jobs DROP COLUMN version')
        self._refused(lambda: self.storage.get(base.Scope('p'), 'jobs', 'j'))

    def _refused(self, call: typing.Callable[[], typing.Any]) -> exceptions.SchemaOutOfDate:
        with self.assertRaises(exceptions.SchemaOutOfDate) as caught:
            call()
        return caught.exception
