"""What becomes of a cluster of three nodes, and of what is written to it, while nodes of it are
killed.
"""

import collections.abc
import contextlib
import functools
import threading

from freezer_api import exceptions
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS
from freezer_api.tests.contract import base, parallel
from tests import servers
from tests.base import EXPLORING
from tests.contract import stores
from tests.servers import elasticsearch, opensearch

#: Seconds in which something must come to happen, on a machine that is busy as well.
PATIENCE = 120
#: Who write at once, and what each must have been acknowledged before, during and after the loss of
#: a node.
WRITERS, ROUNDS = 4, 3


class _InCluster(base.ContractCase):
    """Three nodes of the class's own; each document has a copy on a second one."""

    make: collections.abc.Callable[..., elasticsearch.Cluster]
    driver = 'elasticsearch'
    #: Settings of the nodes, and options of the driver, that a class needs besides.
    node_settings: collections.abc.Mapping[str, str] = {}
    driver_options: collections.abc.Mapping[str, object] = {}

    @classmethod
    def make_options(cls):
        cls.cluster = cls.make(**cls.node_settings)
        cls.addClassCleanup(cls.cluster.stop)
        return {
            'storage': {'driver': cls.driver},
            'sessions': {'runs_kept': 0},
            cls.driver: {
                'hosts': cls.cluster.urls,
                'number_of_replicas': 1,
                'timeout': 5,
                **cls.driver_options,
            },
        }


@servers.needs(servers.ELASTICSEARCH8)
class Cluster8(_InCluster):
    name = 'Elasticsearch8'
    make = functools.partial(elasticsearch.Cluster, elasticsearch.VERSION8)


@servers.needs(servers.ELASTICSEARCH9)
class Cluster9(_InCluster):
    name = 'Elasticsearch9'
    make = functools.partial(elasticsearch.Cluster, elasticsearch.VERSION9)


@servers.needs(servers.OPENSEARCH2)
class ClusterOfOpenSearch2(_InCluster):
    name = 'OpenSearch2'
    driver = 'opensearch'
    make = functools.partial(opensearch.Cluster, opensearch.VERSION2)


@servers.needs(servers.OPENSEARCH3)
class ClusterOfOpenSearch3(_InCluster):
    name = 'OpenSearch3'
    driver = 'opensearch'
    make = functools.partial(opensearch.Cluster, opensearch.VERSION3)


CLUSTERS = (Cluster9, ClusterOfOpenSearch3, Cluster8, ClusterOfOpenSearch2)


class Writer:
    """One who acts on a session that all share and on one of its own, and remembers what was
    acknowledged.
    """

    def __init__(self, project, shared, number):
        self.project, self.shared, self.number = project, shared, number
        self.own = project.new_session(f'own-{number}', hold_off=0)
        self.reporter = project.new_job(f'reporter-{number}', session_id=self.own)
        self.made = {JOBS: set(), CLIENTS: set(), SESSIONS: {self.own}}
        #: The session of each job that is known to have been attached or moved; the results of the
        #: own session's runs.
        self.sessions, self.results = {}, {}
        #: The tags of runs of the own session that it was told to have begun.
        self.begun = set()
        self.gone = set()
        self.rounds = self.refused = 0

    def act(self):
        """Do a bit of everything; whatever isn't acknowledged may have happened, or not."""
        id = f'{self.number}-{self.rounds}-{self.refused}'
        tried = [
            self._try(step, id)
            for step in (self._create, self._attach, self._move, self._run, self._delete)
        ]
        self.rounds, self.refused = self.rounds + all(tried), self.refused + (not all(tried))

    def _try(self, step, id):
        try:
            step(id)
        except exceptions.StorageUnavailable:
            return False
        return True

    def _create(self, id):
        self.project.put_client(id)
        self.made[CLIENTS].add(id)
        self.project.new_session(id)
        self.made[SESSIONS].add(id)

    def _attach(self, id):
        for job in (f'{id}-a', f'{id}-b'):
            self.project.new_job(job)
            self.made[JOBS].add(job)
            self.project.attach(self.shared, job)
            self.sessions[job] = {self.shared}

    def _move(self, id):
        job = f'{id}-a'
        if job in self.sessions:
            self.sessions[job] = {self.shared, self.own}
            self.project.attach(self.own, job)
            self.sessions[job] = {self.own}

    def _run(self, id):
        tag = self.project.session(self.own)['session_tag']
        result, tag = self.project.start(self.own, self.reporter, tag)
        if result == 'success':
            self.begun.add(tag)
            self.project.end(self.own, self.reporter, tag)
            self.results[tag] = 'success'

    def _delete(self, id):
        self.project.new_job(f'{id}-c', session_id=self.shared)
        self.project.delete_job(f'{id}-c')
        self.gone.add(f'{id}-c')


