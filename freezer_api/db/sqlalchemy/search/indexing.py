"""Writing the search index: the terms and texts of documents, of which only
those are written that differ.
"""

import collections
import collections.abc
import dataclasses
import functools
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.batches import batches
from freezer_api.db.sqlalchemy.connections import cursors
from freezer_api.db.sqlalchemy.models import pairs, texts
from freezer_api.db.sqlalchemy.search import counting
from freezer_api.db.sqlalchemy.search.terms import (
    Change,
    Index,
    Scopes,
    of_uncounted,
    text_scopes,
)

#: A term and a document's number.
Pair = tuple[int, int]
#: Terms that documents lose, and those that they get instead.
Replacement = tuple[tuple[int, ...], tuple[int, ...]]
#: Terms in one statement, which databases and drivers bound.
CHUNK = 1000
#: Terms that one UPDATE replaces by others; a statement is kept for each
#: number.
MAX_REPLACED = 32

_ADD = cursors.insertion(pairs, ('term', 'seq'))
_ADD_NUMBERS = f'INSERT INTO {pairs.name} (term, seq) VALUES'
_REMOVE = sqlalchemy.delete(pairs).where(
    pairs.c.seq == bindparam('of'),
    pairs.c.term.in_(bindparam('terms', expanding=True)),
)
_ADD_TEXT = cursors.insertion(texts, ('kind', 'scope', 'seq', 'text'))
_ONE_TEXT = (
    texts.c.kind == bindparam('of_kind'),
    texts.c.scope == bindparam('of_scope'),
    texts.c.seq == bindparam('of'),
)
_CHANGE_TEXT = (
    sqlalchemy.update(texts).where(*_ONE_TEXT).values(text=bindparam('new'))
)
_REMOVE_TEXT = sqlalchemy.delete(texts).where(*_ONE_TEXT)


@dataclasses.dataclass(frozen=True, slots=True)
class Added:
    """A document to index: its scopes and number, and what to index of it."""

    scopes: Scopes
    seq: int
    index: Index
    text: bytes


def add_all(
    connection: sqlalchemy.Connection,
    kind: str,
    added: collections.abc.Iterable[Added],
) -> None:
    """Index documents that aren't in the index, by few statements."""
    new_pairs: list[Pair] = []
    new_texts: list[dict[str, typing.Any]] = []
    for new in added:
        new_pairs += [(term, new.seq) for term in new.index.terms]
        for scope in text_scopes(new.scopes):
            new_texts.append(
                _text_row(
                    kind,
                    scope,
                    new.seq,
                    new.text,
                )
            )
    # In the order of the key, in which the database stores them.
    _add_pairs(connection, sorted(new_pairs))
    if len(new_texts) > cursors.MAX_PLACEHOLDERS:
        cursors.write_all(connection, _ADD_TEXT, new_texts)
        return
    # Not as one, which would be a round trip before the commit.
    for row in new_texts:
        cursors.write_later(connection, _ADD_TEXT, row)


def change_all(
    connection: sqlalchemy.Connection,
    kind: str,
    changes: collections.abc.Sequence[Change],
) -> None:
    """Index documents that are in the index as other ones, by few
    statements.
    """
    replaced: dict[Replacement, list[int]] = collections.defaultdict(list)
    new_pairs: list[Pair] = []
    for changed in changes:
        seq = changed.seq
        removed = sorted(changed.old.terms - changed.new.terms)
        added = sorted(changed.new.terms - changed.old.terms)
        # Most changes give keys other values, so as many terms come as go.
        # One statement for both, where there would be two; and for all
        # documents that change alike.
        number = min(len(removed), len(added), MAX_REPLACED)
        if number:
            both = tuple(removed[:number]), tuple(added[:number])
            replaced[both].append(seq)
        _remove_terms(connection, seq, removed[number:])
        new_pairs += [(term, seq) for term in added[number:]]

    for (old, new), seqs in replaced.items():
        for some in batches(seqs, cursors.MAX_PLACEHOLDERS):
            _replace_terms(
                connection,
                some,
                old,
                new,
            )
    _add_pairs(connection, sorted(new_pairs))
    for changed in changes:
        _change_text(connection, kind, changed)


def _change_text(
    connection: sqlalchemy.Connection, kind: str, changed: Change
) -> None:
    before = text_scopes(changed.scopes[0])
    after = text_scopes(changed.scopes[1])
    is_same = changed.old.text_digest == changed.new.text_digest
    if before == after and is_same:
        return
    _change_texts(
        connection,
        kind,
        before,
        after,
        changed.seq,
        changed.text,
    )


