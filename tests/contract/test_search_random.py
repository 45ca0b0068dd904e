"""The tests of :mod:`freezer_api.tests.contract.search_random`, on all stores."""

import sys

from freezer_api.tests.contract import search_random
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    search_random.RandomSearches,
)
