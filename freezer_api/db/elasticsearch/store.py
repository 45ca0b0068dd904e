"""Single documents: reading them as they are at this moment, and writing them
if they are still as they were read.
"""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch import client, codec
from freezer_api.db.elasticsearch.codec import Key, Value

#: The part of a document that isn't a pure function of the rest.
SOURCE = ['project', 'id', 'seq', 'doc']
WITHOUT_STATE = ['project', 'id', 'seq', 'doc.mark']
#: Documents in one request.
CHUNK = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A document as it was read: which generation of the index, at which point
    of its history, with which marks.

    ``seq_no`` None: there is nothing. ``value`` None: there is no document,
    whatever else stands there.
    """

    key: Key
    index: str
    seq_no: int | None
    primary_term: int | None
    value: Value | None
    mark: dict[str, typing.Any]

    @property
    def at(self) -> list[typing.Any]:
        """The point of its history, to be compared."""
        return [self.index, self.seq_no, self.primary_term]

    @property
    def lock(self) -> dict[str, typing.Any] | None:
        """The lock that lies on it."""
        return self.mark.get('lock')

    @property
    def done(self) -> list[dict[str, typing.Any]]:
        """Transactions that it has committed, and that may not have been
        carried out everywhere.
        """
        return self.mark.get('done', [])


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """What is to stand where something was read, if that is still so. ``body``
    None: nothing.
    """

    found: Found
    body: dict[str, typing.Any] | None


#: Where a write has come to stand; None if something else stood there.
Written = tuple[int, int] | None


class Store:
    """Reads and compare-and-sets."""

    def __init__(self, asked: client.Client):
        self.client = asked

    def get(self, key: Key) -> Found:
        """What stands under a key at this moment."""
        return self.get_all((key,))[key]

    def get_all(
        self, keys: collections.abc.Collection[Key]
    ) -> dict[Key, Found]:
        """What stands under keys, each at some moment since the call."""
        found: dict[Key, Found] = {}
        ordered = list(dict.fromkeys(keys))
        for first in range(0, len(ordered), CHUNK):
            some = ordered[first : first + CHUNK]
            body = {
                'docs': [
                    {'_index': self.client.alias(kind), '_id': id}
                    for kind, id in some
                ]
            }
            status, answer = self.client.call(
                'POST',
                '/_mget',
                body,
                {'_source': ','.join(SOURCE), **client.SAME_COPY},
            )
            if status != 200:
                raise RuntimeError(f'_mget: {status} {answer}')
            found |= {
                key: self._found(key, one)
                for key, one in zip(some, answer['docs'], strict=True)
            }
        return found

    def write(
        self, writes: collections.abc.Sequence[Write], shown: bool = True
    ) -> list[Written]:
        """Write each where what was read still stands, in one request, in
        their order.

        Not ``shown``: searches needn't see it yet.
        """
        results: list[Written] = []
        for first in range(0, len(writes), CHUNK):
            results += self._write(writes[first : first + CHUNK], shown)
        return results

    def remove(self, keys: collections.abc.Sequence[Key]) -> None:
        """Remove what stands under keys, whatever it is."""
        for first in range(0, len(keys), CHUNK):
            body = [
                {'delete': {'_index': self.client.alias(kind), '_id': id}}
                for kind, id in keys[first : first + CHUNK]
            ]
            self._bulk(body)

    def _write(
        self, writes: collections.abc.Sequence[Write], shown: bool
    ) -> list[Written]:
        body: list[typing.Any] = []
        for write in writes:
            found = write.found
            where: dict[str, typing.Any] = {
                '_index': found.index,
                '_id': found.key[1],
            }
            if found.seq_no is None:
                body += [{'create': where}, write.body]
                continue
            where |= {
                'if_seq_no': found.seq_no,
                'if_primary_term': found.primary_term,
            }
            body += (
                [{'delete': where}]
                if write.body is None
                else [{'index': where}, write.body]
            )
        return [self._written(item) for item in self._bulk(body, shown)]

    def _bulk(
        self, body: list[typing.Any], shown: bool = True
    ) -> list[dict[str, typing.Any]]:
        status, answer = self.client.call(
            'POST',
            '/_bulk',
            body,
            {'refresh': 'wait_for'} if self.client.waits and shown else None,
        )
        if status != 200:
            raise RuntimeError(f'_bulk: {status} {answer}')
        return [next(iter(item.values())) for item in answer['items']]

    @staticmethod
    def _written(item: dict[str, typing.Any]) -> Written:
        status, kind = item['status'], client.error_type(item)
        if status in (200, 201):
            return item['_seq_no'], item['_primary_term']
        # A generation of the index that is being left, or is gone: it is read
        # anew, from the next one.
        if status in (404, 409) or kind in (
            'cluster_block_exception',
            'index_not_found_exception',
        ):
            return None
        if status in (429, 503):
            raise exceptions.StorageUnavailable()
        raise RuntimeError(f'_bulk: {status} {kind}')

    def _found(self, key: Key, answer: dict[str, typing.Any]) -> Found:
        if 'error' in answer:
            index = client.missing(answer)
            if index == self.client.alias(key[0]):
                raise exceptions.SchemaOutOfDate(client.OUT_OF_DATE)
            if index:
                # Upgraded in this very moment: the alias names another one
                # already.
                return self.get(key)
            raise exceptions.StorageUnavailable()
        if not answer['found']:
            return Found(key, answer['_index'], None, None, None, {})
        return found(key[0], answer)


def found(kind: str, hit: dict[str, typing.Any]) -> Found:
    """What an answer of Elasticsearch says of one document that is there."""
    source = hit['_source']
    doc = source['doc']
    value = (
        Value(
            kind, source['project'], source['id'], source['seq'], doc['state']
        )
        if 'state' in doc
        else None
    )
    return Found(
        (kind, hit['_id']),
        hit['_index'],
        hit['_seq_no'],
        hit['_primary_term'],
        value,
        doc['mark'],
    )


def put(
    found: Found, value: Value | None, mark: dict[str, typing.Any]
) -> Write:
    """Write a value (None: none, but the marks) over what was read. Its place
    in the order is known where it is yet to come.
    """
    coming = (mark.get('lock') or {}).get('after') or {'seq': 0, 'project': ''}
    return Write(
        found,
        codec.source(found.key, value, mark, coming['seq'], coming['project']),
    )
