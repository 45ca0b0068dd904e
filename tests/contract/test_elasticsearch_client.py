"""The newest release line of the library that sends the requests, which the environment of the
tests doesn't have, on nodes of both products.
"""

import os
import subprocess
import sys

import testtools

from tests import servers
from tests.base import sample

#: Themes that between them send every kind of request but those of indices, which each class of
#: tests sends to begin with.
THEMES = ('test_documents.Documents', 'test_sessions.Members')
RUN = """
import sys, unittest
import elastic_transport
assert elastic_transport.__version__.startswith('9.'), elastic_transport.__version__
unittest.main(module=None)
"""


@servers.needs(servers.ELASTICSEARCH8, servers.ELASTICSEARCH9, servers.OPENSEARCH3)
class TestClient9(testtools.TestCase):
    """``tools/test`` puts it into a folder of its own, which FREEZER_TEST_CLIENT9 names."""

    def test_the_contract(self):
        """With servers of its own version, of the one before, or of the other product: one of them
        in each run, all in the long form.
        """
        names = [
            f'tests.contract.{theme}On{server}'
            for theme in THEMES
            for server in sample(0.3, ('Elasticsearch8', 'Elasticsearch9', 'OpenSearch3'))
        ]
        environment = {**os.environ, 'PYTHONPATH': os.environ['FREEZER_TEST_CLIENT9']}
        done = subprocess.run(
            (sys.executable, '-c', RUN, *names),
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertRegex(done.stdout, r'(?m)^Ran \d{2,} tests')
