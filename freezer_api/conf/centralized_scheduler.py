"""``[centralized_scheduler]``: Keystone trusts for jobs that a central
client's scheduler runs.
"""

import collections.abc

from oslo_config import cfg

GROUP = 'centralized_scheduler'

# The names and defaults are those of published releases, so that a deployment
# keeps its trusts when it is upgraded.
OPTIONS = [
    cfg.BoolOpt(
        'enabled',
        default=True,
        help=(
            'Create a Keystone trust for each job on a central client. The'
            " scheduler uses it to run the job with the roles that the job's"
            ' author has in the project. Has no effect if there are no'
            ' central clients.'
        ),
    ),
    cfg.BoolOpt(
        'enforce_trusts',
        default=False,
        help=(
            'Create a trust for the jobs on all other clients as well. Has no'
            ' effect unless enabled is true.'
        ),
    ),
    cfg.StrOpt(
        'auth_section',
        default='keystone_authtoken',
        help=(
            'The section with the credentials (auth_type and the options that'
            ' belong to it) of the trustee: the user whom trusts are given'
            ' to. It must be the user that the scheduler authenticates as.'
        ),
    ),
    cfg.ListOpt(
        'trusts_delegated_roles',
        default=['member'],
        help=(
            'The roles that a trust delegates. If empty, the roles in the'
            ' token of the request. A user lacking any of them in the project'
            ' cannot create jobs that need a trust.'
        ),
    ),
    # Registered although nothing reads them: the upgrade check reports options
    # that are not registered as misspelt.
    cfg.StrOpt(
        'service_user',
        help=(
            'Ignored: trusts are given to the user of auth_section. Accepted'
            ' because older configuration files have it.'
        ),
    ),
    cfg.StrOpt('service_user_domain', help='Ignored, like service_user.'),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(GROUP, OPTIONS)]
