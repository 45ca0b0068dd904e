"""The tests of :mod:`freezer_api.tests.contract.runs`, on all stores."""

import sys

from freezer_api.tests.contract import runs
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    runs.Runs,
    runs.Lapses,
)
