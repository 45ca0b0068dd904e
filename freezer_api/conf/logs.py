"""The options of oslo.log, with levels at which libraries do not log each of
their steps.
"""

import collections.abc

from oslo_config import cfg
from oslo_log import log

#: Levels by logger. The health check's library warns at each probe that no
#: file is named that disables it; that file is optional.
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
    """Set our default on the library's option object, so that the sample file
    shows it. Only for the generator's process.
    """
    log.set_defaults(default_log_levels=LEVELS)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return nothing: the sample file lists oslo.log's options itself."""
    return []
