"""How many statements the SQL driver's operations take, whatever there is."""

import dataclasses
import functools
import json

import webob

from freezer_api import app
from freezer_api.db.base import Scope, Store
from freezer_api.domain import search
from freezer_api.domain.documents import ACTIONS, ANYTHING, CLIENTS, JOBS, SESSIONS
from freezer_api.services import common, session_reports, sessions
from freezer_api.tests.contract import bodies
from tests.contract import costs, stores
from tests.functional.base import Identity, send


@stores.on_stores(*stores.SQL_STORES)
class Statements(costs.Settling, costs.Cost):
    """Each operation takes a number of statements that doesn't depend on how much there is."""

    alone = True
    #: What is only shown is read without what it takes to settle, so that is read then.
    settling = 5

    def setUp(self):
        super().setUp()
        self.project = self.in_project(self.project.project_id, self.one)
        self.session = self.project.new_session(hold_off=60)
        self.jobs = [self.project.new_job() for _ in range(12)]
        for job in self.jobs:
            self.project.attach(self.session, job)

    def test_one_document_takes_one_statement(self):
        self.project.put_client('c')
        self.project.put_action('a')
        for kind, id in (
            (JOBS, self.jobs[0]),
            (SESSIONS, self.session),
            (CLIENTS, 'c'),
            (ACTIONS, 'a'),
        ):
            self.assertEqual(
                1, self.count(lambda kind=kind, id=id: self.project.get(kind, id)), kind
            )
        seeing = Scope(self.project.project_id, central=True)
        self.assertEqual(1, self.count(lambda: self.one.get(seeing, CLIENTS, 'c')))

    def test_page_takes_a_bounded_number_of_statements(self):
        for kind, marker in ((JOBS, self.jobs[3]), (SESSIONS, self.session)):
            for asked in (
                None,
                {
                    'match': [{'user_id': 'user'}, {'description': ''}],
                    'match_not': [{'hold_off': 1}],
                },
            ):
                query = search.parse(asked, kind, marker=marker, limit=10)
                self.assertLessEqual(
                    self.count(
                        lambda kind=kind, query=query: self.one.find(
                            self.project.scope, kind, query
                        )
                    ),
                    3,
                )

    def test_page_settles_the_sessions_that_it_shows(self):
        """However many others have lapsed; a search settles all that it could find."""
        counts = []
        for number in (4, 16):
            project = self.in_project(bodies.new_id(), self.one)
            for _ in range(number):
                session = project.new_session(hold_off=60)
                first, _second = (project.new_job(session_id=session) for _ in range(2))
                project.start(session, first, 0)
                project.end(session, first, 1)
            self.clock.advance(61)
            shown = []
            counts.append(
                self.count(
                    lambda project=project, shown=shown: shown.extend(
                        project.page(SESSIONS, limit=3).documents
                    )
                )
            )
            self.assertEqual(['completed'] * 3, [document.body['status'] for document in shown])
            self.assertEqual(number, len(project.ids(SESSIONS, [{'status': 'completed'}])))
        self.assertEqual(counts[0], counts[1])

    def test_start_and_end_cost_the_same_after_many_runs(self):
        counts = [self._run(tag) for tag in range(8)]
        self.assertEqual(counts[2], counts[7])
        self.assertLessEqual(max(max(count) for count in counts), 12)

    def test_joining_a_run_reads_no_record(self):
        run = session_reports.Report('start', self.jobs[0], 0, '', ANYTHING)
        caller = common.Caller(self.project.project_id, 'user')
        session_reports.take(self.one, caller, self.session, run)
        joining = dataclasses.replace(run, job_id=self.jobs[1])
        statements = self.recorder.of(
            lambda: session_reports.take(self.one, caller, self.session, joining)
        )
        reads = [statement for statement, _values in statements if statement.startswith('SELECT')]
        # On SQLite and PostgreSQL as well: the session, which has its members, and the job.
        self.assertEqual(2, len(reads), reads)

    def test_locking_a_session_with_many_members_reads_their_rows(self):
        for number, rows_read in ((64, False), (210, True)):
            session = self.project.new_session()
            for _member in range(number):
                self.project.new_job(session_id=session)
            job = self.project.new_job()
            attach = functools.partial(self.project.attach, session, job)
            statements = self.recorder.of(attach)
            reads = [
                text
                for text, _values in statements
                if text.startswith('SELECT') and 'FROM freezer_session_members' in text
            ]
            self.assertEqual(rows_read, bool(reads), number)
            self.assertEqual(number + 1, len(self.project.session(session)['jobs']))

    def test_attach_and_detach_cost_the_same_among_many_members(self):
        other, job = self.project.new_session(), self.project.new_job()
        self.project.new_job(session_id=other)
        few, many = self._in_and_out(other, job), self._in_and_out(self.session, job)
        self.assertEqual(few, many)
        self.assertLessEqual(max(few), 10)

    def test_following_jobs_take_a_statement_for_many(self):
        """All get another schedule, and with it other terms and texts."""
        session = self.project.new_session(schedule={'schedule_interval': '1 days'})
        jobs = [self.project.new_job(session_id=session) for _number in range(34)]
        schedule = {'schedule_interval': '2 days'}
        statements = self.recorder.of(
            lambda: self.project.patch_session(session, schedule=schedule)
        )
        written = [text for text, _values in statements if text.startswith('UPDATE freezer_jobs')]
        # One for 32 jobs.
        self.assertEqual(2, len(written))
        replaced = [text for text, _values in statements if text.startswith('UPDATE freezer_pairs')]
        # As many for the terms that all lose and get alike, and one of the session.
        self.assertEqual(3, len(replaced))
        bodies_of_jobs = [self.project.job(job) for job in jobs]
        intervals = [body['job_schedule']['schedule_interval'] for body in bodies_of_jobs]
        self.assertEqual(['2 days'] * 34, intervals)
        found = self.project.ids(JOBS, [{'schedule_interval': '2 days'}])
        self.assertEqual(set(jobs), set(found))
        self.assertEqual([], self.project.ids(JOBS, [{'schedule_interval': '1 days'}]))

    def test_large_jobs_take_a_statement_each(self):
        session = self.project.new_session()
        jobs = [
            self.project.new_job(session_id=session, description=letter * 600_000)
            for letter in 'abc'
        ]
        statements = self.recorder.of(
            lambda: self.project.patch_session(session, schedule={'schedule_interval': '2 days'})
        )
        written = [text for text, _values in statements if text.startswith('UPDATE freezer_jobs')]
        self.assertEqual(3, len(written))
        for job, letter in zip(jobs, 'abc', strict=True):
            body = self.project.job(job)
            self.assertEqual('2 days', body['job_schedule']['schedule_interval'])
            self.assertEqual(letter * 600_000, body['description'])

    def test_new_session_is_not_looked_for(self):
        caller = common.Caller(self.project.project_id, 'user')
        statements = self.recorder.of(lambda: sessions.create(self.one, caller, {'schedule': {}}))
        self.assertEqual(['INSERT'] * 3, [text.split()[0] for text, _parameters in statements])

    def test_report_takes_at_most_four_statements(self):
        for told in (
            {'status': 'running', 'time_started': 5, 'current_pid': 7},
            {'event': 'stop'},
            {'status': 'completed', 'result': 'success', 'time_ended': 9, 'event': ''},
            {'status': '', 'result': ''},
        ):
            self.assertLessEqual(self.count(lambda told=told: self._report(told)), 4, told)

    def test_new_action_and_trust_take_one_statement_more(self):
        """One statement more where that has to be written; none for what the job has already."""
        writes = self.one.database.dialect == 'mysql'
        self.project.put_action('a', action='info')
        self.project.put_trust('t')
        taken = {
            'job_actions': [bodies.entry('a', {'action': 'info'})],
            'user_credentials': {'trust_id': 't', 'trustor_user_id': 'user'},
        }

        def write(**changes):
            body = bodies.job_body('j', self.project.project_id, **taken, **changes)
            self.one.write_job(self.project.scope, 'j', lambda *state: Store(body), ('a',))

        self.assertEqual(6 + writes, self.count(write))
        self.assertEqual(5, self.count(lambda: write(description='other')))

    def _report(self, told):
        self.project.change_job(
            self.jobs[0], lambda job: {**job, 'job_schedule': {**job['job_schedule'], **told}}
        )

    def _in_and_out(self, session: str, job: str) -> tuple[int, int]:
        return self.count(lambda: self.project.attach(session, job)), self.count(
            lambda: self.project.detach(session, job)
        )

    def _run(self, tag: int) -> tuple[int, ...]:
        self.clock.advance(61)
        self.project.session(self.session)
        first, second = self.jobs[:2]
        opened = self.count(lambda: self.project.start(self.session, first, tag))
        joined = self.count(lambda: self.project.start(self.session, second, tag))
        ended = self.count(lambda: self.project.end(self.session, first, tag + 1))
        return opened, joined, ended


