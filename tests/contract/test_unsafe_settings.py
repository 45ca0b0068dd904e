"""What storages say of settings by which they may lose, or hide, what they have acknowledged.

Clusters of several nodes are in :mod:`.test_elasticsearch_partitions`.
"""

import tempfile

import requests
import testtools

from freezer_api import db
from freezer_api.tests.contract import base
from tests import servers
from tests.contract import stores
from tests.servers import mariadb

#: Servers of the test run don't wait for disks: see :mod:`tests.servers`.
OF_TEST_RUN = {
    'SQLite': ['[database] sqlite_synchronous'],
    'PostgreSQL': ['fsync', 'full_page_writes'],
}


def names(sentences):
    """The settings that sentences begin with."""
    return [sentence.partition(' is ')[0] for sentence in sentences]


@stores.on_stores(*stores.SQL_STORES)
class UnsafeSettings:
    """The databases of the test run."""

    def test_each_unsafe_setting_is_named(self):
        found = self.storage.unsafe_settings()
        self.assertEqual(OF_TEST_RUN.get(self.name, []), names(found))
        for sentence in found:
            self.assertRegex(sentence, r' is \w+: .*acknowledged.*\. Set it to \w+\.$')


@stores.on_stores(*stores.CLUSTERS)
class UnsafeIndices:
    """Indices of the test's own, in a cluster of one node."""

    alone = True

    def test_index_that_does_not_wait_for_the_disk_is_named(self):
        client = self.storage.client
        alias, of_another = client.alias('jobs'), client.alias('other_jobs')
        settings = {'index': {'translog': {'durability': 'async'}}}
        self.put(of_another, {'settings': settings})
        self.assertEqual([], self.storage.unsafe_settings())
        self.put(f'{alias}/_settings', settings)
        (sentence,) = self.storage.unsafe_settings()
        self.assertIn(f'index.translog.durability is async of {alias}', sentence)
        self.assertNotIn(of_another, sentence)

    def put(self, path, body):
        url = f'{self.storage.client.conf.hosts[0]}/{path}'
        requests.put(url, json=body, timeout=60).raise_for_status()


class UnsafeDatabases(testtools.TestCase):
    """Databases that were configured otherwise."""

    def unsafe(self, connection):
        """What a storage says of a database, by the options as they are by default."""
        storage = db.load(base.configured({'database': {'connection': connection}}))
        self.addCleanup(storage.close)
        return storage.unsafe_settings()

    def test_sqlite_that_waits_for_the_disk_is_safe(self):
        folder = tempfile.TemporaryDirectory(prefix='fz-us-')
        self.addCleanup(folder.cleanup)
        self.assertEqual([], self.unsafe(f'sqlite:///{folder.name}/db'))

    def test_mariadb_that_does_not_wait_for_the_disk_is_unsafe(self):
        server = mariadb.MariaDB('--innodb-flush-log-at-trx-commit=2')
        self.addCleanup(server.stop)
        found = self.unsafe(servers.create_database(server.url))
        self.assertEqual(['innodb_flush_log_at_trx_commit'], names(found))
