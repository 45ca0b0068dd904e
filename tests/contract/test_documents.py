"""The tests of :mod:`freezer_api.tests.contract.documents`, on all stores."""

import sys

from freezer_api.tests.contract import documents
from tests.contract import stores

stores.put_on_stores(
    sys.modules[__name__],
    documents.Documents,
    documents.Claims,
)
