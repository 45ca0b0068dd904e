"""Indices that take no writes: because an upgrade of ours is replacing them,
or because somebody else has blocked them.

Clusters answer both alike. An upgrade has a copy of the index, and later
the alias names the copy: then whoever writes has to read again, and meets the
new index. In all other cases nothing helps but an operator, or room on the
disk: callers are told to come again later, and the log says why, once for
each index as long as it lasts.
"""

import logging
import re
import threading
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch.connections import answers, client

LOG = logging.getLogger(__name__)
#: Seconds after which callers are told to come again.
RETRY_AFTER = 30
#: The name in the log of what all indices are in.
CLUSTER = 'the cluster'
_CLOSED = 'index_closed_exception'

_Json = dict[str, typing.Any]


def is_block(answer: typing.Any) -> bool:
    """Tell whether the cluster refuses a request because of a block."""
    return answers.error_type(answer) in (answers.BLOCK, _CLOSED)


class Blocked(exceptions.StorageUnavailable):
    """An index takes no writes, and won't until an operator acts."""

    def __init__(self, reason: str):
        super().__init__(retry_after=RETRY_AFTER)
        self.__cause__ = client.Refused(reason)


class Blocks:
    """The blocks that were met, of all indices of one cluster."""

    def __init__(self, connection: client.Client):
        self.client = connection
        self._lock = threading.Lock()
        #: Why each index takes no writes, as it was logged.
        self._met: dict[str, str] = {}

    def require_moved(self, item: _Json) -> None:
        """Return if the index that refuses a write is replaced by an upgrade;
        ``Blocked``, and a line in the log, if not.
        """
        index = self.client.product.index(str(item['_index']))
        if not self._is_replaced(index):
            raise self.refused(index, item)

    def refused(self, index: str, answer: _Json) -> Blocked:
        """Return the error for a request that a block refuses, and log the
        block if it is new.
        """
        reason = _reason(answer)
        with self._lock:
            is_known = self._met.get(index) == reason
            self._met[index] = reason
        if not is_known:
            LOG.error(
                '%s: %s takes no writes: %s. Requests that write are answered'
                ' 503 until that ends.',
                self.client.product.name,
                index,
                reason,
            )
        return Blocked(f'{index} takes no writes: {reason}')

    def is_met(self, name: str) -> bool:
        """Tell whether a block was met that hasn't been seen to end."""
        return name in self._met

    def lift(self, *names: str) -> None:
        """Note that an index, and what it is in, takes writes."""
        if not self._met:
            return
        for name in names:
            with self._lock:
                was_blocked = self._met.pop(name, None)
            if was_blocked:
                LOG.info(
                    '%s: %s takes writes again.',
                    self.client.product.name,
                    name,
                )

    def _is_replaced(self, index: str) -> bool:
        """Tell whether an index isn't behind an alias any more, or an upgrade
        is copying it.
        """
        prefix = self.client.conf.index
        status, told = self.client.call(
            'GET',
            f'/{prefix}_*',
            params={'filter_path': '*.aliases,*.mappings._meta.copy_of'},
        )
        if status != 200:
            return False
        for name, about in told.items():
            meta = about.get('mappings', {}).get('_meta', {})
            if name != index and meta.get('copy_of') == index:
                return True
        return index not in told


def _reason(answer: _Json) -> str:
    """Return what the cluster says of a block, without the index."""
    error = answer['error']
    if error['type'] == _CLOSED:
        return 'the index is closed'
    found = re.findall(r'\[([A-Z_]+/\d+/[^]]*)\]', str(error.get('reason')))
    return '; '.join(found) or str(error.get('reason'))