@stores.on_stores(*stores.SQL_STORES)
class Polls(costs.Cost):
    """The polls of schedulers, as requests to the application: pages of ten jobs until a short
    one.
    """

    alone = True

    JOBS_OF_CLIENT = 120
    SEARCH = {'match_not': [{'status': 'completed'}], 'match': [{'client_id': 'alpha_node-1'}]}

    def setUp(self):
        super().setUp()
        self.app = app.build(self.conf, self.one, authenticate=Identity)
        self.project = self.in_project(self.project.project_id, self.one)
        self.expected = []
        for number in range(self.JOBS_OF_CLIENT):
            self.expected.append(
                self.project.new_job(
                    client_id='alpha_node-1', schedule={'status': 'running' if number % 3 else ''}
                )
            )
            if number % 4 == 0:
                self.project.new_job(client_id='alpha_node-1', schedule={'status': 'completed'})
                self.project.new_job(client_id='alpha_node-2')

    def _poll(self, all_projects):
        """The jobs of a poll, and the statements that each of its pages took."""
        found, counts = [], []
        while True:
            path = (
                f'/v2/{self.project.project_id}/jobs/?limit=10&offset={len(found)}'
                f'&all_projects={all_projects}'
            )
            request = webob.Request.blank(
                path,
                headers={'X-Auth-Token': f'admin@{self.project.project_id}'},
                body=json.dumps(self.SEARCH).encode(),
            )
            request.method = 'GET'
            answers = []
            counts.append(
                self.count(
                    lambda request=request, answers=answers: answers.append(
                        send(self.app, request.environ)
                    )
                )
            )
            self.assertEqual(200, answers[0].code, answers[0].raw)
            page = [job['job_id'] for job in answers[0].json['jobs']]
            found += page
            if len(page) < 10:
                return found, counts

    def test_each_page_of_a_poll_takes_one_statement(self):
        """Both have their jobs on thirteen pages, by one statement each."""
        for all_projects in (False, True):
            found, counts = self._poll(all_projects)
            self.assertEqual(self.expected, found)
            self.assertEqual([1] * 13, counts)


