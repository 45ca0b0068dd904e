"""What becomes of a cluster of three nodes, and of what is written to it, while its nodes don't
reach each other: they are paused, cut off, or held in the midst of writes, and answer their own
clients all the same.

Each writer asks another node.
"""

import contextlib
import random
import time
import typing

import requests

from freezer_api import db, exceptions
from freezer_api.db.elasticsearch.connections import client
from freezer_api.domain.documents import JOBS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests.base import EXPLORING, SEED
from tests.contract import stores
from tests.contract import test_elasticsearch_cluster as cluster

#: Seconds that a fault lasts: long enough for the others to go on without a node.
LASTING = 12
#: A node is paused, cut off from the others, held in the midst of what it says to them, or cut off
#: from one of them.
HOW = ('pause', 'cut', 'hold', 'edge')
#: So that nodes notice soon that others are gone.
SETTINGS = {
    f'cluster.fault_detection.{who}_check.{name}': value
    for who in ('follower', 'leader')
    for name, value in (('interval', '1s'), ('timeout', '3s'), ('retry_count', '2'))
} | {'cluster.publish.timeout': '10s', 'cluster.follower_lag.timeout': '10s'}


class Writer(cluster.Writer):
    """One who asks a node that may be cut off: that may refuse by what had been there before an
    acknowledged write. The manual says so (promises), and what was acknowledged is looked at once
    the fault is over.
    """

    def __init__(self, faults, *rest):
        super().__init__(*rest)
        self._faults = faults
        #: Refusals that nothing explains.
        self.unexplained = []

    def _try(self, step, id):
        begun = self._faults.state()
        try:
            return super()._try(step, id)
        except (exceptions.InvalidInput, exceptions.NotFound) as refusal:
            was_cut_off = begun[0] or begun != self._faults.state()
            if not was_cut_off or not self._is_stale(step, refusal):
                self.unexplained.append(f'{step.__name__} {id}: {refusal!r}')
            return False

    def _is_stale(self, step, refusal):
        """Whether it is so by what had been there earlier: a session with a lower tag than the
        writer was told, or none of what it was told to have made.
        """
        if refusal.code == 'session.tag-too-high':
            return step == self._run
        made = {self.shared, *self.made[JOBS], *self.made[SESSIONS]}
        return refusal.code in ('job.not-found', 'session.not-found') and any(
            f' {id} ' in refusal.message for id in made
        )


class Faults:
    """Whether a fault is going on, and how many have been."""

    def __init__(self):
        self.is_going_on, self.number = False, 0

    def state(self):
        """What differs if a fault begins or ends meanwhile."""
        return self.is_going_on, self.number

    @contextlib.contextmanager
    def going_on(self):
        """What happens meanwhile happens through a fault."""
        self.is_going_on, self.number = True, self.number + 1
        try:
            yield
        finally:
            self.is_going_on = False


