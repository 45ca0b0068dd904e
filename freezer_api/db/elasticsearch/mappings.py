"""What the indices are like: strict about what is indexed, with the documents themselves beside it, unindexed."""

import typing

from freezer_api.domain import documents

#: Of mappings and settings. Another one makes new indices of the old ones: see :mod:`.schema`.
VERSION = 1
KINDS = (*documents.KINDS, 'runs', 'claims')
_WORD = {'type': 'keyword', 'doc_values': False}
PROPERTIES: dict[str, typing.Any] = {
    'project': {'type': 'keyword'}, 'id': {'type': 'keyword'}, 'key': {'type': 'keyword'},
    'seq': {'type': 'long'}, 'terms': _WORD, 'grams': _WORD,
    'text': {'type': 'text', 'analyzer': 'whitespace', 'norms': False}, 'moment': {'type': 'long'},
    'settle_at': {'type': 'long'}, 'restless': {'type': 'boolean'}, 'doc': {'type': 'object', 'enabled': False}}


def mappings() -> dict[str, typing.Any]:
    """The mappings of every index. What is a function of the document isn't kept twice."""
    return {'dynamic': 'strict', '_meta': {'version': VERSION}, '_source': {'excludes': ['terms', 'grams', 'text']},
            'properties': PROPERTIES}


def settings(replicas: int, waits: bool) -> dict[str, typing.Any]:
    """The settings of every index: in the order of lists, and as deep as offsets go."""
    found = {'number_of_shards': 1, 'number_of_replicas': replicas, 'max_result_window': 2**31 - 1,
             'sort.field': ['seq', 'key'], 'sort.order': ['asc', 'asc']}
    return {'index': {**found, 'refresh_interval': '50ms'} if waits else found}
