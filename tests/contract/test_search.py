"""The tests of :mod:`freezer_api.tests.contract.search`, on all stores."""

import sys

from freezer_api.tests.contract import search
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    search.Searches,
)
