"""Print how the last run of the tests ended, from stestr's record: how long
each part took, and in the last line ``N passed, N failed, N skipped``.

Parts of the tests are seconds of all workers together. FREEZER_TEST_PARTS may
name a file of other parts, ``SECONDS NAME`` in each line, which are seconds by
the clock.

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


class Outcomes(testtools.StreamResult):
    """The last status of each test of a subunit stream, and why tests were
    skipped.
    """

    def __init__(self):
        super().__init__()
        self.statuses: dict[str, str] = {}
        self._reasons: dict[str, bytes] = collections.defaultdict(bytes)

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
