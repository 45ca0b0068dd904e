"""What operations that broke off, and sessions whose runs have lapsed, cost those who come later
in Elasticsearch; and how large a request can be.
"""

import dataclasses
import functools

from freezer_api import exceptions
from freezer_api.db.base import Entry
from freezer_api.db.elasticsearch import codec, transactions
from freezer_api.db.elasticsearch.commits import lines, outcomes, store
from freezer_api.db.elasticsearch.connections import client
from freezer_api.db.elasticsearch.indices import mappings
from freezer_api.domain import search_pairs, session_state
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS, Document
from freezer_api.tests.contract import bodies, project_operations
from tests.contract import fault_cases, faults, interception, stores

#: More than come beside a page.
MANY = 120
#: More than a page of 100, and than are completed at once.
LAPSED = 500


class _Counting(fault_cases.FaultCases):
    """A driver of the test's own, whose requests are counted."""

    def setUp(self):
        super().setUp()
        self.one = self.make_storage()
        self.one.clock = self.clock
        self.requests = []
        interception.intercept(self.one, self._record)
        self.project = self.in_project(f'p-{bodies.new_id()}', self.one)

    def _record(self, request):
        self.requests.append(request)
        return request()

    def of(self, call):
        """What a call returns, and how many requests it sends."""
        self.requests.clear()
        result = call()
        return result, len(self.requests)

    def raw(self, kind, project_id):
        """All that is kept of a project, whether it is a document or not."""
        alias = self.one.client.alias(kind)
        self.one.client.call('POST', f'/{alias}/_refresh')
        body = {'query': {'term': {'project': project_id}}, 'size': 1000}
        _, answer = self.one.client.call('POST', f'/{alias}/_search', body)
        return answer['hits']['hits']


@stores.on_stores(*stores.ONE_OF_EACH)
class DeadOwners(_Counting):
    def _void_locks(self, number):
        """Jobs with locks of transactions whose owners are dead."""
        ids = [self.project.new_job() for _ in range(number)]
        keys = [codec.key(JOBS, self.project.project_id, id) for id in ids]
        documents = self.one.transactions.committer.store
        writes = []
        for key, found in documents.get_all(keys).items():
            lock = {
                'name': bodies.new_id(),
                'primary': [SESSIONS, f'{self.project.project_id}/gone'],
                'at': [found.index, 7, 1],
                'after': {**found.value.dump(), 'id': 'other'},
            }
            writes.append(documents.put(found, found.value, {'lock': lock}))
            self.assertEqual(JOBS, key[0])
        self.assertTrue(all(documents.write(writes)))
        return ids

    def test_committed_change_is_found_among_many_void_locks(self):
        """Also by an offset, beside which not all of them come."""
        outcomes.LOCK_TIMEOUT = 60
        ids = self._void_locks(MANY)
        session, job = self.project.new_session(), self.project.new_job()
        killed = project_operations.Project(faults.killing(self, 2).storage, self.project.scope)
        with self.assertRaises(faults.Killed):
            killed.attach(session, job)
        self.assertEqual([job], self.project.ids(JOBS, [{'session_id': session}]))
        others = self.project.ids(JOBS, match_not=[{'session_id': session}], offset=1, limit=200)
        self.assertEqual(ids[1:], others)

    def test_polls_cost_little_after_a_while(self):
        outcomes.LOCK_TIMEOUT = 0
        self._void_locks(MANY)
        poll = functools.partial(self.project.ids, JOBS, [{'client_id': 'client'}])
        # The first one comes to know them; then each takes some of them away.
        for number in range(6):
            poll(offset=number % 2)
        for offset in (0, 2):
            _, number = self.of(functools.partial(poll, offset=offset))
            self.assertEqual(2, number, [request.path for request in self.requests])

    def test_look_up_takes_locks_away_and_leaves_the_documents(self):
        """A look-up finds ids alone: what is written in place of a lock is read before."""
        outcomes.LOCK_TIMEOUT = 0
        ids = self._void_locks(3)
        before = [self.project.job(id) for id in ids]
        pair = search_pairs.trust_pair('t')
        # The first one comes to know the locks, the second one takes them away.
        for _ in range(2):
            self.assertEqual([], self.one.finder.having(JOBS, self.project.project_id, pair))
        marks = [hit['_source']['doc']['mark'] for hit in self.raw(JOBS, self.project.project_id)]
        self.assertEqual([{}, {}, {}], marks)
        self.assertEqual(before, [self.project.job(id) for id in ids])

    def test_purge_leaves_nothing_wherever_an_operation_broke_off(self):
        for name in ('overtake', 'delete s', 'new job', 'centralise', 'attach n', 'delete new'):
            for number in range(1, self.requests_of(name) + 1):
                scenario = faults.Scenario(self)
                faulty = faults.killing(self, number)
                faults.outcome(scenario.operations(faulty.storage)[name])
                self.storage.purge(scenario.project_id)
                left = {
                    kind: [hit['_source'] for hit in self.raw(kind, scenario.project_id)]
                    for kind in mappings.KINDS
                }
                with self.subTest(name=name, number=number):
                    self.assertEqual({kind: [] for kind in mappings.KINDS}, left)
                    self.assertEqual([], self.kept(scenario))

    def kept(self, scenario):
        """What is kept under ids of a scenario, whatever project it says to be of."""
        keys = [
            codec.key(kind, scenario.project_id, id)
            for kind, ids in scenario.ids.items()
            for id in ids
        ]
        found = self.storage.transactions.committer.store.get_all(keys)
        return [key for key, one in found.items() if one.seq_no is not None]

    def requests_of(self, name):
        """How many writes an operation does."""
        return fault_cases.FaultCases.requests(self, name)

    def test_dangling_claim_is_looked_up_in_an_end(self):
        claim = codec.claim_value(CLIENTS, self.project.project_id, 'dangling')
        documents = self.one.transactions.committer.store
        found = documents.get(claim.key)
        self.assertTrue(all(documents.write([documents.put(found, claim, {})])))

        def refuse(request):
            if request.writes:
                raise exceptions.StorageUnavailable
            return request()

        interception.intercept(self.one, refuse)
        self.assertIsNone(self.one.claimed(CLIENTS, 'dangling'))


