"""Nodes of OpenSearch of the tests' own, and clusters of them."""

import pathlib

from tests.servers import assembly, elasticsearch

VERSION2, VERSION3 = '2.19.6', '3.9.0'
PRODUCT = assembly.Product(
    'OpenSearch',
    pathlib.Path(__file__).with_name('opensearch_node'),
    """
description=HTTP and transport by Netty
name=transport-netty4
version={version}
classname={transport}
java.version={java}
opensearch.version={version}
""",
    (
        assembly.Release(
            VERSION2, 17, 'org.opensearch.transport.Netty4Plugin', ('-Dlog4j.version=2.25.4',)
        ),
        assembly.Release(
            VERSION3, 21, 'org.opensearch.transport.Netty4ModulePlugin', ('-Dlog4j.version=2.25.5',)
        ),
    ),
)


class Node(elasticsearch.Node):
    """As one of Elasticsearch."""

    product = PRODUCT


class Cluster(elasticsearch.Cluster):
    """As one of Elasticsearch."""

    node = Node
    initial = 'cluster.initial_cluster_manager_nodes'
    without_master = 'cluster.no_cluster_manager_block'
