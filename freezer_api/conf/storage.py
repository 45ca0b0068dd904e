"""``[storage]``: which driver keeps the documents."""

import collections.abc

from oslo_config import cfg

GROUP = 'storage'

OPTIONS = [
    cfg.StrOpt(
        'driver',
        default='sqlalchemy',
        help=(
            'The driver that keeps the documents: a name in the entry point'
            ' group freezer.db.backends.'
        ),
    ),
    cfg.StrOpt(
        'backend',
        help=(
            'Accepted and without effect: deployments name a section of their'
            ' own here. Each driver reads its own section, sqlalchemy reads'
            ' [database].'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(GROUP, OPTIONS)]
