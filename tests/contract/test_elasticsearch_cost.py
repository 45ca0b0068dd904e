"""How many requests the Elasticsearch driver's operations take, whatever there is, and how much
these bring back.
"""

import functools
import threading
import time

from freezer_api import db, exceptions
from freezer_api.db.base import Entry, Store
from freezer_api.db.elasticsearch import driver
from freezer_api.db.elasticsearch.search import finding, known, terms
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS, Document
from freezer_api.tests.contract import base, bodies, parallel
from tests.contract import costs, interception, stores


class Recorder:
    """The requests that a driver sends, and the documents that their answers have."""

    def __init__(self, storage: driver.Driver):
        self.requests: list[str] = []
        self.documents = 0
        interception.intercept(storage, self._record)

    def _record(self, request: interception.Request) -> interception.Answer:
        status, answer = request()
        self.requests.append(f'{request.method} {request.path.rpartition("/")[2]}')
        got, found = answer.get('docs', ()), answer.get('hits', {}).get('hits', ())
        self.documents += len(got) + len(found)
        return status, answer

    def of(self, call):
        """Those that a call sends, and the documents that it is answered."""
        self.requests.clear()
        self.documents = 0
        call()
        return list(self.requests), self.documents


class Counting:
    """A driver of the test's own with a recorder on it."""

    waits = 'refresh'

    def setUp(self):
        super().setUp()
        self.one = db.load(base.configured(self.with_options(read_your_writes=self.waits)))
        self.addCleanup(self.one.close)
        self.one.sync()
        self.one.clock = self.clock
        self.recorder = Recorder(self.one)
        self.project = self.in_project(self.project.project_id, self.one)
        self.session = self.project.new_session(hold_off=60)
        self.jobs = [self.project.new_job() for _ in range(8)]
        for job in self.jobs:
            self.project.attach(self.session, job)

    def count(self, call):
        """How many requests a call sends."""
        return len(self.recorder.of(call)[0])


