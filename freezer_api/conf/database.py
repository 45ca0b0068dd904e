"""``[database]``: the options of oslo.db, for the driver ``sqlalchemy``."""

import collections.abc

from oslo_config import cfg
from oslo_db import options

GROUP = 'database'


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of oslo.db."""
    conf.register_opts(options.database_opts, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Nothing: the sample takes them from oslo.db itself."""
    return []
