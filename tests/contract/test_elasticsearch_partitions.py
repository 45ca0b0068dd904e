"""What becomes of a cluster of three nodes, and of what is written to it, while its nodes don't
reach each other: they are paused, cut off, or held in the midst of writes, and answer their own
clients all the same.

Each writer asks another node.
"""

import random
import typing

from freezer_api import db, exceptions
from freezer_api.db.elasticsearch import client
from freezer_api.domain.documents import SESSIONS
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

    unacknowledged = (exceptions.StorageUnavailable, exceptions.InvalidInput)


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
        self.cluster.network.cut(*self.cluster.network.edges_of(node.name))
        served = [self._is_served(connection, ask) for ask in asks]
        self.cluster.network.heal()
        self.cluster.settle()
        self.assertIn(False, served)
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
        writers = [
            Writer(self._at(node), shared, number) for number, node in enumerate(self.cluster.nodes)
        ]

        def strike(further, stop):
            for victim in self._victims():
                further()
                heal = self._break(how, victim)
                stop.wait(LASTING)
                heal()
                self.cluster.settle()
            further()

        self.while_writing(writers, strike)

    def _at(self, node):
        """The project by a process that asks one node alone."""
        options = {**self.options[self.driver], 'hosts': [node.url]}
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
