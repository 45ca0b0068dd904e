"""``[centralized_scheduler]``: trusts for the jobs that the scheduler of a
central client executes.
"""

import collections.abc

from oslo_config import cfg

GROUP = 'centralized_scheduler'

OPTIONS = [
    cfg.BoolOpt(
        'enabled',
        default=True,
        help=(
            'Whether jobs on central clients get a trust in Keystone: the'
            ' scheduler executes them by the rights that those who wrote them'
            ' have in their projects. Without a central client it has no'
            ' effect.'
        ),
    ),
    cfg.BoolOpt(
        'enforce_trusts',
        default=False,
        help=(
            'Whether jobs on all other clients get a trust as well. Needs'
            ' enabled.'
        ),
    ),
    cfg.StrOpt(
        'auth_section',
        default='keystone_authtoken',
        help=(
            'The section with the credentials (auth_type and what goes with'
            ' it) of the user to whom trusts are given: the one as whom the'
            ' scheduler authenticates.'
        ),
    ),
    cfg.ListOpt(
        'trusts_delegated_roles',
        default=['member'],
        help=(
            'The roles that a trust passes on. Empty: those of the token of'
            " the request. Who doesn't have them all in the project can make"
            ' no job that needs a trust.'
        ),
    ),
    cfg.StrOpt(
        'service_user',
        help=(
            'Has no effect: trusts are given to the user of auth_section.'
            ' Older files name one here.'
        ),
    ),
    cfg.StrOpt(
        'service_user_domain', help='Has no effect, like service_user.'
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(GROUP, OPTIONS)]