@stores.on_stores(*stores.CLUSTERS)
class Requests(costs.Settling, Counting):
    """Each operation takes a number of requests that doesn't depend on how much there is."""

    def test_one_document(self):
        self.project.put_client('c')
        self.project.put_action('a')
        for kind, id in (
            (JOBS, self.jobs[0]),
            (SESSIONS, self.session),
            (CLIENTS, 'c'),
            (ACTIONS, 'a'),
        ):
            self.assertEqual(
                (['POST _mget'], 1),
                self.recorder.of(lambda kind=kind, id=id: self.project.get(kind, id)),
            )

    def test_pages(self):
        for kind, marker in ((JOBS, self.jobs[3]), (SESSIONS, None)):
            for match in ((), [{'user_id': 'user'}], [{'_all': 'use'}]):
                for offset in (0, 2):
                    read = functools.partial(self.project.page, kind, match, limit=3, offset=offset)
                    self.assertEqual(['POST _refresh', 'POST _search'], self.recorder.of(read)[0])
            requests, _ = self.recorder.of(
                lambda kind=kind, marker=marker: self.project.page(kind, marker=marker, limit=3)
            )
            self.assertEqual(2 if marker is None else 3, len(requests))

    def test_a_page_brings_back_no_more_than_it_shows_and_some_spare(self):
        for number in range(2 * finding.SPARE):
            self.project.put_client(f'c{number}', even=number % 2 == 0)
        for match, offset in (((), 0), ([{'even': True}], 0), ((), 9)):
            read = functools.partial(self.project.page, CLIENTS, match, limit=2, offset=offset)
            _, documents = self.recorder.of(read)
            self.assertLessEqual(documents, 2 + 1 + finding.SPARE)

    def test_writing_one_document(self):
        for write, expected in (
            (lambda: self.project.put_client('c'), 3),
            (lambda: self.project.put_client('c', zone='a'), 2),
            # What is so already is proved, as a change would: what was read may not be true.
            (lambda: self.project.put_client('c', zone='a'), 2),
            (lambda: self.project.write(CLIENTS, 'c', None), 3),
            (lambda: self.project.write(CLIENTS, 'c', None), 3),
            (lambda: self.project.new_session('z'), 3),
            (lambda: self.project.put_session('z', description='a'), 2),
            (
                lambda: self.project.change_job(
                    self.jobs[0], lambda job: {**job, 'description': 'new'}
                ),
                2,
            ),
        ):
            self.assertEqual(expected, self.count(write))

    def test_starting_and_ending_whatever_the_number_of_runs(self):
        counts = [self._run(tag) for tag in range(6)]
        self.assertEqual([(4, 4, 2)] * 4, counts[2:])

    def test_attaching_and_detaching_whatever_the_number_of_members(self):
        other, job = self.project.new_session(), self.project.new_job()
        for session in (other, self.session):
            self.assertEqual(
                [4, 4],
                [
                    self.count(lambda act=act, session=session: act(session, job))
                    for act in (self.project.attach, self.project.detach)
                ],
            )

    def test_two_processes_that_take_turns(self):
        """What one has committed, the other one carries on; some time it has to prove that it is
        applied.
        """
        storage = db.load(base.configured(self.options))
        self.addCleanup(storage.close)
        storage.clock = self.clock
        recorder = Recorder(storage)
        other = self.in_project(self.project.project_id, storage)
        mine, theirs = self.project.new_job(), self.project.new_job()
        counts = []
        for _ in range(8):
            counts.append(self.count(lambda: self.project.attach(self.session, mine)))
            counts.append(len(recorder.of(lambda: other.attach(self.session, theirs))[0]))
            counts.append(self.count(lambda: self.project.detach(self.session, mine)))
            counts.append(len(recorder.of(lambda: other.detach(self.session, theirs))[0]))
        self.assertEqual(4, min(counts))
        self.assertLessEqual(max(counts), 12, counts)
        self.assertLessEqual(sum(counts) / len(counts), 5.5, counts)

    def test_first_operations_of_a_process(self):
        """Nothing is known yet of the transactions of others, nor of the indices."""
        storage = db.load(base.configured(self.options))
        self.addCleanup(storage.close)
        storage.clock = self.clock
        recorder = Recorder(storage)
        fresh = self.in_project(self.project.project_id, storage)
        self._run(0)
        self.clock.advance(61)
        self.project.session(self.session)
        first, second = self.jobs[:2]
        counts = [
            len(recorder.of(lambda act=act: act(self.session))[0])
            for act in (
                lambda session: fresh.start(session, first, 1),
                lambda session: fresh.start(session, second, 1),
                lambda session: fresh.end(session, first, 2),
            )
        ]
        self.assertEqual([5, 4, 2], counts)

    def test_jobs_that_are_given_one_action_take_turns(self):
        """Without turns they would be in each other's way, four times as many requests and more."""
        self.project.put_action('a')

        def give(number):
            for turn in range(4):
                id = f'{number}-{turn}'
                body = bodies.job_body(
                    id,
                    self.project.project_id,
                    job_actions=[bodies.entry('a', {'action': 'backup'})],
                )
                self.one.write_job(self.project.scope, id, lambda *_, body=body: Store(body), ['a'])

        self.assertLessEqual(self.count(lambda: parallel.threads(8, give)) / 32, 9)

    def test_jobs_that_are_given_one_trust_take_turns(self):
        self.project.put_trust('t')
        credentials = {'trust_id': 't', 'trustor_user_id': 'user'}

        def give(number):
            for turn in range(4):
                self.project.new_job(f'{number}-{turn}', user_credentials=credentials)

        self.assertLessEqual(self.count(lambda: parallel.threads(8, give)) / 32, 15)

    def test_a_schedule_for_all_members(self):
        self.assertEqual(
            5,
            self.count(
                lambda: self.project.patch_session(self.session, schedule={'schedule_day': '1'})
            ),
        )
        self.assertEqual(
            {'1'}, {self.project.job(job)['job_schedule']['schedule_day'] for job in self.jobs}
        )

    def _run(self, tag):
        self.clock.advance(61)
        self.project.session(self.session)
        first, second = self.jobs[:2]
        return (
            self.count(lambda: self.project.start(self.session, first, tag)),
            self.count(lambda: self.project.start(self.session, second, tag)),
            self.count(lambda: self.project.end(self.session, first, tag + 1)),
        )


@stores.on_stores(*stores.ONE_OF_EACH)
class WorkedOutOnce(Counting):
    """The fields by which a document is found are worked out once for each change of it, however
    often it is written: with a lock, without it, or as it is.
    """

    def worked_out(self, call):
        """The kinds of the documents whose fields a call works out, each time."""
        kinds = []
        original = terms.fields

        def count(kind, *rest):
            kinds.append(kind)
            return original(kind, *rest)

        terms.fields = count
        try:
            call()
        finally:
            terms.fields = original
        return sorted(kinds)

    def test_document_that_is_created_or_changed(self):
        for write in (
            lambda: self.project.put_client('c'),
            lambda: self.project.put_client('c', zone='a'),
        ):
            self.assertEqual([CLIENTS], self.worked_out(write))
        self.assertEqual([], self.worked_out(lambda: self.project.write(CLIENTS, 'c', None)))

    def test_transaction_of_several_documents(self):
        job, other = self.project.new_job(), self.project.new_session()
        for write, expected in (
            (lambda: self.project.attach(self.session, job), [JOBS, SESSIONS]),
            (lambda: self.project.detach(self.session, job), [JOBS, SESSIONS]),
            (lambda: self.project.start(self.session, self.jobs[0], 0), [JOBS, SESSIONS]),
            (lambda: self.project.end(self.session, self.jobs[0], 1), [SESSIONS]),
            (lambda: self.project.attach(other, self.jobs[1]), [JOBS, SESSIONS, SESSIONS]),
            (
                lambda: self.project.patch_session(other, schedule={'schedule_day': '1'}),
                [JOBS, SESSIONS],
            ),
        ):
            self.assertEqual(expected, self.worked_out(write))

    def test_reading(self):
        for read in (
            lambda: self.project.job(self.jobs[0]),
            lambda: self.project.ids(JOBS, [{'user_id': 'user'}]),
        ):
            self.assertEqual([], self.worked_out(read))

    def test_document_that_is_only_relied_on(self):
        """An action is a part of what creates a job with it, and stays as it is."""
        self.project.put_action('a')
        self.assertEqual([JOBS], self.worked_out(lambda: self.project.new_job(actions=['a'])))

    def test_document_that_another_process_has_changed(self):
        """What it was is worked out as well, once, for this process didn't."""
        job = self.project.new_job()
        self.one.transactions.committer.store._fields = known.KnownFields()
        self.assertEqual(
            [JOBS, JOBS, SESSIONS],
            self.worked_out(lambda: self.project.attach(self.session, job)),
        )