@stores.on_stores(*cluster.CLUSTERS if EXPLORING else cluster.CLUSTERS[:2])
class Partitions(cluster.Checks):
    alone = True
    turned = False
    node_settings = SETTINGS
    driver_options: typing.ClassVar = {'retries': 1}
    # Each of them asks one node, and competes with processes that ask others.
    rounds = 1

    def test_writers_go_on_through_a_fault_of_a_node(self):
        """One kind of fault in each run, all of them in the long form."""
        for how in HOW if EXPLORING else random.Random(SEED).sample(HOW, 1):
            with self.subTest(how=how, seed=SEED):
                self._through(how)

    def test_nodes_that_answer_reads_without_a_master_are_named(self):
        """By all nodes and by the cluster's own settings, whichever are asked."""
        product = self.storage.client.product
        (sentence,) = self.storage.unsafe_settings()
        named = ', '.join(sorted(node.name for node in self.cluster.nodes))
        self.assertIn(f'cluster.{product.blocks_without_master[0]} is not all on {named}', sentence)
        for name in product.blocks_without_master:
            self._set_in_cluster(name, 'all')
            self.assertEqual([], self.storage.unsafe_settings(), name)
            self._set_in_cluster(name, None)
        self.assertEqual([sentence], self.storage.unsafe_settings())

    def _set_in_cluster(self, name, value):
        requests.put(
            f'{self.cluster.nodes[0].url}/_cluster/settings',
            json={'persistent': {f'cluster.{name}': value}},
            timeout=cluster.PATIENCE,
        ).raise_for_status()

    def test_node_that_cannot_reach_a_shard_is_unavailable(self):
        """From the first moment on: it is no error of the service, whatever status it has."""
        holders = self._victims()
        node = next(node for node in self.cluster.nodes if node not in holders)
        connection = self._at(node).storage.client
        alias = connection.alias(SESSIONS)
        asks = (
            ('POST', f'/{alias}/_search', {}, client.SAME_COPY),
            ('POST', f'/{alias}/_search', {'size': 0}),
            ('POST', f'/{alias}/_refresh'),
            ('POST', '/_mget', {'docs': [{'_index': alias, '_id': 'missing'}]}),
        )
        either = self._at(node, holders[0]).storage.client
        self.cluster.network.cut(*self.cluster.network.edges_of(node.name))
        served = [self._is_served(connection, ask) for ask in asks]
        by_another = [self._is_served(either, asks[-1]) for _ in range(3)]
        self.cluster.network.heal()
        self.cluster.settle()
        self.assertIn(False, served)
        self.assertEqual([True] * 3, by_another)
        self.assertEqual([True] * len(asks), [self._is_served(connection, ask) for ask in asks])

    def _is_served(self, connection, ask):
        """Whether a request is answered; if not it is one that can't be served now."""
        try:
            status, answer = connection.call(*ask)
        except exceptions.StorageUnavailable:
            return False
        self.assertEqual(200, status, answer)
        return True

    def _through(self, how):
        """Let many write through a fault of each kind of node; nothing is lost or half done."""
        shared = self.project.new_session(hold_off=0)
        faults = Faults()
        writers = [
            Writer(faults, self._at(node), shared, number)
            for number, node in enumerate(self.cluster.nodes)
        ]

        def strike(further, stop):
            for victim in self._victims():
                further()
                with faults.going_on():
                    heal = self._break(how, victim)
                    stop.wait(LASTING)
                    heal()
                    self.cluster.settle()
            further()

        self.while_writing(writers, strike)
        for writer in writers:
            self.assertEqual([], writer.unexplained)
            self.nothing_is_lost(writers, writer.project)

    def _at(self, *nodes):
        """The project by a process that asks these nodes alone."""
        options = {**self.options[self.driver], 'hosts': [node.url for node in nodes]}
        storage = db.load(base.configured({**self.options, self.driver: options}))
        self.addCleanup(storage.close)
        return project_operations.Project(storage, self.project.scope)

    def _victims(self):
        """The nodes that have the sessions, first and second copy."""
        names = [shard.node for shard in self.cluster.shards('freezer_sessions_*')]
        return [node for name in names for node in self.cluster.nodes if node.name == name]

    def _break(self, how, victim):
        """Let a fault begin; what ends it."""
        network = self.cluster.network
        edges = network.edges_of(victim.name)
        if how == 'pause':
            victim.pause()
            return victim.resume
        if how == 'hold':
            network.hold(*edges)
        else:
            network.cut(*edges[: 1 if how == 'edge' else None])
        return network.heal


@stores.on_stores(*cluster.CLUSTERS if EXPLORING else cluster.CLUSTERS[:2])
class NodesThatRefuseReads:
    """Nodes that refuse reads as well, as the manual advises, as long as they have no master."""

    alone = True
    turned = False

    @classmethod
    def make_options(cls):
        cls.node_settings = SETTINGS | {cls.make.func.without_master: 'all'}
        return super().make_options()

    def test_reads_are_true_while_a_node_is_cut_off(self):
        """Whichever node a process would ask next: it asks another one in its stead."""
        self.assertEqual([], self.storage.unsafe_settings())
        self.project.new_session('s')
        for holder in self.cluster.shards('freezer_sessions_*'):
            victim = next(node for node in self.cluster.nodes if node.name == holder.node)
            self.cluster.network.cut(*self.cluster.network.edges_of(victim.name))
            self._until(lambda victim=victim: self._refuses_reads(victim))
            for number in range(3):
                text = f'{victim.name}-{number}'
                self._until(lambda text=text: self._is_changed(text))
                shown = [self.project.session('s')['description'] for _ in self.cluster.nodes]
                self.assertEqual({text}, set(shown))
                listed = [self.project.ids(SESSIONS, [{'description': text}]) for _ in shown]
                self.assertEqual([['s']] * len(shown), listed)
            self.cluster.network.heal()
            self.cluster.settle()

    def _until(self, is_so):
        deadline = time.monotonic() + cluster.PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def _refuses_reads(self, node):
        alias = self.project.storage.client.alias(SESSIONS)
        answer = requests.get(f'{node.url}/{alias}/_search', timeout=cluster.PATIENCE)
        return answer.status_code == requests.codes.unavailable

    def _is_changed(self, text):
        """Whether a change is acknowledged: not before the others go on without the node."""
        try:
            self.project.patch_session('s', description=text)
        except exceptions.StorageUnavailable:
            return False
        return True
