"""What the indices are like: strict about what is indexed, with the documents
themselves beside it, unindexed.
"""

import typing

from freezer_api.domain import documents

#: Of mappings and settings. Another one makes new indices of the old ones: see
#: :mod:`.upgrading`.
VERSION = 2
KINDS = (*documents.KINDS, 'runs', 'claims')
_WORD = {'type': 'keyword', 'doc_values': False}
PROPERTIES: dict[str, typing.Any] = {
    'project': {'type': 'keyword'},
    'id': {'type': 'keyword'},
    'key': {'type': 'keyword'},
    'seq': {'type': 'long'},
    'terms': _WORD,
    'grams': _WORD,
    'text': {'type': 'text', 'analyzer': 'whitespace', 'norms': False},
    'moment': {'type': 'long'},
    'created': {'type': 'long'},
    'settle_at': {'type': 'long'},
    'restless': {'type': 'boolean'},
    'doc': {'type': 'object', 'enabled': False},
}
Settings = dict[str, typing.Any]


def mappings(copy_of: str | None = None) -> dict[str, typing.Any]:
    """The mappings of every index. What is a function of the document isn't
    kept twice.

    ``copy_of``: the older index that an upgrade makes this one of.
    """
    meta = (
        {'version': VERSION}
        if copy_of is None
        else {'version': VERSION, 'copy_of': copy_of}
    )
    return {
        'dynamic': 'strict',
        '_meta': meta,
        '_source': {'excludes': ['terms', 'grams', 'text']},
        'properties': PROPERTIES,
    }


def settings(replicas: int, waits: bool) -> Settings:
    """The settings of every index: in the order of lists, and as deep as
    offsets go.
    """
    return {
        'number_of_shards': 1,
        'max_result_window': 2**31 - 1,
        'sort.field': ['seq', 'key'],
        'sort.order': ['asc', 'asc'],
        **chosen(replicas, waits),
    }


def chosen(replicas: int, waits: bool) -> Settings:
    """Those of the settings that follow the configuration, also of an index
    that is there. None: Elasticsearch's own default.
    """
    return {
        'number_of_replicas': replicas,
        'refresh_interval': '50ms' if waits else None,
    }
