"""What the sample generator reads: the entry points ``oslo.config.opts`` and
``oslo.config.opts.defaults``.
"""

import collections.abc
import itertools

from oslo_config import cfg

from freezer_api import conf


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The service's own options by group."""
    return list(
        itertools.chain.from_iterable(
            group.list_opts() for group in conf.GROUPS
        )
    )


def set_defaults() -> None:
    """Show the defaults that this service gives to options of libraries."""
    conf.database.set_sample_default()
    conf.logs.set_sample_default()
    conf.middleware.set_sample_default()
