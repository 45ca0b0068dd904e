"""Terms: the numbers under which the pairs of a document stand in the index.

A term is a signed 64-bit digest of a scope, a kind and a pair of a key and a
value. Two pairs with the same digest can't mix projects up, for queries look
at the project of what they find as well; within a project it takes billions of
values to meet one.
"""

import collections.abc
import functools
import hashlib
import struct
import typing

from freezer_api.db.scopes import ANY, CENTRAL, EVERYWHERE
from freezer_api.domain import search_pairs
from freezer_api.domain.documents import Body

#: Bytes of a text's digest and of a term.
_DIGEST_SIZE, _TERM_SIZE = 16, 8
_VERSION = struct.Struct('<H')
#: Bytes at the end of a packed index that tell its version. The first version
#: had none.
VERSION_SIZE, FIRST_VERSION = _VERSION.size, 1
#: Terms that are kept, and the characters that their pairs have at most.
KEPT_TERMS, MAX_KEPT = 8192, 100
#: What a document is indexed in: its project, EVERYWHERE, CENTRAL.
Scopes = tuple[str, ...]


class Index(typing.NamedTuple):
    """What the index holds about one document: its terms, and a digest of its
    text.
    """

    terms: frozenset[int]
    text_digest: bytes

    def pack(self) -> bytes:
        """Return it as it is stored beside the document, with the version
        that it was made by (:data:`search_pairs.INDEX_VERSION`).

        The version stands at the end, where earlier releases don't look, and
        what they write lacks it: so a document that they have changed is one
        of their version.
        """
        # In order, so that the same index is always the same bytes.
        numbers = struct.pack(f'<{len(self.terms)}q', *sorted(self.terms))
        version = _VERSION.pack(search_pairs.INDEX_VERSION)
        return self.text_digest + numbers + version

    @classmethod
    def unpack(cls, packed: bytes) -> 'Index':
        """Return what :meth:`pack` was given, of any version."""
        number = (len(packed) - _DIGEST_SIZE) // _TERM_SIZE
        numbers = struct.unpack_from(f'<{number}q', packed, _DIGEST_SIZE)
        return cls(frozenset(numbers), bytes(packed[:_DIGEST_SIZE]))


class Change(typing.NamedTuple):
    """What changes of the index of a document: its scopes before and after,
    its number, what it is indexed as, what it is to be indexed as, and the
    text of that.
    """

    scopes: tuple[Scopes, Scopes]
    seq: int
    old: Index
    new: Index
    text: bytes


def index_version(packed: bytes) -> int:
    """Return the version that a packed index was made by."""
    return version(len(packed), bytes(packed[-VERSION_SIZE:]))


def version(size: int, end: bytes) -> int:
    """Return the version that a packed index was made by, from its size and
    its last :data:`VERSION_SIZE` bytes.
    """
    # A digest and terms alone are a multiple of a term's size.
    if size % _TERM_SIZE == VERSION_SIZE:
        return _VERSION.unpack(end)[0]
    return FIRST_VERSION


def text_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return in which of a document's scopes its text is stored."""
    return tuple(scope for scope in scopes if scope != EVERYWHERE)


@functools.lru_cache(KEPT_TERMS)
def of_lists(kind: str, scopes: Scopes) -> tuple[int, ...]:
    """Return the terms that all documents of a list have, ascending: of the
    lists in scopes whose documents are counted.

    The list of central documents is only read together with another one.
    """
    found: set[int] = set()
    for scope in scopes:
        if scope != CENTRAL:
            found |= look_up(scope, kind, (ANY,))
    return tuple(sorted(found))


def uncounted(term: int) -> int:
    """Return the term of those documents of a list that aren't counted; see
    :mod:`.counts`.
    """
    return ~term


@functools.lru_cache(KEPT_TERMS)
def of_uncounted(kind: str, scopes: Scopes) -> frozenset[int]:
    """Return the terms that a document has until it is counted."""
    return frozenset(map(uncounted, of_lists(kind, scopes)))


def look_up(
    scope: str, kind: str, pairs: collections.abc.Iterable[search_pairs.Pair]
) -> frozenset[int]:
    """Return the terms of pairs."""
    found = set()
    for key, value in pairs:
        is_short = len(key) + len(value) <= MAX_KEPT
        term = _kept_term if is_short else _term
        found.add(term(scope, kind, key, value))
    return frozenset(found)


def _term(scope: str, kind: str, key: str, value: str) -> int:
    """Return the term of a pair.

    Lengths stand before what could contain anything, so no two inputs are
    written alike.
    """
    text = f'{kind} {len(scope)} {scope}{len(key)} {key}{value}'
    digest = hashlib.blake2b(_encode(text), digest_size=_TERM_SIZE)
    return int.from_bytes(digest.digest(), 'little', signed=True)


#: Most pairs of a document are those of many others, and of itself when it is
#: written again.
_kept_term = functools.lru_cache(KEPT_TERMS)(_term)


def index(kind: str, scopes: Scopes, body: Body) -> tuple[Index, bytes]:
    """Return what to index of a document, and its text."""
    pairs = search_pairs.index_pairs(kind, body) | {ANY}
    found: set[int] = set()
    for scope in scopes:
        found |= look_up(scope, kind, pairs)
    found |= of_uncounted(kind, scopes)
    text = folded(search_pairs.folded_text(kind, body))
    digest = hashlib.blake2b(text, digest_size=_DIGEST_SIZE).digest()
    return Index(frozenset(found), digest), text


def compare(
    kind: str,
    scopes: tuple[Scopes, Scopes],
    seq: int,
    indexed: bytes,
    body: Body,
) -> Change:
    """Return what changes of the index of a document that is indexed as
    ``indexed`` tells, and is shown as ``body`` from now on.
    """
    new, text = index(kind, scopes[1], body)
    return Change(
        scopes,
        seq,
        Index.unpack(indexed),
        new,
        text,
    )


def folded(text: str) -> bytes:
    """Return a folded text as the database stores it and looks into it."""
    return _encode(text)


def _encode(text: str) -> bytes:
    # JSON may have halves of surrogate pairs, for which UTF-8 has no bytes.
    return text.encode('utf-8', 'surrogatepass')
