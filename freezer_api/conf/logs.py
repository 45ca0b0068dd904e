"""The options of oslo.log, with defaults that keep libraries from telling an
operator each of their steps.
"""

import collections.abc

from oslo_config import cfg
from oslo_log import log

#: The file that switches the health check off is optional; its library warns
#: at each probe that none is named.
LEVELS = [
    *log.get_default_log_levels(),
    'alembic=WARN',
    'elastic_transport=WARN',
    'oslo_middleware.healthcheck.disable_by_file=ERROR',
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of oslo.log."""
    log.register_options(conf)
    conf.set_default('default_log_levels', LEVELS)


def set_sample_default() -> None:
    """Give the option of the library our default, so that a generated sample
    shows it. For the generator's process alone.
    """
    log.set_defaults(default_log_levels=LEVELS)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Nothing: the sample takes them from oslo.log itself."""
    return []
