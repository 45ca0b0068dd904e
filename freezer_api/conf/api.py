"""``[api]``: limits and defaults of the API's answers."""

import collections.abc

from oslo_config import cfg

GROUP = 'api'

OPTIONS = [
    # A higher limit is reduced, not refused: callers do not know this value,
    # and page through the rest.
    cfg.IntOpt(
        'max_limit',
        default=1000,
        min=1,
        help=(
            'Maximum number of documents on one page of a list. A request'
            ' whose limit is higher gets this many.'
        ),
    ),
    cfg.IntOpt(
        'max_document_size',
        default=256 * 1024,
        min=16 * 1024,
        help=(
            'Maximum size of a document, in bytes of JSON: a session without'
            ' its members, a job with its actions, an action, a client or a'
            ' backup. If [oslo_middleware] max_request_body_size is lower,'
            ' that is the limit, so that every document can be sent back as'
            ' it was read. Documents that are already stored and larger can'
            ' still be read, and can be made smaller.'
        ),
    ),
    cfg.IntOpt(
        'max_response_size',
        default=32 * 1024 * 1024,
        min=64 * 1024,
        help=(
            'Maximum size of all documents on one page together, in bytes of'
            ' JSON. A request for a larger page is refused; the caller has to'
            ' ask for fewer documents. It is also the maximum size of all'
            ' jobs that are updated together when an action they share'
            ' changes.'
        ),
    ),
    # The behaviour of earlier releases. Off by default: a list that did not ask
    # for other projects must not show their jobs.
    cfg.BoolOpt(
        'implicit_all_projects',
        default=False,
        help=(
            'List the jobs of all projects for every caller who passes the'
            ' policy jobs:get_all_projects, even if the request does not say'
            ' all_projects=True.'
        ),
    ),
    cfg.IntOpt(
        'max_concurrent_requests',
        default=0,
        min=0,
        max=1000,
        help=(
            'Number of requests that each process works on at a time, so that'
            ' it can have many threads: the other requests wait, reads go'
            ' first, and one transaction does what several write. A request'
            ' that waits for others on the same session, for Elasticsearch or'
            ' for Keystone does not count. Set it to 2, with 32 threads, if'
            ' many agents start sessions at the same moment and the database'
            ' is near; a distant one needs more. 0: as many as there are'
            ' threads.'
        ),
    ),
    cfg.BoolOpt(
        'log_requests',
        default=True,
        help=(
            'Whether each request has a line in the log, at INFO, with its'
            ' method, path, status, size and time, and who sent it.'
        ),
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(GROUP, OPTIONS)]
