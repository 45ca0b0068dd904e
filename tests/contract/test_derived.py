"""The tests of :mod:`freezer_api.tests.contract.derived`, on all stores."""

import sys

from freezer_api.tests.contract import derived
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    derived.Derived,
)
