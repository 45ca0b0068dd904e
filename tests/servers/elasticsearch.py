"""Nodes of Elasticsearch of the tests' own, put together from the artifacts that are published of
each version.
"""

import collections.abc
import concurrent.futures
import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import os
import pathlib
import subprocess
import typing

import requests

from tests.servers import java, process, transport

#: Which Java each version needs.
JAVA = {'8.19.0': 17, '9.0.4': 21}
VERSION8, VERSION9 = JAVA
SOURCES = pathlib.Path(__file__).with_name('elasticsearch_node')
#: Shared by all checkouts, as the caches of pip and of Maven are: what is in it is named after what
#: it is made of.
CACHE = (
    pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    / 'freezer-api-tests'
)
MODULE = 'transport-netty4'
DESCRIPTOR = """
description=HTTP and transport by Netty
name=transport-netty4
version={version}
classname=org.elasticsearch.transport.netty4.Netty4Plugin
java.version={java}
elasticsearch.version={version}
extended.plugins=
has.native.controller=false
licensed=false
"""
#: Little memory, and a machine that compiles each method once: what is gained by compiling again
#: comes after most tests.
MACHINE = (
    '-Xms128m',
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    '-Dfile.encoding=UTF-8',
)
#: What a node may write before it is kept out of the memory.
ROOM = 2 << 30
#: Tests make many small indices, and share a disk that may be nearly full.
SETTINGS = {
    'network.host': '127.0.0.1',
    'cluster.max_shards_per_node': '10000',
    'cluster.routing.allocation.disk.threshold_enabled': 'false',
}


@dataclasses.dataclass(frozen=True, slots=True)
class Assembly:
    """One version, ready to run: the runtime's program, and the folder with ``lib``, ``modules``
    and the launcher.
    """

    java: str
    folder: pathlib.Path

    def command(self, home: pathlib.Path, settings: dict[str, str]) -> list[str]:
        """What starts a node in a folder."""
        return [
            self.java,
            *MACHINE,
            '-cp',
            f'{self.folder}:{self.folder}/lib/*',
            'Launcher',
            str(home),
            str(self.folder / 'modules'),
            *(f'{name}={value}' for name, value in settings.items()),
        ]


@functools.cache
def assembly(version: str) -> Assembly:
    """Put a version together, or find it as it was left; only one process at a time does this.

    :class:`~tests.servers.process.Unavailable` where no Java for it can be had.
    """
    sources = sorted(SOURCES.iterdir())
    made_of = hashlib.sha256(b''.join(path.read_bytes() for path in sources)).hexdigest()[:8]
    folder = CACHE / f'{version}-{made_of}'
    with _alone():
        home = java.home(JAVA[version], CACHE)
        if home is None:
            raise process.Unavailable(
                f'Elasticsearch {version.partition(".")[0]}: no Java {JAVA[version]} or newer was'
                ' found'
            )
        if not folder.exists():
            with process.whole(folder) as making:
                _assemble(version, home, making)
    return Assembly(str(home / 'bin/java'), folder)


@contextlib.contextmanager
def _alone() -> collections.abc.Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _assemble(version: str, home: pathlib.Path, folder: pathlib.Path) -> None:
    library, module = folder / 'lib', folder / 'modules' / MODULE
    module.mkdir(parents=True)
    _run(
        process.program('mvn', package='maven'),
        '-B',
        '-q',
        '-f',
        str(SOURCES / 'pom.xml'),
        'dependency:copy-dependencies',
        f'-Dserver.version={version}',
        f'-DoutputDirectory={library}',
        JAVA_HOME=str(home),
    )
    (compiler,) = library.glob('ecj-*.jar')
    compiler.rename(folder / 'ecj.jar')
    classes = ':'.join(str(path) for path in sorted(library.iterdir()))
    _run(
        str(home / 'bin/java'),
        '-jar',
        str(folder / 'ecj.jar'),
        f'-{JAVA[version]}',
        '-cp',
        classes,
        '-d',
        str(folder),
        str(SOURCES / 'Launcher.java'),
    )
    for pattern in ('netty-*', f'{MODULE}*'):
        for path in library.glob(pattern):
            path.rename(module / path.name)
    (module / 'plugin-descriptor.properties').write_text(
        DESCRIPTOR.format(version=version, java=JAVA[version])
    )


def _run(*command: str, **extra: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise process.ServerFailed(
            f'{" ".join(command[:6])}…: exit {done.returncode}\n{done.stdout[-4000:]}'
        )


class Node(process.Server):
    """Starts when made, unless told not to; :meth:`stop` removes it. What it holds outlives a kill,
    but not the machine.
    """

    def __init__(self, version: str, name: str = 'node', started: bool = True):
        self._assembly = assembly(version)
        self._process = process.Process('elasticsearch', parent=process.folder_in_memory(ROOM))
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

    def start(self) -> None:
        """Start it on the data that it has, and wait until it, and the cluster that it is in,
        answer.
        """
        command = self._assembly.command(self._process.folder, self.settings)
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


class Cluster:
    """Several nodes that start together when this is made; each can be killed and started by
    itself.
    """

    def __init__(self, version: str, nodes: int = 3, **settings: str):
        self.nodes = [Node(version, f'node{number}', started=False) for number in range(nodes)]
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
            node.settings['cluster.initial_master_nodes'] = ','.join(
                other.name for other in self.nodes
            )
        try:
            with concurrent.futures.ThreadPoolExecutor(nodes) as pool:
                list(pool.map(Node.start, self.nodes))
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
            answer = node.health(
                wait_for_nodes=str(len(self.nodes)), wait_for_status='green', timeout='50s'
            )
            if answer['timed_out']:
                raise process.ServerFailed(f'the cluster is not whole: {answer}')

    def stop(self) -> None:
        """End it for good."""
        self.network.stop()
        for node in self.nodes:
            node.stop()
