"""Sending searches, each of all that was written before it."""

import collections.abc
import contextlib
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch.connections import client
from freezer_api.db.elasticsearch.search.refreshes import Refreshes

#: How long Elasticsearch keeps a point in time that nobody asks about.
KEEP_ALIVE = '30s'

#: A document that a search found.
Hit = dict[str, typing.Any]
#: The body of a search, or the answer to one.
Body = dict[str, typing.Any]
#: Returns the answer to a search; None if Elasticsearch has forgotten the
#: point in time that it is about.
Search = collections.abc.Callable[[Body], Body | None]


class Searches:
    """Searches of one cluster."""

    def __init__(self, connection: client.Client):
        self.client = connection
        self.refreshes = Refreshes(connection)

    def search(self, kind: str, body: Body) -> Body:
        """Return the whole answer to a search of a kind."""
        self._refresh(kind)
        path = f'/{self.client.alias(kind)}/_search'
        asked = {
            **body,
            'seq_no_primary_term': True,
        }
        status, answer = self.client.call(
            'POST', path, asked, client.SAME_COPY
        )
        if status != 200:
            raise RuntimeError(f'_search: {status} {answer}')
        return typing.cast(Body, answer)

    def search_hits(self, kind: str, body: Body) -> list[Hit]:
        """Return what a search finds as it is in the index, pending or not."""
        hits: list[Hit] = self.search(kind, body)['hits']['hits']
        return hits

    def count(self, kind: str, query: Body) -> int:
        """Return how many documents a query finds."""
        body = {
            'query': query,
            'size': 0,
            'track_total_hits': True,
        }
        return int(self.search(kind, body)['hits']['total']['value'])

    @contextlib.contextmanager
    def point_in_time(self, kind: str) -> collections.abc.Iterator[Search]:
        """Yield a function for searches that all see the index as it is now,
        whatever is written meanwhile.
        """
        self._refresh(kind)
        product = self.client.product
        path = product.point_in_time(self.client.alias(kind))
        params = {
            'keep_alive': KEEP_ALIVE,
            **client.SAME_COPY,
        }
        status, opened = self.client.call('POST', path, None, params)
        if status != 200:
            raise RuntimeError(f'{path}: {status} {opened}')
        id = product.opened(opened)

        def search(body: Body) -> Body | None:
            asked = {
                **body,
                'pit': {
                    'id': id,
                    'keep_alive': KEEP_ALIVE,
                },
                'seq_no_primary_term': True,
            }
            status, answer = self.client.call('POST', '/_search', asked)
            if status == 404:
                return None
            if status != 200:
                raise RuntimeError(f'_search: {status} {answer}')
            return typing.cast(Body, answer)

        try:
            yield search
        finally:
            # If this fails Elasticsearch forgets it by itself, later.
            with contextlib.suppress(exceptions.StorageUnavailable):
                self.client.call('DELETE', *product.closing(id))

    def _refresh(self, kind: str) -> None:
        """Make searches see what was written, unless writes wait for it."""
        if not self.client.waits:
            self.refreshes.refresh(kind)
