"""What ``tools/environment.sh`` does for the processes of a run of tests."""

import os
import subprocess

import testtools

from tests import sharing


class TestBytecode(testtools.TestCase):
    """Hundreds of processes import the same modules."""

    def test_bytecode_is_kept_where_the_machine_would_not(self):
        environment = {**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'}
        told = subprocess.run(
            ['bash', '-c', '. tools/environment.sh && printenv PYTHONDONTWRITEBYTECODE'],
            cwd=sharing.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        # There is no such variable any more.
        self.assertEqual(1, told.returncode)
        self.assertEqual('', told.stdout)
