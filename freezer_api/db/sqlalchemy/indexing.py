"""Keeping the search index: pairs and texts of documents, changed by what
differs.
"""

import collections.abc
import functools

import sqlalchemy
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql

from freezer_api.db.sqlalchemy.models import pairs, texts
from freezer_api.db.sqlalchemy.terms import Index, text_scopes

Scopes = tuple[str, ...]
#: A document to index: its scopes and number, and what to index of it.
Added = tuple[Scopes, int, Index, bytes]
#: Terms in one statement, which databases and drivers bound.
CHUNK = 1000
#: Terms that one UPDATE turns into others; a statement is kept for each
#: number.
MOST_TURNED = 32

_ADD = sqlalchemy.insert(pairs)
_ADD_ARRAYS = sqlalchemy.insert(pairs).from_select(
    ['term', 'seq'],
    sqlalchemy.select(
        *(
            sqlalchemy.func.unnest(
                bindparam(name, type_=postgresql.ARRAY(sqlalchemy.BigInteger))
            )
            for name in ('terms', 'seqs')
        )
    ),
)
_REMOVE = sqlalchemy.delete(pairs).where(
    pairs.c.seq == bindparam('of'),
    pairs.c.term.in_(bindparam('terms', expanding=True)),
)
_ADD_TEXT = sqlalchemy.insert(texts)
_WHICH = (
    texts.c.kind == bindparam('of_kind'),
    texts.c.scope == bindparam('of_scope'),
    texts.c.seq == bindparam('of'),
)
_CHANGE_TEXT = (
    sqlalchemy.update(texts).where(*_WHICH).values(text=bindparam('new'))
)
_REMOVE_TEXT = sqlalchemy.delete(texts).where(*_WHICH)


def add(
    connection: sqlalchemy.Connection,
    kind: str,
    scopes: Scopes,
    seq: int,
    index: Index,
    text: bytes,
) -> None:
    """Index a document that isn't."""
    add_all(connection, kind, [(scopes, seq, index, text)])


def add_all(
    connection: sqlalchemy.Connection,
    kind: str,
    added: collections.abc.Iterable[Added],
) -> None:
    """Index documents that aren't, by few statements."""
    rows, found = [], []
    for scopes, seq, index, text in added:
        rows += [(term, seq) for term in index.terms]
        found += [
            {'kind': kind, 'scope': scope, 'seq': seq, 'text': text}
            for scope in text_scopes(scopes)
        ]
    _add_pairs(connection, sorted(rows))
    if found:
        connection.execute(_ADD_TEXT, found)


def change(
    connection: sqlalchemy.Connection,
    kind: str,
    scopes: tuple[Scopes, Scopes],
    seq: int,
    old: Index,
    new: Index,
    text: bytes,
) -> None:
    """Index a document anew that is indexed as ``old``; ``scopes`` are those
    before and after.

    Most changes give keys other values: as many terms go as come, and one
    statement turns the ones into the others.
    """
    gone, come = sorted(old.terms - new.terms), sorted(new.terms - old.terms)
    turned = min(len(gone), len(come), MOST_TURNED)
    if turned:
        connection.execute(
            _turn(turned),
            {'of': seq}
            | {f'old{i}': gone[i] for i in range(turned)}
            | {f'new{i}': come[i] for i in range(turned)},
        )
    _remove_terms(connection, seq, gone[turned:])
    _add_pairs(connection, [(term, seq) for term in come[turned:]])
    before, after = map(text_scopes, scopes)
    if before != after or old.text_digest != new.text_digest:
        _change_texts(connection, kind, before, after, seq, text)


def remove(
    connection: sqlalchemy.Connection,
    kind: str,
    scopes: Scopes,
    seq: int,
    index: Index,
) -> None:
    """Take a document out of the index."""
    _remove_terms(connection, seq, sorted(index.terms))
    for scope in text_scopes(scopes):
        connection.execute(
            _REMOVE_TEXT, {'of_kind': kind, 'of_scope': scope, 'of': seq}
        )


def correct(
    connection: sqlalchemy.Connection,
    kind: str,
    seq: int,
    changed: tuple[
        collections.abc.Sequence[int], collections.abc.Sequence[int]
    ],
    texts: tuple[collections.abc.Sequence[str], collections.abc.Sequence[str]],
    text: bytes,
) -> None:
    """Take terms out and put others in, as told; and texts in, and in place of
    others, by scope.
    """
    gone, come = changed
    _remove_terms(connection, seq, gone)
    _add_pairs(connection, [(term, seq) for term in come])
    missing, other = texts
    for scope in missing:
        connection.execute(
            _ADD_TEXT, {'kind': kind, 'scope': scope, 'seq': seq, 'text': text}
        )
    for scope in other:
        connection.execute(
            _CHANGE_TEXT,
            {'of_kind': kind, 'of_scope': scope, 'of': seq, 'new': text},
        )


def _change_texts(
    connection: sqlalchemy.Connection,
    kind: str,
    before: Scopes,
    after: Scopes,
    seq: int,
    text: bytes,
) -> None:
    for scope in before:
        which = {'of_kind': kind, 'of_scope': scope, 'of': seq}
        connection.execute(
            *(
                (_CHANGE_TEXT, which | {'new': text})
                if scope in after
                else (_REMOVE_TEXT, which)
            )
        )
    for scope in after:
        if scope not in before:
            connection.execute(
                _ADD_TEXT,
                {'kind': kind, 'scope': scope, 'seq': seq, 'text': text},
            )


def _add_pairs(
    connection: sqlalchemy.Connection,
    added: collections.abc.Sequence[tuple[int, int]],
) -> None:
    if not added:
        return
    if connection.dialect.name == 'postgresql':
        terms, seqs = zip(*added, strict=True)
        connection.execute(
            _ADD_ARRAYS, {'terms': list(terms), 'seqs': list(seqs)}
        )
    else:
        connection.execute(
            _ADD, [{'term': term, 'seq': seq} for term, seq in added]
        )


def _remove_terms(
    connection: sqlalchemy.Connection,
    seq: int,
    terms: collections.abc.Sequence[int],
) -> None:
    for first in range(0, len(terms), CHUNK):
        connection.execute(
            _REMOVE, {'of': seq, 'terms': terms[first : first + CHUNK]}
        )


@functools.cache
def _turn(number: int) -> sqlalchemy.Update:
    old = [
        bindparam(f'old{i}', type_=sqlalchemy.BigInteger)
        for i in range(number)
    ]
    new = [
        bindparam(f'new{i}', type_=sqlalchemy.BigInteger)
        for i in range(number)
    ]
    into = sqlalchemy.case(
        *(
            (pairs.c.term == before, after)
            for before, after in zip(old, new, strict=True)
        )
    )
    return (
        sqlalchemy.update(pairs)
        .where(pairs.c.seq == bindparam('of'), pairs.c.term.in_(old))
        .values(term=into)
    )
