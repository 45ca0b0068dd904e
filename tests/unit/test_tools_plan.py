"""Which store a class of tests is on, by its name (``tools/plan.py``, ``tools/summary.py``)."""

import testtools
from tools import plan, summary

from tests import servers

COST = 'tests.contract.test_elasticsearch_cost.'


class TestStores(testtools.TestCase):
    def test_store_is_behind_the_last_on(self):
        for name in ('RequestsOnElasticsearch8', 'WorkedOutOnceOnElasticsearch8'):
            self.assertEqual((servers.ELASTICSEARCH8,), plan.needed(COST + name), name)
            self.assertEqual('contract, Elasticsearch8', summary.part(COST + name), name)

    def test_class_without_a_store_may_need_all_servers(self):
        self.assertEqual(
            servers.NAMES, plan.needed('tests.contract.test_third_party.TestThirdParty')
        )
        self.assertEqual('contract, other', summary.part('tests.contract.test_third_party.Test'))
