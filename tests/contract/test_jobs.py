"""The tests of :mod:`freezer_api.tests.contract.jobs`, on all stores."""

import sys

from freezer_api.tests.contract import jobs
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    jobs.JobsAndActions,
    jobs.Purge,
)
