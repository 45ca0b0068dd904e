"""The tests of :mod:`freezer_api.tests.contract.interleavings`, on all stores."""

import sys

from freezer_api.tests.contract import interleavings
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    interleavings.Interleavings,
)
