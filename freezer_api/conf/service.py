"""``[DEFAULT]``: where ``freezer-api`` listens, when it serves by itself and no other server loads it."""

import collections.abc

from oslo_config import cfg

OPTIONS = [
    cfg.HostAddressOpt(
        'bind_host',
        default='0.0.0.0',
        help='The address that freezer-api listens on. A WSGI server that loads freezer_api.wsgi has its own settings.',
    ),
    cfg.PortOpt('bind_port', default=9090, help='The port that freezer-api listens on.'),
    cfg.IntOpt(
        'threads',
        default=10,
        min=1,
        max=1000,
        help='How many requests freezer-api serves at once. Each may need a connection to the database: see max_pool_size '
        'and max_overflow there.',
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(None, OPTIONS)]
