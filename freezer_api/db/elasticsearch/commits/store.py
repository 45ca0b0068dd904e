"""Single documents: reading them as they are now, and writing them if they are
still as they were read.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch import client, codec
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock, Mark, Point

#: The fields that are read of a document. All others are made of these again
#: when it is written.
SOURCE = ['project', 'id', 'seq', 'doc']
#: The same for look-ups that need to know only which documents there are.
WITHOUT_STATE = ['project', 'id', 'seq', 'doc.mark']
#: Documents in one request.
CHUNK = 500

_Json = dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A document as it was read: in which index, at which point of its
    history, with which marks.

    ``seq_no`` None: nothing is kept under the key. ``value`` None: there is no
    document, but there may be a placeholder or a tombstone.
    """

    key: Key
    index: str
    seq_no: int | None
    primary_term: int | None
    value: Value | None
    mark: Mark

    @property
    def point(self) -> Point:
        """The point of its history: equal for two reads if nobody wrote
        between them.
        """
        return [self.index, self.seq_no, self.primary_term]

    @property
    def lock(self) -> Lock | None:
        """The lock that lies on it."""
        return self.mark.get('lock')

    @property
    def done(self) -> list[Entry]:
        """Transactions that it has committed, and that may not have been
        applied to all of their parts.
        """
        return self.mark.get('done', [])


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """What replaces a document, if it is still as it was read. ``body`` None:
    nothing, it is deleted.
    """

    found: Found
    body: _Json | None


#: Sequence number and primary term of a write; None if the document wasn't
#: what had been read any more.
Written = tuple[int, int] | None


class Store:
    """Reads documents, and writes them by compare-and-set."""

    def __init__(self, connection: client.Client):
        self.client = connection

    def get(self, key: Key) -> Found:
        """Return what is kept under a key now."""
        return self.get_all((key,))[key]

    def get_all(
        self, keys: collections.abc.Collection[Key]
    ) -> dict[Key, Found]:
        """Return what is kept under keys, each as it is at some time since
        the call.
        """
        found: dict[Key, Found] = {}
        ordered = list(dict.fromkeys(keys))
        for first in range(0, len(ordered), CHUNK):
            found |= self._get_chunk(ordered[first : first + CHUNK])
        return found

    def write(
        self, writes: collections.abc.Sequence[Write], shown: bool = True
    ) -> list[Written]:
        """Write documents in their order; return what came of each.

        Not ``shown``: it isn't waited for until searches see it.
        """
        results: list[Written] = []
        for first in range(0, len(writes), CHUNK):
            results += self._write(writes[first : first + CHUNK], shown)
        return results

    def remove(self, keys: collections.abc.Sequence[Key]) -> None:
        """Delete what is kept under keys, whatever it is."""
        for first in range(0, len(keys), CHUNK):
            body = []
            for kind, id in keys[first : first + CHUNK]:
                where = {
                    '_index': self.client.alias(kind),
                    '_id': id,
                }
                body.append({'delete': where})
            self._bulk(body)

    def _get_chunk(self, keys: list[Key]) -> dict[Key, Found]:
        asked = []
        for kind, id in keys:
            asked.append(
                {
                    '_index': self.client.alias(kind),
                    '_id': id,
                }
            )
        params = {
            '_source': ','.join(SOURCE),
            **client.SAME_COPY,
        }
        status, answer = self.client.call(
            'POST', '/_mget', {'docs': asked}, params
        )
        if status != 200:
            raise RuntimeError(f'_mget: {status} {answer}')
        found = {}
        for key, document in zip(keys, answer['docs'], strict=True):
            found[key] = self._found(key, document)
        return found

    def _write(
        self, writes: collections.abc.Sequence[Write], shown: bool
    ) -> list[Written]:
        body: list[_Json] = []
        for write in writes:
            found = write.found
            where = self.client.product.target(found.index)
            where['_id'] = found.key[1]
            if found.seq_no is None:
                # Nothing may have been created meanwhile.
                body.append({'create': where})
            else:
                where['if_seq_no'] = found.seq_no
                where['if_primary_term'] = found.primary_term
                operation = 'delete' if write.body is None else 'index'
                body.append({operation: where})
            if write.body is not None:
                body.append(write.body)
        return [_written(item) for item in self._bulk(body, shown)]

    def _bulk(self, body: list[_Json], shown: bool = True) -> list[_Json]:
        params = None
        if self.client.waits and shown:
            params = {'refresh': 'wait_for'}
        status, answer = self.client.call('POST', '/_bulk', body, params)
        if status != 200:
            raise RuntimeError(f'_bulk: {status} {answer}')
        # Each item has one key, the name of the operation.
        return [next(iter(item.values())) for item in answer['items']]

    def _found(self, key: Key, answer: _Json) -> Found:
        if 'error' not in answer:
            if answer['found']:
                return found(key[0], answer)
            return Found(
                key,
                answer['_index'],
                None,
                None,
                None,
                {},
            )
        index = client.missing(answer)
        if index == self.client.alias(key[0]):
            raise exceptions.SchemaOutOfDate(client.OUT_OF_DATE)
        if index:
            # An upgrade has replaced the index in this very moment: the alias
            # names the new one already.
            return self.get(key)
        raise exceptions.StorageUnavailable() from client.Refused(
            f'reading {key[0]} {key[1]} failed ({client.error_type(answer)})'
        )


def _written(item: _Json) -> Written:
    """Return what came of one write of a request."""
    status, kind = item['status'], client.error_type(item)
    if status in (200, 201):
        return item['_seq_no'], item['_primary_term']
    # An index that an upgrade is replacing takes no writes, or is gone
    # already. That is a conflict like others: who reads again reads the new
    # index.
    if status in (404, 409):
        return None
    if kind in ('cluster_block_exception', 'index_not_found_exception'):
        return None
    if status in (429, 503):
        raise exceptions.StorageUnavailable() from client.Refused(
            f'a write is answered with status {status} ({kind})'
        )
    raise RuntimeError(f'_bulk: {status} {kind}')


def found(kind: str, hit: _Json) -> Found:
    """Return a document that is there, from what Elasticsearch answers."""
    source = hit['_source']
    doc = source['doc']
    value = None
    if 'state' in doc:
        value = Value(
            kind, source['project'], source['id'], source['seq'], doc['state']
        )
    return Found(
        (kind, hit['_id']),
        hit['_index'],
        hit['_seq_no'],
        hit['_primary_term'],
        value,
        doc['mark'],
    )


def put(found: Found, value: Value | None, mark: Mark) -> Write:
    """Return the write of a value (None: of marks alone) over what was read.

    A document that is yet to be created has its place in the order of lists
    from the beginning, so that lists that pass there come upon its lock.
    """
    lock = mark.get('lock')
    coming = (lock['after'] if lock else None) or {
        'seq': 0,
        'project': '',
    }
    source = codec.source(
        found.key, value, mark, coming['seq'], coming['project']
    )
    return Write(found, source)
