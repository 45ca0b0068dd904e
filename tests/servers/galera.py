"""Two nodes of a MariaDB Galera cluster of the tests' own, each of which takes writes."""

import getpass
import pathlib
import shutil

import pymysql

from tests.servers import mariadb, process

PROVIDERS = tuple(
    f'/usr/{folder}/libgalera_smm.so' for folder in ('lib/galera', 'lib64/galera', 'lib64/galera-4')
)
#: A state transfer between nodes that begin with the same data: the second one only lacks what the
#: first has written since, which it gets without a script's help. Scripts for data of any size are
#: in a package that starts a server when it is installed.
TRANSFER = """#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        --role) role=$2 ;;
        --address) address=$2 ;;
        --datadir) folder=$2 ;;
        --gtid) position=$2 ;;
    esac
    shift
done
if [ "$role" = donor ]; then
    echo "$position" > "$address"
    echo "done $position"
else
    mkfifo "$folder/position"
    echo "ready $folder/position"
    cat "$folder/position"
    rm "$folder/position"
fi
"""


class Node:
    """One of the servers; of its three ports two are for the other node."""

    def __init__(self, name: str, folder: pathlib.Path):
        self.name = name
        self._process = process.Process(name)
        self.data = str(self._process.folder / 'data')
        self.socket = str(self._process.folder / 's')
        self.port, self.group, self.transfer = (process.free_port() for _ in range(3))
        self.programs = folder

    @property
    def url(self) -> str:
        """The server as an SQLAlchemy URL, without a database."""
        return f'{mariadb.MariaDB.scheme}://root@localhost/?unix_socket={self.socket}'

    def start(self, members: str) -> None:
        """Start it on its data in the cluster of ``members`` ('': a new one), and wait until it is
        in."""
        provided = {
            'gmcast.listen_addr': f'tcp://127.0.0.1:{self.group}',
            'gcache.size': '16M',
            'ist.recv_addr': f'127.0.0.1:{self.transfer}',
            'gcache.recover': 'no',
        }
        options = {
            'datadir': self.data,
            'user': getpass.getuser(),
            'socket': self.socket,
            'bind-address': '127.0.0.1',
            'port': self.port,
            'max-connections': 500,
            'pid-file': self._process.folder / 'pid',
            'innodb-flush-log-at-trx-commit': 2,
            'innodb-flush-method': 'nosync',
            'innodb-buffer-pool-size': '64M',
            'binlog-format': 'ROW',
            'default-storage-engine': 'InnoDB',
            'innodb-autoinc-lock-mode': 2,
            'wsrep-on': 'ON',
            'wsrep-provider': provider(),
            'wsrep-provider-options': ';'.join(map('='.join, provided.items())),
            'wsrep-cluster-name': 'tests',
            'wsrep-cluster-address': f'gcomm://{members}',
            'wsrep-node-name': self.name,
            'wsrep-node-address': f'127.0.0.1:{self.group}',
            'wsrep-sst-method': 'position',
        }
        self._process.spawn(
            process.program('mariadbd', package='mariadb-server-core'),
            '--no-defaults',
            *(f'--{name}={value}' for name, value in options.items()),
            ready=self._takes_part,
            PATH=f'{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin',
        )

    def _takes_part(self) -> None:
        with (
            pymysql.connect(unix_socket=self.socket, user='root') as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW STATUS LIKE 'wsrep_ready'")
            if (found := cursor.fetchone()) != ('wsrep_ready', 'ON'):
                raise process.ServerFailed(f'{found}')

    def halt(self) -> None:
        """Stop it in good order."""
        self._process.halt()

    def stop(self) -> None:
        """End it for good."""
        self._process.stop()


class Galera:
    """Starts when made; :meth:`stop` removes it."""

    def __init__(self) -> None:
        self._process = process.Process('galera')
        self.nodes: list[Node] = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Both nodes as SQLAlchemy URLs without a database, a blank between them."""
        return ' '.join(node.url for node in self.nodes)

    def _start(self) -> None:
        script = self._process.folder / 'wsrep_sst_position'
        script.write_text(TRANSFER)
        script.chmod(0o755)
        self.nodes = [Node(name, self._process.folder) for name in ('galera1', 'galera2')]
        first, second = self.nodes
        self._process.run(
            process.program('mariadb-install-db', package='mariadb-server-core'),
            '--no-defaults',
            '--basedir=/usr',
            f'--datadir={first.data}',
            f'--user={getpass.getuser()}',
            '--skip-test-db',
            '--auth-root-authentication-method=normal',
            '--innodb-flush-method=nosync',
        )
        # Once it has been a cluster, its data tell their position in it; so does a copy of them.
        first.start('')
        first.halt()
        shutil.copytree(first.data, second.data)
        first.start('')
        second.start(f'127.0.0.1:{first.group}')

    def stop(self) -> None:
        """End both nodes for good."""
        for node in self.nodes:
            node.stop()
        self._process.stop()


def provider() -> str:
    """The library that makes nodes of servers."""
    for path in map(pathlib.Path, PROVIDERS):
        if path.exists():
            return str(path)
    raise process.ServerFailed(f'{PROVIDERS[0]} was not found; install galera-4.')
