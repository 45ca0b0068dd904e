"""The schema: it is made step by step, agrees with the models, and any number of processes may ask
for it at once.
"""

import ast
import functools
import pathlib
import typing
import unittest

import alembic.autogenerate
import alembic.migration
import sqlalchemy

from freezer_api import db, exceptions
from freezer_api.db.sqlalchemy import migration, models
from freezer_api.domain import search
from freezer_api.tests.contract import base, parallel, project_operations
from tests.base import SEED, sample
from tests.contract import costs, stores
from tests.migrations import common
from tests.migrations.common import Broken, Empty, breaking

PROCESSES = 4


def sync(options: base.Options) -> None:
    """What ``freezer-manage db sync`` does, in a process of its own."""
    storage = db.load(base.configured(options))
    storage.sync()
    storage.check()
    storage.close()


@stores.on_stores(*stores.SQL_STORES)
class Migrations(Empty):
    """From nothing to the schema of this release."""

    def test_each_step_leads_to_its_revision(self):
        revisions = migration.revisions()
        self.assertEqual(migration.head(), revisions[-1])
        for revision in revisions:
            migration.upgrade(self.conf, revision)
            self.assertEqual(revision, self.storage.version())
        self.storage.check()

    def test_schema_agrees_with_the_models(self):
        self.storage.sync()
        with self.engine.connect() as connection:
            context = alembic.migration.MigrationContext.configure(
                connection,
                opts={
                    'version_table': migration.VERSION_TABLE,
                    'include_name': lambda name, *_of: name != migration.CONTRACT.table,
                    'compare_type': True,
                    'compare_server_default': True,
                },
            )
            self.assertEqual([], alembic.autogenerate.compare_metadata(context, models.metadata))

    def test_columns_agree_with_the_models_in_collation(self):
        self.storage.sync()
        made = self._columns()
        self.run_sql(*(f'DROP TABLE {name}' for name in models.metadata.tables))
        models.metadata.create_all(self.engine)
        self.assertEqual(self._columns(), made)

    def test_second_sync_changes_nothing(self):
        self.storage.sync()
        before = self._columns()
        self.storage.sync()
        self.assertEqual(migration.head(), self.storage.version())
        self.assertEqual(before, self._columns())

    def test_several_processes_make_one_schema_at_once(self):
        parallel.processes(sync, [(self.options,)] * PROCESSES)
        self.assertEqual(migration.head(), self.storage.version())
        self.storage.check()

    def test_tables_of_an_older_service_stay(self):
        self.run_sql(
            'CREATE TABLE sessions (id INTEGER)',
            'CREATE TABLE alembic_version (version_num VARCHAR(32))',
            "INSERT INTO alembic_version VALUES ('older')",
        )
        self.assertIsNone(self.storage.version())
        self.storage.sync()
        self.storage.check()
        self.assertLessEqual({'sessions', 'alembic_version', 'freezer_sessions'}, self.tables())

    def _columns(self) -> dict[str, str]:
        inspector = sqlalchemy.inspect(self.engine)
        return {
            f'{table}.{column["name"]}': repr(column)
            for table in sorted(models.metadata.tables)
            for column in inspector.get_columns(table)
        }


