"""The tests of :mod:`freezer_api.tests.contract.backups`, on all stores."""

import sys

from freezer_api.tests.contract import backups
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    backups.BackupsInTime,
    backups.BackupsOfRuns,
)
