"""``[elasticsearch]``: the cluster that keeps the documents, where ``[storage]
driver`` is elasticsearch.
"""

import collections.abc

from oslo_config import cfg

GROUP = 'elasticsearch'
REFRESH, WAIT_FOR = 'refresh', 'wait_for'

OPTIONS = [
    cfg.ListOpt(
        'hosts',
        default=['http://127.0.0.1:9200'],
        help=(
            'Nodes of one cluster, as URLs or as HOST:PORT. If one can not be'
            ' reached, another one is asked.'
        ),
    ),
    cfg.StrOpt(
        'http_auth',
        secret=True,
        help='USER:PASSWORD, for clusters that ask for it.',
    ),
    cfg.StrOpt(
        'api_key',
        secret=True,
        help=(
            'An API key as Elasticsearch encodes it; it counts before'
            ' http_auth.'
        ),
    ),
    cfg.StrOpt(
        'index',
        default='freezer',
        regex=r'\A[a-z0-9][a-z0-9_.-]{0,100}\Z',
        help=(
            'What the names of all indices and aliases begin with; an'
            ' underscore and the kind of documents follow.'
        ),
    ),
    cfg.FloatOpt(
        'timeout',
        default=10,
        min=0.1,
        help='Seconds to wait for the answer to one request.',
    ),
    cfg.IntOpt(
        'retries',
        default=2,
        min=0,
        help=(
            'How often a request is sent again, to the next host, if one can'
            ' not be reached or says that it is busy. No write has its effect'
            ' twice.'
        ),
    ),
    cfg.BoolOpt(
        'use_ssl',
        default=False,
        help='Whether hosts without a scheme are spoken to by TLS.',
    ),
    cfg.BoolOpt(
        'verify_certs',
        default=True,
        help='Whether the certificates of the hosts are checked.',
    ),
    cfg.StrOpt(
        'ca_certs',
        help=(
            'The file of the authorities that they are checked against; else'
            ' those of the system.'
        ),
    ),
    cfg.IntOpt(
        'number_of_replicas',
        default=1,
        min=0,
        help=(
            'Copies of each document beside the first. It takes one to lose'
            ' nothing when a node is lost, and so two nodes; a cluster of one'
            ' node is yellow with it, and works. After a change,'
            ' freezer-manage db sync makes it so.'
        ),
    ),
    cfg.StrOpt(
        'read_your_writes',
        default=REFRESH,
        choices=[
            (
                REFRESH,
                (
                    'each list and search refreshes the index before. It shows'
                    ' all that was acknowledged before it began. Costs each of'
                    ' them about half of a search more, and writes nothing'
                ),
            ),
            (
                WAIT_FOR,
                (
                    'each write is acknowledged once searches show it, up to'
                    ' 50 ms later. Lists and searches cost less, which serves'
                    ' sites where many agents poll; what another caller has'
                    ' not been acknowledged yet may be read by id before a'
                    ' search shows it'
                ),
            ),
        ],
        help=(
            'How lists and searches come to show what was written before. The'
            ' same for all processes that use the indices; after a change run'
            ' freezer-manage db sync, and restart them.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(GROUP, OPTIONS)]
