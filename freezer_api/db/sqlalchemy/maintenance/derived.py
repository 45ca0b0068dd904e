"""What is derived of one document: how it should be, what of it is there, and
correcting it.
"""

import collections
import collections.abc
import dataclasses
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.batches import batches
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.search import indexing, terms
from freezer_api.db.sqlalchemy.sessions import (
    members,
    session_rows,
    shown_texts,
)
from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.domain.session_state import Session

#: Columns of one kind that are derived of a document, and of a session's runs.
EXTRAS = {
    documents.BACKUPS: ('moment', 'job_id'),
    documents.SESSIONS: ('settle_at', 'records', 'shown'),
}
_COLUMNS = (
    'seq',
    'project',
    'id',
    'version',
    'created',
    'body',
    'indexed',
    'claim',
)
#: Values of :data:`members.COLUMNS`.
MemberRow = tuple[typing.Any, ...]


class State(typing.NamedTuple):
    """A row, and of a session its members and how many records it has. Two
    states are compared as a whole.
    """

    row: sqlalchemy.Row
    members: tuple[MemberRow, ...] = ()
    records: int = 0

    @property
    def version(self) -> int:
        """The version that it is indexed by."""
        return terms.index_version(self.row.indexed)


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What should be derived of a document, and what of it is wrong."""

    #: The columns as they should be, and the index.
    values: rows.Values
    index: terms.Index
    text: bytes
    #: Columns with another value.
    columns: list[str]
    #: Terms that aren't there, and that are and shouldn't.
    missing: list[int]
    extra: list[int]
    #: Scopes that have no text, and that have another one.
    texts_missing: list[str]
    texts_other: list[str]
    #: Terms by which it will be counted, and that it has never had or has lost
    #: with the others. By themselves they are no drift.
    uncounted: list[int]
    #: Whether the column ``shown`` could have a text and has none that counts:
    #: an earlier release has written the session. Nothing of it is wrong.
    lacks_shown: bool

    @property
    def what(self) -> str:
        """What isn't as it should be, for operators; '' if all is."""
        found = [f'column {name} is wrong' for name in self.columns]
        if self.missing or self.extra:
            found.append(
                f'search terms: {len(self.missing)} missing, {len(self.extra)}'
                ' too many'
            )
        if self.texts_missing or self.texts_other:
            found.append('the text that _all looks into is missing or wrong')
        return '; '.join(found)


def read(
    connection: sqlalchemy.Connection,
    kind: str,
    seqs: collections.abc.Sequence[int],
    lock: bool = False,
) -> dict[int, State]:
    """Return those documents of numbers that exist, by number; locked, if
    asked for.
    """
    if not seqs:
        return {}
    statement = _LOCK[kind] if lock else _READ[kind]
    found = connection.execute(statement, {'seqs': seqs}).all()
    if kind != documents.SESSIONS:
        return {row.seq: State(row) for row in found}

    members_of: dict[int, list[MemberRow]] = collections.defaultdict(list)
    for seq, *member in connection.execute(_MEMBERS, {'seqs': seqs}):
        members_of[seq].append(tuple(member))
    records = connection.execute(_RECORDS, {'seqs': seqs})
    number_of = {row.session: row.number for row in records}
    states = {}
    for row in found:
        its_members = tuple(members_of[row.seq])
        states[row.seq] = State(row, its_members, number_of.get(row.seq, 0))
    return states


def judge(
    connection: sqlalchemy.Connection, kind: str, state: State
) -> Judged:
    """Compare what is derived of a document with it."""
    row = state.row
    values, shown = _derive(kind, state)
    scopes = indexed_scopes(kind, row.project, values['claim'])
    text_scopes = terms.text_scopes(scopes)
    index, text = terms.index(kind, scopes, shown)
    # Terms are looked up among those that there should be, and those that the
    # row says there are. Others are found as leftovers.
    kept = terms.Index.unpack(row.indexed)
    either = sorted(index.terms | kept.terms)
    present = _read_terms(connection, row.seq, either)
    # Those by which documents are counted go once they are.
    uncounted = terms.of_uncounted(kind, scopes)
    required = index.terms - uncounted
    texts = _read_texts(
        connection,
        kind,
        row.seq,
        text_scopes,
    )
    columns, lacks_shown = _compare_columns(row, values)
    is_same_text = index.text_digest == kept.text_digest
    if not is_same_text or required != kept.terms - uncounted:
        columns.append('indexed')
    return Judged(
        values={**values, 'indexed': index.pack()},
        index=index,
        text=text,
        columns=columns,
        missing=sorted(required - present),
        extra=sorted(present - index.terms),
        texts_missing=[scope for scope in text_scopes if scope not in texts],
        texts_other=[scope for scope, other in texts.items() if other != text],
        uncounted=_uncounted(kind, scopes, kept, present),
        lacks_shown=lacks_shown and values['shown'] is not None,
    )


def _uncounted(
    kind: str, scopes: terms.Scopes, kept: terms.Index, present: set[int]
) -> list[int]:
    """Return the terms by which a document is to be counted anew: where an
    earlier release has written it, or its terms are lost.

    Whether it was counted before, its counts themselves tell.
    """
    found = []
    for term in terms.of_lists(kind, scopes):
        uncounted = terms.uncounted(term)
        is_counted = uncounted in kept.terms and term in present
        if uncounted not in present and not is_counted:
            found.append(uncounted)
    return found