@stores.on_stores(*stores.SQL_STORES)
class Versions(Empty):
    """Whether a database has the schema of this release."""

    def test_database_without_a_schema_is_refused(self):
        self.assertIsNone(self.storage.version())
        self._refused(self.storage.check)
        self._refused_everything()

    def test_what_to_do_is_for_operators_alone(self):
        """They read the causes of errors in the log."""
        for prepare in (
            lambda: None,
            lambda: migration.upgrade(self.conf, '0002'),
            self.storage.sync,
            lambda: self.run_sql('ALTER TABLE freezer_jobs DROP COLUMN created'),
        ):
            prepare()
            try:
                self.storage.get(base.Scope('p'), 'jobs', 'j')
            except exceptions.SchemaOutOfDate as error:
                self.assertNotIn('freezer-manage', error.message)
                self.assertIn('freezer-manage db sync', str(error.__cause__))
            except exceptions.NotFound:
                self.storage.check()

    def test_earlier_revision_is_refused_until_the_sync(self):
        for revision in migration.revisions()[:-1]:
            migration.upgrade(self.conf, revision)
            self._refused_everything()
        self.storage.sync()
        for call in self._calls():
            call()

    def test_later_revision_is_refused(self):
        self.storage.sync()
        self._later('9999', declared='9999', lowest='9999')
        self._refused_everything()
        self._refused(self.storage.sync)

    def test_later_revision_is_served_only_where_it_says_so(self):
        self.storage.sync()
        own = migration.head()
        cases = (own, own, False), ('9999', own, True), ('9999', '0001', True)
        for declared, lowest, fits in cases:
            self._later('9999', declared, lowest)
            for call in self._calls():
                call() if fits else self._refused(call)

    def test_several_revisions_are_refused(self):
        self.storage.sync()
        self.run_sql(f"INSERT INTO {migration.VERSION_TABLE} VALUES ('0001')")
        self._refused_everything()

    def test_missing_column_is_refused(self):
        self.storage.sync()
        self.run_sql('ALTER TABLE freezer_jobs DROP COLUMN version')
        self._refused(lambda: self.storage.get(base.Scope('p'), 'jobs', 'j'))

    def test_schema_is_checked_once_and_after_a_failure(self):
        self.storage.sync()
        recorder = costs.Recorder(self.storage)
        query = search.parse(None, 'jobs')
        job = functools.partial(self.storage.find, base.Scope('p'), 'jobs', query)
        self.assertEqual([2, 1, 1], [len(recorder.of(job)) for _ in range(3)])
        self.run_sql(
            'ALTER TABLE freezer_pairs RENAME TO freezer_moved',
            f"UPDATE {migration.VERSION_TABLE} SET version_num = '9999'",
        )
        self.assertIn('9999', str(self._refused(job).__cause__))

    def _later(self, revision, declared, lowest):
        """Let the schema be that of a later release, and be looked at by a new process."""
        self.run_sql(
            f"UPDATE {migration.VERSION_TABLE} SET version_num = '{revision}'",
            f"UPDATE freezer_compatibility SET revision = '{declared}'",
            f"UPDATE freezer_compatibility SET lowest = '{lowest}'",
        )
        self.storage = db.load(self.conf)
        self.addCleanup(self.storage.close)

    def _calls(self):
        project = project_operations.Project(self.storage, base.Scope('p'))
        return (
            self.storage.check,
            lambda: project.page('jobs'),
            lambda: project.page('sessions'),
            lambda: project.put_client('c'),
            lambda: self.storage.purge('nobody'),
        )

    def _refused_everything(self):
        for call in self._calls():
            self._refused(call)

    def _refused(self, call: typing.Callable[[], typing.Any]) -> exceptions.SchemaOutOfDate:
        with self.assertRaises(exceptions.SchemaOutOfDate) as caught:
            call()
        return caught.exception


@stores.on_stores(*stores.SQL_STORES)
class BrokenOff(Empty):
    """A change of the schema ends before any of its statements; the next one completes it."""

    def test_first_sync_broken_off_is_completed_by_the_next(self):
        self._walk(lambda: None)

    def test_upgrade_broken_off_is_completed_by_the_next(self):
        def arrange():
            migration.upgrade(self.conf, '0001')
            common.load(self.engine, common.FOLDER / '0001.json')

        self._walk(arrange)

    def _walk(self, arrange):
        arrange()
        with breaking(-1) as done:
            self.storage.sync()
        whole, points = self.everything(), len(done)
        self.assertGreater(points, 10)
        # Only MariaDB keeps what was done before: elsewhere all of it is one transaction, whose
        # points are alike.
        share = 0.3 if self.engine.dialect.name == 'mysql' else 0.1
        for at in sample(share, range(points), self.name, self.id()):
            with self.subTest(before=done[at], seed=SEED):
                self.empty()
                arrange()
                with self.assertRaises(Broken), breaking(at):
                    self.storage.sync()
                self.storage.sync()
                self.assertEqual(whole, self.everything())


class Revisions(unittest.TestCase):
    """Revisions stay what they were, whatever becomes of the rest."""

    def test_revisions_import_nothing_that_may_change(self):
        folder = pathlib.Path(migration.__file__).parent / 'migrations'
        lines = migration.EXPAND, migration.CONTRACT
        revisions = [file for line in lines for file in folder.glob(f'{line.folder}/0*.py')]
        self.assertEqual(sum(len(migration.revisions(line)) for line in lines), len(revisions))
        files = [*revisions, *folder.glob('readers_*.py')]
        for file in files:
            for node in ast.walk(ast.parse(file.read_text())):
                names = [alias.name for alias in getattr(node, 'names', ())]
                if isinstance(node, ast.ImportFrom):
                    names = [f'{node.module}.{name}' for name in names]
                for name in names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                    if name.startswith('freezer_api'):
                        own = f'freezer_api.db.sqlalchemy.migrations.readers_{file.name[:4]}'
                        self.assertEqual(own, name, file.name)
