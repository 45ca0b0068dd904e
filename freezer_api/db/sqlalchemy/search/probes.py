"""The statement that tells how far terms reach, for the order in which a page
looks them up.
"""

import functools

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.connections import engines
from freezer_api.db.sqlalchemy.search import search_parts
from freezer_api.db.sqlalchemy.search.search_parts import parameter

#: How many terms a database orders well by itself; any number, if it isn't
#: here. SQLite guesses.
ORDERED_WELL = {'sqlite': 1, 'postgresql': engines.JOINS_ORDERED}
#: How many documents the probe looks ahead: a term with fewer of them behind
#: the marker leads.
PROBE_ROWS = 200
#: How many times farther it looks the next time, where it has to know what is
#: the least.
PROBE_GROWTH = 8


@functools.lru_cache(maxsize=128)
def probe(
    wanted: int, scopes: int, descending: bool, bounded: bool
) -> sqlalchemy.Select:
    """Return the statement for how far ``far`` documents reach: in one row,
    for each term the seq of the last of so many behind the marker.

    With ``bounded`` also, as ``bounds``, the time of the last of so many in
    the bounds. NULL where there are fewer.
    """
    columns = []
    for scope in range(scopes):
        for number in range(wanted):
            seqs = _seqs_behind(scope, number, descending)
            name = parameter('wanted', scope, number)
            columns.append(_at_distance(seqs).label(name))
    if bounded:
        columns.append(_at_distance(_times_in_bounds()).label('bounds'))
    return sqlalchemy.select(*columns)


def _seqs_behind(
    scope: int, number: int, descending: bool
) -> sqlalchemy.Select:
    """Return the documents of a term behind the marker."""
    pair = models.pairs.alias()
    return (
        sqlalchemy.select(pair.c.seq)
        .where(
            pair.c.term == search_parts.term('wanted', scope, number),
            search_parts.is_behind(pair.c.seq, descending),
        )
        .order_by(pair.c.seq.desc() if descending else pair.c.seq)
    )


def _times_in_bounds() -> sqlalchemy.Select:
    """Return the times of the backups in the bounds."""
    backup = models.backups.alias()
    hint = f'FORCE INDEX ({models.BY_TIME})'
    return (
        sqlalchemy.select(backup.c.moment)
        .where(*search_parts.is_in_bounds(backup))
        .order_by(backup.c.moment)
        .with_hint(backup, hint, 'mysql')
    )


def _at_distance(found: sqlalchemy.Select) -> sqlalchemy.ScalarSelect:
    return found.limit(1).offset(bindparam('far')).scalar_subquery()
