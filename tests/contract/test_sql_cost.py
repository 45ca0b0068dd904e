"""What the SQL driver asks of its databases: how many statements, and how many rows these read."""

import collections.abc
import typing
import uuid

import sqlalchemy

from freezer_api.db.base import Scope
from freezer_api.db.sqlalchemy import driver, queries, rows, session_rows
from freezer_api.domain import search, sessions
from freezer_api.domain.documents import ACTIONS, CLIENTS, JOBS, SESSIONS
from tests.contract import actors, base

Call = collections.abc.Callable[[], typing.Any]
#: Documents of a kind in the two projects whose cost is compared.
SMALL, LARGE = 300, 3000
#: Of them, those that a rare value finds.
RARE = 20
#: Searches whose cost may not depend on how many documents don't match. Every document has the user, the rare ones the
#: description, half of them the hold-off, or the client, who has all but the rare ones completed.
SEARCHES: dict[str, typing.Any] = {
    'a list': None,
    'a rare value': {'match': [{'description': 'rare'}]},
    'a common and a rare value': {'match': [{'user_id': 'user'}, {'description': 'rare'}]},
    'many common values and a rare one': {'match': [
        {'user_id': 'user'}, {'result': ''}, {'session_tag': 0}, {'event': ''}, {'description': 'rare'}]},
    'all but a common value': {'match': [{'user_id': 'user'}], 'match_not': [{'description': 'rare'}]},
    'no value but an excluded one': {'match_not': [{'description': 'rare'}]},
}
POLL: typing.Any = {'match': [{'client_id': 'busy'}], 'match_not': [{'status': 'completed'}]}


class Recorder:
    """The statements that a driver executes; beginning a transaction isn't one."""

    def __init__(self, storage: driver.Driver):
        self.statements: list[tuple[str, typing.Any]] = []
        for engine in (storage.database.engines.reader, storage.database.engines.writer):
            sqlalchemy.event.listen(engine, 'before_cursor_execute', self._record)

    def of(self, call: Call) -> list[tuple[str, typing.Any]]:
        """Those that a call executes."""
        self.statements.clear()
        call()
        return list(self.statements)

    def _record(self, connection, cursor, statement, parameters, context, many):
        if not statement.startswith('BEGIN'):
            self.statements.append((statement, parameters))


class Cost:
    """A store with one connection each for reading and writing, and a recorder on them."""

    storage: typing.Any
    options: typing.Any
    actor: actors.Actor
    clock: base.Clock
    addCleanup: typing.Any

    def setUp(self):
        super().setUp()
        storage = driver.Driver(base.configured({**self.options, 'database': {
            **self.options['database'], 'max_pool_size': 1, 'max_overflow': 0}}), self.clock)
        self.addCleanup(storage.close)
        storage.check()
        self.one: driver.Driver = storage
        self.recorder = Recorder(storage)

    def count(self, call: Call) -> int:
        """The statements that a call executes."""
        return len(self.recorder.of(call))


@base.on_every_database()
class Statements(Cost):
    """Each operation takes a number of statements that doesn't depend on how much there is."""

    def setUp(self):
        super().setUp()
        self.actor = self.actor_in(self.actor.project_id, self.one)
        self.session = self.actor.new_session(hold_off=60)
        self.jobs = [self.actor.new_job() for _ in range(12)]
        for job in self.jobs:
            self.actor.attach(self.session, job)

    def test_one_document(self):
        self.actor.put_client('c')
        self.actor.put_action('a')
        for kind, id in ((JOBS, self.jobs[0]), (SESSIONS, self.session), (CLIENTS, 'c'), (ACTIONS, 'a')):
            self.assertEqual(1, self.count(lambda kind=kind, id=id: self.actor.get(kind, id)), kind)
        seeing = Scope(self.actor.project_id, central=True)
        self.assertEqual(1, self.count(lambda: self.one.get(seeing, CLIENTS, 'c')))

    def test_a_session_that_is_settled(self):
        self.actor.start(self.session, self.jobs[0], 0)
        self.actor.end(self.session, self.jobs[0], 1)
        self.clock.advance(61)
        self.assertEqual(4, self.count(lambda: self.assertEqual('completed', self.actor.session(self.session)['status'])))
        self.assertEqual(1, self.count(lambda: self.actor.session(self.session)))

    def test_pages(self):
        for kind, marker in ((JOBS, self.jobs[3]), (SESSIONS, self.session)):
            for asked in (None, {'match': [{'user_id': 'user'}, {'description': ''}], 'match_not': [{'hold_off': 1}]}):
                query = search.parse(asked, marker=marker, limit=10)
                self.assertLessEqual(self.count(lambda kind=kind, query=query: self.one.find(self.actor.scope, kind, query)), 3)

    def test_starting_and_ending_whatever_the_number_of_runs(self):
        counts = [self._run(tag) for tag in range(8)]
        self.assertEqual(counts[2], counts[7])
        self.assertLessEqual(max(max(count) for count in counts), 12)

    def test_attaching_and_detaching_whatever_the_number_of_members(self):
        other, job = self.actor.new_session(), self.actor.new_job()
        self.actor.new_job(session_id=other)
        few, many = self._in_and_out(other, job), self._in_and_out(self.session, job)
        self.assertEqual(few, many)
        self.assertLessEqual(max(few), 10)

    def test_a_report(self):
        def report():
            self.actor.change_job(self.jobs[0], lambda job: {**job, 'job_schedule': {**job['job_schedule'], 'status': 'running'}})

        self.assertLessEqual(self.count(report), 4)

    def _in_and_out(self, session: str, job: str) -> tuple[int, int]:
        return self.count(lambda: self.actor.attach(session, job)), self.count(lambda: self.actor.detach(session, job))

    def _run(self, tag: int) -> tuple[int, ...]:
        self.clock.advance(61)
        self.actor.session(self.session)
        first, second = self.jobs[:2]
        opened = self.count(lambda: self.actor.start(self.session, first, tag))
        joined = self.count(lambda: self.actor.start(self.session, second, tag))
        ended = self.count(lambda: self.actor.end(self.session, first, tag + 1))
        return opened, joined, ended


