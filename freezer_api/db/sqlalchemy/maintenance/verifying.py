"""Comparing all that is derived of documents with them, and bringing it up to
date.

Documents are looked at without any lock, a page at a time. What seems to have
drifted is looked at again until its row is the same before and after that:
whoever changes what is derived changes the row in the same transaction. What
is to be corrected is locked instead, each document by a transaction of its
own.
"""

import collections.abc
import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db import walks
from freezer_api.db.base import Place
from freezer_api.db.batches import batches
from freezer_api.db.scopes import indexed_scopes
from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.maintenance import (
    counted,
    derived,
    leftovers,
)
from freezer_api.db.sqlalchemy.search import functions, terms
from freezer_api.db.sqlalchemy.search.counts import LARGE
from freezer_api.db.walks import Drift, WalkStep
from freezer_api.domain import search_pairs

#: Looks at what somebody changes again and again, before it counts as
#: changing.
ATTEMPTS = 5
#: Documents that are read at once.
PAGE_SIZE = 50


def walk(
    database: Database,
    kind: str,
    after: Place,
    limit: int,
    thorough: bool,
    mend: bool,
) -> WalkStep:
    """Do a step of :meth:`Storage.verify`, or with ``mend`` of
    :meth:`Storage.reindex`.
    """
    if kind == walks.LEFT:
        if not thorough:
            return WalkStep(None, 0)
        return leftovers.walk(database, after, limit, mend)

    found = _read_rows(database, kind, after, limit)
    if not found:
        return WalkStep(None, 0)
    versions = {}
    for row in found:
        versions[row.seq] = terms.version(row.size, bytes(row.end))
    # Nothing is known of what a later release has indexed.
    own = search_pairs.INDEX_VERSION
    outdated = [seq for seq, version in versions.items() if version < own]
    current = [seq for seq, version in versions.items() if version == own]
    if mend:
        # Each by a transaction of its own, so that nobody waits for all.
        for seq in outdated:
            database.write(functools.partial(_mend, kind=kind, seq=seq))
    drifts: list[Drift] = []
    if thorough:
        drifts.extend(_drifts(database, kind, current, mend))
        parts = _parts_without_counts(database, kind, found)
        drifts.extend(counted.drifts(database, parts, mend))
    return WalkStep(
        (max(versions),),
        len(versions),
        tuple(drifts),
        len(outdated),
    )


def _read_rows(
    database: Database, kind: str, after: Place, limit: int
) -> collections.abc.Sequence[sqlalchemy.Row]:
    """Return the next documents behind a place, as rows of :func:`_next`."""
    parameters = {
        'last': after[0] if after else 0,
        'limit': limit,
    }
    statement = _next(kind)
    return database.read(
        lambda connection: connection.execute(statement, parameters).all()
    )


def _drifts(
    database: Database, kind: str, seqs: list[int], mend: bool
) -> collections.abc.Iterator[Drift]:
    """Yield the drifts of documents, which are corrected if asked for."""
    for some in batches(seqs, PAGE_SIZE):
        # Without locks at first: nearly all are as they should be.
        suspects = database.read(
            functools.partial(
                _suspects,
                kind=kind,
                seqs=some,
                mend=mend,
            )
        )
        for seq in suspects:
            if mend:
                drift = database.write(
                    functools.partial(
                        _mend,
                        kind=kind,
                        seq=seq,
                    )
                )
            else:
                drift = database.read(
                    functools.partial(
                        _look_again,
                        kind=kind,
                        seq=seq,
                    )
                )
            if drift is not None:
                yield drift


def _suspects(
    connection: sqlalchemy.Connection,
    kind: str,
    seqs: collections.abc.Sequence[int],
    mend: bool,
) -> list[int]:
    """Return those documents that seem to have drifted, at first sight, and
    to ``mend`` also those that lack something.
    """
    suspects = []
    for seq, state in derived.read(connection, kind, seqs).items():
        judged = derived.judge(connection, kind, state)
        if judged.what or (mend and judged.lacks_shown):
            suspects.append(seq)
    return suspects


def _parts_without_counts(
    database: Database,
    kind: str,
    rows: collections.abc.Iterable[sqlalchemy.Row],
) -> list[counted.Part]:
    """Return the parts of lists that documents are in and that have no count.
    The walk along the counts finds the others.
    """
    found = set()
    for row in rows:
        scopes = indexed_scopes(kind, row.project, row.claim)
        for term in terms.of_lists(kind, scopes):
            found.add(counted.Part(term, row.seq >> LARGE))
    return database.read(
        functools.partial(
            counted.without_counts,
            parts=found,
        )
    )


def _look_again(
    connection: sqlalchemy.Connection, kind: str, seq: int
) -> Drift | None:
    """Return the drift of a document that stays as it is for as long as it is
    looked at.
    """
    state = derived.read(connection, kind, (seq,)).get(seq)
    for _ in range(ATTEMPTS):
        if state is None or state.version != search_pairs.INDEX_VERSION:
            return None
        judged = derived.judge(connection, kind, state)
        if not judged.what:
            return None
        # Each statement sees a state of its own. They belong together only if
        # the row hasn't changed from the first to the last.
        now = derived.read(connection, kind, (seq,)).get(seq)
        if now == state:
            return _drift(
                connection,
                kind,
                state,
                judged,
            )
        state = now
    return None


def _mend(
    connection: sqlalchemy.Connection, kind: str, seq: int
) -> Drift | None:
    """Correct what is derived of a document, unless a later release has made
    it; return its drift.
    """
    state = derived.read(
        connection,
        kind,
        (seq,),
        lock=True,
    ).get(seq)
    if state is None or state.version > search_pairs.INDEX_VERSION:
        return None
    judged = derived.judge(connection, kind, state)
    if not judged.what and state.version == search_pairs.INDEX_VERSION:
        if judged.lacks_shown:
            derived.mend(
                connection,
                kind,
                state,
                judged,
            )
        return None
    drift = _drift(
        connection,
        kind,
        state,
        judged,
    )
    if drift.mendable:
        derived.mend(
            connection,
            kind,
            state,
            judged,
        )
    return drift


def _drift(
    connection: sqlalchemy.Connection,
    kind: str,
    state: derived.State,
    judged: derived.Judged,
) -> Drift:
    project_id, id = state.row.project, state.row.id
    if derived.claimed_elsewhere(
        connection,
        kind,
        state,
        judged,
    ):
        what = f'{judged.what}; another document has the claim on its id'
        return Drift(
            kind,
            project_id,
            id,
            what,
            mendable=False,
            advice=walks.TWO_CLAIMS,
        )
    return Drift(
        kind,
        project_id,
        id,
        judged.what,
    )


@functools.cache
def _next(kind: str) -> sqlalchemy.Select:
    """Return the statement for the numbers of documents, which lists they are
    in, and what tells by which version each is indexed.

    Not the index itself, which is most of a row.
    """
    columns = models.tables[kind].c
    return (
        sqlalchemy.select(
            columns.seq,
            columns.project,
            columns.claim,
            functions.Octets(columns.indexed).label('size'),
            functions.End(columns.indexed).label('end'),
        )
        .where(columns.seq > bindparam('last'))
        .order_by(columns.seq)
        .limit(bindparam('limit'))
    )
