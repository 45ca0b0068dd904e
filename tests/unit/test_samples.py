"""The samples in etc/freezer are what the generators make of the code."""

import pathlib
import subprocess
import sys
import tempfile

import testtools

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / 'etc' / 'freezer'


class TestSamples(testtools.TestCase):
    """Each sample is generated anew and compared; ``tools/samples`` writes them."""

    def check(self, generator: str, settings: str, sample: str) -> None:
        """Compare a sample with what its generator makes."""
        program = pathlib.Path(sys.executable).with_name(generator)
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder, sample)
            command = [
                str(program),
                '--config-file',
                str(FOLDER / settings),
                '--output-file',
                str(made),
            ]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            self.assertEqual(
                made.read_text(),
                (FOLDER / sample).read_text(),
                f'{sample} is not current: run tools/samples',
            )

    def test_every_own_option_is_in_the_sample(self):
        """freezer-api.conf.sample has every option of the service, whichever libraries are
        installed.
        """
        program = pathlib.Path(sys.executable).with_name('oslo-config-generator')
        command = [str(program), '--namespace', 'freezer-api', '--wrap-width', '100']
        made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        self.assertIn('#runs_kept = 100', made)
        self.assertLessEqual(
            set(made.splitlines()),
            set((FOLDER / 'freezer-api.conf.sample').read_text().splitlines()),
        )

    def test_configuration_sample_is_current(self):
        """freezer-api.conf.sample has every option of the service and its libraries."""
        if sys.version_info < (3, 11):
            # The last libraries for it have other options than the ones that the sample is made
            # with.
            self.skipTest('the libraries that the sample is made with need Python 3.11')
        self.check('oslo-config-generator', 'config-generator.conf', 'freezer-api.conf.sample')

    def test_policy_sample_is_current(self):
        """policy.yaml.sample has every rule."""
        self.check('oslopolicy-sample-generator', 'policy-generator.conf', 'policy.yaml.sample')
