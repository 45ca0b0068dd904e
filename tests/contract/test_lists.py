"""The tests of :mod:`freezer_api.tests.contract.lists`, on all stores."""

import sys

from freezer_api.tests.contract import lists
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    lists.Lists,
    lists.CentralClients,
)
