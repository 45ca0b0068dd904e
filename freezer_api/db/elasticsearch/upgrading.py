"""Making an index of this release of an older one, without losing writes.

The old index takes no more writes. All its documents are copied into a new
index, with what is indexed of them made anew; then one request moves the alias
and removes the old index. Each of several processes makes a copy of its own.
The first one to remove the old index has upgraded it, for its name never comes
back: what the others still ask for can't happen any more, so neither can a
process that stood still bring anything back.

A copy in the making is behind an alias of its own and names the old index. It
may be removed once that is gone, by whoever finds it. An upgrade that broke
off leaves the old index without writes, and is done by the next
``freezer-manage db sync``.
"""

import collections.abc
import contextlib
import time
import typing
import uuid

import orjson

from freezer_api import exceptions
from freezer_api.db.elasticsearch import client as asking
from freezer_api.db.elasticsearch import codec, commit, mappings, store
from freezer_api.db.elasticsearch.client import Client

#: Documents that are read by one request, and bytes that are written by one,
#: roughly.
PAGE, BYTES = 100, 8 * 1024 * 1024
#: Seconds to wait until a copy has as many replicas as the index that it is to
#: follow.
PATIENCE = 600

Hit = dict[str, typing.Any]


def settings(client: Client) -> mappings.Settings:
    """The settings of indices, as the configuration has them."""
    found = mappings.settings(client.conf.number_of_replicas, client.waits)
    return {name: value for name, value in found.items() if value is not None}


def upgrade(client: Client, kind: str, old: str) -> None:
    """Make a new index of an old one; return as well where another process
    has, or is about to.
    """
    alias, copies = client.alias(kind), _copies(client, kind)
    new = f'{alias}_{mappings.VERSION}_{uuid.uuid4().hex[:8]}'
    try:
        if not _block(client, old):
            return
        _create(client, new, old, copies)
        _copy(client, kind, old, new)
        _await_replicas(client, old, new)
        actions = [
            {'remove_index': {'index': old}},
            {'remove': {'index': new, 'alias': copies, 'must_exist': True}},
            {'add': {'index': new, 'alias': alias, 'is_write_index': True}},
        ]
        asking.done(client.call('POST', '/_aliases', {'actions': actions}))
    except asking.Missing:
        # The old one, or with it the copy: whoever has upgraded it has removed
        # them. Or it was this very request, sent twice.
        return


def tidy(client: Client) -> None:
    """Remove copies that can't take any index's place any more."""
    names = {
        name
        for kind in mappings.KINDS
        for name in (client.alias(kind), _copies(client, kind))
    }
    answer = asking.done(
        client.call(
            'GET',
            f'/{",".join(sorted(names))}',
            params={
                'ignore_unavailable': 'true',
                'filter_path': '*.aliases,*.mappings._meta',
            },
        )
    )
    copies = {_copies(client, kind) for kind in mappings.KINDS}
    for name, told in answer.items():
        if (
            copies & told.get('aliases', {}).keys()
            and told['mappings']['_meta']['copy_of'] not in answer
        ):
            # Others may be at it too.
            with contextlib.suppress(asking.Missing):
                asking.done(client.call('DELETE', f'/{name}'))


def _copies(client: Client, kind: str) -> str:
    """The alias of copies in the making."""
    return f'{client.alias(kind)}_copies'


def _create(client: Client, new: str, old: str, copies: str) -> None:
    answer = client.call(
        'PUT',
        f'/{new}',
        {
            'mappings': mappings.mappings(copy_of=old),
            'settings': {'index': settings(client)},
            'aliases': {copies: {}},
        },
    )
    # Of a request that was sent twice: nobody else makes one of this name.
    if asking.error_type(answer[1]) != 'resource_already_exists_exception':
        asking.done(answer)


def _block(client: Client, old: str) -> bool:
    """Let an index take no more writes; those that have begun are through
    afterwards. False: to be tried again.

    So it is where two processes are at it, and the other one has changed the
    block that this one waits behind.
    """
    answer = asking.done(client.call('PUT', f'/{old}/_block/write'))
    return answer['acknowledged'] and all(
        index['blocked'] for index in answer['indices']
    )


def _copy(client: Client, kind: str, old: str, new: str) -> None:
    """Copy every document, with what is indexed of it made anew."""
    asking.done(client.call('POST', f'/{old}/_refresh'))
    lines: list[typing.Any] = []
    size = 0
    for hit in _documents(client, old):
        source = orjson.dumps(_copied(kind, hit))
        lines += [
            {'index': {'_index': new, '_id': hit['_id']}},
            orjson.Fragment(source),
        ]
        size += len(source)
        if size > BYTES:
            _write(client, lines)
            lines, size = [], 0
    _write(client, lines)
    asking.done(client.call('POST', f'/{new}/_refresh'))
    counts = [
        asking.done(client.call('GET', f'/{index}/_count'))['count']
        for index in (old, new)
    ]
    if counts[0] != counts[1]:
        raise exceptions.StorageUnavailable(
            f'Of {counts[0]} documents in {old}, {counts[1]} are in its copy.'
        )


def _documents(client: Client, index: str) -> collections.abc.Iterator[Hit]:
    """All documents of an index that takes no writes, in an order that indices
    of every version have.
    """
    after: list[typing.Any] | None = None
    while True:
        body = {
            'query': {'match_all': {}},
            'sort': [{'seq': 'asc'}, {'key': 'asc'}],
            'size': PAGE,
            'seq_no_primary_term': True,
            'track_total_hits': False,
            '_source': store.SOURCE,
            **({'search_after': after} if after else {}),
        }
        hits = asking.done(client.call('POST', f'/{index}/_search', body))[
            'hits'
        ]['hits']
        yield from hits
        if len(hits) < PAGE:
            return
        after = hits[-1]['sort']


def _write(client: Client, lines: list[typing.Any]) -> None:
    if not lines:
        return
    answer = asking.done(client.call('POST', '/_bulk', lines))
    for item in answer['items'] if answer['errors'] else ():
        if 'error' in item['index']:
            asking.done((item['index']['status'], item['index']))


def _copied(kind: str, hit: Hit) -> Hit:
    found = store.found(kind, hit)
    source = hit['_source']
    return codec.source(
        found.key, found.value, found.mark, source['seq'], source['project']
    )


def _await_replicas(client: Client, old: str, new: str) -> None:
    """Wait until as many nodes have the copy as have the old index: else the
    loss of one would lose all.
    """
    wanted = min(_active(client, old), 1 + client.conf.number_of_replicas)
    end, attempt = time.monotonic() + PATIENCE, 0
    while _active(client, new) < wanted:
        if time.monotonic() > end:
            raise exceptions.StorageUnavailable(
                f'The cluster does not replicate {new}.'
            )
        commit.pause(attempt)
        attempt += 1


def _active(client: Client, index: str) -> int:
    """How many nodes have an index."""
    shards = asking.done(
        client.call(
            'GET',
            f'/_cat/shards/{index}',
            params={'h': 'state', 'format': 'json'},
        )
    )
    return sum(shard['state'] in ('STARTED', 'RELOCATING') for shard in shards)
