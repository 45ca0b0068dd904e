"""What is derived of documents in indices that somebody has laid hands on: told, mended, and never
trusted in a loop.
"""

from freezer_api.db import walks
from freezer_api.db.elasticsearch import codec
from freezer_api.domain.documents import BACKUPS, CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract.derived import Stores
from tests.contract import stores
from tests.contract.test_elasticsearch_cost import Recorder


class Hands:
    """Writes documents of Elasticsearch as they are, with some fields changed."""

    def damage(self, kind, id, project='p', **fields):
        """Write a document with other fields; None leaves one away."""
        key = codec.key(kind, project, id)[1]
        whole = self.whole(kind, project, id) | fields
        self.put(kind, key, {name: value for name, value in whole.items() if value is not None})

    def whole(self, kind, project, id):
        """All that is written of a document."""
        key = codec.key(kind, project, id)
        found = self.own.transactions.committer.store.get(key)
        return codec.source(key, found.value, found.mark)

    def put(self, kind, key, source):
        """Write under a key."""
        line = {'index': {'_index': self.own.client.alias(kind), '_id': key}}
        status, answer = self.own.client.call('POST', '/_bulk', [line, source], {'refresh': 'true'})
        self.assertEqual((200, False), (status, answer['errors']), answer)


@stores.on_stores(*stores.CLUSTERS)
class DamagedIndices(Hands, Stores):
    """Each kind of damage is told of the document that it is of, and mended."""

    def test_what_is_not_kept_beside_the_document(self):
        """As a partial update, or a copy by other means, loses it."""
        whole = self.whole(CLIENTS, 'p', 'c')
        for field in ('terms', 'grams', 'text'):
            for value in (None, whole[field][: len(whole[field]) // 2]):
                with self.subTest(field=field, value=value):
                    self.damage(CLIENTS, 'c', **{field: value})
                    self.mended((CLIENTS, 'p', 'c'))
        self.assertEqual(['c'], self.project.ids(CLIENTS, [{'zone': 'Ä'}, {'_all': 'ä'}]))

    def test_another_derivation(self):
        """That of a release that has forgotten to raise its number."""
        doc = self.whole(JOBS, 'p', 'j1')['doc']
        self.damage(JOBS, 'j1', doc={**doc, 'index': [codec.search_pairs.INDEX_VERSION, 'other']})
        self.mended((JOBS, 'p', 'j1'))

    def test_fields(self):
        for kind, id, field, value in (
            (BACKUPS, 'b', 'moment', 1),
            (BACKUPS, 'b', 'moment', None),
            (SESSIONS, 's', 'settle_at', 10**18),
            (JOBS, 'j2', 'restless', True),
        ):
            with self.subTest(field=field, value=value):
                self.damage(kind, id, **{field: value})
                self.mended((kind, 'p', id))

    def test_a_document_under_the_id_of_another_one(self):
        """Nothing tells which of both it is."""
        self.put(JOBS, codec.key(JOBS, 'p', 'j1')[1], self.whole(JOBS, 'p', 'k'))
        found = [drift for step in self.walked(self.own.verify, (JOBS,)) for drift in step.drifts]
        self.assertIn(('k', False), {(drift.id, drift.mendable) for drift in found})

    def test_claims(self):
        self.project.put_client('central', central=True)
        key = codec.claim_key(CLIENTS, 'central')
        self.own.transactions.committer.store.remove([key])
        self.mended((CLIENTS, 'p', 'central'))
        self.assertEqual('p', self.own.claimed(CLIENTS, 'central').project_id)
        stale = codec.claim_value(CLIENTS, 'p', 'c')
        self.put(codec.CLAIMS, stale.key[1], codec.source(stale.key, stale, {}))
        self.mended((walks.LEFT, 'p', ''))

    def test_records(self):
        life = self.own.finder.get_or_none(SESSIONS, 'p', 's').state['life']
        self.own.transactions.committer.store.remove([codec.run_key(life, 1)])
        self.mended((SESSIONS, 'p', 's'))
        runs, _more = self.own.runs(self.project.scope, 's', 10)
        self.assertNotIn(1, [run.tag for run in runs])
        self.assertNotEqual([], runs)


@stores.on_stores(*stores.CLUSTERS)
class Trusted(Hands, Stores):
    """Reads correct what they would stumble over again and again, once, and log it."""

    def setUp(self):
        super().setUp()
        self.recorder = Recorder(self.own)

    def corrected(self, field, read, expected):
        """Check a read that meets the damage, and one after it."""
        with self.assertLogs('freezer_api.db.elasticsearch', 'ERROR') as logged:
            self.assertEqual(expected, read())
        self.assertEqual([True], [field in line for line in logged.output])
        requests, _ = self.recorder.of(lambda: self.assertEqual(expected, read()))
        self.assertEqual(['POST _refresh', 'POST _search'], requests)

    def test_a_lapse_that_is_none(self):
        self.assertEqual('completed', self.project.session('s')['status'])
        for offset in (0, 1):
            self.damage(SESSIONS, 's', settle_at=1)
            self.corrected(
                'settle_at',
                lambda offset=offset: self.project.ids(SESSIONS, offset=offset),
                ['s'][offset:],
            )

    def test_a_lapse_that_comes_later(self):
        self.project.patch_session('s', hold_off=60)
        self.clock.advance(1)
        self.project.start('s', 'j1', 3)
        self.project.end('s', 'j1', 4)
        self.damage(SESSIONS, 's', settle_at=1)
        self.corrected(
            'settle_at', lambda: self.project.ids(SESSIONS, [{'status': 'running'}]), ['s']
        )

    def test_a_lapse_that_is_not_found(self):
        self.project.patch_session('s', hold_off=60)
        self.clock.advance(1)
        self.project.start('s', 'j1', 3)
        self.project.end('s', 'j1', 4)
        self.clock.advance(61)
        self.damage(SESSIONS, 's', settle_at=None)
        (shown,) = self.project.page(SESSIONS).documents
        self.assertEqual('completed', shown.body['status'])

    def test_a_lock_that_is_none(self):
        for offset in (0, 1):
            self.damage(JOBS, 'j1', restless=True)
            self.corrected(
                'restless',
                lambda offset=offset: self.project.ids(JOBS, offset=offset),
                ['j1', 'j2', 'k'][offset:],
            )

    def test_a_lock_that_is_none_in_a_look_up(self):
        self.damage(JOBS, 'j1', restless=True)
        with self.assertLogs('freezer_api.db.elasticsearch', 'ERROR'):
            self.project.put_action('a', action='exec')
        self.assertEqual(
            'exec', self.project.job('j1')['job_actions'][0]['freezer_action']['action']
        )

    def test_a_claim_of_nobody(self):
        stale = codec.claim_value(CLIENTS, 'p', 'c')
        self.put(codec.CLAIMS, stale.key[1], codec.source(stale.key, stale, {}))
        with self.assertLogs('freezer_api.db.elasticsearch', 'ERROR'):
            self.assertIsNone(self.own.claimed(CLIENTS, 'c'))
        requests, _ = self.recorder.of(lambda: self.own.claimed(CLIENTS, 'c'))
        self.assertEqual(['POST _mget'], requests)
