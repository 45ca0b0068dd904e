"""Connections to the hosts of a cluster, by its options."""

import re
import typing

import elastic_transport
import orjson
from elastic_transport import client_utils

#: Connections to a node that are kept; a thread that finds all in use waits.
_CONNECTIONS = 64


#: The types of what is sent and answered.
_TYPES = (
    'application/json',
    'application/x-ndjson',
    'application/vnd.elasticsearch+json',
    'application/vnd.elasticsearch+x-ndjson',
)


class _Json(elastic_transport.JsonSerializer):
    """Reads answers by a faster library; bodies come in written already."""

    def json_loads(self, data: bytes) -> typing.Any:
        """Return what JSON says."""
        return orjson.loads(data)


def connect(conf: typing.Any) -> elastic_transport.Transport:
    """Return what sends requests, by the options of a cluster. It returns
    each answer, whatever its status.
    """
    # The libraries of both products would refuse the servers of the other one,
    # and have no use for a driver that writes its requests itself. This is
    # what one of them is built on.
    return elastic_transport.Transport(
        [_node(conf, _url(host, conf.use_ssl)) for host in conf.hosts],
        max_retries=0,
        serializers=dict.fromkeys(_TYPES, _Json()),
        meta_header=False,
    )


def _node(conf: typing.Any, url: str) -> elastic_transport.NodeConfig:
    """Return how a host is spoken to; credentials in its URL are meant."""
    node = client_utils.url_to_node_config(url)
    headers = dict(node.headers.items())
    credentials = _credentials(conf)
    if credentials:
        headers['authorization'] = credentials
    options: dict[str, typing.Any] = {
        'headers': headers,
        'request_timeout': conf.timeout,
        'connections_per_node': _CONNECTIONS,
    }
    if node.scheme == 'https':
        options['verify_certs'] = conf.verify_certs
        options['ssl_show_warn'] = False
        if conf.verify_certs and conf.ca_certs:
            options['ca_certs'] = conf.ca_certs
    return node.replace(**options)


def _credentials(conf: typing.Any) -> str:
    """Return the header that says who asks; '' if the options don't."""
    # OpenSearch has no keys.
    if 'api_key' in conf and conf.api_key:
        return f'ApiKey {conf.api_key}'
    if not conf.http_auth:
        return ''
    user, _, password = conf.http_auth.partition(':')
    return client_utils.basic_auth_to_header((user, password))


def addresses(conf: typing.Any) -> list[str]:
    """Return the hosts as URLs, without the credentials that may be in
    them.
    """
    found = []
    for host in conf.hosts:
        url = _url(host, conf.use_ssl)
        # Up to the last "@": a password may have one, too.
        found.append(re.sub('//[^/]*@', '//', url))
    return found


def _url(host: str, use_ssl: bool) -> str:
    """Return a host of the option as a URL with a port."""
    scheme, separator, rest = host.rpartition('://')
    if not separator:
        scheme = 'https' if use_ssl else 'http'
    address, _, path = rest.partition('/')
    _, _, port = address.rpartition(':')
    if not port.isdigit():
        address = f'{address}:9200'
    url = f'{scheme}://{address}'
    if path:
        url += f'/{path}'
    return url
