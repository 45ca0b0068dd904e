"""The tests of :mod:`freezer_api.tests.contract.copying`, on all stores."""

import sys

from freezer_api.tests.contract import copying
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    copying.Copies,
    copying.Restores,
    copying.BrokenCopies,
)
