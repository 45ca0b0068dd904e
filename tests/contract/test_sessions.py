"""The tests of :mod:`freezer_api.tests.contract.sessions`, on all stores."""

import sys

from freezer_api.tests.contract import sessions
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    sessions.Members,
)
