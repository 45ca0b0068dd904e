"""The tests of :mod:`freezer_api.tests.contract.restores`, on all stores."""

import sys

from freezer_api.tests.contract import restores
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    restores.RestoreSessions,
    restores.RestoredRuns,
)
