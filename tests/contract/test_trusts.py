"""The tests of :mod:`freezer_api.tests.contract.trusts`, on all stores."""

import sys

from freezer_api.tests.contract import trusts
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    trusts.Trusts,
    trusts.TrustsInEveryOrder,
    trusts.TrustsOfManyThreads,
)
