"""What is derived of one document: how it should be, what of it is there, and
making it so.
"""

import collections
import collections.abc
import dataclasses
import typing

import orjson
import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import indexing, members, models, rows, terms
from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.domain.sessions import Session

#: Columns beside those of all kinds that are derived of a document, and of a
#: session's runs.
EXTRAS = {
    documents.BACKUPS: ('moment', 'job_id'),
    documents.SESSIONS: ('settle_at', 'records'),
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


class State(typing.NamedTuple):
    """A row, and of a session its members and how many records it has;
    compared as a whole.
    """

    row: typing.Any
    members: tuple[tuple[typing.Any, ...], ...] = ()
    records: int = 0

    @property
    def version(self) -> int:
        """The version that it is indexed by."""
        return terms.made_by(self.row.indexed)


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What should be derived of a document, and what isn't so."""

    values: dict[str, typing.Any]
    index: terms.Index
    text: bytes
    columns: list[str]
    missing: list[int]
    extra: list[int]
    texts_missing: list[str]
    texts_other: list[str]

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
    """Those documents of the numbers that exist; held, if asked for."""
    if not seqs:
        return {}
    statement = _LOCK[kind] if lock else _READ[kind]
    found = connection.execute(statement, {'seqs': seqs}).all()
    if kind != documents.SESSIONS:
        return {row.seq: State(row) for row in found}
    of_session: dict[int, list[tuple[typing.Any, ...]]] = (
        collections.defaultdict(list)
    )
    for seq, *member in connection.execute(_MEMBERS, {'seqs': seqs}):
        of_session[seq].append(tuple(member))
    counts = {
        row.session: row.number
        for row in connection.execute(_RECORDS, {'seqs': seqs})
    }
    return {
        row.seq: State(row, tuple(of_session[row.seq]), counts.get(row.seq, 0))
        for row in found
    }


def judge(
    connection: sqlalchemy.Connection, kind: str, state: State
) -> Judged:
    """Hold what is derived of a document against it."""
    row = state.row
    values, body = _wanted(kind, state)
    scopes = terms.scopes(kind, row.project, values['claim'])
    index, text = terms.index(kind, scopes, body)
    kept = terms.Index.unpack(row.indexed)
    present = _present(connection, row.seq, sorted(index.terms | kept.terms))
    texts = _texts(connection, kind, row.seq, terms.text_scopes(scopes))
    columns = [
        name for name, value in values.items() if getattr(row, name) != value
    ]
    if index != kept:
        columns.append('indexed')
    return Judged(
        {**values, 'indexed': index.pack()},
        index,
        text,
        columns,
        sorted(index.terms - present),
        sorted(present - index.terms),
        [scope for scope in terms.text_scopes(scopes) if scope not in texts],
        [scope for scope, found in texts.items() if found != text],
    )


def mend(
    connection: sqlalchemy.Connection, kind: str, state: State, judged: Judged
) -> None:
    """Make all that is derived of a document that is held as it should be."""
    seq, table = state.row.seq, models.tables[kind]
    connection.execute(
        sqlalchemy.update(table)
        .where(table.c.seq == seq)
        .values(judged.values)
    )
    indexing.correct(
        connection,
        kind,
        seq,
        (judged.extra, judged.missing),
        (judged.texts_missing, judged.texts_other),
        judged.text,
    )


def claimed_elsewhere(
    connection: sqlalchemy.Connection, kind: str, state: State, judged: Judged
) -> bool:
    """Whether another document has the claim that this one should have."""
    claim = judged.values['claim']
    if claim is None or claim == state.row.claim:
        return False
    return rows.claimed(connection, kind, claim) is not None


def _wanted(kind: str, state: State) -> tuple[dict[str, typing.Any], Body]:
    """The columns that are derived of a document, but for ``indexed``; the
    document as shown.
    """
    row = state.row
    stored = orjson.loads(row.body)
    if kind != documents.SESSIONS:
        claim = documents.claim(kind, row.id, stored)
        return {'claim': claim, **rows.extras(kind, stored)}, stored
    of_session = {member[0]: members.load(member) for member in state.members}
    session = Session.load(
        row.project, row.id, stored, of_session, row.version, row.created
    )
    values = {
        'claim': None,
        'settle_at': session.settle_at,
        'records': state.records,
    }
    return values, session.body()


def _present(
    connection: sqlalchemy.Connection, seq: int, asked: list[int]
) -> set[int]:
    found: set[int] = set()
    for first in range(0, len(asked), indexing.CHUNK):
        some = asked[first : first + indexing.CHUNK]
        found |= set(
            connection.execute(_TERMS, {'of': seq, 'terms': some}).scalars()
        )
    return found


def _texts(
    connection: sqlalchemy.Connection,
    kind: str,
    seq: int,
    scopes: tuple[str, ...],
) -> dict[str, bytes]:
    which = {'of_kind': kind, 'scopes': scopes, 'of': seq}
    return {
        row.scope: bytes(row.text) for row in connection.execute(_TEXTS, which)
    }


def columns(kind: str) -> tuple[sqlalchemy.Column, ...]:
    """Those of a row that a state has."""
    table = models.tables[kind].c
    return tuple(table[name] for name in (*_COLUMNS, *EXTRAS.get(kind, ())))


def _select(kind: str) -> sqlalchemy.Select:
    seq = models.tables[kind].c.seq
    return (
        sqlalchemy.select(*columns(kind))
        .where(seq.in_(bindparam('seqs', expanding=True)))
        .order_by(seq)
    )


_READ = {kind: _select(kind) for kind in documents.KINDS}
_LOCK = {kind: _select(kind).with_for_update() for kind in documents.KINDS}
_OF_SESSIONS = models.members.c.session.in_(bindparam('seqs', expanding=True))
_MEMBERS = (
    sqlalchemy.select(models.members.c.session, *members.COLUMNS)
    .where(_OF_SESSIONS)
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
