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
            command = [str(program), '--config-file', str(FOLDER / settings), '--output-file', str(made)]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            self.assertEqual(made.read_text(), (FOLDER / sample).read_text(), f'{sample} is not current: run tools/samples')

    def test_configuration(self):
        """freezer-api.conf.sample has every option of the service and its libraries."""
        self.check('oslo-config-generator', 'config-generator.conf', 'freezer-api.conf.sample')

    def test_policy(self):
        """policy.yaml.sample has every rule."""
        self.check('oslopolicy-sample-generator', 'policy-generator.conf', 'policy.yaml.sample')
