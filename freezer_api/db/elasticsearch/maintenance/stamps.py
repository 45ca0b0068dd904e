"""Stamps of documents: see :meth:`Storage.write_stamps`.

Their index is made when the first ones are written. It is none of the
schema's: no release has to know it, and it may be deleted.
"""

import collections.abc
import hashlib
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.client import (
    SAME_COPY,
    Client,
    Missing,
    Refused,
    error_type,
    require_ok,
)
from freezer_api.db.elasticsearch.commits.lines import CHUNK

#: A project and an id in it.
Name = tuple[str, str]
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
    answer = client.call('PUT', _path(client), body)
    if error_type(answer[1]) != _EXISTS:
        require_ok(answer)


def read(
    client: Client,
    kind: str,
    project_id: str,
    ids: collections.abc.Collection[str],
) -> dict[str, bytes]:
    """Return stamps by the ids of documents."""
    stamps: dict[str, bytes] = {}
    ordered = sorted(ids)
    for first in range(0, len(ordered), CHUNK):
        chunk = ordered[first : first + CHUNK]
        asked = {'ids': [_id(kind, project_id, id) for id in chunk]}
        path = f'{_path(client)}/_mget'
        # Of an index that isn't there each is an error by itself.
        answer = client.call('POST', path, asked, SAME_COPY)
        for found in require_ok(answer)['docs']:
            if found.get('found'):
                source = found['_source']
                stamps[source['id']] = bytes.fromhex(source['stamp'])
    return stamps


def write(
    client: Client,
    kind: str,
    project_id: str,
    stamps: collections.abc.Mapping[str, bytes],
) -> None:
    """Keep stamps in place of those that are there."""
    ordered = sorted(stamps.items())
    for first in range(0, len(ordered), CHUNK):
        lines: list[dict[str, typing.Any]] = []
        for id, stamp in ordered[first : first + CHUNK]:
            lines.append({'index': {'_id': _id(kind, project_id, id)}})
            lines.append(
                {
                    'kind': kind,
                    'project': project_id,
                    'id': id,
                    'stamp': stamp.hex(),
                }
            )
        answer = client.call('POST', f'{_path(client)}/_bulk', lines)
        if require_ok(answer)['errors']:
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
        require_ok(client.call('POST', f'{_path(client)}/_refresh'))
    except Missing:
        return []
    body: dict[str, typing.Any] = {
        'query': {'term': {'kind': kind}},
        'sort': ['project', 'id'],
        'search_after': list(after),
        'size': limit,
        '_source': ['project', 'id'],
    }
    path = f'{_path(client)}/_search'
    hits = require_ok(client.call('POST', path, body))['hits']['hits']
    return [(hit['_source']['project'], hit['_source']['id']) for hit in hits]


def _path(client: Client) -> str:
    return f'/{client.alias(_KIND)}'


def _id(kind: str, project_id: str, id: str) -> str:
    """Return the name of a document's stamp, no longer than Elasticsearch
    allows.
    """
    name = '/'.join(codec.key(kind, project_id, id))
    encoded = name.encode('utf-8', 'surrogatepass')
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()
