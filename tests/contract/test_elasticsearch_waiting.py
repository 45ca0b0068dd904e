"""The contract where writes wait until searches see them (``read_your_writes = wait_for``): a theme
in which pages are read.

The long form (``FREEZER_TEST_EXPLORE=1``) has all of them.
"""

from freezer_api.tests.contract import lists, suite
from tests.base import EXPLORING
from tests.contract import stores


class Waiting(stores.Elasticsearch9):
    """Indices in the Elasticsearch 9 of the test run, that no search refreshes."""

    name = 'Waiting'

    @classmethod
    def make_options(cls):
        options = super().make_options()
        return {
            **options,
            'elasticsearch': {**options['elasticsearch'], 'read_your_writes': 'wait_for'},
        }


SOME = (lists.CentralClients,)

globals().update(
    {
        name: case
        for name, case in suite.cases(Waiting).items()
        if EXPLORING or case.__bases__[0] in SOME
    }
)
