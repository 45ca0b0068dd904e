"""Nodes of Elasticsearch of the tests' own, and clusters of them."""

import concurrent.futures
import os
import pathlib
import shutil
import typing

import requests

from tests.servers import assembly, process, transport

VERSION8, VERSION9 = '8.19.0', '9.0.4'
_TRANSPORT = 'org.elasticsearch.transport.netty4.Netty4Plugin'
PRODUCT = assembly.Product(
    'Elasticsearch',
    pathlib.Path(__file__).with_name('elasticsearch_node'),
    """
description=HTTP and transport by Netty
name=transport-netty4
version={version}
classname={transport}
java.version={java}
elasticsearch.version={version}
extended.plugins=
has.native.controller=false
licensed=false
""",
    (
        assembly.Release(VERSION8, 17, _TRANSPORT),
        assembly.Release(VERSION9, 21, _TRANSPORT),
    ),
)
#: What a node may write before it is kept out of the memory.
ROOM = 2 << 30
#: How often a cluster that isn't whole is waited for: machines may be busy.
_PATIENCE = 3
#: Tests make many small indices, and share a disk that may be nearly full.
SETTINGS = {
    'network.host': '127.0.0.1',
    'cluster.max_shards_per_node': '10000',
    'cluster.routing.allocation.disk.threshold_enabled': 'false',
}


