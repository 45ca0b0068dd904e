"""``[oslo_middleware]``: the limit of a request's body, with a default that fits jobs of many actions."""

import collections.abc

from oslo_config import cfg
from oslo_middleware import opts as middleware_opts
from oslo_middleware import sizelimit

GROUP = 'oslo_middleware'

#: Bytes. The library's own default, 112 KiB, is less than a job of a hundred actions.
MAX_REQUEST_BODY_SIZE = 4 * 1024 * 1024


def register(conf: cfg.ConfigOpts) -> None:
    """Register the size limit of oslo.middleware with the default of this service."""
    for group, options in middleware_opts.list_opts_sizelimit():
        conf.register_opts(options, group=group)
    conf.set_default('max_request_body_size', MAX_REQUEST_BODY_SIZE, group=GROUP)


def set_sample_default() -> None:
    """Give the option of the library our default, so that a generated sample shows it. For the generator's process alone."""
    cfg.set_defaults(sizelimit.OPTS, max_request_body_size=MAX_REQUEST_BODY_SIZE)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Nothing: the sample takes them from oslo.middleware itself."""
    return []
