"""``[database]``: options of oslo.db, for the driver ``sqlalchemy``."""

import collections.abc

from oslo_config import cfg
from oslo_db import options

GROUP = 'database'

#: Connections that a process keeps open. With fewer than it has threads, a
#: busy process opens and closes connections all the time.
MAX_POOL_SIZE = 20
#: What the driver reads of them. It retries in ways of its own, and has one
#: database, so it has no use for the others.
READ = frozenset(
    (
        'connection',
        'connection_parameters',
        'connection_recycle_time',
        'max_overflow',
        'max_pool_size',
        'mysql_sql_mode',
        'mysql_wsrep_sync_wait',
        'pool_timeout',
        'sqlite_synchronous',
    )
)


def register(conf: cfg.ConfigOpts) -> None:
    """Register all options of oslo.db: files of other services have them."""
    conf.register_opts(options.database_opts, group=GROUP)
    conf.set_default('max_pool_size', MAX_POOL_SIZE, group=GROUP)


def set_sample_default() -> None:
    """Set our default on the library's option object, so that the sample file
    shows it. Only for the generator's process: it affects every user of the
    library.
    """
    cfg.set_defaults(options.database_opts, max_pool_size=MAX_POOL_SIZE)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the options that are read."""
    read = [option for option in options.database_opts if option.dest in READ]
    return [(GROUP, read)]
