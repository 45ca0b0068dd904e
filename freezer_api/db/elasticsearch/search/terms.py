"""Terms: the short texts under which the pairs of a document stand in the
index, and what searches of texts look into.

A term is a digest of kind, scope and pair: of one length, whatever the pair
is, so neither a long value nor a free-form key concerns the mapping. It takes
2**48 pairs to meet two alike.
"""

import base64
import collections.abc
import hashlib
import string
import typing

from freezer_api.db import scopes
from freezer_api.db.scopes import indexed_scopes
from freezer_api.domain import backups, documents, search_pairs
from freezer_api.domain.documents import Body

#: Bytes of a digest.
_DIGEST_SIZE = 12
#: The lengths of texts that are looked for as a whole. A longer text is looked
#: for as a phrase of its parts of the length :data:`GRAM`.
SHORT = (1, 2)
GRAM = 3
#: Characters that words have as they are. All others are written as numbers,
#: for Elasticsearch takes texts apart at blanks.
_PLAIN = frozenset(
    string.ascii_letters + string.digits + string.punctuation
) - {'~', '"', '\\'}


def look_up(
    scope: str, kind: str, pairs: collections.abc.Iterable[search_pairs.Pair]
) -> frozenset[str]:
    """Return the terms of pairs of documents in a scope."""
    # Lengths are written before texts that could contain anything, so no two
    # inputs are the same bytes.
    begin = f'{kind} {len(scope)} {scope}'
    first = hashlib.blake2b(
        begin.encode('utf-8', 'surrogatepass'),
        digest_size=_DIGEST_SIZE,
    )
    found = set()
    for key, value in pairs:
        digest = first.copy()
        written = f'{len(key)} {key}{value}'
        digest.update(written.encode('utf-8', 'surrogatepass'))
        encoded = base64.b64encode(digest.digest())
        found.add(encoded.decode())
    return frozenset(found)


def fields(
    kind: str, project_id: str, claim: str | None, body: Body
) -> dict[str, typing.Any]:
    """Return the fields by which a document is found."""
    pairs = search_pairs.index_pairs(kind, body)
    pairs |= {scopes.ANY}
    timestamp = None
    if kind == documents.BACKUPS:
        job_id = backups.job_of(body)
        if job_id is not None:
            pairs |= {job_pair(job_id)}
        timestamp = backups.time_of(body)

    found_by: set[str] = set()
    for scope in indexed_scopes(kind, project_id, claim):
        found_by |= look_up(scope, kind, pairs)
    text = search_pairs.folded_text(kind, body)
    long = ' '.join(grams(text, GRAM))
    short = set()
    for size in SHORT:
        short.update(grams(text, size))

    result: dict[str, typing.Any] = {
        'terms': sorted(found_by),
        'text': long,
        'grams': sorted(short),
    }
    if timestamp is not None:
        result['moment'] = timestamp
    return result


def job_pair(job_id: str) -> search_pairs.Pair:
    """Return the pair of the backups that a job made."""
    # No value of a pair (search.canonical) begins with this letter.
    return 'job_id', f'j{job_id}'


def grams(text: str, size: int) -> list[str]:
    """Return the overlapping parts of a text of ``size`` characters, each as a
    word. No two parts are written alike.
    """
    written = []
    for character in text:
        if character not in _PLAIN:
            number = ord(character)
            character = f'~{number:x}~'
        written.append(character)
    shifted = [written[start:] for start in range(size)]
    parts = zip(*shifted, strict=False)
    return [''.join(part) for part in parts]
