"""The indices in Elasticsearch: created, upgraded, configured, by several processes at once and
whatever breaks off.
"""

import concurrent.futures
import functools
import threading

import testtools

from freezer_api import db, exceptions
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.indices import mappings, migration, upgrading
from freezer_api.domain.documents import JOBS
from freezer_api.tests.contract import base, bodies, project_operations
from tests import servers
from tests.base import EXPLORING
from tests.contract import old_indices, stores
from tests.servers import opensearch


class Broken(Exception):
    """The process is dead, or believes that it has failed."""


def die(send):
    """The process is killed before the request; after the one before, that is, whose answer it
    doesn't get.
    """
    raise Broken


def repeat(send):
    """The answer is lost, and the request sent again."""
    send()
    return send()


FAULTS = {
    'Elasticsearch8': die,
    'Elasticsearch9': repeat,
    'OpenSearch2': repeat,
    'OpenSearch3': die,
}


@stores.on_stores(*stores.CLUSTERS)
class Creation(old_indices.OwnIndices):
    def test_by_several_processes_at_once(self):
        commands = [self.command() for _ in range(3)]
        for command in commands:
            output, _ = command.communicate()
            self.assertEqual(
                (0, f'The schema is at {mappings.VERSION}.\n'), (command.returncode, output)
            )
        self.assert_current()

    def test_by_many_threads_at_once(self):
        processes = [self.process() for _ in range(8)]
        with concurrent.futures.ThreadPoolExecutor(len(processes)) as pool:
            list(pool.map(lambda process: process.sync(), processes))
        self.assert_current()

    def test_before_and_after(self):
        self.assertIsNone(self.own.version())
        self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'freezer-manage db sync', self.own.check)
        self.own.sync()
        before = self.indices()
        self.assertEqual(str(mappings.VERSION), self.own.version())
        self.own.sync()
        self.assertEqual(before, self.indices())

    def test_one_is_missing(self):
        self.own.sync()
        old_indices.Writer(self.own).write()
        (index,) = self.ask('GET', f'/{self.prefix}_{JOBS}')
        self.ask('DELETE', f'/{index}')
        self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'freezer-manage db sync', self.own.check)
        for use in (
            old_indices.Writer(self.own).write,
            lambda: project_operations.Project(self.own, base.Scope('p')).ids(JOBS),
        ):
            self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'freezer-manage db sync', use)
        self.assertNotIn(index, self.indices())
        self.own.sync()
        self.assert_current()

    def test_an_index_that_has_lost_its_alias_is_left_alone(self):
        self.own.sync()
        (index,) = self.ask('GET', f'/{self.prefix}_{JOBS}')
        self.ask('DELETE', f'/{index}/_alias/{self.prefix}_{JOBS}')
        looks, migration.LOOKS = migration.LOOKS, 3
        self.addCleanup(setattr, migration, 'LOOKS', looks)
        self.assertRaisesRegex(
            exceptions.SchemaOutOfDate, f'{index} without the alias', self.own.sync
        )
        self.assertIn(index, self.indices())

    def test_names_that_others_have(self):
        """One index has the name that the published service gives to its own, another one that of
        an alias.
        """
        other = self.prefix
        self.ask('PUT', f'/{other}')
        self.addCleanup(self.own.client.call, 'DELETE', f'/{other}')
        self.own.sync()
        self.age()
        self.own.sync()
        self.ask('GET', f'/{other}')
        taken = self.process(f'{self.prefix}_x')
        self.ask('PUT', f'/{self.prefix}_x_{JOBS}')
        self.assertRaisesRegex(
            exceptions.SchemaOutOfDate,
            f'{self.prefix}_x_{JOBS}.*same name as the alias',
            taken.sync,
        )

    def test_prefixes_that_begin_with_others(self):
        stores = [
            self.process(prefix)
            for prefix in (f'{self.prefix}_{JOBS}', self.prefix, f'{self.prefix}_{JOBS}_1')
        ]
        for storage in stores:
            storage.sync()
        writers = [old_indices.Writer(storage) for storage in stores]
        for writer in writers:
            writer.write()
        self.age()
        self.own.sync()
        for storage, writer in zip(stores, writers, strict=True):
            storage.check()
            writer.check(self, storage)


