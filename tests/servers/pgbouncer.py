"""A PgBouncer of the tests' own, before their PostgreSQL."""

import psycopg
import sqlalchemy

from tests.servers import process


class PgBouncer(process.Server):
    """Starts when made; :meth:`stop` removes it. ``server``: where PostgreSQL is, as an SQLAlchemy
    URL."""

    def __init__(self, server: str, mode: str):
        self._process = process.Process('bouncer', user='postgres')
        self.port = process.free_port()
        url = sqlalchemy.make_url(server)
        settings = self._process.folder / 'settings'
        settings.write_text(
            f'[databases]\n* = host={url.query["host"]} user={url.username}\n[pgbouncer]\n'
            f'listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n'
            f'auth_type = any\npool_mode = {mode}\n'
            'default_pool_size = 150\nmax_client_conn = 500\n'
        )
        program = process.program('pgbouncer', package='pgbouncer')
        try:
            self._process.spawn(program, str(settings), ready=self._answers)
        except BaseException:
            self.stop()
            raise

    def url(self, database: str) -> str:
        """A database, an SQLAlchemy URL, as it is reached here."""
        name = sqlalchemy.make_url(database).database
        return f'postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}'

    def _answers(self) -> None:
        where = {'host': '127.0.0.1', 'port': self.port}
        psycopg.connect(**where, user='postgres', dbname='postgres').close()
