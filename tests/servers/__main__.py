"""``python -m tests.servers run -- COMMAND…``: run a command while MariaDB, PostgreSQL, Keystone,
Elasticsearch and OpenSearch serve it. ``python -m tests.servers fetch``: put together what nodes of
the last two are started from.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import os
import signal
import subprocess
import sys
import time

from tests import servers
from tests.servers import elasticsearch, galera, keystone, mariadb, opensearch, postgresql, process

STARTERS = {
    servers.MYSQL: mariadb.MariaDB,
    servers.GALERA: galera.Galera,
    servers.POSTGRESQL: postgresql.PostgreSQL,
    servers.KEYSTONE: keystone.Keystone,
    servers.ELASTICSEARCH8: functools.partial(elasticsearch.Node, elasticsearch.VERSION8),
    servers.ELASTICSEARCH9: functools.partial(elasticsearch.Node, elasticsearch.VERSION9),
    servers.OPENSEARCH2: functools.partial(opensearch.Node, opensearch.VERSION2),
    servers.OPENSEARCH3: functools.partial(opensearch.Node, opensearch.VERSION3),
}


def main(arguments: list[str]) -> int:
    """Start the servers that are asked for, run the command, stop them; the command's exit code."""
    parser = argparse.ArgumentParser(prog='python -m tests.servers', description=__doc__)
    verbs = parser.add_subparsers(dest='verb', required=True)
    verbs.add_parser('fetch')
    run = verbs.add_parser('run')
    run.add_argument(
        '--only',
        metavar='NAME,…',
        default=','.join(servers.NAMES),
        help='which, or "" for none; default: %(default)s',
    )
    run.add_argument('command', nargs='+')
    asked = parser.parse_args(arguments)
    if asked.verb == 'fetch':
        return _fetch()
    # Ended by a signal or not, what was started is stopped: an exception unwinds it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    started: list = []
    try:
        return _run(asked.command, [name for name in asked.only.split(',') if name], started)
    except process.ServerFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for server in started:
            server.stop()


def _fetch() -> int:
    """Put the nodes' programs together; what may be done later comes last."""
    nodes = elasticsearch.Node, opensearch.Node
    for node in nodes:
        node.product.fetch()
    for node in nodes:
        node.archive_classes()
    return 0


def _run(command: list[str], names: list[str], started: list) -> int:
    def start(name: str) -> tuple[str, str]:
        try:
            server = STARTERS[name]()
        except process.Unavailable as reason:
            print(reason, file=sys.stderr)
            return name + servers.ABSENT, str(reason)
        started.append(server)
        return name, server.url

    begun = time.monotonic()
    missing = [name for name in names if name not in servers.OWN or not os.environ.get(name)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        environment = {**os.environ, **dict(pool.map(start, missing))}
    if parts := os.environ.get('FREEZER_TEST_PARTS'):
        with open(parts, 'a') as file:
            file.write(f'{time.monotonic() - begun:.1f} servers\n')
    # In a group of its own: what it has started ends with it.
    child = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        return child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        child.wait()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
