"""What is derived of documents in a database that somebody has laid hands on."""

import functools

import sqlalchemy

from freezer_api.db import walks
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.search import terms
from freezer_api.db.sqlalchemy.sessions import session_rows
from freezer_api.domain import documents
from freezer_api.domain.documents import BACKUPS, CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract.derived import Stores
from tests.contract import stores


@stores.on_stores(*stores.SQL_STORES)
class DamagedTables(Stores):
    """Each kind of damage is told of the document that it is of, and mended."""

    def damage(self, *statements):
        with self.own.database.engines.writer.connect() as connection, connection.begin():
            for statement in statements:
                connection.execute(statement)

    def test_missing_terms_are_told_and_mended(self):
        found = self.project.ids(CLIENTS, [{'zone': 'Ä'}])
        seq = self._seq(CLIENTS)
        index = terms.index(CLIENTS, ('p',), self.project.get(CLIENTS, 'c').body)[0]
        self.damage(
            self._pairs().where(models.pairs.c.seq == seq, models.pairs.c.term.in_(index.terms))
        )
        self.assertEqual([], self.project.ids(CLIENTS, [{'zone': 'Ä'}]))
        self.mended((CLIENTS, 'p', 'c'))
        self.assertEqual(found, self.project.ids(CLIENTS, [{'zone': 'Ä'}]))

    def test_surplus_terms_are_told_and_mended(self):
        """Known to the row, or to nobody."""
        seq = self._seq(BACKUPS)
        own = terms.index(BACKUPS, ('p',), self.project.get(BACKUPS, 'b').body)[0]
        more = terms.Index(own.terms | {5, 6}, own.text_digest)
        table = models.backups
        self.damage(
            sqlalchemy.insert(models.pairs).values(
                [{'term': 5, 'seq': seq}, {'term': 7, 'seq': seq}]
            ),
            sqlalchemy.update(table).where(table.c.seq == seq).values(indexed=more.pack()),
        )
        self.mended((BACKUPS, 'p', 'b'), (walks.LEFT, '', ''))

    def test_wrong_texts_are_told_and_mended(self):
        texts, seq = models.texts, self._seq(JOBS)
        of_job = (texts.c.kind == JOBS, texts.c.seq == seq)
        for statement in (
            sqlalchemy.delete(texts).where(*of_job),
            sqlalchemy.update(texts).where(*of_job).values(text=b'other'),
        ):
            self.damage(statement)
            self.mended((JOBS, 'p', 'j1'))
            self.assertEqual(['j1'], self.project.ids(JOBS, [{'_all': 'J1'}]))

    def test_index_without_a_document_is_told_and_removed(self):
        values = {'kind': JOBS, 'scope': 'gone', 'seq': 1, 'text': b'x'}
        self.damage(
            sqlalchemy.insert(models.pairs).values(term=5, seq=10**6),
            sqlalchemy.insert(models.texts).values(values),
        )
        self.mended((walks.LEFT, '', ''))

    def test_members_and_records_of_no_session_are_told_and_kept(self):
        """They may be all that is left of one: they stay."""
        body = {
            'client_id': 'c',
            'status': '',
            'result': '',
            'time_started': 1,
            'time_ended': 1,
            'counted': 0,
        }
        self.damage(
            sqlalchemy.insert(models.members).values(session=10**6, job_id='j', **body),
            sqlalchemy.insert(models.runs).values(session=10**6, tag=1, body='{}'),
        )
        for _ in range(2):
            found = [
                drift
                for step in self.walked(self.own.verify, (walks.LEFT,))
                for drift in step.drifts
            ]
            self.assertEqual([False, False], [drift.mendable for drift in found])
            self.walked(self.own.reindex, thorough=True)

    def test_wrong_columns_are_told_and_mended(self):
        for kind, id, values in (
            (BACKUPS, 'b', {'moment': 1}),
            (BACKUPS, 'b', {'job_id': None}),
            (SESSIONS, 's', {'settle_at': 1}),
            (SESSIONS, 's', {'records': 9}),
            (CLIENTS, 'c', {'claim': 'c'}),
        ):
            with self.subTest(values=values):
                table = models.tables[kind]
                self.damage(
                    sqlalchemy.update(table)
                    .where(table.c.project == 'p', table.c.id == id)
                    .values(values)
                )
                self.mended((kind, 'p', id))

    def test_members_in_a_row_that_are_not_those_of_the_session_are_told_and_mended(self):
        table = models.sessions.c
        is_session = sqlalchemy.and_(table.project == 'p', table.id == 's')
        body = sqlalchemy.select(table.body).where(is_session)
        read = functools.partial(
            self.own.database.read, lambda connection: connection.execute(body).scalar_one()
        )
        before = read()
        stored = documents.orjson.loads(before)
        del stored[session_rows.MEMBERS][0]
        damaged = documents.orjson.dumps(stored).decode()
        self.damage(sqlalchemy.update(models.sessions).where(is_session).values(body=damaged))
        self.mended((SESSIONS, 'p', 's'))
        self.assertEqual(before, read())

    def test_claim_of_another_document_is_told_and_not_taken(self):
        self.project.put_client('central', central=True)
        table = models.clients
        body = self.project.get(CLIENTS, 'central').body
        self.other.put_client('central')
        self.damage(
            sqlalchemy.update(table)
            .where(table.c.project == 'q é', table.c.id == 'central')
            .values(body=documents.orjson.dumps(body).decode())
        )
        self.assertIn((CLIENTS, 'q é', 'central'), self.drifts())
        self.assertIn((CLIENTS, 'q é', 'central'), self.drifts(self.own.reindex, thorough=True))
        self.assertEqual('p', self.own.claimed(CLIENTS, 'central').project_id)

    def test_lost_index_is_made_anew(self):
        before = {kind: self.project.ids(kind) for kind in documents.KINDS}
        self.damage(sqlalchemy.delete(models.pairs), sqlalchemy.delete(models.texts))
        self.assertEqual([], self.project.ids(JOBS))
        self.walked(self.own.reindex, thorough=True)
        self.assertEqual(set(), self.drifts())
        self.assertEqual(before, {kind: self.project.ids(kind) for kind in documents.KINDS})

    def _seq(self, kind):
        table = models.tables[kind].c
        number = sqlalchemy.select(table.seq).where(table.project == 'p').order_by(table.seq)
        return self.own.database.read(
            lambda connection: connection.execute(number).scalars().first()
        )

    _pairs = staticmethod(functools.partial(sqlalchemy.delete, models.pairs))
