"""The contract where writes wait until searches see them (``read_your_writes = wait_for``): a theme
in which pages are read.

The long form (``FREEZER_TEST_EXPLORE=1``) has all of them.
"""

from freezer_api.tests.contract import lists, suite
from tests.base import EXPLORING
from tests.contract import stores


class _Waiting:
    """Indices that no search refreshes."""

    @classmethod
    def make_options(cls):
        options = super().make_options()
        return {**options, cls.driver: {**options[cls.driver], 'read_your_writes': 'wait_for'}}


class Waiting(_Waiting, stores.Elasticsearch9):
    name = 'Waiting'


class WaitingOpenSearch(_Waiting, stores.OpenSearch3):
    name = 'WaitingOpenSearch'


SOME = (lists.CentralClients,)

globals().update(
    {
        name: case
        for store in (Waiting, WaitingOpenSearch)
        for name, case in suite.cases(store).items()
        if EXPLORING or case.__bases__[0] in SOME
    }
)
