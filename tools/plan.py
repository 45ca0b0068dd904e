"""Prepare a run of tests that are selected as for ``stestr run``: print the
servers that they need, and the scripts that make what is published and they
call, one a line.

stestr shares tests among its workers by what they took when they ran before.
A fresh checkout has no such record, so it is given one that says what
``tests/seconds.txt`` expects.

``--list FILE`` before the selection: they are written into the file, those of
classes that take long first. Workers take them from there, see
``tests/sharing.py``. ``--sample FILE``: the same, and only those are counted
that a run of all takes by FREEZER_TEST_SEED (see sampling.py).
"""

import collections
import collections.abc
import os
import pathlib
import re
import subprocess
import sys

from stestr.repository import abstract, file

from tests import servers, sharing
from tools import sampling, seconds

STORES = {
    'SQLite': (),
    'MariaDB': (servers.MYSQL,),
    'MariaDBByMysqlclient': (servers.MYSQL,),
    'PostgreSQL': (servers.POSTGRESQL,),
    'Elasticsearch8': (servers.ELASTICSEARCH8,),
    'Elasticsearch9': (servers.ELASTICSEARCH9,),
    'OpenSearch2': (servers.OPENSEARCH2,),
    'OpenSearch3': (servers.OPENSEARCH3,),
    'Galera': (servers.GALERA,),
}
#: What imports are tested with; their other tests have SQLite alone.
IMPORTING = {
    'test_mariadb': (servers.MYSQL,),
    'test_process': (servers.MYSQL,),
    'test_releases': (servers.MYSQL,),
    'test_stores': (
        servers.MYSQL,
        servers.POSTGRESQL,
        servers.ELASTICSEARCH9,
    ),
}
#: What makes environments that tests need, by what the tests' names begin
#: with.
SCRIPTS = {
    'tests.live.': 'tools/callers',
    'tests.importing.test_releases.': 'tools/releases',
}
#: What the tests' names begin with whose classes name their store.
ON_STORES = ('tests.contract.', 'tests.linearizable.', 'tests.migrations.')
#: Behind the last 'On': some classes have it in their own names.
_STORE = re.compile(r'.*On(\w+)$')


def store_of(name: str) -> str:
    """The store that a class of tests is on, by its name; '' if it says none."""
    found = _STORE.search(name.rpartition('.')[2])
    return found[1] if found else ''


def needed(name: str) -> tuple[str, ...]:
    """The servers that a class of tests needs."""
    if name.startswith(('tests.unit.', 'tests.functional.')):
        return ()
    if name.startswith('tests.importing.'):
        return IMPORTING.get(name.split('.')[2], ())
    store = store_of(name)
    if store and name.startswith(ON_STORES):
        return STORES.get(store, servers.NAMES)
    # The judge and its model need none.
    if name.startswith('tests.linearizable.'):
        return ()
    return servers.NAMES


def opened() -> file.Repository:
    """What stestr keeps of runs in this folder; made if need be."""
    try:
        return file.RepositoryFactory().open('.')
    except abstract.RepositoryNotFound:
        return file.RepositoryFactory().initialise('.')


def expect(
    repository: file.Repository, costs: collections.abc.Mapping[str, float]
) -> None:
    """Let stestr expect what tests take."""
    times = file.my_dbm.open(repository._path('times.dbm'), 'c')
    for test, cost in costs.items():
        times[test.encode()] = str(cost)
    times.close()


def order(
    tests: collections.abc.Iterable[str],
    costs: collections.abc.Mapping[str, float],
) -> list[str]:
    """The tests, each behind those of its group; what takes long comes first,
    so that in the end no worker has much left when others have nothing.
    """
    groups = collections.defaultdict(list)
    for test in tests:
        groups[sharing.group(test)].append(test)

    def cost(members: list[str]) -> float:
        return sum(costs[test] for test in members)

    longest_first = sorted(groups.values(), key=cost, reverse=True)
    return [test for members in longest_first for test in members]


def sample(tests: list[str]) -> list[str]:
    """Those that a run of all takes; how many they are is told."""
    rules = sampling.rules(sampling.TABLE.read_text().splitlines())
    seed = os.environ.get('FREEZER_TEST_SEED', '0')
    taken = sampling.chosen(tests, seed, rules, seconds.expected())
    print(
        f'{len(taken)} of {len(tests)} tests, others by each seed;'
        ' tools/test --all takes all',
        file=sys.stderr,
    )
    return taken


def main(arguments: list[str]) -> int:
    """Print what is needed; the exit code."""
    option, path = None, ''
    if arguments[:1] in (['--list'], ['--sample']):
        option, path, *arguments = arguments
    repository = opened()
    listed = subprocess.run(
        ['stestr', 'list', *arguments], stdout=subprocess.PIPE, text=True
    )
    if listed.returncode:
        print(listed.stdout, file=sys.stderr)
        return listed.returncode
    tests = [
        line for line in listed.stdout.splitlines() if line[:6] == 'tests.'
    ]
    costs = seconds.costs(tests)
    if option == '--sample':
        tests = sample(tests)
    if option:
        pathlib.Path(path).write_text('\n'.join(order(tests, costs)) + '\n')
    expect(repository, costs)
    names = {seconds.class_of(test) for test in tests}
    found = {server for name in names for server in needed(name)}
    print('\n'.join(name for name in servers.NAMES if name in found))
    for beginning, script in SCRIPTS.items():
        if any(name.startswith(beginning) for name in names):
            print(script)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
