"""A Galera cluster that is written through two nodes: neither's row locks are seen by the other
one.

What has been read may be changed at the other node meanwhile. That is noticed if both transactions
have written one row.
"""

import unittest
import unittest.mock

import pymysql

from freezer_api import db, exceptions
from freezer_api.db.base import Scope, Store, TrustGone
from freezer_api.db.sqlalchemy.search import counting, page_reading, terms
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS, TRUSTS
from freezer_api.tests.contract import base, bodies, concurrency, parallel, project_operations
from freezer_api.tests.contract.trusts import give
from tests import servers
from tests.servers import galera

ROUNDS = 100


class Galera(base.ContractCase):
    """A database in the cluster of the test run, with one storage on each node."""

    name = 'Galera'
    turned = False

    @classmethod
    def make_options(cls):
        first, second = servers.address(servers.GALERA).split()
        url = servers.create_database(first)
        cls.addClassCleanup(servers.drop_database, url)
        servers.await_database(second, url)
        cls.other_options = {'database': {'connection': servers.database_in(second, url)}}
        return {'database': {'connection': url}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.storages = cls.storage, cls.make_storage(base.configured(cls.other_options))

    def setUp(self):
        super().setUp()
        scope = Scope(self.project.project_id)
        self.one, self.two = (
            project_operations.Project(storage, scope) for storage in self.storages
        )

    def at_once(self, first, second):
        """What two calls return, the one at the first node, the other one at the second."""
        return parallel.threads(2, lambda who: (first, second)[who]())

    def count(self, race, rounds=ROUNDS):
        """How many of so many rounds tell of a fault; each is given a number."""
        return sum(race(f'{number}') for number in range(rounds))


class Races(Galera):
    """Two callers at once, one at each node."""

    def test_nodes_that_do_not_wait_for_their_disks_are_safe(self):
        """What one has not written yet when its machine fails the others have."""
        self.assertEqual([], self.storage.unsafe_settings())

    def test_job_follows_an_action_that_changes(self):
        def race(number):
            self.one.put_action(number, action='info', log='old')
            self.at_once(
                lambda: take(self.one, f'j{number}', number),
                lambda: self.two.put_action(number, action='info', log='new'),
            )
            (entry,) = self.one.job(f'j{number}')['job_actions']
            return entry['freezer_action'] != self.one.get(ACTIONS, number).body['freezer_action']

        self.assertEqual(0, self.count(race))

    def test_job_keeps_no_action_that_goes(self):
        def race(number):
            self.one.put_action(number, action='info')
            job, _ = self.at_once(
                lambda: take(self.one, f'j{number}', number), lambda: self.two.delete_action(number)
            )
            return job is not None and self.one.job(f'j{number}')['job_actions'] != []

        self.assertEqual(0, self.count(race))

    def test_document_deleted_at_one_node_is_not_counted_at_the_other(self):
        self.enterContext(unittest.mock.patch.object(counting, 'CATCH_UP_AT', 1))
        self.enterContext(unittest.mock.patch.object(page_reading, 'MIN_OFFSET', 1))
        (term,) = terms.of_lists(CLIENTS, (self.project.project_id,))
        database = self.storages[0].database

        def race(number):
            ids = [f'{number:>05}{letter}' for letter in 'ab']
            for id in ids:
                self.one.put_client(id)
            self.at_once(
                lambda: counting.catch_up(database, term),
                lambda: self.two.write(CLIENTS, ids[0], None),
            )
            left = self.one.ids(CLIENTS, limit=ROUNDS)
            last = self.two.ids(CLIENTS, offset=max(1, len(left) - 1))
            return len(left) > 1 and last != left[-1:]

        self.assertEqual(0, self.count(race))
        self.assertEqual(ROUNDS, len(self.two.ids(CLIENTS, limit=2 * ROUNDS)))

    def test_trust_is_either_given_or_ended(self):
        def race(number):
            self.one.put_trust(number)
            job, ended = self.at_once(
                lambda: given(self.one, f'j{number}', number), lambda: self.two.end_trust(number)
            )
            self.assertEqual(ended, self.one.missing(TRUSTS, number))
            return bool(job) == ended

        self.assertEqual(0, self.count(race))

    def test_trust_ends_once_for_two_last_jobs(self):
        """Who drops the last one ends it; of two that drop one each, exactly one is the last."""

        def race(number):
            self.one.put_trust(number)
            jobs = [f'{who}{number}' for who in 'ab']
            for job in jobs:
                give(self.one, job, number)

            def drop(who):
                project = (self.one, self.two)[who]
                project.delete_job(jobs[who])
                return project.end_trust(number)

            return sum(parallel.threads(2, drop)) != 1

        self.assertEqual(0, self.count(race))

    def test_one_claim_is_won_once(self):
        def race(number):
            kind, id = (CLIENTS, JOBS)[int(number) % 2], bodies.new_id()
            one, two = (self.in_project(bodies.new_id(), storage) for storage in self.storages)
            won = self.at_once(lambda: claim(one, kind, id), lambda: claim(two, kind, id))
            return sum(won) != 1 or won != [not project.missing(kind, id) for project in (one, two)]

        self.assertEqual(0, self.count(race))

    def test_id_created_at_both_nodes_counts_both_writes(self):
        def race(number):
            def put(who):
                project = (self.one, self.two)[who]
                project.put_session(number, description=f'{who}')
                project.put_job(number, bodies.job_body(number, 'p', description=f'{who}'))
                project.put_action(number, action='info', log=f'{who}')
                project.put_client(number, description=f'{who}')

            parallel.threads(2, put)
            kinds = (SESSIONS, JOBS, ACTIONS, CLIENTS)
            return {2} != {self.one.get(kind, number).version for kind in kinds}

        self.assertEqual(0, self.count(race))

    def test_what_is_written_at_one_node_is_read_at_the_other(self):
        session = self.one.new_session()

        def race(number):
            job = self.one.new_job(session_id=session)
            return (
                session != self.two.job(job)['session_id']
                or job not in self.two.session(session)['jobs']
                or [job] != self.two.ids(JOBS, [{'job_id': job}])
            )

        self.assertEqual(0, self.count(race))

    def test_many_jobs_follow_one_action_that_changes(self):
        self.one.put_action('a', action='info', log='first')

        def act(number):
            project = (self.one, self.two)[number // 2 % 2]
            for step in range(5):
                if number % 2:
                    take(project, f'j{number}-{step}', 'a')
                else:
                    project.put_action('a', action='info', log=f'{number}-{step}')

        parallel.threads(12, act)
        action, jobs = self.one.get(ACTIONS, 'a'), self.one.page(JOBS).documents
        self.assertEqual(31, action.version)
        self.assertEqual(30, len(jobs))
        self.assertEqual(
            {action.body['freezer_action']['log']},
            {job.body['job_actions'][0]['freezer_action']['log'] for job in jobs},
        )


class Refusals(base.ContractCase):
    """A node that serves nobody, as one does that has lost sight of the others."""

    name = 'Galera'

    @classmethod
    def make_options(cls):
        # Of its own, for the other one is used by other tests at the same time.
        cls.cluster = galera.Galera()
        cls.addClassCleanup(cls.cluster.stop)
        cls.node = cls.cluster.nodes[0]
        return {'database': {'connection': servers.create_database(cls.node.url)}}

    def test_refusing_node_is_unavailable_until_it_is_back(self):
        job = self.project.new_job()
        self._refuse('ALL')
        for call in (lambda: self.project.job(job), self.project.new_job, self.storage.check):
            self.assertRaises(exceptions.StorageUnavailable, call)
        self._refuse('NONE')
        self.assertEqual(job, self.project.job(job)['job_id'])
        self.project.new_job()

    def _refuse(self, what):
        # SQLAlchemy would ask the server something first.
        with pymysql.connect(unix_socket=self.node.socket, user='root') as connection:
            connection.cursor().execute(f'SET GLOBAL wsrep_reject_queries = {what}')


class Syncs(unittest.TestCase):
    """Two processes make the schema at once, one at each node, in several databases."""

    STORES = 6

    def test_schema_is_made_at_both_nodes_at_once(self):
        first, second = servers.address(servers.GALERA).split()
        urls = [servers.create_database(first) for _ in range(self.STORES)]
        for url in urls:
            self.addCleanup(servers.drop_database, url)
            servers.await_database(second, url)
        elsewhere = [servers.database_in(second, url) for url in urls]
        parallel.processes(sync_all, [(urls,), (elsewhere,)])
        for url in urls:
            storage = db.load(base.configured({'database': {'connection': url}}))
            storage.check()
            project_operations.Project(storage, Scope('p')).new_job()
            storage.close()


class ConcurrentJobsOnGalera(concurrency.ConcurrentJobs, Galera):
    """The members of one session, half of them at each node."""

    def live(self, session, jobs, life):
        def one(number):
            return life((self.one, self.two)[number % 2], session, jobs[number])

        return [told for lived in parallel.threads(len(jobs), one) for told in lived]


def sync_all(urls):
    """Make the schema of several databases."""
    for url in urls:
        parallel.sync({'database': {'connection': url}})


def take(project, job, action):
    """Make a job that has an action as it is; None if the action is gone."""

    def change(current, stored, now):
        if action not in stored:
            raise exceptions.Unprocessable('gone')
        return Store(
            bodies.job_body(
                job,
                project.project_id,
                job_actions=[bodies.entry(action, stored[action].body['freezer_action'])],
            )
        )

    try:
        return project.storage.write_job(project.scope, job, change, (action,))
    except exceptions.Unprocessable:
        return None


def given(project, job, trust):
    """Make a job that has a trust; None if that is gone."""
    try:
        return give(project, job, trust)
    except TrustGone:
        return None


def claim(project, kind, id):
    """Make a central client, or a job on one; whether nobody else has the id."""
    try:
        if kind == CLIENTS:
            project.put_client(id, central=True)
        else:
            project.put_job(id, bodies.job_body(id, project.project_id, _central=True))
    except exceptions.Conflict:
        return False
    return True
