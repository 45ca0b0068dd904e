"""What upgrades of the schema leave to releases before, and what is removed when these are gone."""

import pathlib
import re
import typing
import unittest
import unittest.mock

import fixtures
import sqlalchemy

from freezer_api import exceptions
from freezer_api.db import verifying
from freezer_api.db.base import Scope
from freezer_api.db.sqlalchemy import migration, models
from freezer_api.db.sqlalchemy.search import counts, terms
from freezer_api.domain import documents
from freezer_api.domain.documents import BACKUPS
from freezer_api.tests.contract import base, project_operations
from tests.base import SEED, sample
from tests.contract import stores
from tests.contract.counted import Counted
from tests.migrations.common import FOLDER, Broken, Empty, breaking, load

#: The release from which on upgrades roll: it reads what the schema says of other releases.
FIRST_ROLLING = '0003'
#: Statements that processes of the release before may stumble over, as each database spells them.
REMOVING = re.compile(
    r'\s*(DROP|RENAME|TRUNCATE)\b'
    r'|\s*ALTER\s+TABLE\s+\S+\s+'
    r'(DROP|RENAME|MODIFY|CHANGE|ALTER\s+COLUMN\s+\S+\s+(TYPE|SET\s+NOT\s+NULL|DROP\s+DEFAULT))',
    re.IGNORECASE,
)
#: A revision that contracts the schema: the table that it removes is the test's.
REVISION = """
import sqlalchemy
from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    compatibility = sqlalchemy.table('freezer_compatibility', sqlalchemy.column('lowest'))
    op.execute(sqlalchemy.update(compatibility).values(lowest=revision))
    if sqlalchemy.inspect(op.get_bind()).has_table('old_{revision}'):
        op.drop_table('old_{revision}')
"""


class Statements(unittest.TestCase):
    """What removes something is recognized."""

    def test_statements_that_remove_are_told_from_those_that_add(self):
        removing = (
            'DROP TABLE a',
            '\nDROP INDEX i ON a',
            'ALTER TABLE a DROP COLUMN b',
            'ALTER TABLE a MODIFY b BIGINT NOT NULL',
            'ALTER TABLE a CHANGE b c BIGINT',
            'ALTER TABLE a RENAME TO b',
            'ALTER TABLE a ALTER COLUMN b TYPE BIGINT',
            'ALTER TABLE a ALTER COLUMN b SET NOT NULL',
        )
        adding = (
            'CREATE TABLE a (b INTEGER)',
            '\nCREATE INDEX i ON a (b)',
            'ALTER TABLE a ADD COLUMN b BIGINT',
            'ALTER TABLE freezer_pairs ALTER COLUMN term SET STATISTICS 1000',
            'UPDATE a SET b = 1',
        )
        for statement in removing:
            self.assertIsNotNone(REMOVING.match(statement), statement)
        for statement in adding:
            self.assertIsNone(REMOVING.match(statement), statement)


@stores.on_stores(*stores.SQL_STORES)
class Expanding(Empty):
    """Each revision that ``freezer-manage db sync`` runs."""

    def test_expanding_revisions_remove_nothing(self):
        with breaking(-1) as done:
            migration.upgrade(self.conf, migration.head())
        self.assertGreater(len(done), 10)
        self.assertEqual([], [statement for statement in done if REMOVING.match(statement)])

    def test_each_revision_fits_the_release_before(self):
        revisions = migration.revisions()
        first = revisions.index(FIRST_ROLLING)
        migration.upgrade(self.conf, FIRST_ROLLING)
        for before, revision in zip(revisions[first:], revisions[first + 1 :], strict=False):
            migration.upgrade(self.conf, revision)
            with self.engine.connect() as connection:
                (row,) = connection.execute(sqlalchemy.select(models.compatibility)).all()
            self.assertEqual(revision, row.revision)
            self.assertLessEqual(row.lowest, before)

    def test_columns_that_are_new_have_a_default(self):
        """Processes of the release before insert rows without them."""
        revisions = migration.revisions()
        first = revisions.index(FIRST_ROLLING)
        migration.upgrade(self.conf, FIRST_ROLLING)
        before = self._columns()
        for revision in revisions[first + 1 :]:
            migration.upgrade(self.conf, revision)
            after = self._columns()
            for name in after.keys() - before.keys():
                table = name.partition('.')[0]
                is_new = not any(one.startswith(f'{table}.') for one in before)
                column = after[name]
                self.assertTrue(is_new or column['nullable'] or column['default'], name)
            before = after

    def _columns(self) -> dict[str, typing.Any]:
        inspector = sqlalchemy.inspect(self.engine)
        return {
            f'{table}.{column["name"]}': column
            for table in inspector.get_table_names()
            for column in inspector.get_columns(table)
        }