@stores.on_stores(*stores.ONE_OF_EACH)
class Settings(old_indices.OwnIndices):
    def _settings(self):
        (told,) = self.ask('GET', f'/{self.prefix}_{JOBS}/_settings').values()
        return told['settings']['index']['number_of_replicas'], told['settings']['index'].get(
            'refresh_interval'
        )

    def test_follow_the_configuration(self):
        self.own.sync()
        self.assertEqual(('1', None), self._settings())
        waiting = self.process(number_of_replicas=0, read_your_writes='wait_for')
        waiting.sync()
        self.assertEqual(('0', '50ms'), self._settings())
        self.age()
        waiting.sync()
        self.assertEqual(('0', '50ms'), self._settings())
        self.own.sync()
        self.assertEqual(('1', None), self._settings())

    def test_fields_that_nobody_knows_are_refused(self):
        self.own.sync()
        (index,) = self.ask('GET', f'/{self.prefix}_{JOBS}')
        status, answer = self.own.client.call('PUT', f'/{index}/_doc/x', {'key': 'x', 'other': 1})
        self.assertEqual(
            (400, 'strict_dynamic_mapping_exception'), (status, answer['error']['type'])
        )

    def test_no_write_makes_an_index(self):
        self.own.sync()
        key = JOBS, 'p/x'
        index = f'{self.prefix}_{JOBS}_1_gone'
        body = codec.source(key, None, {})
        created = store.Found(key, index, None, None, None, {})
        changed = store.Found(key, index, 1, 1, None, {})
        documents = self.own.transactions.committer.store
        for found, written in ((created, body), (changed, body), (changed, None)):
            with self.subTest(seq_no=found.seq_no, body=written):
                self.assertFalse(documents.write([store.Write(found, written)])[0])
        self.assert_current()

    def test_search_of_an_index_that_is_being_removed_tells_that_it_is_gone(self):
        """A node has given up its shards already: here it never had them."""
        index = f'{self.prefix}_{JOBS}_1_going'
        nowhere = {'settings': {'routing.allocation.include._name': 'nowhere'}}
        self.ask('PUT', f'/{index}', nowhere, wait_for_active_shards='0')
        answered = []

        def search(perform, method, target, **named):
            if answered[-3:] == [503] * 3:
                perform('DELETE', f'/{index}')
            answer = perform(method, target, **named)
            answered.append(answer.meta.status)
            return answer

        transport = self.own.client._transport()
        transport.perform_request = functools.partial(search, transport.perform_request)
        self.assertRaises(
            exceptions.SchemaOutOfDate, self.own.client.call, 'POST', f'/{index}/_search', {}
        )
        self.assertEqual([503, 503, 503, 404], answered)

    def test_documents_leave_the_mappings_alone(self):
        self.own.sync()
        before = self.ask('GET', f'/{self.prefix}_*/_mapping')
        project = project_operations.Project(self.own, base.Scope('p'))
        values = [
            1,
            'x',
            1.5,
            True,
            None,
            {'deep': {'er': [1, 'a', {'': 2}]}},
            [],
            'y' * 40_000,
            2**63,
            -1e300,
        ]
        for number in range(20):
            odd = {f'key {number} {at}': value for at, value in enumerate(values)} | {
                'a.b': number,
                '.': 1,
                'z' * 1000: 1,
            }
            project.put_job(
                'j', bodies.job_body('j', 'p', changing=values[number % len(values)], **odd)
            )
        self.assertEqual(before, self.ask('GET', f'/{self.prefix}_*/_mapping'))
        for condition in (
            {'key 19 7': 'y' * 40_000},
            {'a.b': 19},
            {'z' * 1000: 1},
            {'changing': -1e300},
            {'_all': 'y' * 200},
        ):
            self.assertEqual(['j'], project.ids(JOBS, [condition]), condition)


@stores.on_stores(stores.OpenSearch2, stores.OpenSearch3)
class WrittenByAlias(old_indices.OwnIndices):
    """Each index has an alias of its own, which writes go to."""

    def setUp(self):
        super().setUp()
        self.own.sync()
        (self.index,) = self.ask('GET', f'/{self.prefix}_{JOBS}')
        self.writer = old_indices.Writer(self.own)
        self.writer.write()

    def test_alias_that_was_lost_is_told_and_made_again(self):
        (alias,) = self.own.client.product.aliases(self.index)
        self.ask('DELETE', f'/{self.index}/_alias/{alias}')
        self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'freezer-manage db sync', self.own.check)
        self.own.sync()
        self.own.check()
        self.writer.write()
        self.writer.check(self, self.own)

    def test_index_that_is_replicated_by_segments_is_refused(self):
        told = self.ask('GET', f'/{self.index}')[self.index]
        self.ask('DELETE', f'/{self.index}')
        settings = {'number_of_replicas': 0, 'replication.type': 'SEGMENT'}
        body = {'mappings': told['mappings'], 'aliases': told['aliases'], 'settings': settings}
        self.ask('PUT', f'/{self.index}', body)
        refusal = f'index {self.index} is replicated by segments'
        for call in (self.own.check, self.own.sync):
            with self.assertRaisesRegex(exceptions.SchemaOutOfDate, refusal):
                call()


class TestReplicationBySegments(testtools.TestCase):
    """A node of one's own on which that is the default."""

    def setUp(self):
        super().setUp()
        if servers.absent(servers.OPENSEARCH3):
            self.skipTest(servers.absent(servers.OPENSEARCH3))
        self.node = opensearch.Node(opensearch.VERSION3, started=False)
        self.addCleanup(self.node.stop)
        self.node.settings['cluster.indices.replication.strategy'] = 'SEGMENT'

    def storage(self):
        """The driver on the node, which has started."""
        self.node.start()
        options = {
            'storage': {'driver': 'opensearch'},
            'opensearch': {'hosts': [self.node.url], 'number_of_replicas': 0},
        }
        storage = db.load(base.configured(options))
        self.addCleanup(storage.close)
        return storage

    def test_indices_are_replicated_by_documents_whatever_the_default_is(self):
        storage = self.storage()
        storage.sync()
        storage.check()
        _, told = storage.client.call('GET', '/freezer_*/_settings')
        for index in told.values():
            self.assertEqual('DOCUMENT', index['settings']['index']['replication']['type'])

    def test_default_that_indices_have_to_follow_is_refused(self):
        self.node.settings['cluster.index.restrict.replication.type'] = 'true'
        storage = self.storage()
        self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'index.replication.type', storage.sync)


