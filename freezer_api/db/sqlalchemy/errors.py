"""What a failure of the database means."""

import enum
import re
import typing

import oslo_db.exception
import sqlalchemy.exc

#: All that can come out of a statement, a commit or the connection pool.
FAILURES = (sqlalchemy.exc.SQLAlchemyError, oslo_db.exception.DBError)

NEWER = 'The tables of the database are those of a newer release'
OUT_OF_DATE = 'The tables of the database are not those of this release.'

#: Numbers are MySQL's, texts are SQL states. 3572 and 55P03: no lock within
#: the time. 1412 and 1684: a table that is being changed.
_CONFLICTS = frozenset(
    (1020, 1205, 1213, 1412, 1684, 3572, '40001', '40P01', '55P03')
)
#: No such table, no such column.
_SCHEMA = frozenset((1146, 1054, '42P01', '42703', '42S02', '42S22'))
#: Such a key is there.
_DUPLICATES = frozenset((1062, '23505'))
#: Such a table, column or index is there.
_EXISTS = frozenset((1050, 1060, 1061))
_SQLITE_LOCKED = re.compile('database( table| schema)? is locked')
_SQLITE_SCHEMA = re.compile(
    'no such (table|column)|table .* has no column named'
)
#: PostgreSQL's for a missing right. MySQL's come as an OperationalError.
_FORBIDDEN = frozenset(('42501',))
#: A server that takes no writes: a replica, or what has become one.
_READ_ONLY = frozenset((1290, 1792, 1836, '25006'))
#: 57P01 … 57P03: the server is going down or coming up. Class 08: connection.
_LOST = ('57P', '08')


class StartOver(Exception):
    """What a transaction was built on turned out to be no longer so: begin it
    again.
    """


class SessionLockRequired(StartOver):
    """A session must be locked before all else; ``session_id`` names it."""

    def __init__(self, session_id: str):
        super().__init__(session_id)
        self.session_id = session_id


class Meaning(enum.Enum):
    """What to do about a failure."""

    CONFLICT = 'another transaction was in the way: run this one again'
    DUPLICATE = (
        'somebody else has created the same: run the transaction again, it'
        ' finds it now'
    )
    EXISTS = 'somebody else has made this part of the schema'
    LOST = 'the connection is gone'
    READ_ONLY = (
        'the server takes no writes: another one may, to which a new'
        ' connection leads'
    )
    SCHEMA = 'the tables are not those of this release'
    UNAVAILABLE = 'the database can not serve now'
    DEFECT = 'the statement is wrong'


def meaning(error: BaseException) -> Meaning:
    """What one of :data:`FAILURES` means."""
    if isinstance(error, oslo_db.exception.DBDuplicateEntry):
        return Meaning.DUPLICATE
    if isinstance(error, oslo_db.exception.DBDeadlock):
        return Meaning.CONFLICT
    if isinstance(error, oslo_db.exception.DBConnectionError):
        return Meaning.LOST
    if isinstance(error, oslo_db.exception.DBNonExistentTable):
        return Meaning.SCHEMA
    if isinstance(
        error,
        (sqlalchemy.exc.TimeoutError, oslo_db.exception.DBNonExistentDatabase),
    ):
        return Meaning.UNAVAILABLE
    original = _original(error)
    return _told_by_code(original) or _told_by_text(original)


def _original(error: typing.Any) -> typing.Any:
    """The exception of the DBAPI module below the wrappings of oslo.db and
    SQLAlchemy.
    """
    while True:
        inner = getattr(error, 'inner_exception', None) or getattr(
            error, 'orig', None
        )
        if inner is None or inner is error:
            return error
        error = inner


def _told_by_code(original: typing.Any) -> Meaning | None:
    codes = {
        getattr(original, 'sqlstate', None),
        original.args[0] if original.args else None,
    }
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
    return (
        Meaning.LOST
        if any(
            isinstance(code, str) and code.startswith(_LOST) for code in codes
        )
        else None
    )


def _told_by_text(original: typing.Any) -> Meaning:
    text = str(original)
    if _SQLITE_LOCKED.match(text):
        return Meaning.CONFLICT
    if _SQLITE_SCHEMA.match(text):
        return Meaning.SCHEMA
    # A full disk, too many connections, a read-only replica, a damaged file
    # and the like come in these classes, but no wrong statement: that is in a
    # class of its own below DatabaseError.
    if type(original).__name__ == 'DatabaseError':
        return Meaning.UNAVAILABLE
    classes = {base.__name__ for base in type(original).__mro__}
    return (
        Meaning.UNAVAILABLE
        if classes & {'OperationalError', 'InternalError'}
        else Meaning.DEFECT
    )
