"""Pages far within lists of few documents."""

import typing
import unittest.mock

from freezer_api.db.sqlalchemy.search import counting, page_reading


class Counted:
    """Few documents are many here: each page behind the first document is far, and what isn't
    counted is counted before it is read.
    """

    #: How many documents of a list are counted when they aren't.
    catch_up_at = 2

    addCleanup: typing.Any

    def setUp(self):
        super().setUp()
        for module, name, value in (
            (page_reading, 'MIN_OFFSET', 1),
            (counting, 'CATCH_UP_AT', self.catch_up_at),
            (counting, 'BATCH_SIZE', 7),
        ):
            patch = unittest.mock.patch.object(module, name, value)
            patch.start()
            self.addCleanup(patch.stop)
