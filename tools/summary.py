"""Print how the last run of the tests ended, from stestr's record: ``N passed, N failed, N skipped``.

Exit code 1 if a test has failed or never ended, or if none has run.
"""

import collections
import io
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
    """The last status of each test of a subunit stream."""

    def __init__(self):
        super().__init__()
        self.statuses: dict[str, str] = {}

    def status(self, test_id: str | None = None, test_status: str | None = None, **_rest):
        """Take one event of the stream."""
        if test_id is not None and test_status in OUTCOMES:
            self.statuses[test_id] = test_status


def main() -> int:
    """Print the line; the exit code."""
    stream = subprocess.run(['stestr', 'last', '--subunit'], stdout=subprocess.PIPE, check=False).stdout
    outcomes = Outcomes()
    subunit.ByteStreamToStreamResult(io.BytesIO(stream), non_subunit_name='stdout').run(outcomes)
    counts = collections.Counter(OUTCOMES[status] for status in outcomes.statuses.values())
    print(f'{counts["passed"]} passed, {counts["failed"]} failed, {counts["skipped"]} skipped')
    return 0 if counts['passed'] and not counts['failed'] else 1


if __name__ == '__main__':
    sys.exit(main())
