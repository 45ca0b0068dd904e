"""The tests of :mod:`freezer_api.tests.contract.stamps`, on all stores."""

import sys

from freezer_api.tests.contract import stamps
from tests.contract import stores

stores.put_on_stores(sys.modules[__name__], stamps.Stamps)
