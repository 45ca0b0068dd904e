"""What becomes of what is written to a cluster of three nodes while it moves shards between them,
as it does when a node is added, emptied or too full.

Both copies are there all the time, and the term of a primary shard doesn't rise. What is on its
way to a node that has the shard no more the cluster itself sends on.
"""

import typing

import requests

from freezer_api import db, exceptions
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests.base import EXPLORING
from tests.contract import interception, stores
from tests.contract import test_elasticsearch_cluster as cluster
from tests.servers import process

#: How often all primaries, and all other copies, are moved.
MOVES = 8 if EXPLORING else 3
#: Who write, each by another node, and who read.
WRITERS, READERS = 3, 1
#: The writes of an operation with a part: its lock, the one that decides, and the one that applies.
WRITES = 3


class Reader:
    """One who looks whether all is there that writers were acknowledged before."""

    def __init__(self, project, writers):
        self.project, self.writers = project, writers
        self.reads = 0

    def act(self):
        """Read lists and jobs; an answer that is wrong ends the test."""
        try:
            self._read()
        except exceptions.StorageUnavailable:
            return
        self.reads += 1

    def _read(self):
        made = {kind: set() for kind in (JOBS, CLIENTS, SESSIONS)}
        for writer in self.writers:
            for kind, ids in writer.made.items():
                made[kind] |= ids.copy()
        for kind, ids in made.items():
            missing = ids - set(self.project.ids(kind, limit=10_000))
            assert not missing, f'acknowledged, and not in the list of {kind}: {missing}'
        for writer in self.writers:
            self._check_sessions(writer)

    def _check_sessions(self, writer):
        for job, before in list(writer.sessions.items())[-3:]:
            found = self.project.job(job)['session_id']
            possible = before | writer.sessions[job]
            assert found in possible, f'job {job} is in session {found}, not in {possible}'


@stores.on_stores(*cluster.CLUSTERS if EXPLORING else cluster.CLUSTERS[:2])
class Relocation(cluster.Checks):
    alone = True
    turned = False
    #: Else the cluster would move back what a test has moved.
    node_settings: typing.ClassVar = {'cluster.routing.rebalance.enable': 'none'}
    rounds = 1

    def test_shards_move_while_many_write_and_read(self):
        """Neither is anything lost that was acknowledged, nor half done, and nobody is refused for
        good.
        """
        shared = self.project.new_session(hold_off=0)
        projects = [self._at(number) for number in range(WRITERS + READERS)]
        writers = [
            cluster.Writer(project, shared, number)
            for number, project in enumerate(projects[:WRITERS])
        ]
        readers = [Reader(project, writers) for project in projects[WRITERS:]]
        moved = []

        def strike(further, stop):
            for _ in range(MOVES):
                for is_primary in (True, False):
                    if stop.is_set():
                        return
                    moved.extend(self._move(is_primary))
                further()

        self.while_writing(writers, strike, *(reader.act for reader in readers))
        self.assertEqual(2 * MOVES, self._of(moved))
        for reader in readers:
            self.assertGreater(reader.reads, 0)

    def test_primary_moves_before_each_write_of_an_operation(self):
        """Between the locks and the write that decides, for instance."""
        for number in range(1, WRITES + 1):
            with self.subTest(write=number):
                self._moved_before(number)

    def _moved_before(self, number):
        """Attach a job, while both shards move before one of the writes."""
        session, job = self.project.new_session(), self.project.new_job()
        project = self._at(0)
        writes = iter(range(1, 100))
        nodes = []

        def move(request):
            if request.writes and next(writes) == number:
                nodes.append(self._primaries())
                self._move(is_primary=True)
                nodes.append(self._primaries())
            return request()

        interception.intercept(project.storage, move)
        terms = self._terms()
        project.attach(session, job)
        before, after = nodes
        for index, node in before.items():
            self.assertNotEqual(node, after[index], index)
        self.assertEqual(terms, self._terms())
        self.assertIn(job, self.project.session(session)['jobs'])
        self.assertEqual(session, self.project.job(job)['session_id'])
        self.assertGreater(next(writes), WRITES)

    def _at(self, number):
        """The project by a process that asks one node first."""
        urls = self.cluster.urls
        first = number % len(urls)
        options = {**self.options[self.driver], 'hosts': urls[first:] + urls[:first]}
        storage = db.load(base.configured({**self.options, self.driver: options}))
        self.addCleanup(storage.close)
        return project_operations.Project(storage, self.project.scope)

    def _move(self, is_primary):
        """Move one copy of each index to the node that has none; which ones."""
        shards = self.cluster.shards('freezer_*')
        chosen = [shard for shard in shards if shard.is_primary == is_primary]
        self.cluster.move(*chosen)
        return chosen

    @staticmethod
    def _of(shards):
        """How many of them are of sessions."""
        return len([shard for shard in shards if shard.index.startswith('freezer_sessions')])

    def _primaries(self):
        """The node of each index's primary shard."""
        shards = self.cluster.shards('freezer_*')
        return {shard.index: shard.node for shard in shards if shard.is_primary}

    def _terms(self):
        """The terms of all primary shards."""
        answer = requests.get(
            f'{self.cluster.urls[0]}/_cluster/state/metadata/freezer_*',
            {'filter_path': '**.primary_terms'},
            timeout=process.ANSWER_SECONDS,
        )
        return answer.json()
