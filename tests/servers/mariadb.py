"""A MariaDB server of the tests' own, on a socket in a private folder."""

import getpass

import pymysql

from tests.servers import process


class MariaDB(process.Server):
    """Starts when made, with some ``options`` more; :meth:`stop` removes it. What it holds outlives
    it, but not the machine: it never waits for a disk.
    """

    scheme = 'mysql+pymysql'

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process = process.Process('mariadb')
        self.data = str(self._process.folder / 'data')
        self.socket = str(self._process.folder / 's')
        try:
            self._process.run(
                process.program('mariadb-install-db', package='mariadb-server-core'),
                '--no-defaults',
                '--basedir=/usr',
                f'--datadir={self.data}',
                f'--user={getpass.getuser()}',
                '--auth-root-authentication-method=normal',
                '--skip-test-db',
                '--innodb-flush-method=nosync',
            )
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The server as an SQLAlchemy URL, without a database."""
        return f'{self.scheme}://root@localhost/?unix_socket={self.socket}'

    def start(self) -> None:
        """Start it on the data that it has, and wait until it answers."""
        self._process.spawn(
            process.program('mariadbd', package='mariadb-server-core'),
            '--no-defaults',
            f'--datadir={self.data}',
            f'--user={getpass.getuser()}',
            '--skip-networking',
            f'--socket={self.socket}',
            '--max-connections=1000',
            '--innodb-flush-method=nosync',
            '--innodb-buffer-pool-size=256M',
            f'--pid-file={self._process.folder / "pid"}',
            *self._options,
            ready=self._answers,
        )

    def _answers(self) -> None:
        pymysql.connect(unix_socket=self.socket, user='root').close()