@stores.on_stores(*stores.CLUSTERS)
class Upgrade(old_indices.OwnIndices):
    def setUp(self):
        super().setUp()
        self.own.sync()
        self.writer = old_indices.Writer(self.own)
        for _ in range(3):
            self.writer.write()

    def test_what_is_indexed_is_made_anew(self):
        (index,) = self.ask('GET', f'/{self.prefix}_{JOBS}')
        self.ask('POST', f'/{index}/_refresh')
        hits = self.ask('POST', f'/{index}/_search', {'size': 100})['hits']['hits']
        bare = [
            line
            for hit in hits
            for line in (
                {'index': {'_index': index, '_id': hit['_id']}},
                {**hit['_source'], 'terms': [], 'grams': []},
            )
        ]
        self.assertFalse(self.ask('POST', '/_bulk', bare)['errors'])
        self.assertEqual([], self.writer.project.ids(JOBS))
        self.age(kinds=[JOBS])
        self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'freezer-manage db sync', self.own.check)
        self.assertEqual('0', self.own.version())
        self.own.sync()
        self.writer.check(self, self.own)
        self.assert_current()

    def test_many_and_large_documents(self):
        page, size = upgrading.PAGE, upgrading.BYTES
        self.addCleanup(
            lambda: (setattr(upgrading, 'PAGE', page), setattr(upgrading, 'BYTES', size))
        )
        upgrading.PAGE, upgrading.BYTES = 4, 10_000
        for _ in range(12):
            self.writer.write()
        self.age()
        self.own.sync()
        self.writer.check(self, self.own)

    def test_while_processes_write(self):
        writers = [old_indices.Writer(self.process(), f'q{number}') for number in range(3)]
        stop = threading.Event()

        def write(writer):
            while not stop.is_set():
                writer.write()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            writing = [pool.submit(write, writer) for writer in writers]
            try:
                for _ in range(3):
                    self.age()
                    list(
                        pool.map(lambda process: process.sync(), [self.process() for _ in range(3)])
                    )
            finally:
                stop.set()
            for one in writing:
                one.result()
        self.assert_current()
        for writer in (*writers, self.writer):
            self.assertGreater(len(writer.written), 2)
            writer.check(self, self.process())

    def test_broken_off_at_each_request(self):
        # A fault for each version, and both in the long form.
        for fault in (die, repeat) if EXPLORING else (FAULTS[self.name],):
            number = 0
            while True:
                number += 1
                self.age(kinds=[JOBS])
                process = self.process()
                faulty = old_indices.Faulty(process, number, fault)
                try:
                    process.sync()
                except Broken:
                    pass
                with self.subTest(fault.__name__, request=number):
                    self.own.sync()
                    self.writer.write()
                    self.writer.check(self, self.own)
                    self.assert_current()
                if faulty.requests < number:
                    break
            self.assertGreater(number, 10)

    def test_standing_still_at_each_request(self):
        """Another process upgrades meanwhile, and documents are written."""
        number = 0
        while True:
            number += 1
            self.age(kinds=[JOBS])
            process, other = self.process(), self.process()

            def meanwhile(send, other=other):
                other.sync()
                self.writer.write()
                return send()

            faulty = old_indices.Faulty(process, number, meanwhile)
            with self.subTest(request=number):
                process.sync()
                self.writer.write()
                self.writer.check(self, self.own)
                self.assert_current()
            if faulty.requests < number:
                return

    def test_copies_that_may_still_take_a_place_are_left_alone(self):
        (index,) = self.ask('GET', f'/{self.prefix}_{JOBS}')
        for name, copied in (('2_new', index), ('1_left', f'{self.prefix}_{JOBS}_gone')):
            self.ask(
                'PUT',
                f'/{self.prefix}_{JOBS}_{name}',
                {
                    'mappings': {'_meta': {'version': 2, 'copy_of': copied}},
                    'aliases': {f'{self.prefix}_{JOBS}_copies': {}},
                },
            )
        self.own.sync()
        self.assertIn(f'{self.prefix}_{JOBS}_2_new', self.indices())
        self.assertNotIn(f'{self.prefix}_{JOBS}_1_left', self.indices())

    def test_nothing_is_made_older(self):
        self.age(mappings.VERSION + 1, [JOBS])
        before = self.indices(), self.ask('GET', f'/_index_template/{self.prefix}_documents')
        self.assertRaisesRegex(exceptions.SchemaOutOfDate, 'newer release', self.own.sync)
        self.assertRaises(exceptions.SchemaOutOfDate, self.own.check)
        self.assertEqual(
            before, (self.indices(), self.ask('GET', f'/_index_template/{self.prefix}_documents'))
        )
