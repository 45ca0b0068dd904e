"""What one document may cost: bytes of JSON, and values to search by.

All of it is checked before anything is made of a request, and outside of any
lock: what is too large must not cost more than to be read.
"""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db import base
from freezer_api.db.base import Scope
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import Body
from freezer_api.services import common

#: The bytes of JSON of the smallest value and what separates it from the next.
_BYTES_PER_VALUE = 2


def check_value(storage: base.Storage, value: typing.Any, place: str) -> None:
    """Raise ``InvalidInput`` for a value that fits into no new document;
    ``place`` is the key that the caller has sent it under.
    """
    if documents.size(value) > storage.max_document_size:
        raise _too_large(place, storage.max_document_size)


def check_growth(
    storage: base.Storage,
    scope: Scope,
    kind: str,
    id: str,
    value: typing.Any,
    place: str,
) -> None:
    """Raise ``InvalidInput`` for a value that the document under an id can't
    take; ``place`` is as for :func:`check_value`.

    A stored document may be larger than documents may be today. Then the value
    may be as large as that document, so that it can be sent back as it is.
    """
    # Most values fit: then the stored document isn't read for it.
    size = documents.size(value)
    if size <= storage.max_document_size:
        return
    old = common.get_or_none(storage, scope, kind, id)
    if old is None or size > documents.size(old.body):
        raise _too_large(place, storage.max_document_size)


def check_document(
    storage: base.Storage,
    kind: str,
    body: Body,
    place: str,
    old: Body | None = None,
    size: collections.abc.Callable[[Body], int] = documents.size,
) -> None:
    """Raise ``InvalidInput`` for a body that is more than a document may be.

    ``old`` is the body that is stored: where that is too large already, the
    new one may be as large, and not larger. ``size`` tells how many bytes of
    JSON a body is.
    """
    limit = storage.max_document_size
    new_size = size(body)
    if new_size > limit and (old is None or new_size > size(old)):
        raise _too_large(place, limit)
    # To count values costs much more than to measure bytes. A body of few
    # bytes can't have too many of them.
    if new_size > _BYTES_PER_VALUE * search_pairs.MAX_VALUES:
        _check_values(kind, body, place, old)


def _check_values(kind: str, body: Body, place: str, old: Body | None) -> None:
    """Raise ``InvalidInput`` for a body with too many values to search by, and
    more than ``old`` has.
    """
    limit = search_pairs.MAX_VALUES
    if search_pairs.count(kind, body, limit) <= limit:
        return
    allowed = limit
    if old is not None:
        allowed = max(limit, search_pairs.count(kind, old))
    if search_pairs.count(kind, body, allowed) > allowed:
        raise exceptions.InvalidInput(
            f'{place}: makes a document of more than {limit} searchable'
            ' values.',
            'document.too-many-values',
        )


def _too_large(place: str, limit: int) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        f'{place}: makes a document of more than {limit} bytes.',
        'document.too-large',
    )
