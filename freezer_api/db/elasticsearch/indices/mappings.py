"""What the indices are like: strict about what is indexed, with the documents
themselves beside it, unindexed.
"""

import typing

from freezer_api.domain import documents

#: The version of mappings and settings. Raising it makes ``db sync`` copy the
#: indices into new ones: see :mod:`.upgrading`.
VERSION = 2
#: The kinds that have an index: beside those of documents the driver's own.
KINDS = (*documents.KINDS, 'runs', 'claims')
#: Looked up alone: nothing is sorted or aggregated by it.
_WORD = {
    'type': 'keyword',
    'doc_values': False,
}
PROPERTIES: dict[str, typing.Any] = {
    'project': {'type': 'keyword'},
    'id': {'type': 'keyword'},
    'key': {'type': 'keyword'},
    'seq': {'type': 'long'},
    'terms': _WORD,
    'grams': _WORD,
    'text': {
        'type': 'text',
        'analyzer': 'whitespace',
        'norms': False,
    },
    'moment': {'type': 'long'},
    'created': {'type': 'long'},
    'settle_at': {'type': 'long'},
    'restless': {'type': 'boolean'},
    'doc': {
        'type': 'object',
        'enabled': False,
    },
}
Settings = dict[str, typing.Any]


def mappings(copy_of: str | None = None) -> dict[str, typing.Any]:
    """Return the mappings of every index.

    ``copy_of``: the older index that an upgrade makes this one of.
    """
    meta: dict[str, typing.Any] = {'version': VERSION}
    if copy_of is not None:
        meta['copy_of'] = copy_of
    return {
        'dynamic': 'strict',
        '_meta': meta,
        # The largest fields follow from the document, and aren't kept twice.
        '_source': {'excludes': ['terms', 'grams', 'text']},
        'properties': PROPERTIES,
    }


def settings(replicas: int, waits: bool) -> Settings:
    """Return the settings of every index: in the order of lists, and as deep
    as offsets go.

    ``waits``: writes wait until searches see them.
    """
    return {
        # With one shard a search sees the index at one time.
        'number_of_shards': 1,
        'max_result_window': 2**31 - 1,
        'sort.field': ['seq', 'key'],
        'sort.order': ['asc', 'asc'],
        **chosen(replicas, waits),
    }


def chosen(replicas: int, waits: bool) -> Settings:
    """Return those of the settings that follow the configuration, also of an
    index that is there. None: Elasticsearch's own default.
    """
    # A write that waits for the next refresh takes as long as this.
    interval = '50ms' if waits else None
    return {
        'number_of_replicas': replicas,
        'refresh_interval': interval,
    }
