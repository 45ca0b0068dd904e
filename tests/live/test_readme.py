"""What the README, the manual and the how-to show is what happens."""

import testtools

from tests.live import howto, readme


class TestPages(testtools.TestCase):
    """The commands of the README and the manual are run, standalone and behind Keystone."""

    def test_commands_print_what_pages_say(self):
        """Each command prints what its page says, moments and made-up ids aside."""
        for page in readme.run():
            self.assertEqual(
                readme.alike(page.lines),
                readme.alike(page.today()),
                f'{page.path.name}; to write it anew: python -m tests.live.readme',
            )


class TestHowTo(testtools.TestCase):
    """Its commands are run, with two agents."""

    def test_commands_print_what_it_says(self):
        """A run is restored elsewhere, verified, and shown with both."""
        shown, today = howto.run()
        self.assertEqual(
            howto.alike(shown), howto.alike(today), 'to write it anew: python -m tests.live.howto'
        )
