"""Stamps of documents: see :meth:`Storage.write_stamps`.

Their index is made when the first ones are written. It is none of the
schema's: no release has to know it, and it may be deleted.
"""

import collections.abc
import hashlib
import typing

from freezer_api import exceptions
from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.commits.lines import CHUNK
from freezer_api.db.elasticsearch.connections import answers
from freezer_api.db.elasticsearch.connections.client import (
    SAME_COPY,
    Client,
    Missing,
    Refused,
    require_ok,
)

#: A project and an id in it.
Name = tuple[str, str]
_Json = dict[str, typing.Any]
_KIND = 'imports'
_EXISTS = 'resource_already_exists_exception'
_PROPERTIES = {
    'kind': {'type': 'keyword'},
    'project': {'type': 'keyword'},
    'id': {'type': 'keyword'},
    'stamp': {'type': 'keyword', 'index': False, 'doc_values': False},
}


def prepare(client: Client) -> None:
    """Make the index, if it isn't there."""
    body = {
        'mappings': {'dynamic': 'strict', 'properties': _PROPERTIES},
        'settings': {
            'index': {
                'number_of_shards': 1,
                'number_of_replicas': client.conf.number_of_replicas,
            }
        },
    }
    index = client.alias(_KIND)
    answer = client.call('PUT', f'/{index}', body)
    _status, told = answer
    if answers.error_type(told) != _EXISTS:
        require_ok(answer)


def read(
    client: Client,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> dict[str, bytes]:
    """Return stamps by the ids of documents."""
    stamps: dict[str, bytes] = {}
    path = _path(client, '_mget')
    ordered = sorted(ids)
    for batch in batches(ordered, CHUNK):
        names = [_id(kind, project_id, id) for id in batch]
        asked = {'ids': names}
        # Of an index that isn't there each is an error by itself.
        answer = client.call('POST', path, asked, SAME_COPY)
        for found in require_ok(answer)['docs']:
            if not found.get('found'):
                continue
            source = found['_source']
            id = source['id']
            stamps[id] = bytes.fromhex(source['stamp'])
    return stamps


def write(
    client: Client,
    kind: str,
    project_id: str,
    stamps: collections.abc.Mapping[str, bytes],
) -> None:
    """Keep stamps in place of those that are there."""
    path = _path(client, '_bulk')
    ordered = sorted(stamps.items())
    for batch in batches(ordered, CHUNK):
        lines: list[_Json] = []
        for id, stamp in batch:
            where = {'_id': _id(kind, project_id, id)}
            lines.append({'index': where})
            lines.append(
                {
                    'kind': kind,
                    'project': project_id,
                    'id': id,
                    'stamp': stamp.hex(),
                }
            )
        answer = client.call('POST', path, lines)
        told = require_ok(answer)
        if told['errors']:
            raise exceptions.StorageUnavailable() from Refused(
                'stamps of an import were refused'
            )


def names(
    client: Client,
    kind: str,
    after: Name,
    limit: int,
) -> list[Name]:
    """Return projects and ids that have stamps, in their order."""
    # What was written last is to be found, and searches see it only then.
    try:
        path = _path(client, '_refresh')
        require_ok(client.call('POST', path))
    except Missing:
        return []
    body: _Json = {
        'query': {'term': {'kind': kind}},
        'sort': ['project', 'id'],
        'search_after': list(after),
        'size': limit,
        '_source': ['project', 'id'],
    }
    answer = client.call('POST', _path(client, '_search'), body)
    found = require_ok(answer)['hits']
    result = []
    for hit in found['hits']:
        source = hit['_source']
        result.append((source['project'], source['id']))
    return result


def _path(client: Client, request: str) -> str:
    """Return the path of a request about the index."""
    index = client.alias(_KIND)
    return f'/{index}/{request}'


def _id(kind: str, project_id: str, id: str) -> str:
    """Return the name of a document's stamp, no longer than Elasticsearch
    allows.
    """
    key = codec.key(kind, project_id, id)
    name = '/'.join(key)
    encoded = name.encode('utf-8', 'surrogatepass')
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()
