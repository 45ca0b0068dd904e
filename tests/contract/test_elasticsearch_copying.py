"""Copies into Elasticsearch of which one request was carried out in part, as it is when a node goes
away in the midst of it.
"""

import itertools
import random

from freezer_api import exceptions
from freezer_api.db import copying
from freezer_api.db.base import RUNS
from freezer_api.domain.documents import SESSIONS
from freezer_api.tests.contract import copying as cases
from tests.contract import interception, stores

MANY = 12


def in_part(storage, number, chosen):
    """Let a storage send only those documents of its ``number``-th request to store that are
    ``chosen`` by their place.
    """
    numbers = itertools.count(1)

    def partly(request):
        if not request.writes or next(numbers) != number:
            return request()
        lines = []
        for at in range(len(request.body) // 2):
            if chosen(at):
                lines += request.body[2 * at : 2 * at + 2]
        request.send(lines)
        raise exceptions.StorageUnavailable()

    interception.intercept(storage, partly)


@stores.on_stores(*stores.ONE_OF_EACH)
class RequestsCarriedOutInPart(cases.CopyCase):
    def setUp(self):
        super().setUp()
        self.source, self.target = self.empty(), self.empty()
        self.source.restore(
            [cases.client(number, central=number % 3 == 0) for number in range(MANY)]
        )
        self.source.restore([cases.session(id) for id in 'sabr'])
        self.source.restore([cases.record(id, tag) for id in 'abs' for tag in (1, 2, 5)])

    def _go_on(self):
        copying.copy(self.source, self.target, cases.unseen)
        self.assertEqual(cases.everything(self.source), cases.everything(self.target))

    def _break_off(self, number, chosen):
        other = self.make_storage(self.target.conf)
        in_part(other, number, chosen)
        self.assertRaises(
            exceptions.StorageUnavailable, copying.copy, self.source, other, cases.unseen
        )

    def test_the_order_is_the_sources(self):
        chosen = (lambda at: at % 2, lambda at: at > 1, lambda at: at == 1)
        for number, kind in enumerate(('clients', SESSIONS, RUNS, 'the records of sessions'), 1):
            with self.subTest(kind):
                self.target = self.empty()
                for some in chosen:
                    self._break_off(number, some)
                    number = 1
                self._go_on()

    def test_again_and_again(self):
        for seed in range(2):
            choose = random.Random(seed)
            self.target = self.empty()
            for _ in range(8):
                self._break_off(1, lambda at, choose=choose: choose.random() < 0.3)
            self._go_on()
