"""Print how the last run of the tests ended, from stestr's record: ``N passed,
N failed, N skipped``.

Where tests were skipped, the reasons follow in parentheses. Exit code 1 if a
test has failed or never ended, or if none has run; or if one was skipped and
FREEZER_TEST_SKIPPED_FAILS is set.
"""

import collections
import io
import os
import subprocess
import sys

import subunit
import testtools

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


def main() -> int:
    """Print the line; the exit code."""
    stream = subprocess.run(
        ['stestr', 'last', '--subunit'], stdout=subprocess.PIPE, check=False
    ).stdout
    outcomes = Outcomes()
    subunit.ByteStreamToStreamResult(
        io.BytesIO(stream), non_subunit_name='stdout'
    ).run(outcomes)
    counts = collections.Counter(
        OUTCOMES[status] for status in outcomes.statuses.values()
    )
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
