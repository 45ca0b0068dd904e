"""How long the tests take: from stestr's record of a run, and from
``tests/seconds.txt``, which says what to expect.

A test's time includes the set-up of its class, if it is the first one of it.
"""

import collections
import collections.abc
import datetime
import io
import pathlib
import re
import subprocess

import subunit
import testtools

TABLE = pathlib.Path(__file__).parents[1] / 'tests' / 'seconds.txt'
#: What a class takes that isn't in the table.
UNKNOWN = 0.3
#: A class that takes less isn't written into it.
LEAST = 1.0
_CLASS = re.compile(r'(.+)\.[^.]+$')


class Times(testtools.StreamResult):
    """The seconds of each class of a subunit stream, by its dotted name."""

    def __init__(self) -> None:
        super().__init__()
        self.classes: collections.Counter[str] = collections.Counter()
        self._begun: dict[str, datetime.datetime] = {}
        self._over: dict[str, datetime.datetime] = {}

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        test_tags: collections.abc.Iterable[str] | None = None,
        timestamp: datetime.datetime | None = None,
        **_rest: object,
    ) -> None:
        """Take one event of the stream."""
        if test_id is None or timestamp is None:
            return
        if test_status == 'inprogress':
            self._begun[test_id] = timestamp
        if test_status in (None, 'exists', 'inprogress'):
            return
        # What its worker did since the test before is the set-up of its
        # class.
        worker = ','.join(sorted(test_tags or ()))
        begun = self._begun.get(test_id, timestamp)
        since = self._over.get(worker, begun)
        self.classes[class_of(test_id)] += (timestamp - since).total_seconds()
        self._over[worker] = timestamp


def class_of(test_id: str) -> str:
    """The dotted name of a test's class."""
    found = _CLASS.match(test_id.partition('(')[0])
    return found[1] if found else test_id


def last_stream() -> bytes:
    """The subunit stream of the last run."""
    return subprocess.run(
        ['stestr', 'last', '--subunit'], stdout=subprocess.PIPE, check=False
    ).stdout


def measured(stream: bytes) -> collections.Counter[str]:
    """The seconds of each class in a stream."""
    times = Times()
    subunit.ByteStreamToStreamResult(
        io.BytesIO(stream), non_subunit_name='stdout'
    ).run(times)
    return times.classes


def expected() -> dict[str, float]:
    """What the table says."""
    lines = TABLE.read_text().splitlines() if TABLE.exists() else []
    words = [line.split() for line in lines if not line.startswith('#')]
    return {name: float(seconds) for seconds, name in words}


def costs(tests: collections.abc.Collection[str]) -> dict[str, float]:
    """What each of all tests is expected to take: as long as others of its
    class.
    """
    table = expected()
    members = collections.Counter(class_of(test) for test in tests)
    found = {}
    for test in tests:
        name = class_of(test)
        found[test] = table.get(name, UNKNOWN) / members[name]
    return found


def main() -> None:
    """Write the table anew, from the last run."""
    kept = {**expected(), **measured(last_stream())}
    rows = [
        f'{seconds:6.1f} {name}'
        for name, seconds in sorted(kept.items())
        if seconds >= LEAST
    ]
    head = (
        '# Seconds that each class of tests took, by which the tests are'
        ' shared among workers.\n'
        '# Made by: python tools/seconds.py; not edited by hand.\n'
    )
    TABLE.write_text(head + '\n'.join(rows) + '\n')


if __name__ == '__main__':
    main()