@stores.on_stores(*stores.ONE_OF_EACH)
class ManyLapsed(_Counting):
    """A project with many sessions whose runs have lapsed."""

    def setUp(self):
        super().setUp()
        session = self.project.new_session('one', hold_off=60)
        for _ in range(2):
            self.job = self.project.new_job(session_id=session)
        self.project.start(session, self.job, 0)
        self.project.end(session, self.job, 1)
        outcome = self.project.decide('one', lambda found, now, record: session_state.Keep(found))
        entries = []
        for number in range(LAPSED):
            id = f's{number:03}'
            content = dataclasses.replace(outcome.session, session_id=id)
            entries.append(Entry(SESSIONS, self.project.project_id, id, content))
        self.one.restore(entries)
        self.clock.advance(61)

    def test_one_is_found_by_as_many_requests_as_without_the_others(self):
        done = {'status': 'completed'}
        for match in ([{'session_id': 's400'}], [{'session_id': 's401'}, done]):
            found, number = self.of(lambda match=match: self.project.ids(SESSIONS, match))
            self.assertEqual([match[0]['session_id']], found)
            # One more settles it.
            self.assertEqual(3, number)
        found, number = self.of(lambda: self.project.ids(SESSIONS, [{'session_id': 's400'}]))
        self.assertEqual((['s400'], 2), (found, number))

    def test_all_are_listed_and_settled_in_bulk(self):
        listed = functools.partial(self.project.page, SESSIONS, limit=1000)
        page, number = self.of(listed)
        self.assertEqual({'completed'}, {one.body['status'] for one in page.documents})
        self.assertEqual(LAPSED + 1, len(page.documents))
        self.assertLessEqual(number, 20)
        for _ in range(LAPSED // 100):
            listed()
        again, least = self.of(listed)
        self.assertEqual(page.documents, again.documents)
        self.assertLess(least, number)

    def test_those_that_have_lapsed_are_not_found_as_running(self):
        for offset in (0, 3):
            found, number = self.of(
                lambda offset=offset: self.project.ids(
                    SESSIONS, [{'status': 'running'}], offset=offset
                )
            )
            self.assertEqual([], found)
            self.assertLessEqual(number, 20)
        page, number = self.of(
            lambda: self.project.ids(SESSIONS, [{'status': 'completed'}], offset=400, limit=9)
        )
        self.assertEqual([f's{number:03}' for number in range(399, 408)], page)
        self.assertLessEqual(number, 20)


@stores.on_stores(*stores.ONE_OF_EACH)
class Bounds(_Counting):
    """How large requests get."""

    def test_session_with_large_members_is_deleted_by_small_requests(self):
        size, number = 40_000, 16
        bound, lines.BYTES = lines.BYTES, 4 * size
        self.addCleanup(setattr, lines, 'BYTES', bound)
        session = self.project.new_session()
        for _ in range(number):
            job = self.project.new_job(session_id=session)
            self.project.change_job(job, lambda job: {**job, 'description': 'x' * size})
        self.requests.clear()
        self.project.delete_session(session)
        written = [len(client.lines(request.body)) for request in self.requests if request.writes]
        # A document with a lock is twice as large.
        self.assertLess(max(written), 6 * size)
        self.assertGreater(sum(written), 2 * size * number)
        self.assertEqual([], self.project.ids(JOBS, [{'session_id': session}]))

    def test_large_answers_are_read_bit_by_bit(self):
        documents = self.one.transactions.committer.store
        self.assertEqual(self.one.bounds.page // self.one.bounds.document, 128)
        keys = [(JOBS, f'p/{number}') for number in range(300)]
        _, number = self.of(lambda: documents.get_all(keys))
        self.assertEqual(3, number)

    def test_backups_of_a_run_of_many_jobs_are_found(self):
        jobs = {
            f'job{number}': {'time_started': 10, 'time_ended': 20, 'status': 'completed'}
            for number in range(700)
        }
        record = session_state.Record(1, 'completed', 'success', 10, 20, jobs)
        self.assertEqual((), self.one.run_backups(self.project.scope, 's', record))

    def test_write_that_finds_no_room_is_sent_again_alone(self):
        """The cluster refuses one of two parts, twice; a job is attached all the same."""
        session, job = self.project.new_session(), self.project.new_job()
        other = self.project.new_session()
        self.project.attach(session, job)
        sent = []

        def refuse(request):
            if not request.writes:
                return request()
            sent.append(len(request.body) // 2)
            if len(sent) == 1:
                # All but the last one are done.
                status, answer = request.send(request.body[:-2])
                return status, {**answer, 'items': [*answer['items'], rejected(request)]}
            if len(sent) == 2:
                return 200, {'items': [rejected(request)]}
            return request()

        def rejected(request):
            (where,) = request.body[-2].values()
            error = {'type': 'es_rejected_execution_exception'}
            return {'index': {'_index': where['_index'], 'status': 429, 'error': error}}

        interception.intercept(self.one, refuse)
        self.project.attach(other, job)
        self.assertEqual([2, 1, 1, 1, 2], sent)
        self.assertEqual(other, self.project.job(job)['session_id'])

    def test_operation_that_fails_leaves_those_done_with_it_alone(self):
        key = codec.key(CLIENTS, self.project.project_id, 'c')
        body = bodies.client_body('c', self.project.project_id)
        value = codec.made(Document(CLIENTS, self.project.project_id, 'c', 1, 1, body))

        def fail(attempt):
            raise ZeroDivisionError

        def too_large(attempt):
            attempt.put(dataclasses.replace(value, id='x' * 600))

        steps = [fail, too_large, lambda attempt: attempt.put(value), fail]
        batch = [transactions._Waiting(step) for step in steps]
        done = self.one.transactions._commit_together(key, batch)
        self.assertIsInstance(done[0].error, ZeroDivisionError)
        self.assertIsInstance(done[1].error, store.InvalidRequest)
        self.assertIsNone(done[2].error)
        self.assertEqual(body, self.project.get(CLIENTS, 'c').body)
