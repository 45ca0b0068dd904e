"""What is particular to connections of mysqlclient, which a C library makes:
MariaDB's or MySQL's.
"""

import functools
import os
import typing
import weakref

import sqlalchemy

from freezer_api.db.sqlalchemy.connections import opening
from freezer_api.db.sqlalchemy.connections.opening import (
    DriverConnection,
    Settings,
)

#: What the library says of a failure of TLS, a lost connection among them.
TLS_FAILED = 2026
#: Values of ``ssl_mode`` by which a connection may have no TLS.
_WITHOUT_TLS = ('DISABLED', 'PREFERRED')
#: How a URL may say no.
_NO = ('0', 'false', 'no', 'off')


def arguments(url: sqlalchemy.URL, patient: bool) -> Settings:
    """Return the arguments by which it connects; ``patient``: answers are
    waited for without end.
    """
    # The time to connect counts the server's greeting here.
    wanted: Settings = {
        'connect_timeout': opening.CONNECT_TIMEOUT,
        'write_timeout': opening.READ_TIMEOUT,
        # PyMySQL's default. Otherwise a server may ask for any file.
        'local_infile': False,
    }
    if not patient:
        wanted['read_timeout'] = opening.READ_TIMEOUT
    mode = _tls_mode(url)
    if mode:
        wanted['ssl_mode'] = mode
    # PyMySQL's default, too: one statement is never two.
    always = {'multi_statements': False}
    return opening.without_given(wanted, url) | always


def set_up(engine: sqlalchemy.Engine, url: sqlalchemy.URL) -> None:
    """Have lost connections noticed, and those refused that lack TLS although
    the URL asks for it.
    """
    knows_as_lost = engine.dialect.is_disconnect

    @functools.wraps(knows_as_lost)
    def is_disconnect(
        error: typing.Any, connection: typing.Any, cursor: typing.Any
    ) -> bool:
        # SQLAlchemy doesn't know of this code.
        if error.args[:1] == (TLS_FAILED,):
            return True
        return knows_as_lost(error, connection, cursor)

    setattr(engine.dialect, 'is_disconnect', is_disconnect)  # noqa: B010
    if _tls_mode(url) not in (None, *_WITHOUT_TLS):
        opening.on_connect(engine, _require_tls)


class Opened:
    """The connections that this process has opened.

    When the last reference to a connection goes, it takes leave of the
    server. In a child process that must not be: the connection is the
    parent's.
    """

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[DriverConnection] = (
            weakref.WeakSet()
        )

    def watch(self, engine: sqlalchemy.Engine) -> None:
        """Note each new connection of an engine."""
        opening.on_connect(engine, self._connections.add)

    def leave_to_parent(self) -> None:
        """Let go of all connections without a word to the server."""
        for connection in list(self._connections):
            _let_go(connection)
        self._connections.clear()


def _let_go(connection: DriverConnection) -> None:
    """Have what a connection still sends go nowhere."""
    try:
        descriptor = connection.fileno()
    except connection.Error:
        # It was closed before.
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    # The process's own copy of the socket is closed by this.
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _tls_mode(url: sqlalchemy.URL) -> str | None:
    """Return the ``ssl_mode`` for a URL, None if it says nothing of TLS.

    What PyMySQL takes for granted has to be asked for here: that TLS is there
    if there are options for it, and that the server is the one that a
    certificate names if there is an authority.
    """
    given = {name for name in url.query if name.startswith('ssl')}
    if not given:
        return None
    if 'ssl_mode' in given:
        return str(url.query['ssl_mode'])
    if not given & {'ssl_ca', 'ssl_capath'}:
        return 'REQUIRED'
    checked = str(url.query.get('ssl_check_hostname', 'true'))
    if checked.lower() in _NO:
        # MariaDB's library checks the name all the same.
        return 'VERIFY_CA'
    return 'VERIFY_IDENTITY'


def _require_tls(connection: DriverConnection) -> None:
    """Raise unless a connection has TLS.

    MariaDB's library goes on without it, whatever it is told, at servers that
    don't offer it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        found = dict(cursor.fetchall())
    if not found.get('Ssl_cipher'):
        raise connection.OperationalError(
            TLS_FAILED, 'TLS is asked for, and the server does not offer it'
        )