class Node(process.Server):
    """Starts when made, unless told not to; :meth:`stop` removes it. What it holds outlives a kill,
    but not the machine.
    """

    product: typing.ClassVar = PRODUCT

    def __init__(self, version: str, name: str = 'node', started: bool = True):
        self._assembly = assembly.assembled(self.product, version)
        self._process = process.Process(
            self.product.name.lower(), parent=process.folder_in_memory(ROOM)
        )
        self.port, self.transport_port = process.free_port(), process.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self.name = name
        self.settings = SETTINGS | {
            'node.name': name,
            'http.port': f'{self.port}',
            'transport.port': f'{self.transport_port}',
            'discovery.type': 'single-node',
        }
        (self._process.folder / 'config').mkdir()
        if started:
            try:
                self.start()
            except BaseException:
                self.stop()
                raise

    @classmethod
    def archive_classes(cls) -> None:
        """Write down for each version which classes a node loads, unless that has been done: those
        that start afterwards take half of the time for it.
        """
        for release in cls.product.releases:
            node = cls(release.version, started=False)
            try:
                node._write_archive()
            finally:
                node.stop()

    def _write_archive(self) -> None:
        archive = self._assembly.archive
        if archive.exists():
            return
        made = self._process.folder / 'classes'
        self.start(f'-XX:ArchiveClassesAtExit={made}')
        for path in ('one/_doc/1?refresh', 'one/_search'):
            requests.post(f'{self.url}/{path}', json={}, timeout=process.ANSWER_SECONDS)
        self._process.halt(seconds=process.START_SECONDS)
        # There is none if the runtime can't do it; nodes start without it.
        if made.exists():
            with assembly.alone():
                shutil.copy(made, f'{archive}.part')
                os.replace(f'{archive}.part', archive)

    def start(self, *options: str) -> None:
        """Start it on the data that it has, and wait until it, and the cluster that it is in,
        answer. ``options`` are more of the Java runtime's.
        """
        command = self._assembly.command(self._process.folder, self.settings, *options)
        self._process.spawn(*command, ready=self._answers, ES_TMPDIR=str(self._process.folder))

    def _answers(self) -> None:
        if (
            self.health()['status'] == 'red'
            and self.settings.get('discovery.type') == 'single-node'
        ):
            raise process.ServerFailed('what it holds is not there yet')

    def health(self, **parameters: str) -> dict[str, typing.Any]:
        """What the node says of its cluster; an exception of ``requests`` if it doesn't."""
        answer = requests.get(
            f'{self.url}/_cluster/health', parameters, timeout=process.ANSWER_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def pid(self) -> int | None:
        """The number of its process, None if it doesn't run."""
        return self._process.pid

    def stop(self) -> None:
        """End it for good."""
        self._process.stop()


class Shard(typing.NamedTuple):
    """A copy of what an index holds, in its only shard: on which node."""

    index: str
    node: str
    is_primary: bool


class Cluster:
    """Several nodes that start together when this is made; each can be killed and started by
    itself.
    """

    node: typing.ClassVar = Node
    #: The setting with the names of those nodes that choose the first master.
    initial: typing.ClassVar = 'cluster.initial_master_nodes'
    #: The setting that says what a node refuses that has no master.
    without_master: typing.ClassVar = 'cluster.no_master_block'

    def __init__(self, version: str, nodes: int = 3, **settings: str):
        self.nodes = [self.node(version, f'node{number}', started=False) for number in range(nodes)]
        #: What is between the nodes.
        self.network = transport.Network()
        ports = [self.network.add(node.name, node.transport_port, node.pid) for node in self.nodes]
        for node, port in zip(self.nodes, ports, strict=True):
            del node.settings['discovery.type']
            node.settings.update(settings)
            node.settings['transport.publish_port'] = f'{port}'
            node.settings['discovery.seed_hosts'] = ','.join(
                f'127.0.0.1:{other}' for other in ports
            )
            node.settings[self.initial] = ','.join(other.name for other in self.nodes)
        try:
            with concurrent.futures.ThreadPoolExecutor(nodes) as pool:
                list(pool.map(self.node.start, self.nodes))
            self.settle()
        except BaseException:
            self.stop()
            raise

    @property
    def urls(self) -> list[str]:
        """The address of every node."""
        return [node.url for node in self.nodes]

    def master(self) -> Node:
        """The node that the others follow at this moment."""
        answer = requests.get(
            f'{self.urls[0]}/_cat/master',
            {'h': 'node', 'format': 'json'},
            timeout=process.ANSWER_SECONDS,
        )
        answer.raise_for_status()
        return next(node for node in self.nodes if node.name == answer.json()[0]['node'])

    def settle(self) -> None:
        """Wait until all nodes are together and every copy of what they hold is current; all have
        to run.
        """
        for node in self.nodes:
            for patience in reversed(range(_PATIENCE)):
                try:
                    answer = node.health(
                        wait_for_nodes=str(len(self.nodes)),
                        wait_for_status='green',
                        # A node that has gone may not have been noted yet.
                        wait_for_events='languid',
                        timeout='50s',
                    )
                except requests.HTTPError as error:
                    answer = {'timed_out': True, 'status': str(error)}
                if not answer['timed_out']:
                    break
                if not patience:
                    raise process.ServerFailed(f'the cluster is not whole: {answer}')

    def shards(self, pattern: str) -> list[Shard]:
        """The copies of what indices hold, primary ones first."""
        answer = requests.get(
            f'{self.urls[0]}/_cat/shards/{pattern}',
            {'format': 'json', 'h': 'index,node,prirep'},
            timeout=process.ANSWER_SECONDS,
        )
        answer.raise_for_status()
        found = [Shard(one['index'], one['node'], one['prirep'] == 'p') for one in answer.json()]
        return sorted(found, key=lambda one: not one.is_primary)

    def move(self, *shards: Shard) -> None:
        """Move copies, of one index each, at once to nodes that have none; wait until they are
        there.
        """
        commands = []
        for shard in shards:
            holders = {one.node for one in self.shards(shard.index)}
            free = next(node.name for node in self.nodes if node.name not in holders)
            move = {'index': shard.index, 'shard': 0, 'from_node': shard.node, 'to_node': free}
            commands.append({'move': move})
        answer = requests.post(
            f'{self.urls[0]}/_cluster/reroute',
            json={'commands': commands},
            timeout=process.ANSWER_SECONDS,
        )
        answer.raise_for_status()
        health = self.nodes[0].health(wait_for_no_relocating_shards='true', timeout='50s')
        if health['timed_out']:
            raise process.ServerFailed(f'shards are still moving: {health}')

    def stop(self) -> None:
        """End it for good."""
        self.network.stop()
        for node in self.nodes:
            node.stop()
