"""The indices' versions: creating them, upgrading them, telling which ones are there.

A kind is read under an alias; the index behind it has the version of its mappings in its name and under ``_meta``. An upgrade
makes a new index beside the old one, which takes no writes meanwhile, copies all documents, and moves the alias and removes
the old index by one request. Of several processes at once each makes a copy of its own; the first one to move the alias has
upgraded it, the others find nothing to move and remove their copies. So a process that stood still can't bring anything back.
"""

import typing
import uuid

from freezer_api import exceptions
from freezer_api.db.elasticsearch import codec, mappings, store
from freezer_api.db.elasticsearch.client import OUT_OF_DATE, Client

#: Documents that are copied by one request.
PAGE = 500

Indices = dict[str, dict[str, int]]


def sync(client: Client) -> None:
    """Make this release's indices, from older ones where there are any. Idempotent, also for several processes at once."""
    _put_template(client)
    for kind in mappings.KINDS:
        while True:
            behind = _behind(client, kind).get(client.alias(kind), {})
            if not behind:
                _create(client, kind)
            elif min(behind.values()) < mappings.VERSION:
                _upgrade(client, kind, *behind)
            else:
                break


def version(client: Client) -> str | None:
    """The version of the indices that are there: the oldest one's; None without any."""
    found = [version for indices in _behind(client, '*').values() for version in indices.values()]
    return str(min(found)) if found else None


def check(client: Client) -> None:
    """Return if the indices are this release's, else raise ``SchemaOutOfDate``; one request."""
    found = _behind(client, '*')
    names = {client.alias(kind) for kind in mappings.KINDS}
    if names - found.keys() or any(set(found[name].values()) != {mappings.VERSION} for name in names):
        raise exceptions.SchemaOutOfDate(OUT_OF_DATE)


def _behind(client: Client, kind: str) -> Indices:
    """For each alias of a kind (``*``: of all) the indices behind it, with their versions."""
    status, answer = client.call('GET', f'/{client.alias(kind)}', params={'allow_no_indices': 'true', 'ignore_unavailable': 'true'})
    if status not in (200, 404):
        raise RuntimeError(f'indices: {status} {answer}')
    known = {client.alias(kind) for kind in mappings.KINDS}
    found: Indices = {}
    for index, told in answer.items() if status == 200 else ():
        for alias in told['aliases'].keys() & known:
            found.setdefault(alias, {})[index] = told['mappings'].get('_meta', {}).get('version', 0)
    return found


def _put_template(client: Client) -> None:
    """What an index of ours is like, whoever makes it; and no write makes one."""
    body = {'index_patterns': [f'{client.alias(kind)}_*' for kind in mappings.KINDS], 'priority': 500, 'version': mappings.VERSION,
            'allow_auto_create': False, 'template': {'mappings': mappings.mappings(), 'settings': _settings(client)}}
    _done(client.call('PUT', f'/_index_template/{client.conf.index}_documents', body))


def _settings(client: Client) -> dict[str, typing.Any]:
    return mappings.settings(client.conf.number_of_replicas, client.waits)


def _create(client: Client, kind: str) -> None:
    """Make the first index of a kind. Its name is the same for all who do it at once."""
    name = f'{client.alias(kind)}_{mappings.VERSION}_first'
    status, answer = client.call('PUT', f'/{name}', {'aliases': {client.alias(kind): {}}})
    if status == 400 and answer['error']['type'] == 'resource_already_exists_exception':
        return
    _done((status, answer))


def _upgrade(client: Client, kind: str, old: str, *_more: str) -> None:
    """Make a new index of an old one."""
    new = f'{client.alias(kind)}_{mappings.VERSION}_{uuid.uuid4().hex[:8]}'
    _done(client.call('PUT', f'/{new}', {}))
    try:
        if client.call('PUT', f'/{old}/_settings', {'index.blocks.write': True})[0] == 200:
            _copy(client, kind, old, new)
            actions = [{'remove': {'index': old, 'alias': client.alias(kind), 'must_exist': True}},
                       {'add': {'index': new, 'alias': client.alias(kind)}}, {'remove_index': {'index': old}}]
            if client.call('POST', '/_aliases', {'actions': actions})[0] == 200:
                return
    except exceptions.SchemaOutOfDate:
        # Another process has upgraded it, and the old index is gone.
        pass
    client.call('DELETE', f'/{new}')


def _copy(client: Client, kind: str, old: str, new: str) -> None:
    """Copy every document, with what is indexed of it made anew."""
    _done(client.call('POST', f'/{old}/_refresh'))
    after = None
    while hits := _page(client, old, after):
        body = [line for hit in hits for line in ({'create': {'_index': new, '_id': hit['_id']}}, _copied(kind, hit))]
        answer = _done(client.call('POST', '/_bulk', body))
        if answer['errors']:
            raise RuntimeError(f'upgrade of {old}: {answer["items"]}')
        after = hits[-1]['sort']
    _done(client.call('POST', f'/{new}/_refresh'))


def _page(client: Client, index: str, after: list[typing.Any] | None) -> list[dict[str, typing.Any]]:
    body = {'query': {'match_all': {}}, 'sort': [{'seq': 'asc'}, {'key': 'asc'}], 'size': PAGE, 'seq_no_primary_term': True,
            'track_total_hits': False, '_source': store.SOURCE, **({'search_after': after} if after else {})}
    return _done(client.call('POST', f'/{index}/_search', body))['hits']['hits']


def _copied(kind: str, hit: dict[str, typing.Any]) -> dict[str, typing.Any]:
    found = store.found(kind, hit)
    source = hit['_source']
    return codec.source(found.key, found.value, found.mark, source['seq'], source['project'])


def _done(answer: tuple[int, typing.Any]) -> typing.Any:
    status, body = answer
    if status != 200:
        raise RuntimeError(f'indices: {status} {body}')
    return body
