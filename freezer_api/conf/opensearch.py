"""``[opensearch]``: the cluster that stores the documents if ``[storage]
driver`` is opensearch.
"""

import collections.abc

from oslo_config import cfg

from freezer_api.conf import elasticsearch

GROUP = 'opensearch'
#: All of Elasticsearch's but the kind of credentials that OpenSearch lacks.
OPTIONS = [
    option for option in elasticsearch.OPTIONS if option.name != 'api_key'
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts() -> list[tuple[str | None, collections.abc.Sequence[cfg.Opt]]]:
    """Return the group and its options, for the sample file."""
    return [(GROUP, OPTIONS)]
