"""What operators rely on: the schema, health checks, and processes that fork."""

import os
import sys

from freezer_api import exceptions
from freezer_api.domain.documents import CLIENTS
from freezer_api.tests.contract import base, parallel


class Operation:
    def test_empty_store_is_unavailable_until_the_sync(self):
        storage = self._empty()
        self.assertIsNone(storage.version())
        self.assertRaises(exceptions.StorageUnavailable, storage.check)
        self.assertRaises(
            exceptions.StorageUnavailable, self.in_project('p', storage).get, CLIENTS, 'a'
        )
        storage.sync()
        storage.check()
        version = storage.version()
        self.assertIsInstance(version, str)
        self.in_project('p', storage).put_client('a')
        storage.sync()
        self.assertEqual(version, storage.version())
        self.assertEqual(1, self.in_project('p', storage).get(CLIENTS, 'a').version)

    def test_several_processes_make_the_schema_at_once(self):
        options = self.make_own_options()
        parallel.processes(parallel.sync, [(options,)] * 3)
        storage = self.make_storage(base.configured(options))
        storage.check()
        self.in_project('p', storage).put_client('a')

    def test_connections_that_were_given_up_are_opened_again(self):
        self.project.put_client('a')
        for _ in range(2):
            self.storage.close()
            self.assertEqual('a', self.project.get(CLIENTS, 'a').id)

    def test_forked_processes_read_and_write(self):
        self.project.put_client('a')
        children = []
        for number in range(2):
            child = os.fork()
            if not child:
                self._in_child(
                    lambda number=number: (
                        self.project.get(CLIENTS, 'a'),
                        self.project.put_client(f'c{number}'),
                    )
                )
            children.append(child)
        for number in range(20):
            self.project.put_client('a', description=f'{number}')
        self.assertEqual(
            [0, 0], [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        )
        self.assertEqual(21, self.project.get(CLIENTS, 'a').version)
        self.assertEqual({'a', 'c0', 'c1'}, set(self.project.ids(CLIENTS)))

    @staticmethod
    def _in_child(act):
        """Act, and end this process without anything that its parent's tests would do at their
        end.
        """
        try:
            act()
            os._exit(0)
        except BaseException as error:
            sys.__stderr__.write(f'{error!r}\n')
            os._exit(1)

    def _empty(self):
        return self.make_storage(base.configured(self.make_own_options()))