def remove(
    connection: sqlalchemy.Connection,
    kind: str,
    scopes: Scopes,
    seq: int,
    index: Index,
) -> None:
    """Remove a document from the index."""
    # A document that an earlier release has written has none of them.
    uncounted = of_uncounted(kind, scopes) & index.terms
    counted = uncounted - counting.lock_uncounted(connection, uncounted, seq)
    _remove_terms(connection, seq, sorted(index.terms - counted))
    _add_pairs(connection, sorted((term, -seq) for term in counted))
    for scope in text_scopes(scopes):
        key = _text_key(kind, scope, seq)
        cursors.write_later(connection, _REMOVE_TEXT, key)


def correct(
    connection: sqlalchemy.Connection,
    kind: str,
    seq: int,
    terms: tuple[collections.abc.Sequence[int], collections.abc.Sequence[int]],
    scopes: tuple[
        collections.abc.Sequence[str], collections.abc.Sequence[str]
    ],
    text: bytes,
) -> None:
    """Remove and add terms, and add and change texts.

    ``terms``: those to remove and those to add. ``scopes``: those where the
    text is missing, and those where there is another one.
    """
    removed, added = terms
    _remove_terms(connection, seq, removed)
    _add_pairs(connection, [(term, seq) for term in added])
    missing, wrong = scopes
    for scope in missing:
        cursors.write(
            connection,
            _ADD_TEXT,
            _text_row(
                kind,
                scope,
                seq,
                text,
            ),
        )
    for scope in wrong:
        parameters = _text_key(kind, scope, seq) | {'new': text}
        cursors.write(connection, _CHANGE_TEXT, parameters)


def _change_texts(
    connection: sqlalchemy.Connection,
    kind: str,
    before: Scopes,
    after: Scopes,
    seq: int,
    text: bytes,
) -> None:
    for scope in before:
        key = _text_key(kind, scope, seq)
        if scope in after:
            changed = key | {'new': text}
            cursors.write_later(connection, _CHANGE_TEXT, changed)
        else:
            cursors.write_later(connection, _REMOVE_TEXT, key)
    for scope in after:
        if scope not in before:
            cursors.write_later(
                connection,
                _ADD_TEXT,
                _text_row(
                    kind,
                    scope,
                    seq,
                    text,
                ),
            )


def _text_key(kind: str, scope: str, seq: int) -> dict[str, typing.Any]:
    return {
        'of_kind': kind,
        'of_scope': scope,
        'of': seq,
    }


def _text_row(
    kind: str, scope: str, seq: int, text: bytes
) -> dict[str, typing.Any]:
    return {
        'kind': kind,
        'scope': scope,
        'seq': seq,
        'text': text,
    }


def _add_pairs(
    connection: sqlalchemy.Connection,
    added: collections.abc.Sequence[Pair],
) -> None:
    if not added:
        return
    if connection.dialect.name != 'sqlite':
        # Modules write each row as text, which takes them as long as the rest
        # of the statement, or send a statement for each. These are numbers,
        # and nothing to escape.
        for some in batches(added, CHUNK):
            rows_as_text = [f'({term:d}, {seq:d})' for term, seq in some]
            values = ', '.join(rows_as_text)
            statement = f'{_ADD_NUMBERS} {values}'
            cursors.write_text(connection, statement, later=True)
        return
    rows = [
        {
            'term': term,
            'seq': seq,
        }
        for term, seq in added
    ]
    cursors.write_all(connection, _ADD, rows)


def _remove_terms(
    connection: sqlalchemy.Connection,
    seq: int,
    terms: collections.abc.Sequence[int],
) -> None:
    for some in batches(terms, CHUNK):
        connection.execute(
            _REMOVE,
            {
                'of': seq,
                'terms': some,
            },
        )


def _replace_terms(
    connection: sqlalchemy.Connection,
    seqs: collections.abc.Sequence[int],
    old: collections.abc.Sequence[int],
    new: collections.abc.Sequence[int],
) -> None:
    """Replace terms of documents by as many others."""
    parameters = cursors.placeholders('of', seqs)
    places = len(parameters)
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        parameters[f'old{number}'] = before
        parameters[f'new{number}'] = after
    cursors.write_later(connection, _replace(places, len(old)), parameters)


@functools.cache
def _replace(documents: int, number: int) -> sqlalchemy.Update:
    seqs = [_number(f'of{i}') for i in range(documents)]
    old = [_number(f'old{i}') for i in range(number)]
    new = [_number(f'new{i}') for i in range(number)]
    cases = [
        (pairs.c.term == before, after)
        for before, after in zip(old, new, strict=True)
    ]
    return (
        sqlalchemy.update(pairs)
        .where(pairs.c.seq.in_(seqs), pairs.c.term.in_(old))
        .values(term=sqlalchemy.case(*cases))
    )


def _number(name: str) -> sqlalchemy.BindParameter[int]:
    return bindparam(name, type_=sqlalchemy.BigInteger)
