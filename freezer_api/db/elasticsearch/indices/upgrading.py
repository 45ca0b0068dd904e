"""Making an index of this release from an older one, without losing writes.

A new index is created, and the old one takes no more writes. All its documents
are copied, with what is indexed of them made anew; then one request moves the
alias and removes the old index. Each of several processes makes a copy of its own.
The first one to remove the old index has upgraded it. As its name never comes
back, what the others still ask for fails, so a process that stood still for a
long time can't bring anything back either.

A copy that isn't complete is behind an alias of its own, and names the old
index. Once that is gone, anybody may remove the copy. An upgrade that broke
off leaves the old index without writes; the next ``freezer-manage db sync``
completes it.
"""

import collections.abc
import contextlib
import time
import typing
import uuid

import orjson

from freezer_api import exceptions
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.commits import store
from freezer_api.db.elasticsearch.commits.retries import Retries
from freezer_api.db.elasticsearch.connections import answers
from freezer_api.db.elasticsearch.connections.client import (
    Client,
    Missing,
    require_ok,
)
from freezer_api.db.elasticsearch.indices import mappings
from freezer_api.db.elasticsearch.search.searches import Hit

#: Documents that are read by one request.
PAGE = 100
#: Bytes that are written by one request, roughly.
BYTES = 8 * 1024 * 1024
#: Seconds to wait until a copy has as many replicas as the index that it
#: replaces.
REPLICAS_TIMEOUT = 600


def settings(client: Client) -> mappings.Settings:
    """Return the settings of new indices by the configuration."""
    found = {
        **mappings.settings(client.conf.number_of_replicas, client.waits),
        **client.product.settings,
    }
    chosen = {}
    for name, value in found.items():
        if value is not None:
            chosen[name] = value
    return chosen


def upgrade(client: Client, kind: str, old: str) -> None:
    """Replace an old index by a new one; return as well where another process
    has, or is about to.
    """
    alias = client.alias(kind)
    copies = _copies_alias(client, kind)
    suffix = uuid.uuid4().hex[:8]
    new = f'{alias}_{mappings.VERSION}_{suffix}'
    try:
        # The copy first: by it writers know that the block will be over.
        _create(client, new, old, copies)
        if not _block_writes(client, old):
            answer = client.call('DELETE', f'/{new}')
            require_ok(answer)
            return
        _copy(client, kind, old, new)
        _wait_for_replicas(client, old, new)
        _replace(client, old, new, kind)
    except Missing:
        # The old index is gone, or the copy with it: another process has
        # upgraded it, and removed both. Or it was the last request of this
        # one, sent twice.
        return


def _replace(client: Client, old: str, new: str, kind: str) -> None:
    """Let a complete copy take the place of an old index, which goes."""
    # One request is one change of the cluster's state: whoever looks the alias
    # up finds the one index or the other.
    remove_index = {'index': old}
    remove = {
        'index': new,
        'alias': _copies_alias(client, kind),
        'must_exist': True,
    }
    add = {
        'index': new,
        'alias': client.alias(kind),
        'is_write_index': True,
    }
    actions = [
        {'remove_index': remove_index},
        {'remove': remove},
        {'add': add},
    ]
    answer = client.call('POST', '/_aliases', {'actions': actions})
    require_ok(answer)


def tidy(client: Client) -> None:
    """Remove copies of old indices that are gone."""
    copies = set()
    names = []
    for kind in mappings.KINDS:
        alias = _copies_alias(client, kind)
        copies.add(alias)
        names += [client.alias(kind), alias]
    path = f'/{",".join(sorted(names))}'
    params = {
        'ignore_unavailable': 'true',
        'filter_path': '*.aliases,*.mappings._meta',
    }
    answer = client.call('GET', path, params=params)
    indices = require_ok(answer)
    for name, told in indices.items():
        aliases = told.get('aliases', {})
        if not copies & aliases.keys():
            continue
        meta = told['mappings']['_meta']
        if meta['copy_of'] in indices:
            continue
        # Other processes may remove it too.
        with contextlib.suppress(Missing):
            require_ok(client.call('DELETE', f'/{name}'))


def _copies_alias(client: Client, kind: str) -> str:
    """Return the alias of copies that aren't complete."""
    return f'{client.alias(kind)}_copies'


