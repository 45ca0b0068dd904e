"""Reads that aren't true: what a document was earlier, as a node answers that is outside of its
cluster; or what it never comes to be, as a primary shard answers that is cut off in the midst of a
write.
"""

import typing

import orjson

from freezer_api.db.elasticsearch import driver
from freezer_api.db.elasticsearch.codec import Key
from freezer_api.db.elasticsearch.connections import client
from tests.contract import interception


class Untrue:
    """What a storage is told of some documents when it reads them by their ids; writes are told the
    truth. It is so for a number of reads of each document, or until :meth:`end`.
    """

    def __init__(self, storage: driver.Driver):
        self._storage = storage
        self._told: dict[Key, dict[str, typing.Any]] = {}
        self._left: dict[Key, int] = {}
        #: How many reads were told something that isn't true.
        self.reads = 0
        interception.intercept(storage, self._answer)

    def keep(self, key: Key, reads: int = 99) -> None:
        """Let a document be what it is now for so many reads, whatever is written meanwhile."""
        asked = {'docs': [{'_index': self._storage.client.alias(key[0]), '_id': key[1]}]}
        _, answer = self._storage.client.call('POST', '/_mget', asked)
        self._told[key], self._left[key] = answer['docs'][0], reads

    def pretend(self, key: Key, write: interception.Request, reads: int = 99) -> None:
        """Let a document be for so many reads what a request would make of it that isn't sent."""
        action, source = write.body[0], write.body[1]
        (where,) = action.values()
        assert where['_id'] == key[1]
        self._told[key] = {
            '_index': where['_index'],
            '_id': key[1],
            'found': True,
            '_seq_no': where['if_seq_no'] + 1,
            '_primary_term': where['if_primary_term'],
            '_source': orjson.loads(client.lines([source])),
        }
        self._left[key] = reads

    def allow(self, reads: int) -> None:
        """Let so many further reads of each document be untrue."""
        self._left = dict.fromkeys(self._told, reads)

    def end(self) -> None:
        """Let all reads be true from now on."""
        self._told.clear()

    def _answer(self, request: interception.Request) -> interception.Answer:
        status, answer = request()
        if request.path == '/_mget':
            for number, asked in enumerate(request.body['docs']):
                kind = asked['_index'].removeprefix(self._storage.client.alias(''))
                key = kind, asked['_id']
                if key in self._told and self._left[key]:
                    self._left[key] -= 1
                    self.reads += 1
                    answer['docs'][number] = self._told[key]
        return status, answer


def resending(
    storage: driver.Driver,
    number: int,
    between: typing.Callable[[], object] = lambda: None,
    told: bool = True,
    done: bool = True,
) -> None:
    """Let the answer to a storage's ``number``-th write (from 1) be lost, and the request be sent
    again after something has happened ``between``.

    Not ``done``: the request itself is lost the first time. Not ``told``: it is sent again by the
    cluster, when a shard moves or a connection between nodes breaks; the client gets one answer,
    and doesn't hear of it.
    """
    writes = iter(range(1, 10_000))

    def answer(request: interception.Request) -> interception.Answer:
        if not request.writes or next(writes) != number:
            return request()
        if done:
            request()
        between()
        status, answered = request()
        if told:
            answered = {**answered, client.RESENT: True}
        return status, answered

    interception.intercept(storage, answer)
