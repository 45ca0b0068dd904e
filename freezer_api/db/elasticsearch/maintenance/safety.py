"""Settings by which a cluster may lose, or hide, what it has acknowledged."""

import collections.abc
import typing

from freezer_api.db.elasticsearch.connections.client import (
    Client,
    require_ok,
)
from freezer_api.db.elasticsearch.indices import mappings

_Json = dict[str, typing.Any]
#: What nodes without a master refuse when nothing says otherwise.
_BY_DEFAULT = 'metadata_write'


def unsafe_settings(client: Client) -> list[str]:
    """Return a sentence about each, by three requests at most."""
    return [*_of_nodes(client), *_of_indices(client)]


def _of_nodes(client: Client) -> list[str]:
    """Name nodes that would answer reads while they are cut off."""
    path = '/_nodes/settings'
    only = {'filter_path': 'nodes.*.name,nodes.*.settings.cluster'}
    nodes = require_ok(client.call('GET', path, None, only)).get('nodes', {})
    # A node by itself has nobody to be cut off from.
    if len(nodes) < 2:
        return []
    everywhere = _of_cluster(client)
    lax = []
    for node in nodes.values():
        own = node.get('settings', {}).get('cluster', {})
        if _refused(client, (*everywhere, own)) != 'all':
            lax.append(node['name'])
    if not lax:
        return []
    setting = client.product.blocks_without_master[0]
    return [
        f'cluster.{setting} is not all on {", ".join(sorted(lax))}: what is'
        ' read from a node that is cut off may be older than what was'
        ' acknowledged. Set it to all on each node.'
    ]


def _of_cluster(client: Client) -> list[_Json]:
    """Return what is set for all nodes, what counts more first."""
    only = {'filter_path': '*.cluster'}
    answer = require_ok(client.call('GET', '/_cluster/settings', None, only))
    found = []
    for level in ('transient', 'persistent'):
        found.append(answer.get(level, {}).get('cluster', {}))
    return found


def _refused(client: Client, levels: collections.abc.Iterable[_Json]) -> str:
    """Return what a node refuses that has no master, by the first that says
    so.
    """
    for level in levels:
        for name in client.product.blocks_without_master:
            if name in level:
                return str(level[name])
    return _BY_DEFAULT


def _of_indices(client: Client) -> list[str]:
    """Name indices that acknowledge writes before the disk has them."""
    aliases = ','.join(client.alias(kind) for kind in mappings.KINDS)
    path = f'/{aliases}/_settings/index.translog.durability'
    found = require_ok(client.call('GET', path))
    lax = []
    for index, answer in found.items():
        translog = answer['settings']['index']['translog']
        if translog['durability'].lower() != 'request':
            lax.append(index)
    if not lax:
        return []
    return [
        f'index.translog.durability is async of {", ".join(sorted(lax))}: a'
        ' node may lose what was acknowledged within the last seconds when its'
        ' machine fails. Set it to request.'
    ]