def _create(client: Client, new: str, old: str, copies: str) -> None:
    body = {
        'mappings': mappings.mappings(copy_of=old),
        'settings': {'index': settings(client)},
        'aliases': {
            copies: {},
            **client.product.aliases(new),
        },
    }
    answer = client.call('PUT', f'/{new}', body)
    _status, told = answer
    # Nobody else creates one of this name: the request was sent twice.
    if answers.error_type(told) != 'resource_already_exists_exception':
        require_ok(answer)


def _block_writes(client: Client, old: str) -> bool:
    """Let an index take no more writes; those that have begun are done
    afterwards. False: it has to be tried again.

    So it is where two processes are at it, and the other one has changed the
    block that this one waits for.
    """
    answer = client.call('PUT', f'/{old}/_block/write')
    told = require_ok(answer)
    if not told['acknowledged']:
        return False
    return all(index['blocked'] for index in told['indices'])


def _copy(client: Client, kind: str, old: str, new: str) -> None:
    """Copy every document, with what is indexed of it made anew."""
    _refresh(client, old)
    lines: list[typing.Any] = []
    size = 0
    # Nobody else writes either index, so writes needn't be compared.
    for hit in _documents(client, old):
        source = orjson.dumps(_source(kind, hit))
        where = client.product.target(new)
        where['_id'] = hit['_id']
        lines.append({'index': where})
        lines.append(orjson.Fragment(source))
        size += len(source)
        if size > BYTES:
            _write(client, lines)
            lines, size = [], 0
    _write(client, lines)
    _refresh(client, new)
    expected = _count(client, old)
    copied = _count(client, new)
    if expected != copied:
        raise exceptions.StorageUnavailable(
            f'Of {expected} documents in {old}, {copied} are in its copy.'
        )


def _refresh(client: Client, index: str) -> None:
    answer = client.call('POST', f'/{index}/_refresh')
    require_ok(answer)


def _count(client: Client, index: str) -> int:
    answer = client.call('GET', f'/{index}/_count')
    told = require_ok(answer)
    return int(told['count'])


def _documents(client: Client, index: str) -> collections.abc.Iterator[Hit]:
    """Yield all documents of an index that takes no writes, in an order that
    indices of every version have.
    """
    body: dict[str, typing.Any] = {
        'query': {'match_all': {}},
        'sort': [{'seq': 'asc'}, {'key': 'asc'}],
        'size': PAGE,
        'seq_no_primary_term': True,
        'track_total_hits': False,
        '_source': store.SOURCE,
    }
    while True:
        answer = client.call('POST', f'/{index}/_search', body)
        found = require_ok(answer)['hits']
        hits = found['hits']
        yield from hits
        if len(hits) < PAGE:
            return
        body = {
            **body,
            'search_after': hits[-1]['sort'],
        }


def _write(client: Client, lines: list[typing.Any]) -> None:
    if not lines:
        return
    answer = client.call('POST', '/_bulk', lines)
    told = require_ok(answer)
    if not told['errors']:
        return
    for item in told['items']:
        written = item['index']
        if 'error' in written:
            require_ok((written['status'], written))


def _source(kind: str, hit: Hit) -> dict[str, typing.Any]:
    """Return what is written of a document of the old index."""
    found = store.found(kind, hit)
    source = hit['_source']
    return codec.source(
        found.key,
        found.value,
        found.mark,
        source['seq'],
        source['project'],
    )


def _wait_for_replicas(client: Client, old: str, new: str) -> None:
    """Wait until as many nodes have the copy as have the old index: else the
    loss of one node could lose all.
    """
    configured = 1 + client.conf.number_of_replicas
    wanted = min(_count_active(client, old), configured)
    attempts = Retries(
        'Copying %s to %s', old, new, timeout=REPLICAS_TIMEOUT, warns=False
    )
    end = time.monotonic() + REPLICAS_TIMEOUT
    while True:
        active = _count_active(client, new)
        if active >= wanted:
            return
        if time.monotonic() > end:
            raise exceptions.StorageUnavailable(
                f'The cluster does not replicate {new}.'
            )
        attempts.wait(f'{active} of {wanted} nodes have the copy')


def _count_active(client: Client, index: str) -> int:
    """Return how many nodes have an index."""
    path = f'/_cat/shards/{index}'
    params = {
        'h': 'state',
        'format': 'json',
    }
    answer = client.call('GET', path, params=params)
    active = 0
    for shard in require_ok(answer):
        active += shard['state'] in ('STARTED', 'RELOCATING')
    return active
