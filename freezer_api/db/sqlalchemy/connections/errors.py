"""What a failure of the database means, and what is worth trying again."""

import enum
import re
import typing

import oslo_db.exception
import sqlalchemy.exc

#: All that can come out of a statement, a commit or the connection pool.
FAILURES = (sqlalchemy.exc.SQLAlchemyError, oslo_db.exception.DBError)

NEWER = 'The tables of the database are those of a newer release'
OUT_OF_DATE = 'The tables of the database are not those of this release.'

# In the sets of codes below, numbers are MySQL's and texts are SQL states.

#: A deadlock, a serialization failure, a table that is being changed (1412,
#: 1684), or no lock within the time (1205, 3572, 55P03).
_CONFLICTS = frozenset(
    (1020, 1205, 1213, 1412, 1684, 3572, '40001', '40P01', '55P03')
)
#: There is no such table, or no such column.
_SCHEMA = frozenset((1146, 1054, '42P01', '42703', '42S02', '42S22'))
#: There is a row with this key.
_DUPLICATES = frozenset((1062, '23505'))
#: There is a table, column or index with this name.
_EXISTS = frozenset((1050, 1060, 1061))
_SQLITE_LOCKED = re.compile('database( table| schema)? is locked')
_SQLITE_SCHEMA = re.compile(
    'no such (table|column)|table .* has no column named'
)
#: A right is missing, in PostgreSQL. MySQL says so by an OperationalError.
_FORBIDDEN = frozenset(('42501',))
#: The server takes no writes: it is a replica, or has become one.
_READ_ONLY = frozenset((1290, 1792, 1836, '25006'))
#: 57P01 to 57P03: the server is going down or coming up. Class 08: the
#: connection failed.
_LOST = ('57P', '08')


class StartOver(Exception):
    """What a transaction relied on turned out to have changed: it has to begin
    again.
    """


class SessionLockRequired(StartOver):
    """A session has to be locked before all else; ``session_id`` names it."""

    def __init__(self, session_id: str):
        super().__init__(f'session {session_id} has to be locked first')
        self.session_id = session_id


class CommitUnconfirmed(Exception):
    """The connection was lost while a commit was under way; for operators."""

    def __init__(self, error: Exception):
        super().__init__(
            'The connection was lost before the answer to a commit came, so'
            ' the transaction may or may not have taken effect:'
            f' {describe(error)}'
        )


class Meaning(enum.Enum):
    """What a failure means, in words for the log."""

    CONFLICT = 'another transaction was in the way'
    DUPLICATE = 'another transaction has created the same row'
    EXISTS = 'this part of the schema exists already'
    LOST = 'the connection was lost'
    READ_ONLY = 'the server takes no writes'
    SCHEMA = 'the tables are not those of this release'
    UNAVAILABLE = 'the database is not available'
    DEFECT = 'the statement is wrong'


def meaning(error: BaseException) -> Meaning:
    """Return what one of :data:`FAILURES` means."""
    # oslo.db's own classes first: it knows more of the databases' texts.
    if isinstance(error, oslo_db.exception.DBDuplicateEntry):
        return Meaning.DUPLICATE
    if isinstance(error, oslo_db.exception.DBDeadlock):
        return Meaning.CONFLICT
    if isinstance(error, oslo_db.exception.DBConnectionError):
        return Meaning.LOST
    if isinstance(error, oslo_db.exception.DBNonExistentTable):
        return Meaning.SCHEMA
    unavailable = (
        sqlalchemy.exc.TimeoutError,
        oslo_db.exception.DBNonExistentDatabase,
    )
    if isinstance(error, unavailable):
        return Meaning.UNAVAILABLE
    original = _original(error)
    return _meaning_of_code(original) or _meaning_of_text(original)


def describe(error: Exception) -> str:
    """Return why an attempt failed, in a few words for the log.

    Never the error's own text, which may show what users store.
    """
    if isinstance(error, StartOver):
        return str(error)
    original = _original(error)
    name = type(original).__name__
    codes = [
        str(code)
        for code in _codes(original)
        if isinstance(code, int) or code == getattr(original, 'sqlstate', None)
    ]
    return f'{meaning(error).value} ({" ".join([name, *codes])})'


def _original(error: typing.Any) -> typing.Any:
    """Return the exception of the DBAPI module, below those of oslo.db and
    SQLAlchemy that wrap it.
    """
    while True:
        inner = getattr(error, 'inner_exception', None)
        inner = inner or getattr(error, 'orig', None)
        if inner is None or inner is error:
            return error
        error = inner


def _codes(original: typing.Any) -> list[object]:
    """Return what may be a code of the error: PostgreSQL's is an attribute,
    MySQL's the first argument.
    """
    codes = [getattr(original, 'sqlstate', None), *original.args[:1]]
    return [code for code in codes if code is not None]


def _meaning_of_code(original: typing.Any) -> Meaning | None:
    codes = frozenset(_codes(original))
    if codes & _CONFLICTS:
        return Meaning.CONFLICT
    if codes & _READ_ONLY:
        return Meaning.READ_ONLY
    if codes & _DUPLICATES:
        return Meaning.DUPLICATE
    if codes & _EXISTS:
        return Meaning.EXISTS
    if codes & _SCHEMA:
        return Meaning.SCHEMA
    if codes & _FORBIDDEN:
        return Meaning.UNAVAILABLE
    for code in codes:
        if isinstance(code, str) and code.startswith(_LOST):
            return Meaning.LOST
    return None


def _meaning_of_text(original: typing.Any) -> Meaning:
    """Return the meaning of what has no code that is known: SQLite's texts,
    and else the class.
    """
    text = str(original)
    if _SQLITE_LOCKED.match(text):
        return Meaning.CONFLICT
    if _SQLITE_SCHEMA.match(text):
        return Meaning.SCHEMA
    # A full disk, too many connections, a damaged file and the like come in
    # these classes. A wrong statement doesn't: its class is another one below
    # DatabaseError.
    if type(original).__name__ == 'DatabaseError':
        return Meaning.UNAVAILABLE
    classes = {base.__name__ for base in type(original).__mro__}
    if classes & {'OperationalError', 'InternalError'}:
        return Meaning.UNAVAILABLE
    return Meaning.DEFECT