class Checks:
    """How far writers have come, and whether all that they were told is so."""

    #: What each writer must have been acknowledged between two faults.
    rounds = ROUNDS

    def while_writing(self, writers, strike, *others):
        """Let all write, and ``others`` do what they do again and again, while faults ``strike``;
        nothing is lost or half done, and it goes on. ``strike`` is given what waits until all have
        written further, and an event that says that it is over.
        """
        stop, moved = threading.Event(), threading.Condition()

        def repeat(act):
            with self.waking(moved, stop):
                while not stop.is_set():
                    act()
                    with moved:
                        moved.notify_all()

        def break_off():
            with self.waking(moved, stop):
                strike(lambda: self.further(writers, moved, stop), stop)

        acts = [*(writer.act for writer in writers), *others]
        parallel.threads(
            1 + len(acts),
            lambda number: repeat(acts[number - 1]) if number else break_off(),
        )
        self.nothing_is_lost(writers)
        self.agrees()
        writers[0].act()

    @staticmethod
    @contextlib.contextmanager
    def waking(moved, stop):
        """Let all others end as well at the end of one."""
        try:
            yield
        finally:
            stop.set()
            with moved:
                moved.notify_all()

    def further(self, writers, moved, stop):
        """Wait until each writer has done some further rounds."""
        goals = [writer.rounds + self.rounds for writer in writers]
        with moved:
            self.assertTrue(
                moved.wait_for(
                    lambda: (
                        stop.is_set()
                        or all(
                            writer.rounds >= goal
                            for writer, goal in zip(writers, goals, strict=True)
                        )
                    ),
                    PATIENCE,
                ),
                'it does not go on',
            )

    def nothing_is_lost(self, writers, project=None):
        """All that writers were told is so, as a process sees it."""
        project = project or self.project
        there = {kind: set(project.ids(kind, limit=10_000)) for kind in (JOBS, CLIENTS, SESSIONS)}
        for writer in writers:
            for kind, ids in writer.made.items():
                self.assertLessEqual(ids, there[kind])
            self.assertEqual(set(), writer.gone & there[JOBS])
            for job, sessions in writer.sessions.items():
                self.assertIn(project.job(job)['session_id'], sessions)
            records = {record.tag: record for record in project.records(writer.own)}
            self.assertLessEqual(writer.begun, set(records))
            for tag, result in writer.results.items():
                self.assertEqual(result, records[tag].jobs[writer.reporter]['result'])

    def agrees(self):
        """Jobs and sessions name each other, and lists show what is there."""
        jobs = {
            document.id: document.body
            for document in self.project.page(JOBS, limit=10_000).documents
        }
        for document in self.project.page(SESSIONS, limit=10_000).documents:
            members = {id for id, body in jobs.items() if body['session_id'] == document.id}
            self.assertEqual(
                (members, members),
                (set(document.body['jobs']), set(self.project.session(document.id)['jobs'])),
            )
        for id, body in jobs.items():
            self.assertEqual(body, self.project.job(id))


@stores.on_stores(*CLUSTERS if EXPLORING else CLUSTERS[:2])
class FailOver(Checks):
    alone = True
    turned = False

    def test_nodes_are_killed_while_many_write(self):
        """Neither is anything lost that was acknowledged, nor half done, and it goes on by
        itself.
        """
        shared = self.project.new_session(hold_off=0)
        writers = [Writer(self.project, shared, number) for number in range(WRITERS)]
        self.while_writing(writers, self._lose_nodes)

    def _lose_nodes(self, further, _stop):
        """Kill one that isn't the master and then the one that is, each in the midst of writes, and
        let it come back.
        """
        further()
        for is_master in (False, True):
            master = self.cluster.master()
            lost = (
                master
                if is_master
                else next(node for node in self.cluster.nodes if node is not master)
            )
            lost.kill()
            further()
            lost.start()
            self.cluster.settle()
            further()