@base.on_every_database()
class Reading(Cost):
    """No list, search, marker or poll reads more where there is more that it doesn't return."""

    projects: dict[int, str]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.projects = {size: uuid.uuid4().hex for size in (SMALL, LARGE)}
        for size, project in cls.projects.items():
            cls.storage.database.write(lambda connection, size=size, project=project: fill(connection, project, size))
        analyze(cls.storage)

    def test_lists_and_searches(self):
        for kind in (JOBS, SESSIONS):
            for name, asked in SEARCHES.items():
                for descending in (False, True):
                    with self.subTest(kind=kind, search=name, descending=descending):
                        self._same_cost(kind, lambda size, asked=asked, descending=descending: search.parse(
                            asked, limit=10, descending=descending))

    def test_behind_a_marker(self):
        for kind in (JOBS, SESSIONS):
            for name, asked in SEARCHES.items():
                with self.subTest(kind=kind, search=name):
                    self._same_cost(kind, lambda size, asked=asked: search.parse(asked, limit=10, marker=f'{size // 4}'))

    def test_the_poll_of_an_agent_with_many_completed_jobs(self):
        self._same_cost(JOBS, lambda size: search.parse(POLL, limit=10))

    def test_own_and_central_clients(self):
        for asked in (None, {'match': [{'hostname': 'rare'}]}):
            self._same_cost(CLIENTS, lambda size, asked=asked: search.parse(asked, limit=10))

    def test_an_offset_reads_what_it_skips(self):
        query, scope = search.parse(None, limit=10, offset=SMALL), Scope(self.projects[LARGE])
        self.assertLessEqual(self._cost(lambda: self.one.find(scope, JOBS, query)), self._least(2 * SMALL))

    def test_a_text_is_looked_for_in_its_project_alone(self):
        query, scope = search.parse({'match': [{'_all': 'nowhere'}]}), Scope(self.projects[SMALL])
        self.assertLessEqual(self._cost(lambda: self.one.find(scope, JOBS, query)), self._least(2 * SMALL))

    def test_one_document(self):
        for kind in (JOBS, SESSIONS):
            for size, project in self.projects.items():
                self.assertLessEqual(self._cost(lambda kind=kind, size=size, project=project: self.one.get(
                    Scope(project), kind, f'{size // 2}')), self._least(60), (kind, size))

    def test_no_table_is_scanned_by_a_write(self):
        actor = self.actor_in(self.projects[LARGE], self.one)
        session, job = actor.new_session(), actor.new_job(job_actions=[actors.entry('a', {})])
        actor.put_action('a')

        def everything():
            actor.attach(session, job)
            for tag in range(3):
                actor.start(session, job, tag)
                actor.end(session, job, tag + 1)
                self.clock.advance(31)
            actor.put_action('a', mode='fs')
            actor.detach(session, job)
            actor.delete_job(job)
            actor.delete_session(session)

        for statement, parameters in self.recorder.of(everything):
            if not statement.startswith('INSERT'):
                self.assertEqual([], scans(self.one, statement, parameters), statement)

    def _same_cost(self, kind: str, query: collections.abc.Callable[[int], search.Query]) -> None:
        """The large project's page costs what the small one's does, and not much."""
        costs = {}
        for size, project in self.projects.items():
            scope = Scope(project, central=kind == CLIENTS)
            page = self.one.find(scope, kind, query(size))
            self.assertEqual(10, len(page.documents))
            costs[size] = self._cost(lambda scope=scope, size=size: self.one.find(scope, kind, query(size)))
        self.assertLessEqual(costs[LARGE], 1.3 * costs[SMALL] + self._least(10), costs)
        probed = queries.PROBE * len(query(LARGE).pairs)
        self.assertLessEqual(costs[LARGE], self._least(250 + probed), costs)

    def _cost(self, call: Call) -> int:
        return COSTS[self.one.database.dialect](self.one, self.recorder, call)

    def _least(self, number: int) -> int:
        """A bound of so many rows; SQLite tells steps of its machine instead, some twenty for each row."""
        return 20 * number if self.one.database.dialect == 'sqlite' else number


