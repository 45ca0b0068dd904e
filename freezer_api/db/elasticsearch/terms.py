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
from freezer_api.domain import backups, documents, search
from freezer_api.domain.documents import Body

_SIZE = 12
#: The lengths of texts that are looked for as a whole; longer ones as a phrase
#: of such as :data:`GRAM`.
SHORT = (1, 2)
GRAM = 3
#: What is written as it is in words; all else as a number, for indices take
#: them apart at blanks.
_PLAIN = frozenset(
    string.ascii_letters + string.digits + string.punctuation
) - {'~', '"', '\\'}


def look_up(
    scope: str, kind: str, pairs: collections.abc.Iterable[search.Pair]
) -> frozenset[str]:
    """The terms of pairs. Lengths stand before what could contain anything, so
    no two inputs are written alike.
    """
    first = hashlib.blake2b(
        f'{kind} {len(scope)} {scope}'.encode('utf-8', 'surrogatepass'),
        digest_size=_SIZE,
    )
    found = set()
    for key, value in pairs:
        digest = first.copy()
        digest.update(
            f'{len(key)} {key}{value}'.encode('utf-8', 'surrogatepass')
        )
        found.add(base64.b64encode(digest.digest()).decode())
    return frozenset(found)


def fields(
    kind: str, project: str, claim: str | None, body: Body
) -> dict[str, typing.Any]:
    """The fields of a document by which it is found."""
    pairs = search.index_pairs(kind, body) | {scopes.ANY}
    if (
        kind == documents.BACKUPS
        and (job_id := backups.job_of(body)) is not None
    ):
        pairs |= {made_by(job_id)}
    where = scopes.scopes(kind, project, claim)
    text = search.folded_text(kind, body)
    found: dict[str, typing.Any] = {
        'terms': sorted(
            frozenset().union(
                *(look_up(scope, kind, pairs) for scope in where)
            )
        ),
        'text': ' '.join(grams(text, GRAM)),
        'grams': sorted(
            {part for size in SHORT for part in grams(text, size)}
        ),
    }
    if (
        kind == documents.BACKUPS
        and (moment := backups.time_of(body)) is not None
    ):
        found['moment'] = moment
    return found


def made_by(job_id: str) -> search.Pair:
    """The pair of the backups that a job made; no value, and no other
    composite, begins with this letter.
    """
    return 'job_id', f'j{job_id}'


def grams(text: str, size: int) -> list[str]:
    """The overlapping parts of a text of so many characters, each as a word.
    No two parts are written alike.
    """
    written = [
        character if character in _PLAIN else f'~{ord(character):x}~'
        for character in text
    ]
    return [
        ''.join(part) for part in zip(*(written[at:] for at in range(size)))
    ]
