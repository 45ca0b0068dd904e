"""Entry points of the sample generator: ``oslo.config.opts`` and
``oslo.config.opts.defaults``.
"""

import collections.abc

from oslo_config import cfg

from freezer_api import conf

#: A group (None: ``[DEFAULT]``) and its options.
Listed = tuple[str | None, collections.abc.Sequence[cfg.Opt]]


def list_opts() -> list[Listed]:
    """List the service's own options by group."""
    listed: list[Listed] = []
    for group in conf.GROUPS:
        listed.extend(group.list_opts())
    return listed


def set_defaults() -> None:
    """Show the service's own defaults for options of libraries."""
    conf.database.set_sample_default()
    conf.logs.set_sample_default()
    conf.middleware.set_sample_default()
