"""``[sessions]``: how much of a session's history is stored."""

import collections.abc

from oslo_config import cfg

GROUP = 'sessions'

OPTIONS = [
    # The newest successful run is what a restore needs, however old it is.
    cfg.IntOpt(
        'runs_kept',
        default=100,
        min=0,
        help=(
            'Maximum number of stored runs of a session, including the current'
            ' one; 0 means no maximum. The oldest runs are deleted when a new'
            ' one starts, except the newest run that ended in success.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(GROUP, OPTIONS)]
