"""Prepare a run of tests that are selected as for ``stestr run``: print the
servers that they need, and the scripts that make what is published and they
call, one a line.

stestr shares tests among its workers by what they took when they ran before.
A fresh checkout has no such record, so it is given one that says what
``tests/seconds.txt`` expects.

``--sample FILE`` before the selection: only those are counted that a run of
all takes by FREEZER_TEST_SEED (see sampling.py), and written into the file.
"""

import collections
import collections.abc
import os
import pathlib
import re
import subprocess
import sys

from stestr.repository import abstract, file

from tests import servers
from tools import sampling, seconds

STORES = {
    'SQLite': (),
    'MariaDB': (servers.MYSQL,),
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
_STORE = re.compile(r'On(\w+)$')


def needed(name: str) -> tuple[str, ...]:
    """The servers that a class of tests needs."""
    if name.startswith(('tests.unit.', 'tests.functional.')):
        return ()
    if name.startswith('tests.importing.'):
        return IMPORTING.get(name.split('.')[2], ())
    store = _STORE.search(name.rpartition('.')[2])
    if store and name.startswith(ON_STORES):
        return STORES.get(store[1], servers.NAMES)
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
    repository: file.Repository, tests: collections.abc.Iterable[str]
) -> None:
    """Let stestr expect what the table says."""
    table = seconds.expected()
    classes = collections.defaultdict(list)
    for test in tests:
        classes[seconds.class_of(test)].append(test)
    times = file.my_dbm.open(repository._path('times.dbm'), 'c')
    for name, members in classes.items():
        each = table.get(name, seconds.UNKNOWN) / len(members)
        for test in members:
            times[test.encode()] = str(each)
    times.close()


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
    sampled = None
    if arguments[:1] == ['--sample']:
        sampled = pathlib.Path(arguments[1])
        arguments = arguments[2:]
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
    if sampled:
        tests = sample(tests)
        sampled.write_text('\n'.join(tests) + '\n')
    expect(repository, tests)
    names = {seconds.class_of(test) for test in tests}
    found = {server for name in names for server in needed(name)}
    print('\n'.join(name for name in servers.NAMES if name in found))
    for beginning, script in SCRIPTS.items():
        if any(name.startswith(beginning) for name in names):
            print(script)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
