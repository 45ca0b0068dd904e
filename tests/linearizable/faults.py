"""What happens to the processes and to the store while callers ask."""

import collections.abc
import random
import time

from tests.linearizable.deployments import Deployment, Killable, Nodes
from tests.servers import process

#: How a kind of fault strikes and passes.
Fault = collections.abc.Callable[[Deployment, random.Random], None]


def kill_process(deployment: Deployment, chosen: random.Random) -> None:
    """Kill one of the processes, and start it again."""
    api = chosen.choice(deployment.apis)
    api.kill()
    api.start()


def pause_process(deployment: Deployment, chosen: random.Random) -> None:
    """Let one of the processes stand still in whatever it does, then go on.

    Others may have given up waiting for it meanwhile, and undone what it was about to do.
    """
    api = chosen.choice(deployment.apis)
    api.pause()
    time.sleep(chosen.choice((0.1, 0.5, 4)))
    api.resume()


def kill_store(deployment: Deployment, chosen: random.Random) -> None:
    """Kill the server of the store, or one of its nodes, and start it again."""
    server = _server_of(deployment)
    server.kill()
    time.sleep(chosen.uniform(0, 2))
    server.start()


def pause_store(deployment: Deployment, chosen: random.Random) -> None:
    """Let the server of the store, or one of its nodes, stand still for some time."""
    server = _server_of(deployment)
    server.pause()
    time.sleep(chosen.uniform(0.1, 2))
    server.resume()


def _server_of(deployment: Deployment) -> Killable:
    """The server of the store, or the node whose turn it is."""
    if deployment.database is None:
        raise process.ServerFailed('the store has no server that can be killed or stand still')
    return deployment.database


def cut_node(deployment: Deployment, chosen: random.Random) -> None:
    """Let a node of a cluster lose one or all of the others, while it still answers the service."""
    nodes = deployment.database
    if not isinstance(nodes, Nodes):
        raise process.ServerFailed('the store has no nodes')
    nodes.isolate(whole=chosen.random() < 0.7)
    # Within the first seconds nobody has noticed.
    time.sleep(chosen.choice((0.5, 3, 15)))
    nodes.rejoin()


def move_shards(deployment: Deployment, chosen: random.Random) -> None:
    """Let a cluster move what it holds from node to node, primary copies and others in turn."""
    nodes = deployment.database
    if not isinstance(nodes, Nodes):
        raise process.ServerFailed('the store has no nodes')
    for _ in range(chosen.choice((1, 2, 4))):
        nodes.move_shards(is_primary=chosen.random() < 0.7)


#: All of them, by their names.
FAULTS: dict[str, Fault] = {
    'kill-process': kill_process,
    'pause-process': pause_process,
    'kill-store': kill_store,
    'pause-store': pause_store,
    'cut-node': cut_node,
    'move-shards': move_shards,
}

#: Those that need a server of one's own.
OF_STORES = ('kill-store', 'pause-store')
#: Those of a cluster's nodes; as often as all others of a store.
OF_NODES = ('cut-node', 'move-shards')


def some_faults(deployment: Deployment, chosen: random.Random) -> list[str]:
    """Choose none, one or two of those that can happen there."""
    possible = ['kill-process', 'pause-process']
    if deployment.database is not None:
        possible += OF_STORES
    if isinstance(deployment.database, Nodes):
        possible += OF_NODES
    return chosen.choices(possible, k=chosen.choice((0, 1, 1, 2)))