def _compare_columns(
    row: sqlalchemy.Row, values: rows.Values
) -> tuple[list[str], bool]:
    """Return which columns of a row are wrong, and whether ``shown`` says
    nothing of this version instead.
    """
    columns = [
        name for name, value in values.items() if getattr(row, name) != value
    ]
    lacks_shown = 'shown' in columns and not _has_shown(row)
    if lacks_shown:
        # What says nothing of this version isn't wrong.
        columns.remove('shown')
    return columns, lacks_shown


def mend(
    connection: sqlalchemy.Connection, kind: str, state: State, judged: Judged
) -> None:
    """Correct all that is derived of a document that is locked."""
    seq = state.row.seq
    table = models.tables[kind]
    connection.execute(
        sqlalchemy.update(table)
        .where(table.c.seq == seq)
        .values(judged.values)
    )
    indexing.correct(
        connection,
        kind,
        seq,
        (judged.extra, judged.missing + judged.uncounted),
        (judged.texts_missing, judged.texts_other),
        judged.text,
    )


def claimed_elsewhere(
    connection: sqlalchemy.Connection, kind: str, state: State, judged: Judged
) -> bool:
    """Tell whether another document has the claim that this one should
    have.
    """
    claim = judged.values['claim']
    if claim is None or claim == state.row.claim:
        return False
    return rows.claimed(connection, kind, claim) is not None


def _derive(kind: str, state: State) -> tuple[rows.Values, Body]:
    """Return the columns that are derived of a document, but for ``indexed``,
    and the document as it is shown.
    """
    row = state.row
    stored = orjson.loads(row.body)
    if kind != documents.SESSIONS:
        claim = documents.claim(kind, row.id, stored)
        return {
            'claim': claim,
            **rows.extras(kind, stored),
        }, stored
    its_members = {member[0]: members.load(member) for member in state.members}
    session = Session.load(
        row.project,
        row.id,
        stored,
        its_members,
        row.version,
        row.created,
    )
    shown = session.body()
    columns = session_rows.changing(session, shown)
    # The number of records is counted, for no document has it.
    values = {
        'claim': None,
        'settle_at': columns['settle_at'],
        'records': state.records,
        'shown': columns['shown'],
    }
    copied = stored.get(session_rows.MEMBERS)
    if copied is not None and copied != members.pack(its_members):
        values['body'] = columns['body']
    return values, shown


def _has_shown(row: sqlalchemy.Row) -> bool:
    """Tell whether the column ``shown`` says something of the row's
    version.
    """
    if row.shown is None:
        return False
    text = f'{row.version} {row.shown}'
    # No run has lapsed at the beginning of time.
    return shown_texts.load(row.project, text, now=0) is not None


def _read_terms(
    connection: sqlalchemy.Connection, seq: int, asked: list[int]
) -> set[int]:
    """Return those terms that the index has of a document."""
    found: set[int] = set()
    for some in batches(asked, indexing.CHUNK):
        parameters = {
            'of': seq,
            'terms': some,
        }
        found.update(connection.execute(_TERMS, parameters).scalars())
    return found


def _read_texts(
    connection: sqlalchemy.Connection,
    kind: str,
    seq: int,
    scopes: tuple[str, ...],
) -> dict[str, bytes]:
    """Return the texts of a document by scope."""
    parameters = {
        'of_kind': kind,
        'scopes': scopes,
        'of': seq,
    }
    found = connection.execute(_TEXTS, parameters)
    return {row.scope: bytes(row.text) for row in found}


def _select(kind: str) -> sqlalchemy.Select:
    columns = models.tables[kind].c
    names = (*_COLUMNS, *EXTRAS.get(kind, ()))
    return (
        sqlalchemy.select(*(columns[name] for name in names))
        .where(columns.seq.in_(bindparam('seqs', expanding=True)))
        .order_by(columns.seq)
    )


_READ = {kind: _select(kind) for kind in documents.KINDS}
_LOCK = {kind: _READ[kind].with_for_update() for kind in documents.KINDS}
_MEMBERS = (
    sqlalchemy.select(models.members.c.session, *members.COLUMNS)
    .where(models.members.c.session.in_(bindparam('seqs', expanding=True)))
    .order_by(models.members.c.session, models.members.c.job_id)
)
_RECORDS = (
    sqlalchemy.select(
        models.runs.c.session, sqlalchemy.func.count().label('number')
    )
    .where(models.runs.c.session.in_(bindparam('seqs', expanding=True)))
    .group_by(models.runs.c.session)
)
_TERMS = sqlalchemy.select(models.pairs.c.term).where(
    models.pairs.c.seq == bindparam('of'),
    models.pairs.c.term.in_(bindparam('terms', expanding=True)),
)
_TEXTS = sqlalchemy.select(models.texts.c.scope, models.texts.c.text).where(
    models.texts.c.kind == bindparam('of_kind'),
    models.texts.c.seq == bindparam('of'),
    models.texts.c.scope.in_(bindparam('scopes', expanding=True)),
)
