"""The tests of :mod:`freezer_api.tests.contract.concurrency`, on all stores."""

import sys

from freezer_api.tests.contract import concurrency
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    concurrency.Threads,
)
