"""``[api]``: how the API answers."""

import collections.abc

from oslo_config import cfg

GROUP = 'api'

OPTIONS = [
    cfg.IntOpt(
        'max_limit',
        default=1000,
        min=1,
        help=(
            'The longest page of a list. A higher limit in a request means'
            ' this one.'
        ),
    ),
    cfg.IntOpt(
        'max_document_size',
        default=256 * 1024,
        min=16 * 1024,
        help=(
            'How many bytes of JSON a document may have: a session without its'
            ' members, a job with its actions, an action, a client or a'
            ' backup. Never more than [oslo_middleware] max_request_body_size,'
            ' so that what was read can be sent back. Larger ones that are'
            ' stored already stay readable, and can be made smaller.'
        ),
    ),
    cfg.IntOpt(
        'max_response_size',
        default=32 * 1024 * 1024,
        min=64 * 1024,
        help=(
            'How many bytes of JSON the documents of a page may have together.'
            ' A request for more is refused and has to ask for fewer. So many'
            ' bytes of jobs can also be changed at once when an action changes'
            ' that they share.'
        ),
    ),
    cfg.BoolOpt(
        'implicit_all_projects',
        default=False,
        help=(
            'Whether a list of jobs covers all projects without being asked to'
            ' (all_projects=True), when its caller passes the policy'
            ' jobs:get_all_projects.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """The group and its options, for the sample."""
    return [(GROUP, OPTIONS)]