@stores.on_stores(stores.MariaDB)
class TablesOnDisk(costs.Cost):
    """MariaDB puts nothing on its disk but what is stored. A table on it for each execution, where
    texts that may be long are put together or sorted, takes several times what all the rest does.
    """

    alone = True

    def setUp(self):
        super().setUp()
        self.project = self.in_project(self.project.project_id, self.one)
        self.session = self.project.new_session(hold_off=60)
        self.jobs = [self.project.new_job(client_id='host') for _ in range(3)]
        for job in self.jobs:
            self.project.attach(self.session, job)

    def made(self, call) -> int:
        """How many tables on the disk a call has made the server make for itself."""

        def counted() -> int:
            total = 0
            for connections in (self.one.database.readers, self.one.database.writers):
                with connections.lend() as connection:
                    total += int(
                        connection.exec_driver_sql(
                            'SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS'
                            " WHERE VARIABLE_NAME = 'CREATED_TMP_DISK_TABLES'"
                        ).scalar_one()
                    )
                    connection.rollback()
            return total

        counted()
        before = counted()
        nothing = counted() - before
        before = counted()
        call()
        return counted() - before - nothing

    def found(self, kind, asked=None):
        return self.one.find(self.project.scope, kind, search.parse(asked, kind, limit=10))

    def test_reading_a_session_makes_none(self):
        self.assertEqual(0, self.made(lambda: self.project.get(SESSIONS, self.session)))

    def test_reading_a_running_session_makes_none(self):
        self.project.start(self.session, self.jobs[0], 0)
        self.assertEqual(0, self.made(lambda: self.project.get(SESSIONS, self.session)))

    def test_page_of_sessions_makes_none(self):
        self.assertEqual(0, self.made(lambda: self.found(SESSIONS)))
        searched = {'match': [{'hold_off': 60}, {'client_id': 'host'}]}
        self.assertEqual(0, self.made(lambda: self.found(SESSIONS, searched)))

    def test_poll_of_an_agent_makes_none(self):
        poll = {'match': [{'client_id': 'host'}], 'match_not': [{'status': 'completed'}]}
        self.assertEqual(0, self.made(lambda: self.found(JOBS, poll)))

    def test_start_and_end_make_none(self):
        start = self.made(lambda: self.project.start(self.session, self.jobs[0], 0))
        self.assertEqual(0, start)
        self.assertEqual(0, self.made(lambda: self.project.end(self.session, self.jobs[0], 1)))

    def test_attach_and_detach_make_none(self):
        job = self.project.new_job(client_id='host')
        self.assertEqual(0, self.made(lambda: self.project.attach(self.session, job)))
        self.assertEqual(0, self.made(lambda: self.project.detach(self.session, job)))

    def test_table_on_disk_is_noticed(self):
        # What the other tests count is there to be counted.
        def sort() -> None:
            with self.one.database.readers.lend() as connection:
                connection.exec_driver_sql(
                    'SELECT JSON_ARRAYAGG(client_id) FROM freezer_session_members'
                ).all()

        self.assertEqual(1, self.made(sort))
