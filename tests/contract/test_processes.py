"""The tests of :mod:`freezer_api.tests.contract.processes`, on all stores."""

import sys

from freezer_api.tests.contract import processes
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    processes.Processes,
)
