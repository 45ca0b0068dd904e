"""``[sessions]``: what is kept of them."""

import collections.abc

from oslo_config import cfg

GROUP = 'sessions'

OPTIONS = [
    cfg.IntOpt(
        'runs_kept',
        default=100,
        min=0,
        help=(
            'How many runs of a session are kept, the current one included; 0'
            ' keeps all. The oldest go when a new run starts, but never the'
            ' newest one that ended in success.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(GROUP, OPTIONS)]
