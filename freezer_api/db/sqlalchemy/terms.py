"""Terms: the numbers under which the pairs of a document stand in the index.

A term is a signed 64-bit digest of scope, kind and pair. Two pairs with the
same digest can't mix projects up, for queries look at the project of what they
find as well; within a project it takes billions of values to meet one.
"""

import collections.abc
import hashlib
import struct
import typing

from freezer_api.db.scopes import ANY, CENTRAL, EVERYWHERE, scopes
from freezer_api.domain import search
from freezer_api.domain.documents import Body

__all__ = (
    'ANY',
    'CENTRAL',
    'EVERYWHERE',
    'Index',
    'folded',
    'index',
    'look_up',
    'scopes',
    'text_scopes',
)
_DIGEST = 16
_TERM = 8
_NUMBER = struct.Struct('<H')
#: Bytes at the end of a packed index that tell its version; of one without
#: them it is the first.
VERSION_SIZE, FIRST_VERSION = _NUMBER.size, 1


class Index(typing.NamedTuple):
    """What the index holds about one document: its terms, and a digest of its
    text.
    """

    terms: frozenset[int]
    text_digest: bytes

    def pack(self) -> bytes:
        """As it is kept beside the document, by :data:`search.INDEX_VERSION`.

        That stands at the end, where earlier releases don't look, and what
        they write lacks it: so a document that they have changed is one of
        their version.
        """
        numbers = struct.pack(f'<{len(self.terms)}q', *sorted(self.terms))
        return self.text_digest + numbers + _NUMBER.pack(search.INDEX_VERSION)

    @classmethod
    def unpack(cls, packed: bytes) -> 'Index':
        """What :meth:`pack` was made of."""
        terms = struct.unpack_from(
            f'<{(len(packed) - _DIGEST) // 8}q', packed, _DIGEST
        )
        return cls(frozenset(terms), bytes(packed[:_DIGEST]))


def made_by(packed: bytes) -> int:
    """The version that an index was made by, told all that is kept of it."""
    return version(len(packed), bytes(packed[-_NUMBER.size :]))


def version(size: int, end: bytes) -> int:
    """The same, told the size of what is kept and the last
    :data:`VERSION_SIZE` bytes of it.
    """
    return (
        _NUMBER.unpack(end)[0]
        if size % _TERM == _NUMBER.size
        else FIRST_VERSION
    )


def text_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """In which of the scopes a document's text is indexed."""
    return tuple(scope for scope in scopes if scope != EVERYWHERE)


def look_up(
    scope: str, kind: str, pairs: collections.abc.Iterable[search.Pair]
) -> frozenset[int]:
    """The terms of pairs. Lengths stand before what could contain anything, so
    no two inputs are written alike.
    """
    base = hashlib.blake2b(
        f'{kind} {len(scope)} {scope}'.encode('utf-8', 'surrogatepass'),
        digest_size=8,
    )
    found = set()
    for key, value in pairs:
        digest = base.copy()
        digest.update(
            f'{len(key)} {key}{value}'.encode('utf-8', 'surrogatepass')
        )
        found.add(int.from_bytes(digest.digest(), 'little', signed=True))
    return frozenset(found)


def index(
    kind: str, scopes: collections.abc.Collection[str], body: Body
) -> tuple[Index, bytes]:
    """What to index of a document, and its text."""
    pairs = search.index_pairs(kind, body) | {ANY}
    found = frozenset().union(
        *(look_up(scope, kind, pairs) for scope in scopes)
    )
    text = folded(search.folded_text(kind, body))
    return (
        Index(found, hashlib.blake2b(text, digest_size=_DIGEST).digest()),
        text,
    )


def folded(text: str) -> bytes:
    """A text as the database looks into it."""
    return text.encode('utf-8', 'surrogatepass')