@stores.on_stores(*stores.ONE_OF_EACH)
class SharedRefreshes(Counting):
    """Searches that wait share the next refresh, for the present one may have begun before what
    they have to see.
    """

    def test_search_sees_what_was_written_while_a_refresh_was_going_on(self):
        held, is_done, found = threading.Event(), threading.Event(), []

        def hold(request):
            answer = request()
            if request.path.endswith('_refresh') and not is_done.is_set():
                is_done.set()
                held.wait(60)
            return answer

        interception.intercept(self.one, hold)
        first = threading.Thread(target=self.project.ids, args=(CLIENTS,))
        first.start()
        self.assertTrue(is_done.wait(60))
        self.project.put_client('c')
        second = threading.Thread(target=lambda: found.extend(self.project.ids(CLIENTS)))
        second.start()
        deadline = time.monotonic() + 60
        while CLIENTS not in self.one.finder.refreshes.waited_for():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)
        held.set()
        first.join()
        second.join()
        self.assertEqual(['c'], found)

    def test_search_of_a_copy_that_was_not_refreshed_is_unavailable(self):
        """The primary shard doesn't reach a copy: it could lack what was acknowledged."""
        failure = {'shard': 0, 'status': 500, 'reason': {'type': 'node_not_connected_exception'}}

        def miss(request):
            status, answer = request()
            if request.path.endswith('_refresh'):
                answer['_shards'] |= {'failed': 1, 'failures': [failure]}
            return status, answer

        interception.intercept(self.one, miss)
        self.assertRaises(exceptions.StorageUnavailable, self.project.ids, CLIENTS)

    def test_threads_that_search_at_once_need_fewer_refreshes(self):
        refreshes = []

        def count(request):
            if request.path.endswith('_refresh'):
                refreshes.append(request.path)
            return request()

        interception.intercept(self.one, count)

        def describe(number, text):
            self.project.change_job(self.jobs[number], lambda job: {**job, 'description': text})

        def poll(number):
            for turn in range(8):
                describe(number, str(turn))
                self.assertEqual(8, len(self.project.ids(JOBS, limit=8)))

        parallel.threads(8, poll)
        self.assertLess(len(refreshes), 64)


@stores.on_stores(*stores.ONE_OF_EACH)
class RequestsWithoutRefresh(Counting):
    """Where writes wait, a page is one request."""

    waits = 'wait_for'

    def test_pages(self):
        for match in ((), [{'user_id': 'user'}]):
            requests, _ = self.recorder.of(
                lambda match=match: self.project.page(JOBS, match, limit=3)
            )
            self.assertEqual(['POST _search'], requests)
        self.project.put_client('c')
        self.assertEqual(['c'], self.project.ids(CLIENTS))


@stores.on_stores(*stores.ONE_OF_EACH)
class DeepPages(Counting):
    """Far behind what a search of Elasticsearch reaches by default, 10,000 documents."""

    def test_by_offset_and_by_marker(self):
        project, many = self.project.project_id, 10_020
        ids = [f'c{number:05}' for number in range(many)]
        bodies = {
            id: {'project_id': project, 'user_id': 'user', 'client': {'client_id': id}}
            for id in ids
        }
        for first in range(0, many, 2000):
            self.one.restore(
                [
                    Entry(CLIENTS, project, id, Document(CLIENTS, project, id, 1, 1, bodies[id]))
                    for id in ids[first : first + 2000]
                ]
            )
        for offset in (0, 9_999, 10_000, 10_015, many - 1, many):
            read = []
            _, documents = self.recorder.of(
                lambda offset=offset, read=read: read.extend(
                    self.project.ids(CLIENTS, limit=5, offset=offset)
                )
            )
            self.assertEqual(ids[offset : offset + 5], read)
            self.assertLessEqual(documents, 5 + 1 + finding.SPARE)
        for at in (0, 9_998, 10_015):
            self.assertEqual(
                ids[at + 1 : at + 6], self.project.ids(CLIENTS, limit=5, marker=ids[at])
            )
        self.assertEqual(ids[-1:], self.project.ids(CLIENTS, [{'client_id': ids[-1]}], limit=5))