@stores.on_stores(*stores.SQL_STORES)
class Contracting(Empty):
    """Two revisions of the test's own that contract the schema."""

    def setUp(self):
        folder = fixtures.TempDir()
        folder.setUp()
        self.addCleanup(folder.cleanUp)
        for revision, before in (('0003', None), ('0004', '0003')):
            file = pathlib.Path(folder.path, f'{revision}_test.py')
            file.write_text(REVISION.format(revision=revision, before=before))
        line = migration.Line(folder.path, migration.CONTRACT.table)
        patch = unittest.mock.patch.object(migration, 'CONTRACT', line)
        patch.start()
        self.addCleanup(patch.stop)
        super().setUp()

    def empty(self):
        """Begin with a schema that earlier releases have made, and what they need in it."""
        super().empty()
        migration.upgrade(self.conf, migration.head())
        self.run_sql('CREATE TABLE old_0003 (a INTEGER)', 'CREATE TABLE old_0004 (a INTEGER)')

    def test_sync_of_an_older_schema_leaves_it_expanded(self):
        self.storage.sync()
        self.assertLessEqual({'old_0003', 'old_0004'}, self.tables())
        self.assertEqual(['0003', '0004'], self.storage.uncontracted())
        self.assertEqual('0003', self._lowest())

    def test_contract_removes_what_is_old_once(self):
        self.storage.contract_schema()
        self.assertEqual(set(), {'old_0003', 'old_0004'} & self.tables())
        self.assertEqual([], self.storage.uncontracted())
        self.assertEqual('0004', self._lowest())
        self.assertEqual(migration.head(), self.storage.version())
        self.storage.check()
        self.run_sql('CREATE TABLE old_0003 (a INTEGER)')
        self.storage.contract_schema()
        self.assertIn('old_0003', self.tables())

    def test_contract_of_a_schema_that_is_not_expanded_is_refused(self):
        super().empty()
        for revision in (None, '0003'):
            if revision:
                migration.upgrade(self.conf, revision)
            self.assertEqual([], self.storage.uncontracted())
            before = self.everything()
            with self.assertRaises(exceptions.SchemaOutOfDate) as caught:
                self.storage.contract_schema()
            self.assertIn('freezer-manage db sync first', str(caught.exception.__cause__))
            self.assertEqual(before, self.everything())

    def test_contract_of_a_later_schema_is_refused(self):
        self.run_sql(f"UPDATE {migration.VERSION_TABLE} SET version_num = '9999'")
        before = self.everything()
        with self.assertRaises(exceptions.SchemaOutOfDate):
            self.storage.contract_schema()
        self.assertEqual(before, self.everything())

    def test_what_a_later_release_has_contracted_is_done(self):
        self.storage.contract_schema()
        self.run_sql(f"UPDATE {migration.CONTRACT.table} SET version_num = '9999'")
        self.assertEqual([], self.storage.uncontracted())

    def test_contract_broken_off_is_completed_by_the_next(self):
        with breaking(-1) as done:
            self.storage.contract_schema()
        whole, statements = self.everything(), list(done)
        self.assertGreater(len(statements), 4)
        for at, statement in enumerate(statements):
            with self.subTest(before=statement):
                self.empty()
                with self.assertRaises(Broken), breaking(at):
                    self.storage.contract_schema()
                self.storage.contract_schema()
                self.assertEqual(whole, self.everything())

    def test_new_schema_is_contracted_at_once(self):
        super().empty()
        self.storage.sync()
        self.assertEqual([], self.storage.uncontracted())
        self.assertEqual('0004', self._lowest())

    def _lowest(self) -> str:
        with self.engine.connect() as connection:
            return connection.scalar(sqlalchemy.select(models.compatibility.c.lowest))


@stores.on_stores(*stores.SQL_STORES)
class Counting(Counted, Empty):
    """Documents of earlier releases and of this one, which are counted once the schema is
    contracted.
    """

    catch_up_at = 1

    def empty(self):
        super().empty()
        migration.upgrade(self.conf, '0001')
        load(self.engine, FOLDER / '0001.json')
        self.storage.sync()
        self.storage.clock = base.Clock()
        self.project = project_operations.Project(self.storage, Scope('p'))
        self.project.put_backup('new')

    def test_nothing_is_counted_before(self):
        self.assertEqual(['0006'], self.storage.uncontracted())
        self._pages_are_right()
        self.assertEqual([], self._counts())

    def test_contracted_all_are_counted(self):
        self.storage.contract_schema()
        self.assertEqual([], self.storage.uncontracted())
        self._pages_are_right()
        self.project.write(BACKUPS, self.project.ids(BACKUPS)[1], None)
        self._pages_are_right()
        (term,) = terms.of_lists(BACKUPS, ('p',))
        number = len(self.project.ids(BACKUPS))
        for bits in (counts.SMALL, counts.LARGE):
            self.assertIn((term, bits, 0, number), self._counts())
        self.assertIn((*counts.IN_USE, 1), self._counts())
        for kind in verifying.KINDS:
            step = self.storage.verify(kind, (), 1000)
            self.assertEqual((), step.drifts)

    def test_contract_broken_off_is_completed_by_the_next(self):
        with breaking(-1) as done:
            self.storage.contract_schema()
        whole, statements = self.everything(), list(done)
        self.assertGreater(len(statements), 10)
        for at in sample(0.2, range(len(statements)), self.name, self.id()):
            with self.subTest(before=statements[at], seed=SEED):
                self.empty()
                with self.assertRaises(Broken), breaking(at):
                    self.storage.contract_schema()
                self.storage.contract_schema()
                self.assertEqual(whole, self.everything())

    def _pages_are_right(self):
        for kind in documents.KINDS:
            ids = self.project.ids(kind)
            for offset in range(1, len(ids) + 2):
                self.assertEqual(ids[offset:], self.project.ids(kind, offset=offset))

    def _counts(self):
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.select(models.counts))]
