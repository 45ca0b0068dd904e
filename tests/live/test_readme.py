"""What the README shows is what happens."""

import testtools

from tests.live import readme


class TestREADME(testtools.TestCase):
    """Its commands are run, standalone and behind Keystone."""

    def test_commands_print_what_it_says(self):
        """Each command prints what the README says, moments and made-up ids aside."""
        shown, today = readme.run()
        self.assertEqual(readme.alike(shown), readme.alike(today), 'to write it anew: python -m tests.live.readme')
