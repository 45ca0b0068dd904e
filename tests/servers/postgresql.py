"""A PostgreSQL server of the tests' own, on a socket in a private folder."""

import glob
import os
import pathlib
import signal

import psycopg

from tests.servers import process

#: Debian keeps the programs of each version apart, out of the PATH.
FOLDERS = sorted(glob.glob('/usr/lib/postgresql/*/bin'), reverse=True)


class PostgreSQL(process.Server):
    """Starts when made; :meth:`stop` removes it. What it holds outlives it, but not the machine: it
    never waits for a disk.
    """

    scheme = 'postgresql+psycopg'

    def __init__(self) -> None:
        # It refuses to run as root; then the user runs it that the distribution made for it.
        self._process = process.Process(
            'postgresql', user='postgres' if os.geteuid() == 0 else None
        )
        self.folder = self._process.folder
        self.data = str(self.folder / 'data')
        try:
            self._process.run(
                process.program('initdb', *FOLDERS, package='postgresql-15'),
                '-D',
                self.data,
                '-A',
                'trust',
                '-U',
                'postgres',
                '-E',
                'UTF8',
                '--locale=C.UTF-8',
                '--no-sync',
            )
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The server as an SQLAlchemy URL, without a database."""
        return f'{self.scheme}://postgres@/?host={self.folder}'

    def start(self) -> None:
        """Start it on the data that it has, and wait until it answers."""
        # A process that was killed leaves its id behind, which may be another process's by now.
        pathlib.Path(self.data, 'postmaster.pid').unlink(missing_ok=True)
        settings = {
            'listen_addresses': '',
            'fsync': 'off',
            'full_page_writes': 'off',
            'max_connections': '500',
            'shared_buffers': '128MB',
            'dynamic_shared_memory_type': 'mmap',
        }
        self._process.spawn(
            process.program('postgres', *FOLDERS, package='postgresql-15'),
            '-D',
            self.data,
            '-k',
            str(self.folder),
            *(f'-c{name}={value}' for name, value in settings.items()),
            ready=self._answers,
        )

    def _answers(self) -> None:
        psycopg.connect(host=str(self.folder), user='postgres', dbname='postgres').close()

    def halt(self) -> None:
        """Stop it at once but in good order; :meth:`start` brings it back."""
        self._process.halt(signal.SIGINT)

    def kill(self) -> None:
        """End it without a checkpoint, as a crash would; :meth:`start` brings it back."""
        self._process.halt(signal.SIGQUIT)

    def stop(self) -> None:
        """End it for good."""
        self._process.halt(signal.SIGQUIT)
        self._process.stop()
