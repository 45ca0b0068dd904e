"""What the Elasticsearch driver makes of indices that take no writes, or are closed: an operator
blocks them, or the disk is full.
"""

import collections.abc
import functools
import time

import requests

from freezer_api import exceptions
from freezer_api.db.elasticsearch.commits import blocks
from freezer_api.db.elasticsearch.indices import migration
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests import servers
from tests.base import EXPLORING
from tests.contract import interception, old_indices, stores
from tests.servers import elasticsearch, opensearch, process

#: Requests that one operation sends at most where nothing can be written.
FEW = 8
#: Seconds in which a node notices that its disk is full, on a busy machine as well.
PATIENCE = 90
#: Settings that block writes.
BLOCKS = ('write', 'read_only_allow_delete')


class _Blocked(old_indices.OwnIndices):
    """A project with a session whose run has lapsed, in indices that are blocked then."""

    def setUp(self):
        super().setUp()
        self.own.sync()
        self.own.clock = self.clock
        self.project = project_operations.Project(self.own, base.Scope('p'))
        self.session = self.project.new_session(hold_off=60)
        self.job, self.other = (self.project.new_job(session_id=self.session) for _ in range(2))
        self.free = self.project.new_job()
        self.project.start(self.session, self.job, 0)
        self.project.end(self.session, self.job, 1)
        self.clock.advance(61)
        self.sent = []
        interception.intercept(self.own, self._record)

    def _record(self, request):
        self.sent.append(f'{request.method} {request.path}')
        return request()

    def index(self, kind):
        """The name of the index of a kind."""
        (name,) = self.ask('GET', f'/{self.prefix}_{kind}')
        return name

    def set_block(self, kind, block, value=True):
        """Block an index, or undo that with None."""
        settings = {f'index.blocks.{block}': value}
        self.ask('PUT', f'/{self.index(kind)}/_settings', settings)

    def refused(self, call):
        """The error of a call that is refused at once."""
        self.sent.clear()
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            call()
        self.assertLessEqual(len(self.sent), FEW, self.sent)
        return caught.exception

    def writes(self):
        """Operations that write sessions and jobs."""
        return (
            lambda: self.project.attach(self.session, self.free),
            lambda: self.project.start(self.session, self.job, 1),
            lambda: self.project.change_job(self.free, lambda job: {**job, 'description': 'x'}),
        )

    def reads_the_lapsed_session(self):
        """All readers see that the run is over, by few requests."""
        for read in (
            lambda: [self.project.session(self.session)],
            lambda: [one.body for one in self.project.page(SESSIONS).documents],
            lambda: [
                one.body for one in self.project.page(SESSIONS, [{'status': 'completed'}]).documents
            ],
        ):
            self.sent.clear()
            (session,) = read()
            self.assertEqual('completed', session['status'])
            self.assertEqual('fail', session['result'])
            self.assertLessEqual(len(self.sent), FEW, self.sent)
        self.assertEqual([], self.project.ids(SESSIONS, [{'status': 'running'}]))


@stores.on_stores(*stores.CLUSTERS)
class Blocks(_Blocked):
    def _is_503_at_once(self, block):
        for kind in (SESSIONS, JOBS):
            self.set_block(kind, block)
        with self.assertLogs(blocks.LOG, 'INFO') as logged:
            for write in self.writes() * 2:
                self.assertEqual(blocks.RETRY_AFTER, self.refused(write).retry_after)
            for kind in (SESSIONS, JOBS):
                self.set_block(kind, block, None)
            for write in self.writes():
                write()
        told = [line for line in logged.output if 'takes no writes' in line]
        self.assertIn(self.index(JOBS), told[0])
        # One for each index, however many requests are refused.
        self.assertEqual(len({line.split()[1] for line in told}), len(told), told)
        over = [line for line in logged.output if 'takes writes again' in line]
        self.assertEqual(len(told), len(over))

    def test_blocked_index_is_503_at_once_and_one_line(self):
        self._is_503_at_once('write')

    def test_index_of_a_full_disk_is_503_at_once_and_one_line(self):
        self._is_503_at_once('read_only_allow_delete')

    def test_readers_go_on_from_memory_where_nothing_can_be_written(self):
        self.set_block(SESSIONS, 'write')
        self.reads_the_lapsed_session()
        before = self.project.session(self.session), self.project.get(SESSIONS, self.session)
        self.set_block(SESSIONS, 'write', None)
        after = self.project.session(self.session), self.project.get(SESSIONS, self.session)
        self.assertEqual(before, after)

    def test_blocked_parts_leave_the_session_alone(self):
        self.set_block(JOBS, 'write')
        self.refused(self.writes()[0])
        self.assertNotIn(self.free, self.project.session(self.session)['jobs'])
        self.set_block(JOBS, 'write', None)
        self.project.attach(self.session, self.free)
        self.assertIn(self.free, self.project.session(self.session)['jobs'])

    def test_health_check_sees_blocks(self):
        self.own.check()
        for block in BLOCKS:
            self.set_block(JOBS, block)
            error = self.refused(self.own.check)
            self.assertIn(f'index.blocks.{block} is set', str(error.__cause__))
            self.set_block(JOBS, block, None)
        self.own.check()

    def test_closed_index_is_503_and_not_healthy(self):
        index = self.index(JOBS)
        self.ask('POST', f'/{index}/_close')
        for use in (
            *self.writes(),
            lambda: self.project.job(self.free),
            lambda: self.project.ids(JOBS),
            self.own.check,
        ):
            self.refused(use)
        self.ask('POST', f'/{index}/_open?wait_for_active_shards=1')
        self.own.check()
        for write in self.writes():
            write()

    def test_sync_tells_of_a_block_and_leaves_it(self):
        self.set_block(JOBS, 'write')
        with self.assertLogs(migration.LOG, 'WARNING') as logged:
            self.own.sync()
        (line,) = logged.output
        self.assertIn(f'{self.index(JOBS)} takes no writes: index.blocks.write is set', line)
        self.refused(self.own.check)

    def test_sync_tells_of_a_block_that_an_upgrade_meets(self):
        """Elasticsearch lets it go on, and the block goes with the index; OpenSearch doesn't."""
        self.age(kinds=[JOBS])
        self.set_block(JOBS, 'read_only_allow_delete')
        old = self.index(JOBS)
        if self.driver == 'opensearch':
            with self.assertRaisesRegex(exceptions.SchemaOutOfDate, f'{old}.*read-only-allow-d'):
                self.own.sync()
            self.set_block(JOBS, 'read_only_allow_delete', None)
            self.own.sync()
        else:
            with self.assertLogs(migration.LOG, 'WARNING') as logged:
                self.own.sync()
            self.assertIn(f'{old} took no writes', logged.output[0])
        self.assertNotEqual(old, self.index(JOBS))
        self.own.check()


