"""Holding all that is derived of documents against them, and bringing it up to
date.

Documents are looked at without any lock, a page at a time. What seems to have
drifted is looked at again until its row is the same before and after that:
whoever changes what is derived changes the row in the same transaction. What
is to be mended is held instead, each by a transaction of its own.
"""

import collections.abc
import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import steps
from freezer_api.db.base import Place
from freezer_api.db.sqlalchemy import (
    derived,
    functions,
    leftovers,
    models,
    terms,
)
from freezer_api.db.sqlalchemy.database import Database
from freezer_api.db.steps import Drift, Step
from freezer_api.domain import search

#: Looks at what somebody changes again and again, before it counts as
#: changing.
ATTEMPTS = 5
#: Documents that are read at once.
PAGE = 50


def walk(
    database: Database,
    kind: str,
    after: Place,
    limit: int,
    thorough: bool,
    mend: bool,
) -> Step:
    """See :meth:`Storage.verify` and :meth:`Storage.reindex`."""
    if kind == steps.LEFT:
        return (
            leftovers.walk(database, after, limit, mend)
            if thorough
            else Step(None, 0)
        )
    last = after[0] if after else 0
    found = database.read(
        lambda connection: connection.execute(
            _numbers(kind), {'last': last, 'limit': limit}
        ).all()
    )
    if not found:
        return Step(None, 0)
    versions = {
        row.seq: terms.version(row.size, bytes(row.end)) for row in found
    }
    old = [
        seq
        for seq, version in versions.items()
        if version < search.INDEX_VERSION
    ]
    own = [
        seq
        for seq, version in versions.items()
        if version == search.INDEX_VERSION
    ]
    if mend:
        for seq in old:
            database.write(functools.partial(_mend, kind=kind, seq=seq))
    drifts = _drifts(database, kind, own, mend) if thorough else ()
    return Step((found[-1].seq,), len(found), tuple(drifts), len(old))


def _drifts(
    database: Database, kind: str, seqs: list[int], mend: bool
) -> collections.abc.Iterator[Drift]:
    for first in range(0, len(seqs), PAGE):
        some = seqs[first : first + PAGE]
        suspects = database.read(
            functools.partial(_suspects, kind=kind, seqs=some)
        )
        for seq in suspects:
            again = functools.partial(
                _mend if mend else _look_again, kind=kind, seq=seq
            )
            drift = database.write(again) if mend else database.read(again)
            if drift is not None:
                yield drift


def _suspects(
    connection: sqlalchemy.Connection, kind: str, seqs: list[int]
) -> list[int]:
    """Those documents that seem to have drifted, at first sight."""
    return [
        seq
        for seq, state in derived.read(connection, kind, seqs).items()
        if derived.judge(connection, kind, state).what
    ]


def _look_again(
    connection: sqlalchemy.Connection, kind: str, seq: int
) -> Drift | None:
    """The drift of a document that stays as it is for as long as it is looked
    at.
    """
    state = derived.read(connection, kind, (seq,)).get(seq)
    for _ in range(ATTEMPTS):
        if state is None or state.version != search.INDEX_VERSION:
            return None
        judged = derived.judge(connection, kind, state)
        if not judged.what:
            return None
        now = derived.read(connection, kind, (seq,)).get(seq)
        if now == state:
            return _drift(connection, kind, state, judged)
        state = now
    return None


def _mend(
    connection: sqlalchemy.Connection, kind: str, seq: int
) -> Drift | None:
    """Make a document's index as it should be, unless a later release has made
    it; its drift.
    """
    state = derived.read(connection, kind, (seq,), lock=True).get(seq)
    if state is None or state.version > search.INDEX_VERSION:
        return None
    judged = derived.judge(connection, kind, state)
    if not judged.what and state.version == search.INDEX_VERSION:
        return None
    drift = _drift(connection, kind, state, judged)
    if drift.mendable:
        derived.mend(connection, kind, state, judged)
    return drift


def _drift(
    connection: sqlalchemy.Connection,
    kind: str,
    state: derived.State,
    judged: derived.Judged,
) -> Drift:
    project, id = state.row.project, state.row.id
    if derived.claimed_elsewhere(connection, kind, state, judged):
        what = f'{judged.what}; another document has the claim on its id'
        return Drift(kind, project, id, what, mendable=False)
    return Drift(kind, project, id, judged.what)


@functools.cache
def _numbers(kind: str) -> sqlalchemy.Select:
    """The numbers of documents, and what tells by which version each is
    indexed.
    """
    table = models.tables[kind].c
    return (
        sqlalchemy.select(
            table.seq,
            functions.Octets(table.indexed).label('size'),
            functions.End(table.indexed).label('end'),
        )
        .where(table.seq > bindparam('last'))
        .order_by(table.seq)
        .limit(bindparam('limit'))
    )
