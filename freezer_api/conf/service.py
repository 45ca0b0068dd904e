"""``[DEFAULT]``: the options of the built-in server of ``freezer-api``."""

import collections.abc

from oslo_config import cfg

#: Options that the command line of freezer-api has as well.
ADDRESS = [
    # Deployments that set neither address nor port expect these defaults.
    cfg.HostAddressOpt(
        'bind-host',
        default='0.0.0.0',
        help=(
            'The address that freezer-api listens on, without TLS. The default'
            ' is every IPv4 address of the machine; :: is every IPv4 and IPv6'
            ' address. If the machine is in a network that is not trusted, set'
            ' the address that the TLS proxy connects to. WSGI servers that'
            ' load freezer_api.wsgi ignore this option and the options of the'
            ' built-in server below.'
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
            'Number of processes that serve requests. Each uses at most one'
            ' CPU core and has its own threads and connections. A process that'
            ' ends is replaced. Standalone mode always has one process.'
        ),
    ),
    cfg.IntOpt(
        'threads',
        default=10,
        min=1,
        max=1000,
        help=(
            'Number of requests that one process handles at the same time.'
            ' Each may need a database connection: see max_pool_size and'
            ' max_overflow in [database]. A request that waits longer than 30'
            ' seconds for a thread gets 503.'
        ),
    ),
    cfg.IntOpt(
        'max_connections',
        default=1000,
        min=10,
        help=(
            'Maximum number of open client connections of one process; lower'
            ' if the limit of open files (ulimit -n) does not allow as many. A'
            ' connection beyond the maximum is accepted, and the connection'
            ' whose client has been idle or slow for the longest time is'
            ' closed.'
        ),
    ),
    cfg.IntOpt(
        'max_header_size',
        default=65536,
        min=1024,
        help=(
            'Maximum size of the request line and headers together, in bytes.'
            ' A larger request gets 414 or 431. For bodies see'
            ' [oslo_middleware] max_request_body_size.'
        ),
    ),
    cfg.IntOpt(
        'request_timeout',
        default=60,
        min=1,
        help=(
            'Seconds within which a request must arrive completely, counted'
            ' from its first byte. A later one gets 408.'
        ),
    ),
    # A proxy that sends a request on a connection just as the server closes it
    # cannot tell whether the request was handled.
    cfg.IntOpt(
        'keep_alive_timeout',
        default=60,
        min=1,
        help=(
            'Seconds after which a connection without a request is closed. A'
            ' proxy that keeps connections open should close them earlier.'
        ),
    ),
    cfg.IntOpt(
        'graceful_shutdown_timeout',
        default=10,
        min=0,
        help=(
            'Seconds that running requests have to finish after SIGTERM or'
            ' SIGINT. After that the process ends anyway.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(None, OPTIONS)]
