"""``[DEFAULT]``: where ``freezer-api`` listens, when it serves by itself and
no other server loads it.
"""

import collections.abc

from oslo_config import cfg

#: Those that the command line of freezer-api has as well.
ADDRESS = [
    cfg.HostAddressOpt(
        'bind-host',
        default='0.0.0.0',
        help=(
            'The address that freezer-api listens on. By default that is every'
            ' IPv4 address of the machine (:: is every IPv6 address as well),'
            ' without TLS: where not all networks of the machine are trusted,'
            ' name the address of the one that the proxy is on. A WSGI server'
            ' that loads freezer_api.wsgi has its own settings, in place of'
            ' all of these.'
        ),
    ),
    cfg.PortOpt(
        'bind-port', default=9090, help='The port that freezer-api listens on.'
    ),
]
OPTIONS = [
    *ADDRESS,
    cfg.IntOpt(
        'workers',
        default=1,
        min=1,
        max=1000,
        help=(
            'How many processes freezer-api serves with. Each uses one core at'
            ' most, and has its own threads and connections. One that ends is'
            ' replaced. There is one when it serves standalone.'
        ),
    ),
    cfg.IntOpt(
        'threads',
        default=10,
        min=1,
        max=1000,
        help=(
            'How many requests a process of freezer-api serves at once. Each'
            ' may need a connection to the database: see max_pool_size and'
            ' max_overflow there. A request that has to wait for a thread for'
            ' 30 seconds is answered 503.'
        ),
    ),
    cfg.IntOpt(
        'max_connections',
        default=1000,
        min=10,
        help=(
            'How many connections a process of freezer-api has open at most;'
            ' fewer where the limit of open files is lower. Where there are'
            ' more, the one is closed that has been waited for longest.'
        ),
    ),
    cfg.IntOpt(
        'max_header_size',
        default=65536,
        min=1024,
        help=(
            'The largest first line and headers of a request together, in'
            ' bytes. Larger ones are answered 414 or 431. For bodies see'
            ' max_request_body_size in [oslo_middleware].'
        ),
    ),
    cfg.IntOpt(
        'request_timeout',
        default=60,
        min=1,
        help=(
            'Seconds in which a request must have arrived since its first'
            ' byte; else it is answered 408.'
        ),
    ),
    cfg.IntOpt(
        'keep_alive_timeout',
        default=60,
        min=1,
        help=(
            'Seconds for which a connection stays open without a request. A'
            ' proxy that keeps connections should close them sooner.'
        ),
    ),
    cfg.IntOpt(
        'graceful_shutdown_timeout',
        default=10,
        min=0,
        help=(
            'Seconds that requests have to finish in when freezer-api is told'
            ' to end (SIGTERM, SIGINT).'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(None, OPTIONS)]