class _FullDisk(base.ContractCase):
    """A node of the class's own, whose disk is full once it is told that 1 % of it is enough."""

    make: collections.abc.Callable[..., elasticsearch.Node]
    driver = 'elasticsearch'

    @classmethod
    def make_options(cls):
        cls.node = cls.make(started=False)
        cls.node.settings['cluster.routing.allocation.disk.threshold_enabled'] = 'true'
        cls.node.settings['cluster.info.update.interval'] = '10s'
        cls.node.start()
        cls.addClassCleanup(cls.node.stop)
        return {
            'storage': {'driver': cls.driver},
            cls.driver: {'hosts': [cls.node.url], 'number_of_replicas': 0},
        }


@servers.needs(servers.ELASTICSEARCH8)
class FullDisk8(_FullDisk):
    name = 'Elasticsearch8'
    make = functools.partial(elasticsearch.Node, elasticsearch.VERSION8)


@servers.needs(servers.ELASTICSEARCH9)
class FullDisk9(_FullDisk):
    name = 'Elasticsearch9'
    make = functools.partial(elasticsearch.Node, elasticsearch.VERSION9)


@servers.needs(servers.OPENSEARCH2)
class FullDiskOfOpenSearch2(_FullDisk):
    name = 'OpenSearch2'
    driver = 'opensearch'
    make = functools.partial(opensearch.Node, opensearch.VERSION2)


@servers.needs(servers.OPENSEARCH3)
class FullDiskOfOpenSearch3(_FullDisk):
    name = 'OpenSearch3'
    driver = 'opensearch'
    make = functools.partial(opensearch.Node, opensearch.VERSION3)


FULL_DISKS = (FullDisk9, FullDiskOfOpenSearch3, FullDisk8, FullDiskOfOpenSearch2)


@stores.on_stores(*FULL_DISKS if EXPLORING else FULL_DISKS[:2])
class FloodStage:
    alone = True
    turned = False

    def set_watermarks(self, value):
        """Say how much of the disk may be used: per cent, None: as by default."""
        names = ('low', 'high', 'flood_stage')
        self.configure(
            {f'cluster.routing.allocation.disk.watermark.{name}': value for name in names}
        )

    def configure(self, settings):
        """Set what all nodes do."""
        requests.put(
            f'{self.node.url}/_cluster/settings',
            json={'persistent': settings},
            timeout=process.ANSWER_SECONDS,
        ).raise_for_status()

    def await_write(self, succeeds):
        """Write until that succeeds, or fails; the last error."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            error = None
            try:
                self.project.put_client('c', zone=f'{time.monotonic()}')
            except exceptions.StorageUnavailable as caught:
                error = caught
            if (error is None) == succeeds:
                return error
            time.sleep(0.2)
        raise AssertionError('the node does not notice')

    def test_block_of_the_whole_cluster_is_503_until_it_ends(self):
        """The health check is, too, once a write has met it."""
        session = self.project.new_session()
        self.configure({'cluster.blocks.read_only': True})
        self.addCleanup(self.configure, {'cluster.blocks.read_only': None})
        self.assertEqual(blocks.RETRY_AFTER, self.await_write(succeeds=False).retry_after)
        self.assertEqual([session], self.project.ids(SESSIONS))
        for _ in range(2):
            self.assertRaises(exceptions.StorageUnavailable, self.storage.check)
        self.configure({'cluster.blocks.read_only': None})
        self.storage.check()
        self.await_write(succeeds=True)

    def test_full_disk_is_503_until_there_is_room(self):
        session = self.project.new_session()
        self.await_write(succeeds=True)
        self.set_watermarks('0.001%')
        self.assertEqual(blocks.RETRY_AFTER, self.await_write(succeeds=False).retry_after)
        self.assertEqual(session, self.project.session(session)['session_id'])
        self.assertEqual([session], self.project.ids(SESSIONS))
        self.assertRaises(exceptions.StorageUnavailable, self.storage.check)
        self.set_watermarks(None)
        self.await_write(succeeds=True)
        self.storage.check()
