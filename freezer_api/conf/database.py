"""``[database]``: the options of oslo.db, for the driver ``sqlalchemy``."""

import collections.abc

from oslo_config import cfg
from oslo_db import options

GROUP = 'database'

#: Connections that a process keeps open. With fewer than it has threads, a
#: busy process opens and closes connections all the time.
MAX_POOL_SIZE = 20


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of oslo.db."""
    conf.register_opts(options.database_opts, group=GROUP)
    conf.set_default('max_pool_size', MAX_POOL_SIZE, group=GROUP)


def set_sample_default() -> None:
    """Set our default on the library's option object, so that the sample file
    shows it. Only for the generator's process: it affects every user of the
    library.
    """
    cfg.set_defaults(options.database_opts, max_pool_size=MAX_POOL_SIZE)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return nothing: the sample file lists oslo.db's options itself."""
    return []
