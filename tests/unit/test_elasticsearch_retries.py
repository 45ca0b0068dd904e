"""What is logged of operations that are tried again, and how they are given up."""

import testtools

from freezer_api import exceptions
from freezer_api.db.elasticsearch.commits import retries


class TestRetries(testtools.TestCase):
    """However long an attempt takes, for the limits are below or beyond it."""

    def warn_after(self, seconds):
        self.addCleanup(setattr, retries, 'WARN_AFTER', retries.WARN_AFTER)
        retries.WARN_AFTER = seconds

    def logged(self, attempts):
        """The levels and texts that are logged of three attempts."""
        with self.assertLogs(retries.LOG, 'DEBUG') as logged:
            for number in range(3):
                attempts.wait(f'reason {number}')
        return [(record.levelname, record.getMessage()) for record in logged.records]

    def test_each_attempt_is_logged_at_debug_with_its_reason(self):
        self.warn_after(3600)
        told = self.logged(retries.Retries('Changing %s %s', 'jobs', 'j'))
        self.assertEqual(['DEBUG'] * 3, [level for level, _text in told])
        for number, (_level, text) in enumerate(told):
            self.assertIn(f'Changing jobs j: attempt {number + 1} ', text)
            self.assertIn(f'reason {number}', text)

    def test_a_long_operation_is_logged_at_warning_once(self):
        self.warn_after(-1)
        told = self.logged(retries.Retries('Changing %s %s', 'jobs', 'j'))
        warnings = [text for level, text in told if level == 'WARNING']
        self.assertEqual(1, len(warnings), warnings)
        self.assertRegex(warnings[0], r'^Changing jobs j: still trying after \d+\.\d s .*reason 0')

    def test_a_wait_for_the_cluster_is_no_warning(self):
        self.warn_after(-1)
        told = self.logged(retries.Retries('Copying', warns=False))
        self.assertEqual(['DEBUG'] * 3, [level for level, _text in told])

    def given_up(self, attempts):
        """What the log and operators are told of the error that callers get."""
        error = self.assertRaises(exceptions.StorageUnavailable, attempts.wait, 'the reason')
        self.assertEqual(exceptions.StorageUnavailable().message, error.message)
        self.assertIsInstance(error.__cause__, retries.GaveUp)
        return str(error.__cause__)

    def test_the_timeout_gives_up_with_a_reason(self):
        told = self.given_up(retries.Retries('Changing %s', 'j', timeout=-1))
        self.assertIn('Changing j was given up after 1 attempts', told)
        self.assertIn('the reason', told)

    def test_the_last_attempt_gives_up_with_a_reason(self):
        attempts = retries.Retries('Reading', max_attempts=2)
        attempts.wait('another reason')
        self.assertIn('after 2 attempts', self.given_up(attempts))
