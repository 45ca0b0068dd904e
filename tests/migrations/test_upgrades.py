"""Databases of earlier releases: all that they hold is there after an upgrade, and is found by what
this release can search.
"""

import json
import typing

import sqlalchemy

from freezer_api.db import base as contract
from freezer_api.db import scopes
from freezer_api.db.base import Scope
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import driver, migration, models
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.domain import documents, search_pairs, search_query
from freezer_api.domain.documents import BACKUPS, JOBS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests.contract import stores
from tests.migrations.common import FOLDER, Empty, load

PROJECTS = ('p', 'q é')


@stores.on_stores(*stores.SQL_STORES)
class FromTheFirst(Empty):
    """A store of the first schema, with documents of every kind, brought to this release's."""

    revision = '0001'

    def setUp(self):
        super().setUp()
        self.stored = FOLDER / f'{self.revision}.json'
        migration.upgrade(self.conf, self.revision)
        load(self.engine, self.stored)
        self.storage.sync()
        self.storage.clock = base.Clock()
        self.storage.clock.advance(106)
        self.one, self.two = (
            project_operations.Project(self.storage, Scope(project)) for project in PROJECTS
        )

    def test_every_document_is_there_unchanged(self):
        self.storage.check()
        self.assertEqual(
            {'sessions': 1, 'jobs': 4, 'actions': 1, 'clients': 1, 'backups': 4, 'trusts': 0},
            {kind: len(self.one.ids(kind)) for kind in documents.KINDS},
        )
        for table, found in json.loads(self.stored.read_text()).items():
            for row in found if table in documents.KINDS else ():
                document = self.storage.get(Scope(row['project']), table, row['id'])
                self.assertEqual(row['version'], document.version)
                self.assertEqual(row['created'], document.created)
                if table != SESSIONS:
                    self.assertEqual(json.loads(row['body']), document.body)
        self.assertEqual({'j0', 'j1'}, set(self.one.session('s')['jobs']))

    def test_new_lists_and_runs_find_old_documents(self):
        everywhere = project_operations.Project(self.storage, Scope('q é', everywhere=True))
        self.assertEqual(['j0', 'j1', 'j2', 'j0', 'last'], everywhere.ids(JOBS))
        self.assertEqual(['j2', 'last'], everywhere.ids(JOBS, marker='j1')[-3::2])
        self.assertEqual(
            ['j0', 'j2'], everywhere.ids(JOBS, [{'client_id': 'c'}], [{'status': 'completed'}])
        )
        self.assertEqual(['j0'], everywhere.ids(JOBS, [{'_all': 'SS'}], [{'_all': 'one'}]))
        self.assertEqual('q é', self.storage.claimed(JOBS, 'j0').project_id)
        self.assertEqual(['b0', 'b3'], self.one.ids(BACKUPS, bounds={'time_after': 1_700_000_003}))
        self.assertEqual(['b3'], self.one.ids(BACKUPS, bounds={'time_after': 1_700_000_004}))
        first = self.storage.run(self.one.scope, 's', 1)
        # The last one was recorded in its time.
        self.assertEqual(('b0', 'b1', 'b2'), self.storage.run_backups(self.one.scope, 's', first))

    def test_trust_of_an_old_job_ends_with_it(self):
        self.two.put_trust('t')
        self.assertFalse(self.two.end_trust('t'))
        self.two.delete_job('j0')
        self.assertTrue(self.two.end_trust('t'))

    def test_the_index_is_as_if_made_by_this_release(self):
        self.storage.contract_schema()
        self._is_whole()
        for project in (self.one, self.two):
            project.put_action('a', action='exec')
            for kind in (JOBS, BACKUPS):
                for document in project.page(kind).documents:
                    for key, value in search_pairs.offers(kind, document.body):
                        query = search_query.Query(frozenset(((key, value),)))
                        self.assertIn(
                            document, self.storage.find(project.scope, kind, query).documents
                        )
                    (
                        project.delete_job(document.id)
                        if kind == JOBS
                        else project.write(kind, document.id, None)
                    )
        self._is_whole()

    def test_upgrade_broken_off_is_completed(self):
        before = self._state()
        was = next(
            row for row in json.loads(self.stored.read_text())['jobs'] if row['id'] == 'last'
        )
        (scope,) = terms.text_scopes(indexed_scopes(JOBS, 'p', None))
        kept = terms.index(JOBS, (scope,), self.one.job('last'))[0]
        with self.engine.begin() as connection:
            of = models.pairs.c.seq == was['seq']
            every = terms.index(JOBS, (scopes.EVERYWHERE,), self.one.job('last'))[0]
            connection.execute(
                sqlalchemy.delete(models.pairs).where(of, models.pairs.c.term.in_(every.terms))
            )
            connection.execute(
                sqlalchemy.update(models.jobs)
                .where(models.jobs.c.id == 'last')
                .values(indexed=kept.pack())
            )
            untimed = {'moment': None, 'job_id': None}
            connection.execute(
                sqlalchemy.update(models.backups).where(models.backups.c.id == 'b3').values(untimed)
            )
            on = f' ON {models.backups.name}' if connection.dialect.name == 'mysql' else ''
            connection.exec_driver_sql(f'DROP INDEX {models.BY_JOB}{on}')
            connection.exec_driver_sql(f"UPDATE {migration.VERSION_TABLE} SET version_num = '0001'")
        self.assertNotEqual(before, self._state())
        self.storage.sync()
        self.assertEqual(before, self._state())
        self.assertIn(
            models.BY_JOB,
            {
                index['name']
                for index in sqlalchemy.inspect(self.engine).get_indexes(models.backups.name)
            },
        )

    def test_an_index_that_says_nothing_is_made_anew(self):
        """Of every kind, sessions with their members among them; and made again, nothing
        changes.
        """
        self.storage.contract_schema()
        before = self._state()
        nothing = terms.Index(frozenset(), bytes(16)).pack()
        with self.engine.begin() as connection:
            connection.execute(sqlalchemy.delete(models.pairs))
            connection.execute(sqlalchemy.update(models.texts).values(text=b''))
            for table in models.tables.values():
                connection.execute(sqlalchemy.update(table).values(indexed=nothing))
        counts = [self._reindex() for _ in range(2)]
        self.assertEqual(
            [
                {'sessions': 1, 'jobs': 5, 'actions': 1, 'clients': 2, 'backups': 4, 'trusts': 0},
                dict.fromkeys(documents.KINDS, 0),
            ],
            counts,
        )
        self.assertEqual(before, self._state())

    def _reindex(self) -> dict[str, int]:
        """How many documents of each kind had to be mended."""
        return {
            kind: len(self.storage.reindex(kind, (), 1000, thorough=True).drifts)
            for kind in documents.KINDS
        }

    def _is_whole(self) -> None:
        """There are the pairs and the texts that the documents offer, and no other ones."""
        self.assertEqual(dict.fromkeys(documents.KINDS, 0), self._reindex())
        pairs, texts = set(), set()
        storage = typing.cast(driver.Driver, self.storage)
        for project in PROJECTS:
            for kind in documents.KINDS:
                with self.engine.connect() as connection:
                    table = models.tables[kind].c
                    found = {
                        row.id: row
                        for row in connection.execute(
                            sqlalchemy.select(table.id, table.seq, table.claim).where(
                                table.project == project
                            )
                        )
                    }
                for document in storage.find(
                    contract.Scope(project), kind, search_query.Query(limit=1000)
                ).documents:
                    row = found[document.id]
                    scopes = indexed_scopes(kind, project, row.claim)
                    pairs |= {
                        (term, row.seq)
                        for term in terms.index(kind, scopes, document.body)[0].terms
                    }
                    texts |= {(kind, scope, row.seq) for scope in terms.text_scopes(scopes)}
        state = self._state()
        self.assertEqual(pairs, state['pairs'])
        self.assertEqual(texts, {row[:3] for row in state['texts']})

    def _state(self) -> dict[str, set[typing.Any]]:
        """All that there is of the index."""
        tables = {
            'pairs': models.pairs,
            'texts': models.texts,
            **{kind: models.tables[kind] for kind in (JOBS, BACKUPS)},
        }
        with self.engine.connect() as connection:
            found = {
                name: connection.execute(sqlalchemy.select(table)).all()
                for name, table in tables.items()
            }
        return {name: {self._told(row) for row in rows} for name, rows in found.items()}

    @staticmethod
    def _told(row: typing.Any) -> tuple[typing.Any, ...]:
        """A row, but for the release that has indexed it."""
        kept = row._asdict()
        if 'indexed' in kept:
            kept['indexed'] = terms.Index.unpack(kept['indexed'])
        return tuple(kept.values())


@stores.on_stores(*stores.SQL_STORES)
class FromTheSecond(FromTheFirst):
    """The same documents, as a release with the second schema has stored them."""

    revision = '0002'
