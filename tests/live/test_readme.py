"""What the README and the how-to show is what happens."""

import testtools

from tests.live import howto, readme


class TestREADME(testtools.TestCase):
    """Its commands are run, standalone and behind Keystone."""

    def test_commands_print_what_it_says(self):
        """Each command prints what the README says, moments and made-up ids aside."""
        shown, today = readme.run()
        self.assertEqual(
            readme.alike(shown),
            readme.alike(today),
            'to write it anew: python -m tests.live.readme',
        )


class TestHowTo(testtools.TestCase):
    """Its commands are run, with two agents."""

    def test_commands_print_what_it_says(self):
        """A run is restored elsewhere, verified, and shown with both."""
        shown, today = howto.run()
        self.assertEqual(
            howto.alike(shown), howto.alike(today), 'to write it anew: python -m tests.live.howto'
        )
