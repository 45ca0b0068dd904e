"""The option lists of the agents, held against the agents themselves."""

import json
import pathlib
import subprocess

import testtools

from freezer_api.domain import agents
from tests.live import programs

LISTING = """
import json
from oslo_config import cfg
from freezer.common import config
config.config(args=[])
print(json.dumps([name for name in cfg.CONF]))
"""
#: Names of groups, and options of the command line alone.
OTHERS = {'os_brick', 'oslo_concurrency', 'config_file', 'config_dir'}


class TestAgentOptions(testtools.TestCase):
    def options(self, previous=False):
        """What the agent of the tests knows."""
        python = pathlib.Path(programs.environment('FREEZER_TEST_AGENT', 'python'))
        path = {'PYTHONPATH': str(python.parent.parent / 'previous')} if previous else {}
        listed = subprocess.run(
            [str(python), '-W', 'ignore', '-c', LISTING],
            env=path,
            check=True,
            stdout=subprocess.PIPE,
        )
        return set(json.loads(listed.stdout)) - OTHERS

    def test_options_are_those_of_this_release(self):
        self.assertEqual(set(agents.options('19.0.0')), self.options())

    def test_options_are_those_of_the_release_before(self):
        self.assertEqual(set(agents.options('18.0.0')), self.options(previous=True))
