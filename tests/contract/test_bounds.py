"""The tests of :mod:`freezer_api.tests.contract.bounds`, on all stores."""

import sys

from freezer_api.tests.contract import bounds
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    bounds.LargePages,
    bounds.SharedActions,
    bounds.LargeMembers,
    bounds.LargeActions,
)
