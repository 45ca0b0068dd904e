"""Print how the last run of the tests ended, from stestr's record: how long
each part took, and in the last line ``N passed, N failed, N skipped``.

Parts of the tests are seconds of all workers together. FREEZER_TEST_PARTS may
name a file of other parts, ``SECONDS NAME`` in each line, which are seconds by
the clock.

Tests that failed are named before it, with the end of what was the matter.
Where tests were skipped, the reasons follow in parentheses. Exit code 1 if a
test has failed or never ended, or if none has run; or if one was skipped and
FREEZER_TEST_SKIPPED_FAILS is set.
"""

import collections
import io
import os
import pathlib
import sys

import subunit
import testtools

from tools import plan, seconds

OUTCOMES = {
    'success': 'passed',
    'xfail': 'passed',
    'skip': 'skipped',
    'fail': 'failed',
    'uxsuccess': 'failed',
    'inprogress': 'failed',
}
#: How many failed tests are told with a reason, in how many lines of how many
#: characters.
TOLD = 5
LINES = 8
WIDTH = 200


class Outcomes(testtools.StreamResult):
    """The last status of each test of a subunit stream, why tests were
    skipped, and the tracebacks of those that failed.
    """

    def __init__(self):
        super().__init__()
        self.statuses: dict[str, str] = {}
        self._reasons: dict[str, bytes] = collections.defaultdict(bytes)
        self._tracebacks: dict[str, bytes] = collections.defaultdict(bytes)

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        file_name: str | None = None,
        file_bytes: bytes | None = None,
        **_rest,
    ):
        """Take one event of the stream."""
        if test_id is None:
            return
        if test_status in OUTCOMES:
            self.statuses[test_id] = test_status
        if file_name == 'reason':
            self._reasons[test_id] += file_bytes or b''
        if file_name and file_name.startswith('traceback'):
            # Its name says which part of a test with several has failed.
            if not self._tracebacks[test_id]:
                self._tracebacks[test_id] = f'{file_name}\n'.encode()
            self._tracebacks[test_id] += file_bytes or b''

    def reasons(self) -> list[str]:
        """Why tests were skipped, each reason once."""
        return sorted(
            {
                self._reasons[test_id].decode(errors='replace').strip()
                or 'no reason given'
                for test_id, status in self.statuses.items()
                if OUTCOMES[status] == 'skipped'
            }
        )

    def failures(self) -> dict[str, list[str]]:
        """The first line and the last ones of the traceback of each failed
        test, by its name; none where the test never ended.
        """
        failures = {}
        for test_id, status in self.statuses.items():
            if OUTCOMES[status] == 'failed':
                text = self._tracebacks[test_id].decode(errors='replace')
                lines = [line[:WIDTH] for line in text.rstrip().splitlines()]
                failures[test_id] = lines[:1] + lines[1:][-LINES:]
        return failures


def part(name: str) -> str:
    """The part of the tests that a class belongs to."""
    kind = name.split('.')[1]
    if kind != 'contract':
        return kind
    return f'contract, {plan.store_of(name) or "other"}'


def print_times(stream: bytes) -> None:
    """Print the parts, and the slowest classes."""
    file = os.environ.get('FREEZER_TEST_PARTS')
    if file and pathlib.Path(file).exists():
        for line in pathlib.Path(file).read_text().splitlines():
            took, name = line.split(maxsplit=1)
            print(f'{float(took):8.1f} s  {name}')
    classes = seconds.measured(stream)
    parts: collections.Counter[str] = collections.Counter()
    for name, took in classes.items():
        parts[part(name)] += took
    print('Seconds of all workers together:')
    for name, took in sorted(parts.items()):
        print(f'{took:8.1f} s  {name}')
    print('The slowest classes:')
    for name, took in classes.most_common(10):
        print(f'{took:8.1f} s  {name}')


def print_failures(failures: dict[str, list[str]]) -> None:
    """Print the names of failed tests, and why the first of them failed."""
    if failures:
        print('Failed:')
    for place, (name, lines) in enumerate(failures.items()):
        print(f'    {name}')
        if place < TOLD:
            for line in lines or ['never ended']:
                print(f'        {line}')


def main() -> int:
    """Print all of it; the exit code."""
    stream = seconds.last_stream()
    outcomes = Outcomes()
    subunit.ByteStreamToStreamResult(
        io.BytesIO(stream), non_subunit_name='stdout'
    ).run(outcomes)
    counts = collections.Counter(
        OUTCOMES[status] for status in outcomes.statuses.values()
    )
    print_times(stream)
    print_failures(outcomes.failures())
    reasons = outcomes.reasons()
    why = f' ({"; ".join(reasons)})' if reasons else ''
    print(
        f'{counts["passed"]} passed, {counts["failed"]} failed,'
        f' {counts["skipped"]} skipped{why}'
    )
    failed = counts['failed'] or (
        counts['skipped'] and os.environ.get('FREEZER_TEST_SKIPPED_FAILS')
    )
    return 0 if counts['passed'] and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
