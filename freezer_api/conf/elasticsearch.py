"""``[elasticsearch]``: the cluster that stores the documents if ``[storage]
driver`` is elasticsearch.
"""

import collections.abc

from oslo_config import cfg

GROUP = 'elasticsearch'
#: The values of ``read_your_writes``.
REFRESH, WAIT_FOR = 'refresh', 'wait_for'

OPTIONS = [
    cfg.ListOpt(
        'hosts',
        default=['http://127.0.0.1:9200'],
        # A URL may have a user and a password.
        secret=True,
        help=(
            'Nodes of the cluster, as URLs or as HOST:PORT. If a node cannot'
            ' be reached, the request is sent to another one.'
        ),
    ),
    cfg.StrOpt(
        'http_auth',
        secret=True,
        help='USER:PASSWORD, if the cluster requires authentication.',
    ),
    cfg.StrOpt(
        'api_key',
        secret=True,
        help=(
            'An API key, encoded as Elasticsearch returns it. If it is set,'
            ' http_auth is ignored.'
        ),
    ),
    # Elasticsearch allows 255 bytes of lower-case letters and few signs, and
    # no leading "_", "-" or "+". 100 leave room for what is appended.
    cfg.StrOpt(
        'index',
        default='freezer',
        regex=r'\A[a-z0-9][a-z0-9_.-]{0,100}\Z',
        help=(
            'Prefix of the names of all indices and aliases. The full name is'
            ' this prefix, an underscore and the kind of the documents.'
        ),
    ),
    cfg.FloatOpt(
        'timeout',
        default=10,
        min=0.1,
        help='Seconds to wait for the response to one request.',
    ),
    cfg.IntOpt(
        'retries',
        default=2,
        min=0,
        help=(
            'How often a request is sent again, each time to the next host,'
            ' if a host cannot be reached or says that it is busy. It is safe'
            ' for writes too: none is applied twice.'
        ),
    ),
    cfg.BoolOpt(
        'use_ssl',
        default=False,
        help='Use https for hosts that are given without http:// or https://.',
    ),
    cfg.BoolOpt(
        'verify_certs',
        default=True,
        help='Verify the TLS certificates of the hosts.',
    ),
    cfg.StrOpt(
        'ca_certs',
        help=(
            'File with the CA certificates that the certificates of the hosts'
            ' are verified against. By default, those of the system.'
        ),
    ),
    cfg.IntOpt(
        'number_of_replicas',
        default=1,
        min=0,
        help=(
            'Number of additional copies of each document. With one copy or'
            ' more, no document is lost when a node is lost; this needs two'
            ' nodes or more. A cluster of one node works too, but its status'
            ' is yellow. After a change run freezer-manage db sync.'
        ),
    ),
    # Searches find a write only after a refresh. Callers rely on finding what
    # they have just written, so either the reader or the writer has to wait.
    cfg.StrOpt(
        'read_your_writes',
        default=REFRESH,
        choices=[
            (
                REFRESH,
                (
                    'each list or search refreshes the index first, and so'
                    ' finds every write that was acknowledged before it'
                    ' began. It takes about half as long again; writes cost'
                    ' nothing extra'
                ),
            ),
            (
                WAIT_FOR,
                (
                    'each write is acknowledged once searches find it, up to'
                    ' 50 ms later. Lists and searches cost less, which suits'
                    ' sites where many agents poll. A document that is not'
                    ' acknowledged yet can be read by id before a search'
                    ' finds it'
                ),
            ),
        ],
        help=(
            'How lists and searches are made to find what was written before.'
            ' All processes that use the indices must have the same value.'
            ' After a change run freezer-manage db sync and restart them.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(GROUP, OPTIONS)]
