"""What is known of the fields by which documents are found.

They take longer to work out than the rest of a write, and a document is
written more often than it changes: with a lock, without it, or as it is, to
prove what was read. So those that were worked out last are kept, by the digest
that is stored beside each document.
"""

import collections
import threading
import typing

_Json = dict[str, typing.Any]
#: A kind and an ``_id``.
_Key = tuple[str, str]
#: The version of the index, and the digest of the fields.
Digest = list[typing.Any]

#: Bytes of fields that are kept, about.
MAX_BYTES = 8 * 1024 * 1024
#: Bytes that a short text takes in memory, about.
_WORD = 64


class KnownFields:
    """The fields of the documents that a process wrote last, shared by
    threads.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: collections.OrderedDict[_Key, tuple[Digest, _Json]] = (
            collections.OrderedDict()
        )
        self._bytes = 0

    def get(self, key: _Key, digest: Digest) -> _Json | None:
        """Return the fields of a document that have a digest, if they are
        known.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            known, fields = kept
            if known != digest:
                return None
            self._kept.move_to_end(key)
            return fields

    def put(self, key: _Key, digest: Digest, fields: _Json) -> None:
        """Keep the fields of a document in place of those that it had; the
        ones that were needed longest ago are forgotten.
        """
        with self._lock:
            self._forget(key)
            self._kept[key] = digest, fields
            self._bytes += _size(fields)
            while self._bytes > self._max_bytes:
                oldest = next(iter(self._kept))
                self._forget(oldest)

    def _forget(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        _digest, fields = kept
        self._bytes -= _size(fields)


def _size(fields: _Json) -> int:
    """Return how many bytes fields take, about."""
    words = [*fields['terms'], *fields['grams']]
    text = fields['text']
    return len(text) + _WORD * len(words)
