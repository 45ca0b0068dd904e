"""Configuration: one module for each of our option groups, and :func:`new`,
which makes an object with all of them.

There is no global configuration object: whoever starts a process makes one,
has it parse its files, and passes it on.
"""

import types

from oslo_config import cfg

from freezer_api.conf import (
    api,
    centralized_scheduler,
    database,
    elasticsearch,
    logs,
    middleware,
    opensearch,
    service,
    sessions,
    storage,
)

GROUPS: tuple[types.ModuleType, ...] = (
    service,
    storage,
    database,
    elasticsearch,
    opensearch,
    api,
    sessions,
    centralized_scheduler,
    middleware,
    logs,
)


def new() -> cfg.ConfigOpts:
    """Make a configuration with the service's options and their defaults;
    nothing is parsed yet.

    The options of keystonemiddleware, oslo.policy and similar libraries are
    registered by those libraries where they are used.
    """
    conf = cfg.ConfigOpts()
    for group in GROUPS:
        group.register(conf)
    return conf
