"""``[api]``: how the API answers."""

import collections.abc

from oslo_config import cfg

GROUP = 'api'

OPTIONS = [
    cfg.IntOpt('max_limit', default=1000, min=1, help='The longest page of a list. A higher limit in a request means this one.'),
    cfg.BoolOpt(
        'implicit_all_projects',
        default=False,
        help='Whether a list of jobs covers all projects without being asked to (all_projects=True), when its caller passes '
        'the policy jobs:get_all_projects.',
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(GROUP, OPTIONS)]
