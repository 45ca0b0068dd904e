"""What operators rely on: the schema, health checks, processes that fork, and stores that go away
and come back.
"""

import collections.abc
import contextlib
import functools
import os
import shutil
import sys
import tempfile
import threading
import time
import typing

from freezer_api import exceptions
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract import base, operation, parallel
from tests import servers
from tests.base import EXPLORING, sample
from tests.contract import stores
from tests.servers import elasticsearch, mariadb, opensearch, postgresql

#: Nothing of this is told to callers.
INTERNAL = '(?i)sql|maria|postgres|elastic|index|node|cluster|http|socket|Traceback|/tmp'


stores.put_on_stores(sys.modules[__name__], operation.Operation)


class SQLiteThatFails(stores.SQLite):
    """A file whose folder can be moved out of reach."""

    @classmethod
    def make_options(cls):
        cls.folder = tempfile.mkdtemp(prefix='fz-sq-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.mkdir(f'{cls.folder}/here')
        return {'database': {'connection': f'sqlite:///{cls.folder}/here/db'}}

    def take_away(self, hard=False):
        os.rename(f'{self.folder}/here', f'{self.folder}/gone')
        self.storage.close()

    def bring_back(self):
        os.rename(f'{self.folder}/gone', f'{self.folder}/here')


class _ServerThatFails(base.ContractCase):
    """A server of the class's own, on which each class makes its options."""

    make: collections.abc.Callable[[], typing.Any]
    server: typing.Any
    #: How often it crashes while many write.
    crashes = 2

    @classmethod
    def make_options(cls):
        cls.server = cls.make()
        cls.addClassCleanup(cls.server.stop)
        return cls.options_of_server()

    @classmethod
    def options_of_server(cls):
        return {'database': {'connection': servers.create_database(cls.server.url)}}

    def take_away(self, hard=False):
        (self.server.kill if hard else self.server.halt)()

    def bring_back(self):
        self.server.start()


class MariaDBThatFails(_ServerThatFails):
    name = 'MariaDB'
    make = mariadb.MariaDB


class PostgreSQLThatFails(_ServerThatFails):
    name = 'PostgreSQL'
    make = postgresql.PostgreSQL


class _NodeThatFails(_ServerThatFails):
    """A node takes seconds to start."""

    share = 0.1
    driver = 'elasticsearch'
    crashes = 2 if EXPLORING else 1

    @classmethod
    def options_of_server(cls):
        return {
            'storage': {'driver': cls.driver},
            cls.driver: {'hosts': [cls.server.url], 'number_of_replicas': 0},
        }


@servers.needs(servers.ELASTICSEARCH8)
class Elasticsearch8ThatFails(_NodeThatFails):
    name = 'Elasticsearch8'
    make = functools.partial(elasticsearch.Node, elasticsearch.VERSION8)


@servers.needs(servers.ELASTICSEARCH9)
class Elasticsearch9ThatFails(_NodeThatFails):
    name = 'Elasticsearch9'
    make = functools.partial(elasticsearch.Node, elasticsearch.VERSION9)


@servers.needs(servers.OPENSEARCH2)
class OpenSearch2ThatFails(_NodeThatFails):
    name = 'OpenSearch2'
    driver = 'opensearch'
    make = functools.partial(opensearch.Node, opensearch.VERSION2)


@servers.needs(servers.OPENSEARCH3)
class OpenSearch3ThatFails(_NodeThatFails):
    name = 'OpenSearch3'
    driver = 'opensearch'
    make = functools.partial(opensearch.Node, opensearch.VERSION3)


SERVERS = (
    MariaDBThatFails,
    PostgreSQLThatFails,
    Elasticsearch8ThatFails,
    OpenSearch3ThatFails,
    Elasticsearch9ThatFails,
    OpenSearch2ThatFails,
)


@stores.on_stores(SQLiteThatFails, *SERVERS)
class Outages:
    alone = True

    def setUp(self):
        super().setUp()
        self.project.put_client('a')
        self.session = self.project.new_session()
        self.job = self.project.new_job(session_id=self.session)
        self.calls = (
            lambda: self.project.get(CLIENTS, 'a'),
            lambda: self.project.page(SESSIONS),
            lambda: self.project.put_client('a'),
            lambda: self.project.attach(self.session, self.job),
            lambda: self.project.start(self.session, self.job, 0),
            lambda: self.project.records(self.session),
            lambda: self.project.new_job('new'),
            lambda: self.project.delete_job('new'),
            lambda: self.project.put_action('a', action='info'),
            self.storage.check,
            self.storage.version,
        )

    def test_calls_are_unavailable_while_the_store_is_away(self):
        before = self.project.get(SESSIONS, self.session)
        self.take_away()
        try:
            for call in self.calls:
                with self.assertRaises(exceptions.StorageUnavailable) as caught:
                    call()
                self.assertNotRegex(caught.exception.message, INTERNAL)
            # A process may start while its store is away.
            late = self.make_storage()
            self.assertRaises(exceptions.StorageUnavailable, late.check)
        finally:
            self.bring_back()
        self.assertEqual(before, self.project.get(SESSIONS, self.session))
        late.check()
        for call in self.calls:
            call()


@stores.on_stores(*SERVERS if EXPLORING else SERVERS[:4])
class Restarts:
    alone = True

    def test_next_call_after_a_restart_works(self):
        """Whatever it is, and although every connection that is kept is dead."""
        self.project.put_client('a')
        session = self.project.new_session()
        job = self.project.new_job(session_id=session)
        acts = {
            'read': lambda: self.project.get(CLIENTS, 'a'),
            'create': lambda: self.project.put_client('b'),
            'start': lambda: self.project.start(session, job, 0),
        }
        for name in sample(self.share, acts, self.name):
            parallel.threads(8, lambda number: self.project.put_client(f'c{number}'))
            parallel.threads(8, lambda number: self.project.page(CLIENTS))
            self.take_away(hard=True)
            self.bring_back()
            with self.subTest(first=name):
                acts[name]()

    def test_what_was_acknowledged_outlives_a_crash(self):
        session = self.project.new_session(hold_off=0)
        jobs = parallel.members(self.project, session, 6)
        stop = threading.Event()

        def act(number):
            acknowledged = []
            while not stop.is_set():
                id = f'j{number}-{len(acknowledged)}'
                with contextlib.suppress(exceptions.StorageUnavailable):
                    self.project.new_job(id, session_id=session)
                    acknowledged.append(id)
                with contextlib.suppress(exceptions.StorageUnavailable):
                    self.project.start(session, jobs[number], 0)
                    self.project.end(session, jobs[number])
            return acknowledged

        def crash(number):
            if number:
                return act(number - 1)
            try:
                for _ in range(self.crashes):
                    time.sleep(0.4)
                    self.take_away(hard=True)
                    self.bring_back()
            finally:
                stop.set()
            return []

        made = {id for ids in parallel.threads(7, crash) for id in ids}
        all_jobs = self.project.page(JOBS, limit=10_000).documents
        stored = {document.id: document.body for document in all_jobs}
        self.assertLessEqual(made, set(stored))
        members = set(self.project.session(session)['jobs'])
        self.assertEqual(
            members, {id for id, body in stored.items() if body['session_id'] == session}
        )
        self.assertLessEqual(made, members)
        self.project.start(session, jobs[0], self.project.session(session)['session_tag'])
