"""The tests of :mod:`freezer_api.tests.contract.everywhere`, on all stores."""

import sys

from freezer_api.tests.contract import everywhere
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    everywhere.Everywhere,
    everywhere.Claimed,
)
