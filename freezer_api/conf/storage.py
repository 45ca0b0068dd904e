"""``[storage]``: which driver stores the documents."""

import collections.abc

from oslo_config import cfg

GROUP = 'storage'

OPTIONS = [
    cfg.StrOpt(
        'driver',
        default='sqlalchemy',
        help=(
            'The driver that stores the documents: sqlalchemy (configured by'
            ' [database]), elasticsearch (by [elasticsearch]), opensearch (by'
            ' [opensearch]), or the name of another entry point of the group'
            ' freezer.db.backends.'
        ),
    ),
    cfg.StrOpt(
        'backend',
        help=(
            'Ignored. Accepted because existing configuration files name a'
            ' section of their own here; each driver reads its own section.'
        ),
    ),
    cfg.FloatOpt(
        'slow_statement_seconds',
        default=1.0,
        min=0,
        help=(
            'The driver sqlalchemy logs each SQL statement that takes so many'
            ' seconds or longer, at WARNING: its text without the values,'
            ' the seconds and the number of rows. 0 logs none.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(GROUP, OPTIONS)]