def fill(connection: sqlalchemy.Connection, project: str, size: int) -> None:
    """A project with jobs, sessions and clients whose ids are the numbers below ``size``."""
    step = size // RARE
    for number in range(size):
        id, rare = str(number), 'rare' if number % step == 0 else ''
        status = '' if rare else 'completed'
        job = actors.job_body(id, project, 'busy', description=rare, schedule={'status': status})
        rows.create(connection, JOBS, project, id, job, number)
        session = sessions.create(project, id, 'user', {'schedule': {'event': ''}, 'description': rare}, number)
        session_rows.create(connection, session, number)
        central = number % 2 == 0
        id = f'{project}-{id}' if central else id
        rows.create(connection, CLIENTS, project, id, actors.client_body(id, project, central, hostname=rare), number)


def analyze(storage: driver.Driver) -> None:
    """Let the planner know what there is, as it does after a while."""
    if storage.database.dialect == 'postgresql':
        with storage.database.engines.reader.connect() as connection:
            connection.exec_driver_sql('ANALYZE')


def handler_reads(storage: driver.Driver, recorder: Recorder, call: Call) -> int:
    """The rows that MariaDB reads for a call, by the counters of the connection."""
    def counters() -> int:
        with storage.database.engines.reader.connect() as connection:
            found = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler\\_read\\_%%'").all()
        return sum(int(count) for name, count in found if name not in ('Handler_read_retry',))

    before = counters()
    nothing = counters() - before
    before = counters()
    call()
    return counters() - before - nothing


def explained_reads(storage: driver.Driver, recorder: Recorder, call: Call) -> int:
    """The rows that PostgreSQL reads for the statements of a call, by explaining them."""
    total = 0
    with storage.database.engines.writer.connect() as connection:
        for statement, parameters in recorder.of(call):
            plan = connection.exec_driver_sql(f'EXPLAIN (ANALYZE, FORMAT JSON) {statement}', parameters).scalar()
            total += sum(node['Actual Loops'] * sum(node.get(count, 0) for count in (
                'Actual Rows', 'Rows Removed by Filter', 'Rows Removed by Index Recheck'))
                for node in nodes(plan[0]['Plan']) if 'Relation Name' in node)
        connection.rollback()
    return int(total)


def machine_steps(storage: driver.Driver, recorder: Recorder, call: Call) -> int:
    """The steps of SQLite's machine for a call."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    def watch(handler: typing.Any) -> None:
        with storage.database.engines.reader.connect() as connection:
            connection.connection.driver_connection.set_progress_handler(handler, 1)

    watch(step)
    call()
    watch(None)
    return steps[0]


def nodes(plan: typing.Any) -> collections.abc.Iterator[typing.Any]:
    """The nodes of a plan of PostgreSQL."""
    yield plan
    for child in plan.get('Plans', ()):
        yield from nodes(child)


def scans(storage: driver.Driver, statement: str, parameters: typing.Any) -> list[str]:
    """The tables that a statement would read from one end to the other, for want of an index."""
    parameters = parameters[0] if isinstance(parameters, list) else parameters
    with storage.database.engines.writer.connect() as connection, connection.begin():
        if storage.database.dialect == 'sqlite':
            plan = connection.exec_driver_sql(f'EXPLAIN QUERY PLAN {statement}', parameters)
            return [row[3] for row in plan if row[3].startswith('SCAN freezer_')]
        if storage.database.dialect == 'postgresql':
            connection.exec_driver_sql('SET LOCAL enable_seqscan = off')
            plan = connection.exec_driver_sql(f'EXPLAIN (FORMAT JSON) {statement}', parameters).scalar()
            return [node['Relation Name'] for node in nodes(plan[0]['Plan']) if node['Node Type'] == 'Seq Scan']
        plan = connection.exec_driver_sql(f'EXPLAIN {statement}', parameters).mappings()
        return [row['table'] for row in plan if row['type'] in ('ALL', 'index') and str(row['table']).startswith('freezer_')]


COSTS = {'mysql': handler_reads, 'postgresql': explained_reads, 'sqlite': machine_steps}
