"""The tests of :mod:`freezer_api.tests.contract.repairs`, on all stores."""

import sys

from freezer_api.tests.contract import repairs
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    repairs.Repairs,
)
